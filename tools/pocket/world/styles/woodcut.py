"""Woodcut: a few flat inks, carved lines that follow the tone, bold dark outlines."""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from tools.pocket.world.spec import Spec
from tools.pocket.world.styles.tools import (
    depth_edges,
    few_colours,
    grey_of,
    nearest_colour,
    smooth,
    tone_edges,
)

KEYS = ((0.07, 0.09, 0.17), (0.10, 0.08, 0.07), (0.05, 0.05, 0.06))
"""Inks of the key block, which prints the lines: indigo, sepia, black."""

SKY_INKS, LAND_INKS = 3, 5
"""How many flat inks are printed under the lines, at most, above and below the skyline."""

SKY = 9.6
"""Depth beyond which there is only sky."""

PAPER = np.array((0.96, 0.91, 0.80), np.float32)
"""Colour of the paper, seen through every ink."""


@lru_cache(maxsize=16)
def _grooves(height: int, width: int, bend: float) -> np.ndarray:
    """Return wavy level lines, float32 H x W: 1 on a line, 0 half way between two."""
    period = max(4.0, height / 26)
    yy, xx = np.mgrid[:height, :width].astype(np.float32)
    wave = np.sin(xx * (2 * np.pi * 1.7 / height) + bend * 9) * height * 0.02 * bend
    result: np.ndarray = np.abs(((yy + wave) / period % 1) * 2 - 1).astype(np.float32)
    return result


def _inks(calm: np.ndarray, sky: np.ndarray, dark: bool) -> tuple[np.ndarray, np.ndarray]:
    """Choose the inks of the sky and of the land, and print each pixel with the nearest of its own.

    Returns:
        the flat print, float32 H x W x 3, and the brightness that each pixel's ink stands for, float32 H x W.
    """
    height, width = sky.shape
    pixels, above = calm.reshape(-1, 3), sky.ravel()
    flat, stands_for = np.empty_like(pixels), np.empty(len(pixels), np.float32)
    # Inks are told apart as an eye that is used to the hour would: a dark picture as well as a light one.
    exposure = np.float32(0.5 / max(float(calm[::4, ::4].mean()), 0.08))
    for part, count in ((above, SKY_INKS), (~above, LAND_INKS)):
        where = np.flatnonzero(part)
        if not len(where):
            continue
        own = pixels[where]
        inks = few_colours(own[:: max(1, len(own) // 600)] * exposure, count) / exposure
        index = nearest_colour(own, inks)
        light = inks.mean(axis=1, keepdims=True)
        rich = np.clip(light + (inks - light) * 1.4, 0, 1) * (np.float32(1.1) if dark else PAPER)
        # What is nearly white is left unprinted: snow, sails, clouds.
        rich += (PAPER - rich) * np.clip((light - 0.72) * 4, 0, 0.8)
        flat[where] = np.take(rich, index, axis=0)
        stands_for[where] = np.take(_value(inks[None])[0], index)
    return flat.reshape(height, width, 3), stands_for.reshape(height, width)


def _value(rgb: np.ndarray) -> np.ndarray:
    """Return the tone of colours in a print, float32.

    The brightest channel counts as much as brightness: a deep blue or red wall is a colour and not a shade.
    """
    result: np.ndarray = (grey_of(rgb) + rgb.max(axis=2)) * np.float32(0.5)
    return result


def paint_woodcut(rgb: np.ndarray, depth: np.ndarray, spec: Spec, rng: np.random.Generator) -> np.ndarray:
    """Return the picture as a print: each area one ink of its own hue, the key block over it."""
    height, width = rgb.shape[:2]
    calm = smooth(rgb, 3 if height < 100 else 5).astype(np.float32) * np.float32(1 / 255)
    sky = depth > SKY
    dark = spec.time in ("night", "dusk")
    flat, stands_for = _inks(calm, sky, dark)
    key = np.array(KEYS[int(rng.integers(len(KEYS)))], np.float32)
    grey = _value(calm)
    bare = np.clip((grey - stands_for) * 9 - 1.9, 0, 1)
    flat += (PAPER - flat) * bare[..., None]
    low, high = float(grey.min()), float(grey.max())
    tone = (grey - (low + high) / 2) / max(high - low, 0.35) + 0.5
    lines = _grooves(height, width, (0.0, 0.6, 1.2)[int(rng.integers(3))])
    near = np.clip(depth_edges(depth) * 6 - 0.25, 0, 1)
    outline = np.clip(tone_edges(grey) * 6 - 0.45, 0, 1)
    outline = np.where(sky, outline * 0.5, np.maximum(outline, near))
    solid = np.clip((0.32 - grey / max(float(grey.mean()), 0.05)) * 8, 0, 0.92)
    outline = np.maximum(outline, solid)
    if dark:
        # In the dark the knife draws: what is carved away prints as light.
        carved = np.clip((lines - 0.62 - 0.25 * tone) * 5, 0, 1) * np.clip((0.55 - tone) * 5, 0, 1)
        flat += (flat * 0.5 + 0.02) * carved[..., None]
        result: np.ndarray = flat + (key * 0.4 - flat) * outline[..., None]
        return result
    carved = np.clip((lines - 0.52 - 0.9 * tone) * 5, 0, 1) * 0.8
    result = flat + (key - flat) * np.maximum(outline, carved)[..., None]
    return result
