"""Keys to a value at every frame."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from animator.errors import ExpressionError
from animator.keyframes.clock import Clock
from animator.keyframes.easings import EASINGS
from animator.keyframes.expressions import NO_SOUNDS, Expression, Sounds, as_float
from animator.keyframes.keys import SPLINES, Key, check_method, keys_of_mapping, parse_keys

MANY = 300
"""Keys from which on lines are drawn all at once."""


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
    sounds: Sounds = NO_SOUNDS,
) -> Curve:
    """Turn a number, a keyframe text or a mapping of keys into a value at every frame.

    A number leads to the next key by the ramp's method (`animator.keyframes.keys`, ``METHODS``); any other
    text (even ``2*1``) is a formula, evaluated at every frame until the next key. A ramp towards a formula
    aims at the formula's value at its own key. The first key holds before it, the last one after it, and a
    key after the film's end still shapes the ramp towards it. Keys may stand in any order.

    ``quadratic`` and ``cubic`` are splines through all neighbouring numbers, as Disco Diffusion has them: two
    keys are joined linearly and three at most quadratically, and the spline also passes through the held ends
    at frame 0 and at the last frame. ``pchip`` passes through the same points and never overshoots.

    Two slips are accepted, as in the tools that people bring their texts from, and reported in ``notices``:
    of two keys at one frame the later one counts (in a mapping it is an error, for there they can only be two
    spellings of one position); and frames where a formula has no finite value, such as a root of a negative
    number or a division by zero, are bridged linearly.

    Args:
        value: the number, text or mapping.
        clock: the film's length and pace.
        seed: value of ``s`` in formulas.
        method: way from key to key where the text does not say one.
        sounds: the sound at every frame, for formulas (`animator.keyframes.expressions`, ``Sounds``).

    Raises:
        ExpressionError: the text cannot be understood, or a value is not finite.

    >>> clock = Clock(frames=6, fps=12)
    >>> parse_curve("0: (1), 4: (3)", clock).values.tolist()
    [1.0, 1.5, 2.0, 2.5, 3.0, 3.0]
    >>> parse_curve({0: 1, 2: "10*t"}, clock).values.tolist()
    [1.0, 10.5, 20.0, 30.0, 40.0, 50.0]
    """
    own_method, keys = _keys(value, clock)
    method = own_method or check_method(method)
    keys, notices = _sorted(keys, strict=not isinstance(value, str))
    if len(keys) > MANY and method == "linear" and all(_is_plain(key) for key in keys):
        return Curve(_lines(_anchored(keys, clock), clock.frames), notices)
    with np.errstate(all="ignore"):
        values = _segments(keys, clock, seed, sounds)
        for run in _runs(_anchored(keys, clock)):
            known = np.concatenate(
                [_at(key.value, np.array([key.frame]), clock, seed, sounds) for key in run]
            )
            _draw(values, run, known, method, len(keys))
    if np.any(np.isinf(values)):
        raise ExpressionError(f"the value is not finite at frame {np.flatnonzero(np.isinf(values))[0]}")
    values, bridged = _bridged(values)
    return Curve(values, notices + bridged)


def _is_plain(key: Key) -> bool:
    return key.method is None and not isinstance(key.value, Expression)


def _lines(keys: Sequence[Key], length: int) -> np.ndarray:
    """Return the lines between many numbers, as `_draw` has them, all at once: float64 of shape (length,)."""
    at = np.array([key.frame for key in keys], np.int64)
    known = np.array([key.value for key in keys], np.float64)
    frames = np.arange(length)
    before = np.searchsorted(at, frames, side="right") - 1
    after = np.minimum(before + 1, len(at) - 1)
    span = np.maximum(at[after] - at[before], 1)
    result: np.ndarray = known[before] + (known[after] - known[before]) * ((frames - at[before]) / span)
    return result


def _keys(value: object, clock: Clock) -> tuple[str | None, list[Key]]:
    if isinstance(value, str):
        return parse_keys(value, clock)
    if isinstance(value, Mapping):
        return keys_of_mapping(value, clock)
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(as_float(value)):
        raise ExpressionError(f"{value!r} is not a number, keyframes or a mapping of keys")
    return None, [Key(0, float(value))]


def _sorted(keys: list[Key], strict: bool) -> tuple[list[Key], tuple[str, ...]]:
    """Return the keys by frame, of two at one frame the later; ``strict`` forbids those."""
    by_frame: dict[int, Key] = {}
    notices = []
    for key in keys:
        if key.frame in by_frame:
            if strict:
                raise ExpressionError(f"there are two keys at frame {key.frame}; leave one of them out")
            notices.append(f"two keys at frame {key.frame}: the later one counts")
        by_frame[key.frame] = key
    return [by_frame[frame] for frame in sorted(by_frame)], tuple(dict.fromkeys(notices))


def _at(
    value: float | Expression, frames: np.ndarray, clock: Clock, seed: float, sounds: Sounds
) -> np.ndarray:
    if isinstance(value, Expression):
        return value.evaluate(frames, clock.max_f, seed, sounds)
    return np.full(len(frames), value)


def _segments(keys: Sequence[Key], clock: Clock, seed: float, sounds: Sounds) -> np.ndarray:
    """Return every frame's value if each key simply held until the next one, and the first before it."""
    starts = [*(min(key.frame, clock.frames) for key in keys), clock.frames]
    first = _at(keys[0].value, np.array([keys[0].frame]), clock, seed, sounds)
    parts = [
        _at(key.value, np.arange(start, end), clock, seed, sounds)
        for key, start, end in zip(keys, starts[:-1], starts[1:], strict=True)
    ]
    return np.concatenate([np.repeat(first, starts[0]), *parts])


