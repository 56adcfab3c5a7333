"""Keys to a value at every frame."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.interpolate import PchipInterpolator, make_interp_spline

from animator.errors import ExpressionError
from animator.keyframes.clock import Clock
from animator.keyframes.easings import EASINGS
from animator.keyframes.expressions import Expression
from animator.keyframes.keys import SPLINES, Key, check_method, keys_of_mapping, parse_keys


@dataclass(frozen=True, eq=False)
class Curve:
    """A value over the frames.

    Attributes:
        values: float64 of shape (frames,), all finite.
        notices: what was accepted though it may be a slip, a line each, for the user to read.
    """

    values: np.ndarray
    notices: tuple[str, ...] = ()


def parse_curve(
    value: int | float | str | Mapping[object, object],
    clock: Clock,
    seed: float = 0,
    method: str = "linear",
) -> Curve:
    """Turn a number, a keyframe text or a mapping of keys into a value at every frame.

    A number leads to the next key by the ramp's method (`animator.keyframes.keys`, ``METHODS``); any other
    text (even ``2*1``) is a formula, evaluated at every frame until the next key. A ramp towards a formula aims
    at the formula's value at its own key. The first key holds before it, the last one after it, and a key after
    the film's end still shapes the ramp towards it. Keys may stand in any order.

    ``quadratic`` and ``cubic`` are splines through all neighbouring numbers, as Disco Diffusion has them: fewer
    than three keys are joined linearly and fewer than four at most quadratically, and the spline also
    passes through the held ends at frame 0 and at the last frame. ``pchip`` never overshoots.

    Two slips are accepted, as in the tools that people bring their texts from, and told in ``notices``: of two
    keys at one frame of a text the later counts (in a mapping it is an error, for there they can only be
    two spellings of one position); and frames where a formula has no real value, such as a root of a
    negative number, are bridged linearly.

    Args:
        value: the number, text or mapping.
        clock: the film's length and pace.
        seed: value of ``s`` in formulas.
        method: way from key to key where the text does not say one.

    Raises:
        ExpressionError: the text cannot be understood, or a value is not finite.

    >>> clock = Clock(frames=6, fps=12)
    >>> parse_curve("0: (1), 4: (3)", clock).values.tolist()
    [1.0, 1.5, 2.0, 2.5, 3.0, 3.0]
    >>> parse_curve({0: 1, 2: "10*t"}, clock).values.tolist()
    [1.0, 10.5, 20.0, 30.0, 40.0, 50.0]
    """
    own_method, keys = _keys(value, clock)
    keys, notices = _sorted(keys, strict=not isinstance(value, str))
    known = _known(keys, clock, seed)
    values = _held(keys, known, clock)
    for first, last in _runs(keys):
        _draw_run(values, keys[first : last + 1], known[first : last + 1], own_method or check_method(method))
    values, bridged = _bridged(values)
    return Curve(values, notices + bridged)


def _keys(value: object, clock: Clock) -> tuple[str | None, list[Key]]:
    if isinstance(value, str):
        return parse_keys(value, clock)
    if isinstance(value, Mapping):
        return keys_of_mapping(value, clock)
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ExpressionError(f"{value!r} is not a number, keyframes or a mapping of keys")
    return None, [Key(0, float(value))]
