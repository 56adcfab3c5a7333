"""What rises at the horizon: rows of hills, mountains, snowy peaks or a far wood, the farther the paler."""

from __future__ import annotations

import numpy as np

from tools.pocket.world.canvas import Canvas, Colour
from tools.pocket.world.relief import Relief, hills, mesas, mountains, woods
from tools.pocket.world.spec import Spec

TALL = {"none": 0.0, "hills": 0.20, "mountains": 0.29, "peaks": 0.35}
"""Height of the highest row as a share of the picture's height."""

DISTANCES = (9.4, 8.7, 8.0)
"""Depths of the rows, from far to near, in units of the world."""

FADES = (0.46, 0.30, 0.16)
"""Share of the haze in the colour of the rows, from far to near."""

AIR: dict[str, tuple[Colour, float]] = {
    "dawn": ((0.60, 0.50, 0.76), 0.5),
    "sunset": ((0.36, 0.16, 0.34), 0.55),
}
"""Colour of the air before ridges that stand against a bright low sky, and its share in their haze."""

SNOW: tuple[Colour, Colour] = ((0.60, 0.69, 0.88), (1.12, 1.12, 1.14))
"""Snow in the shade and in the light; it stays bright in a dim light."""

ROCK: dict[str, tuple[Colour, Colour]] = {
    "desert": ((0.38, 0.17, 0.13), (0.86, 0.50, 0.30)),
    "mountains": ((0.21, 0.19, 0.22), (0.62, 0.54, 0.47)),
    "peaks": ((0.20, 0.22, 0.31), (0.52, 0.51, 0.54)),
}
"""Rock in the shade and in the light."""

TURF: dict[str, tuple[Colour, Colour]] = {
    "summer": ((0.13, 0.27, 0.12), (0.44, 0.60, 0.25)),
    "spring": ((0.24, 0.44, 0.16), (0.64, 0.82, 0.36)),
    "autumn": ((0.46, 0.20, 0.07), (0.90, 0.58, 0.18)),
    "winter": ((0.56, 0.65, 0.80), (0.95, 0.97, 1.0)),
    "field": ((0.34, 0.34, 0.12), (0.72, 0.68, 0.30)),
    "water": ((0.16, 0.26, 0.18), (0.48, 0.56, 0.32)),
}
"""What covers hills and the feet of mountains, in the shade and in the light."""

CROWNS: dict[str, tuple[Colour, Colour]] = {
    "summer": ((0.05, 0.15, 0.08), (0.18, 0.36, 0.15)),
    "spring": ((0.14, 0.28, 0.10), (0.40, 0.60, 0.24)),
    "autumn": ((0.36, 0.12, 0.05), (0.82, 0.44, 0.12)),
    "winter": ((0.16, 0.24, 0.28), (0.72, 0.80, 0.88)),
}
"""A far wood in the shade and in the light."""

WOODED = {"forest": 0.7, "lake": 0.4, "meadow": 0.3, "field": 0.3, "snow": 0.4}
"""Share of the grounds behind which a wood stands in the distance."""


def crest(canvas: Canvas, spec: Spec) -> float:
    """Return how far above the horizon ridges may rise, in pixels; most of the sky stays free."""
    return min(TALL[spec.ridge] * canvas.height, 0.68 * canvas.horizon)


def paint_ridges(canvas: Canvas, spec: Spec, rng: np.random.Generator) -> None:
    """Paint rows of ridges from far to near, and at times the edge of a wood before them."""
    highest = crest(canvas, spec)
    if spec.ridge == "hills":
        for row in range(int(rng.random() < 0.4), 3):
            _paint_hills(canvas, spec, highest * (1 - 0.32 * row) * rng.uniform(0.85, 1.0), row, rng)
    elif spec.ridge != "none":
        _paint_mountains(canvas, spec, highest * rng.uniform(0.9, 1.0), 0, rng)
        _paint_mountains(canvas, spec, highest * rng.uniform(0.5, 0.68), 1, rng)
        if rng.random() < 0.6:
            _paint_hills(canvas, spec, highest * rng.uniform(0.22, 0.32), 2, rng)
    if rng.random() < WOODED.get(spec.ground, 0.0):
        _paint_woods(canvas, spec, rng)


