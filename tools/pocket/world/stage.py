"""Put the main thing of a picture, what it stands on and its company where they are seen well."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from tools.pocket.world.canvas import Canvas, Spot
from tools.pocket.world.layout import land
from tools.pocket.world.paints import PAINTS
from tools.pocket.world.spec import Spec
from tools.pocket.world.things import SIZES, THINGS
from tools.pocket.world.things.perches import cliff, hill, island
from tools.pocket.world.things.strokes import mirror, shadow, snow
from tools.pocket.world.trees import tree

SHARES = {"house": (0.40, 0.58), "castle": (0.50, 0.72), "pyramid": (0.36, 0.50), "bridge": (0.30, 0.46)}
"""Height of a thing as a share of the picture's, from and to, where it is not the usual one."""

USUAL = (0.52, 0.76)

LIFTS = {"ground": (0.0, 0.0), "hill": (0.13, 0.22), "cliff": (0.17, 0.30), "island": (0.05, 0.09)}
"""How far a perch lifts the foot of a thing, as a share of the picture's height, from and to."""

NEAR, FARTHEST, IN_HAZE = 1.45, 4.6, 2.6
"""Distances of the main thing where the camera sees the ground there; in thick air it must be near."""

SAND = (0.86, 0.68, 0.42)

SNOWY = ("lighthouse", "house", "castle", "tower", "windmill", "pyramid")
"""Things on whose edges snow lies in winter; the trees wear their own."""

LAMPLIGHT = np.array((1.0, 0.93, 0.82), np.float32)
"""White light that falls on the main thing besides the light of the hour, so that its colour is seen."""

LAMPSHARE = {True: 0.38, False: 0.22}
"""Its share, in the dark and otherwise."""


def _foot(
    canvas: Canvas, spec: Spec, x: float, need: float, rng: np.random.Generator, span: tuple[float, float]
) -> float:
    """Choose the row of the ground on which the main thing stands.

    Args:
        canvas: the camera.
        spec: tells whether there must be water or land.
        x: pixel column of its foot.
        need: share of the picture that the thing and its perch take above that row.
        rng: chooses among the rows that will do.
        span: nearest and greatest distance that is wanted.
    """
    sink = canvas.eye * canvas.focal
    last = 0.92 * canvas.height - canvas.horizon
    low = min(max(sink / span[1], need * canvas.height - canvas.horizon), last)
    high = min(max(sink / span[0], low), last)
    below = rng.permutation(np.linspace(low, high, 12))
    if spec.ground in ("coast", "lake"):
        wet = spec.perch in ("cliff", "island") or spec.thing in ("boat", "bridge")
        wet = wet or (spec.ground == "lake" and spec.thing in THINGS)
        everywhere = np.linspace(sink / 7.0, last, 24)
        # A cliff rises where the beach begins: beside the sea, and near enough to be large.
        margin = (-0.12 if spec.ground == "coast" and spec.perch == "cliff" else 0.03) * canvas.height
        for rows in (below, everywhere[::-1]):
            inside = land(canvas, spec, rows, np.full(len(rows), x)) * (-1 if wet else 1)
            if (inside > margin).any():
                return float(canvas.horizon + rows[int(np.argmax(inside > margin))])
    return float(canvas.horizon + below[0])


def _stand(canvas: Canvas, spec: Spec, rng: np.random.Generator) -> tuple[Spot, float]:
    """Choose where the main thing stands; return its spot and how far its perch lifts it, in units."""
    tall, half = SIZES[spec.thing]
    share, lift = rng.uniform(*SHARES.get(spec.thing, USUAL)), rng.uniform(*LIFTS[spec.perch])
    x = canvas.width * (0.5 + float(np.clip(rng.normal(0, 0.12), -0.24, 0.24)))
    farthest = IN_HAZE if spec.weather in ("fog", "rain", "snowfall") else FARTHEST
    if spec.thing == "balloon":
        distance = rng.uniform(1.7, min(farthest, 3.6))
        row = canvas.height * rng.uniform(share + 0.05, 0.92 if share > 0.6 else 0.80)
    else:
        row = _foot(canvas, spec, x, share + lift + 0.04, rng, (NEAR, farthest))
        distance = canvas.eye * canvas.focal / (row - canvas.horizon)
    share = min(share, row / canvas.height - lift - 0.03)
    if spec.thing != "bridge":
        share = min(share, 0.47 * canvas.width * tall / (half * canvas.height))
        margin = 0.9 * half * share * canvas.height / tall
        x = float(np.clip(x, margin, canvas.width - margin))
    unit = canvas.focal / distance
    up = lift * canvas.height / unit
    if spec.thing == "balloon":
        up = canvas.eye - (row - canvas.horizon) / unit
    return Spot(x, float(distance), float(up), float(share * canvas.height / tall / unit)), float(up)


def _perch(canvas: Canvas, spec: Spec, spot: Spot, lift: float, rng: np.random.Generator) -> None:
    """Paint what the main thing stands on."""
    ground = replace(spot, up=0.0, size=1.0)
    half = SIZES[spec.thing][1] * spot.size
    if spec.perch == "hill":
        hill(canvas, spec, ground, max(3.2 * half, 3.6 * lift), lift * 1.06, rng)
    elif spec.perch == "cliff":
        scale = canvas.focal / spot.distance
        way = -1.0 if spot.x < canvas.width / 2 else 1.0
        side = (canvas.width * (way > 0) - spot.x) / scale + way * 0.1
        cliff(canvas, spec, ground, (side, -way * (1.25 * half + 0.15 * lift)), lift, rng)
    elif spec.perch == "island":
        island(canvas, spec, ground, 1.9 * half, lift, rng)
    elif spec.thing in ("boat", "balloon", "bridge"):
        return
    elif spec.ground in ("sea", "lake"):
        island(canvas, spec, ground, 1.7 * half, 0.05 * spot.size, rng, bare=True)
    if spec.perch in ("ground", "hill") and spec.ground not in ("sea", "lake"):
        scale = canvas.focal / spot.distance
        foot = canvas.pixel(spot, -0.35 * SIZES[spec.thing][1] * canvas.side, 0.0)
        shadow(
            canvas, foot, 1.1 * half * scale, 0.10 * half * scale + 0.01 * canvas.height, 1.15 * spot.distance
        )


