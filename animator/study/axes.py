"""The axes of a study: settings, and the values that each is given.

Importing this imports no torch.
"""

from __future__ import annotations

import math
import os
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from animator.errors import Problem
from animator.scene.layers import override, rooted
from animator.scene.nodes import Node, Place, plain
from animator.scene.schema_parts import settings
from animator.scene.words import short
from animator.scene.written import yaml_text

VARY = "--vary"
"""Stands for the file name in messages about axes from the command line."""

AT = "at"
"""Name of the axis whose values are pictures on the way of one diffusion."""

MOST_VALUES = 2000
"""Values of an axis."""

MAX_BYTES = 1_000_000
"""Of a file of values."""

_NUMBER = r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?"
_RANGE = re.compile(
    rf"\s*(?P<first>{_NUMBER})\s*(?P<unit>%?)\s*\.\.\s*(?P<last>{_NUMBER})\s*(?P<more>%?)"
    r"(?:\s+x\s*(?P<count>\d{1,4}))?(?:\s+(?P<log>log))?\s*",
    re.ASCII,
)
_SHARE = re.compile(r"\s*(\d+(?:\.\d+)?)\s*%\s*", re.ASCII)
_OPEN, _CLOSE = "([{", ")]}"


@dataclass(frozen=True)
class Value:
    """A value of an axis.

    Attributes:
        label: what a reader sees.
        texts: the value of each setting of the axis as after ``--set``, without the name.
    """

    label: str
    texts: tuple[str, ...]


@dataclass(frozen=True)
class Axis:
    """Settings that change together.

    Attributes:
        names: their dotted names; several where axes were zipped.
        values: in their order, no two with the same texts.
    """

    names: tuple[str, ...]
    values: tuple[Value, ...]

    @property
    def title(self) -> str:
        """The names, for a reader."""
        return ", ".join(self.names)


class AxisError(ValueError):
    """Values of an axis that cannot be understood; the message says which and why."""


def parse_axis(text: str, folders: Sequence[Path]) -> Axis:
    """Read ``name=values`` as after ``--vary``.

    Values are separated by commas; one that holds a comma is in brackets or in quotes. A range is
    ``0.05..0.2 x4``, evenly spread, or ``0.01..1 x5 log``, each a constant times the one before; without a
    number it counts whole numbers, ``1..3``. ``@file.txt`` stands for the lines of a file.

    Args:
        text: the axis.
        folders: where a file is looked for, one after another.

    Raises:
        AxisError: it is none.

    >>> parse_axis("diffusion.steps=10..50 x3, 100", []).values[-2:]
    (Value(label='50', texts=('50',)), Value(label='100', texts=('100',)))
    """
    name, sign, written = text.partition("=")
    name = name.strip()
    if not sign or not all(part.strip() for part in name.split(".")):
        raise AxisError(f"expected name=values such as guidance.clamp_max=0.05,0.1, found '{short(text)}'")
    return axis_of(name, split_values(written), folders)


def axis_of(name: str, pieces: Iterable[str], folders: Sequence[Path], *, inside: bool = False) -> Axis:
    """Return an axis of values, ranges and files, each a text; raises AxisError.

    Args:
        name: the setting.
        pieces: the texts.
        folders: where a file is looked for.
        inside: whether it must be in one of these, as for a scene, which may be a stranger's.
    """
    texts = [text for piece in pieces for text in _values_of(piece, whole(name), folders, inside)]
    if not texts:
        raise AxisError(f"{name}: has no values; write some, such as 0.05,0.1")
    return _axis(name, [Value(label_of(text), (text,)) for text in texts])


def _axis(name: str, values: Sequence[Value]) -> Axis:
    unique = tuple({value.texts: value for value in reversed(values)}.values())[::-1]
    if len(unique) > MOST_VALUES:
        raise AxisError(f"{name}: has {len(unique)} values, at most {MOST_VALUES} are possible")
    return Axis((name,), unique)


