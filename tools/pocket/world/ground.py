"""The ground below the horizon: a plane in true perspective with the looks of its kind and season."""

from __future__ import annotations

import cv2
import numpy as np

from tools.pocket.world import noise
from tools.pocket.world.canvas import SHIFT, Canvas
from tools.pocket.world.dunes import paint_dunes
from tools.pocket.world.layout import Plane, land, plane_of, texture, tint_of
from tools.pocket.world.light import Light
from tools.pocket.world.spec import Spec
from tools.pocket.world.water import FOAM, open_water

Tones = tuple[tuple[float, float, float], tuple[float, float, float]]

GRASS: dict[str, Tones] = {
    "summer": ((0.20, 0.40, 0.10), (0.50, 0.64, 0.20)),
    "spring": ((0.24, 0.52, 0.12), (0.58, 0.80, 0.26)),
    "autumn": ((0.46, 0.32, 0.10), (0.78, 0.58, 0.20)),
    "winter": ((0.70, 0.78, 0.90), (0.97, 0.98, 1.00)),
}
CROPS: dict[str, Tones] = {
    "summer": ((0.66, 0.47, 0.10), (0.96, 0.80, 0.30)),
    "spring": ((0.34, 0.27, 0.14), (0.46, 0.74, 0.20)),
    "autumn": ((0.23, 0.13, 0.08), (0.52, 0.34, 0.21)),
    "winter": ((0.74, 0.76, 0.82), (0.97, 0.98, 1.00)),
}
FLOOR: dict[str, Tones] = {
    "summer": ((0.10, 0.20, 0.07), (0.27, 0.38, 0.13)),
    "spring": ((0.16, 0.34, 0.10), (0.42, 0.60, 0.20)),
    "autumn": ((0.36, 0.17, 0.06), (0.82, 0.44, 0.12)),
    "winter": ((0.66, 0.73, 0.85), (0.95, 0.97, 1.00)),
}
SAND: Tones = ((0.80, 0.66, 0.42), (0.97, 0.87, 0.64))
FLOWERS = ((0.98, 0.96, 0.92), (0.98, 0.84, 0.15), (0.90, 0.20, 0.22), (0.72, 0.36, 0.85), (0.98, 0.55, 0.75))


def paint_ground(
    canvas: Canvas, spec: Spec, light: Light, disc: tuple[float, float] | None, rng: np.random.Generator
) -> None:
    """Paint everything below the horizon, colour and depth; water mirrors what is painted above it already.

    Args:
        canvas: with sky and ridges; painted in place.
        spec: the picture.
        light: of the hour.
        disc: pixel (x, y) of the sun or moon, or None.
        rng: decides textures and places.
    """
    plane = plane_of(canvas)
    if not len(plane.below):
        return
    if spec.ground in ("desert", "snow"):
        paint_dunes(canvas, plane, spec, rng)
        return
    if spec.ground in ("sea", "lake", "coast"):
        if spec.ground == "lake":
            _far_shore(canvas, spec, rng)
        colour = open_water(canvas, plane, spec, light, disc, rng)
        if spec.ground != "sea":
            colour = _shore(canvas, plane, spec, colour, rng)
    else:
        colour = _land(canvas, plane, spec, rng) * tint_of(canvas, spec)
    settle(canvas, plane, colour)
    if spec.ground == "meadow" and spec.season == "spring":
        _flowers(canvas, rng)


def settle(canvas: Canvas, plane: Plane, colour: np.ndarray) -> None:
    """Put lit colours onto the plane, n x W x 3, faded into the haze, with the depth of its rows."""
    clear = np.exp(-0.055 * plane.distance)[..., None]
    seen = np.clip(colour, 0, 1) * clear + canvas.haze * (1 - clear)
    canvas.rgb[plane.top :] = seen
    canvas.depth[plane.top :] = plane.distance


def _blend(tones: Tones, share: np.ndarray) -> np.ndarray:
    low, high = np.array(tones, np.float32)
    result: np.ndarray = low + (high - low) * np.clip(share, 0, 1)[..., None]
    return result


def _land(canvas: Canvas, plane: Plane, spec: Spec, rng: np.random.Generator) -> np.ndarray:
    """Return the unlit colour of grass, crops or the floor of a forest."""
    broad = texture(canvas, plane, rng, 0.8, stretch=2.0)
    fine = texture(canvas, plane, rng, 2.4, stretch=1.6)
    grain = np.clip(plane.below * (7 / canvas.height), 0.15, 1)
    share = 0.5 + 0.9 * (broad - 0.5) + 0.5 * (fine - 0.5) * grain
    if spec.ground == "field":
        return _furrows(canvas, plane, spec, share, rng)
    if spec.ground == "forest":
        # sun that falls through the crowns in patches
        share = 0.75 * share + 0.5 * np.clip((broad + 0.3 * fine - 0.75) * 5, 0, 1) - 0.12
        return _blend(FLOOR[spec.season], share)
    return _blend(GRASS[spec.season], share)