def _reflect(canvas: Canvas, spec: Spec, distance: float) -> None:
    """Mirror what stands at a distance in the water before it."""
    row = round(canvas.horizon + canvas.eye * canvas.focal / distance)
    count = min(canvas.height - row, row, round(0.26 * canvas.height))
    if spec.ground not in ("sea", "coast", "lake") or count < 2:
        return
    water: np.ndarray | float = 1.0
    if spec.ground != "sea":
        below = np.arange(row, row + count, dtype=np.float32)[:, None] - np.float32(canvas.horizon)
        water = land(canvas, spec, below, np.arange(canvas.width, dtype=np.float32)[None]) < 0
    mirror(canvas, distance, row, count, water)


def _thing(canvas: Canvas, spec: Spec, spot: Spot, rng: np.random.Generator) -> None:
    """Paint the main thing; lamps help the light of the hour, in winter snow lies on it."""
    tint = canvas.tint
    canvas.tint = tint + (LAMPLIGHT - tint) * LAMPSHARE[canvas.dark]
    if spec.thing in THINGS:
        THINGS[spec.thing](canvas, spot, PAINTS.get(spec.paint, SAND), rng)
    else:
        tree(canvas, spot, spec.thing, rng, spec.season)
    canvas.tint = tint
    if spec.season == "winter" and spec.thing in SNOWY:
        snow(canvas, spot.distance)


def _aloft(canvas: Canvas, spec: Spec, x: float, rng: np.random.Generator) -> Spot:
    """Choose a place in the sky for the company."""
    distance, height = rng.uniform(4.0, 5.5), canvas.height
    balloon = spec.company == "balloon"
    share = rng.uniform(0.24, 0.30) if balloon else 0.36
    row = max(canvas.horizon * rng.uniform(0.45, 0.75), (share + 0.02 if balloon else 0.10) * height)
    unit = canvas.focal / distance
    # A flock is broad: its middle keeps away from the side of the picture.
    x += 0.0 if balloon else 0.16 * (canvas.width / 2 - x)
    return Spot(x, float(distance), float(canvas.eye - (row - canvas.horizon) / unit), share * height / unit)


def _afar(canvas: Canvas, spec: Spec, x: float, rng: np.random.Generator) -> Spot:
    """Choose a place on the ground for the company; where there is a shore, one on the water."""
    sink, height = canvas.eye * canvas.focal, canvas.height
    rows = np.linspace(sink / 6.5, max(sink / 3.0, sink / 6.5 + 0.05 * height), 10)
    rows = np.clip(rows, 0.02 * height, 0.9 * height - canvas.horizon)
    if spec.ground in ("coast", "lake"):
        places = [
            (column, rows[land(canvas, spec, rows, np.full(10, column)) < 0])
            for column in (x, canvas.width - x)
        ]
        x, rows = next(((column, wet) for column, wet in places if len(wet)), (x, rows[:1]))
    distance = float(sink / rng.choice(rows))
    size = rng.uniform(0.15, 0.22) * height * distance / canvas.focal / SIZES[spec.company][0]
    return Spot(x, distance, 0.0, size)


def _company(canvas: Canvas, spec: Spec, main: Spot | None, rng: np.random.Generator) -> None:
    """Paint the second thing, small and away from the main one; birds and a balloon are in the sky."""
    left = rng.random() < 0.5 if main is None else main.x > canvas.width / 2
    x = canvas.width * float(rng.uniform(0.12, 0.24) if left else rng.uniform(0.76, 0.88))
    colour = (0.07, 0.07, 0.09) if spec.company == "birds" else PAINTS[str(rng.choice(list(PAINTS)))]
    spot = (_aloft if spec.company in ("birds", "balloon") else _afar)(canvas, spec, x, rng)
    if spec.company == "house" and spec.ground == "lake":
        island(canvas, spec, replace(spot, size=1.0), 0.9 * spot.size, 0.12 * spot.size, rng)
        spot = replace(spot, up=0.10 * spot.size)
    THINGS[spec.company](canvas, spot, colour, rng)
    if spec.company == "boat":
        _reflect(canvas, spec, spot.distance)


def paint_things(canvas: Canvas, spec: Spec, rng: np.random.Generator) -> None:
    """Paint the main thing on its perch, and its company.

    The main thing is large (0.3 to 0.75 of the picture's height), near the middle, and all of it is in the
    picture, whatever lens and height the camera has. What is farther is painted first.

    Args:
        canvas: painted in place, colour and depth.
        spec: thing, paint, perch, company, ground, season and way are read.
        rng: chooses place, size and shape.
    """
    spot, lift = (None, 0.0) if spec.thing == "none" else _stand(canvas, spec, rng)
    if spec.company != "none":
        _company(canvas, spec, spot, rng)
    if spot is None:
        return
    _perch(canvas, spec, spot, lift, rng)
    _thing(canvas, spec, spot, rng)
    if spec.thing != "balloon":
        _reflect(canvas, spec, spot.distance)
