"""The objects of the world: polygons on a canvas that keeps colour and depth together."""

from __future__ import annotations

import cv2
import numpy as np

SHIFT = 4


class Canvas:
    """A picture and its depth, painted from back to front.

    Attributes:
        rgb: float32, H x W x 3, range [0, 1].
        depth: float32, H x W, distance.
        focal: focal length in pixels.
        horizon: row of the horizon in pixels.
        eye: height of the camera above the ground, in units of depth.
        tint: factor on lit colours, RGB.
        haze: colour that distance fades into, RGB.
        side: +1 where the light comes from the right, -1 from the left.
    """

    def __init__(self, width: int, height: int, horizon: float, eye: float) -> None:
        self.rgb = np.zeros((height, width, 3), np.float32)
        self.depth = np.full((height, width), 10.0, np.float32)
        self.width, self.height = width, height
        self.focal = height / 2 / np.tan(np.radians(20))
        self.horizon = horizon
        self.eye = eye
        self.tint = np.ones(3, np.float32)
        self.haze = np.ones(3, np.float32)
        self.side = 1.0

    def lit(self, colour: np.ndarray | tuple, distance: float, shade: float = 1.0) -> np.ndarray:
        """Return a surface colour as it looks at a distance: lit, shaded, faded into the haze."""
        clear = np.exp(-0.055 * distance)
        seen = np.asarray(colour, np.float32) * self.tint * shade
        return np.clip(seen * clear + self.haze * (1 - clear), 0, 1)

    def place(self, x: float, up: float, distance: float, lateral: float = 0.0) -> tuple[float, float]:
        """Return the pixel of a point: ``x`` pixel column of its foot, ``up`` units above the ground."""
        scale = self.focal / distance
        return x + lateral * scale, self.horizon + (self.eye - up) * scale

    def polygon(self, points: list[tuple[float, float]], colour: np.ndarray, distance: float) -> None:
        """Fill a polygon given in pixels, antialiased in colour, with one depth."""
        fixed = np.round(np.array(points, np.float64) * 2**SHIFT).astype(np.int32)
        cv2.fillPoly(self.rgb, [fixed], tuple(float(c) for c in colour), cv2.LINE_AA, SHIFT)
        cv2.fillPoly(self.depth, [fixed], float(distance), cv2.LINE_8, SHIFT)

    def disc(self, centre: tuple[float, float], radius: float, colour: np.ndarray, distance: float) -> None:
        """Fill a circle given in pixels."""
        centre_fixed = tuple(round(c * 2**SHIFT) for c in centre)
        fixed = max(1, round(radius * 2**SHIFT))
        cv2.circle(self.rgb, centre_fixed, fixed, tuple(float(c) for c in colour), -1, cv2.LINE_AA, SHIFT)
        cv2.circle(self.depth, centre_fixed, fixed, float(distance), -1, cv2.LINE_8, SHIFT)


def _block(
    canvas: Canvas, x: float, distance: float, *, left: float, right: float, low: float, high: float, colour
) -> None:
    """A wall in two tones, the half towards the light brighter."""
    middle = (left + right) / 2
    shades = (1.0, 0.72) if canvas.side < 0 else (0.72, 1.0)
    for edge_a, edge_b, shade in ((left, middle, shades[0]), (middle, right, shades[1])):
        corners = [(edge_a, low), (edge_b, low), (edge_b, high), (edge_a, high)]
        points = [canvas.place(x, up, distance, side) for side, up in corners]
        canvas.polygon(points, canvas.lit(colour, distance, shade), distance)


