"""Draw the footage that ``stylise.yaml`` paints over: ``python scenes/footage/valley.py``.

Flat shapes in layers. The camera goes to the right, past which a layer moves the faster the nearer it is; a
boat and a balloon move on their own. `valley.mp4` beside this file is what comes out.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np

from animator.video.film import FilmWriter

FILM = Path(__file__).with_suffix(".mp4")
WIDTH, HEIGHT = 192, 128
FRAMES, FPS = 36, 12
FINER = 4
"""How many times larger the pictures are drawn than they are kept, for smooth edges."""

PAN = 0.25
"""How far the nearest layer moves over the film, in widths of the picture."""

ZENITH, HORIZON = (96, 160, 224), (214, 232, 242)
SUN, SNOW, ROCK, HILL = (255, 244, 200), (246, 248, 252), (120, 132, 160), (104, 148, 112)
LAKE, SHINE, MEADOW, TRUNK, LEAVES = (
    (88, 150, 196),
    (150, 196, 222),
    (116, 172, 72),
    (96, 68, 44),
    (40, 108, 56),
)
HULL, SAIL, BALLOON, STRIPE, BASKET = (
    (120, 60, 40),
    (250, 246, 236),
    (214, 52, 44),
    (246, 206, 72),
    (110, 78, 48),
)

PEAKS = ((0.10, 0.30, 0.22), (0.42, 0.15, 0.30), (0.78, 0.24, 0.26), (1.12, 0.18, 0.28))
"""Of each mountain the place across, the height of its top down from the picture's, and its half width."""

TREES = ((0.06, 0.20), (0.20, 0.15), (0.97, 0.22), (1.15, 0.17))
"""Of each near tree the place across, and its height."""


class _Canvas:
    """A picture with lengths in widths across and heights down, so that shapes are told without pixels."""

    def __init__(self) -> None:
        down = np.linspace(0, 1, HEIGHT * FINER)[:, None, None]
        sky = np.array(ZENITH) * (1 - down) + np.array(HORIZON) * down
        self.pixels = np.repeat(sky, WIDTH * FINER, 1).astype(np.uint8)

    def area(self, points: list[tuple[float, float]], colour: tuple[int, int, int]) -> None:
        corners = np.array(points) * (WIDTH * FINER, HEIGHT * FINER)
        cv2.fillPoly(self.pixels, [np.round(corners).astype(np.int32)], colour, cv2.LINE_AA)

    def oval(self, at: tuple[float, float], across: float, down: float, colour: tuple[int, int, int]) -> None:
        centre = (round(at[0] * WIDTH * FINER), round(at[1] * HEIGHT * FINER))
        axes = (round(across * WIDTH * FINER), round(down * HEIGHT * FINER))
        cv2.ellipse(self.pixels, centre, axes, 0, 0, 360, colour, -1, cv2.LINE_AA)


def frames() -> Iterator[np.ndarray]:
    """Yield the pictures of the film, H x W x 3 uint8 RGB."""
    for number in range(FRAMES):
        canvas = _Canvas()
        _paint(canvas, number / (FRAMES - 1))
        yield cv2.resize(canvas.pixels, (WIDTH, HEIGHT), interpolation=cv2.INTER_AREA)


def _paint(canvas: _Canvas, time: float) -> None:
    """Paint the valley, the farthest first, at a time from 0 to 1."""
    canvas.oval((0.80, 0.20), 0.05, 0.075, SUN)
    _mountains(canvas, 0.25 * PAN * time)
    _hills(canvas, 0.40 * PAN * time)
    canvas.area([(0, 0.60), (1, 0.60), (1, 1), (0, 1)], LAKE)
    canvas.area([(0, 0.60), (1, 0.60), (1, 0.625), (0, 0.625)], SHINE)
    _boat(canvas, (0.62 - 0.22 * time, 0.72))
    _balloon(canvas, (0.22 + 0.24 * time, 0.32 - 0.06 * time))
    _shore(canvas, PAN * time)


def _mountains(canvas: _Canvas, gone: float) -> None:
    for place, top, half in PEAKS:
        x = place - gone
        canvas.area([(x - half, 0.62), (x, top), (x + half, 0.62)], ROCK)
        line = top + 0.13
        share = (line - top) / (0.62 - top) * half
        zigzag = [(x + share, line), (x + 0.4 * share, line - 0.03), (x, line + 0.02)]
        canvas.area([(x, top), *zigzag, (x - 0.5 * share, line - 0.03), (x - share, line)], SNOW)


def _hills(canvas: _Canvas, gone: float) -> None:
    across = np.linspace(0, 1, 60)
    tops = 0.55 - 0.035 * np.sin(9 * (across + gone)) - 0.02 * np.sin(23 * (across + gone))
    canvas.area([*zip(across.tolist(), tops.tolist(), strict=True), (1, 0.62), (0, 0.62)], HILL)


def _boat(canvas: _Canvas, at: tuple[float, float]) -> None:
    x, y = at
    canvas.area([(x - 0.07, y), (x + 0.07, y), (x + 0.045, y + 0.05), (x - 0.05, y + 0.05)], HULL)
    canvas.area([(x, y - 0.02), (x, y - 0.22), (x + 0.065, y - 0.02)], SAIL)
    canvas.area([(x - 0.012, y - 0.02), (x - 0.012, y - 0.18), (x - 0.05, y - 0.02)], SAIL)


def _balloon(canvas: _Canvas, at: tuple[float, float]) -> None:
    x, y = at
    canvas.area(
        [(x - 0.075, y + 0.09), (x + 0.075, y + 0.09), (x + 0.018, y + 0.225), (x - 0.018, y + 0.225)],
        BALLOON,
    )
    canvas.oval(at, 0.10, 0.165, BALLOON)
    canvas.oval(at, 0.04, 0.165, STRIPE)
    canvas.area(
        [(x - 0.018, y + 0.24), (x + 0.018, y + 0.24), (x + 0.018, y + 0.28), (x - 0.018, y + 0.28)], BASKET
    )


def _shore(canvas: _Canvas, gone: float) -> None:
    """Paint the meadow in front and the trees on it, which hide what they pass."""
    across = np.linspace(0, 1, 60)
    tops = 0.89 - 0.03 * np.sin(5 * (across + gone) + 1)
    canvas.area([*zip(across.tolist(), tops.tolist(), strict=True), (1, 1), (0, 1)], MEADOW)
    for place, tall in TREES:
        x = place - gone
        canvas.area(
            [(x - 0.012, 0.92), (x + 0.012, 0.92), (x + 0.012, 0.92 - tall), (x - 0.012, 0.92 - tall)], TRUNK
        )
        canvas.oval((x, 0.90 - 1.6 * tall), 0.35 * tall, 0.85 * tall, LEAVES)


def main() -> None:
    """Write the film."""
    with FilmWriter(FILM, WIDTH, HEIGHT, FPS, crf=20, preset="veryslow") as film:
        for pixels in frames():
            film.add(pixels)


if __name__ == "__main__":
    main()
