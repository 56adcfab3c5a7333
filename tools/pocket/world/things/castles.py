"""Castles: towers with battlements or pointed roofs around a wall with an open gate."""

from __future__ import annotations

from dataclasses import replace
from typing import NamedTuple

import numpy as np

from tools.pocket.world.canvas import Canvas, Colour, Points, Spot
from tools.pocket.world.paints import PAINTS
from tools.pocket.world.things.strokes import arch, box, deep, facets, fill, pale, taper, windows


class Tower(NamedTuple):
    """A tower of a castle: its middle, its half width and the height of its walls, in units of the castle."""

    x: float
    half: float
    tall: float


class Plan(NamedTuple):
    """A castle from back to front.

    Attributes:
        back: towers behind the wall.
        front: towers in the line of the wall.
        wall: half width and height of the wall.
        gate: half width and height of the gate.
    """

    back: tuple[Tower, ...]
    front: tuple[Tower, ...]
    wall: tuple[float, float]
    gate: tuple[float, float]


PLANS = (
    Plan(
        (Tower(0.0, 0.19, 0.74),),
        (Tower(-0.52, 0.12, 0.54), Tower(0.52, 0.12, 0.54)),
        (0.52, 0.34),
        (0.12, 0.25),
    ),
    Plan(
        (Tower(-0.5, 0.09, 0.46), Tower(0.5, 0.09, 0.46)),
        (Tower(-0.24, 0.13, 0.70), Tower(0.24, 0.13, 0.70)),
        (0.56, 0.40),
        (0.11, 0.27),
    ),
    Plan(
        (Tower(-0.21, 0.085, 0.66), Tower(0.23, 0.095, 0.58), Tower(0.02, 0.12, 0.50)),
        (Tower(-0.46, 0.10, 0.42), Tower(0.46, 0.10, 0.38)),
        (0.46, 0.28),
        (0.10, 0.21),
    ),
    Plan(
        (Tower(-0.3, 0.15, 0.72), Tower(0.28, 0.10, 0.52)),
        (Tower(0.54, 0.13, 0.42), Tower(-0.54, 0.10, 0.40)),
        (0.54, 0.32),
        (0.12, 0.24),
    ),
)
"""A fortress with a keep, a gatehouse, a castle of many slim towers, a lopsided stronghold."""


def _teeth(left: float, right: float, low: float, tall: float, step: float) -> list[Points]:
    count = 2 * max(1, round((right - left) / step / 2)) + 1
    edges = np.linspace(left, right, count + 1).tolist()
    return [box(edges[k], edges[k + 1], low, low + tall) for k in range(0, count, 2)]


def _crowns(canvas: Canvas, spot: Spot, towers: list[Tower], colour: Colour) -> None:
    """Put battlements on towers."""
    taper(
        canvas, spot, [(t.x, t.tall, t.tall + 0.07, t.half + 0.025, t.half + 0.025) for t in towers], colour
    )
    teeth = [_teeth(t.x - t.half - 0.025, t.x + t.half + 0.025, t.tall + 0.065, 0.05, 0.075) for t in towers]
    fill(canvas, spot, [tooth for crown in teeth for tooth in crown], colour, 0.88)
    fill(
        canvas, spot, [box(t.x - t.half, t.x + t.half, t.tall - 0.018, t.tall) for t in towers], colour, 0.42
    )


def _roofs(canvas: Canvas, spot: Spot, towers: list[Tower], colour: Colour, steep: float) -> None:
    """Put pointed roofs on towers."""
    pairs = []
    for x, half, tall in towers:
        wide, top = half + 0.035, (x, tall + steep * half * 2)
        split = x - 0.25 * half * canvas.side
        pairs.append(
            ([(x - wide, tall), (split, tall - 0.012), top], [(split, tall - 0.012), (x + wide, tall), top])
        )
    facets(canvas, spot, pairs, deep(colour))


def _row(canvas: Canvas, spot: Spot, towers: list[Tower], colour: Colour, steep: float) -> None:
    """Build towers that stand side by side; ``steep`` is the slope of their roofs, 0 for battlements."""
    taper(canvas, spot, [(t.x, 0.0, t.tall, t.half * 1.06, t.half) for t in towers], colour)
    if steep:
        _roofs(canvas, spot, towers, colour, steep)
    else:
        _crowns(canvas, spot, towers, colour)
    slits = [arch(t.x, 0.028, t.tall - 0.17, t.tall - 0.06) for t in towers]
    windows(canvas, spot, slits, colour)


def _flags(canvas: Canvas, spot: Spot, towers: list[Tower], steep: float, rng: np.random.Generator) -> None:
    """Fly flags on the two tallest towers."""
    way = 1.0 if rng.random() < 0.5 else -1.0
    poles, cloths = [], []
    for tower in sorted(towers, key=lambda t: -t.tall)[:2]:
        top = tower.tall + (steep * tower.half * 2 if steep else 0.07)
        poles.append(box(tower.x - 0.007, tower.x + 0.007, top - 0.02, top + 0.12))
        cloths.append([(tower.x, top + 0.12), (tower.x + way * 0.12, top + 0.085), (tower.x, top + 0.05)])
    fill(canvas, spot, poles, (0.2, 0.17, 0.16))
    fill(canvas, spot, cloths, PAINTS[("red", "yellow", "white")[int(rng.integers(3))]])


def castle(canvas: Canvas, spot: Spot, colour: Colour, rng: np.random.Generator) -> None:
    """A castle after one of the `PLANS`, mirrored at random; its gate stands open in the middle."""
    plan = PLANS[int(rng.integers(len(PLANS)))]
    steep = rng.uniform(1.0, 1.5) if plan is PLANS[2] or rng.random() < 0.5 else 0.0
    # A roof stands higher than battlements: the walls under it are lower, so that both castles are as tall.
    factors = rng.uniform(0.94, 1.06, 5) * (0.90 if steep else 1.12)
    turn = 1 if rng.random() < 0.5 else -1
    towers = [
        t._replace(x=turn * t.x, tall=t.tall * f)
        for t, f in zip(plan.back + plan.front, factors, strict=False)
    ]
    back, front = towers[: len(plan.back)], towers[len(plan.back) :]
    top = max(t.tall + (2 * steep * t.half if steep else 0.12) for t in towers)
    spot = replace(spot, size=spot.size * min(0.94 / top, 1.18))
    half, tall = plan.wall
    _row(canvas, spot, back, colour, steep)
    split = 0.18 * canvas.side
    facets(canvas, spot, [(box(-half, -split, 0, tall), box(-split, half, 0, tall))], colour)
    fill(canvas, spot, _teeth(-half, half, tall - 0.01, 0.055, 0.085), colour, 0.9)
    fill(canvas, spot, [box(-half, half, tall - 0.05, tall - 0.03)], colour, 0.5)
    _row(canvas, spot, front, colour, steep)
    wide, high = plan.gate
    fill(canvas, spot, [arch(0, wide + 0.035, -0.01, high + 0.04)], pale(colour, 0.4))
    fill(canvas, spot, [arch(0, wide, -0.01, high)], (0.05, 0.04, 0.05))
    if canvas.dark:
        canvas.glow(
            canvas.pixel(spot, 0, 0.06), 0.07 * spot.size * canvas.focal / spot.distance, (1.0, 0.7, 0.3), 0.5
        )
    if rng.random() < 0.75:
        _flags(canvas, spot, towers, steep, rng)
