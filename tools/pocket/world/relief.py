"""Shapes that rise at the horizon: mountains, hills, mesas and woods, and how light falls on them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tools.pocket.world import noise


@dataclass(frozen=True)
class Relief:
    """One row of elevations.

    Attributes:
        rise: height of the silhouette above the horizon in pixels, float32, one per column.
        light: share of full light, float32, rows x columns, range [0, 1].
        grain: fine structure of the surface, float32, rows x columns, range [0, 1].
    """

    rise: np.ndarray
    light: np.ndarray
    grain: np.ndarray


def mountains(
    altitude: np.ndarray, columns: np.ndarray, tall: float, side: float, rng: np.random.Generator
) -> Relief:
    """Return sharp mountains with a light and a shaded side and ribs that run down from each summit.

    Args:
        altitude: height of each row of pixels above the horizon in pixels, rows x 1.
        columns: x of each column in pixels.
        tall: height of the highest summit in pixels.
        side: +1 where the light comes from the right, -1 from the left.
        rng: where the places of the summits come from.
    """
    span = float(columns[-1] - columns[0] + 1)
    gap = tall * rng.uniform(1.0, 1.7)
    count = int(span / gap) + 3
    summits = (np.arange(count) - 1 + rng.uniform(-0.45, 0.45, count)) * gap + rng.uniform(0, gap)
    heights = rng.uniform(0.40, 0.92, count) * tall
    heights[int(rng.integers(1, count - 1))] = tall * 0.96
    slopes = rng.uniform(0.6, 1.05, (2, count)).astype(np.float32)
    away = columns[None] - summits[:, None].astype(np.float32)
    falls = np.where(away > 0, away * slopes[0][:, None], -away * slopes[1][:, None])
    each = heights[:, None].astype(np.float32) - falls
    owner = np.argmax(each, axis=0)
    jag = (
        noise.line(int(rng.integers(8)), rng.uniform(0, 9), 0.55 * span / 128 / (tall / 38), len(columns))
        - 0.5
    )
    foot = tall * (0.16 + 0.14 * jag)
    base = np.take_along_axis(each, owner[None], 0)[0]
    drop_share = np.clip((heights[owner] - base) / tall * 5, 0.15, 1)
    rise = np.maximum(base + jag * tall * 0.22 * drop_share, foot).astype(np.float32)

    drop = np.maximum(heights[owner][None].astype(np.float32) - altitude, 0)
    across = away[owner, np.arange(len(columns))][None]
    bends = noise.line(int(rng.integers(8)), rng.uniform(0, 9), 0.16, len(altitude))[::-1, None] - 0.5
    lean = rng.uniform(-0.3, 0.3, count).astype(np.float32)[owner][None]
    right = np.clip(across - drop * (lean + 1.1 * bends) + 0.5, 0, 1)
    texture = noise.bank()[int(rng.integers(8))]
    # Ribs run down the slope: the texture is read by the direction from the summit and slowly by the drop.
    fan = across * (150.0 / (drop + 0.14 * tall))
    u = (fan + owner[None] * 61 + 0.5 * right * 90).astype(np.int32)
    v = (drop * (70.0 / tall)).astype(np.int32)
    grain = texture[v & 511, u & 511]
    lit = right if side > 0 else 1 - right
    ribs = np.clip((grain - 0.5) * 6 + 0.5, 0, 1)
    return Relief(rise, lit * (0.66 + 0.34 * ribs) + (1 - lit) * 0.32 * ribs, grain)


def hills(
    altitude: np.ndarray, columns: np.ndarray, tall: float, side: float, rng: np.random.Generator
) -> Relief:
    """Return rounded hills, lighter where they face the light, with patches; arguments as of `mountains`."""
    waves = rng.uniform(0.7, 1.3, 4) * np.array((0.9, 1.9, 3.7, 7.0)) / (tall * 11)
    weights = np.array((0.27, 0.14, 0.06, 0.02))[:, None]
    phases = 2 * np.pi * (columns[None] * waves[:, None] + rng.random((4, 1)))
    rise = (tall * (0.58 + (weights * np.sin(phases)).sum(axis=0))).astype(np.float32)
    slope = (weights * waves[:, None] * np.cos(phases)).sum(axis=0) * 2 * np.pi * tall
    below = np.clip((rise[None] - altitude) / tall, 0, 1)
    texture = noise.bank()[int(rng.integers(8))]
    bend = rise[None] * 1.1 + altitude * 2.4
    u = ((columns[None] + int(rng.integers(512))) * (150 / tall / 9)).astype(np.int32)
    grain = texture[(bend * (300 / tall / 9)).astype(np.int32) & 511, u & 511]
    facing = np.clip(0.66 - side * 1.5 * slope, 0.1, 1).astype(np.float32)[None]
    patches = np.clip((grain - 0.5) * 5 + 0.5, 0, 1)
    return Relief(rise, np.clip(facing * (1.12 - 0.85 * below) * (0.74 + 0.26 * patches), 0, 1), grain)


def mesas(
    altitude: np.ndarray, columns: np.ndarray, tall: float, side: float, rng: np.random.Generator
) -> Relief:
    """Return table rocks: flat tops, steep walls in strata, slopes of rubble; arguments as of `mountains`."""
    span = float(columns[-1] - columns[0] + 1)
    count = int(rng.integers(2, 4)) + int(span / tall / 5)
    middles = (np.arange(count) + rng.uniform(0.1, 0.9, count)) * span / count + columns[0]
    heights = rng.uniform(0.5, 1.0, count) * tall * 0.98
    halves = tall * rng.uniform(0.15, 0.9, count)
    away = columns[None] - middles[:, None]
    wall = np.abs(away) - halves[:, None]
    tops = heights[:, None]
    profile = np.where(
        wall <= 0, tops, np.maximum(tops * 0.5 - (wall - 0.07 * tall) * 0.5, tops * (1 - 7 * wall / tall))
    )
    owner = np.argmax(profile, axis=0)
    jag = noise.line(int(rng.integers(8)), rng.uniform(0, 9), 0.5, len(columns))
    rise = np.maximum(np.max(profile, axis=0) + (jag - 0.5) * 0.07 * tall, tall * (0.05 + 0.08 * jag))
    across = away[owner, np.arange(len(columns))] / (halves[owner] + 0.25 * tall)
    strata = np.sin(altitude * (40 / tall) + (jag[None] - 0.5) * 5)
    facing = np.clip(0.52 + side * 0.9 * across + (jag - 0.5) * 1.1, 0.05, 1)[None]
    light = np.clip(facing * (0.86 + 0.2 * strata), 0, 1).astype(np.float32)
    return Relief(rise.astype(np.float32), light, np.clip(0.5 + 0.5 * strata, 0, 1).astype(np.float32))


def woods(
    altitude: np.ndarray, columns: np.ndarray, tall: float, side: float, rng: np.random.Generator
) -> Relief:
    """Return the edge of a far wood: pointed crowns of uneven height; arguments as of `mountains`."""
    span = float(columns[-1] - columns[0] + 1)
    gap = tall * 0.42
    count = int(span / gap) + 3
    middles = (np.arange(count) - 1 + rng.uniform(-0.45, 0.45, count)) * gap + columns[0]
    swell = noise.line(int(rng.integers(8)), rng.uniform(0, 9), 0.2 * span / 128, count)
    heights = tall * np.clip(0.3 + 0.75 * swell * rng.uniform(0.6, 1.15, count), 0.25, 1)
    away = columns[None] - middles[:, None]
    crowns = heights[:, None] - np.abs(away) * rng.uniform(1.3, 2.2, (count, 1))
    owner = np.argmax(crowns, axis=0)
    rise = np.maximum(np.max(crowns, axis=0), tall * 0.22).astype(np.float32)
    turned = np.clip(0.5 + side * away[owner, np.arange(len(columns))] / gap, 0, 1).astype(np.float32)
    light = np.clip(turned[None] * np.clip(0.35 + 0.75 * altitude / tall, 0, 1), 0, 1)
    return Relief(rise, light, np.full_like(light, 0.5))
