"""Clouds: heaps lit from the side of the light, streaks and banks, and closed ceilings of bad weather."""

from __future__ import annotations

from functools import lru_cache

import cv2
import numpy as np

from tools.pocket.world import noise
from tools.pocket.world.canvas import Canvas
from tools.pocket.world.light import Light, mix

HEAP_ROWS, HEAP_COLUMNS = 64, 128
HEAPS = 24

LOW_SUN = ("dawn", "sunset", "dusk")
"""Hours at which clouds are lit from below."""


@lru_cache(maxsize=1)
def heaps() -> np.ndarray:
    """Return cumulus clouds, float32 of shape (24, 64, 128, 3).

    The channels are opacity in [0, 1] and the sideways and the upward part of the surface's direction,
    both about [-1, 1]; right and up are positive.
    """
    rng = np.random.default_rng(31)
    return np.stack([_heap(rng) for _ in range(HEAPS)])


def _heap(rng: np.random.Generator) -> np.ndarray:
    """Pile puffs on a flat base and return the cloud's opacity and surface direction."""
    yy, xx = np.mgrid[:HEAP_ROWS, :HEAP_COLUMNS].astype(np.float32)
    base = HEAP_ROWS * 0.86
    rough = noise.sample(int(rng.integers(8)), xx / 210 + rng.random(), yy / 210 + rng.random()) - 0.5
    fine = noise.sample(int(rng.integers(8)), xx / 90 + rng.random(), yy / 90 + rng.random()) - 0.5
    rise = np.zeros_like(xx)
    count = int(rng.integers(9, 16))
    summit = rng.uniform(-0.18, 0.18)
    for place in np.linspace(-0.37, 0.37, count) + rng.normal(0, 0.02, count):
        hump = np.exp(-(((place - summit) / 0.22) ** 2))
        radius = HEAP_COLUMNS * (0.05 + 0.075 * hump * rng.uniform(0.6, 1.1))
        lift = radius * rng.uniform(0.3, 0.7) + HEAP_ROWS * 0.32 * hump * rng.uniform(0.1, 1.0)
        across = xx - HEAP_COLUMNS * (0.5 + place)
        for share, size in ((1.0, 1.0), (0.35, 1.15)):
            down = yy - (base - lift * share)
            room = (radius * size + rough * 9 + fine * 4) ** 2 - across**2 - down**2
            rise = np.maximum(rise, np.sqrt(np.maximum(room, 0)))
    floor = np.clip((base + rough * 7 - yy) / 5, 0, 1)
    soft = cv2.GaussianBlur(rise, (0, 0), 1.1)
    opacity = np.clip(soft / 5.5 - 0.25, 0, 1) * floor
    down, right = np.gradient(cv2.GaussianBlur(rise, (0, 0), 1.6))
    up = np.clip(down * 0.7, -1, 1) * 0.55 + (base - yy) / base * 0.9 - 0.32
    return np.dstack([opacity, np.clip(-right * 0.7, -1, 1), up]).astype(np.float32)


def paint_heaps(
    canvas: Canvas, light: Light, rng: np.random.Generator, low_sun: bool, disc: tuple[float, float] | None
) -> None:
    """Paint cumulus clouds, large overhead and small low above the land; none hides the sun or moon."""
    kept = int(rng.integers(4, 8))
    shares = np.sort(rng.uniform(0.0, 1.0, 10))[::-1]
    places, widths, kinds = (
        rng.uniform(-0.05, 1.05, 10),
        rng.uniform(0.75, 1.25, 10),
        rng.integers(HEAPS, size=10),
    )
    shine = (0.34, -0.62, 0.40) if low_sun else (0.40, 0.62, 0.58)
    for share, place, factor, kind in zip(shares, places, widths, kinds, strict=True):
        wide = (
            canvas.height
            * (0.30 + 0.75 * (1 - share))
            * factor
            * min(1.0, 0.45 + 1.3 * canvas.horizon / canvas.height)
        )
        tall = wide * 0.46
        x, y = place * canvas.width, canvas.horizon * (0.10 + 0.78 * share)
        if disc is not None and abs(disc[0] - x) < wide * 0.52 and abs(disc[1] - y) < tall * 0.75:
            continue
        _paint_heap(canvas, light, heaps()[kind], (x, y, wide, tall), shine, 0.9 if low_sun else 0.0)
        kept -= 1
        if kept == 0:
            return


