"""What is under the picture of a preview: time, prompts and curves, with a cursor at the frame."""

from __future__ import annotations

import functools
from collections.abc import Sequence

import cv2
import numpy as np
from PIL import Image, ImageDraw, ImageFont

from animator.look.curves import changing
from animator.scene.painted import painted_frames
from animator.scene.reading import LoadedScene
from animator.system.glyphs import Lettering, one_font
from animator.types import Prompt

MOST = 7
"""Curves that are shown; a scene with more is for `animator plot`."""

MARGIN, LINE, ROW, STRIP = 8, 16, 26, 10
"""Pixels: around everything, of a line of text, of a curve's row, of the strip of frames."""

PLAIN = 0x17F
"""The last of the letters that the panel's own font has: those of Latin."""

MARKS = "\u2010\u2011\u2012\u2013\u2014\u2018\u2019\u201c\u201d\u2026"
"""Dashes, quotes and the ellipsis, which it has too."""

PROMPTS = 4
"""Lines for prompts."""

GROUND, FAINT, TEXT, CURVE, CURSOR, PAINTED = (
    (24, 26, 31), (58, 62, 72), (228, 230, 235), (112, 178, 255), (255, 176, 64), (104, 200, 140),
)  # fmt: skip
SIZE = 12


class Panel:
    """The panel of a scene.

    Args:
        loaded: the scene.
        width: pixels.

    Attributes:
        height: pixels, an even number.
    """

    def __init__(self, loaded: LoadedScene, width: int) -> None:
        self._loaded, self._width = loaded, width
        self._diffused = painted_frames(loaded.scene)
        table = changing(loaded.timeline)
        self._hidden = max(0, len(table.columns) - MOST)
        self._table = table.iloc[:, :MOST]
        self._top = MARGIN + LINE * (1 + PROMPTS) + MARGIN
        left = MARGIN + max((_wide(name) for name in self._table.columns), default=0) + MARGIN
        self._left = min(left, width // 2)
        self._right = width - MARGIN - _wide("-0.00001")
        rows = len(self._table.columns)
        height = self._top + STRIP + ROW * rows + (LINE if self._hidden else 0) + MARGIN
        self.height = height + height % 2
        self._ground = self._drawn_ground()

    def at(self, frame: int) -> np.ndarray:
        """Return the panel of a frame, H x W x 3 uint8 RGB."""
        scene, image = self._loaded.scene, Image.fromarray(self._ground)
        pen = ImageDraw.Draw(image)
        head = f"frame {frame} of {scene.count}   {frame / scene.fps:.2f} s"
        if not self._diffused[frame]:
            head += "   moved only"
        pen.text((MARGIN, MARGIN), head, TEXT, _font())
        row = self._loaded.timeline.row(frame)
        lines = prompt_lines(row.prompts, self._width - 2 * MARGIN)
        for number, line in enumerate(lines):
            pen.text((MARGIN, MARGIN + LINE * (number + 1)), line, TEXT, _font_for(line))
        for number, name in enumerate(self._table.columns):
            place = (self._right + 4, self._row(number) + (ROW - LINE) // 2)
            pen.text(place, f"{row[name]:.4g}", TEXT, _font())
        pixels = np.array(image)
        at = self._column(frame)
        pixels[self._top : self._row(len(self._table.columns)), at : at + 2] = CURSOR
        return pixels

    def _row(self, number: int) -> int:
        return self._top + STRIP + ROW * number

    def _column(self, frame: float | np.ndarray) -> int:
        return int(self._columns(np.array([frame]))[0])

    def _columns(self, frames: np.ndarray) -> np.ndarray:
        last = max(1, self._loaded.scene.count - 1)
        return np.round(self._left + (self._right - self._left - 2) * frames / last).astype(int)

    def _drawn_ground(self) -> np.ndarray:
        """Draw all that is the same at every frame."""
        pixels = np.full((self.height, self._width, 3), GROUND, np.uint8)
        pixels[self._top : self._top + STRIP - 4, self._left : self._right] = FAINT
        columns = self._columns(np.flatnonzero(self._diffused))
        pixels[self._top : self._top + STRIP - 4, np.minimum(columns, self._width - 1)] = PAINTED
        for number, name in enumerate(self._table.columns):
            values = self._table[name].to_numpy()
            top, bottom = self._row(number) + 4, self._row(number) + ROW - 4
            share = (values - values.min()) / np.ptp(values)
            points = np.stack((self._columns(np.arange(len(values))), bottom - share * (bottom - top)), -1)
            pixels[bottom + 2, self._left : self._right] = FAINT
            cv2.polylines(pixels, [np.round(points).astype(np.int32)], False, CURVE, 1, cv2.LINE_AA)
        image = Image.fromarray(pixels)
        pen = ImageDraw.Draw(image)
        pen.text((MARGIN, self._top - 5), "diffused", TEXT, _font())
        for number, name in enumerate(self._table.columns):
            place = (MARGIN, self._row(number) + (ROW - LINE) // 2)
            pen.text(place, cut(name, self._left - 2 * MARGIN), TEXT, _font())
        if self._hidden:
            more = f"and {self._hidden} more curves: animator plot"
            pen.text((MARGIN, self._row(len(self._table.columns))), more, TEXT, _font())
        return np.array(image)


def prompt_lines(prompts: Sequence[Prompt], width: int) -> list[str]:
    """Return the prompts of a frame in lines that fit into some pixels, the strongest first."""
    strongest = sorted(prompts, key=lambda prompt: -abs(prompt.weight))
    many = len(strongest) > PROMPTS
    lines = []
    for prompt in strongest[: PROMPTS - many]:
        weight = f"{prompt.weight:.2f}  " if len(prompts) > 1 else ""
        text = _other(_exotic(prompt.text))[1].shown(prompt.text, f"prompt {prompts.index(prompt)}")
        lines.append(weight + cut(text, width - _wide(weight)))
    return [*lines, f"and {len(prompts) - PROMPTS + 1} more prompts"] if many else lines


def cut(text: str, width: int) -> str:
    """Return as much of a text as fits into some pixels, with an ellipsis where it is cut."""
    text = " ".join(text[:400].split())
    if _wide(text) <= width:
        return text
    while text and _wide(text + "…") > width:
        text = text[:-1]
    return text.rstrip() + "…"


@functools.cache
def _font() -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    return ImageFont.load_default(SIZE)


def _exotic(text: str) -> str:
    """Return the letters of a text that the panel's own font lacks, each once, in their order."""
    return "".join(sorted({letter for letter in text if ord(letter) > PLAIN and letter not in MARKS}))


def _font_for(text: str) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    return _other(_exotic(text))[0]


@functools.cache
def _other(exotic: str) -> tuple[ImageFont.FreeTypeFont | ImageFont.ImageFont, Lettering]:
    """Return the font for some letters beside those of Latin, and what it lacks."""
    if not exotic:
        return _font(), Lettering((), frozenset())
    file, letters = one_font(exotic)
    return ImageFont.truetype(file, SIZE), letters


@functools.lru_cache(maxsize=4096)
def _wide(text: str) -> int:
    return round(_font_for(text).getlength(text))
