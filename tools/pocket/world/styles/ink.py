"""Ink: black lines, two washes and hatching on bare paper."""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from tools.pocket.world.spec import Spec
from tools.pocket.world.styles.tools import depth_edges, grey_of, smooth, tone_edges

INK = np.array((0.07, 0.07, 0.08), np.float32)
"""Colour of the ink."""

DARK = {"night": np.float32(0.55), "dusk": np.float32(0.75)}
"""Factor on all but the lightest tones, by hour."""

PAPERS: dict[str, tuple[float, float, float]] = {
    "none": (0.97, 0.96, 0.93),
    "warm": (0.97, 0.90, 0.76),
    "cold": (0.88, 0.93, 0.98),
    "pastel": (0.98, 0.96, 0.95),
    "vivid": (1.0, 1.0, 0.99),
    "gloomy": (0.74, 0.76, 0.72),
}
"""Colour of the paper by the mood of the picture, which has no other colours."""


@lru_cache(maxsize=16)
def hatching(height: int, width: int, lean: float) -> np.ndarray:
    """Return parallel lines, float32 H x W: 1 on a line, 0 half way between two."""
    period = max(3.2, height / 30)
    yy, xx = np.mgrid[:height, :width].astype(np.float32)
    along = (yy + xx * lean) / (period * np.float32(np.hypot(1, lean)))
    result: np.ndarray = np.abs((along % 1) * 2 - 1)
    return result


def paint_ink(rgb: np.ndarray, depth: np.ndarray, spec: Spec, rng: np.random.Generator) -> np.ndarray:
    """Return outlines, hatched shade and washes in black on paper; at night the sky is a dark wash."""
    height, width = rgb.shape[:2]
    calm = smooth(rgb, 3 if height < 100 else 5)
    grey = grey_of(calm).astype(np.float32) * np.float32(1 / 255)
    low, high = np.percentile(grey[::3, ::3], (2, 98)).astype(np.float32)
    spread = np.float32(max(high - low, 0.35))
    tone = (grey - (low + high) / 2) / spread + 0.5
    if spec.time in DARK:
        # The dark half of a night's picture stays dark: only moon, lamps and snow reach the bare paper.
        tone = np.where(tone > 0.75, tone, tone * DARK[spec.time])
    tone = tone * 0.75 + grey * 0.25
    if spec.weather == "snowfall":
        # White flakes want a grey sky behind them.
        tone -= np.float32(0.5) * np.clip((depth - 5) / 3, 0, 1)
    lean = (1.0, -1.0, 0.45)[int(rng.integers(3))]
    lines = hatching(height, width, lean)
    wash = 1 - 0.24 * np.clip((0.62 - tone) * 14, 0, 1) - 0.34 * np.clip((0.26 - tone) * 14, 0, 1)
    hatched = np.clip((lines - 0.50 - 0.9 * (tone - 0.12)) * 4, 0, 1) * np.clip((0.44 - tone) * 10, 0, 1)
    outline = np.clip(tone_edges(grey) * (5 / (0.4 + 0.6 * spread)) - 0.45, 0, 1)
    outline *= 1 - 0.5 * (depth > 9.6)
    outline = np.maximum(outline, np.clip(depth_edges(depth) * 5 - 0.30, 0, 1) * (depth < 9.6))
    shown = wash * (1 - 0.55 * hatched) * (1 - 0.92 * outline)
    paper = np.array(PAPERS[spec.grade], np.float32) * np.float32(rng.uniform(0.97, 1.0))
    result: np.ndarray = INK + (paper - INK) * shown[..., None]
    return result
