"""What an expression may call: every function, operator, variable and constant, and nothing else."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import reduce

import numpy as np

VARIABLES = ("t", "max_f", "s")
CONSTANTS = {"pi": math.pi, "e": math.e}
SOUNDS = ("audio", "audio_low", "audio_high")
"""Functions of a frame that follow the scene's sound: all of it, its bass and its treble, 0 to 1."""


@dataclass(frozen=True)
class Function:
    """Something that turns arrays into an array.

    Attributes:
        apply: takes and returns float64 or bool arrays, or scalars where nothing depends on the frame.
        least: fewest arguments.
        most: most arguments, or None for any number.
    """

    apply: Callable[..., np.ndarray]
    least: int = 1
    most: int | None = 1

    @property
    def arity(self) -> str:
        """How many arguments it takes, in words.

        >>> FUNCTIONS["where"].arity, FUNCTIONS["min"].arity
        ('3 arguments', '2 or more arguments')
        """
        count = f"{self.least} argument{'s' if self.least > 1 else ''}"
        return count if self.most == self.least else f"{self.least} or more arguments"


def remainder(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Return ``a % b`` as numexpr does where one of them is no whole number: with the sign of ``b``.

    A remainder of two written numbers is folded by Python before numexpr sees it.

    >>> remainder(np.array([-7.0, 7.0]), np.float64(2.5)).tolist()
    [0.5, 2.0]
    """
    if np.ndim(a) == 0 and np.ndim(b) == 0:
        folded: np.ndarray = np.mod(a, b)
        return folded
    whole: np.ndarray = np.floor(a / b)
    return np.where(np.isfinite(whole), a - whole * b, np.nan)


def whole_remainder(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Return ``a % b`` of whole numbers as numexpr did in Deforum's time: with the sign of ``a``, as in C.

    >>> float(whole_remainder(np.float64(-7), np.float64(3)))
    2.0
    >>> whole_remainder(np.array([-7.0]), np.float64(3)).tolist()
    [-1.0]
    """
    constant = np.ndim(a) == 0 and np.ndim(b) == 0
    result: np.ndarray = np.mod(a, b) if constant else np.fmod(a, b)
    return np.where(np.equal(b, 0), 0.0, result) if np.ndim(b) else result  # of whole numbers numexpr has 0


def heard(frames: np.ndarray, envelope: np.ndarray) -> np.ndarray:
    """Return how loud a sound is at ``frames``: linear between two frames, silent before and after the film.

    >>> heard(np.array([0.5, 1, 7]), np.array([0.0, 1.0])).tolist()
    [0.5, 1.0, 0.0]
    """
    at = np.arange(len(envelope))
    result: np.ndarray = np.interp(np.asarray(frames, np.float64), at, envelope, left=0.0, right=0.0)
    return result


def _is_bool(a: np.ndarray) -> bool:
    return bool(np.asarray(a).dtype == bool)


def _whole(a: np.ndarray) -> np.ndarray:
    """Return ``a`` as integers, for an operator on bits; raises ValueError where it has a fraction."""
    if not np.all(np.isfinite(a)) or np.any(a != np.floor(a)) or np.any(np.abs(a) > 2**53):
        raise ValueError("& | ~ take comparisons, as in (t > 5) & (t < 9), or whole numbers")
    return np.asarray(a).astype(np.int64)


def _both(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    result: np.ndarray = a & b if _is_bool(a) and _is_bool(b) else (_whole(a) & _whole(b)).astype(np.float64)
    return result


def _either(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    result: np.ndarray = a | b if _is_bool(a) and _is_bool(b) else (_whole(a) | _whole(b)).astype(np.float64)
    return result


def _invert(a: np.ndarray) -> np.ndarray:
    return ~a if _is_bool(a) else (~_whole(a)).astype(np.float64)


def _arithmetic(operation: Callable[..., np.ndarray]) -> Callable[..., np.ndarray]:
    """Return ``operation`` on numbers only: a comparison that is calculated with counts as 0 or 1."""

    def apply(*values: np.ndarray) -> np.ndarray:
        return operation(*(np.float64(value) if np.ndim(value) == 0 else value * 1.0 for value in values))

    return apply


def _choose(condition: np.ndarray, yes: np.ndarray, no: np.ndarray) -> np.ndarray:
    return np.where(np.asarray(condition) != 0, yes, no)


def _one(operation: Callable[..., np.ndarray]) -> Function:
    return Function(_arithmetic(operation))


def _two(operation: Callable[..., np.ndarray]) -> Function:
    return Function(_arithmetic(operation), 2, 2)


FUNCTIONS = {
    "sin": _one(np.sin),
    "cos": _one(np.cos),
    "tan": _one(np.tan),
    "asin": _one(np.arcsin),
    "acos": _one(np.arccos),
    "atan": _one(np.arctan),
    "arcsin": _one(np.arcsin),
    "arccos": _one(np.arccos),
    "arctan": _one(np.arctan),
    "arctan2": _two(np.arctan2),
    "sinh": _one(np.sinh),
    "cosh": _one(np.cosh),
    "tanh": _one(np.tanh),
    "arcsinh": _one(np.arcsinh),
    "arccosh": _one(np.arccosh),
    "arctanh": _one(np.arctanh),
    "exp": _one(np.exp),
    "expm1": _one(np.expm1),
    "log": _one(np.log),
    "log10": _one(np.log10),
    "log1p": _one(np.log1p),
    "log2": _one(np.log2),
    "sqrt": _one(np.sqrt),
    "abs": _one(np.abs),
    "floor": _one(np.floor),
    "ceil": _one(np.ceil),
    "round": _one(np.round),
    "trunc": _one(np.trunc),
    "sign": _one(np.sign),
    "hypot": _two(np.hypot),
    "fmod": _two(np.fmod),
    "copysign": _two(np.copysign),
    "nextafter": _two(np.nextafter),
    "maximum": _two(np.maximum),
    "minimum": _two(np.minimum),
    "isnan": _one(np.isnan),
    "isinf": _one(np.isinf),
    "isfinite": _one(np.isfinite),
    "signbit": _one(np.signbit),
    "min": Function(_arithmetic(lambda *values: reduce(np.minimum, values)), 2, None),
    "max": Function(_arithmetic(lambda *values: reduce(np.maximum, values)), 2, None),
    "clip": Function(_arithmetic(lambda x, low, high: np.minimum(np.maximum(x, low), high)), 3, 3),
    "where": Function(_choose, 3, 3),
    "mod": _two(np.mod),
}
"""By name. ``mod(a, b)`` has the sign of ``b`` everywhere, ``fmod(a, b)`` that of ``a``; ``round`` is half to
even."""

ELSEWHERE = {
    "int": "write trunc(x), or floor(x) to go down",
    "float": "every number has a fraction here: leave it out",
    "fix": "write trunc(x)",
    "pow": "write a ** b",
    "power": "write a ** b",
    "square": "write x ** 2",
    "cbrt": "write x ** (1 / 3)",
    "clamp": "write clip(x, low, high)",
    "fabs": "write abs(x)",
    "ln": "write log(x)",
    "atan2": "write arctan2(y, x)",
    "sgn": "write sign(x)",
    "deg2rad": "write x * pi / 180",
    "radians": "write x * pi / 180",
    "rad2deg": "write x * 180 / pi",
    "degrees": "write x * 180 / pi",
    "lerp": "write a + (b - a) * x",
    "mix": "write a + (b - a) * x",
    "smoothstep": "write x * x * (3 - 2 * x) with x from 0 to 1",
    "frac": "write mod(x, 1)",
    "rand": "a formula has no random numbers; write mod(sin(t * 12.9898 + s) * 43758.5453, 1)",
    "complex": "only real numbers are supported",
    "real": "only real numbers are supported",
    "imag": "only real numbers are supported",
    "conj": "only real numbers are supported",
}
"""Functions of other languages, and what to write here."""
ELSEWHERE |= dict.fromkeys(("random", "randint", "uniform", "noise"), ELSEWHERE["rand"])

BINARY = {
    "<": (1, _two(np.less)),
    "<=": (1, _two(np.less_equal)),
    ">": (1, _two(np.greater)),
    ">=": (1, _two(np.greater_equal)),
    "==": (1, _two(np.equal)),
    "!=": (1, _two(np.not_equal)),
    "|": (2, Function(_either, 2, 2)),
    "&": (3, Function(_both, 2, 2)),
    "+": (4, _two(np.add)),
    "-": (4, _two(np.subtract)),
    "*": (5, _two(np.multiply)),
    "/": (5, _two(np.divide)),
    "%": (5, _two(remainder)),
    "**": (7, _two(np.power)),
}
"""Operators between two values with how tightly they bind, which is Python's and so numexpr's order."""

COMPARISON = 1
UNARY = 6
PREFIX = {"-": _one(np.negative), "+": _one(np.positive), "~": Function(_invert)}
"""Operators before a value; they bind looser than ``**`` (``-2**2`` is -4) and tighter than the others."""

REMAINDER = _two(whole_remainder)
"""What ``%`` is between values that are whole by how they are written."""

_WHOLE = frozenset(
    (*(BINARY[sign][1] for sign in ("+", "-", "*", "**")), REMAINDER, PREFIX["-"], PREFIX["+"])
)


def stays_whole(function: Function, whole: list[bool]) -> bool:
    """Return whether what a function gives is a whole number.

    Args:
        function: what is called.
        whole: of each of its arguments, whether it is whole by how it is written.
    """
    if function is FUNCTIONS["where"]:
        return all(whole[1:])
    return function in _WHOLE and all(whole)


SIGNS = {
    "^": "a power is written **",
    "//": "write floor(a / b)",
    "&&": "write &, with each comparison in brackets",
    "||": "write |, with each comparison in brackets",
    "!": "'not' is written ~",
    "=": "'equal' is written ==",
    "and": "write &, with each comparison in brackets",
    "or": "write |, with each comparison in brackets",
    "not": "'not' is written ~",
    "if": "write where(condition, yes, no)",
}
"""Signs and words of other languages, and what to write here."""
