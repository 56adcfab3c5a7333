"""Pixel art: large squares of few colours."""

from __future__ import annotations

import cv2
import numpy as np

from tools.pocket.world.spec import Spec
from tools.pocket.world.styles.tools import few_colours, nearest_colour

ROWS = 48
"""Rows of squares in a picture, at most."""


def square_side(height: int) -> int:
    """Return the side of a square in whole pixels, at least 2: all squares are equal."""
    return max(2, -(-height // ROWS))


def enlarge(small: np.ndarray, height: int, width: int) -> np.ndarray:
    """Return a picture of squares at full size; the last row and column of squares may be cut off."""
    side = square_side(height)
    return small.repeat(side, axis=0).repeat(side, axis=1)[:height, :width]


def paint_pixel(rgb: np.ndarray, depth: np.ndarray, spec: Spec, rng: np.random.Generator) -> np.ndarray:
    """Return the picture in equal squares of 10 to 16 colours."""
    del depth, spec
    height, width = rgb.shape[:2]
    side = square_side(height)
    rows, columns = -(-height // side), -(-width // side)
    whole = cv2.copyMakeBorder(rgb, 0, rows * side - height, 0, columns * side - width, cv2.BORDER_REPLICATE)
    small: np.ndarray = cv2.resize(whole, (columns, rows), interpolation=cv2.INTER_AREA)
    # A little contrast makes up for what the mean over a square takes from thin things.
    small += (small - cv2.GaussianBlur(small, (0, 0), 1.2)) * 0.6
    pixels = np.clip(small, 0, 1).reshape(-1, 3)
    colours = few_colours(pixels, int(rng.integers(10, 17)))
    return enlarge(colours[nearest_colour(pixels, colours)].reshape(rows, columns, 3), height, width)
