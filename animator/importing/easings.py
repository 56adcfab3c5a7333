"""The easing functions that Visions of Chaos knows by name, as the package ``easing_functions`` has them."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

Ease = Callable[[np.ndarray], np.ndarray]


def _in_out(ease_in: Ease) -> Ease:
    """Return the easing that begins like ``ease_in`` and ends like its mirror image."""

    def both(t: np.ndarray) -> np.ndarray:
        first, second = np.clip(2 * t, 0, 1), np.clip(2 - 2 * t, 0, 1)
        return np.where(t < 0.5, 0.5 * ease_in(first), 1 - 0.5 * ease_in(second))

    return both


def _out(ease_in: Ease) -> Ease:
    return lambda t: 1 - ease_in(1 - t)


def _exponential(t: np.ndarray) -> np.ndarray:
    return np.where(t <= 0, 0.0, 2.0 ** (10 * (t - 1)))


def _bounce_out(t: np.ndarray) -> np.ndarray:
    return np.select(
        [t < 4 / 11, t < 8 / 11, t < 9 / 10],
        [
            121 * t * t / 16,
            363 / 40 * t * t - 99 / 10 * t + 17 / 5,
            4356 / 361 * t * t - 35442 / 1805 * t + 16061 / 1805,
        ],
        54 / 5 * t * t - 513 / 25 * t + 268 / 25,
    )


_IN: dict[str, Ease] = {
    "quad": lambda t: t**2,
    "cubic": lambda t: t**3,
    "quartic": lambda t: t**4,
    "quintic": lambda t: t**5,
    "sine": lambda t: 1 - np.cos(t * np.pi / 2),
    "circular": lambda t: 1 - np.sqrt(np.clip(1 - t * t, 0, None)),
    "exponential": _exponential,
    "elastic": lambda t: np.sin(13 * np.pi / 2 * t) * 2.0 ** (10 * (t - 1)),
    "back": lambda t: t**3 - t * np.sin(t * np.pi),
    "bounce": lambda t: 1 - _bounce_out(1 - t),
}


def easing(name: str) -> Ease | None:
    """Return the easing that a name such as ``CubicEaseInOut`` means, from 0..1 to 0..1; None of another.

    >>> float(easing("QuadEaseIn")(np.array(0.5)))
    0.25
    """
    folded = name.strip().strip("'\"").lower().replace("_", "")
    if folded in ("linear", "linearinout"):
        return lambda t: t
    kind, _, way = folded.partition("ease")
    if kind not in _IN or way not in ("in", "out", "inout"):
        return None
    ease_in = _IN[kind]
    return {"in": ease_in, "out": _out(ease_in), "inout": _in_out(ease_in)}[way]


def eased(start: float, end: float, steps: int, name: str) -> np.ndarray:
    """Return ``steps`` values from ``start`` towards ``end``, drawn out to reach exactly both.

    Raises:
        ValueError: there is no easing of that name, or no step.
    """
    function = easing(name)
    if function is None:
        raise ValueError(f"there is no easing '{name[:40]}'")
    if not 1 <= steps <= 100_000:
        raise ValueError(f"an easing of {steps} steps")
    share = function(np.arange(steps) / steps)
    values = end * share + start * (1 - share)
    low, high = min(start, end), max(start, end)
    span = np.ptp(values)
    if span == 0:
        return np.full(steps, float(start))
    result: np.ndarray = (values - values.min()) * (high - low) / span + low
    return result
