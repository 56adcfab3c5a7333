"""One setting's value to a curve over the frames or a schedule over the diffusion, as its notation says."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from animator.errors import ExpressionError
from animator.keyframes.clock import Clock
from animator.keyframes.curves import Curve, parse_curve
from animator.keyframes.expressions import NO_SOUNDS, Sounds
from animator.keyframes.schedules import is_schedule, parse_schedule
from animator.types import Schedule

_TRUTH = re.compile(r"\b(?:[Tt]rue|[Ff]alse)\b")


def compile_value(
    value: bool | int | float | str | Mapping[object, object],
    clock: Clock,
    *,
    seed: float = 0,
    frames: bool = True,
    steps: bool = False,
    method: str = "linear",
    switch: bool = False,
    sounds: Sounds = NO_SOUNDS,
) -> Curve | Schedule:
    """Compile a value of a scene.

    Args:
        value: a number, keyframes (a text or a mapping) or a schedule (a text that begins with ``[``).
        clock: the film's length and pace.
        seed: value of ``s`` in formulas.
        frames: whether the setting may change over the frames.
        steps: whether it may change over the diffusion.
        method: way from key to key where the value does not say one; of a switch it is ``step``.
        switch: whether it is a question of yes or no, so that true is 1 and false is 0 wherever they stand.
        sounds: the sound at every frame, for formulas (`animator.keyframes.expressions`, ``Sounds``).

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
    allowed = ["true, false or a number"] if switch else ["a number"]
    if switch:
        value, method = switch_numbers(value), "step"
    if frames:
        allowed.append('keyframes over the frames like "0: (1), 10: (1.05)"')
    if steps:
        allowed.append('a schedule over the diffusion like "[12]*400+[4]*600"')
    if isinstance(value, str) and is_schedule(value):
        if not steps:
            raise ExpressionError(_refusal("a schedule over the diffusion", allowed))
        return parse_schedule(value)
    curve = parse_curve(value, clock, seed, method, sounds)
    if not frames and _changes_over_frames(value):
        raise ExpressionError(_refusal("a value over the frames", allowed))
    return curve


def switch_numbers(value: Any) -> Any:
    """Return the value of a switch with 1 and 0 for true and false; every letter of a text keeps its place.

    >>> switch_numbers({0: True, 5: "false"}), switch_numbers("[True]*1000")
    ({0: 1, 5: '0    '}, '[1   ]*1000')
    """
    if isinstance(value, bool):
        return int(value)
    if isinstance(value, str):
        return _TRUTH.sub(lambda word: ("1" if word[0][0] in "Tt" else "0").ljust(len(word[0])), value)
    if isinstance(value, Mapping):
        return {key: switch_numbers(part) for key, part in value.items()}
    return value


def _changes_over_frames(value: object) -> bool:
    """Return whether a value is written as keyframes or a formula, not as a number."""
    if isinstance(value, str):
        try:
            float(value)
        except ValueError:
            return True
        return False
    return isinstance(value, Mapping)


def _refusal(found: str, allowed: list[str]) -> str:
    return f"{found} is not allowed here; write {' or '.join(allowed)}"
