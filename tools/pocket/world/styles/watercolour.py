"""Watercolour: thin washes on white paper that bleed, pool at their edges and leave the sheet's rim bare."""

from __future__ import annotations

from functools import lru_cache

import cv2
import numpy as np

from tools.pocket.world.spec import Spec
from tools.pocket.world.styles.tools import grey_of, piece, smooth, strength

PAPER = np.array((0.985, 0.975, 0.945), np.float32)
"""Colour of the sheet."""

DULL = np.float32(0.9)
"""Factor on the sheet of a gloomy picture."""


@lru_cache(maxsize=16)
def _plane(height: int, width: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return each pixel's column and row, and its distance from the rim as a share of the height."""
    yy, xx = np.mgrid[:height, :width].astype(np.float32)
    rim = np.minimum(np.minimum(yy, height - 1 - yy), np.minimum(xx, width - 1 - xx)) / height
    return xx, yy, rim


def paint_watercolour(rgb: np.ndarray, depth: np.ndarray, spec: Spec, rng: np.random.Generator) -> np.ndarray:
    """Return the picture as washes of pigment: what the paper reflects, less what the pigment takes."""
    del depth
    height, width = rgb.shape[:2]
    xx, yy, rim = _plane(height, width)
    flow, blotch = piece(rng, height, width, 0.22), piece(rng, height, width, 0.10)
    reach = np.float32(height * 0.075)
    bled = cv2.remap(
        smooth(rgb, 3),
        xx + (flow - 0.5) * reach,
        yy + (blotch - 0.5) * reach,
        cv2.INTER_LINEAR,
        borderMode=cv2.BORDER_REPLICATE,
    ).astype(np.float32)
    bled *= np.float32(1 / 255)
    wide = cv2.blur(bled, (int(height * 0.07) | 1,) * 2)
    grey = grey_of(bled)
    edge = np.clip(grey_of(wide) - grey, 0, 0.2)
    wash = bled * 0.74 + wide * 0.26
    dark = spec.time in ("night", "dusk") or spec.grade == "gloomy"
    thin = np.float32(rng.uniform(0.86, 0.94) if dark else rng.uniform(0.74, 0.86))
    # A drying wash carries its pigment outwards: it thickens towards a hard edge, where the next one begins.
    bloom = (flow * 3) % 1
    load = 0.67 + 0.55 * blotch + 0.13 * strength(grey) * bloom
    if dark:
        load = 0.5 + 0.5 * load
    load = thin * load + edge * 2.6
    if rng.random() < 0.7:
        # The painted patch ends a little inside the sheet, along a wavering line where pigment has pooled.
        inside = (rim - rng.uniform(0.035, 0.06) - (flow - 0.5) * 0.09) * (height / 1.6)
        load *= np.clip(inside, 0, 1) + np.clip(1 - np.abs(inside - 1.6), 0, 1) * 0.25
    paper = PAPER * DULL if spec.grade == "gloomy" else PAPER
    result: np.ndarray = paper * (1 - (1 - wash) * load[..., None])
    return result
