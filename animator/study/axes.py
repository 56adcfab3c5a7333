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

from animator.scene.schema_parts import settings
from animator.scene.words import short

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
    number it counts whole numbers, ``1..3``. ``@file.txt`` gives the lines of a file.

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
    texts = [text for piece in pieces for text in values_of(piece, whole(name), folders, inside)]
    if not texts:
        raise AxisError(f"{name}: has no values; write some, such as 0.05,0.1")
    return made_axis(name, [Value(label_of(text), (text,)) for text in texts])


def made_axis(name: str, values: Sequence[Value]) -> Axis:
    """Return an axis without the values that come twice; raises AxisError where there are too many."""
    first = {value.texts: value for value in reversed(values)}
    unique = tuple(first[texts] for texts in dict.fromkeys(value.texts for value in values))
    if len(unique) > MOST_VALUES:
        raise AxisError(f"{name}: has {len(unique)} values, at most {MOST_VALUES} are possible")
    return Axis((name,), unique)


def split_values(text: str) -> list[str]:
    """Return the parts of a text between its commas, but for those in brackets or in a quoted part.

    >>> split_values('0.1, [192,128] ,"a castle, by night"'), split_values("it's a sea, a :) b")
    (['0.1', '[192,128]', '"a castle, by night"'], ["it's a sea", 'a :) b'])
    """
    parts, depth, quote, begin = [""], 0, "", True
    escaped = False
    for letter in text:
        if quote:
            quote = "" if letter == quote and not escaped else quote
            escaped = letter == "\\" and quote == '"' and not escaped
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


def is_range(text: str) -> bool:
    """Return whether a text is a range such as ``0.05..0.2 x4``."""
    return _RANGE.fullmatch(text) is not None


def values_of(piece: str, integers: bool, folders: Sequence[Path], inside: bool = False) -> list[str]:
    """Return the values of a range or a file, or the one value itself; see `axis_of`."""
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
    # Where values are far apart, four digits are as good and easier to read.
    coarse = match["log"] and abs(math.log(last / first)) > 0.01 * count
    for number in range(count):
        part = number / (count - 1)
        between = first * (last / first) ** part if match["log"] else first + (last - first) * part
        exact = first if number == 0 else last if number == count - 1 else between
        if not math.isfinite(exact):
            raise AxisError(f"'{match[0].strip()}': is too large")
        inner = coarse and 0 < number < count - 1
        short_enough = f"{exact:.4g}" if inner else f"{exact:.6g}"
        found.append(f"{round(exact)}" if integers and not unit else f"{short_enough}{unit}")
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
