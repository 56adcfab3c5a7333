"""What of a timeline is worth showing: the numbers that change, and which frames are painted."""

from __future__ import annotations

import numpy as np
import pandas as pd

from animator.keyframes.timeline import Timeline
from animator.settings.scene import Scene

FIRST = ("camera", "coherence", "guidance", "diffusion", "video")
"""Sections in the order in which they are shown; others follow."""


def changing(timeline: Timeline) -> pd.DataFrame:
    """Return the columns that are not the same at every frame, by sections."""
    table = timeline.table
    names = [name for name in table.columns if table[name].nunique() > 1]
    order = {name: place for place, name in enumerate(FIRST)}
    names.sort(key=lambda name: order.get(name.partition(".")[0], len(FIRST)))  # keeps the order within
    return table[names]


def diffused_frames(scene: Scene) -> np.ndarray:
    """Return which frames are diffused, bool of shape (pictures,); in turbo the others are moved only."""
    frames = np.arange(scene.pictures)
    if scene.mode not in ("2d", "3d"):
        return np.ones(len(frames), bool)
    from animator.film.loop import Turbo  # torch takes seconds to import
    from animator.film.turbo import is_diffused

    turbo = Turbo(steps=scene.turbo.steps, preroll=scene.turbo.preroll)
    return np.array([is_diffused(int(frame), turbo) for frame in frames])
