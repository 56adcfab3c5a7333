"""Keyframes by the rules of the program that wrote them: texts to keys, and keys to a value at every frame.

The rules (docs/import.md): Disco Diffusion takes ``frame: (number)`` wherever it finds it, ends a value at
the first ``)`` and pulls a key beyond the end back to the last frame. Deforum splits at commas and at colons,
evaluates what is no number at every frame until the next key, and never looks at a key beyond the end.
WarpFusion has lists, a value a frame, and objects.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from animator.errors import ExpressionError
from animator.keyframes.expressions import NUMBER, Expression, parse_expression
from animator.keyframes.keys import number_pairs
from animator.keyframes.signs import plain_signs

MANY = 1500
"""Keys from which on lines are drawn all at once."""

MAX_FRAME = 10_000_000
"""Last frame of a key that is taken."""

_DISCO = re.compile(r"([0-9]+):[\s]*[\(]([\S\s]*?)[\)]")
_PLAIN = re.compile(rf"\s*[+-]?\s*{NUMBER}\s*", re.ASCII)
_ONE = rf"[0-9]{{1,8}}:[ ]*\([+-]?{NUMBER}[ ]*\)[ ]*"
_LIST = re.compile(rf"\s*(?=(?P<all>(?:{_ONE},[ ]*\n?)*))(?P=all){_ONE},?\s*", re.ASCII)
_WRAPPED, _WRAPPED_END = re.compile(r"[(\s]*"), re.compile(r"(?<![)\s])[)\s]*$")
_LAST_NUMBER = re.compile(r"(\d+)\D*$")
_MARKS = str.maketrans("", "", "'\"()")
_QUOTES = str.maketrans("", "", "'\"`")


@dataclass
class Keys:
    """The keys of a text, in its order.

    Attributes:
        by_frame: a number or a formula by frame; of two keys at one frame the later.
        notes: what was passed over, in words.
        plain: whether all values are known to be numbers.
    """

    by_frame: dict[int, float | Expression] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    plain: bool = False

    @property
    def formulas(self) -> bool:
        """Whether a value is a formula."""
        return not self.plain and any(isinstance(value, Expression) for value in self.by_frame.values())


def number_of(value: Any) -> float | None:
    """Return the number that a value is, in quotes or brackets too; None where it is none.

    >>> number_of("(0.5)"), number_of(True), number_of("60%"), number_of(" - 3")
    (0.5, 1.0, None, -3.0)
    """
    if isinstance(value, bool | int | float):
        number = float(value) if abs(value) < 1e300 else math.inf
        return number if math.isfinite(number) else None
    if isinstance(value, str):
        text = plain_signs(value).translate(_MARKS).strip()
        if _PLAIN.fullmatch(text):
            number = float(re.sub(r"\s", "", text))
            return number if math.isfinite(number) else None
    if isinstance(value, list) and len(value) == 1:
        return number_of(value[0])
    return None


def plain_pairs(text: str) -> Keys | None:
    """Return the keys of a text that is nothing but ``frame: (number)``; None of any other, quickly."""
    if not _LIST.fullmatch(text):
        return None
    frames, values = number_pairs(text)
    return Keys(dict(zip(frames, values, strict=True)), plain=True)


def disco_keys(text: str) -> Keys:
    """Return the keys of a text as Disco Diffusion finds them."""
    quick = plain_pairs(text)
    if quick:
        return quick
    keys = Keys()
    matches = _DISCO.findall(text)
    for frame, value in matches:
        _put(keys, frame, value)
    if (colons := text.count(":")) > len(matches):
        keys.notes.append(
            f"{colons - len(matches)} of {colons} keys are malformed, and Disco passes over them"
        )
    return keys


def deforum_keys(text: str, max_f: int, seed: float, brackets_first: bool = False) -> Keys:
    """Return the keys of a text as Deforum finds them.

    Args:
        text: the keyframes.
        max_f: number of the last frame.
        seed: value of ``s``.
        brackets_first: as the notebook does: a value begins with its bracket, whatever is before it.
    """
    quick = plain_pairs(text)
    if quick:
        return quick
    keys = Keys()
    text = plain_signs(text)
    for piece in _pieces(text):
        parts = _split(piece, ":")
        if len(parts) < 2:
            if piece.strip():
                keys.notes.append(f"'{piece.strip()[:30]}' is no key and is passed over")
            continue
        where, value = parts[0], parts[-1] if brackets_first else parts[1]
        frame = _frame(where, max_f, seed, keys)
        if frame is None:
            continue
        keys.by_frame.pop(frame, None)
        _put(keys, frame, value)
    return keys


def _put(keys: Keys, frame: int | str, value: str) -> None:
    number = number_of(value)
    at = int(str(frame)[:12])
    if at > MAX_FRAME:
        keys.notes.append(f"the key at frame {at} is passed over")
        return
    if number is not None:
        keys.by_frame[at] = number
        return
    formula = _unwrapped(value.translate(_QUOTES).strip())
    if formula.lower() in ("nan", "none", "null", ""):
        keys.notes.append(f"no value at frame {at}: it lies between its neighbours")
        return
    try:
        keys.by_frame[at] = parse_expression(formula)
    except ExpressionError as error:
        keys.notes.append(f"the formula at frame {at} cannot be read: {error.message}")


def _unwrapped(text: str) -> str:
    """Return a text without brackets around all of it, and with those closed that are left open."""
    missing = text.count("(") - text.count(")")
    text = text + ")" * missing if missing > 0 else text
    while missing < 0 and text.endswith(")"):
        text, missing = text[:-1].rstrip(), missing + 1
    first, last = _WRAPPED.match(text), _WRAPPED_END.search(text)
    if not first or not last or first.end() > last.start():
        return text
    depth = least = first[0].count("(")
    for sign in text[first.end() : last.start()]:
        depth += (sign == "(") - (sign == ")")
        least = min(least, depth)
    for _ in range(min(least, last[0].count(")"))):
        text = text[text.index("(") + 1 : text.rindex(")")]
    return text.strip()


def _pieces(text: str) -> list[str]:
    """Return the parts between commas; commas in brackets separate arguments where the brackets fit."""
    depth = 0
    for sign in text:
        depth += (sign == "(") - (sign == ")")
        if depth < 0:
            break
    if depth:
        return re.split(r",(?=\s*[\"']?[\w\s*/+.-]*[\"']?\s*:)", text)
    return _split(text, ",")


def _split(text: str, sign: str) -> list[str]:
    """Return the parts between signs outside of brackets."""
    parts, depth, begin = [], 0, 0
    for place, letter in enumerate(text):
        if letter == "(":
            depth += 1
        elif letter == ")":
            depth = max(0, depth - 1)
        elif letter == sign and not depth:
            parts.append(text[begin:place])
            begin = place + 1
    return [*parts, text[begin:]]


def _frame(where: str, max_f: int, seed: float, keys: Keys) -> int | None:
    """Return the frame of a key, which may be a formula; None where there is none."""
    number = number_of(where)
    if number is None:
        try:
            formula = parse_expression(where.translate(_QUOTES).strip(), variables=("max_f", "s"))
            number = float(formula.evaluate(np.zeros(1), max_f, seed)[0])
        except ExpressionError:
            found = _LAST_NUMBER.search(where)
            if not found:
                keys.notes.append(f"'{where.strip()[:30]}' is no frame; its key is passed over")
                return None
            keys.notes.append(f"'{where.strip()[:30]}' is read as frame {found[1][:9]}")
            number = float(found[1][:9])
    if not math.isfinite(number) or number < 0:
        keys.notes.append(f"the key at '{where.strip()[:30]}' lies before the first frame and is passed over")
        return None
    return int(min(number, MAX_FRAME + 1.0))


def listed_keys(value: Sequence[Any] | Mapping[Any, Any], frames: int) -> Keys:
    """Return the keys of a list, a value a frame, or of an object of frames: as WarpFusion has them."""
    keys = Keys()
    pairs = value.items() if isinstance(value, Mapping) else enumerate(value)
    for frame, one in pairs:
        number, at = number_of(one), number_of(frame)
        if number is None or at is None or at < 0:
            keys.notes.append(f"'{str(one)[:30]}' at {str(frame)[:30]} is no number and is passed over")
        elif at <= MAX_FRAME:
            keys.by_frame[int(at)] = number
    return keys


def disco_values(keys: Keys, frames: int, method: str) -> np.ndarray:
    """Return the value at every frame as Disco Diffusion has it: float64 of shape (frames,).

    Numbers are joined by ``method``; the first holds before itself. Keys after the last frame shape a spline,
    and the one that is written last gives the last frame its value.
    """
    numbers = {
        frame: float(value) for frame, value in keys.by_frame.items() if not isinstance(value, Expression)
    }
    inside = {frame: value for frame, value in numbers.items() if frame < frames}
    outside = {frame: value for frame, value in numbers.items() if frame >= frames}
    first = inside[min(inside)] if inside else next(iter(outside.values()))
    anchored = {0: first, **inside}
    anchored[0] = first if not inside or min(inside) > 0 else inside[0]
    if outside:
        anchored[frames - 1] = list(outside.values())[-1]
    elif frames - 1 not in anchored:
        anchored[frames - 1] = inside[max(inside)]
    if frames == 1 and outside:
        anchored = {0: list(outside.values())[-1]}
    shaped = anchored if method == "linear" else {**anchored, **outside}
    return joined(shaped, frames, method, len(numbers))


def deforum_values(keys: Keys, frames: int, seed: float, method: str) -> np.ndarray:
    """Return the value at every frame as Deforum has it: float64 of shape (frames,), NaN nowhere.

    A formula holds until the next key; frames between numbers, and those without a value, are joined.
    """
    if len(keys.by_frame) > MANY and method == "linear" and not keys.formulas:
        return _lines(keys, frames)
    known = np.full(frames, np.nan)
    inside = sorted(frame for frame in keys.by_frame if frame < frames)
    for index, frame in enumerate(inside):
        value = keys.by_frame[frame]
        if isinstance(value, Expression):
            end = inside[index + 1] if index + 1 < len(inside) else frames
            known[frame:end] = value.evaluate(np.arange(frame, end), frames - 1, seed)
        else:
            known[frame] = value
    present = np.flatnonzero(~np.isnan(known))
    if not len(present):
        return known
    anchored = {int(frame): float(known[frame]) for frame in present}
    anchored.setdefault(0, float(known[present[0]]))
    anchored.setdefault(frames - 1, float(known[present[-1]]))
    return joined(anchored, frames, method, len(keys.by_frame))


def _lines(keys: Keys, frames: int) -> np.ndarray:
    """Return the lines between many numbers, those after the last frame left out."""
    at = np.fromiter(keys.by_frame, np.int64, len(keys.by_frame))
    known = np.fromiter(keys.by_frame.values(), np.float64, len(keys.by_frame))
    order = np.argsort(at)
    inside = order[at[order] < frames]
    if not len(inside):
        return np.full(frames, np.nan)
    result: np.ndarray = np.interp(np.arange(frames), at[inside], known[inside])
    return result


def joined(points: Mapping[int, float], frames: int, method: str, count: int) -> np.ndarray:
    """Return the curve through points, the ends among them, as pandas joins them.

    Args:
        points: value by frame.
        frames: length of the film.
        method: linear, quadratic or cubic.
        count: how many keys were written; a spline through few is of a lower degree.
    """
    at = np.array(sorted(points), np.float64)
    known = np.array([points[int(frame)] for frame in at])
    degree = {"linear": 1, "quadratic": 2, "cubic": 3}.get(method, 1)
    if degree == 3 and count <= 3:
        degree = 2
    if degree == 2 and count <= 2:
        degree = 1
    degree = min(degree, len(at) - 1)
    if degree < 2:
        line: np.ndarray = np.interp(np.arange(frames), at, known)
        return line
    # Imported here because it takes a quarter of a second, and most files have no spline.
    from scipy.interpolate import make_interp_spline

    result: np.ndarray = make_interp_spline(at, known, k=degree)(np.arange(frames))
    return result
