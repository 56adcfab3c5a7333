"""Trees on the land: a dense wood in a forest, a few elsewhere, none on water or in the middle of a way."""

from __future__ import annotations

import cv2
import numpy as np

from tools.pocket.world.canvas import SHIFT, Canvas, Spot
from tools.pocket.world.layout import course, land
from tools.pocket.world.spec import Spec
from tools.pocket.world.trees import LEAVES, NEEDLES, SNOW, tree

FEWEST_MOST = {
    "forest": (16, 22),
    "meadow": (0, 7),
    "field": (0, 4),
    "snow": (1, 9),
    "lake": (1, 6),
    "desert": (0, 3),
    "coast": (0, 3),
}
"""How many single trees stand on a ground; grounds that are missing have none."""

CLEARING = 0.28
"""Share of the width, to either side of the middle, that stays free for the main object."""

BEHIND = 4.4
"""Distance beyond which a tree may stand anywhere: it is farther than any main object."""

ROWS = {"forest": (8.6, 6.6, 5.0), "meadow": (8.0,), "field": (8.0,), "snow": (8.0,)}
"""Distances of rows of trees that are seen as one mass."""


def paint_wood(canvas: Canvas, spec: Spec, rng: np.random.Generator) -> None:
    """Paint the trees of a picture from far to near, colour and depth.

    Args:
        canvas: with sky, ridges, ground and way; painted in place.
        spec: the picture.
        rng: decides kinds, number and places.
    """
    conifers = bool(rng.random() < {"autumn": 0.2, "spring": 0.25}.get(spec.season, 0.5))
    conifers = conifers or (spec.season == "winter" and bool(rng.random() < 0.6))
    if spec.ground == "forest" or (rng.random() < 0.4 and canvas.eye < 0.6):
        for distance in ROWS.get(spec.ground, ()):
            _row(canvas, spec, distance * rng.uniform(0.92, 1.08), conifers, rng)
    fewest, most = FEWEST_MOST.get(spec.ground, (0, 0))
    count = int(rng.integers(fewest, most + 1))
    nearest = 1.6 if spec.ground == "forest" else 2.3
    distances = np.sort(1 / rng.uniform(1 / 7, 1 / nearest, count))[::-1]
    columns = rng.uniform(-0.05, 1.05, count) * canvas.width
    sizes = rng.uniform(0.8, 1.15, count) * (0.95 if spec.ground == "forest" else 0.72)
    for x, distance, size in zip(columns.tolist(), distances.tolist(), sizes.tolist(), strict=True):
        if _free(canvas, spec, x, distance):
            kind, season = _kind(spec, conifers, rng)
            tree(canvas, Spot(x, distance, size=size), kind, rng, season)


def _free(canvas: Canvas, spec: Spec, x: float, distance: float) -> bool:
    """Tell whether a tree may stand at a place: on land, beside the way, and not before the main object."""
    if spec.thing != "none" and distance < BEHIND and abs(x / canvas.width - 0.5) < CLEARING:
        return False
    below = np.array([canvas.eye * canvas.focal / distance])
    if spec.ground in ("lake", "coast"):
        return bool(land(canvas, spec, below, np.array([x]))[0] > 0.04 * canvas.height)
    if spec.way == "none":
        return True
    centre, half = course(canvas, spec, below)
    return bool(abs(x - centre[0]) > 1.15 * half[0] + 0.07 * canvas.focal / distance)


def _kind(spec: Spec, conifers: bool, rng: np.random.Generator) -> tuple[str, str]:
    """Choose a kind of tree for a ground, and the season it shows: not every tree blossoms in spring."""
    if spec.ground in ("desert", "coast"):
        return "palm", "summer"
    drawn = rng.random()
    season = "summer" if spec.season == "spring" and rng.random() < 0.55 else spec.season
    if conifers:
        return ("pine" if drawn < 0.9 else "birch"), season
    return ("tree" if drawn < 0.72 else "birch" if drawn < 0.9 else "pine"), season


