"""One setting's value to a curve over the frames or a schedule over the diffusion, as its notation says."""

from __future__ import annotations

from collections.abc import Mapping

from animator.errors import ExpressionError
from animator.keyframes.clock import Clock
from animator.keyframes.curves import Curve, parse_curve
from animator.keyframes.schedules import is_schedule, parse_schedule
from animator.types import Schedule


def compile_value(
    value: int | float | str | Mapping[object, object],
    clock: Clock,
    *,
    seed: float = 0,
    frames: bool = True,
    steps: bool = False,
    method: str = "linear",
) -> Curve | Schedule:
    """Compile a value of a scene.

    Args:
        value: a number, keyframes (a text or a mapping) or a schedule (a text that begins with ``[``).
        clock: the film's length and pace.
        seed: value of ``s`` in formulas.
        frames: whether the setting may change over the frames.
        steps: whether it may change over the diffusion.
        method: way from key to key where the value does not say one.

    Returns:
        A `Curve`, or for a schedule its 1000 entries. A number is a `Curve`, also where only ``steps`` is
        allowed or neither is.

    Raises:
        ExpressionError: the value cannot be understood or its notation is not allowed here.

    >>> clock = Clock(frames=3, fps=12)
    >>> compile_value("0: (1), 2: (2)", clock).values.tolist()
    [1.0, 1.5, 2.0]
    >>> compile_value("[1]*1000", clock)
    Traceback (most recent call last):
    ...
    animator.errors.ExpressionError: a schedule over the diffusion is not allowed here; write a number or \
keyframes over the frames like "0: (1), 10: (1.05)"
    """
    allowed = ["a number"]
    if frames:
        allowed.append('keyframes over the frames like "0: (1), 10: (1.05)"')
    if steps:
        allowed.append('a schedule over the diffusion like "[12]*400+[4]*600"')
    if isinstance(value, str) and is_schedule(value):
        if not steps:
            raise ExpressionError(_refusal("a schedule over the diffusion", allowed))
        return parse_schedule(value)
    curve = parse_curve(value, clock, seed, method)
    if not frames and _changes_over_frames(value):
        raise ExpressionError(_refusal("a value over the frames", allowed))
    return curve


def _changes_over_frames(value: object) -> bool:
    """Tell whether a value is written as keyframes or a formula, not as a number."""
    if isinstance(value, str):
        try:
            float(value)
        except ValueError:
            return True
        return False
    return isinstance(value, Mapping)


def _refusal(found: str, allowed: list[str]) -> str:
    return f"{found} is not allowed here; write {' or '.join(allowed)}"
