"""Several pictures on one sheet. Pictures here are H x W x 3 uint8 RGB."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import cv2
import numpy as np

BACKGROUND = 24
"""Grey level between and around the pictures."""

INK = (208, 208, 208)
"""Colour of the letters."""

FONT = cv2.FONT_HERSHEY_SIMPLEX
LETTERS = 0.42
"""Size of the letters for OpenCV: capitals of about 9 pixels."""

STRIP = 20
"""Height in pixels of a strip with one line of letters."""


def columns_for(count: int, width: int, height: int) -> int:
    """Return how many columns make the sheet of ``count`` pictures of a size as square as possible.

    Of two equally square grids the one with fewer empty places is taken.

    >>> columns_for(4, 64, 64), columns_for(2, 1280, 768), columns_for(6, 64, 96), columns_for(5, 64, 64)
    (2, 1, 3, 2)
    """

    def fault(columns: int) -> tuple[float, int]:
        rows = -(-count // columns)
        aspect = columns * width / (rows * height)
        return max(aspect, 1 / aspect), rows * columns - count

    return min(range(1, count + 1), key=fault)


def tile_size(width: int, height: int, columns: int, gap: int, widest: int) -> tuple[int, int]:
    """Return the width and height of a picture on a sheet that may be ``widest`` pixels wide.

    >>> tile_size(512, 256, 4, 0, 1024), tile_size(100, 50, 4, 0, 1024)
    ((256, 128), (100, 50))
    """
    room = max(1, (widest - gap * (columns - 1)) // columns)
    if width <= room:
        return width, height
    return room, max(1, round(height * room / width))


def shrunk(pixels: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Return a picture at a (width, height) that is not larger than its own, by averaging areas."""
    height, width, _ = pixels.shape
    return pixels if (width, height) == size else cv2.resize(pixels, size, interpolation=cv2.INTER_AREA)


def sheet(tiles: Iterable[np.ndarray], count: int, columns: int, gap: int) -> np.ndarray:
    """Return pictures of one size row by row on one sheet.

    Args:
        tiles: the pictures; only one of them is held at a time.
        count: how many they are, at least 1.
        columns: pictures in a row.
        gap: pixels between two of them.
    """
    whole = np.empty(0, np.uint8)
    for place, tile in enumerate(tiles):
        height, width, _ = tile.shape
        if place == 0:
            rows = -(-count // columns)
            shape = (rows * (height + gap) - gap, columns * (width + gap) - gap, 3)
            whole = np.full(shape, BACKGROUND, np.uint8)
        top, left = place // columns * (height + gap), place % columns * (width + gap)
        whole[top : top + height, left : left + width] = tile
    return whole


def pictures_sheet(pictures: Sequence[np.ndarray], widest: int, gap: int) -> np.ndarray:
    """Return pictures of one size on a sheet as square as possible and at most ``widest`` pixels wide."""
    height, width, _ = pictures[0].shape
    columns = columns_for(len(pictures), width, height)
    size = tile_size(width, height, columns, gap, widest)
    return sheet((shrunk(picture, size) for picture in pictures), len(pictures), columns, gap)


def text_width(text: str, scale: float = 1.0) -> int:
    """Return the pixels that a text takes on a strip, its margins included."""
    (width, _), _ = cv2.getTextSize(text, FONT, LETTERS * scale, 1)
    return width + round(8 * scale)


def strip(text: str, width: int, scale: float = 1.0) -> np.ndarray:
    """Return a strip of a width with a line of letters (ASCII) on it, ``scale`` times `STRIP` high."""
    blank = np.full((round(STRIP * scale), width, 3), BACKGROUND, np.uint8)
    foot = (round(4 * scale), round((STRIP - 6) * scale))
    return np.asarray(cv2.putText(blank, text, foot, FONT, LETTERS * scale, INK, 1, cv2.LINE_AA))


def with_header(pixels: np.ndarray, text: str) -> np.ndarray:
    """Return a picture under a strip of letters, widened on the right where the text needs it."""
    missing = max(0, text_width(text) - pixels.shape[1])
    wide = np.pad(pixels, ((0, 0), (0, missing), (0, 0)), constant_values=BACKGROUND)
    return np.concatenate([strip(text, wide.shape[1]), wide])
