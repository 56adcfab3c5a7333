"""Paint a `Spec`: sky, ridges, ground, objects, weather, style; colour and true depth together."""

from __future__ import annotations

import cv2
import numpy as np

from animator.pocket.world import noise
from animator.pocket.world.palette import GROUNDS, LIGHTS, PAINTS, Light
from animator.pocket.world.spec import Spec
from animator.pocket.world.things import THINGS, Canvas, glow, pine, tree

FAR = 10.0
"""Depth of the sky; nothing is farther."""

WATER = ("sea", "lake")
WET = ("rain", "storm")


def _mix(a, b, share) -> np.ndarray:
    return np.asarray(a, np.float32) * (1 - share) + np.asarray(b, np.float32) * share


def _light(spec: Spec, rng: np.random.Generator) -> Light:
    """The light of the hour, greyed by the weather."""
    light = LIGHTS[spec.time][int(rng.integers(len(LIGHTS[spec.time])))]
    grey = {"clear": 0.0, "clouds": 0.12, "rain": 0.6, "storm": 0.75, "fog": 0.55, "snowfall": 0.5}[
        spec.weather
    ]
    dim = {"storm": 0.5, "rain": 0.75}.get(spec.weather, 1.0)
    flat = float(np.mean(light.horizon)) * 0.5 + float(np.mean(light.zenith)) * 0.4

    def change(colour) -> tuple[float, float, float]:
        mixed = _mix(colour, (flat * 0.94, flat * 0.98, flat * 1.04), grey) * dim
        return tuple(float(c) for c in mixed)

    tint = tuple(
        float(c) for c in _mix(light.tint, (np.mean(light.tint),) * 3, grey * 0.7) * (0.55 + 0.45 * dim)
    )
    stars = light.stars * (1.0 if spec.weather == "clear" else 0.35 if spec.weather == "clouds" else 0.0)
    return Light(change(light.zenith), change(light.horizon), light.sun, tint, stars, light.disc)


def _sky(canvas: Canvas, spec: Spec, light: Light, rng: np.random.Generator) -> tuple[float, float] | None:
    """Paint the sky; return the pixel of the sun or moon where there is one."""
    rows = np.arange(canvas.height, dtype=np.float32)
    share = np.clip(rows / max(canvas.horizon, 1), 0, 1)[:, None] ** rng.uniform(0.8, 1.6)
    canvas.rgb[:] = _mix(
        light.zenith, light.horizon, share[:, None] * np.ones((1, canvas.width, 1), np.float32)
    )
    if light.stars:
        count = int(canvas.width * canvas.height / 160 * light.stars)
        for _ in range(count):
            spot = (rng.uniform(0, canvas.width), rng.uniform(0, canvas.horizon))
            bright = rng.uniform(0.35, 1.0)
            canvas.disc(spot, rng.uniform(0.25, 0.6) * canvas.height / 128, np.full(3, bright), FAR)
    place = None
    if spec.disc:
        low = spec.time in ("dawn", "sunset")
        up = rng.uniform(0.03, 0.28) if low else rng.uniform(0.3, 0.75)
        place = (rng.uniform(0.12, 0.88) * canvas.width, canvas.horizon * (1 - up))
        radius = canvas.height * rng.uniform(0.035, 0.07) * (1.25 if low else 1.0)
        glow(canvas, place, radius * (4.5 if low else 2.4), light.sun, 0.75 if low else 0.45)
        canvas.disc(place, radius, np.array(light.sun), FAR)
        if light.disc == "moon":
            for _ in range(3):
                spot = (place[0] + rng.normal(0, radius * 0.4), place[1] + rng.normal(0, radius * 0.4))
                canvas.disc(spot, radius * 0.16, np.array(light.sun) * 0.88, FAR)
        canvas.side = 1.0 if place[0] > canvas.width / 2 else -1.0
    if spec.weather != "clear":
        _clouds(canvas, spec, light, rng)
    return place


def _clouds(canvas: Canvas, spec: Spec, light: Light, rng: np.random.Generator) -> None:
    """Noise on a ceiling seen in perspective, bright where it faces the sun."""
    top = max(2, int(canvas.horizon))
    yy, xx = np.mgrid[:top, : canvas.width].astype(np.float32)
    distance = canvas.focal * 0.9 / (canvas.horizon - yy + canvas.height * 0.12)
    u = (xx - canvas.width / 2) * distance / canvas.focal * 0.22 + rng.random()
    v = distance * 0.26 + rng.random()
    layer = int(rng.integers(8))
    density = noise.sample(layer, u, v)
    above = noise.sample(layer, u, v + 0.02)
    cover = {"clouds": rng.uniform(0.45, 0.6), "storm": 0.25, "rain": 0.3, "fog": 0.35, "snowfall": 0.35}[
        spec.weather
    ]
    opacity = np.clip((density - cover) / 0.22, 0, 1)[..., None] * 0.92
    bright = np.clip(0.75 + (density - above) * 3.0, 0.35, 1.1)[..., None]
    white = _mix(
        light.horizon, (1.0, 1.0, 1.0), 0.6 if spec.weather == "clouds" and spec.time != "night" else 0.06
    )
    canvas.rgb[:top] = canvas.rgb[:top] * (1 - opacity) + white * bright * opacity


