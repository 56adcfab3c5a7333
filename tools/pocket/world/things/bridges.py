"""Bridges that cross the whole picture: stone arches, or a deck hung from two towers."""

from __future__ import annotations

import numpy as np

from tools.pocket.world.canvas import Canvas, Colour, Points, Spot
from tools.pocket.world.things.strokes import LAMP, box, fill, stain

STONES: tuple[Colour, ...] = ((0.62, 0.58, 0.52), (0.70, 0.60, 0.46), (0.50, 0.50, 0.53), (0.58, 0.36, 0.27))
"""What arched bridges are built of: limestone, sandstone, granite, brick."""

STEELS: tuple[Colour, ...] = ((0.78, 0.22, 0.12), (0.46, 0.50, 0.56), (0.26, 0.46, 0.42))
"""What suspension bridges are painted in: rust red, grey, verdigris."""


def _arches(canvas: Canvas, spot: Spot, half: float, deck: float, rng: np.random.Generator) -> None:
    """A stone bridge whose arches let the picture behind it through."""
    stone = STONES[int(rng.integers(len(STONES)))]
    span = rng.uniform(0.62, 0.95)
    count = 2 * int(np.ceil(half / span)) + 1
    pier, crown = 0.11, deck - 0.10
    hump = rng.uniform(0.0, 0.12)
    turns = np.linspace(np.pi, 0, 11)
    across = np.linspace(-half, half, 15)
    rise = deck + hump * np.cos(np.pi * across / (2 * half))
    outline = [*zip(across.tolist(), rise.tolist(), strict=True)]
    below: Points = []
    shades = []
    for k in range(count):
        middle = (k - count // 2) * span
        wide = (span - pier) / 2
        top = crown + hump * np.cos(np.pi * np.clip(middle / (2 * half), -0.5, 0.5))
        spring = 0.3 * top
        curve = [(middle + wide * np.cos(a), spring + (top - spring) * np.sin(a)) for a in turns]
        below += [(middle - wide, -0.02), *curve, (middle + wide, -0.02)]
        inner = [(s + 0.06 * canvas.side, u - 0.03) for s, u in curve]
        if canvas.side > 0:
            shades.append([(middle - wide, 0.0), *curve, *inner[::-1], (middle - wide + 0.06, 0.0)])
        else:
            shades.append([(middle + wide, 0.0), *curve[::-1], *inner, (middle + wide - 0.06, 0.0)])
    body = [(-max(half, count / 2 * span), -0.02), *below, (max(half, count / 2 * span), -0.02)]
    fill(canvas, spot, shades, stone, 0.42)
    fill(canvas, spot, [[*outline[::-1], *body]], stone, 0.92)
    rail = [(s, u + 0.045) for s, u in outline]
    fill(canvas, spot, [[*rail, *[(s, u - 0.012) for s, u in outline[::-1]]]], stone, 1.15)
    fill(
        canvas,
        spot,
        [[*[(s, u - 0.012) for s, u in outline], *[(s, u - 0.03) for s, u in outline[::-1]]]],
        stone,
        0.5,
    )


def _suspension(canvas: Canvas, spot: Spot, half: float, deck: float, rng: np.random.Generator) -> None:
    """A deck that hangs from cables between two towers."""
    steel = STEELS[int(rng.integers(len(STEELS)))]
    tall, apart = 1.0, 0.62 * min(half, 1.35)
    fill(canvas, spot, [box(-half, half, deck - 0.05, deck)], steel, 0.7)
    fill(canvas, spot, [box(-half, half, deck, deck + 0.02)], steel, 1.1)
    inner = np.linspace(-apart, apart, 17)
    sag = deck + 0.07 + (tall - deck - 0.09) * (inner / apart) ** 2
    outer = np.linspace(apart, half, 9)
    fall = deck + 0.02 + (tall - deck - 0.04) * np.clip(1 - (outer - apart) / (apart * 1.1), 0, 1) ** 1.4
    cable = [*zip(inner.tolist(), sag.tolist(), strict=True)]
    flank = [*zip(outer.tolist(), fall.tolist(), strict=True)]
    bands = [cable, flank, [(-s, u) for s, u in flank]]
    fill(canvas, spot, [[*b, *[(s, u - 0.022) for s, u in b[::-1]]] for b in bands], steel, 0.85)
    hangers = [box(s - 0.006, s + 0.006, deck, u) for b in bands for s, u in b[1:-1:2]]
    fill(canvas, spot, hangers, steel, 0.8)
    for middle in (-apart, apart):
        fill(canvas, spot, [box(middle - 0.045, middle + 0.045, -0.02, tall)], steel, 0.7)
        edge = middle + 0.012 * canvas.side
        fill(canvas, spot, [box(edge - 0.03, edge + 0.03, 0.0, tall + 0.015)], steel, 1.05)
    if canvas.dark:
        for middle in (-apart, apart):
            canvas.glow(canvas.pixel(spot, middle, tall), 2.0 * canvas.height / 128, (1.0, 0.4, 0.3), 0.9)


def bridge(canvas: Canvas, spot: Spot, colour: Colour, rng: np.random.Generator) -> None:
    """A bridge across the whole picture, of stone arches or hung from two towers; it has its own colours."""
    scale = spot.size * canvas.focal / spot.distance
    half = max(spot.x, canvas.width - spot.x) / scale + 0.05
    if rng.random() < 0.55:
        _arches(canvas, spot, half, 0.52, rng)
        if canvas.dark:
            stain(
                canvas,
                spot,
                [box(s - 0.012, s + 0.012, 0.66, 0.70) for s in np.arange(-half, half, 0.4)],
                LAMP,
            )
    else:
        _suspension(canvas, spot, half, 0.36, rng)
        if canvas.dark:
            stain(
                canvas,
                spot,
                [box(s - 0.01, s + 0.01, 0.39, 0.415) for s in np.arange(-half, half, 0.12)],
                LAMP,
            )