def lighthouse(
    canvas: Canvas, x: float, distance: float, colour, rng: np.random.Generator, dark: bool
) -> None:
    """A tapering tower with bands, a gallery, a lamp and, in the dark, its beam."""
    tall, foot, top = 0.95, 0.13, 0.085
    rock = [(-0.34, -0.03), (-0.22, 0.10), (0.05, 0.13), (0.25, 0.08), (0.36, -0.03)]
    canvas.polygon(
        [canvas.place(x, u, distance, s) for s, u in rock], canvas.lit((0.33, 0.31, 0.30), distance), distance
    )
    bands = 5
    stripes = rng.random() < 0.5
    for band in range(bands):
        low, high = 0.06 + (tall - 0.06) * band / bands, 0.06 + (tall - 0.06) * (band + 1) / bands
        paint = (0.95, 0.94, 0.90) if stripes and band % 2 else colour
        for half, shade in ((-1, 1.0 if canvas.side < 0 else 0.7), (1, 1.0 if canvas.side > 0 else 0.7)):
            a, b = foot + (top - foot) * low / tall, foot + (top - foot) * high / tall
            points = [(0, low), (half * a, low), (half * b, high), (0, high)]
            canvas.polygon(
                [canvas.place(x, u, distance, s) for s, u in points],
                canvas.lit(paint, distance, shade),
                distance,
            )
    _block(canvas, x, distance, left=-0.12, right=0.12, low=tall, high=tall + 0.03, colour=(0.2, 0.2, 0.22))
    lamp = np.array((1.0, 0.93, 0.55)) if dark else canvas.lit((0.95, 0.85, 0.45), distance)
    corners = [(-0.06, tall + 0.03), (0.06, tall + 0.03), (0.06, tall + 0.14), (-0.06, tall + 0.14)]
    canvas.polygon([canvas.place(x, u, distance, s) for s, u in corners], lamp, distance)
    roof = [(-0.09, tall + 0.14), (0.09, tall + 0.14), (0, tall + 0.24)]
    canvas.polygon(
        [canvas.place(x, u, distance, s) for s, u in roof], canvas.lit((0.35, 0.08, 0.07), distance), distance
    )
    if dark:
        glow(
            canvas,
            canvas.place(x, tall + 0.085, distance),
            0.32 * canvas.focal / distance,
            (1.0, 0.9, 0.6),
            0.8,
        )


def glow(canvas: Canvas, centre: tuple[float, float], radius: float, colour, strength: float) -> None:
    """Add light that falls off around a point; ``radius`` in pixels."""
    yy, xx = np.mgrid[: canvas.height, : canvas.width].astype(np.float32)
    falloff = np.exp(-((xx - centre[0]) ** 2 + (yy - centre[1]) ** 2) / (2 * radius**2)) * strength
    canvas.rgb += (1 - canvas.rgb) * falloff[..., None] * np.asarray(colour, np.float32)


def house(canvas: Canvas, x: float, distance: float, colour, rng: np.random.Generator, dark: bool) -> None:
    """A gabled house with a door, windows and a chimney."""
    half, wall, ridge = 0.30, 0.26, 0.46
    _block(canvas, x, distance, left=-half, right=half, low=0, high=wall, colour=colour)
    roof = canvas.lit((0.42, 0.16, 0.12) if rng.random() < 0.6 else (0.25, 0.25, 0.28), distance)
    _block(canvas, x, distance, left=0.12, right=0.19, low=wall, high=ridge + 0.06, colour=(0.4, 0.3, 0.28))
    points = [(-half - 0.05, wall), (half + 0.05, wall), (half - 0.12, ridge), (-half + 0.12, ridge)]
    canvas.polygon([canvas.place(x, u, distance, s) for s, u in points], roof, distance)
    window = np.array((1.0, 0.85, 0.4)) if dark else canvas.lit((0.16, 0.2, 0.28), distance)
    door = canvas.lit((0.25, 0.16, 0.1), distance)
    for left, right, low, high, paint in (
        (-0.2, -0.1, 0.1, 0.19, window),
        (0.1, 0.2, 0.1, 0.19, window),
        (-0.045, 0.045, 0, 0.15, door),
    ):
        corners = [(left, low), (right, low), (right, high), (left, high)]
        canvas.polygon([canvas.place(x, u, distance, s) for s, u in corners], paint, distance)


