"""The canvas on which a film that rolls is painted, so that the painter never sees it turned."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from animator.errors import Problem
from animator.keyframes import Curve
from animator.scene.fit import Fit
from animator.settings.scene import SIZE_STEP, Scene
from animator.types import Schedule

ROLL = {"2d": "camera.angle", "3d": "camera.rotation_3d_z"}
"""What turns the picture about the line of sight, by mode."""

LEAST_ROLL = 20.0
"""Degrees from the upright at which a film that decides by itself is painted upright. Less than that a
painter leaves as it is."""


def rolls(scene: Scene, table: Mapping[str, Any]) -> np.ndarray:
    """Return how far the picture is turned at each frame, in degrees counter-clockwise, 0 at the first.

    Args:
        scene: the scene, of mode 2d or 3d.
        table: of its timeline, a column a setting.
    """
    turned: np.ndarray = np.cumsum(np.asarray(table[ROLL[scene.mode]], np.float64))
    since_first: np.ndarray = turned - turned[0]
    return since_first


def canvas_of(scene: Scene, table: Mapping[str, Any]) -> tuple[int, int] | None:
    """Return the width and height that a film is painted at to be turned upright, or None where it is not.

    The canvas holds the frame at every angle that the film comes to, and is upright itself.

    Args:
        scene: the scene.
        table: of its timeline, a column a setting.
    """
    asked = scene.coherence.upright
    if asked == "never" or scene.mode not in ROLL or scene.diffusion.init_frames == "all":
        return None
    if scene.regions or scene.pictures:
        return None
    if asked == "auto" and scene.guidance.compat == "disco-5":
        return None
    turned = rolls(scene, table)
    if np.abs(turned).max(initial=0.0) < (LEAST_ROLL if asked == "auto" else 1e-9):
        return None
    angles = np.radians(turned)
    across, along = np.abs(np.cos(angles)), np.abs(np.sin(angles))
    width, height = scene.size
    sides = (width * across + height * along).max(), (width * along + height * across).max()
    # Less than a hundredth of a pixel is rounding, as at a turn of exactly 90 degrees.
    across_canvas, along_canvas = (math.ceil((side - 0.01) / SIZE_STEP) * SIZE_STEP for side in sides)
    return max(width, across_canvas), max(height, along_canvas)


def painted_size(scene: Scene, table: Mapping[str, Any]) -> tuple[int, int]:
    """Return the width and height of the pictures that are painted, in pixels."""
    return canvas_of(scene, table) or scene.size


def notice_upright(scene: Scene, values: Mapping[str, Curve | Schedule], fit: Fit) -> Iterator[Problem]:
    """Yield a roll that makes the painted pictures larger than the frames, and a wish that nothing meets."""
    table = {name: curve.values for name, curve in values.items() if isinstance(curve, Curve)}
    asked = fit.nodes.get("coherence.upright")
    if scene.mode not in ROLL or ROLL[scene.mode] not in table:
        return
    canvas = canvas_of(scene, table)
    if canvas is None:
        if asked is not None and scene.coherence.upright == "always":
            yield asked.key.problem(
                "coherence.upright",
                "has no effect beside regions or pictures, which are fixed to the frame"
                if scene.regions or scene.pictures
                else f"{ROLL[scene.mode]} turns no frame; nothing is done",
            )
        return
    node = fit.nodes.get(ROLL[scene.mode])
    if asked is not None or node is None:
        return
    times = canvas[0] * canvas[1] / (scene.size[0] * scene.size[1])
    message = (
        f"turns the picture, so that it is painted upright, at {canvas[0]} x {canvas[1]}: {times:.2g} times "
        "the pixels of a frame; coherence.upright: never paints what is seen, and networks may straighten it"
    )
    yield node.place.problem(ROLL[scene.mode], message)
