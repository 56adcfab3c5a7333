"""Balloon, pyramid and birds."""

from __future__ import annotations

import numpy as np

from tools.pocket.world.canvas import Canvas, Colour, Spot
from tools.pocket.world.things.strokes import box, fill, mix, stain

DARK: Colour = (0.14, 0.12, 0.13)

WINGS = np.array(
    (
        (-0.15, 0.06),
        (-0.075, 0.082),
        (0, 0),
        (0.075, 0.082),
        (0.15, 0.06),
        (0.075, 0.048),
        (0, -0.03),
        (-0.075, 0.048),
    )
)
"""Outline of a bird from behind, (sideways, up) in units."""


def balloon(canvas: Canvas, spot: Spot, colour: Colour, rng: np.random.Generator) -> None:
    """A hot air balloon of gores in two tones; the spot is the floor of its basket."""
    count = int(rng.choice((6, 8)))
    low, middle, radius = 0.24, 0.64, 0.36
    head = np.linspace(np.pi / 2, -0.45, 9)
    widths = np.concatenate((radius * np.cos(head), (0.16, 0.07)))
    ups = np.concatenate((middle + radius * np.sin(head), (0.32, low)))
    edges = np.sin(np.linspace(-np.pi / 2, np.pi / 2, count + 1))
    ropes = [[(s * 0.065, low), (s * 0.05, low), (s * 0.045, 0.09), (s * 0.055, 0.09)] for s in (-1, 1)]
    fill(canvas, spot, ropes, DARK)
    second = (
        mix(colour, (1.0, 0.98, 0.92), 0.6 if max(colour) > 0.2 else 0.2)
        if min(colour) < 0.8
        else (0.80, 0.82, 0.86)
    )
    for k in range(count):
        sheen = 0.88 + 0.20 * canvas.side * (edges[k] + edges[k + 1]) / 2
        left, right = widths * edges[k], widths * edges[k + 1]
        gore = [*zip(left, ups, strict=True), *zip(right[::-1], ups[::-1], strict=True)]
        fill(canvas, spot, [gore], second if k % 3 == 1 else colour, sheen)
    skirt = [(-0.075, low + 0.03), (0.075, low + 0.03), (0.055, low - 0.02), (-0.055, low - 0.02)]
    fill(canvas, spot, [skirt], mix(colour, DARK, 0.5))
    fill(canvas, spot, [box(-0.062, 0.062, 0, 0.10)], (0.46, 0.30, 0.16))
    fill(canvas, spot, [box(-0.07, 0.07, 0.085, 0.11)], (0.28, 0.17, 0.09))
    if canvas.dark:
        scale = spot.size * canvas.focal / spot.distance
        canvas.glow(canvas.pixel(spot, 0, 0.36), 0.15 * scale, (1.0, 0.72, 0.30), 0.75)


def pyramid(canvas: Canvas, spot: Spot, colour: Colour, rng: np.random.Generator) -> None:
    """A stone pyramid with a lit and a shaded face and its courses."""
    half, tall, edge = 0.78, 0.78, rng.uniform(0.12, 0.34) * -canvas.side
    top, foot = (0.0, tall), (edge, -0.045)
    bright, dim = ((half, 0.0), (-half, 0.0)) if canvas.side > 0 else ((-half, 0.0), (half, 0.0))
    fill(canvas, spot, [[bright, foot, top]], colour, 1.08)
    fill(canvas, spot, [[dim, foot, top]], colour, 0.58)
    for outer, shade in ((bright, 0.93), (dim, 0.48)):
        courses = []
        for share in (0.16, 0.32, 0.48, 0.64, 0.80):
            a, b = ((x + (top[0] - x) * share, y + (top[1] - y) * share) for x, y in (outer, foot))
            courses.append([a, b, (b[0], b[1] + 0.016), (a[0], a[1] + 0.016)])
        fill(canvas, spot, courses, colour, shade)


def birds(canvas: Canvas, spot: Spot, colour: Colour, rng: np.random.Generator) -> None:
    """A loose flock of birds around the spot, each two bent wings; pale where the sky is as dark as they."""
    at, ends = np.array(canvas.pixel(spot, 0, 0)), (canvas.width - 1, canvas.height - 1)
    column, row = np.clip(at, 0, ends).astype(int)
    if canvas.rgb[row, column].mean() < 0.3:
        colour = (0.80, 0.82, 0.88)
    count = int(rng.integers(5, 9))
    where, sizes = rng.uniform((-1, -0.5), (1, 0.5), (count, 2)), rng.uniform(0.75, 1.25, (count, 1, 1))
    stain(canvas, spot, [*(WINGS * sizes + where[:, None])], colour)