def split_values(text: str) -> list[str]:
    """Return the parts of a text between its commas, but for those in brackets or in a quoted part.

    >>> split_values('0.1, [192,128] ,"a castle, by night"'), split_values("it's a sea, a :) b")
    (['0.1', '[192,128]', '"a castle, by night"'], ["it's a sea", 'a :) b'])
    """
    parts, depth, quote, begin = [""], 0, "", True
    for letter in text:
        if quote:
            quote = "" if letter == quote else quote
        elif letter in "\"'" and (begin or depth):
            quote = letter
        elif letter in _OPEN:
            depth += 1
        elif letter in _CLOSE:
            depth = max(0, depth - 1)
        elif letter == "," and not depth:
            parts.append("")
            begin = True
            continue
        begin = begin and letter.isspace()
        parts[-1] += letter
    if depth or quote:
        what = "a bracket" if depth else "a quotation mark"
        raise AxisError(f"{what} is never closed in '{short(text)}'")
    return [part.strip() for part in parts if part.strip()]


def label_of(text: str) -> str:
    """Return a value without its quotes, in one line."""
    bare = text.strip()
    if len(bare) > 1 and bare[0] == bare[-1] and bare[0] in "\"'" and bare[0] not in bare[1:-1]:
        bare = bare[1:-1]
    return " ".join(bare.split())


def whole(name: str) -> bool:
    """Return whether a setting takes whole numbers, but no others.

    >>> whole("diffusion.steps"), whole("seed"), whole("guidance.clamp_max"), whole("guidance.cutn_batches")
    (True, True, False, False)
    """
    schema = settings().get(name, {})
    kinds = {one.get("type") for one in (schema, *schema.get("anyOf", ()))}
    return "integer" in kinds and "number" not in kinds


def _values_of(piece: str, integers: bool, folders: Sequence[Path], inside: bool) -> list[str]:
    if piece.startswith("@"):
        return _lines(piece[1:].strip(), folders, inside)
    match = _RANGE.fullmatch(piece)
    return _spread(match, integers) if match else [piece]


def _spread(match: re.Match[str], integers: bool) -> list[str]:
    """Return the values of a range."""
    first, last = float(match["first"]), float(match["last"])
    unit = match["more"] or match["unit"]
    whole_ends = first.is_integer() and last.is_integer()
    if match["count"] is None:
        if match["log"] or not whole_ends:
            raise AxisError(f"'{match[0].strip()}': say how many values, such as {match[0].strip()} x4")
        count = int(abs(last - first)) + 1
    else:
        count = int(match["count"])
    if not 2 <= count <= MOST_VALUES:
        raise AxisError(f"'{match[0].strip()}': makes {count} values, expected 2 to {MOST_VALUES}")
    if match["log"] and (first <= 0 or last <= 0):
        raise AxisError(f"'{match[0].strip()}': a log range needs both ends above 0")
    found = []
    for number in range(count):
        part = number / (count - 1)
        between = first * (last / first) ** part if match["log"] else first + (last - first) * part
        exact = first if number == 0 else last if number == count - 1 else between
        if not math.isfinite(exact):
            raise AxisError(f"'{match[0].strip()}': is too large")
        found.append(f"{round(exact)}" if integers and not unit else f"{exact:.6g}{unit}")
    return list(dict.fromkeys(found))


