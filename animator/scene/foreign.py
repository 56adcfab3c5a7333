"""What the settings of other programs are called here, read from ``foreign_names.json``.

``python -m animator.scene.foreign`` prints the table for the documentation.
"""

from __future__ import annotations

import functools
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any

_FILE = Path(__file__).with_name("foreign_names.json")

HEAD = """# Names of other programs

Made from the program by `python -m animator.scene.foreign`: every setting of
{tools},
with its place in a scene, or why a scene has none. A name that ends in `*` covers all that begin with it.
A scene takes only its own names; for another program's, the message gives the place from this table.

| name | of | in a scene |
|---|---|---|
"""

FIRST_OF_MORE = "a1111"
"""The first program of which only the usual names are in the table."""

VALUES = """
## Values

Values are taken in the spelling of those programs where they can mean one thing: words whatever their case,
dashes and blanks (`Linear`, `Video Input`), numbers in quotes, `None` and `""` for what is left out, one
value for a list of one, CLIP models as a list or with `true` and `false`. These words mean something of their
own, here without dashes and blanks:

| in a scene | words |
|---|---|
"""


@dataclass(frozen=True)
class ForeignName:
    """A setting of another program.

    Attributes:
        name: as that program writes it; with ``*`` at its end it stands for all names that begin so.
        tools: the programs that have it, keys of `tools`.
        place: dotted name of the setting or section here that does the same; None where there is none.
        note: how the value differs, or an empty text.
        because: why there is no such setting; an empty text where there is one.
        values: places that other values belong to: ``{"plms": "diffusion.sampler"}``.
    """

    name: str
    tools: tuple[str, ...]
    place: str | None = None
    note: str = ""
    because: str = ""
    values: Mapping[str, str] = field(default_factory=dict)

    def place_of(self, value: Any) -> str | None:
        """Return the place of this name with a value; None where there is none."""
        return self.values.get(str(value).strip().lower(), self.place)


@functools.cache
def tools() -> Mapping[str, str]:
    """Return what each program of the table is called, by its key."""
    return MappingProxyType(_data()["tools"])


@functools.cache
def foreign_names() -> Mapping[str, ForeignName]:
    """Return the whole table by name, in the order of the alphabet."""
    table = {
        name: ForeignName(name, **{**row, "tools": tuple(row["tools"])})
        for name, row in _data()["names"].items()
    }
    return MappingProxyType(table)


@functools.cache
def signs() -> Mapping[str, str]:
    """Return the keys of files of which one alone tells the program, by the key of `tools`."""
    return MappingProxyType(_data()["signs"])


@functools.cache
def spellings() -> Mapping[str, Mapping[str, Any]]:
    """Return words of other programs for values, by the dotted name of a setting or section.

    The words are folded, without case, dashes, underscores and blanks; what they mean is the value here, None
    for its default, or the values of a section.
    """
    return MappingProxyType(_data()["spellings"])


def foreign_name(key: str) -> ForeignName | None:
    """Return what is known of a name, whatever its case and dashes; None where no program has it.

    >>> foreign_name("fov_schedule").place, foreign_name("cn_1_weight").name, foreign_name("fog")
    ('camera.fov', 'cn_*', None)
    """
    found = foreign_names().get(key)
    if found is None:
        found = _folded().get(_fold(key))
    if found is None:
        beginnings = [one for one in _beginnings() if key.startswith(one)]
        found = foreign_names()[f"{max(beginnings, key=len)}*"] if beginnings else None
    return found


def names_page() -> str:
    """Return the table as a page of Markdown."""
    rows = [f"| `{one.name}` | {_called(one)} | {_told(one)} |" for one in foreign_names().values()]
    every = [name for name in tools().values() if "(" not in name]
    first = list(tools()).index(FIRST_OF_MORE) - (len(tools()) - len(every))
    whole, more = every[:first], every[first:]
    usual = f"and the usual ones of {', '.join(more[:-1])} and {more[-1]}"
    listed = f"{', '.join(whole[:-1])} and {whole[-1]},\n{usual}"
    values = [f"| `{name}` | {_meant(table)} |" for name, table in spellings().items()]
    return HEAD.format(tools=listed) + "\n".join(rows) + "\n" + VALUES + "\n".join(values) + "\n"


def _called(one: ForeignName) -> str:
    return ", ".join(tools()[tool] for tool in one.tools)


def _told(one: ForeignName) -> str:
    if one.place is None:
        told = f"not here: {one.because}"
    else:
        told = f"`{one.place}`" + (f": {one.note}" if one.note else "")
    others: dict[str, list[str]] = {}
    for value, place in one.values.items():
        others.setdefault(place, []).append(f"`{value}`")
    more = "".join(f"; {' or '.join(values)} is `{place}`" for place, values in others.items())
    return (told + more).replace("|", "\\|")


def _meant(table: Mapping[str, Any]) -> str:
    """Return what words mean, those of one meaning together."""
    by_meaning: dict[str, list[str]] = {}
    for word, value in table.items():
        meaning = "left out" if value is None else f"`{json.dumps(value).strip(chr(34))}`"
        by_meaning.setdefault(meaning, []).append(f"`{word}`" if word else "an empty text")
    return "; ".join(f"{', '.join(words)}: {meaning}" for meaning, words in by_meaning.items())


@functools.cache
def _folded() -> Mapping[str, ForeignName]:
    return {_fold(name): one for name, one in foreign_names().items()}


def _fold(name: str) -> str:
    return re.sub(r"[\s_-]+", "", name.lower())


@functools.cache
def _beginnings() -> tuple[str, ...]:
    return tuple(name[:-1] for name in foreign_names() if name.endswith("*"))


@functools.cache
def _data() -> Any:
    return json.loads(_FILE.read_text(encoding="utf-8"))


if __name__ == "__main__":
    print(names_page(), end="")
