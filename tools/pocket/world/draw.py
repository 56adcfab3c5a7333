"""Paint a `Spec` from back to front: sky, ridges, ground, way, trees, objects, air, style.

Colour and true depth come about together: every stroke writes both.
"""

from __future__ import annotations

import numpy as np

from tools.pocket.world.air import fill_air, paint_falling
from tools.pocket.world.canvas import Canvas
from tools.pocket.world.ground import paint_ground
from tools.pocket.world.light import light_of
from tools.pocket.world.ridges import paint_ridges
from tools.pocket.world.sky import paint_sky
from tools.pocket.world.spec import Spec
from tools.pocket.world.stage import paint_things
from tools.pocket.world.styles import paint_style
from tools.pocket.world.ways import paint_way
from tools.pocket.world.wood import paint_wood

VIEWS = {"normal": (36.0, 44.0), "wide": (56.0, 68.0), "tele": (22.0, 28.0)}
"""Vertical field of view in degrees, from and to, by lens."""

EYES = {"eye": (0.24, 0.42), "low": (0.10, 0.18), "aerial": (0.9, 1.4)}
"""Height of the camera in units of the world, from and to."""

HORIZONS = {"eye": (0.38, 0.60), "low": (0.60, 0.74), "aerial": (0.16, 0.32)}
"""Row of the horizon as a share of the picture's height, from and to."""


def open_canvas(spec: Spec, width: int, height: int, rng: np.random.Generator) -> Canvas:
    """Set up the camera and the light of a picture."""
    canvas = Canvas(
        width,
        height,
        horizon=height * rng.uniform(*HORIZONS[spec.height]),
        eye=rng.uniform(*EYES[spec.height]),
        view=rng.uniform(*VIEWS[spec.lens]),
    )
    canvas.side = 1.0 if rng.random() < 0.5 else -1.0
    canvas.dark = spec.time in ("night", "dusk") or spec.weather == "storm"
    return canvas


def draw(spec: Spec, width: int, height: int) -> tuple[np.ndarray, np.ndarray]:
    """Paint one picture.

    Returns:
        the picture, uint8 H x W x 3 in RGB, and its depth, float32 H x W in [0.2, 10].
    """
    rng = np.random.default_rng((spec.seed, 2))
    canvas = open_canvas(spec, width, height, rng)
    light = light_of(spec, rng)
    canvas.tint = np.array(light.tint, np.float32)
    canvas.haze = np.array(light.horizon, np.float32)
    disc = paint_sky(canvas, spec, light, rng)
    paint_ridges(canvas, spec, rng)
    paint_ground(canvas, spec, light, disc, rng)
    paint_way(canvas, spec, light, rng)
    paint_wood(canvas, spec, rng)
    paint_things(canvas, spec, rng)
    fill_air(canvas, spec)
    rgb = paint_style(np.clip(canvas.rgb, 0, 1), canvas.depth, spec, rng)
    rgb = paint_falling(rgb, spec, canvas.haze, rng)
    return (np.clip(rgb, 0, 1) * 255 + 0.5).astype(np.uint8), np.clip(canvas.depth, 0.2, None)
