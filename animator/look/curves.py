"""What of a timeline is worth showing: the numbers that change."""

from __future__ import annotations

import pandas as pd

from animator.keyframes.timeline import Timeline

FIRST = ("camera", "coherence", "guidance", "diffusion", "video")
"""Sections in the order in which they are shown; others follow."""


def changing(timeline: Timeline) -> pd.DataFrame:
    """Return the columns that are not the same at every frame, by sections."""
    table = timeline.table
    names = [name for name in table.columns if table[name].nunique() > 1]
    order = {name: place for place, name in enumerate(FIRST)}
    names.sort(key=lambda name: order.get(name.partition(".")[0], len(FIRST)))  # keeps the order within
    return table[names]
