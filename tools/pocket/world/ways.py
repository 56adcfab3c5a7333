"""Roads and rivers that wind over the ground into the distance."""

from __future__ import annotations

import numpy as np

from tools.pocket.world.canvas import Canvas
from tools.pocket.world.layout import Plane, course, plane_of, texture
from tools.pocket.world.light import Light
from tools.pocket.world.spec import Spec
from tools.pocket.world.water import flowing_water

SANDY = ((0.66, 0.50, 0.32), (0.86, 0.72, 0.50))
GREY = ((0.34, 0.34, 0.36), (0.50, 0.50, 0.52))
TRODDEN = ((0.56, 0.58, 0.66), (0.78, 0.80, 0.88))
PALE = ((0.90, 0.78, 0.56), (1.00, 0.92, 0.72))
"""Roads in sand are paler than it, so that they can be told from it."""


def paint_way(canvas: Canvas, spec: Spec, light: Light, rng: np.random.Generator) -> None:
    """Paint the road or river of a picture onto its ground; the depth stays that of the ground.

    Args:
        canvas: with sky, ridges and ground; painted in place.
        spec: the picture; nothing is painted where its way is none.
        light: of the hour.
        rng: decides surface and texture.
    """
    plane = plane_of(canvas)
    if spec.way == "none" or not len(plane.below):
        return
    centre, half = course(canvas, spec, plane.below)
    across = (plane.x - centre) / half
    if spec.way == "river":
        colour, verge = flowing_water(canvas, plane, spec, rng), _bank(spec)
        share = 1.35
    else:
        colour, verge = _road(canvas, plane, spec, across, rng), None
        share = 1.0
    clear = np.exp(-0.055 * plane.distance)[..., None]
    part = canvas.rgb[plane.top :]
    if verge is not None:
        edge = np.array(verge, np.float32) * canvas.tint
        _lay(part, edge * clear + canvas.haze * (1 - clear), across / share, half * share)
    _lay(part, np.clip(colour, 0, 1) * clear + canvas.haze * (1 - clear), across, half)


def _lay(part: np.ndarray, colour: np.ndarray, across: np.ndarray, half: np.ndarray) -> None:
    """Blend a colour into rows where ``abs(across) < 1``, with an edge one pixel soft."""
    cover = np.clip((1 - np.abs(across)) * half + 0.5, 0, 1)[..., None]
    part += (colour - part) * cover


def _bank(spec: Spec) -> tuple[float, float, float]:
    if spec.season == "winter":
        return (0.86, 0.90, 0.98)
    return {"autumn": (0.36, 0.25, 0.13), "spring": (0.34, 0.38, 0.14)}.get(spec.season, (0.40, 0.35, 0.18))


def _road(
    canvas: Canvas, plane: Plane, spec: Spec, across: np.ndarray, rng: np.random.Generator
) -> np.ndarray:
    """Return the lit colour of a track with two ruts, or of a grey road with a dashed line."""
    paved = rng.random() < 0.4
    grain = texture(canvas, plane, rng, 2.0)
    if spec.season == "winter":
        tones, paved = TRODDEN, False
    elif spec.ground == "desert":
        tones = GREY if paved else PALE
    else:
        tones = GREY if paved else SANDY
    low, high = np.array(tones, np.float32)
    if paved:
        colour = low + (high - low) * grain[..., None]
        dash = np.sin(2 * np.pi * plane.distance / 0.5 / (0.6 + canvas.eye)) > -0.1
        line = np.clip((0.09 - np.abs(across)) * 14, 0, 1) * dash
        line = np.maximum(line, np.clip((0.06 - np.abs(np.abs(across) - 0.88)) * 16, 0, 1))
        result: np.ndarray = (colour + (0.92 - colour) * line[..., None]) * canvas.tint
        return result
    rut = np.clip(1 - np.abs(np.abs(across) - 0.48) * 4.5, 0, 1)
    share = np.clip(0.55 + 0.6 * (grain - 0.5) - 0.6 * rut, 0, 1) + 0.3
    result = (low + (high - low) * np.clip(share, 0, 1)[..., None]) * canvas.tint
    return result
