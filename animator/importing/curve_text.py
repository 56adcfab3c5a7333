"""Curves of other programs in the notation of a scene: their own keys where these give the same values."""

from __future__ import annotations

import numpy as np

from animator.errors import ExpressionError
from animator.importing.tool_keys import Keys
from animator.keyframes import Clock, parse_curve
from animator.keyframes.expressions import MAX_NUMBERS, Expression
from animator.keyframes.schedules import number_text

EXACT = 1e-9
"""How far what is written may be from what the program would have, relative to values above 1."""

MANY = 1500
"""Keys from which on those that lie on the line between their neighbours are left out."""

MANY_FORMULAS = 100
"""Formulas from which on a curve is written as its values: a scene may not have very many."""

Curve = float | int | str


def curve_text(
    keys: Keys, values: np.ndarray, method: str, *, seed: float, factor: float = 1.0, percent: bool = False
) -> Curve:
    """Return a curve as a scene writes it.

    Args:
        keys: the keys as the program reads them.
        values: what it makes of them at every frame, shape (frames,), before ``factor``.
        method: how numbers are joined.
        seed: value of ``s``.
        factor: by what every value is multiplied.
        percent: whether values are shares that get a percent sign; ``factor`` is 100 then.

    Returns:
        A number where the curve is constant, else a text of keys; of every frame where nothing shorter has
        the same values to 1e-9.
    """
    wanted = values * factor
    sign = "%" if percent else ""
    if np.ptp(wanted) <= 1e-12 * max(1.0, abs(wanted[0])):
        return constant(wanted[0], percent)
    frames = len(values)
    formulas = 0 if keys.plain else sum(isinstance(one, Expression) for one in keys.by_frame.values())
    if formulas > MANY_FORMULAS or (not formulas and method == "linear" and len(keys.by_frame) > MANY):
        return every_frame(wanted, sign, method)
    text = _keys_text(keys, frames, factor, sign)
    try:
        got = parse_curve(text.replace("%)", ")"), Clock(frames, 12), seed=seed, method=method).values
    except ExpressionError:
        return every_frame(wanted, sign, method)
    if np.max(np.abs(got - wanted) / np.maximum(1, np.abs(wanted))) > EXACT:
        return every_frame(wanted, sign, method)
    return text


def _keys_text(keys: Keys, frames: int, factor: float, sign: str) -> str:
    parts: list[str] = []
    for frame in sorted(keys.by_frame):
        value = keys.by_frame[frame]
        if frame >= frames and (isinstance(value, Expression) or parts):
            continue
        if isinstance(value, Expression):
            written = value.text if factor == 1 else f"{_short(factor)}*({value.text})"
            parts.append(f"{frame}: ({written}{sign})")
        else:
            parts.append(f"{frame}: ({_short(value * factor)}{sign})")
    return ", ".join(parts)


def every_frame(values: np.ndarray, sign: str = "", method: str = "linear", digits: int = 12) -> str:
    """Return a text of keys that gives values at every frame, without keys on the line between others.

    Args:
        values: shape (frames,).
        sign: what follows each number: nothing, or a percent sign.
        method: how numbers are joined in the rest of the scene.
        digits: significant digits of a number.
    """
    keep = corners(values)
    shown = values.tolist()
    if len(keep) < MANY:
        text = ", ".join(f"{frame}: ({shown[frame]:.{digits}g}{sign})" for frame in keep)
    else:
        form = f"%d:%.{digits}g{sign.replace('%', '%%')}"
        text = ",".join([form % (frame, shown[frame]) for frame in keep])
    if len(text) > MAX_NUMBERS and digits > 8:
        return every_frame(values, sign, method, digits - 2)
    return text if method == "linear" else f"linear; {text}"


def corners(values: np.ndarray) -> list[int]:
    """Return the frames without which the line through the others would differ by more than 1e-9.

    >>> corners(np.array([0.0, 1, 2, 3, 3, 3]))
    [0, 3, 5]
    """
    if len(values) < 3:
        return list(range(len(values)))
    bend = np.abs(values[2:] - 2 * values[1:-1] + values[:-2])
    keep = np.concatenate([[0], 1 + np.flatnonzero(bend > 1e-12), [len(values) - 1]])
    back = np.interp(np.arange(len(values)), keep, values[keep])
    if np.max(np.abs(back - values) / np.maximum(1, np.abs(values))) > EXACT:
        return list(range(len(values)))
    return [int(frame) for frame in keep]


def _short(value: float) -> str:
    """Return a number in at most 12 digits, as briefly as reads back to the same."""
    return number_text(float(f"{value:.12g}"))


def constant(value: float, percent: bool = False) -> Curve:
    """Return a number as a scene writes it, a whole one without a point; with ``percent`` a text."""
    short = float(f"{value:.12g}")
    if percent:
        return f"{number_text(short)}%"
    return int(short) if short == int(short) and abs(short) < 1e15 else short