def castle(canvas: Canvas, x: float, distance: float, colour, rng: np.random.Generator, dark: bool) -> None:
    """Two or three towers with battlements, a wall between them and a gate."""
    _block(canvas, x, distance, left=-0.5, right=0.5, low=0, high=0.36, colour=colour)
    for notch in np.arange(-0.42, 0.42, 0.14):
        _block(canvas, x, distance, left=notch, right=notch + 0.07, low=0.36, high=0.42, colour=colour)
    towers = [(-0.5, 0.62), (0.5, 0.62)] + ([(0.0, 0.85)] if rng.random() < 0.6 else [])
    pointed = rng.random() < 0.5
    for centre, tall in towers:
        _block(canvas, x, distance, left=centre - 0.12, right=centre + 0.12, low=0, high=tall, colour=colour)
        if pointed:
            roof = [(centre - 0.15, tall), (centre + 0.15, tall), (centre, tall + 0.26)]
            canvas.polygon(
                [canvas.place(x, u, distance, s) for s, u in roof],
                canvas.lit((0.3, 0.2, 0.34), distance),
                distance,
            )
        else:
            for notch in (-0.12, -0.035, 0.05):
                _block(
                    canvas,
                    x,
                    distance,
                    left=centre + notch,
                    right=centre + notch + 0.06,
                    low=tall,
                    high=tall + 0.06,
                    colour=colour,
                )
        light = np.array((1.0, 0.82, 0.4)) if dark else canvas.lit((0.1, 0.1, 0.14), distance)
        slit = [
            (centre - 0.025, tall - 0.22),
            (centre + 0.025, tall - 0.22),
            (centre + 0.025, tall - 0.12),
            (centre - 0.025, tall - 0.12),
        ]
        canvas.polygon([canvas.place(x, u, distance, s) for s, u in slit], light, distance)
    arch = [(0.11 * np.cos(a), 0.1 + 0.12 * np.sin(a)) for a in np.linspace(0, np.pi, 9)]
    gate = [(0.11, 0), *arch, (-0.11, 0)]
    canvas.polygon(
        [canvas.place(x, u, distance, s) for s, u in gate], canvas.lit((0.1, 0.08, 0.07), distance), distance
    )


def tower(canvas: Canvas, x: float, distance: float, colour, rng: np.random.Generator, dark: bool) -> None:
    """A broad ruined tower with a broken top."""
    _block(canvas, x, distance, left=-0.17, right=0.17, low=0, high=0.62, colour=colour)
    for left in np.arange(-0.17, 0.16, 0.068):
        _block(
            canvas,
            x,
            distance,
            left=left,
            right=left + 0.07,
            low=0.6,
            high=0.62 + rng.uniform(0, 0.22),
            colour=colour,
        )
    hole = np.array((1.0, 0.82, 0.4)) if dark else canvas.lit((0.1, 0.1, 0.13), distance)
    for up in (0.2, 0.42):
        corners = [(-0.04, up), (0.04, up), (0.04, up + 0.1), (-0.04, up + 0.1)]
        canvas.polygon([canvas.place(x, u, distance, s) for s, u in corners], hole, distance)


def boat(canvas: Canvas, x: float, distance: float, colour, rng: np.random.Generator, dark: bool) -> None:
    """A hull with one or two sails."""
    hull = [(-0.34, 0.1), (0.38, 0.1), (0.26, -0.02), (-0.26, -0.02)]
    canvas.polygon(
        [canvas.place(x, u, distance, s) for s, u in hull], canvas.lit((0.32, 0.18, 0.1), distance), distance
    )
    sails = [[(0.02, 0.14), (0.02, 0.8), (0.32, 0.16)], [(-0.03, 0.14), (-0.03, 0.7), (-0.28, 0.16)]]
    for sail, shade in zip(sails[: 1 + int(rng.random() < 0.7)], (1.0, 0.78), strict=False):
        canvas.polygon(
            [canvas.place(x, u, distance, s) for s, u in sail], canvas.lit(colour, distance, shade), distance
        )
    mast = [(-0.02, 0.1), (0.01, 0.1), (0.01, 0.86), (-0.02, 0.86)]
    canvas.polygon(
        [canvas.place(x, u, distance, s) for s, u in mast], canvas.lit((0.2, 0.13, 0.08), distance), distance
    )