def _row(canvas: Canvas, spec: Spec, distance: float, conifers: bool, rng: np.random.Generator) -> None:
    """Paint a row of trees as one dark mass with lit crowns, open where a way leads through."""
    unit = canvas.focal / distance
    room = (0.09 if spec.ridge != "none" else 0.16) * canvas.height
    tall = min(0.95, canvas.eye + room / unit) * (1.0 if spec.ground == "forest" else 0.55)
    step = unit * (0.26 if conifers else 0.36) * max(tall, 0.3)
    x = np.arange(-step, canvas.width + step, step)
    x = x + rng.uniform(-0.2, 0.2, len(x)) * step
    foot = canvas.horizon + canvas.eye * unit
    rise = tall * unit * rng.uniform(0.7, 1.0, len(x))
    if spec.ground != "forest":
        away = np.abs(x / canvas.width - rng.uniform(0, 1)) / rng.uniform(0.25, 0.5)
        rise = np.where(away < 1, rise * np.sqrt(np.clip(1.15 - away, 0.1, 1)), 0)
    if spec.way != "none":
        centre, half = course(canvas, spec, np.array([canvas.eye * unit]))
        rise[np.abs(x - centre[0]) < half[0] + step] = 0
    x, rise = x[rise > 0], rise[rise > 0]
    crowns = (_spires if conifers else _domes)(x, foot - rise, step, rise, canvas.side)
    dark, tones = _colours(spec, conifers, rng)
    shade, *lights = canvas.lit(np.array([dark, *tones]), distance).tolist()
    masses = np.rint(crowns[0] * 2**SHIFT).astype(np.int32)
    for mass in masses:
        cv2.fillConvexPoly(canvas.rgb, mass, shade, cv2.LINE_AA, SHIFT)
        cv2.fillConvexPoly(canvas.depth, mass, distance, cv2.LINE_8, SHIFT)
    lit = np.rint(crowns[1] * 2**SHIFT).astype(np.int32)
    for crown, drawn in zip(lit, rng.integers(len(lights), size=len(lit)), strict=True):
        cv2.fillConvexPoly(canvas.rgb, crown, lights[drawn], cv2.LINE_AA, SHIFT)


def _colours(spec: Spec, conifers: bool, rng: np.random.Generator) -> tuple[np.ndarray, list[np.ndarray]]:
    """Return the dark of a row of trees and the tones of its lit crowns."""
    if conifers:
        needles = np.array(NEEDLES[int(rng.integers(len(NEEDLES)))])
        lit = [np.array(SNOW) * 0.92] if spec.season == "winter" else [needles * 1.15]
        return needles * 0.62, [*lit, needles * 1.35]
    if spec.season == "winter":
        return np.array((0.30, 0.27, 0.28)), [np.array((0.62, 0.62, 0.68)), np.array((0.48, 0.45, 0.48))]
    leaves = [np.array(leaf) for leaf in LEAVES[spec.season]]
    if spec.season == "spring":
        leaves = [leaves[0] * 0.95, np.array((0.42, 0.66, 0.22)), np.array((0.34, 0.58, 0.18))]
        return leaves[2] * 0.6, leaves
    return leaves[0] * 0.55, leaves


def _spires(
    x: np.ndarray, top: np.ndarray, step: float, rise: np.ndarray, side: float
) -> tuple[np.ndarray, np.ndarray]:
    """Return the outlines of conifers and of their lit halves, each n x 3 x 2 in pixels."""
    foot = top + rise
    half = 0.8 * step
    whole = np.stack((np.stack((x - half, foot), 1), np.stack((x, top), 1), np.stack((x + half, foot), 1)), 1)
    edge = np.stack((x + side * 0.42 * step, top + 0.62 * rise), 1)
    lit = np.stack((np.stack((x, top), 1), edge, np.stack((x + side * 0.08 * step, top + 0.55 * rise), 1)), 1)
    return whole, lit


def _domes(
    x: np.ndarray, top: np.ndarray, step: float, rise: np.ndarray, side: float
) -> tuple[np.ndarray, np.ndarray]:
    """Return the outlines of broad crowns down to the ground, and of their lit caps, in pixels."""
    angle = np.linspace(np.pi, 0, 7)
    ring = np.stack((np.cos(angle), -np.sin(angle)), 1)[None]
    cap = np.stack((x, top + 0.75 * step), 1)[:, None] + ring * (0.75 * step)
    foot = (top + rise)[:, None]
    ends = np.stack((np.stack((x + 0.7 * step, foot[:, 0]), 1), np.stack((x - 0.7 * step, foot[:, 0]), 1)), 1)
    turn = np.linspace(0, 2 * np.pi, 9)[:-1]
    disc = np.stack((np.cos(turn), np.sin(turn) * 0.8), 1)[None] * (0.44 * step)
    lit = np.stack((x + side * 0.16 * step, top + 0.55 * step), 1)[:, None] + disc
    return np.concatenate((cap, ends), 1), lit
