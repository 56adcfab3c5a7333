"""Where prompts are to pull and no CLIP model looks, or nothing is cut for it to look at."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from animator.keyframes import Curve
from animator.settings.scene import Scene
from animator.types import DIFFUSION_SCALE, Schedule

MODELS = "guidance.clip_models"
CUTS = ("guidance.cuts.overview", "guidance.cuts.innercut")


def unguided(
    scene: Scene, values: Mapping[str, Curve | Schedule], begin: np.ndarray, end: float
) -> Iterator[tuple[str, str]]:
    """Yield the first stretch of a diffusion in which no CLIP model has a weight, and that without cuts.

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
    if where := _stretch(scene, values, weights, 0.0, begin, end):
        message = f"no CLIP model has a weight {where}, so that no prompt pulls there"
        yield MODELS, f"{message}; give one a weight above 0, {allow}"
    # They are rounded; that a half becomes none is Python's way.
    if where := _stretch(scene, values, [values.get(name) for name in CUTS], 0.5, begin, end):
        message = f"overview and innercut are both 0 {where}, so that CLIP sees nothing there"
        yield (
            next((name for name in CUTS if _has_none(values.get(name))), CUTS[0]),
            f"{message}; give one a number, {allow}",
        )


def _has_none(value: Curve | Schedule | None) -> bool:
    numbers = value.values if isinstance(value, Curve) else value
    return numbers is not None and bool((numbers <= 0.5).any())


def _stretch(
    scene: Scene,
    values: Mapping[str, Curve | Schedule],
    none: Sequence[Curve | Schedule | None],
    most: float,
    begin: np.ndarray,
    end: float,
) -> str:
    """Return where the guidance has a scale but these values are all at most ``most``; "" if nowhere."""
    scale = values.get("guidance.clip_guidance_scale")
    # A value changes over the frames or over the diffusion, never both: what holds is a product of two masks.
    frames, steps = np.ones(scene.pictures, bool), np.ones(DIFFUSION_SCALE, bool)
    for value, at_most, wanted in [*((value, most, False) for value in none), (scale, 0.0, True)]:
        if isinstance(value, Curve):
            frames &= (value.values > at_most) == wanted
        elif value is not None:
            steps &= (value > at_most) == wanted
        else:
            return ""
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
    curved = any(isinstance(value, Curve) and np.ptp(value.values) for value in [*none, scale])
    return f"from {first / 10:g}% to {until / 10:g}% of the diffusion" + (f" at frame {frame}" * curved)
