"""Formulas such as ``10 + 5*sin(2*pi*t/48)``: read into a tree of allowed nodes, never evaluated as code.

The language is the part of numexpr that Deforum's users write, with more functions (`functions.py`). The
reader is a precedence parser (Pratt 1973, "Top down operator precedence"); the tree is kept in postfix order,
so that evaluating it needs no recursion however long a sum is.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

import numpy as np

from animator.errors import ExpressionError
from animator.keyframes.functions import (
    BINARY,
    COMPARISON,
    CONSTANTS,
    ELSEWHERE,
    FUNCTIONS,
    PREFIX,
    REMAINDER,
    SIGNS,
    SOUNDS,
    UNARY,
    VARIABLES,
    Function,
    heard,
    stays_whole,
)
from animator.keyframes.signs import plain_signs
from animator.keyframes.slips import Token, foreign_character, foreign_word, suggestion, two_values

MAX_LENGTH = 20_000
"""Most characters of a formula, of a prompt and of a schedule."""
MAX_TEXT = 500_000
"""Most characters of a keyframe text, which may have a key for each frame."""
MAX_NUMBERS = 2_500_000
"""Most characters of one in which every value is a number."""
MAX_DEPTH = 64
"""Most brackets, signs and powers inside one another."""
MAX_NODES = 4_000
"""Most numbers, names, operators and calls in one expression."""
FRAMES_AT_ONCE = 4096
"""Frames that are evaluated together, because each argument of a call takes memory for all of them."""

NUMBER = r"(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?"
"""How a number without a sign is written, as a regular expression."""

_TOKEN = re.compile(
    rf"(?P<number>{NUMBER})|(?P<name>[A-Za-z_][A-Za-z0-9_]*)|(?P<sign>\*\*|//|<=|>=|==|!=|&&|\|\||[-+*/%<>&|~(),^!=])",
    re.ASCII,
)
_SPACE = re.compile(r"\s*")


@dataclass(frozen=True)
class Number:
    """A written number or a constant."""

    value: float


@dataclass(frozen=True)
class Variable:
    """``t``, ``max_f`` or ``s``."""

    name: str


@dataclass(frozen=True)
class Call:
    """A function or operator on the ``count`` values before it; ``offset`` is where it is in the text."""

    function: Function
    count: int
    offset: int


@dataclass(frozen=True)
class Hear:
    """How loud the sound ``name`` is at the frame before it; ``offset`` is where it is in the text."""

    name: str
    offset: int


Node = Number | Variable | Call | Hear

Sounds = Mapping[str, np.ndarray]
"""By the name of a function (`SOUNDS`), how loud the scene's sound is at every frame of the film, 0 to 1."""

NO_SOUNDS: Sounds = MappingProxyType({})


@dataclass(frozen=True)
class Expression:
    """A formula that has been read.

    Attributes:
        text: the formula as it was written.
        nodes: its tree in postfix order.
        offset: where it begins in the text that the user wrote.
    """

    text: str
    nodes: tuple[Node, ...] = field(repr=False)
    offset: int = 0

    @property
    def variables(self) -> frozenset[str]:
        """Names of the variables that it reads."""
        return frozenset(node.name for node in self.nodes if isinstance(node, Variable))

    def evaluate(
        self, t: np.ndarray, max_f: float = 0.0, s: float = 0.0, sounds: Sounds = NO_SOUNDS
    ) -> np.ndarray:
        """Return the value at every frame.

        Args:
            t: numbers of the frames, any shape (n,).
            max_f: number of the last frame.
            s: seed.
            sounds: what the scene's sound is at every frame; see `Sounds`.

        Returns:
            float64 of shape (n,). NaN where there is no finite value: a root of a negative number, a division
            by zero, ``log(0)``, too large a power.

        Raises:
            ExpressionError: ``&``, ``|`` or ``~`` meets a fraction, or the formula uses a sound that is not
                among ``sounds``.

        >>> parse_expression("10 + 5*(t % 3)").evaluate(np.arange(5)).tolist()
        [10.0, 15.0, 20.0, 10.0, 15.0]
        """
        t = np.asarray(t, np.float64)
        blocks = [t[at : at + FRAMES_AT_ONCE] for at in range(0, max(len(t), 1), FRAMES_AT_ONCE)]
        return np.concatenate([self._block(block, max_f, s, sounds) for block in blocks])

    def _block(self, t: np.ndarray, max_f: float, s: float, sounds: Sounds) -> np.ndarray:
        """Return the values at some of the frames."""
        return self.evaluate_with({"t": t, "max_f": np.full_like(t, max_f), "s": np.full_like(t, s)}, sounds)

    def evaluate_with(self, known: Mapping[str, np.ndarray], sounds: Sounds = NO_SOUNDS) -> np.ndarray:
        """Return the value for values of the variables, float64 arrays of one shape; see `evaluate`."""
        stack: list[np.ndarray] = []
        shape = next(iter(known.values())).shape
        with np.errstate(all="ignore"):
            for node in self.nodes:
                if isinstance(node, Number):
                    stack.append(np.asarray(node.value, np.float64))
                elif isinstance(node, Variable):
                    stack.append(known[node.name])
                elif isinstance(node, Hear):
                    stack.append(self._heard(node, stack.pop(), sounds))
                else:
                    arguments = stack[-node.count :]
                    del stack[-node.count :]
                    stack.append(self._call(node, arguments))
        values = np.array(np.broadcast_to(np.asarray(stack[0], np.float64), shape))
        values[np.isinf(values)] = np.nan  # 1/0 is no more a value than 1%0
        return values

    def _call(self, node: Call, arguments: list[np.ndarray]) -> np.ndarray:
        try:
            return node.function.apply(*arguments)
        except ValueError as error:
            raise ExpressionError(str(error), node.offset) from error

    def _heard(self, node: Hear, frames: np.ndarray, sounds: Sounds) -> np.ndarray:
        if node.name not in sounds:
            message = f"{node.name}() needs a sound, and the scene names none: set output.audio"
            raise ExpressionError(message, node.offset)
        return heard(frames, sounds[node.name])

    @property
    def _quoted(self) -> str:
        return repr(self.text if len(self.text) <= 60 else self.text[:57] + "...")


