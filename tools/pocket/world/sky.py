"""The sky: its colours, sun or moon, stars, clouds and lightning."""

from __future__ import annotations

import cv2
import numpy as np

from tools.pocket.world import noise
from tools.pocket.world.canvas import SHIFT, Canvas
from tools.pocket.world.clouds import LOW_SUN, paint_ceiling, paint_heaps, paint_streaks
from tools.pocket.world.light import Light, mix
from tools.pocket.world.ridges import crest
from tools.pocket.world.spec import Spec

STOPS = (0.0, 0.5, 0.88, 1.0)
"""Where, from the top of the sky to the horizon, the four colours of a light stand."""

STREAKY = {"day": 0.25, "dawn": 0.5, "sunset": 0.6, "dusk": 0.6, "night": 0.3}
"""Share of cloudy skies with streaks and no heaps; a quarter of the others has both."""


def paint_sky(
    canvas: Canvas, spec: Spec, light: Light, rng: np.random.Generator
) -> tuple[float, float] | None:
    """Paint the sky and set ``canvas.side`` to where the sun or moon stands.

    Returns:
        the pixel (x, y) of the sun or moon where the picture shows it, else None.
    """
    _gradient(canvas, light, rng)
    low_sun = spec.time in LOW_SUN
    place = _place(canvas, spec, rng) if spec.disc else None
    if place is not None:
        canvas.side = 1.0 if place[0] > canvas.width / 2 else -1.0
    if light.stars:
        _stars(canvas, light, place, rng)
    if place is not None:
        _disc(canvas, spec, light, place, rng)
    elif low_sun:
        corner = ((0.5 + 0.42 * canvas.side) * canvas.width, canvas.horizon)
        canvas.glow(corner, canvas.height * 0.26, light.band, 0.45)
    if spec.weather == "clouds":
        streaks = rng.random() < STREAKY[spec.time]
        if streaks or rng.random() < 0.25:
            paint_streaks(canvas, light, rng, low_sun, place and place[:2])
        if not streaks:
            paint_heaps(canvas, light, rng, low_sun, place and place[:2])
    elif spec.weather != "clear":
        paint_ceiling(canvas, light, rng, spec.weather)
    if spec.weather == "storm" and rng.random() < 0.35:
        _lightning(canvas, rng)
    return place and place[:2]


def _gradient(canvas: Canvas, light: Light, rng: np.random.Generator) -> None:
    """Fill the sky from top to horizon, and what lies below with the last colour."""
    rows = np.arange(canvas.height, dtype=np.float32) / max(canvas.horizon, 1)
    share = np.clip(rows, 0, 1) ** rng.uniform(0.9, 1.3)
    colours = np.array((light.zenith, light.middle, light.horizon, light.band), np.float32)
    for channel in range(3):
        canvas.rgb[..., channel] = np.interp(share, STOPS, colours[:, channel])[:, None]


def _place(canvas: Canvas, spec: Spec, rng: np.random.Generator) -> tuple[float, float, float]:
    """Choose x, y and radius of the sun or moon in pixels, above what ridges may hide."""
    low = spec.time in ("dawn", "sunset")
    lens = {"wide": 0.85, "tele": 1.25}.get(spec.lens, 1.0)
    radius = canvas.height * rng.uniform(0.04, 0.062) * lens * (1.25 if low else 1.0)
    radius = min(radius, 0.22 * canvas.horizon)
    up = canvas.horizon * (rng.uniform(0.0, 0.34) if low else rng.uniform(0.4, 0.8))
    least = 0.3 * radius + 0.95 * crest(canvas, spec)
    up = float(np.clip(up, least, max(least, canvas.horizon - 1.5 * radius)))
    return rng.uniform(0.12, 0.88) * canvas.width, canvas.horizon - up, radius


