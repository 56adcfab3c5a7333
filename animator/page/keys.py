"""The keys of a scene's curves and prompts, each with the place of its numbers, and moving them.

Only the letters of a number are replaced in the text of the scene: comments, order and layout stay as they
are.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from animator.errors import ExpressionError, UsageError
from animator.keyframes import Clock
from animator.keyframes.expressions import NUMBER
from animator.scene.nodes import Node, Place

_VALUE = re.compile(rf"\(?\s*(?P<number>[+-]?{NUMBER})\s*(?P<percent>%?)\s*\)?", re.ASCII)
_LONE = re.compile(rf"\s*(?P<number>[+-]?{NUMBER})\s*(?P<percent>%?)\s*", re.ASCII)
_KEY = re.compile(
    rf"\s*(?P<quote>['\"]?)(?P<position>[^:,'\"()]+?)(?P=quote)\s*:\s*\(?\s*(?P<number>[+-]?{NUMBER})"
    r"(?P<percent>%?)\s*\)?",
    re.ASCII,
)
_METHOD = re.compile(r"\s*[A-Za-z][A-Za-z_-]*\s*;", re.ASCII)
_POSITION = re.compile(r"\s*['\"]?(?P<position>[^:,'\"()]+?)['\"]?\s*:", re.ASCII)
_UNIT = re.compile(r"[0-9.]+\s*(?P<unit>[a-z%]*)", re.ASCII)

NO_KEY_HERE = "to a value that is written in this way no key is added here; add it in the text"

FIGURES = 6
"""Figures of a number that is dragged."""


@dataclass(frozen=True)
class Span:
    """Letters in a line of the scene: the line from 1, the columns from 1, the last not counted."""

    line: int
    begin: int
    end: int


@dataclass(frozen=True)
class Key:
    """A key of a curve.

    Attributes:
        frame: from which frame on it holds; None where the value holds for the whole film.
        value: the number; None of a formula, and of prompts.
        position: where the frame is written, or None where it cannot be moved.
        number: where the value is written, or None where it cannot be moved.
    """

    frame: int | None
    value: float | None
    position: Span | None = None
    number: Span | None = None


def keys_of(node: Node, lines: Sequence[str], clock: Clock) -> list[Key]:
    """Return the keys of a value as it is written; empty where there is nothing that could be dragged.

    Args:
        node: the value.
        lines: the text of the scene.
        clock: length and pace of the film.
    """
    if isinstance(node.value, dict):
        return [key for name, child in node.value.items() if (key := _of_member(name, child, lines, clock))]
    if isinstance(node.value, bool) or not node.exact or "\n" in node.raw:
        return []
    if isinstance(node.value, int | float):
        return [Key(None, float(node.value), None, _span(node, 0, len(node.raw)))]
    if not isinstance(node.value, str):
        return []
    if lone := _LONE.fullmatch(node.raw):
        return [Key(None, float(lone["number"]), None, _span(node, *lone.span("number")))]
    return list(_of_text(node, clock))


def _of_text(node: Node, clock: Clock) -> Iterator[Key]:
    """Yield the keys of a text such as ``0: (1), 24: (1.05)``."""
    at = ahead.end() if (ahead := _METHOD.match(node.raw)) else 0
    for piece in _pieces(node.raw[at:]):
        match = _KEY.match(piece)
        frame = _frame(match["position"], clock) if match else None
        if match and frame is not None:
            begin, end = match.span("position")
            number = (at + match.start("number"), at + match.end("number"))
            yield Key(frame, float(match["number"]), _span(node, at + begin, at + end), _span(node, *number))
        at += len(piece) + 1


def _pieces(text: str) -> list[str]:
    """Divide a text at the commas that are in no brackets."""
    pieces, depth, begin = [], 0, 0
    for at, letter in enumerate(text):
        depth += (letter == "(") - (letter == ")")
        if letter == "," and depth <= 0:
            pieces.append(text[begin:at])
            begin = at + 1
    return [*pieces, text[begin:]]


def _of_member(name: Any, child: Node, lines: Sequence[str], clock: Clock) -> Key | None:
    frame = _frame(name, clock)
    if frame is None:
        return None
    position = _written_key(name, child.key, lines)
    if isinstance(child.value, int | float) and not isinstance(child.value, bool) and child.exact:
        return Key(frame, float(child.value), position, _span(child, 0, len(child.raw)))
    if isinstance(child.value, str) and child.exact and (match := _VALUE.fullmatch(child.raw.strip())):
        ahead = len(child.raw) - len(child.raw.lstrip())
        begin, end = match.span("number")
        return Key(frame, float(match["number"]), position, _span(child, ahead + begin, ahead + end))
    return Key(frame, None, position, None)


def _written_key(name: Any, place: Place, lines: Sequence[str]) -> Span | None:
    """Return where the key of a mapping is written, without its quotes."""
    if not 0 < place.line <= len(lines):
        return None
    line, begin = lines[place.line - 1], place.column - 1
    quoted = line[begin : begin + 1] in ("'", '"')
    text = str(name)
    if not line.startswith(text, begin + quoted):
        return None
    return Span(place.line, begin + quoted + 1, begin + quoted + 1 + len(text))


def _frame(position: Any, clock: Clock) -> int | None:
    if isinstance(position, bool) or not isinstance(position, int | float | str):
        return None
    try:
        return clock.key(position.strip() if isinstance(position, str) else position)
    except ExpressionError:
        return None


def _span(node: Node, begin: int, end: int) -> Span:
    column = node.place.column + node.quoted
    return Span(node.place.line, column + begin, column + end)


def moved(text: str, key: Key, clock: Clock, *, frame: int | None = None, value: float | None = None) -> str:
    """Return the text of a scene in which a key has another frame, or value, or both.

    Raises:
        UsageError: the key cannot be moved there.
    """
    changes: list[tuple[Span, str]] = []
    if value is not None and value != key.value:
        if key.number is None:
            raise UsageError("this value is a formula; change it in the text")
        changes.append((key.number, number_text(value)))
    if frame is not None and frame != key.frame:
        if key.position is None or key.frame is None:
            raise UsageError("this value holds for the whole film; it has no key that could be moved")
        if not 0 <= frame <= clock.max_f:
            raise UsageError(f"the film's frames are 0 to {clock.max_f}")
        changes.append((key.position, _position_text(text, key.position, frame, clock)))
    lines = lines_of(text)
    for span, new in sorted(changes, key=lambda one: -one[0].begin):
        line = lines[span.line - 1] if span.line <= len(lines) else ""
        if span is key.number and not _says(line[span.begin - 1 : span.end - 1], key.value):
            raise UsageError("this number cannot be found in the text; change it there")
        text = _replaced(text, span, new)
    return text


def added(text: str, node: Node, clock: Clock, frame: int, value: float) -> str:
    """Return the text of a scene in which a value has one more key.

    A number that holds for the whole film becomes a text with a key at 0 and the new one.

    Raises:
        UsageError: it is written in a way to which no key is added here.
    """
    if isinstance(node.value, dict):
        return _added_member(text, node, clock, frame, value)
    percent = "%" if "%" in node.raw else ""
    said = f"{frame}: ({number_text(value)}{percent})"
    lone = node.exact and _LONE.fullmatch(node.raw)
    if not isinstance(node.value, int | float | str) or not node.exact or isinstance(node.value, bool):
        raise UsageError(NO_KEY_HERE)
    if lone:
        keys = f"0: ({node.raw.strip()}), {said}" if frame else said
        return _replaced(text, _span(node, 0, len(node.raw)), keys if node.quoted else f'"{keys}"')
    at = ahead.end() if (ahead := _METHOD.match(node.raw)) else 0
    at += len(node.raw[at:]) - len(node.raw[at:].lstrip())
    place = at
    for piece in _pieces(node.raw[at:]):
        match = _POSITION.match(piece)
        here = _frame(match["position"], clock) if match else None
        if here is None:
            raise UsageError("this value is a formula; change it in the text")
        if here == frame:
            raise UsageError(f"there is a key at frame {frame} already")
        at += len(piece) + 1
        if here < frame:
            place = at - 1
    first = node.raw[:place].strip() == "" or node.raw[:place].rstrip().endswith(";")
    return _replaced(text, _span(node, place, place), f"{said}, " if first else f", {said}")


def _added_member(text: str, node: Node, clock: Clock, frame: int, value: float) -> str:
    """Return the text of a scene in which a mapping has one more key: in its braces or on its own line."""
    frames = [_frame(name, clock) for name in node.value]
    members: list[Node] = list(node.value.values())
    if frame in frames:
        raise UsageError(f"there is a key at frame {frame} already")
    if not members or None in frames or not all(map(_on_one_line, members)):
        raise UsageError(NO_KEY_HERE)
    after = next((one for here, one in zip(frames, members, strict=True) if (here or 0) > frame), None)
    last, lines = members[-1], lines_of(text)
    percent = "%" if any("%" in one.raw for one in members) else ""
    said = f"{frame}: {number_text(value)}{percent}"
    if lines[node.place.line - 1][node.place.column - 1 :].startswith("{"):
        if after is not None:
            return _replaced(text, Span(after.key.line, after.key.column, after.key.column), f"{said}, ")
        end = last.place.column + len(last.raw) + 2 * last.quoted
        return _replaced(text, Span(last.place.line, end, end), f", {said}")
    ahead = lines[node.place.line - 1][: node.place.column - 1]
    end_of_line = "\r\n" if "\r\n" in text else "\n"
    at = after.key.line - 1 if after is not None else last.place.line
    if not lines[at - 1].endswith(("\n", "\r")):
        lines[at - 1] += end_of_line
    return "".join([*lines[:at], f"{ahead}{said}{end_of_line}", *lines[at:]])


def _on_one_line(member: Node) -> bool:
    return member.exact and member.place.line == member.key.line


def _replaced(text: str, span: Span, new: str) -> str:
    lines = lines_of(text)
    line = lines[span.line - 1]
    lines[span.line - 1] = line[: span.begin - 1] + new + line[span.end - 1 :]
    return "".join(lines)


def lines_of(text: str) -> list[str]:
    r"""Return the lines of a text with their ends, divided where YAML divides them.

    >>> lines_of("a\r\nb\u2028c\n")
    ['a\r\n', 'b\u2028c\n']
    """
    return re.findall(r"[^\r\n]*(?:\r\n|\r|\n)|[^\r\n]+\Z", text)


def _says(written: str, value: float | None) -> bool:
    try:
        return float(written) == value
    except ValueError:
        return False


def number_text(value: float) -> str:
    """Return a number as it is written into a scene.

    >>> number_text(8.0), number_text(1 / 3), number_text(-0.0), number_text(123456789.0)
    ('8', '0.333333', '0', '1.23457e+08')
    """
    return f"{value + 0.0:.{FIGURES}g}"


def _position_text(text: str, span: Span, frame: int, clock: Clock) -> str:
    """Return a frame in the unit in which the one before it is written: frames, seconds, beats or a share."""
    written = lines_of(text)[span.line - 1][span.begin - 1 : span.end - 1].strip()
    match = _UNIT.fullmatch(written)
    unit = match["unit"] if match else ""
    choices = {"s": frame / clock.fps, "%": 100 * frame / max(1, clock.max_f)}
    if clock.bpm is not None:
        choices["b"] = frame / clock.fps * clock.bpm / 60
    if unit in choices:
        said = f"{choices[unit]:.4g}{unit}"
        if _frame(said, clock) == frame:
            return said
    return str(frame)


def node_at(root: Node, name: str) -> Node | None:
    """Return the value of a setting by its dotted name, or None where the scene does not give it."""
    node: Node = root
    for part in name.split("."):
        members: Mapping[Any, Node] = node.value if isinstance(node.value, dict) else {}
        if part not in members:
            return None
        node = members[part]
    return node
