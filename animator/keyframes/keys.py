"""The texts of keyframes: ``"0: (1), 60: (0.8) ease-in-out, 120: (sin(t))"`` to a list of keys.

    curve    = [ METHOD ";" ] ( key { "," key } [ "," ] | value )
    key      = position ":" value [ METHOD ]
    position = a frame, seconds "2.5s", beats "4b", or a formula of max_f
    value    = a number or a formula, in brackets or not

METHOD before the keys shapes every ramp, after a value the ramp that starts there. A value without a position
holds for the whole film. Quotes around the whole text, a position or a value, as copied from a settings file,
are ignored.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np

from animator.errors import ExpressionError
from animator.keyframes.clock import Clock
from animator.keyframes.easings import EASINGS, SYNONYMS, easing_name
from animator.keyframes.expressions import (
    MAX_NUMBERS,
    MAX_TEXT,
    NUMBER,
    Expression,
    as_float,
    check_length,
    parse_expression,
)
from animator.keyframes.functions import CONSTANTS, VARIABLES
from animator.keyframes.signs import plain_signs
from animator.keyframes.slips import UNITS, suggestion

SPLINES = ("quadratic", "cubic", "pchip")
"""Methods that look at more than the two keys of a ramp."""

EVERY_METHOD = (
    "linear, step, quadratic, cubic, pchip, ease, and ease-in-, ease-out- or ease-in-out- with "
    "sine, quad, cubic, quart, quint, expo, circ, back, elastic or bounce"
)
"""What a message says of `METHODS`."""

METHODS = (*SPLINES, *EASINGS)
"""Every way from one key to the next."""

_NUMBER = re.compile(rf"[+-]?\s*{NUMBER}", re.ASCII)
_THOUSANDS = re.compile(r"\s*[+-]?[1-9]\d{0,2},\d{3}\s*", re.ASCII)
_DECIMAL_COMMA = re.compile(r"([+-]?(?<![\d.,])\d+),(\d+)(?![\d.]|\s*:)", re.ASCII)
_TIME_OF_DAY = re.compile(r"(?<![\d:])(\d{1,3}):([0-5]\d)\s*$", re.ASCII)
_PREFIX = re.compile(r"\s*(?P<method>[A-Za-z][A-Za-z_-]*)\s*;", re.ASCII)
_SUFFIX = re.compile(r"(?:(?<=\))|(?<=[\w.)])\s)\s*(?P<method>[A-Za-z][A-Za-z_-]*)$", re.ASCII)


MANY = 5_000
"""Letters from which on a text is looked at for being numbers alone, which are read quicker."""

_PAIR = r"\d{1,8}[ ]?:[ ]?\(?[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d{1,2})?[ ]?\)?"
_NUMBERS = re.compile(rf"(?=(?P<all>(?:{_PAIR},[ ]?)*))(?P=all){_PAIR}", re.ASCII)
_BARE = str.maketrans({"(": None, ")": None, ":": ","})


@dataclass(frozen=True)
class Key:
    """A value from a frame on.

    Attributes:
        frame: where it is set; may lie after the film's end.
        value: a number, from which a ramp leads to the next key, or a formula, in force until the next key.
        method: how the ramp that starts here goes, or None for the way of the whole curve.
        offset: where it begins in the text.
    """

    frame: int
    value: float | Expression
    method: str | None = None
    offset: int = 0


def parse_keys(text: str, clock: Clock) -> tuple[str | None, list[Key]]:
    """Read a keyframe text into the method of the whole curve, or None, and its keys in the text's order.

    >>> method, keys = parse_keys("pchip; 0: (1), 2s: 1.05 step", Clock(frames=100, fps=10))
    >>> method, [(key.frame, key.value, key.method) for key in keys]
    ('pchip', [(0, 1.0, None), (20, 1.05, 'step')])
    """
    method, keys = _parsed(text, clock)
    return method, list(keys)


@lru_cache(maxsize=64)
def _parsed(text: str, clock: Clock) -> tuple[str | None, tuple[Key, ...]]:
    """Read a keyframe text as `parse_keys` does; a scene is asked for the same keys several times."""
    if len(text) > MANY and _NUMBERS.fullmatch(text):
        check_length(text, most=MAX_NUMBERS)
        return None, tuple(map(Key, *number_pairs(text)))
    check_length(text, most=MAX_TEXT)
    text = plain_signs(text)
    start, end = _unquoted(text)
    method = None
    if match := _PREFIX.match(text, start, end):
        method = check_method(match["method"], match.start("method"))
        start = match.end()
    if not text[start:end].strip():
        raise ExpressionError("there is no value here; write a number or 0: (1), 10: (1.05)", start)
    pieces = list(_pieces(text, start, end))
    if len(pieces) == 1 and pieces[0][1] < 0 and text[start : pieces[0][2]].strip():
        return method, (_read_value(text, start, pieces[0][2], Key(0, 0.0, offset=start)),)
    return method, tuple(_read_key(text, *piece, clock) for piece in pieces)


def number_pairs(text: str) -> tuple[list[int], list[float]]:
    """Return the frames and the values of a text that is nothing but numbers with their frames.

    >>> number_pairs("0:(1), 10: (-1.5)")
    ([0, 10], [1.0, -1.5])
    """
    flat = np.fromstring(text.translate(_BARE).strip().rstrip(","), sep=",")
    return flat[0::2].astype(np.int64).tolist(), flat[1::2].tolist()


def keys_of_mapping(mapping: Mapping[object, object], clock: Clock) -> tuple[str | None, list[Key]]:
    """Read a mapping from positions to values, and ``method`` to the method of the whole curve.

    >>> method, keys = keys_of_mapping({"method": "step", 0: 1, "1s": "2*t"}, Clock(frames=100, fps=10))
    >>> method, [key.frame for key in keys]
    ('step', [0, 10])
    """
    method = None
    keys = []
    for position, value in mapping.items():
        if position == "method":
            method = check_method(str(value))
            continue
        if isinstance(position, bool) or not isinstance(position, int | float | str):
            raise ExpressionError(f"{position!r} is not a position; write a frame, 2.5s or 4b")
        key = Key(clock.key(position), 0.0)
        if isinstance(value, str):
            check_length(value)
            value = plain_signs(value)
            keys.append(_read_value(value, 0, len(value), key))
        elif (
            isinstance(value, bool)
            or not isinstance(value, int | float)
            or not math.isfinite(as_float(value))
        ):
            raise ExpressionError(f"the value at {position} is {value!r}; write a number or a formula")
        else:
            keys.append(replace(key, value=float(value)))
    if not keys:
        raise ExpressionError("there is no key here; write for example {0: 1, 10: 1.05}")
    return method, keys


def check_method(name: str, offset: int = 0) -> str:
    """Return the one of `METHODS` that a name means, whatever its case, dashes and underscores.

    Raises:
        ExpressionError: it means none.
    """
    if (easing := easing_name(name)) is not None:
        return easing
    if name.lower() not in METHODS:
        if name.lower() in UNITS:
            raise ExpressionError(f"numbers have no unit here: leave '{name}' out", offset)
        if nearest := SYNONYMS.get(name.lower().replace("-", "").replace("_", "")):
            raise ExpressionError(f"unknown interpolation '{name}'; write {nearest}", offset)
        hint = suggestion(name, METHODS) or f"; there are {EVERY_METHOD}"
        raise ExpressionError(f"unknown interpolation '{name[:40]}'{hint}", offset)
    return name.lower()


def _unquoted(text: str) -> tuple[int, int]:
    """Return where the text begins and ends without blanks and one pair of quotes around it."""
    start, end = _stripped(text, 0, len(text))
    quote = text[start : start + 1]
    # Two quoted keys begin and end with a quote too.
    quoted = quote in ('"', "'") and text[end - 1] == quote and text.count(quote, start, end) == 2
    return (start + 1, end - 1) if quoted else (start, end)


def _stripped(text: str, start: int, end: int) -> tuple[int, int]:
    """Return where a part of the text begins and ends without the blanks around it."""
    part = text[start:end]
    begin = start + len(part) - len(part.lstrip())
    return begin, max(begin, start + len(part.rstrip()))


def _pieces(text: str, start: int, end: int) -> Iterator[tuple[int, int, int]]:
    """Yield (start, colon, end) of each part between commas outside brackets; colon is -1 if it has none."""
    open_brackets: list[int] = []
    begin, colon = start, -1
    for place in range(start, end):
        character = text[place]
        if character == "(":
            open_brackets.append(place)
        elif character == ")":
            if not open_brackets:
                raise ExpressionError("this ')' has no '(' before it", place)
            open_brackets.pop()
        elif open_brackets:
            continue
        elif character == ":":
            if colon >= 0:
                raise ExpressionError(_second_colon(text[begin:place]), place)
            colon = place
        elif character == ",":
            yield begin, colon, place
            begin, colon = place + 1, -1
    if open_brackets:
        raise ExpressionError("this '(' is never closed", open_brackets[-1])
    if text[begin:end].strip():
        yield begin, colon, end


def _second_colon(key: str) -> str:
    """Return what to say of a key with two colons; ``key`` ends before the second."""
    if time := _TIME_OF_DAY.search(key):
        return f"a time is written {int(time[1])}m{int(time[2])}s, not {time[0].strip()}"
    if ";" in key:
        return "a second ':' in one key; keys are separated by commas, not by ;"
    return "a second ':' in one key; perhaps a comma is missing before it"


def _read_key(text: str, start: int, colon: int, end: int, clock: Clock) -> Key:
    start, end = _stripped(text, start, end)
    if start == end:
        raise ExpressionError("there is no key before this comma", start)
    if colon < 0:
        for comma in _DECIMAL_COMMA.finditer(text):
            if comma.start() <= start <= comma.end():
                number = f"{comma[1]}.{comma[2]}"
                if whole := _THOUSANDS.fullmatch(text):
                    number = f"{whole[0].strip().replace(',', '')}, or {number}"
                message = f"a comma separates keys; write {number} if this is a decimal comma"
                raise ExpressionError(message, start)
        raise ExpressionError(f"'{text[start:end][:40]}' is not a key; write frame: (value)", start)
    if start == colon:
        raise ExpressionError("there is no position before ':'", colon)
    begin, stop = _unquoted(text[start:colon])
    frame = clock.key(text[start + begin : start + stop].rstrip(), start + begin)
    return _read_value(text, colon + 1, end, Key(frame, 0.0, offset=start))


def _read_value(text: str, start: int, end: int, key: Key) -> Key:
    """Return ``key`` with the value and method that stand in a part of the text."""
    start, end = _stripped(text, start, end)
    begin, stop = _unquoted(text[start:end])
    start, end = start + begin, start + stop
    if start >= end:
        raise ExpressionError("there is no value after ':'", key.offset)
    method = None
    match = _SUFFIX.search(text[start:end])
    if match and match["method"] not in (*VARIABLES, *CONSTANTS):
        method = check_method(match["method"], start + match.start("method"))
        end = start + len(text[start : start + match.start()].rstrip())
    number = _plain_number(text[start:end])
    if number is not None:
        return replace(key, value=number, method=method)
    expression = parse_expression(text[start:end], start)
    if method is not None:
        raise ExpressionError(f"'{method}' after a formula, which has no ramp to the next key", key.offset)
    return replace(key, value=expression)


def _plain_number(text: str) -> float | None:
    """Return the number that the text is, brackets around it removed, or None if it is anything else."""
    text = text.strip()
    while text.startswith("(") and text.endswith(")"):
        text = text[1:-1].strip()
    value = float(re.sub(r"\s", "", text)) if _NUMBER.fullmatch(text) else math.inf
    return value if math.isfinite(value) else None