def _stars(
    canvas: Canvas, light: Light, place: tuple[float, float, float] | None, rng: np.random.Generator
) -> None:
    """Paint few clear stars of different sizes, none near the moon; at times a milky band behind them."""
    scale = canvas.height / 128
    if light.stars == 1 and rng.random() < 0.4:
        _milky_band(canvas, rng)
    share = (canvas.width / canvas.height) ** 0.5 * min(1.0, 1.9 * canvas.horizon / canvas.height)
    count = int(rng.integers(22, 38) * light.stars * share)
    x, y = rng.uniform(0, canvas.width, count), rng.uniform(0, 0.94, count) * canvas.horizon
    if place is not None:
        apart = np.hypot(x - place[0], y - place[1]) > 1.8 * place[2]
        x, y = x[apart], y[apart]
        count = len(x)
    weight = rng.random(count) ** 3
    # Each star is a round spot, added on the few pixels around it.
    near = np.arange(-3, 4)
    rows, columns = (np.floor(c).astype(int)[:, None] + near for c in (y, x))
    width = (np.maximum(0.5, (0.56 + 0.55 * weight) * scale))[:, None]
    down = np.exp(-((rows + 0.5 - y[:, None]) ** 2) / (2 * width**2)) * (rows >= 0)
    across = np.exp(-((columns + 0.5 - x[:, None]) ** 2) / (2 * width**2)) * (columns >= 0)
    spots = down[:, :, None] * across[:, None, :] * rng.uniform(0.7, 1.0, (count, 1, 1))
    warm = rng.uniform(0.8, 1.0, count)
    colours = np.stack([warm, np.full(count, 0.95), 1.8 - warm], 1)[:, None, None]
    rows, columns = rows.clip(0, canvas.height - 1), columns.clip(0, canvas.width - 1)
    np.maximum.at(
        canvas.rgb, (rows[:, :, None], columns[:, None, :]), (spots[..., None] * colours).astype(np.float32)
    )
    for index in np.argsort(weight)[-2:].tolist():
        canvas.glow((x[index], y[index]), 2.4 * scale, (0.8, 0.88, 1.0), 0.45)


