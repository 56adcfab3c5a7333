"""Where prompts are to pull and no CLIP model looks."""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np

from animator.keyframes import Curve
from animator.settings.scene import Scene
from animator.types import DIFFUSION_SCALE, Schedule

MODELS = "guidance.clip_models"


def unguided(scene: Scene, values: Mapping[str, Curve | Schedule], begin: np.ndarray, end: float) -> str:
    """Return a message on the first stretch of a diffusion in which no CLIP model has a weight, or "".

    Args:
        scene: the scene.
        values: its animated numbers by dotted name; those with a fault are missing.
        begin: from where the diffusion of each picture runs, as a share of it, shape (pictures,).
        end: to where it runs.
    """
    scale = values.get("guidance.clip_guidance_scale")
    weights = [values.get(f"{MODELS}.{model}") for model in scene.guidance.clip_models]
    if scene.guidance.allow_unguided or scale is None:
        return ""
    # A value changes over the frames or over the diffusion, never both: what holds is a product of two masks.
    frames, steps = np.ones(scene.pictures, bool), np.ones(DIFFUSION_SCALE, bool)
    for value, wanted in [*((weight, False) for weight in weights), (scale, True)]:
        if isinstance(value, Curve):
            frames &= (value.values > 0) == wanted
        elif value is not None:
            steps &= (value > 0) == wanted
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
    curved = any(isinstance(value, Curve) and np.ptp(value.values) for value in [*weights, scale])
    where = f"from {first / 10:g}% to {until / 10:g}% of the diffusion" + (f" at frame {frame}" * curved)
    message = f"no CLIP model has a weight {where}, so that no prompt pulls there; give one a weight above 0"
    return f"{message}, or set guidance.allow_unguided: true"
