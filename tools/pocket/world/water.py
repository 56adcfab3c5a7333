"""Water: it mirrors what is painted above the horizon, glitters under the sun, and foams in a storm."""

from __future__ import annotations

import cv2
import numpy as np

from tools.pocket.world.canvas import Canvas
from tools.pocket.world.layout import Plane, texture
from tools.pocket.world.light import Light
from tools.pocket.world.spec import Spec

DEEP = {"sea": (0.02, 0.20, 0.36), "lake": (0.05, 0.20, 0.28), "river": (0.08, 0.26, 0.36)}
SHALLOW = {"sea": (0.10, 0.50, 0.60), "lake": (0.12, 0.34, 0.42), "river": (0.16, 0.42, 0.52)}
STORMY = ((0.03, 0.10, 0.13), (0.30, 0.46, 0.45))
FOAM = np.array((0.94, 0.97, 0.98), np.float32)

SWELL = {"storm": 1.0, "rain": 0.6, "snowfall": 0.5, "clouds": 0.46, "fog": 0.22, "clear": 0.4}
"""How high the waves of the sea go, by weather."""


def mirror(canvas: Canvas, plane: Plane, shake: np.ndarray | float) -> np.ndarray:
    """Return what is above the horizon as the plane mirrors it, n x W x 3.

    Near the horizon row for row; farther down the picture, where the rows above run out, ever slower.

    Args:
        canvas: painted down to its horizon.
        plane: its rows below.
        shake: pixels by which the waves shift the mirrored place, n x W or one number.
    """
    above = max(float(canvas.horizon), 2.0)
    height = above * np.tanh(plane.below / above) * 0.98
    row = np.clip(canvas.horizon - height + shake, 0, max(plane.top - 1, 0))
    column = plane.x + 0.7 * np.asarray(shake, np.float32)
    row, column = (np.ascontiguousarray(a, np.float32) for a in np.broadcast_arrays(row, column))
    return cv2.remap(canvas.rgb, column, row, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT_101)


def _tones(name: str, weather: str, tint: np.ndarray) -> np.ndarray:
    low, high = STORMY if weather == "storm" and name == "sea" else (DEEP[name], SHALLOW[name])
    result: np.ndarray = np.array((low, high), np.float32) * tint
    return result


def open_water(
    canvas: Canvas,
    plane: Plane,
    spec: Spec,
    light: Light,
    disc: tuple[float, float] | None,
    rng: np.random.Generator,
) -> np.ndarray:
    """Return the colour of the sea or of a lake, n x W x 3, lit but without haze."""
    name = "lake" if spec.ground == "lake" else "sea"
    swell = SWELL[spec.weather] * (0.15 if name == "lake" else 1.0)
    fine = texture(canvas, plane, rng, 2.0, stretch=4.0)
    bend = texture(canvas, plane, rng, 0.9, stretch=2.5)
    # waves too small to be told apart must not leave specks near the horizon
    seen = np.clip(plane.below * (8 / canvas.height), 0.08, 1)
    phase = (
        rng.uniform(0, np.pi) + np.log(plane.below / canvas.height) * (8.5 - 2.0 * swell) + (bend - 0.5) * 4.5
    )
    # |sin| makes round troughs and sharp crests, as waves have them
    height = (1 - np.abs(np.sin(phase))) * seen
    # the face that a wave turns to the viewer is darker than its back
    face = np.sin(2 * phase) * seen
    rough = (height - 0.35 - 0.30 * face + (fine - 0.5) * 0.8 * seen) * swell
    low, high = _tones(name, spec.weather, canvas.tint)
    share = np.clip(0.42 + (0.75 / (0.35 + swell)) * rough + 0.25 * (bend - 0.5), 0, 1)[..., None]
    colour = low + (high - low) * share
    reflected = mirror(canvas, plane, rough * (canvas.height * 0.11))
    # Schlick's form of Fresnel's law: the flatter the view, the more water mirrors
    flat = 1 - canvas.eye / np.sqrt(canvas.eye**2 + plane.distance**2)
    least, most = (0.42, 0.90) if name == "lake" else (0.16, 0.62 - 0.36 * swell)
    mirrored = (least + (most - least) * flat**3)[..., None]
    colour += (reflected - colour) * mirrored
    if name == "sea":
        foam = np.clip((height + 0.7 * (fine - 0.5) - (1.16 - 0.38 * swell)) * 7, 0, 1) * (0.35 + 0.6 * swell)
        colour += (FOAM * (0.25 + 0.75 * canvas.tint) - colour) * foam[..., None]
    if disc is not None:
        colour += _glitter(canvas, plane, disc, fine, light)
    result: np.ndarray = colour
    return result


def _glitter(
    canvas: Canvas, plane: Plane, disc: tuple[float, float], fine: np.ndarray, light: Light
) -> np.ndarray:
    """Return the path of light under the sun or moon: flecks, dense in the middle, wider when near."""
    wide = canvas.height * 0.045 + 0.22 * plane.below
    near = np.exp(-(((plane.x - disc[0]) / wide) ** 2))
    rows = 0.5 + 0.5 * np.sin(26 * np.log(plane.below / canvas.height) + 7 * fine)
    flecks = np.clip((0.5 * rows + 0.6 * fine + 0.35 * near - 0.72) * 5, 0, 1) * near
    result: np.ndarray = (0.14 * near + 0.72 * flecks)[..., None] * np.array(light.sun, np.float32)
    return result


def flowing_water(canvas: Canvas, plane: Plane, spec: Spec, rng: np.random.Generator) -> np.ndarray:
    """Return the colour of a river all over the plane, n x W x 3, lit but without haze."""
    ripple = texture(canvas, plane, rng, 1.6, stretch=4.0)
    low, high = _tones("river", spec.weather, canvas.tint)
    colour = low + (high - low) * ripple[..., None]
    reflected = mirror(canvas, plane, (ripple - 0.5) * (canvas.height * 0.05))
    result: np.ndarray = colour + (reflected - colour) * np.float32(0.55)
    return result