def parse_expression(text: str, offset: int = 0, variables: Iterable[str] = VARIABLES) -> Expression:
    """Read a formula.

    Args:
        text: the formula.
        offset: where it begins in the text that the user wrote; added to the offsets of errors.
        variables: the variables that it may read.

    Raises:
        ExpressionError: the formula cannot be understood, or is longer or deeper than a formula may be.

    >>> parse_expression("-2**2 + where(t > 5, 1, 0)").evaluate(np.array([5, 6])).tolist()
    [-4.0, -3.0]
    >>> parse_expression("1 + 0.1*sine(t)")
    Traceback (most recent call last):
    ...
    animator.errors.ExpressionError: unknown function 'sine'; did you mean 'sin'?
    """
    check_length(text, offset)
    text = plain_signs(text)
    parser = _Parser(_tokens(text, offset), tuple(variables), offset + len(text))
    parser.expression(0)
    parser.expect_end()
    return Expression(text.strip(), tuple(parser.nodes), offset)


def check_length(text: str, offset: int = 0, most: int = MAX_LENGTH) -> None:
    """Raise ExpressionError if ``text`` has more than ``most`` characters."""
    if len(text) > most:
        raise ExpressionError(f"the text has {len(text)} characters; {most} are allowed", offset)


def as_float(value: int | float) -> float:
    """Return a number as float64; an integer beyond its range becomes infinite."""
    try:
        return float(value)
    except OverflowError:
        return math.inf


def _tokens(text: str, offset: int) -> list[Token]:
    tokens = []
    place = _skip_space(text, 0)
    while place < len(text):
        match = _TOKEN.match(text, place)
        if match is None:
            raise ExpressionError(foreign_character(text, place), offset + place)
        tokens.append(Token(str(match.lastgroup), match.group(), offset + place))
        place = _skip_space(text, match.end())
    return tokens


def _skip_space(text: str, place: int) -> int:
    match = _SPACE.match(text, place)
    return match.end() if match else place


