"""Lighthouse, house, tower and windmill: about one unit tall, their foot at the spot."""

from __future__ import annotations

import cv2
import numpy as np

from tools.pocket.world.canvas import Canvas, Colour, Points, Spot
from tools.pocket.world.things.strokes import (
    LAMP,
    arch,
    box,
    deep,
    facets,
    fill,
    pale,
    smoke,
    stain,
    taper,
    windows,
)

IRON: Colour = (0.17, 0.17, 0.20)
WOOD: Colour = (0.30, 0.19, 0.11)


def _beam(canvas: Canvas, lamp: tuple[float, float], scale: float, rng: np.random.Generator) -> None:
    """Send two beams of light from a lamp over the picture; ``scale`` in pixels per unit."""
    lean = rng.uniform(-0.14, 0.14)
    long = 2.2 * max(canvas.width, canvas.height)
    mask = np.zeros((canvas.height, canvas.width), np.uint8)
    for way, spread in ((canvas.side, 0.09), (-canvas.side, 0.06)):
        ends = [(lamp[0] + way * long, lamp[1] + long * (lean * way + s)) for s in (-spread, spread)]
        cv2.fillPoly(mask, [np.round(np.array([lamp, *ends]) * 16).astype(np.int32)], 255, cv2.LINE_AA, 4)
    columns = np.abs(np.arange(canvas.width, dtype=np.float32) - lamp[0])
    falloff = np.exp(-columns / (1.1 * scale)) * (0.75 / 255)
    light = (mask * falloff[None]).astype(np.float32)[..., None]
    canvas.rgb += (1 - canvas.rgb) * light * np.array(LAMP, np.float32)


def lighthouse(canvas: Canvas, spot: Spot, colour: Colour, rng: np.random.Generator) -> None:
    """A tapering tower with a gallery and a lamp, plain or banded; in the dark its beams sweep the sky."""
    tall, wide, slim = rng.uniform(0.82, 0.90), rng.uniform(0.165, 0.195), rng.uniform(0.105, 0.125)
    scale = spot.size * canvas.focal / spot.distance
    taper(canvas, spot, [(0, 0.035, tall, wide, slim)], colour)
    bands = int(rng.integers(0, 3))
    thick = 0.085 if bands > 1 else 0.11
    rows = [tall * (k + 0.75) / (bands + 0.35) for k in range(bands)]
    widths = [[wide + (slim - wide) * u / tall for u in (row, row + thick)] for row in rows]
    walls = [(0.0, row, row + thick, a, b) for row, (a, b) in zip(rows, widths, strict=True)]
    taper(canvas, spot, walls, pale(colour, 0.92))
    taper(canvas, spot, [(0, -0.02, 0.05, wide + 0.04, wide + 0.025)], pale(colour, 0.3))
    holes = [arch(0.0, 0.03, up, up + 0.085) for up in (tall * 0.36, tall * 0.72)]
    windows(canvas, spot, holes, colour)
    fill(canvas, spot, [arch(0.0, 0.045, 0.02, 0.16)], WOOD)
    fill(canvas, spot, [box(-slim - 0.05, slim + 0.05, tall, tall + 0.028)], IRON)
    lamp = box(-0.075, 0.075, tall + 0.028, tall + 0.14)
    if canvas.dark:
        stain(canvas, spot, [lamp], (1.0, 0.95, 0.66))
    else:
        fill(canvas, spot, [lamp], (0.97, 0.90, 0.58))
    bars = [box(s - 0.007, s + 0.007, tall + 0.02, tall + 0.14) for s in (-0.075, 0.0, 0.075)]
    rail = [box(-slim - 0.045, slim + 0.045, tall + 0.062, tall + 0.074)]
    fill(canvas, spot, bars + rail, IRON)
    dome = [(0.10 * np.cos(a), tall + 0.14 + 0.085 * np.sin(a)) for a in np.linspace(0, np.pi, 7)]
    fill(canvas, spot, [dome, box(-0.008, 0.008, tall + 0.2, tall + 0.27)], deep(colour))
    if canvas.dark:
        centre = canvas.pixel(spot, 0, tall + 0.085)
        _beam(canvas, centre, scale, rng)
        canvas.glow(centre, max(0.15 * scale, 1.5), (1.0, 0.92, 0.62), 0.9)