def _paint_heap(
    canvas: Canvas,
    light: Light,
    heap: np.ndarray,
    box: tuple[float, float, float, float],
    shine: tuple[float, float, float],
    rim: float,
) -> None:
    """Paint one cloud into a box (middle x, y, width, height).

    ``shine`` weighs the light from the side, from above and from all around, ``rim`` that through thin edges.
    """
    x, y, wide, tall = box
    left, top = round(x - wide / 2), round(y - tall / 2)
    columns, rows = max(4, round(wide)), max(3, round(tall))
    shrinks = columns < HEAP_COLUMNS
    part = cv2.resize(heap, (columns, rows), interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR)
    first, last = max(0, -left), min(columns, canvas.width - left)
    high, low = max(0, -top), min(rows, int(np.ceil(canvas.horizon)) - top)
    if first >= last or high >= low:
        return
    part = part[high:low, first:last]
    bright = part[..., 1] * (shine[0] * canvas.side) + part[..., 2] * shine[1] + shine[2]
    if rim:
        bright += rim * (1 - part[..., 0])
    colour = mix(light.shade, light.cloud, np.clip(bright, 0, 1)[..., None])
    under = canvas.rgb[top + high : top + low, left + first : left + last]
    under += (colour - under) * (part[..., :1] * 0.97)


def paint_streaks(
    canvas: Canvas, light: Light, rng: np.random.Generator, low_sun: bool, disc: tuple[float, float] | None
) -> None:
    """Paint cirrus: long streaks, banks with bright rims under a low sun; thin before the sun and moon."""
    rows, columns = _half_grid(canvas)
    lean = rng.uniform(-0.25, 0.25)
    u = columns * rng.uniform(0.10, 0.16) + rng.random()
    v = (rows + columns * lean) * rng.uniform(0.55, 0.9) + rng.random()
    layer = int(rng.integers(8))
    density = noise.sample(layer, _mirrored(u), _mirrored(v))
    cover = rng.uniform(0.46, 0.56)
    opacity = np.clip((density - cover) / (0.16 if low_sun else 0.28), 0, 1) * (
        0.9 if low_sun else 0.6 if canvas.dark else 0.8
    )
    if disc is not None:
        half = canvas.width / canvas.height / 2
        across = (columns - disc[0] / canvas.height + half) / 0.13
        down = (rows - disc[1] / canvas.horizon) * canvas.horizon / canvas.height / 0.10
        opacity *= 1 - 0.9 * np.exp(-(across**2) - down**2)
    bright = np.ones_like(density)
    if low_sun:
        # Thick parts of a bank keep the light out; its thin rim glows.
        bright = np.clip(1.25 - (density - cover) * 3.4 + (rows - 0.5) * 0.5, 0, 1)
    _cover_sky(canvas, light, opacity, bright)


def paint_ceiling(canvas: Canvas, light: Light, rng: np.random.Generator, weather: str) -> None:
    """Close the sky with a ceiling in perspective: heavy in a storm, plain in rain, faint in fog."""
    rows, columns = _half_grid(canvas)
    distance = 0.5 / (1.12 - rows)
    scale = 0.5 if weather == "storm" else 0.75
    u = columns * distance * scale + rng.random()
    v = distance * scale * 0.7 + rng.random()
    layer = int(rng.integers(8))
    density = noise.sample(layer, _mirrored(u), _mirrored(v))
    above = noise.sample(layer, _mirrored(u), _mirrored(v + 0.025))
    strength, depth, relief = {
        "storm": (0.98, 1.35, 3.0),
        "rain": (0.85, 0.9, 1.2),
        "snowfall": (0.55, 0.7, 0.9),
        "fog": (0.25, 0.5, 0.4),
    }[weather]
    # The slit above the land stays open, so that the hour shows there.
    opacity = strength * np.clip((0.97 - rows) * 3.0, 0, 1) * np.clip(density * 1.6 + 0.35, 0, 1)
    torn = noise.sample(layer + 1, _mirrored(u * 2.3), _mirrored(v * 2.3)) - 0.5
    bright = np.clip(0.42 + (density - 0.5 + 0.4 * torn) * depth + (density - above) * relief, 0, 1)
    _cover_sky(canvas, light, opacity, bright)


def _mirrored(values: np.ndarray) -> np.ndarray:
    """Fold coordinates into [0, 0.99], so that no edge of a texture shows."""
    result: np.ndarray = 0.99 * (1 - np.abs(np.mod(values, 2) - 1))
    return result


def _half_grid(canvas: Canvas) -> tuple[np.ndarray, np.ndarray]:
    """Return rows (0 top, 1 horizon) and columns (0 middle, 1 a picture's height) at half the resolution."""
    top = max(2, int(np.ceil(canvas.horizon)))
    rows = np.linspace(0, 1, (top + 1) // 2, dtype=np.float32)[:, None]
    half = canvas.width / canvas.height / 2
    return rows, np.linspace(-half, half, (canvas.width + 1) // 2, dtype=np.float32)[None]


def _cover_sky(canvas: Canvas, light: Light, opacity: np.ndarray, bright: np.ndarray) -> None:
    """Blend clouds given at half the resolution over the sky."""
    top = min(canvas.height, max(2, int(np.ceil(canvas.horizon))))
    both = cv2.resize(np.dstack([opacity, bright]).astype(np.float32), (canvas.width, top))
    sky = canvas.rgb[:top]
    sky += (mix(light.shade, light.cloud, both[..., 1:]) - sky) * both[..., :1]