class _Parser:
    """Reads tokens from left to right and writes the tree in postfix order."""

    def __init__(self, tokens: list[Token], variables: tuple[str, ...], end: int) -> None:
        self.tokens = tokens
        self.variables = variables
        # A sound is heard only where there are frames.
        self.functions = (*FUNCTIONS, *SOUNDS) if "t" in variables else tuple(FUNCTIONS)
        self.end = Token("end", "", end)
        self.place = 0
        self.depth = 0
        self.nodes: list[Node] = []
        self.whole: list[bool] = []  # of each value on the stack, whether it is whole by how it is written

    def expression(self, tightness: int) -> None:
        """Read a value and every operator after it that binds tighter than ``tightness``."""
        self.depth += 1
        if self.depth > MAX_DEPTH:
            raise ExpressionError(
                f"brackets, signs or powers are nested more than {MAX_DEPTH} deep", self._peek().offset
            )
        self._value()
        compared = False
        while (operator := self._peek()).text in BINARY:
            binds, function = BINARY[operator.text]
            if binds <= tightness:
                break
            if binds == COMPARISON and compared:
                message = "comparisons cannot be chained; write (a < b) & (b < c)"
                raise ExpressionError(message, operator.offset)
            compared = binds == COMPARISON
            self.place += 1
            # A power groups from the right, and its exponent may have a sign: 2**-3**2 is 2**(-(3**2)).
            self.expression(UNARY - 1 if operator.text == "**" else binds)
            whole = operator.text == "%" and all(self.whole[-2:])
            self._emit(Call(REMAINDER if whole else function, 2, operator.offset))
        self.depth -= 1

    def expect_end(self) -> None:
        """Raise ExpressionError if anything is left."""
        token = self._peek()
        if token.kind != "end":
            raise ExpressionError(self._fault(token, "an operator"), token.offset)

    def _value(self) -> None:
        token = self._next()
        if token.kind == "number":
            self._number(token)
        elif token.kind == "name":
            self._name(token)
        elif token.text == "(":
            self.expression(0)
            self._close(token)
        elif token.text in PREFIX:
            self.expression(UNARY - 1)
            self._emit(Call(PREFIX[token.text], 1, token.offset))
        else:
            raise ExpressionError(self._fault(token, "a number, a name or '('"), token.offset)

    def _number(self, token: Token) -> None:
        value = float(token.text)
        if math.isinf(value):
            raise ExpressionError(f"the number {token.text[:20]} is too large", token.offset)
        self._emit(Number(value), whole=token.text.isdigit())

    def _name(self, token: Token) -> None:
        if self._peek().text == "(" and token.text not in SIGNS:
            self._function(token)
        elif token.text in CONSTANTS:
            self._emit(Number(CONSTANTS[token.text]))
        elif token.text in self.variables:
            self._emit(Variable(token.text), whole=True)
        elif token.text in self.functions:
            raise ExpressionError(f"'{token.text}' is a function: write {token.text}(...)", token.offset)
        elif token.text in SIGNS:
            raise ExpressionError(f"'{token.text}' is not known here: {SIGNS[token.text]}", token.offset)
        else:
            known = (*self.variables, *CONSTANTS)
            if slip := foreign_word(token.text, self.variables):
                raise ExpressionError(slip, token.offset)
            hint = suggestion(token.text.lower(), (*known, *self.functions))
            hint = hint or f"; the variables are {', '.join(known)}"
            raise ExpressionError(f"unknown name '{token.text[:40]}'{hint}", token.offset)

    def _function(self, token: Token) -> None:
        if token.text in SOUNDS and "t" not in self.variables:
            raise ExpressionError(f"{token.text}() follows the frames: it has no value here", token.offset)
        if token.text not in self.functions:
            every = ", ".join(self.functions)
            if token.text.lower() in ELSEWHERE:
                hint = f"; {ELSEWHERE[token.text.lower()]}"
                raise ExpressionError(f"unknown function '{token.text}'{hint}", token.offset)
            hint = suggestion(token.text, self.functions) or f"; the functions are {every}"
            raise ExpressionError(f"unknown function '{token.text[:40]}'{hint}", token.offset)
        opening = self._next()
        count = 0
        if self._peek().text != ")":
            self.expression(0)
            count = 1
        while count and self._peek().text == ",":
            self.place += 1
            self.expression(0)
            count += 1
        self._close(opening)
        if token.text in SOUNDS:
            if count != 1:
                message = f"{token.text}() takes 1 argument, the frame, as in {token.text}(t); {count} given"
                raise ExpressionError(message, token.offset)
            self._emit(Hear(token.text, token.offset))
            return
        function = FUNCTIONS[token.text]
        if count < function.least or (function.most is not None and count > function.most):
            raise ExpressionError(f"{token.text}() takes {function.arity}, {count} given", token.offset)
        self._emit(Call(function, count, token.offset))

    def _close(self, opening: Token) -> None:
        token = self._peek()
        if token.kind == "end":
            raise ExpressionError("this '(' is never closed", opening.offset)
        if token.text != ")":
            raise ExpressionError(self._fault(token, "an operator or ')'"), token.offset)
        self.place += 1

    def _fault(self, token: Token, wanted: str) -> str:
        if token.text in SIGNS:
            return f"'{token.text}' is not known here: {SIGNS[token.text]}"
        if token.text == "," and (number := self._around(token)):
            return f"a comma separates arguments; write {number} if this is a decimal comma"
        at = self.tokens.index(token) if token in self.tokens else 0
        if at and (slip := two_values(self.tokens[at - 1], token, self.functions, self.variables)):
            return slip
        found = f"'{token.text[:40]}'" if token.text else "the end of the expression"
        return f"expected {wanted}, found {found}"

    def _around(self, comma: Token) -> str:
        """Return the decimal number that a comma stands in, with a point, or an empty text."""
        at = self.tokens.index(comma)
        before, after = (self.tokens[at + step : at + step + 1] if at + step >= 0 else [] for step in (-1, 1))
        whole = [token for token in (*before, *after) if token.kind == "number" and token.text.isdigit()]
        return f"{whole[0].text}.{whole[1].text}" if len(whole) == 2 else ""

    def _emit(self, node: Node, whole: bool = False) -> None:
        if len(self.nodes) >= MAX_NODES:
            raise ExpressionError(f"the expression has more than {MAX_NODES} parts", self._peek().offset)
        if isinstance(node, Call | Hear):
            taken = node.count if isinstance(node, Call) else 1
            whole = isinstance(node, Call) and stays_whole(node.function, self.whole[-taken:])
            del self.whole[-taken:]
        self.whole.append(whole)
        self.nodes.append(node)

    def _peek(self) -> Token:
        return self.tokens[self.place] if self.place < len(self.tokens) else self.end

    def _next(self) -> Token:
        token = self._peek()
        self.place += 1
        return token