def _ridges(canvas: Canvas, spec: Spec, rng: np.random.Generator) -> None:
    """Rows of hills or mountains at the horizon, the farther the paler."""
    if spec.ridge == "none":
        return
    tall = {"hills": 0.10, "mountains": 0.30, "peaks": 0.34}[spec.ridge]
    columns = canvas.width
    yy = np.arange(canvas.height, dtype=np.float32)[:, None]
    xs = np.linspace(0, 1.5, columns, dtype=np.float32)[None]
    for step, distance in enumerate((9.2, 8.0, 6.6)[: 2 + int(rng.random() < 0.5)]):
        start = rng.uniform(0, 10)
        outline = noise.line(int(rng.integers(8)), start, 0.22 if spec.ridge == "hills" else 0.42, columns)
        rise = (0.25 + outline * 0.9) * tall * (1.0 - 0.22 * step) * canvas.height * rng.uniform(0.8, 1.15)
        edge = canvas.horizon - rise[None]
        cover = np.clip(yy - edge + 0.5, 0, 1) * (yy < canvas.horizon + 1)
        slope = noise.sample(step + 3, xs * 1.6 + start, yy / canvas.height * 1.3 + 0.4 * outline[None])
        shade = (0.62 + 0.6 * slope)[..., None]
        rock = np.array(
            {"hills": (0.26, 0.40, 0.22), "mountains": (0.40, 0.36, 0.36)}.get(spec.ridge, (0.38, 0.38, 0.44))
        )
        if spec.ground == "desert" and spec.ridge == "hills":
            rock = np.array((0.62, 0.44, 0.28))
        colour = rock * np.ones((canvas.height, columns, 1))
        altitude = (canvas.horizon - yy) / max(float(rise.max()), 1.0)
        white = np.clip(
            (altitude + 0.25 * (slope - 0.5) - (0.34 if spec.ridge == "peaks" else 2.0)) * 9, 0, 1
        )
        if spec.ground == "snow":
            white = np.maximum(white, 0.55)
        colour = colour * (1 - white[..., None]) + np.array((0.95, 0.97, 1.0)) * white[..., None]
        fade = 1 - np.exp(-0.085 * distance * (1.25 - 0.2 * step))
        seen = np.clip(colour * shade * canvas.tint, 0, 1) * (1 - fade) + canvas.haze * fade
        canvas.rgb += (seen.astype(np.float32) - canvas.rgb) * cover[..., None].astype(np.float32)
        canvas.depth[cover > 0.5] = distance