def _anchored(keys: list[Key], clock: Clock) -> list[Key]:
    """Return the keys with the held ends of the film as keys of their own, where a number is held there."""
    first, last = keys[0], keys[-1]
    before = [Key(0, first.value)] if first.frame > 0 and not isinstance(first.value, Expression) else []
    held = last.frame < clock.max_f and not isinstance(last.value, Expression)
    return [*before, *keys, *([Key(clock.max_f, last.value)] if held else [])]


def _runs(keys: Sequence[Key]) -> list[Sequence[Key]]:
    """Return the keys in groups that ramps connect: numbers, and the formula after them if there is one."""
    runs: list[list[Key]] = [[]]
    for key in keys:
        runs[-1].append(key)
        if isinstance(key.value, Expression):
            runs.append([])
    return [run for run in runs if len(run) > 1]


def _draw(values: np.ndarray, run: Sequence[Key], known: np.ndarray, method: str, count: int) -> None:
    """Write the ramps of one run into ``values``; ``known`` is the run's value at each of its keys."""
    splines: dict[str, np.ndarray] = {}
    frames = np.array([key.frame for key in run], np.float64)
    for index, key in enumerate(run[:-1]):
        inside = np.arange(key.frame, min(run[index + 1].frame, len(values)))
        how = key.method or method
        if np.isnan(known[index + 1]):
            values[inside[1:]] = np.nan
        elif how in SPLINES:
            if how not in splines:
                real = ~np.isnan(known)
                splines[how] = _spline(how, frames[real], known[real], count, len(values))
            values[inside] = splines[how][inside]
        else:
            share = (inside - key.frame) / (run[index + 1].frame - key.frame)
            values[inside] = known[index] + (known[index + 1] - known[index]) * EASINGS[how](share)


def _spline(method: str, frames: np.ndarray, known: np.ndarray, count: int, length: int) -> np.ndarray:
    """Return a spline through the keys at the frames 0 to ``length`` - 1; ``count`` keys were written."""
    # Imported here because it takes a quarter of a second, and most scenes have no spline.
    from scipy.interpolate import PchipInterpolator, make_interp_spline

    at = np.arange(length)
    if method == "pchip":
        result: np.ndarray = PchipInterpolator(frames, known)(at)
        return result
    degree = min(3 if method == "cubic" else 2, count - 1, len(frames) - 1)
    result = make_interp_spline(frames, known, k=degree)(at)
    return result


def _bridged(values: np.ndarray) -> tuple[np.ndarray, tuple[str, ...]]:
    """Return the values with frames that have none filled linearly from their neighbours."""
    missing = np.flatnonzero(np.isnan(values))
    if not len(missing):
        return values, ()
    if len(missing) == len(values):
        raise ExpressionError("the formula has no finite value at any frame, from frame 0 on")
    present = np.flatnonzero(~np.isnan(values))
    filled = values.copy()
    filled[missing] = np.interp(missing, present, values[present])
    first = f"frame {missing[0]}"
    where = first if len(missing) == 1 else f"{len(missing)} frames, first at {first}"
    return filled, (f"no finite value at {where}: bridged linearly",)
