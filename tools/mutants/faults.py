"""The lists of faults: read, and held against the program."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

FOLDER = Path(__file__).parent / "faults"


class ListError(Exception):
    """A list cannot be read, or no longer fits the program; a line for each fault that does not."""


@dataclass(frozen=True)
class Fault:
    """A change of the program that ought to be noticed.

    Attributes:
        place: where it stands in its list, ``film.txt:12``.
        path: the file that it changes, relative to the repository.
        find: the text that is replaced; it occurs once in the file.
        put: what takes its place.
        breaks: what a user would lose.
    """

    place: str
    path: str
    find: str
    put: str
    breaks: str

    @property
    def module(self) -> str:
        """Dotted name of the module that it changes."""
        return self.path.removesuffix(".py").removesuffix("/__init__").replace("/", ".")

    def planted(self, source: str) -> str:
        """Return the text of the file with the fault in it."""
        return source.replace(self.find, self.put)

    def line(self, source: str) -> int:
        """Return the line of the file in which it begins, from 1."""
        return source[: source.index(self.find)].count("\n") + 1

    def function(self, source: str) -> int | None:
        """Return the first line of the innermost function around it; None where it is in none."""
        first = self.line(source)
        last = first + self.find.count("\n")
        around = None
        for node in ast.walk(ast.parse(source)):
            if isinstance(node, ast.FunctionDef) and node.end_lineno is not None:
                begin = min([node.lineno, *(one.lineno for one in node.decorator_list)])
                if begin <= first and last <= node.end_lineno and (around is None or begin > around):
                    around = begin
        return around


@dataclass(frozen=True)
class Area:
    """A list of faults.

    Attributes:
        name: of the package that they are in.
        tests: the files whose tests look for them, relative to the repository.
        faults: the faults, in the order of the list.
    """

    name: str
    tests: tuple[str, ...]
    faults: tuple[Fault, ...]


def areas() -> list[str]:
    """Return the names of all lists."""
    return sorted(path.stem for path in FOLDER.glob("*.txt"))


def read_area(name: str, root: Path) -> Area:
    """Read a list and hold it against the program.

    The lines of a list begin with a word or a sign::

        tests tests/test_loop.py tests/test_turbo.py
        in animator/film/loop.py
        # a new place gets no more noise than the others
        -        uncovered=uncovered,

        # ...

    ``-`` lines are the text to find, joined as they are; ``+`` lines what is put in its place, nothing where
    there are none.

    Args:
        name: of the list.
        root: the repository.

    Raises:
        ListError: the list cannot be read, a text does not occur exactly once in its file, or with a fault
            planted the file is no Python.
    """
    tests: list[str] = []
    faults, troubles = [], []
    path = ""
    for number, lines in _paragraphs(FOLDER / f"{name}.txt"):
        if lines[0].startswith("tests "):
            tests += lines[0].split()[1:]
        elif lines[0].startswith("in "):
            path = lines[0].split()[1]
        else:
            place = f"{name}.txt:{number}"
            parts = {sign: [line[1:] for line in lines if line[0] == sign] for sign in "#-+"}
            find, put = "\n".join(parts["-"]), "\n".join(parts["+"])
            fault = Fault(place, path, find, put, " ".join(line.strip() for line in parts["#"]))
            trouble = _trouble(fault, root)
            troubles += [f"{place}: {path}: {trouble}: {find.strip()[:70]!r}"] if trouble else []
            faults.append(fault)
    missing = [file for file in tests if not (root / file).is_file()]
    troubles += [f"{name}.txt: no such file: {file}" for file in missing]
    if troubles:
        raise ListError("\n".join(troubles))
    return Area(name, tuple(tests), tuple(faults))


def _paragraphs(path: Path) -> Iterator[tuple[int, list[str]]]:
    """Yield each entry of a list with the number of its first line."""
    entry: list[str] = []
    begin = 0
    for number, line in enumerate([*path.read_text(encoding="utf-8").split("\n"), ""], 1):
        alone = line.startswith(("tests ", "in "))
        if (not line or alone or line.startswith("#")) and any(one[0] in "-+" for one in entry):
            yield begin, entry
            entry = []
        if alone:
            yield number, [line]
        elif line:
            if line[0] not in "#-+":
                raise ListError(f"{path.name}:{number}: begins with none of # - + in tests: {line[:40]!r}")
            begin = begin if entry else number
            entry.append(line)


def _trouble(fault: Fault, root: Path) -> str:
    """Return why a fault cannot be planted, or an empty text."""
    file = root / fault.path
    if not file.is_file():
        return "no such file, for"
    source = file.read_text(encoding="utf-8")
    count = source.count(fault.find) if fault.find.strip() else 0
    if count != 1:
        return "text not found" if not count else f"text found {count} times"
    try:
        compile(fault.planted(source), fault.path, "exec", dont_inherit=True)
    except SyntaxError as error:
        return f"no Python with the fault in it ({error.msg})"
    return "" if fault.put != fault.find else "changes nothing"
