"""Ways from one key to the next: each maps the share of the time that has passed to the share of the way.

The families and their formulas are those of https://easings.net; ``ease``, ``ease-in``, ``ease-out`` and
``ease-in-out`` are the timing functions of CSS (CSS Easing Functions Level 1, section 2.2).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial

import numpy as np

Easing = Callable[[np.ndarray], np.ndarray]
"""From [0, 1] to the share of the way: 0 at 0 and 1 at 1, between them possibly outside [0, 1]."""


def _bezier(u: np.ndarray, x1: float, y1: float, x2: float, y2: float) -> np.ndarray:
    """Return y where the cubic Bezier curve (0,0), (x1,y1), (x2,y2), (1,1) has x = ``u``, by bisection."""
    low, high = np.zeros_like(u), np.ones_like(u)
    for _ in range(53):
        middle = (low + high) / 2
        x = 3 * (1 - middle) ** 2 * middle * x1 + 3 * (1 - middle) * middle**2 * x2 + middle**3
        low, high = np.where(x < u, middle, low), np.where(x < u, high, middle)
    y = 3 * (1 - high) ** 2 * high * y1 + 3 * (1 - high) * high**2 * y2 + high**3
    return np.where(u <= 0, 0.0, np.where(u >= 1, 1.0, y))


def _power(u: np.ndarray, exponent: int) -> np.ndarray:
    return u**exponent


def _sine(u: np.ndarray) -> np.ndarray:
    return 1 - np.cos(u * np.pi / 2)


def _expo(u: np.ndarray) -> np.ndarray:
    return np.where(u <= 0, 0.0, 2.0 ** (10 * u - 10))


def _circ(u: np.ndarray) -> np.ndarray:
    result: np.ndarray = 1 - np.sqrt(1 - np.clip(u, 0, 1) ** 2)
    return result


def _back(u: np.ndarray, overshoot: float = 1.70158) -> np.ndarray:
    return (overshoot + 1) * u**3 - overshoot * u**2


def _elastic(u: np.ndarray, period: float = 0.3) -> np.ndarray:
    wave = -(2.0 ** (10 * u - 10)) * np.sin((u - 1 - period / 4) * 2 * np.pi / period)
    return np.where(u <= 0, 0.0, np.where(u >= 1, 1.0, wave))


def _bounce(u: np.ndarray) -> np.ndarray:
    rest = 1 - u
    landed = np.select(
        [rest < 1 / 2.75, rest < 2 / 2.75, rest < 2.5 / 2.75],
        [
            7.5625 * rest**2,
            7.5625 * (rest - 1.5 / 2.75) ** 2 + 0.75,
            7.5625 * (rest - 2.25 / 2.75) ** 2 + 0.9375,
        ],
        7.5625 * (rest - 2.625 / 2.75) ** 2 + 0.984375,
    )
    return 1 - landed


def _out(u: np.ndarray, easing: Easing) -> np.ndarray:
    return 1 - easing(1 - u)


def _in_out(u: np.ndarray, easing: Easing) -> np.ndarray:
    return np.where(u < 0.5, easing(2 * u) / 2, 1 - easing(2 - 2 * u) / 2)


_FAMILIES: Mapping[str, Easing] = {
    "sine": _sine,
    "quad": partial(_power, exponent=2),
    "cubic": partial(_power, exponent=3),
    "quart": partial(_power, exponent=4),
    "quint": partial(_power, exponent=5),
    "expo": _expo,
    "circ": _circ,
    "back": _back,
    "elastic": _elastic,
    "bounce": _bounce,
}

EASINGS: Mapping[str, Easing] = {
    "linear": partial(_power, exponent=1),
    "step": np.floor,
    "ease": partial(_bezier, x1=0.25, y1=0.1, x2=0.25, y2=1.0),
    "ease-in": partial(_bezier, x1=0.42, y1=0.0, x2=1.0, y2=1.0),
    "ease-out": partial(_bezier, x1=0.0, y1=0.0, x2=0.58, y2=1.0),
    "ease-in-out": partial(_bezier, x1=0.42, y1=0.0, x2=0.58, y2=1.0),
    **{f"ease-in-{name}": easing for name, easing in _FAMILIES.items()},
    **{f"ease-out-{name}": partial(_out, easing=easing) for name, easing in _FAMILIES.items()},
    **{f"ease-in-out-{name}": partial(_in_out, easing=easing) for name, easing in _FAMILIES.items()},
}
"""Every easing by name; ``step`` stays at the start until the next key."""

SYNONYMS: Mapping[str, str] = {
    **dict.fromkeys(("smooth", "smoothstep", "cosine", "sinusoidal", "sine"), "ease-in-out-sine"),
    **dict.fromkeys(("bezier", "beziercurve", "auto", "easeease"), "ease-in-out"),
    **dict.fromkeys(("constant", "hold", "held", "stepped", "discrete", "none", "instant"), "step"),
    **dict.fromkeys(("spline", "catmullrom", "hermite"), "pchip"),
    **dict.fromkeys(("exponential", "expo"), "ease-in-expo"),
    "lerp": "linear",
}
"""Words of other programs, folded, and what comes nearest here."""


def easing_name(word: str) -> str | None:
    """Return the easing that a word means whatever its case, dashes and underscores; None where it is none.

    >>> easing_name("easeInOut"), easing_name("EASE_IN_CUBIC"), easing_name("t")
    ('ease-in-out', 'ease-in-cubic', None)
    """
    return _FOLDED.get(word.lower().replace("-", "").replace("_", ""))


_FOLDED = {name.replace("-", ""): name for name in EASINGS}