def _milky_band(canvas: Canvas, rng: np.random.Generator) -> None:
    """Add a soft bright band that leans across the sky."""
    top = min(canvas.height, max(2, int(canvas.horizon)))
    half = (top // 2 + 1, canvas.width // 2 + 1)
    rows = np.linspace(0, top / canvas.height, half[0], dtype=np.float32)[:, None]
    columns = np.linspace(-0.5, 0.5, half[1], dtype=np.float32)[None] * (canvas.width / canvas.height)
    lean = rng.choice((-1.0, 1.0)) * rng.uniform(0.5, 1.1)
    across = (rows - top / canvas.height * rng.uniform(0.3, 0.6) - columns * lean) / np.hypot(1, lean)
    cloudy = noise.sample(
        int(rng.integers(8)), columns * 0.4 + rng.uniform(0.4, 0.6), rows * 0.5 + rng.uniform(0, 0.5)
    )
    band = np.exp(-((across / 0.10) ** 2)) * (0.10 + 0.34 * cloudy)
    glow = cv2.resize(band.astype(np.float32), (canvas.width, top))[..., None]
    sky = canvas.rgb[:top]
    sky += (np.array((0.62, 0.62, 0.86), np.float32) - sky) * glow


def _disc(
    canvas: Canvas,
    spec: Spec,
    light: Light,
    place: tuple[float, float, float],
    rng: np.random.Generator,
) -> None:
    """Paint the sun or moon and its glow; ``place`` is x, y and radius in pixels."""
    x, y, radius = place
    low = spec.time in ("dawn", "sunset")
    canvas.glow((x, y), radius * (4.2 if low else 2.6), light.sun, 0.62 if low else 0.5)
    if light.disc == "sun":
        canvas.glow((x, y), radius * 1.35, light.sun, 0.6)
    reach = int(radius + 2)
    left, right = max(0, int(x) - reach), min(canvas.width, int(x) + reach + 1)
    top, low_row = max(0, int(y) - reach), min(canvas.height, int(y) + reach + 1)
    across = (np.arange(left, right, dtype=np.float32) - x)[None] / radius
    down = (np.arange(top, low_row, dtype=np.float32) - y)[:, None] / radius
    whole = np.clip((1 - np.sqrt(across**2 + down**2)) * radius + 0.5, 0, 1)
    part = canvas.rgb[top:low_row, left:right]
    if light.disc == "sun":
        # A low sun is redder at its foot, where more air lies before it.
        redder = np.array((1.0, 0.82, 0.62), np.float32) if low else np.ones(3, np.float32)
        face = mix(light.sun, np.asarray(light.sun) * redder, np.clip(down * 0.5 + 0.5, 0, 1)[..., None])
        part += (face - part) * whole[..., None]
        return
    face = _moon_face(across, down, light, rng)
    if not spec.full_moon:
        bite, tilt = rng.uniform(0.5, 0.75), rng.uniform(-0.7, 0.7)
        centre = bite * rng.choice((-1.0, 1.0)) * np.cos(tilt), bite * np.sin(tilt)
        away = np.sqrt((across - centre[0]) ** 2 + (down - centre[1]) ** 2) / 0.92
        lit = np.clip((away - 1) * radius + 0.5, 0, 1)
        part += (face * 0.16 + part * 0.84 - part) * (whole * (1 - lit))[..., None]
        whole = whole * lit
    part += (face - part) * whole[..., None]


def _moon_face(across: np.ndarray, down: np.ndarray, light: Light, rng: np.random.Generator) -> np.ndarray:
    """Return the colour of a moon with three darker seas; coordinates in radii of the moon."""
    seas = np.zeros(np.broadcast_shapes(across.shape, down.shape), np.float32)
    for x, y in rng.normal(0, 0.42, (3, 2)):
        seas = np.maximum(seas, np.exp(-((across - x) ** 2 + (down - y) ** 2) / 0.07))
    return np.asarray(light.sun, np.float32) * (1 - 0.2 * seas[..., None])


def _lightning(canvas: Canvas, rng: np.random.Generator) -> None:
    """Paint a jagged bolt from the clouds to the land, with one branch."""
    steps = 9
    rows = np.linspace(0.06, 1.0, steps) * canvas.horizon
    start = rng.uniform(0.15, 0.85) * canvas.width
    columns = start + np.cumsum(rng.normal(0, 0.032, steps)) * canvas.height
    bolt = np.stack([columns, rows], 1)
    fork = int(rng.integers(2, 5))
    spread = rng.choice((-1.0, 1.0)) * rng.uniform(0.03, 0.07) * canvas.height
    branch = bolt[fork : fork + 4] + np.arange(4)[:, None] * np.array((spread, -0.012 * canvas.height))
    canvas.glow((float(columns[4]), float(rows[4])), canvas.height * 0.13, (0.80, 0.82, 1.0), 0.55)
    # OpenCV smooths lines in pictures of bytes only, so the bolt is drawn as a mask.
    top = min(canvas.height, int(np.ceil(canvas.horizon)))
    mask = np.zeros((top, canvas.width), np.uint8)
    thick = max(1, round(canvas.height / 90))
    for line, width in ((branch, 1), (bolt, thick)):
        cv2.polylines(
            mask, [np.round(line * 2**SHIFT).astype(np.int32)], False, 255, width, cv2.LINE_AA, SHIFT
        )
    sky = canvas.rgb[:top]
    halo = cv2.GaussianBlur(mask, (0, 0), canvas.height / 70)
    for layer, colour, strength in ((halo, (0.62, 0.64, 1.0), 2.2), (mask, (0.98, 0.98, 1.0), 1.0)):
        share = np.minimum(layer.astype(np.float32) * (strength / 255), 1)[..., None]
        sky += (np.array(colour, np.float32) - sky) * share
