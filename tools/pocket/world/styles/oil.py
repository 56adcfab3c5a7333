"""Oil: thick strokes of one colour each, broad where the picture is calm and small on its detail."""

from __future__ import annotations

from functools import lru_cache

import cv2
import numpy as np

from tools.pocket.world.spec import Spec
from tools.pocket.world.styles.tools import grey_of, strength

DIRECTIONS = 4
"""Directions of strokes: along 0, 45, 90 and 135 degrees, bent a little."""

VARIANTS = 3
"""How many sets of strokes there are for a size."""

RICHNESS = np.float32(1.22)
"""Factor on saturation."""


@lru_cache(maxsize=8 * VARIANTS)
def _strokes(height: int, width: int, variant: int, broad: bool) -> tuple[np.ndarray, np.ndarray]:
    """Lay strokes of each direction over the whole canvas.

    Returns:
        the pixel (flat index) whose colour the stroke at each pixel takes, int64 DIRECTIONS x H x W;
        the relief of the paint, float32 DIRECTIONS x H x W, about -1 to 1.
    """
    rng = np.random.default_rng((variant, 7, int(broad)))
    thick = max(2.6, height / 18) if broad else max(1.6, height / 52)
    long = thick * (3.4 if broad else 3.0)
    sources: np.ndarray = np.zeros((DIRECTIONS, height, width), np.int32)
    relief: np.ndarray = np.zeros((DIRECTIONS, height, width), np.float32)
    ridge = 0.9 * min(1.0, thick / 7)
    count = int(3.2 * height * width / (thick * long))
    for direction in range(DIRECTIONS):
        places = rng.uniform(0, (width, height), (count, 2))
        angles = np.pi * direction / DIRECTIONS + rng.normal(0, 0.16, count)
        steps = np.stack([np.cos(angles), np.sin(angles)], axis=1) * (long / 2)
        for place, step, bright in zip(places, steps, rng.uniform(-1, 1, count), strict=True):
            ends = [np.round(place + s * step).astype(int).tolist() for s in (-1, 1)]
            index = int(place[1]) * width + int(place[0])
            cv2.line(sources[direction], ends[0], ends[1], index, max(1, round(thick)), cv2.LINE_8)
            cv2.line(relief[direction], ends[0], ends[1], float(bright), max(1, round(thick)), cv2.LINE_8)
            side = np.array((-step[1], step[0])) / np.hypot(*step) * thick * 0.32
            for sign in (-1, 1):
                rim = [np.round(place + s * 0.9 * step + sign * side).astype(int).tolist() for s in (-1, 1)]
                cv2.line(relief[direction], rim[0], rim[1], float(bright * 0.5 - sign * ridge), 1, cv2.LINE_8)
    return sources.astype(np.int64), relief


def _flow(grey: np.ndarray) -> np.ndarray:
    """Return the direction along the edges near each pixel, 0 to DIRECTIONS - 1, int64 H x W.

    The main direction of the structure tensor (Bigun and Granlund, 1987), at a quarter of the size.
    """
    height, width = grey.shape
    small = cv2.resize(grey, (max(4, width // 4), max(4, height // 4)), interpolation=cv2.INTER_AREA)
    dx, dy = cv2.Sobel(small, cv2.CV_32F, 1, 0), cv2.Sobel(small, cv2.CV_32F, 0, 1)
    double = np.dstack([dx * dx - dy * dy, 2 * dx * dy])
    double = cv2.GaussianBlur(double, (0, 0), 1.8)
    # Where nothing leads, strokes lie across: the gentle gradients of a sky.
    angle = 0.5 * np.arctan2(double[..., 1], double[..., 0] - 1e-4) + np.pi / 2
    index = np.round(angle * (DIRECTIONS / np.pi)).astype(np.uint8) % DIRECTIONS
    result: np.ndarray = cv2.resize(index, (width, height), interpolation=cv2.INTER_NEAREST).astype(np.int64)
    return result


def paint_oil(rgb: np.ndarray, depth: np.ndarray, spec: Spec, rng: np.random.Generator) -> np.ndarray:
    """Return the picture in strokes along its edges, in two layers: the ground, then the detail."""
    del spec
    height, width = rgb.shape[:2]
    variant = int(rng.integers(VARIANTS))
    soft = cv2.blur(rgb, (3, 3))
    grey = grey_of(soft)
    where = (_flow(grey) * (height * width)).ravel() + np.arange(height * width)
    broad, broad_relief = _strokes(height, width, variant, True)
    small, small_relief = _strokes(height, width, variant, False)
    under = broad.ravel()[where]
    over = small.ravel()[where]
    flat, near = soft.reshape(-1, 3), (1 / depth).ravel()
    missed = np.abs(grey.ravel()[under] - grey.ravel()).reshape(height, width)
    detail = (cv2.blur(missed, (3, 3)) > 0.05).ravel()
    source = np.where(detail, over, under)
    relief = np.where(detail, small_relief.ravel()[where] * 0.7, broad_relief.ravel()[where])
    # What even the small strokes miss is dabbed on as it is: edges of things, windows, masts.
    missed = np.abs(np.take(grey.ravel(), source) - grey.ravel()) + np.abs(np.take(near, source) - near)
    dabbed = missed > 0.09
    source = np.where(dabbed, np.arange(height * width), source)
    paint = np.take(flat, source, axis=0)
    light = np.take(grey.ravel(), source)[:, None]
    paint += (paint - light) * (RICHNESS - 1)
    paint += (relief * np.float32(rng.uniform(0.065, 0.095)) * strength(grey))[:, None] * (0.45 + light)
    return paint.reshape(height, width, 3)
