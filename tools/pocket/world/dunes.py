"""Dunes of sand and drifts of snow: crests on the plane, lit on one side, shaded on the other."""

from __future__ import annotations

import numpy as np

from tools.pocket.world.canvas import FAR, Canvas
from tools.pocket.world.layout import Plane, texture, tint_of
from tools.pocket.world.spec import Spec

SHADED = {"desert": (0.62, 0.37, 0.19), "snow": (0.48, 0.61, 0.88)}
LIT = {"desert": (0.98, 0.78, 0.44), "snow": (0.98, 0.99, 1.00)}

RISE = {"desert": (0.66, 0.42, 0.20, 0.09), "snow": (0.26, 0.20, 0.11, 0.06)}
"""How high the crests stand above the plane, in units of the world, from far to near."""

PLACES = (8.5, 5.4, 3.0, 1.5)
"""Distances of the crests, from far to near."""

SHARPNESS = {"desert": 14.0, "snow": 2.6}
"""How sudden light turns to shade along the edge that runs down from a top."""


def _crests(
    canvas: Canvas, spec: Spec, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return distances (k), rows (k x W) and phases (k x W, whole at each top) of crests, far to near."""
    places = np.array(PLACES) * rng.uniform(0.9, 1.1, len(PLACES)) * (1 + 0.3 * canvas.eye)
    unit = (canvas.focal / places)[:, None]
    lengths = unit * rng.uniform(1.5, 2.4, (len(places), 1)) * (0.55 + 0.17 * places[:, None])
    x = np.arange(canvas.width)[None]
    bend = np.sin(x / lengths * 2.1 + rng.uniform(0, 6, (len(places), 1)))
    phases = x / lengths + 0.16 * bend + rng.uniform(0, 1, (len(places), 1))
    up = (0.5 + 0.5 * np.cos(2 * np.pi * phases)) ** (0.8 if spec.ground == "desert" else 1.0)
    up = 0.12 + 0.88 * up * (0.75 + 0.25 * bend)
    rise = np.array(RISE[spec.ground])[:, None] * rng.uniform(0.8, 1.15, (len(places), 1))
    rows = canvas.horizon + (canvas.eye - rise * up) * unit
    return places, rows.astype(np.float32), phases.astype(np.float32)


def paint_dunes(canvas: Canvas, plane: Plane, spec: Spec, rng: np.random.Generator) -> None:
    """Paint dunes or drifts over the whole ground, colour and depth; far ones may rise above the horizon."""
    places, crests, phases = _crests(canvas, spec, rng)
    start = int(np.clip(np.floor(crests.min()), 0, plane.top))
    rows = np.arange(start, canvas.height, dtype=np.float32)[:, None]
    which = np.full((len(rows), canvas.width), -1, np.int8)
    for k, crest in enumerate(crests):
        which[rows >= crest] = k
    behind = which < 0
    which[behind] = 0
    ground = np.full((len(rows), 1), np.inf, np.float32)
    ground[plane.top - start :] = plane.distance
    distance = np.where(behind, ground, np.minimum(places.astype(np.float32)[which], ground))
    share = _turned(
        canvas, spec, np.maximum(rows - crests[which, np.arange(canvas.width)], 0), which, phases, places
    )
    share[behind] = 0.6
    share[len(rows) - len(plane.below) :] += _grain(canvas, plane, spec, rng)
    low, high = np.array((SHADED[spec.ground], LIT[spec.ground]), np.float32) * tint_of(canvas, spec)
    colour = np.clip(low + (high - low) * np.clip(share, 0, 1)[..., None], 0, 1)
    clear = np.exp(-0.055 * np.minimum(distance, FAR))[..., None]
    solid = np.isfinite(distance)
    np.copyto(canvas.rgb[start:], colour * clear + canvas.haze * (1 - clear), where=solid[..., None])
    np.copyto(canvas.depth[start:], distance, where=solid)


def _turned(
    canvas: Canvas, spec: Spec, drop: np.ndarray, which: np.ndarray, phases: np.ndarray, places: np.ndarray
) -> np.ndarray:
    """Return how far the surface is turned to the light, in [0, 1], ``drop`` pixels under its crest.

    From each top an edge runs slantwise down: one side of it is lit, the other in shadow, and both fade to
    the mean in the trough.
    """
    tall = (np.array(RISE[spec.ground]) * canvas.focal / places).astype(np.float32)[which]
    down = drop / np.maximum(tall, 1)
    columns = np.arange(canvas.width)
    slant = 0.07 * np.sin(3.5 * np.minimum(down, 2)) + 0.20 * down
    phase = phases[which, columns] - canvas.side * slant
    beside = 2 * (phase - np.rint(phase)) * canvas.side
    edge = np.tanh(SHARPNESS[spec.ground] * beside) * (1 - np.abs(beside)) ** 0.7
    result: np.ndarray = 0.60 + 0.50 * edge * np.exp(-0.35 * down)
    return result


def _grain(canvas: Canvas, plane: Plane, spec: Spec, rng: np.random.Generator) -> np.ndarray:
    """Return the ripples of the sand, or the soft unevenness of the snow, around 0."""
    bend = texture(canvas, plane, rng, 1.0, stretch=2.0)
    if spec.ground == "snow":
        return 0.28 * (bend - 0.5)
    sink = plane.below / canvas.height
    phase = 24 * np.log(sink) + 9 * bend
    result: np.ndarray = 0.10 * np.sin(phase) * np.clip((sink - 0.14) * 5, 0, 1) + 0.06 * (bend - 0.5)
    return result
