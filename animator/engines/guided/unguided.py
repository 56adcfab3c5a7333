"""Where prompts are to pull and no CLIP model looks, or nothing is cut for it to look at."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence

import numpy as np

from animator.keyframes import Curve
from animator.settings.scene import Scene
from animator.types import DIFFUSION_SCALE, Schedule

MODELS = "guidance.clip_models"
CUTS = ("guidance.cuts.overview", "guidance.cuts.innercut")


Value = Curve | Schedule | None
"""An animated number; None where it has a fault."""


def unguided(
    scene: Scene, values: Mapping[str, Curve | Schedule], begin: np.ndarray, end: float
) -> Iterator[tuple[str, str]]:
    """Yield the first stretch of a diffusion in which no CLIP model has a weight, and a picture without cuts.

    Args:
        scene: the scene.
        values: its animated numbers by dotted name; those with a fault are missing.
        begin: from where the diffusion of each picture runs, as a share of it, shape (pictures,).
        end: to where it runs.

    Yields:
        The setting and a message, for each of the two.
    """
    if scene.guidance.allow_unguided:
        return
    allow = "or set guidance.allow_unguided: true"
    weights = [values.get(f"{MODELS}.{model}") for model in scene.guidance.clip_models]
    if where := _stretch(scene, values, weights, begin, end):
        message = f"no CLIP model has a weight {where}, so that no prompt pulls there"
        yield MODELS, f"{message}; give one a weight above 0, {allow}"
    cuts = [values.get(name) for name in CUTS]
    if where := _uncut(scene, values.get("guidance.clip_guidance_scale"), cuts, begin, end):
        name = next((name for name in CUTS if _has_none(values.get(name))), CUTS[0])
        message = f"overview and innercut are both 0{where}, so that CLIP sees nothing"
        yield name, f"{message}; give one a number, {allow}"


def _uncut(scene: Scene, scale: Value, cuts: Sequence[Value], begin: np.ndarray, end: float) -> str:
    """Return at which frame nothing is ever cut though the guidance has a scale; "" if nowhere.

    In a part of the diffusion cuts may be 0: the guidance rests there.
    """
    # They are rounded; that a half becomes none is Python's way.
    masks = _masks(scene, [(value, 0.5, False) for value in cuts])
    guided = _masks(scene, [(scale, 0.0, True)])
    if masks is None or guided is None:
        return ""
    (none_frames, none_steps), (on_frames, on_steps) = masks, guided
    starts = np.floor(begin * DIFFUSION_SCALE).astype(int)
    bare = none_frames & on_frames
    for start in np.unique(starts[bare]):
        run = slice(int(start), math.ceil(end * DIFFUSION_SCALE))
        on = on_steps[run]
        if on.any() and none_steps[run][on].all():
            frame = int(np.argmax(bare & (starts == start)))
            return f" at frame {frame}" if _moves(cuts) else " throughout"
    return ""


def _masks(scene: Scene, tests: Iterable[tuple[Value, float, bool]]) -> tuple[np.ndarray, np.ndarray] | None:
    """Return at which frames and at which steps tests hold; all do where both masks are true.

    A value changes over the frames or over the diffusion, never both: what holds is a product of two masks.

    Args:
        scene: the scene.
        tests: a value, a bound, and whether it is to be above it; or not.

    Returns:
        Masks of shape (pictures,) and (1000,), or None where a value has a fault.
    """
    frames, steps = np.ones(scene.count, bool), np.ones(DIFFUSION_SCALE, bool)
    for value, bound, above in tests:
        if isinstance(value, Curve):
            frames &= (value.values > bound) == above
        elif value is not None:
            steps &= (value > bound) == above
        else:
            return None
    return frames, steps


def _moves(values: Iterable[Value]) -> bool:
    return any(isinstance(value, Curve) and bool(np.ptp(value.values)) for value in values)


def _has_none(value: Curve | Schedule | None) -> bool:
    numbers = value.values if isinstance(value, Curve) else value
    return numbers is not None and bool((numbers <= 0.5).any())


def _stretch(
    scene: Scene,
    values: Mapping[str, Curve | Schedule],
    none: Sequence[Value],
    begin: np.ndarray,
    end: float,
) -> str:
    """Return where the guidance has a scale but none of these values is above 0; "" if nowhere."""
    scale = values.get("guidance.clip_guidance_scale")
    masks = _masks(scene, [*((value, 0.0, False) for value in none), (scale, 0.0, True)])
    if masks is None:
        return ""
    frames, steps = masks
    steps[math.ceil(end * DIFFUSION_SCALE) :] = False
    last = int(np.flatnonzero(steps)[-1]) if steps.any() else -1
    starts = np.floor(begin * DIFFUSION_SCALE)
    bare = frames & (last >= starts)
    if not bare.any():
        return ""
    frame = int(np.argmax(bare))
    steps[: int(starts[frame])] = False
    first = int(np.argmax(steps))
    rest = np.flatnonzero(~steps[first:])
    until = first + int(rest[0]) if len(rest) else DIFFUSION_SCALE
    where = f" at frame {frame}" if _moves([*none, scale]) else ""
    return f"from {first / 10:g}% to {until / 10:g}% of the diffusion{where}"
