"""Which frames of a scene are painted."""

from __future__ import annotations

import numpy as np

from animator.scene.looped import loop_span
from animator.scene.pins import pinned_in
from animator.settings.scene import Scene


def painted_frames(scene: Scene) -> np.ndarray:
    """Return which frames are painted, bool of shape (pictures,); in turbo the others are moved only.

    The rule is that of `animator.film.turbo.is_diffused`, which needs torch.
    """
    frames = np.arange(scene.count)
    if scene.mode not in ("2d", "3d"):
        return np.ones(len(frames), bool)
    every_nth = frames % scene.turbo.steps == 0
    if loop_span(scene):
        every_nth &= frames <= scene.frames - scene.turbo.steps
    painted: np.ndarray = (frames <= scene.turbo.preroll) | every_nth
    painted[[one.frame for one in pinned_in(scene)]] = True
    return painted