def house(canvas: Canvas, spot: Spot, colour: Colour, rng: np.random.Generator) -> None:
    """A gabled house seen over the corner: a gable with a door, a long wall with windows, a chimney."""
    way = 1.0 if rng.random() < 0.5 else -1.0
    wall, ridge = rng.uniform(0.30, 0.40), rng.uniform(0.54, 0.64)
    corner, gable, far = -0.08, -0.46, 0.46
    peak = (gable + corner) / 2

    def turn(points: Points) -> Points:
        return [(way * side, up) for side, up in points]

    bright = way * canvas.side > 0
    roof = deep(colour)
    stack = far - rng.uniform(0.12, 0.30)
    middle = way * stack
    chimney = (box(middle - 0.05, middle, wall, ridge + 0.12), box(middle, middle + 0.05, wall, ridge + 0.12))
    facets(canvas, spot, [chimney], (0.50, 0.33, 0.27))
    long_side = [(corner, -0.02), (far, 0.0), (far, wall), (corner, wall)]
    end = [(gable, 0.0), (corner, -0.02), (corner, wall), (peak, ridge - 0.02), (gable, wall)]
    fill(canvas, spot, [turn(long_side)], colour, 1.02 if bright else 0.74)
    fill(canvas, spot, [turn(end)], colour, 0.74 if bright else 1.02)
    slope = [
        (corner + 0.035, wall - 0.045),
        (far + 0.05, wall - 0.03),
        (far - 0.06, ridge),
        (peak, ridge + 0.012),
    ]
    fill(canvas, spot, [turn(slope)], roof, 1.06 if bright else 0.84)
    edge = [
        (gable - 0.05, wall - 0.05),
        (gable - 0.015, wall - 0.075),
        (peak, ridge - 0.035),
        (peak, ridge + 0.012),
    ]
    other = [
        (corner + 0.05, wall - 0.05),
        (corner + 0.015, wall - 0.075),
        (peak, ridge - 0.035),
        (peak, ridge + 0.012),
    ]
    fill(canvas, spot, [turn(edge), turn(other)], roof, 0.7)
    count = int(rng.integers(2, 4))
    middles = [corner + (far - corner) * (k + 0.5) / count for k in range(count)]
    panes = [box(m - 0.05, m + 0.05, wall * 0.36, wall * 0.36 + 0.125) for m in middles]
    round_pane = arch(peak, 0.04, wall + 0.0, wall + 0.1)
    frames = [box(m - 0.066, m + 0.066, wall * 0.36 - 0.016, wall * 0.36 + 0.141) for m in middles]
    fill(canvas, spot, [turn(frame) for frame in frames], pale(colour, 0.8))
    windows(canvas, spot, [turn(pane) for pane in (*panes, round_pane)], colour)
    fill(canvas, spot, [turn(box(peak - 0.055, peak + 0.055, -0.01, 0.2))], WOOD)
    if rng.random() < 0.5:
        smoke(canvas, spot, way * stack, ridge + 0.12, rng)


def tower(canvas: Canvas, spot: Spot, colour: Colour, rng: np.random.Generator) -> None:
    """A broad tower: a ruin with a broken top, or a watchtower with a crown of battlements."""
    half, tall = rng.uniform(0.17, 0.21), rng.uniform(0.74, 0.82)
    taper(canvas, spot, [(0, 0, tall, half * 1.12, half)], colour)
    if rng.random() < 0.5:
        teeth = np.clip(rng.uniform(0, 0.16, 6) + np.linspace(0, 0.08, 6) * rng.choice((-1, 1)), 0, None)
        left = np.linspace(-half, half, 7)
        shades = (0.64, 0.64, 0.84, 0.84, 1.05, 1.05)[:: int(canvas.side)]
        for shade in (0.64, 0.84, 1.05):
            group = [k for k in range(6) if shades[k] == shade]
            steps = [box(left[k], left[k + 1] + 0.004, tall - 0.02, tall + teeth[k]) for k in group]
            fill(canvas, spot, steps, colour, shade)
        stones = rng.uniform((-0.38, 0.03), (0.38, 0.07), (3, 2))
        fill(
            canvas,
            spot,
            [[(x - w, 0), (x + w, 0), (x + w / 2, w), (x - w / 2, w)] for x, w in stones],
            colour,
            0.75,
        )
    else:
        wide = half + 0.035
        taper(canvas, spot, [(0, tall - 0.02, tall + 0.08, wide, wide)], colour)
        left = np.linspace(-wide, wide, 8)
        teeth_boxes = [box(left[k], left[k + 1], tall + 0.08, tall + 0.14) for k in range(0, 7, 2)]
        fill(canvas, spot, teeth_boxes, colour, 0.9)
        fill(canvas, spot, [box(-wide, wide, tall - 0.04, tall - 0.02)], colour, 0.45)
    holes = [arch(0.03 * k, 0.034, up, up + 0.11) for k, up in ((-1, 0.30), (1, 0.52))]
    windows(canvas, spot, holes, colour)
    fill(canvas, spot, [arch(0, 0.07, -0.01, 0.2)], (0.07, 0.06, 0.07))


def windmill(canvas: Canvas, spot: Spot, colour: Colour, rng: np.random.Generator) -> None:
    """A tapering mill with a cap, a gallery and four latticed sails."""
    tall = rng.uniform(0.60, 0.66)
    taper(canvas, spot, [(0, 0, tall, 0.28, 0.175)], colour)
    cap = [(0.195 * np.cos(a), tall + 0.14 * np.sin(a)) for a in np.linspace(0, np.pi, 8)]
    fill(canvas, spot, [cap], deep(colour))
    if rng.random() < 0.5:
        fill(canvas, spot, [box(-0.32, 0.32, 0.2, 0.222)], IRON)
    windows(canvas, spot, [arch(0.0, 0.032, 0.3, 0.39), arch(-0.09, 0.03, 0.08, 0.17)], colour)
    fill(canvas, spot, [arch(0.05, 0.05, -0.005, 0.16)], WOOD)
    hub, long = tall + 0.02, 0.44
    spar = np.array(((0, -0.014), (long, -0.011), (long, 0.011), (0, 0.014)))
    vane = np.array(((0.1, 0.005), (long, 0.005), (long, 0.085), (0.1, 0.075)))
    ribs = [np.array(box(reach, reach + 0.016, 0.0, 0.08)) for reach in (0.21, 0.33)]
    angles = rng.uniform(0.12, 1.45) + np.arange(4) * np.pi / 2
    turns = [np.array(((np.cos(a), np.sin(a)), (-np.sin(a), np.cos(a)))) for a in angles]
    vanes = [vane @ turn + (0, hub) for turn in turns]
    spars = [part @ turn + (0, hub) for turn in turns for part in (spar, *ribs)]
    fill(canvas, spot, vanes, pale(colour, 0.5))
    fill(canvas, spot, spars, deep(colour) if max(colour) > 0.2 else (0.42, 0.40, 0.38))
    canvas.disc(
        canvas.pixel(spot, 0, hub),
        max(0.028 * spot.size * canvas.focal / spot.distance, 0.5),
        canvas.lit(WOOD, spot.distance),
        spot.distance,
    )