def _paint_hills(canvas: Canvas, spec: Spec, tall: float, row: int, rng: np.random.Generator) -> None:
    """Paint one row of hills, in a desert of table rocks; ``tall`` in pixels, ``row`` 0 for the farthest."""
    altitude, columns = _grid(canvas, tall)
    dry = spec.ground == "desert"
    relief = (mesas if dry else hills)(altitude, columns, tall, canvas.side, rng)
    _stamp(canvas, spec, relief, altitude, _lit(relief, ROCK["desert"] if dry else TURF[_cover(spec)]), row)


def _paint_mountains(canvas: Canvas, spec: Spec, tall: float, row: int, rng: np.random.Generator) -> None:
    """Paint one row of mountains, with snow where they are peaks or it is winter; arguments as above."""
    altitude, columns = _grid(canvas, tall)
    relief = mountains(altitude, columns, tall, canvas.side, rng)
    colour = _lit(relief, ROCK["desert" if spec.ground == "desert" else spec.ridge])
    rough = (relief.grain - 0.5) * 0.5
    share = altitude / tall
    if spec.ground != "desert":
        foot = np.clip((rng.uniform(0.2, 0.36) - share - rough) * 8, 0, 1)[..., None]
        colour += (_lit(relief, TURF[_cover(spec)]) - colour) * foot
    if spec.ridge == "peaks":
        line = rng.uniform(0.32, 0.44) - 0.08 * row
        colour += (_lit(relief, SNOW) - colour) * np.clip((share - rough - line) * 9, 0, 1)[..., None]
    elif _cover(spec) == "winter":
        colour += (_lit(relief, SNOW) - colour) * np.clip((relief.grain - 0.55) * 9, 0, 0.8)[..., None]
    _stamp(canvas, spec, relief, altitude, colour, row)


def _paint_woods(canvas: Canvas, spec: Spec, rng: np.random.Generator) -> None:
    """Paint the edge of a wood in front of everything else at the horizon."""
    tall = min(rng.uniform(0.035, 0.06) * canvas.height, 0.4 * canvas.horizon)
    altitude, columns = _grid(canvas, tall)
    relief = woods(altitude, columns, tall, canvas.side, rng)
    colours = CROWNS["winter" if spec.ground == "snow" else spec.season]
    _stamp(canvas, spec, relief, altitude, _lit(relief, colours), 2)


def _cover(spec: Spec) -> str:
    """Return what grows on a slope, a key of `TURF`."""
    if spec.ground == "snow":
        return "winter"
    if spec.season != "summer":
        return spec.season
    return {"field": "field", "sea": "water", "coast": "water"}.get(spec.ground, "summer")


def _grid(canvas: Canvas, tall: float) -> tuple[np.ndarray, np.ndarray]:
    """Return the altitude in pixels of every row that may be covered (rows x 1), and x of every column."""
    top = int(np.clip(np.floor(canvas.horizon - tall * 1.06 - 1), 0, canvas.height))
    low = int(np.clip(np.ceil(canvas.horizon) + 1, 0, canvas.height))
    altitude = canvas.horizon - np.arange(top, low, dtype=np.float32)[:, None]
    return altitude, np.arange(canvas.width, dtype=np.float32)


def _lit(relief: Relief, colours: tuple[Colour, Colour]) -> np.ndarray:
    """Return the colour of every pixel between its shaded and its lit one."""
    shaded, lit = (np.asarray(colour, np.float32) for colour in colours)
    result: np.ndarray = shaded + (lit - shaded) * relief.light[..., None]
    return result


def _stamp(
    canvas: Canvas, spec: Spec, relief: Relief, altitude: np.ndarray, colour: np.ndarray, row: int
) -> None:
    """Put a row on the canvas: tinted by the light, faded into the haze, most of all at its foot."""
    low = int(np.clip(np.ceil(canvas.horizon) + 1, 0, canvas.height))
    place = slice(low - len(altitude), low)
    highest = float(relief.rise.max())
    fade = np.clip(FADES[row] + 0.22 * (0.45 - altitude / highest), 0.05, 0.9)[..., None]
    seen = np.clip(colour * canvas.tint, 0, 1)
    air, share = AIR.get(spec.time, ((0.0, 0.0, 0.0), 0.0))
    haze = canvas.haze + (np.asarray(air, np.float32) - canvas.haze) * np.float32(share)
    seen += (haze - seen) * fade
    cover = np.clip(relief.rise[None] - altitude + 0.5, 0, 1)
    canvas.rgb[place] += (seen - canvas.rgb[place]) * cover[..., None]
    canvas.depth[place][cover > 0.5] = DISTANCES[row]
