"""The sheet of a study, drawn: pages with the cells, values on the margins and a score below each cell."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path

import cv2
import numpy as np
from PIL import Image, ImageDraw, ImageFont

from animator.errors import RunError
from animator.runs.files import errors_in_one_line
from animator.runs.png import decode_png, encode_png
from animator.study.grid import Grid, pages_of
from animator.study.layout import LINE, Layout, Tile, layout_of
from animator.study.results import Result, best_of
from animator.system.glyphs import GAP as UNKNOWN
from animator.system.glyphs import one_font

PAPER = (24, 24, 24)
"""Colour of the page, as of other sheets."""

EMPTY = (44, 44, 46)
"""Colour of a cell without a picture."""

INKS = {
    "title": (244, 244, 244),
    "axis": (239, 154, 107),
    "value": (208, 208, 208),
    "score": (150, 150, 150),
    "best": (132, 214, 140),
    "fault": (240, 130, 110),
}

Read = Callable[[str], "np.ndarray | None"]
"""Returns a picture of the study by its path, H x W x 3 uint8 RGB; None where it cannot be read."""


def sheets_of(grid: Grid, results: Sequence[Result], *, title: str, foot: str, read: Read) -> list[bytes]:
    """Return the pages of the sheet as PNGs.

    Args:
        grid: the axes.
        results: what became of each cell, one for each of ``grid.cells``.
        title: what the study is called.
        foot: what is said below everything.
        read: reads a picture.
    """
    every = {one.place: one for one in results}
    best = best_of(results)
    texts = [title, foot, "".join("".join(one.values) + one.reason for one in results)]
    letters = Letters("".join([*texts, *(axis.title for axis in grid.shown)]))
    pages = []
    for page in pages_of(grid):
        layout = layout_of(
            page, grid, every, title=title, foot=foot, best=best, measure=letters.width
        )  # fmt: skip
        pages.append(encode_png(draw(layout, letters, read), {}))
    return pages


class Letters:
    """Letters of the font of this machine that has most of a text.

    Args:
        text: all that is to be written.
    """

    def __init__(self, text: str) -> None:
        self._file, lettering = one_font(text + "…·→↓")
        self._lacking = lettering.lacking
        self._font = cache(self._of_size)

    def _of_size(self, size: int) -> ImageFont.FreeTypeFont:
        return ImageFont.truetype(self._file, size)

    def shown(self, text: str) -> str:
        """Return a text of which every letter can be drawn."""
        return "".join(UNKNOWN if letter in self._lacking else letter for letter in text)

    def width(self, text: str, size: int) -> float:
        """Return how wide a text is, in pixels."""
        return float(self._font(size).getlength(self.shown(text)))

    def draw(
        self, pen: ImageDraw.ImageDraw, x: int, y: int, text: str, size: int, colour: tuple[int, ...]
    ) -> None:
        """Draw a line of letters below a point."""
        pen.text((x, y), self.shown(text), font=self._font(size), fill=colour)


def draw(layout: Layout, letters: Letters, read: Read) -> np.ndarray:
    """Return a page, H x W x 3 uint8 RGB."""
    image = Image.new("RGB", (layout.width, layout.height), PAPER)
    pen = ImageDraw.Draw(image)
    for tile in layout.tiles:
        pixels = strip_of([read(path) for path in tile.result.pictures])
        box = tile.box
        if pixels is None:
            pen.rectangle((box.x, box.y, box.right - 1, box.bottom - 1), fill=EMPTY)
        else:
            image.paste(Image.fromarray(pixels_in(pixels, tile)), _corner(pixels, tile))
    for text in layout.texts:
        for number, line in enumerate(text.lines):
            y = text.box.y + number * round(text.size * LINE)
            letters.draw(pen, text.box.x, y, line, text.size, INKS[text.ink])
    return np.asarray(image)


def strip_of(pictures: Sequence[np.ndarray | None]) -> np.ndarray | None:
    """Return pictures of one size beside one another, two pixels apart; None where one is missing."""
    there = [one for one in pictures if one is not None]
    if not there or len(there) < len(pictures):
        return None
    height = max(one.shape[0] for one in there)
    between = np.full((height, 2, 3), PAPER, np.uint8)
    parts = [part for one in there for part in (one, between)][:-1]
    return np.concatenate(parts, axis=1) if len(parts) > 1 else parts[0]


def _fitted(pixels: np.ndarray, tile: Tile) -> tuple[int, int]:
    """Return the size of a picture in its tile."""
    height, width, _ = pixels.shape
    scale = min(tile.box.w / width, tile.box.h / height)
    return max(1, round(width * scale)), max(1, round(height * scale))


def _corner(pixels: np.ndarray, tile: Tile) -> tuple[int, int]:
    width, height = _fitted(pixels, tile)
    return tile.box.x + (tile.box.w - width) // 2, tile.box.y + (tile.box.h - height) // 2


def pixels_in(pixels: np.ndarray, tile: Tile) -> np.ndarray:
    """Return a picture as large as its tile allows."""
    size = _fitted(pixels, tile)
    if size == (pixels.shape[1], pixels.shape[0]):
        return pixels
    how = cv2.INTER_AREA if size[0] < pixels.shape[1] else cv2.INTER_CUBIC
    return np.asarray(cv2.resize(pixels, size, interpolation=how))


def reader(folder: Path) -> Read:
    """Return what reads the pictures of a study."""

    def read(name: str) -> np.ndarray | None:
        path = folder / name
        try:
            with errors_in_one_line(path):
                return decode_png(path.read_bytes()) if path.is_file() else None
        except RunError:  # it is shown as missing; the next run of the study says what is wrong
            return None

    return read


def page_names(count: int) -> list[str]:
    """Return the names of the files of so many pages.

    >>> page_names(1), page_names(2)
    (['sheet.png'], ['sheet-01.png', 'sheet-02.png'])
    """
    return ["sheet.png"] if count == 1 else [f"sheet-{number:02d}.png" for number in range(1, count + 1)]