def _lines(name: str, folders: Sequence[Path], inside: bool) -> list[str]:
    """Return the lines of a file that hold something; those that begin with # are comments."""
    path = next((folder / name for folder in folders if (folder / name).is_file()), None)
    if not name or path is None:
        raise AxisError(f"@{name}: no such file" + (f" in {folders[0]}" if folders else ""))
    if inside and not any(path.resolve().is_relative_to(folder.resolve()) for folder in folders):
        raise AxisError(
            f"@{name}: lies outside the folder of the scene; put it there, or name it after --vary"
        )
    try:
        size = os.path.getsize(path)
        text = path.read_text(encoding="utf-8-sig") if size <= MAX_BYTES else None
    except OSError as error:
        raise AxisError(f"@{name}: cannot be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise AxisError(f"@{name}: is no UTF-8 text") from None
    if text is None:
        raise AxisError(f"@{name}: has {size} bytes, a file of values may have {MAX_BYTES}")
    lines = [line.strip() for line in text.splitlines()]
    found = [line for line in lines if line and not line.startswith("#")]
    if not found:
        raise AxisError(f"@{name}: holds no values; write one a line")
    return found


def parse_at(pieces: Iterable[str]) -> tuple[str, ...]:
    """Return shares of the diffusion in rising order, as ``"20%"``; raises AxisError.

    >>> parse_at(["100%", "9.0 %", "50%"])
    ('9%', '50%', '100%')
    """
    shares = set()
    for piece in pieces:
        match = _SHARE.fullmatch(piece)
        if match is None or not 0 < float(match[1]) <= 100:
            raise AxisError(f"expected shares of the diffusion such as 20%,50%,100%, found '{short(piece)}'")
        shares.add(float(match[1]))
    return tuple(f"{share:g}%" for share in sorted(shares))


def zipped(axes: Sequence[Axis]) -> Axis:
    """Return axes as one, whose first value is the first of each, and so on; raises AxisError."""
    counts = {axis.title: len(axis.values) for axis in axes}
    if len(set(counts.values())) > 1:
        each = ", ".join(f"{title} has {count}" for title, count in counts.items())
        raise AxisError(f"zipped axes need as many values each: {each}")
    values = [
        Value(", ".join(one.label for one in parts), tuple(text for one in parts for text in one.texts))
        for parts in zip(*(axis.values for axis in axes), strict=True)
    ]
    return Axis(tuple(name for axis in axes for name in axis.names), tuple(values))


@dataclass(frozen=True)
class Asked:
    """What a study is asked to vary.

    Attributes:
        axes: in their order; the first is shown along a row, the second down a column.
        zip: whether they are to be one axis.
        at: shares of the diffusion, as ``"20%"``; empty: the finished picture alone.
    """

    axes: tuple[Axis, ...] = ()
    zip: bool = False
    at: tuple[str, ...] = ()

    def over(self, below: Asked) -> Asked:
        """Return this laid over another: an axis takes the place of one with the same name."""
        mine = {axis.names: axis for axis in self.axes}
        kept = [mine.pop(axis.names, axis) for axis in below.axes]
        return Asked((*kept, *mine.values()), self.zip or below.zip, self.at or below.at)


def asked_on_command_line(
    vary: Sequence[str], zip_axes: bool, at: str, folders: Sequence[Path]
) -> tuple[Asked, list[Problem]]:
    """Return what ``--vary``, ``--zip`` and ``--at`` ask for, and what is wrong with them."""
    place, problems, axes = Place(VARY), list[Problem](), dict[tuple[str, ...], Axis]()
    for text in vary:
        try:
            axis = parse_axis(text, folders)
        except AxisError as error:
            problems.append(place.problem("", str(error)))
            continue
        if axis.names in axes:
            problems.append(place.problem(axis.title, "is varied twice; put all of its values into one"))
        axes[axis.names] = axis
    shares: tuple[str, ...] = ()
    try:
        shares = parse_at(split_values(at))
    except AxisError as error:
        problems.append(Place("--at").problem("", str(error)))
    return Asked(tuple(axes.values()), zip_axes, shares), problems


def asked_in_scene(study: Node | None) -> tuple[Asked, list[Problem]]:
    """Return what a scene's ``study`` asks for, and what is wrong with it.

    ``@file`` and pictures that a value names are relative to the folder of the file that says so.
    """
    if study is None or study.value is None:
        return Asked(), []
    if not isinstance(study.value, dict):
        message = "expected vary, zip and at, such as {vary: {seed: [1, 2, 3]}}"
        return Asked(), [study.place.problem("study", message)]
    problems = [
        child.key.problem(f"study.{key}", "unknown key; known here: vary, zip, at")
        for key, child in study.value.items()
        if key not in ("vary", "zip", "at")
    ]
    axes: list[Axis] = []
    for name, node in _members(study.value.get("vary"), problems):
        try:
            axes.append(_axis_of_node(name, node))
        except AxisError as error:
            problems.append(node.place.problem(f"study.vary.{name}", str(error)))
    together = study.value.get("zip", Node(False))
    if not isinstance(together.value, bool | None):
        problems.append(together.place.problem("study.zip", "expected true or false"))
    shares: tuple[str, ...] = ()
    if (at := study.value.get("at")) is not None and at.value is not None:
        pieces = at.value if isinstance(at.value, list) else [at]
        texts = [part for piece in pieces for part in str(piece.raw or piece.value).split(",")]
        try:
            shares = parse_at(texts)
        except AxisError as error:
            problems.append(at.place.problem("study.at", str(error)))
    return Asked(tuple(axes), together.value is True, shares), problems


def _members(node: Node | None, problems: list[Problem]) -> list[tuple[str, Node]]:
    """Return the axes that ``vary`` names; sections in it are as good as dots."""
    if node is None or node.value is None:
        return []
    if not isinstance(node.value, dict):
        message = "expected settings with values, such as {seed: [1, 2, 3]}"
        problems.append(node.place.problem("study.vary", message))
        return []
    found = []
    for name, child in node.value.items():
        if isinstance(child.value, dict):
            found += [(f"{name}.{below}", one) for below, one in _members(child, problems)]
        else:
            found.append((str(name), child))
    return found


def _axis_of_node(name: str, node: Node) -> Axis:
    """Return an axis as a scene writes it: a list of values, or one text as on the command line."""
    folder = Path(node.place.file).parent
    if isinstance(node.value, list):
        values = []
        for member in node.value:
            written = member.value.strip() if isinstance(member.value, str) else ""
            if written.startswith("@") or (written and _RANGE.fullmatch(written)):
                pieces = _values_of(written, whole(name), [folder], inside=True)
                values += [_value_of(name, piece, folder) for piece in pieces]
            else:
                label = " ".join(member.value.split()) if isinstance(member.value, str) else ""
                values.append(_value_of(name, yaml_text(plain(member)), folder, label))
        if not values:
            raise AxisError("has no values; write some, such as [0.05, 0.1]")
        return _axis(name, values)
    if node.value is None:
        raise AxisError("has no values; write some, such as [0.05, 0.1]")
    text = node.value if isinstance(node.value, str) else (node.raw or yaml_text(node.value))
    axis = axis_of(name, split_values(text), [folder], inside=True)
    return _axis(name, [_value_of(name, value.texts[0], folder, value.label) for value in axis.values])


def _value_of(name: str, text: str, folder: Path, label: str = "") -> Value:
    """Return a value of a scene; a file that it names is found from wherever it is read."""
    return Value(label or label_of(text), (_from_anywhere(name, text, folder),))


def _from_anywhere(name: str, text: str, folder: Path) -> str:
    if name.partition(".")[0] not in _WITH_FILES:
        return text
    tree, faults = override(Node({}), [f"{name}={text}"])
    before, after = (_below(one, name) for one in (tree, rooted(tree, folder)))
    return text if faults or before == after else yaml_text(after)


def _below(tree: Node, name: str) -> Any:
    """Return the plain value of a setting in a tree that holds nothing else."""
    value = plain(tree)
    for part in name.split("."):
        value = next((one for key, one in value.items() if str(key) == part), None)
        if not isinstance(value, dict):
            break
    return value


_WITH_FILES = frozenset({"diffusion", "camera", "video", "output", "image_prompts"})
"""Sections with settings that name files, see `animator.scene.layers.PATHS`."""
