"""The part of Python in which cut schedules are written, read by a parser of its own, never evaluated.

Numbers, texts, lists, ``+ - * / // % **``, comparisons, ``a if b else c``, list comprehensions, the names
of other schedules, and a few functions: ``dd_easing_int``, ``dd_easing_float``, ``easeint``, ``easeflt``,
``range``, ``list``, ``int``, ``float``, ``round``, ``min``, ``max``, ``abs``, ``len``, ``sum``,
``np.linspace`` and ``eval`` of the name of another schedule.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from animator.importing.easings import eased

MAX_LENGTH = 200_000
"""Letters of the longest schedule."""

MAX_ITEMS = 2_000_000
"""Items of the longest list that is made on the way."""

MAX_WORK = 3_000_000
"""Operations of one schedule."""

MAX_DEPTH = 40

_TOKEN = re.compile(
    r"\s*(?:(?P<number>(?:\d[\d_]*(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?)|(?P<name>[A-Za-z_][\w.]*)"
    r"|(?P<text>\"[^\"\n]*\"|'[^'\n]*')|(?P<sign>\*\*|//|<=|>=|==|!=|[-+*/%<>()\[\],=]))"
)
_COMMENT = re.compile(r"#[^\n]*")
_TIGHTNESS = {"+": 3, "-": 3, "*": 4, "/": 4, "//": 4, "%": 4, "**": 6}
_COMPARED = {"<", ">", "<=", ">=", "==", "!="}
_CONSTANTS = {
    "True": 1.0,
    "False": 0.0,
    "None": 0.0,
    "true": 1.0,
    "false": 0.0,
    "math.pi": np.pi,
    "np.pi": np.pi,
}

Value = float | str | list[Any]
Names = Mapping[str, Value]
Tree = Callable[[dict[str, Value]], Value]
"""A part of a schedule that was read: given the names in force, its value."""


class ScheduleError(ValueError):
    """A schedule cannot be understood; the message says why, with its place counted from 0."""


def read_list(text: str, lookup: Callable[[str], Value | None]) -> list[float]:
    """Return the numbers of a schedule.

    Args:
        text: the schedule.
        lookup: gives the value of the name of another setting, or None.

    Raises:
        ScheduleError: there is something in it that is not understood, or it becomes too long.

    >>> read_list("[12]*2+[22-x for x in range(2)]", lambda name: None)
    [12.0, 12.0, 22.0, 21.0]
    """
    if len(text) > MAX_LENGTH:
        raise ScheduleError(f"it has {len(text)} letters")
    parser = _Parser(_tokens(_COMMENT.sub("", text)), lookup)
    tree = parser.ternary()
    parser.end()
    value = tree({})
    if isinstance(value, str):
        raise ScheduleError("it is a text, not a list of numbers")
    items = value if isinstance(value, list) else [value]
    if any(isinstance(item, list | str) for item in items[:2000]):
        raise ScheduleError("it is a list of lists or texts")
    return [float(item) for item in items]


def _tokens(text: str) -> list[tuple[str, str, int]]:
    tokens, place = [], 0
    text = text.rstrip()
    while place < len(text):
        match = _TOKEN.match(text, place)
        if match is None:
            raise ScheduleError(f"'{text[place:].strip()[:20]}' at {place} is not understood")
        kind = str(match.lastgroup)
        tokens.append((kind, match[kind], match.start(kind)))
        place = match.end()
    return tokens


class _Parser:
    """Reads tokens into functions of the names in force, and counts what they do."""

    def __init__(self, tokens: Sequence[tuple[str, str, int]], lookup: Callable[[str], Value | None]) -> None:
        self.tokens = tokens
        self.lookup = lookup
        self.place = 0
        self.depth = 0
        self.work = 0

    def peek(self) -> str:
        return self.tokens[self.place][1] if self.place < len(self.tokens) else ""

    def take(self, wanted: str = "") -> tuple[str, str]:
        if self.place >= len(self.tokens):
            raise ScheduleError(f"it ends where {wanted or 'a value'} is expected")
        kind, text, at = self.tokens[self.place]
        if wanted and text != wanted:
            raise ScheduleError(f"'{text[:20]}' at {at} where {wanted} is expected")
        self.place += 1
        return kind, text

    def end(self) -> None:
        if self.place < len(self.tokens):
            _, text, at = self.tokens[self.place]
            raise ScheduleError(f"'{text[:20]}' at {at} is not understood")

    def ternary(self) -> Tree:
        self.depth += 1
        if self.depth > MAX_DEPTH:
            raise ScheduleError(f"brackets are nested more than {MAX_DEPTH} deep")
        yes = self.comparison()
        if self.peek() == "if":
            self.take()
            test = self.comparison()
            self.take("else")
            no = self.ternary()
            self.depth -= 1
            return lambda names: yes(names) if test(names) else no(names)
        self.depth -= 1
        return yes

    def comparison(self) -> Tree:
        left = self.binary(0)
        if self.peek() not in _COMPARED:
            return left
        _, sign = self.take()
        right = self.binary(0)
        return lambda names: _compared(sign, left(names), right(names))

    def binary(self, tightness: int) -> Tree:
        left = self.unary()
        while _TIGHTNESS.get(self.peek(), 0) > tightness:
            _, sign = self.take()
            right = self.binary(_TIGHTNESS[sign] - (sign == "**"))
            left = self._operation(sign, left, right)
        return left

    def _operation(self, sign: str, left: Tree, right: Tree) -> Tree:
        def apply(names: dict[str, Value]) -> Value:
            self._count(1)
            return _calculated(sign, left(names), right(names))

        return apply

    def unary(self) -> Tree:
        if self.peek() in ("-", "+"):
            _, sign = self.take()
            inner = self.binary(5)
            return lambda names: _number(inner(names)) * (-1 if sign == "-" else 1)
        return self.value()

    def value(self) -> Tree:
        kind, text = self.take()
        if kind == "number":
            number = float(text.replace("_", ""))
            return lambda names: number
        if kind == "text":
            return lambda names: text[1:-1]
        if text == "(":
            inner = self.ternary()
            self.take(")")
            return inner
        if text == "[":
            return self._list()
        if kind == "name":
            return self._call(text) if self.peek() == "(" else self._named(text)
        raise ScheduleError(f"'{text}' where a value is expected")

    def _named(self, name: str) -> Tree:
        if name in _CONSTANTS:
            return lambda names: _CONSTANTS[name]

        def find(names: dict[str, Value]) -> Value:
            value = names[name] if name in names else self.lookup(name)
            if value is None:
                raise ScheduleError(f"'{name[:40]}' is not known")
            return value

        return find

    def _list(self) -> Tree:
        items: list[Tree] = []
        while self.peek() != "]":
            items.append(self.ternary())
            if self.peek() == "for":
                return self._comprehension(items[-1])
            if self.peek() != "]":
                self.take(",")
        self.take("]")
        return lambda names: [item(names) for item in items]

    def _comprehension(self, each: Tree) -> Tree:
        self.take("for")
        _, name = self.take()
        self.take("in")
        source = self.comparison()
        test = None
        if self.peek() == "if":
            self.take()
            test = self.comparison()
        self.take("]")

        def made(names: dict[str, Value]) -> Value:
            result: list[Any] = []
            for item in _items(source(names)):
                self._count(1)
                inner = {**names, name: item}
                if test is None or test(inner):
                    result.append(each(inner))
            return result

        return made

    def _call(self, name: str) -> Tree:
        self.take("(")
        positional: list[Tree] = []
        named: dict[str, Tree] = {}
        while self.peek() != ")":
            is_name = self.place + 1 < len(self.tokens) and self.tokens[self.place + 1][1] == "="
            if is_name:
                _, key = self.take()
                self.take("=")
                named[key] = self.ternary()
            else:
                positional.append(self.ternary())
            if self.peek() != ")":
                self.take(",")
        self.take(")")

        def call(names: dict[str, Value]) -> Value:
            self._count(10)
            arguments = [one(names) for one in positional]
            return _called(name, arguments, {key: one(names) for key, one in named.items()})

        if name not in FUNCTIONS:
            raise ScheduleError(f"the function '{name[:40]}' is not known")
        return call

    def _count(self, work: int) -> None:
        self.work += work
        if self.work > MAX_WORK:
            raise ScheduleError("it is too much work")


def _number(value: Value) -> float:
    if isinstance(value, list | str):
        raise ScheduleError("a list or a text where a number is expected")
    return float(value)


def _whole(value: Value) -> int:
    number = _number(value)
    if not np.isfinite(number):
        raise ScheduleError("a number that is not finite")
    return int(number)


def _items(value: Value) -> list[Any]:
    if not isinstance(value, list):
        raise ScheduleError("a number where a list is expected")
    return value


def _compared(sign: str, left: Value, right: Value) -> float:
    a, b = _number(left), _number(right)
    return float({"<": a < b, ">": a > b, "<=": a <= b, ">=": a >= b, "==": a == b, "!=": a != b}[sign])


def _calculated(sign: str, left: Value, right: Value) -> Value:
    if sign == "+" and isinstance(left, list) and isinstance(right, list):
        if len(left) + len(right) > MAX_ITEMS:
            raise ScheduleError(f"it becomes a list of more than {MAX_ITEMS} items")
        return left + right
    if sign == "*" and (isinstance(left, list) or isinstance(right, list)):
        items, count = (left, right) if isinstance(left, list) else (right, left)
        times = _whole(count)
        if len(_items(items)) * max(times, 0) > MAX_ITEMS:
            raise ScheduleError(f"it becomes a list of more than {MAX_ITEMS} items")
        return _items(items) * times
    a, b = _number(left), _number(right)
    try:
        with np.errstate(all="ignore"):
            power = float(np.float64(a) ** b) if sign == "**" else 0.0
        result = {
            "+": lambda: a + b,
            "-": lambda: a - b,
            "*": lambda: a * b,
            "/": lambda: a / b,
            "//": lambda: a // b,
            "%": lambda: a % b,
            "**": lambda: power,
        }[sign]()
    except ZeroDivisionError:
        raise ScheduleError("it divides by zero") from None
    if not np.isfinite(result):
        raise ScheduleError("it has a value that is not finite")
    return float(result)


def _ease(whole: bool) -> Callable[..., Value]:
    def ease(
        start: Value = 1, end: Value = 9, steps: Value = 1000, easing_fn: Value = "ExponentialEaseInOut"
    ) -> Value:
        try:
            values = eased(_number(start), _number(end), _whole(steps), str(easing_fn))
        except ValueError as error:
            raise ScheduleError(str(error)) from None
        return list(map(float, np.rint(values) if whole else values))

    return ease


def _short_ease(whole: bool) -> Callable[..., Value]:
    ease = _ease(whole)
    return lambda st=1, en=9, s=1000, fn="ExponentialEaseInOut": ease(st, en, s, fn)


def _range(*bounds: Value) -> Value:
    numbers = [_whole(one) for one in bounds]
    if not 1 <= len(numbers) <= 3 or (len(numbers) == 3 and numbers[2] == 0):
        raise ScheduleError("range() takes 1 to 3 numbers")
    made = range(*numbers)
    if len(made) > MAX_ITEMS:
        raise ScheduleError(f"it becomes a list of more than {MAX_ITEMS} items")
    return [float(number) for number in made]


def _linspace(start: Value, stop: Value, num: Value = 50) -> Value:
    count = _whole(num)
    if not 0 <= count <= MAX_ITEMS:
        raise ScheduleError(f"linspace() of {count} items")
    return list(map(float, np.linspace(_number(start), _number(stop), count)))


def _same(value: Value) -> Value:
    return value


def _most(choose: Callable[..., float]) -> Callable[..., Value]:
    def chosen(*values: Value) -> Value:
        numbers = values[0] if len(values) == 1 and isinstance(values[0], list) else values
        if not numbers:
            raise ScheduleError("the smallest or largest of nothing")
        return choose(*map(_number, numbers)) if len(numbers) > 1 else _number(numbers[0])

    return chosen


FUNCTIONS: dict[str, Callable[..., Value]] = {
    **{"dd_easing_int": _ease(True), "dd_easing_float": _ease(False)},
    **{"easeint": _short_ease(True), "easeflt": _short_ease(False)},
    **{"range": _range, "np.arange": _range, "np.linspace": _linspace, "numpy.linspace": _linspace},
    **{"eval": _same, "list": lambda value: _items(value), "float": lambda value: _number(value)},
    "int": lambda value: float(_whole(value)),
    "round": lambda value, digits=0.0: float(round(_number(value), _whole(digits))),
    "abs": lambda value: abs(_number(value)),
    "len": lambda value: float(len(_items(value))),
    "sum": lambda value: float(sum(map(_number, _items(value)))),
    "reversed": lambda value: _items(value)[::-1],
    "sorted": lambda value: sorted(map(_number, _items(value))),
    "min": _most(min),
    "max": _most(max),
}


def _called(name: str, positional: list[Value], named: dict[str, Value]) -> Value:
    try:
        return FUNCTIONS[name](*positional, **named)
    except TypeError:
        raise ScheduleError(f"{name}() does not take these arguments") from None
    except OverflowError:
        raise ScheduleError(f"{name}() is given too large a number") from None
