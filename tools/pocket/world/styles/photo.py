"""The picture as a lens gives it."""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from tools.pocket.world.spec import Spec


@lru_cache(maxsize=16)
def _falloff(height: int, width: int) -> np.ndarray:
    """Return the squared distance from the middle, 1 in the corners, float32 H x W x 1."""
    down = np.linspace(-1, 1, height, dtype=np.float32)[:, None] ** 2
    across = np.linspace(-1, 1, width, dtype=np.float32)[None] ** 2
    return ((down + across) / 2)[..., None]


def paint_photo(rgb: np.ndarray, depth: np.ndarray, spec: Spec, rng: np.random.Generator) -> np.ndarray:
    """Return the picture with a mild S-shaped tone curve and darker corners."""
    del depth, spec
    curve, corner = np.float32(rng.uniform(0.1, 0.35)), np.float32(rng.uniform(0.0, 0.22))
    bent = rgb * (1 - curve) + (rgb * rgb * (3 - 2 * rgb)) * curve
    bent *= 1 - corner * _falloff(*rgb.shape[:2])
    result: np.ndarray = bent
    return result
