"""The air of a picture: what hides the distance, and what falls through it."""

from __future__ import annotations

import cv2
import numpy as np

from tools.pocket.world.canvas import SHIFT, Canvas
from tools.pocket.world.spec import Spec
from tools.pocket.world.styles.ink import INK
from tools.pocket.world.styles.pixel import enlarge, square_side

DENSITIES = {"fog": 0.23, "snowfall": 0.10, "rain": 0.09, "storm": 0.045}
"""Share of the light that is lost on one unit of the world, by weather."""

STREAKS = {"rain": 30, "storm": 20}
"""Streaks of rain in a square picture."""

FLAKES = (6, 7)
"""Rows and columns of the grid that flakes are strewn around in a square picture."""

RADII = (0.006, 0.0115, 0.0185)
"""Radii of flakes as shares of the height."""

CARVED = ("ink", "woodcut")
"""Looks that draw what falls with dark lines."""


def fill_air(canvas: Canvas, spec: Spec) -> None:
    """Fade the picture into the haze by its true depth.

    Beer and Lambert's law: ``1 - exp(-density * depth)`` of the light at a pixel is the haze's.
    """
    density = DENSITIES.get(spec.weather)
    if density is None:
        return
    share = 1 - cv2.exp(canvas.depth * np.float32(-density))
    canvas.rgb += (canvas.haze - canvas.rgb) * share[..., None]


def paint_falling(rgb: np.ndarray, spec: Spec, haze: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Return the picture with rain or snow in front of the lens, in the manner of its look.

    Args:
        rgb: float32, H x W x 3, in [0, 1]; left as it is.
        spec: its weather says what falls, its style how that is drawn.
        haze: colour of the distance, RGB.
        rng: where the drops and flakes are.

    Returns:
        float32, H x W x 3, in [0, 1].
    """
    if spec.weather not in (*STREAKS, "snowfall"):
        return rgb
    height, width = rgb.shape[:2]
    colour = _colour(spec, haze)
    falling = _snow if spec.weather == "snowfall" else _rain
    if spec.style == "pixel":
        side = square_side(height)
        cover = enlarge(falling(-(-height // side), -(-width // side), spec, rng), height, width)
    else:
        cover = falling(height, width, spec, rng)
    if spec.weather == "snowfall":
        # A breath of shade around each flake, or white flakes would be lost before a white sky.
        rgb = rgb * (1 - 0.38 * cv2.GaussianBlur(cover, (0, 0), max(1.0, height / 70)))[..., None]
    result: np.ndarray = rgb + (colour - rgb) * cover[..., None]
    return result


def _colour(spec: Spec, haze: np.ndarray) -> np.ndarray:
    """Return the colour of what falls: brighter than the air, or ink where rain is a drawn line."""
    if spec.weather != "snowfall" and spec.style in CARVED and spec.time != "night":
        return INK
    bright = np.asarray(haze, np.float32)
    if spec.style == "ink":
        bright = np.full(3, bright.mean(), np.float32)
    white = np.float32(0.85 if spec.weather == "snowfall" else 0.5)
    return np.clip(bright + (1 - bright) * white, 0, 1)


def _rain(height: int, width: int, spec: Spec, rng: np.random.Generator) -> np.ndarray:
    """Return how much of each pixel long slanted streaks cover, float32 H x W."""
    cover: np.ndarray = np.zeros((height, width), np.float32)
    count = round(STREAKS[spec.weather] * width / height)
    lean = rng.uniform(0.12, 0.4) * (1 if rng.random() < 0.5 else -1)
    starts = rng.uniform((-0.1 * width, -0.25 * height), (1.1 * width, 0.95 * height), (count, 2))
    crisp = spec.style == "pixel"
    down = height * rng.uniform(0.14, 0.34, (count, 1)) * (1.4 if spec.style in CARVED else 1.0)
    ends = np.concatenate([starts, starts + down * (lean, 1.0)], axis=1)
    if crisp:
        ends = ends[::2]
    for line in np.round(ends * 2**SHIFT).astype(int).tolist():
        cv2.line(cover, line[:2], line[2:], 1.0, 1, cv2.LINE_4 if crisp else cv2.LINE_AA, SHIFT)
    if spec.style in CARVED:
        return cover * np.float32(0.42)
    if not crisp:
        cover = cv2.GaussianBlur(cover, (3, 3), 0.7)
    return cover * np.float32(0.2 if crisp else 0.3)


def _snow(height: int, width: int, spec: Spec, rng: np.random.Generator) -> np.ndarray:
    """Return how much of each pixel soft round flakes of three sizes cover, float32 H x W."""
    cover: np.ndarray = np.zeros((height, width), np.float32)
    rows, columns = FLAKES[0], max(1, round(FLAKES[1] * width / height))
    yy, xx = np.mgrid[:rows, :columns]
    cells = np.stack([xx.ravel() / columns * width, yy.ravel() / rows * height], axis=1)
    places = cells + rng.uniform(0, (width / columns, height / rows), cells.shape)
    sizes = rng.integers(len(RADII), size=len(cells))
    if spec.style == "pixel":
        for (x, y), size in zip(places[::2].astype(int).tolist(), sizes[::2].tolist(), strict=True):
            cover[y : y + 1 + (size > 1), x : x + 1 + (size > 1)] = 1.0
        return cover * np.float32(0.9)
    radii = np.maximum(np.array(RADII)[sizes] * height, 0.7)
    fixed = np.round(np.column_stack([places, radii]) * 2**SHIFT).astype(int).tolist()
    for x, y, radius in fixed:
        cv2.circle(cover, (x, y), radius, 1.0, -1, cv2.LINE_AA, SHIFT)
    if spec.style not in CARVED:
        cover = cv2.GaussianBlur(cover, (3, 3), 0.6)
    return cover * np.float32(0.92)