def _ground(canvas: Canvas, spec: Spec, light: Light, place, rng: np.random.Generator) -> None:
    """A plane below the horizon with its texture in perspective; water mirrors what stands above it."""
    top = int(np.ceil(canvas.horizon))
    yy, xx = np.mgrid[top : canvas.height, : canvas.width].astype(np.float32)
    below = np.maximum(yy - canvas.horizon, 0.35)
    distance = canvas.eye * canvas.focal / below
    across = (xx - canvas.width / 2) * distance / canvas.focal
    shown = np.minimum(distance, FAR)
    u0, v0 = rng.random(2)
    layer = int(rng.integers(8))
    low, high = (np.array(c, np.float32) for c in GROUNDS[spec.ground])
    if spec.ground in WATER:
        wave = noise.sample(
            layer, across * 0.30 + u0, distance * (0.95 if spec.ground == "sea" else 0.5) + v0
        )
        fine = noise.sample(layer + 1, across * 0.9 + u0, distance * 3.1 + v0)
        chop = {"storm": 1.5, "rain": 1.1}.get(spec.weather, 0.7) * (1.0 if spec.ground == "sea" else 0.45)
        mirror_row = np.clip(2 * canvas.horizon - yy + (wave - 0.5) * 16 * chop, 0, max(top - 1, 0)).astype(
            np.float32
        )
        mirror_col = (xx + (fine - 0.5) * 10 * chop).astype(np.float32)
        reflected = cv2.remap(
            canvas.rgb, mirror_col, mirror_row, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT
        )
        water = _mix(low, high, wave[..., None]) * canvas.tint
        fresnel = np.clip(0.25 + 0.09 * distance, 0, 0.72 if spec.ground == "lake" else 0.6)[..., None]
        colour = water * (1 - fresnel) + reflected * fresnel
        crest = np.clip((wave * 0.6 + fine * 0.5 - (0.72 if spec.weather == "storm" else 0.84)) * 8, 0, 1)[
            ..., None
        ]
        if spec.ground == "sea":
            colour = colour + (np.array((0.95, 0.97, 0.98)) * canvas.tint - colour) * crest * 0.8
        if place is not None:
            near = np.exp(-(((xx - place[0]) / (canvas.width * 0.05 + below * 0.35)) ** 2))
            colour = colour + np.array(light.sun) * (near * np.clip(fine - 0.42, 0, 1) * 1.5)[..., None]
    else:
        scale = {"desert": 0.22, "snow": 0.2, "field": 0.4}.get(spec.ground, 0.5)
        broad = noise.sample(layer, across * scale + u0, distance * scale + v0)
        fine = noise.sample(layer + 1, across * 1.7 + u0, distance * 1.7 + v0)
        blend = np.clip(broad * 0.75 + fine * 0.35 - 0.05, 0, 1)
        if spec.ground == "field":
            furrow = 0.5 + 0.5 * np.sin(across * 22 + u0 * 40)
            blend = np.clip(blend * 0.6 + 0.4 * furrow * np.exp(-distance * 0.25), 0, 1)
        if spec.ground in ("desert", "snow"):
            ripple = np.sin(distance * 9 + broad * 16) * 0.5 + 0.5
            blend = np.clip(blend + 0.18 * (ripple - 0.5) * np.exp(-distance * 0.2), 0, 1)
        colour = _mix(low, high, blend[..., None]) * canvas.tint
    clear = np.exp(-0.055 * shown)[..., None]
    seen = np.clip(colour, 0, 1) * clear + canvas.haze * (1 - clear)
    blend_edge = np.clip(yy - canvas.horizon, 0, 1)[..., None]
    canvas.rgb[top:] = canvas.rgb[top:] * (1 - blend_edge) + seen * blend_edge
    canvas.depth[top:] = shown


def _wood(canvas: Canvas, spec: Spec, rng: np.random.Generator) -> None:
    """Trees on land, from far to near: many in a forest, a few elsewhere."""
    count = {"forest": int(rng.integers(50, 90)), "meadow": 7, "snow": 9, "field": 4}.get(spec.ground, 0)
    if spec.ground != "forest":
        count = int(rng.integers(0, count + 1))
    nearest = 1.5 if spec.ground == "forest" else 2.2
    distances = np.sort(1 / rng.uniform(1 / 8.5, 1 / nearest, count))[::-1]
    for distance in distances:
        x = rng.uniform(-0.05, 1.05) * canvas.width
        if spec.thing != "none" and distance < 3.2 and abs(x / canvas.width - 0.5) < 0.3:
            continue
        size = rng.uniform(0.55, 0.95)
        if spec.ground in ("forest", "snow") or rng.random() < 0.3:
            pine(
                canvas,
                x,
                distance,
                size,
                spec.ground == "snow" or spec.weather == "snowfall",
                rng.uniform(0.75, 1.2),
            )
        else:
            tree(canvas, x, distance, None, rng, False, size * 0.8)


def _fog(canvas: Canvas, spec: Spec) -> None:
    """Air that hides what is far."""
    density = {"fog": 0.30, "snowfall": 0.11, "rain": 0.09, "storm": 0.05}.get(spec.weather, 0.0)
    share = (1 - np.exp(-density * canvas.depth))[..., None]
    canvas.rgb += (canvas.haze - canvas.rgb) * share


