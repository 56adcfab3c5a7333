"""Where things lie on the ground: the plane in perspective, the shore of the water, the course of a way."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tools.pocket.world import noise
from tools.pocket.world.canvas import FAR, Canvas
from tools.pocket.world.spec import Spec

SPARE = 1.0
"""The least rows between the horizon and the ground that is computed, so that no distance is infinite."""

WIDTHS = {"road": 0.22, "river": 0.36}
"""Widths of the ways in units of the world."""


@dataclass(frozen=True)
class Plane:
    """The rows of the picture that show the ground.

    Attributes:
        top: the first of these rows.
        below: rows under the horizon, n x 1 float32, at least `SPARE`.
        distance: depth of each row, eye x focal / (row - horizon), n x 1 float32, at most `FAR`.
        x: pixel columns, 1 x W float32.
    """

    top: int
    below: np.ndarray
    distance: np.ndarray
    x: np.ndarray


def plane_of(canvas: Canvas) -> Plane:
    """Return the part of a picture below its horizon; it may have no rows."""
    top = int(np.clip(np.floor(canvas.horizon) + 1, 0, canvas.height))
    rows = np.arange(top, canvas.height, dtype=np.float32)[:, None]
    exact = rows - np.float32(canvas.horizon)
    distance = np.minimum(canvas.eye * canvas.focal / np.maximum(exact, 1e-3), FAR)
    columns = np.arange(canvas.width, dtype=np.float32)[None]
    return Plane(top, np.maximum(exact, SPARE), distance.astype(np.float32), columns)


def tint_of(canvas: Canvas, spec: Spec) -> np.ndarray:
    """Return the factor on lit ground, RGB; snow stays whiter than other ground in coloured light."""
    if spec.season != "winter":
        return canvas.tint
    result: np.ndarray = (0.55 * canvas.tint + 0.45 * canvas.tint.max() * np.array((0.97, 0.99, 1.0))).astype(
        np.float32
    )
    return result


def texture(
    canvas: Canvas, plane: Plane, rng: np.random.Generator, scale: float, *, stretch: float = 1.0
) -> np.ndarray:
    """Return noise in [0, 1] that lies on the plane, n x W; ``stretch`` above 1 makes it broader than deep.

    Along the view it runs with the logarithm of the distance and across with its square root: grain becomes
    finer with distance, but not finer than the pixels.
    """
    u0, v0, layer = rng.random(), rng.random(), int(rng.integers(8))
    sink = plane.below / canvas.height
    u = (plane.x - canvas.width / 2) / canvas.height * (scale / stretch * 0.35 / np.sqrt(sink)) + u0
    v = np.log(sink) * (scale * 0.3) + v0
    return noise.sample(layer, u, v).astype(np.float32, copy=False)


def course(canvas: Canvas, spec: Spec, below: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the centre and half the width of the way, in pixels, ``below`` rows under the horizon.

    The way winds from the foot of the picture to its vanishing point; its width shrinks in true perspective.
    It follows from the picture's seed alone, so that whoever plants trees knows it too.
    """
    rng = np.random.default_rng((spec.seed, 5))
    near, far = rng.uniform(0.25, 0.75), rng.uniform(0.36, 0.64)
    swing = rng.uniform(0.12, 0.21) * float(rng.choice((-1, 1)))
    turns = rng.uniform(1.2, 2.2) if spec.way == "river" else rng.uniform(1.1, 1.7)
    if spec.thing == "bridge":
        near, far, swing = 0.5, 0.5, 0.4 * swing
    share = np.clip(below / max(canvas.height - canvas.horizon, 1.0), 0, 1.2)
    sway = swing * np.sin(2 * np.pi * turns * (1 - share**0.45)) * share**0.55
    centre = canvas.width * (far + (near - far) * share + sway)
    broad = WIDTHS[spec.way] * (0.55 + 0.9 * canvas.eye + rng.uniform(0, 0.3))
    return centre, 0.5 * broad * below / canvas.eye + 0.4


def land(canvas: Canvas, spec: Spec, below: np.ndarray, x: np.ndarray) -> np.ndarray:
    """Return how far inside of the land a place is, in pixels along its row or column; negative on water.

    Only a coast and a lake have a shore; it follows from the picture's seed alone.

    Args:
        canvas: the camera.
        spec: the picture.
        below: rows under the horizon, any shape.
        x: pixel columns; broadcast against ``below``.
    """
    rng = np.random.default_rng((spec.seed, 6))
    floor = max(canvas.height - canvas.horizon, 1.0)
    side = float(rng.choice((-1.0, 1.0)))
    across = x / canvas.width - 0.5
    wave = rng.uniform(0.6, 1.0) * np.sin(across * rng.uniform(4, 7) + rng.uniform(0, 6))
    if spec.ground == "lake":
        corner = side * across * rng.uniform(0.1, 0.5) + 1.1 * across**2
        front = rng.uniform(0.80, 0.88) if spec.thing == "none" else rng.uniform(0.90, 0.96)
        return below - floor * (front - 0.55 * corner + 0.02 * wave)
    if spec.thing in ("boat", "bridge") or (spec.thing == "none" and rng.random() < 0.6):
        depth = below / floor
        line = rng.uniform(-0.05, 0.05) + side * (0.30 - 0.62 * depth + 0.07 * np.sin(8 * np.sqrt(depth)))
        result: np.ndarray = side * (across - line) * 0.6 * canvas.width
        return result
    front = float(np.clip(canvas.eye * canvas.focal / rng.uniform(3.2, 4.4), 0.28 * floor, 0.5 * floor))
    return below - front * (1 + 0.22 * side * across * 2 + 0.12 * wave)
