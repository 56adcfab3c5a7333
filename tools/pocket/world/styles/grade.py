"""The mood of the colours: one affine map of RGB for each."""

from __future__ import annotations

import cv2
import numpy as np

from tools.pocket.world.spec import Spec

LUMA = np.array((0.299, 0.587, 0.114), np.float32)
"""Weights of R, G, B in brightness (ITU-R BT.601)."""

MOODS: dict[str, tuple[float, tuple[float, float, float], tuple[float, float, float]]] = {
    "warm": (1.05, (1.16, 0.99, 0.76), (0.07, 0.025, -0.03)),
    "cold": (0.80, (0.76, 0.95, 1.14), (-0.02, 0.01, 0.07)),
    "pastel": (0.88, (0.55, 0.54, 0.55), (0.42, 0.41, 0.42)),
    "vivid": (1.75, (1.16, 1.16, 1.16), (-0.07, -0.07, -0.07)),
    "gloomy": (0.42, (0.60, 0.65, 0.58), (0.0, 0.018, 0.008)),
}
"""Factor on saturation, factor on R, G, B, and what is added to R, G, B."""

NIGHT_LIFT = 0.62
"""How much of pastel's added light a dark hour takes, so that it stays dark."""


def paint_grade(rgb: np.ndarray, spec: Spec, rng: np.random.Generator) -> np.ndarray:
    """Return the picture with the colours of its mood, a little stronger or weaker each time, in [0, 1]."""
    if spec.grade == "none":
        return rgb
    saturation, gain, lift = MOODS[spec.grade]
    added = np.array(lift, np.float32)
    if spec.grade == "pastel" and spec.time in ("night", "dusk"):
        added *= NIGHT_LIFT
    change = np.array(gain, np.float32)[:, None] * (
        np.eye(3, dtype=np.float32) * saturation + (1 - saturation) * LUMA[None]
    )
    strength = np.float32(rng.uniform(0.85, 1.1))
    matrix = np.empty((3, 4), np.float32)
    matrix[:, :3] = np.eye(3, dtype=np.float32) * (1 - strength) + change * strength
    matrix[:, 3] = added * strength
    graded = cv2.transform(rgb, matrix)
    return np.clip(graded, 0, 1, out=graded)