def _falling(rgb: np.ndarray, spec: Spec, haze: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Rain and snow in front of the lens; they have no depth of their own."""
    height, width = rgb.shape[:2]
    scale = height / 128
    bright = _mix(haze, (1, 1, 1), 0.5)
    if spec.weather in WET:
        layer = rgb.copy()
        lean = rng.uniform(-0.35, 0.35)
        for _ in range(int(width * height / (190 * scale**2))):
            x, y, length = rng.uniform(0, width), rng.uniform(0, height), rng.uniform(4, 10) * scale
            ends = [tuple(round(c * 16) for c in p) for p in ((x, y), (x + lean * length, y + length))]
            cv2.line(layer, *ends, tuple(float(c) for c in bright), 1, cv2.LINE_AA, 4)
        return _mix(rgb, layer, 0.5)
    if spec.weather == "snowfall":
        layer = rgb.copy()
        for _ in range(int(width * height / (130 * scale**2))):
            spot = (round(rng.uniform(0, width) * 16), round(rng.uniform(0, height) * 16))
            radius = max(1, round(rng.uniform(0.4, 1.0) * scale * 16))
            cv2.circle(layer, spot, radius, tuple(float(c) for c in bright), -1, cv2.LINE_AA, 4)
        return _mix(rgb, layer, 0.85)
    return rgb


def _style(rgb: np.ndarray, spec: Spec, rng: np.random.Generator) -> np.ndarray:
    """Turn the picture into ink, watercolour or oil; ``rgb`` float32 in [0, 1]."""
    height, width = rgb.shape[:2]
    if spec.style == "ink":
        grey = cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY)
        edges = cv2.Laplacian(cv2.GaussianBlur(grey, (0, 0), height / 160), cv2.CV_32F, ksize=3)
        tone = np.clip((grey - 0.45) * 1.3 + 0.55 - np.minimum(np.abs(edges) * 1.3, 0.5), 0, 1)[..., None]
        paper = _mix((0.97, 0.94, 0.87), (0.97, 0.97, 0.95), rng.random())
        return tone * paper + (1 - tone) * np.array((0.07, 0.07, 0.09), np.float32)
    if spec.style == "watercolour":
        soft = cv2.bilateralFilter(rgb, 5, 0.25, height / 40)
        yy, xx = np.mgrid[:height, :width].astype(np.float32)
        blotch = noise.sample(int(rng.integers(8)), xx / height * 0.5 + rng.random(), yy / height * 0.5)
        grain = noise.sample(int(rng.integers(8)), xx / height * 3, yy / height * 3)
        wash = soft * 0.72 + 0.28 * np.array((0.99, 0.97, 0.92))
        wash = wash + ((blotch - 0.5) * 0.16 + (grain - 0.5) * 0.07)[..., None]
        edges = np.abs(cv2.Laplacian(cv2.cvtColor(soft, cv2.COLOR_RGB2GRAY), cv2.CV_32F, ksize=3))
        return np.clip(wash - np.minimum(0.25 * edges, 0.18)[..., None], 0, 1)
    if spec.style == "oil":
        side = max(3, int(height / 36) | 1)
        eight = cv2.medianBlur((np.clip(rgb, 0, 1) * 255 + 0.5).astype(np.uint8), side)
        paint = eight.astype(np.float32) / 255
        grey = paint.mean(axis=2, keepdims=True)
        yy, xx = np.mgrid[:height, :width].astype(np.float32)
        lean = rng.uniform(-0.8, 0.8)
        strokes = noise.sample(
            int(rng.integers(8)), (xx + yy * lean) / height * 0.9, (yy - xx * lean) / height * 2.6
        )
        return np.clip(grey + (paint - grey) * 1.25 + ((strokes - 0.5) * 0.11)[..., None], 0, 1)
    return rgb


def draw(spec: Spec, width: int, height: int) -> tuple[np.ndarray, np.ndarray]:
    """Paint one picture.

    Returns:
        the picture, uint8 H x W x 3 in RGB, and its depth, float32 H x W in (0, 10].
    """
    rng = np.random.default_rng((spec.seed, 2))
    canvas = Canvas(width, height, height * rng.uniform(0.36, 0.6), rng.uniform(0.22, 0.42))
    light = _light(spec, rng)
    canvas.tint = np.array(light.tint, np.float32)
    canvas.haze = np.array(light.horizon, np.float32)
    canvas.side = 1.0 if rng.random() < 0.5 else -1.0
    place = _sky(canvas, spec, light, rng)
    _ridges(canvas, spec, rng)
    _ground(canvas, spec, light, place, rng)
    _wood(canvas, spec, rng)
    if spec.thing != "none":
        x = width * (0.5 + rng.normal(0, 0.13))
        distance = 1 / rng.uniform(1 / 4.2, 1 / 1.55)
        dark = spec.time == "night" or spec.weather == "storm"
        colour = PAINTS.get(spec.paint, (0.6, 0.5, 0.35))
        if spec.thing == "tree":
            tree(canvas, x, distance, None, rng, False, 1.15)
        else:
            THINGS[spec.thing](canvas, x, distance, colour, rng, dark)
    _fog(canvas, spec)
    rgb = _style(np.clip(canvas.rgb, 0, 1).astype(np.float32), spec, rng)
    rgb = _falling(np.ascontiguousarray(rgb, np.float32), spec, canvas.haze, rng)
    return (np.clip(rgb, 0, 1) * 255 + 0.5).astype(np.uint8), np.maximum(canvas.depth, 0.2)