def pyramid(canvas: Canvas, x: float, distance: float, colour, rng: np.random.Generator, dark: bool) -> None:
    """A stone pyramid with a lit and a shaded face."""
    size, edge = 0.75, rng.uniform(-0.15, 0.25)
    stone = (0.80, 0.64, 0.38)
    faces = ((-size, edge, 1.0 if canvas.side < 0 else 0.62), (edge, size, 1.0 if canvas.side > 0 else 0.62))
    for left, right, shade in faces:
        points = [(left, 0), (right, -0.03 if right == edge else 0), (0, 0.85)]
        canvas.polygon(
            [canvas.place(x, u, distance, s) for s, u in points], canvas.lit(stone, distance, shade), distance
        )


def balloon(canvas: Canvas, x: float, distance: float, colour, rng: np.random.Generator, dark: bool) -> None:
    """A striped balloon with its basket, high in the air."""
    up = rng.uniform(0.55, 0.9)
    centre, radius = canvas.place(x, up, distance), 0.26 * canvas.focal / distance
    canvas.disc(centre, radius, canvas.lit(colour, distance), distance)
    stripe = [(0.09 * np.cos(a), up + 0.26 * np.sin(a)) for a in np.linspace(0, 2 * np.pi, 20)]
    canvas.polygon(
        [canvas.place(x, u, distance, s) for s, u in stripe],
        canvas.lit((0.95, 0.92, 0.8), distance),
        distance,
    )
    _block(
        canvas, x, distance, left=-0.06, right=0.06, low=up - 0.46, high=up - 0.37, colour=(0.35, 0.22, 0.12)
    )
    ropes = [(-0.15, up - 0.2), (0.15, up - 0.2), (0.05, up - 0.37), (-0.05, up - 0.37)]
    canvas.polygon(
        [canvas.place(x, u, distance, s) for s, u in ropes], canvas.lit(colour, distance, 0.7), distance
    )


def tree(
    canvas: Canvas, x: float, distance: float, colour, rng: np.random.Generator, dark: bool, size: float = 1.0
) -> None:
    """A broad tree: a trunk under a crown of overlapping discs."""
    trunk = [(-0.05, 0), (0.05, 0), (0.03, 0.32), (-0.03, 0.32)]
    canvas.polygon(
        [canvas.place(x, u * size, distance, s * size) for s, u in trunk],
        canvas.lit((0.28, 0.18, 0.1), distance),
        distance,
    )
    scale = size * canvas.focal / distance
    greens = ((0.10, 0.28, 0.10), (0.16, 0.40, 0.14), (0.26, 0.52, 0.20))
    for row, green in enumerate(greens):
        for _ in range(5):
            lateral, up = rng.normal(0, 0.13), 0.5 + rng.normal(0, 0.08) + 0.03 * row
            lateral += 0.05 * row * canvas.side
            canvas.disc(
                canvas.place(x, up * size, distance, lateral * size),
                (0.15 - 0.03 * row) * scale,
                canvas.lit(green, distance),
                distance,
            )


def pine(canvas: Canvas, x: float, distance: float, size: float, snowy: bool, shade: float) -> None:
    """A conifer of three tiers."""
    green = (0.62, 0.70, 0.74) if snowy else (0.08, 0.26, 0.12)
    _block(
        canvas,
        x,
        distance,
        left=-0.03 * size,
        right=0.03 * size,
        low=0,
        high=0.1 * size,
        colour=(0.2, 0.13, 0.08),
    )
    for tier in range(3):
        low, half = size * (0.08 + 0.22 * tier), size * (0.22 - 0.055 * tier)
        points = [(-half, low), (half, low), (0, low + 0.38 * size)]
        tone = canvas.lit(green, distance, shade * (0.8 + 0.15 * tier))
        canvas.polygon([canvas.place(x, u, distance, s) for s, u in points], tone, distance)


THINGS = {
    "lighthouse": lighthouse,
    "house": house,
    "castle": castle,
    "tower": tower,
    "boat": boat,
    "pyramid": pyramid,
    "balloon": balloon,
    "tree": tree,
}
