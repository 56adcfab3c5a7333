"""Strokes that several things share: many polygons of one tone, round walls, windows, reflections."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np

from tools.pocket.world.canvas import SHIFT, Canvas, Colour, Points, Spot

Shapes = Sequence[Points | np.ndarray]
"""Polygons, each of (sideways, up) points."""

LAMP: Colour = (1.0, 0.86, 0.44)
"""Light behind a window in the dark."""

ROUND = ((-1.0, 1.0, 0.64), (-0.45, 1.0, 0.84), (0.05, 0.86, 1.05))
"""Strips of a round wall, from and to as shares of its half width towards the light, with their shades."""


def mix(first: Colour, second: Colour, share: float) -> Colour:
    """Return the colour that lies ``share`` of the way from the first to the second."""
    red, green, blue = (a * (1 - share) + b * share for a, b in zip(first, second, strict=True))
    return red, green, blue


def pale(colour: Colour, share: float = 0.5) -> Colour:
    """Return a colour that stands out on ``colour`` and belongs to it: lighter, on white a little darker."""
    if min(colour) > 0.8:
        return mix(colour, (0.62, 0.64, 0.68), 0.5 * share)
    return mix(colour, (1.0, 0.99, 0.96), share if max(colour) > 0.2 else 0.35 * share)


def deep(colour: Colour) -> Colour:
    """Return the colour of the roof on a wall: darker, but no other colour."""
    if min(colour) > 0.8:
        return 0.78, 0.80, 0.85
    return mix(colour, (0.10, 0.09, 0.11), 0.32) if max(colour) > 0.2 else (0.16, 0.16, 0.19)


def box(left: float, right: float, low: float, high: float) -> Points:
    """Return the corners of an upright rectangle."""
    return [(left, low), (right, low), (right, high), (left, high)]


def arch(centre: float, half: float, low: float, high: float) -> Points:
    """Return an opening with a round head; ``high`` is its crown."""
    spring = max(high - half, low)
    head = [(centre + half * np.cos(a), spring + (high - spring) * np.sin(a)) for a in ARC]
    return [(centre + half, low), *head, (centre - half, low)]


ARC = tuple(np.linspace(0, np.pi, 8).tolist())
"""Angles of a half circle in radians."""


def fill(canvas: Canvas, spot: Spot, shapes: Shapes, colour: Colour, shade: float = 1.0) -> None:
    """Fill polygons of a thing in one lit colour, each over the last; cheaper than `Canvas.shape`."""
    stain(canvas, spot, shapes, canvas.lit(colour, spot.distance, shade))


def stain(canvas: Canvas, spot: Spot, shapes: Shapes, seen: Colour | np.ndarray) -> None:
    """Fill polygons of a thing in a colour as it is seen."""
    scale = canvas.focal / spot.distance
    foot = canvas.horizon + (canvas.eye - spot.up) * scale
    step = spot.size * scale * 2**SHIFT
    origin = np.array((spot.x, foot)) * 2**SHIFT
    tone = tuple(float(c) for c in seen)
    for points in shapes:
        fixed = np.round(np.array(points) * (step, -step) + origin).astype(np.int32)
        cv2.fillPoly(canvas.rgb, [fixed], tone, cv2.LINE_AA, SHIFT)
        cv2.fillPoly(canvas.depth, [fixed], spot.distance, cv2.LINE_8, SHIFT)


def taper(
    canvas: Canvas, spot: Spot, walls: list[tuple[float, float, float, float, float]], colour: Colour
) -> None:
    """Build round walls.

    Args:
        canvas: what is painted on.
        spot: where the thing stands.
        walls: for each its middle, its foot, its top, and its half widths below and above.
        colour: of the walls.
    """
    for start, stop, shade in ROUND:
        a, b = start * canvas.side, stop * canvas.side
        strips = [
            [(x + a * wide, low), (x + b * wide, low), (x + b * slim, high), (x + a * slim, high)]
            for x, low, high, wide, slim in walls
        ]
        fill(canvas, spot, strips, colour, shade)


def facets(canvas: Canvas, spot: Spot, shapes: list[tuple[Points, Points]], colour: Colour) -> None:
    """Fill pairs of a left and a right face, the one towards the light brighter."""
    bright = 1 if canvas.side > 0 else 0
    fill(canvas, spot, [pair[1 - bright] for pair in shapes], colour, 0.66)
    fill(canvas, spot, [pair[bright] for pair in shapes], colour, 1.0)


def windows(canvas: Canvas, spot: Spot, shapes: Shapes, wall: Colour) -> None:
    """Put windows into a wall; in the dark they shine."""
    if not canvas.dark:
        fill(canvas, spot, shapes, (0.10, 0.12, 0.18) if max(wall) > 0.2 else (0.50, 0.52, 0.56))
        return
    stain(canvas, spot, shapes, LAMP)
    for points in shapes[:4]:
        side, up = np.mean(points, axis=0)
        reach = 0.05 * spot.size * canvas.focal / spot.distance
        canvas.glow(canvas.pixel(spot, side, up), max(reach, 1.0), LAMP, 0.55)


def smoke(canvas: Canvas, spot: Spot, side: float, up: float, rng: np.random.Generator) -> None:
    """Let puffs of smoke rise and drift away from a chimney; they have no depth of their own."""
    drift = rng.choice((-1.0, 1.0)) * rng.uniform(0.05, 0.10)
    scale = spot.size * canvas.focal / spot.distance
    red, green, blue = (float(c) for c in canvas.lit((0.86, 0.86, 0.88), spot.distance))
    for puff in range(4):
        where = canvas.pixel(spot, side + drift * puff, up + 0.05 + 0.055 * puff)
        canvas.glow(where, (0.02 + 0.009 * puff) * scale, (red, green, blue), 0.85 - 0.15 * puff)


def mirror(canvas: Canvas, distance: float, row: int, count: int, water: np.ndarray | float = 1.0) -> None:
    """Reflect in the water below ``row`` what stands above it at ``distance``; the depth stays the water's.

    Args:
        canvas: painted in place.
        distance: depth of the thing; what has another depth is not reflected.
        row: of the waterline, in pixels.
        count: of rows that are painted; above as many rows stand, below they lie.
        water: 1 where there is water and 0 where there is none, ``count`` x W.
    """
    steps = np.arange(count, dtype=np.float32)
    above = slice(row - count, row)
    held = (canvas.depth[above][::-1] == np.float32(distance)).astype(np.float32)
    held *= water * (0.55 * (1 - steps / count) * (0.8 + 0.2 * np.cos(steps * 1.7)))[:, None]
    below = canvas.rgb[row : row + count]
    below += (canvas.rgb[above][::-1] * 0.86 - below) * held[..., None]


def shadow(canvas: Canvas, centre: tuple[float, float], wide: float, tall: float, farthest: float) -> None:
    """Darken what is nearer than ``farthest`` by a soft ellipse; ``wide`` and ``tall`` in pixels."""
    left, right = (int(np.clip(centre[0] + s * 2.5 * wide, 0, canvas.width)) for s in (-1, 1))
    top, low = (int(np.clip(centre[1] + s * 2.5 * tall, 0, canvas.height)) for s in (-1, 1))
    across = np.exp(-(((np.arange(left, right, dtype=np.float32) - centre[0]) / wide) ** 2))
    down = np.exp(-(((np.arange(top, low, dtype=np.float32) - centre[1]) / tall) ** 2))
    near = canvas.depth[top:low, left:right] < farthest
    canvas.rgb[top:low, left:right] *= 1 - 0.42 * (down[:, None] * across[None] * near)[..., None]


def snow(canvas: Canvas, distance: float) -> None:
    """Lay snow on the upper edges of what stands at ``distance``."""
    thick = max(1, round(0.018 * canvas.height))
    thing = canvas.depth == np.float32(distance)
    edge = thing[thick:] & ~thing[:-thick]
    white = canvas.lit((0.95, 0.97, 1.0), distance)
    part = canvas.rgb[thick:]
    part[edge] += 0.8 * (white - part[edge])
