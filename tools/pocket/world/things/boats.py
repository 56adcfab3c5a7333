"""Boats: a sloop, a brig and a small steamer."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from tools.pocket.world.canvas import Canvas, Colour, Points, Spot
from tools.pocket.world.things.strokes import LAMP, box, fill, mix, pale, smoke, windows

WOOD: Colour = (0.36, 0.22, 0.12)
DARK: Colour = (0.14, 0.12, 0.13)


def _sail(foot: tuple[float, float], head: tuple[float, float], clew: tuple[float, float]) -> Points:
    """Return a triangular sail that the wind fills between its head and its clew."""
    t = np.linspace(0, 1, 6)
    side = head[0] + (clew[0] - head[0]) * t + 0.22 * (clew[0] - head[0]) * np.sin(np.pi * t)
    up = head[1] + (clew[1] - head[1]) * t
    return [foot, *zip(side.tolist(), up.tolist(), strict=True)]


def _hull(half: float, deck: float, way: float, rise: float) -> Points:
    """Return a hull with a raised bow at ``way``; the water takes its lower edge."""
    points = [
        (-half, deck),
        (-0.3 * half, deck - 0.02),
        (0.45 * half, deck),
        (half * 1.08, deck + rise),
        (0.82 * half, 0.02),
        (0.72 * half, -0.015),
        (-0.78 * half, -0.015),
        (-0.92 * half, 0.03),
    ]
    return [(way * side, up) for side, up in points]


def _sloop(canvas: Canvas, spot: Spot, colour: Colour, way: float, tall: float) -> None:
    """One mast with a mainsail and a jib."""
    fill(
        canvas,
        spot,
        [_hull(0.40, 0.13, way, 0.05)],
        mix(colour, DARK, 0.25) if min(colour) < 0.8 else WOOD,
        0.9,
    )
    fill(canvas, spot, [box(-0.014, 0.014, 0.1, tall)], DARK if max(colour) > 0.2 else WOOD)
    main = _sail((-way * 0.025, 0.17), (-way * 0.025, tall - 0.04), (-way * 0.36, 0.18))
    jib = _sail((way * 0.035, 0.17), (way * 0.035, tall - 0.12), (way * 0.35, 0.19))
    toward = way * canvas.side > 0
    fill(canvas, spot, [main], colour, 0.80 if toward else 1.02)
    fill(canvas, spot, [jib], colour, 1.02 if toward else 0.80)


def _square(
    side: float, way: float, low: float, high: float, wide: float, light: float
) -> tuple[Points, Points]:
    """Return a square sail that the wind fills towards ``way``, and its half towards the light."""
    middle, belly = (low + high) / 2, 0.045 * way
    right = [(side + wide, high), (side + wide + belly, middle), (side + wide * 1.08, low)]
    left = [(side - wide * 1.08, low), (side - wide + belly, middle), (side - wide, high)]
    seam = side + 0.1 * wide * light
    bright = [*right, (seam, low), (seam, high)] if light > 0 else [*left, (seam, high), (seam, low)]
    return [*right, *left], bright


def _brig(canvas: Canvas, spot: Spot, colour: Colour, way: float, tall: float) -> None:
    """Two masts with square sails, a jib and a high stern."""
    hull = [
        (-0.46, 0.22),
        (-0.28, 0.20),
        (-0.26, 0.13),
        (0.3, 0.13),
        (0.47, 0.19),
        (0.33, -0.015),
        (-0.4, -0.015),
    ]
    fill(canvas, spot, [[(way * s, u) for s, u in hull]], mix(colour, WOOD, 0.55), 0.85)
    fill(
        canvas,
        spot,
        [[(-way * 0.44, 0.13), (way * 0.4, 0.13), (way * 0.38, 0.10), (-way * 0.43, 0.10)]],
        pale(colour),
    )
    masts = ((-0.18 * way, tall - 0.08), (0.14 * way, tall))
    fill(
        canvas,
        spot,
        [box(s - 0.012, s + 0.012, 0.1, t) for s, t in masts],
        DARK if max(colour) > 0.2 else WOOD,
    )
    sails = [
        _square(side, way, *yard, canvas.side)
        for side, top in masts
        for yard in ((0.20, 0.46, 0.15), (0.49, 0.70, 0.125), (0.73, 0.89, 0.09))
        if yard[1] < top - 0.02
    ]
    fill(canvas, spot, [whole for whole, _ in sails], colour, 0.78)
    fill(canvas, spot, [bright for _, bright in sails], colour, 1.03)
    fill(canvas, spot, [_sail((way * 0.28, 0.2), (way * 0.2, tall - 0.2), (way * 0.5, 0.21))], colour, 0.92)


def _steamer(canvas: Canvas, spot: Spot, colour: Colour, way: float, rng: np.random.Generator) -> None:
    """A stout hull with a cabin, a funnel and smoke."""
    fill(canvas, spot, [_hull(0.46, 0.24, way, 0.10)], colour, 0.95)
    keel = [(-way * 0.43, 0.045), (way * 0.40, 0.045), (way * 0.34, -0.015), (-way * 0.36, -0.015)]
    fill(canvas, spot, [keel], mix(colour, DARK, 0.6))
    cabin, bridge_deck = box(-0.26, 0.20, 0.23, 0.40), box(-0.06, 0.16, 0.40, 0.52)
    fill(canvas, spot, [[(way * s, u) for s, u in part] for part in (cabin, bridge_deck)], pale(colour, 0.75))
    funnel = [(-way * 0.22, 0.40), (-way * 0.10, 0.40), (-way * 0.115, 0.68), (-way * 0.225, 0.68)]
    fill(canvas, spot, [funnel], colour, 1.0)
    fill(
        canvas,
        spot,
        [[(-way * 0.228, 0.68), (-way * 0.11, 0.68), (-way * 0.112, 0.63), (-way * 0.226, 0.63)]],
        DARK,
    )
    panes = [box(s - 0.025, s + 0.025, 0.30, 0.36) for s in (-0.18, -0.08, 0.02, 0.12)]
    windows(canvas, spot, [[(way * s, u) for s, u in pane] for pane in panes], colour)
    fill(canvas, spot, [box(way * 0.3 - 0.01, way * 0.3 + 0.01, 0.24, 0.62)], DARK)
    smoke(canvas, spot, -way * 0.17, 0.70, rng)


def boat(canvas: Canvas, spot: Spot, colour: Colour, rng: np.random.Generator) -> None:
    """A sloop, a brig or a small steamer; its waterline is the spot."""
    kind, way = rng.choice(("sloop", "sloop", "brig", "steamer")), float(rng.choice((-1.0, 1.0)))
    if kind == "sloop":
        _sloop(canvas, spot, colour, way, rng.uniform(0.92, 1.0))
    elif kind == "brig":
        _brig(canvas, spot, colour, way, 0.98)
    else:
        _steamer(canvas, replace(spot, size=1.2 * spot.size), colour, way, rng)
    if canvas.dark:
        lamp = canvas.pixel(spot, -way * 0.3, 0.2)
        canvas.glow(lamp, max(0.06 * spot.size * canvas.focal / spot.distance, 1.0), LAMP, 0.8)