def _furrows(
    canvas: Canvas, plane: Plane, spec: Spec, share: np.ndarray, rng: np.random.Generator
) -> np.ndarray:
    """Straight rows that converge to one vanishing point on the horizon."""
    vanishing = rng.uniform(0.25, 0.75) * canvas.width
    across = (plane.x - vanishing) / plane.below * canvas.eye
    spacing = rng.uniform(0.11, 0.16) * (0.6 + 1.2 * canvas.eye)
    phase = across * (2 * np.pi / spacing)
    pixels = plane.below * (spacing / canvas.eye)
    row = np.sin(phase) * np.clip((pixels - 2.2) / 5, 0, 1)
    # a furrow lies in shadow on the side that is turned away from the light
    slope = np.cos(phase) * np.clip((pixels - 4) / 8, 0, 1) * canvas.side
    mixed = 0.35 * share + 0.33 + 0.42 * row
    result: np.ndarray = _blend(CROPS[spec.season], mixed) * (1 + 0.10 * slope)[..., None]
    return result


def _shore(
    canvas: Canvas, plane: Plane, spec: Spec, water: np.ndarray, rng: np.random.Generator
) -> np.ndarray:
    """Lay a beach or a green shore over lit water; return the colours, lit."""
    inside = land(canvas, spec, plane.below, plane.x)
    broad = texture(canvas, plane, rng, 1.0, stretch=2.0)
    fine = texture(canvas, plane, rng, 2.6, stretch=1.4)
    wide = plane.below * 0.10 + canvas.height * 0.006
    inside = inside + (broad - 0.5) * wide * 1.6
    if spec.ground == "lake":
        soil = _blend(GRASS[spec.season], 0.1 + 0.6 * broad + 0.4 * fine) * tint_of(canvas, spec)
        edge = np.clip(1 - inside / wide * 0.8, 0, 1)[..., None]
        soil *= 1 - 0.45 * edge
        result: np.ndarray = water + (soil - water) * np.clip(inside + 0.5, 0, 1)[..., None]
        return result
    sand: np.ndarray = _blend(SAND, 0.2 + 0.4 * broad + 0.35 * fine) * canvas.tint
    wet = np.clip(1.15 - inside / (1.4 * wide), 0, 1)[..., None]
    sand = sand * (1 - 0.38 * wet)
    shallow = np.clip(1 + inside / (3.5 * wide), 0, 0.8)[..., None]
    turquoise = np.array((0.36, 0.74, 0.72), np.float32) * canvas.tint
    water = water + (turquoise - water) * shallow * 0.7
    beach = water + (sand - water) * np.clip(inside + 0.5, 0, 1)[..., None]
    line = np.clip(1.3 - np.abs(inside / wide + 0.25) * 2.6, 0, 1)
    second: np.ndarray = np.clip(1 - np.abs(inside / wide + 2.3 + broad) * 2.4, 0, 0.7)
    second *= np.clip(wide * (60 / canvas.height) - 0.8, 0, 1)
    result = beach + (FOAM * (0.2 + 0.8 * canvas.tint) - beach) * np.maximum(line, second)[..., None]
    return result


def _far_shore(canvas: Canvas, spec: Spec, rng: np.random.Generator) -> None:
    """A low bank with woods behind a lake; it stands above the horizon, so that the water mirrors it."""
    distance = rng.uniform(7.0, 8.5)
    columns = np.arange(0, canvas.width + 3, max(2, canvas.height // 48), dtype=np.float32)
    start = rng.uniform(0, 9)
    outline = noise.line(int(rng.integers(8)), start, 0.35 * canvas.width / canvas.height, len(columns))
    bumps = np.abs(np.sin(columns * (22 / canvas.height) + 9 * outline))
    rise = (0.10 + 0.34 * np.clip(outline - 0.15, 0, 1) * (0.75 + 0.25 * bumps)) * canvas.focal / distance
    tones = FLOOR[spec.season] if spec.season != "winter" else ((0.22, 0.28, 0.30), (0.82, 0.86, 0.92))
    foot = [(float(canvas.width + 3), canvas.horizon + 1.0), (-3.0, canvas.horizon + 1.0)]
    for factor, colour in ((1.0, tones[0]), (0.45, tones[1])):
        crest = [(float(x), canvas.horizon - float(up)) for x, up in zip(columns, rise * factor, strict=True)]
        canvas.polygon(crest + foot, canvas.lit(colour, distance), distance)


def _flowers(canvas: Canvas, rng: np.random.Generator) -> None:
    """Scatter flowers of three colours over a meadow, larger towards the viewer."""
    count = 110
    floor = canvas.height - canvas.horizon
    below = np.sort(floor * rng.uniform(0.06, 1, count) ** 1.2 + 1)
    x = rng.uniform(0, canvas.width, count)
    kinds = np.array(FLOWERS)[rng.permutation(len(FLOWERS))[:3]]
    near = canvas.lit(kinds, 2.0).tolist()
    centres = np.rint(np.stack((x, canvas.horizon + below), 1) * 2**SHIFT).astype(int).tolist()
    radii = np.maximum(0.5, 0.55 * canvas.height / 128 + 0.016 * below) * 2**SHIFT
    for place, (centre, radius) in enumerate(zip(centres, np.rint(radii).astype(int).tolist(), strict=True)):
        cv2.circle(canvas.rgb, centre, radius, near[place % 3], -1, cv2.LINE_AA, SHIFT)
