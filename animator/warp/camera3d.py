"""The camera in 3D: where the points of a picture are seen after a move. Pure geometry, no colours.

Axes, signs and units are in ``docs/conventions.md``.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np
import torch
from torch import Tensor

from animator.types import Camera
from animator.warp.sampling import corner_spans

if TYPE_CHECKING:
    from typing import TypeAlias

    from animator.types import DepthMap

    Projection: TypeAlias = Literal["disco", "pinhole"]

UNITS_PER_DEPTH = 200.0
"""Disco's units of translation in one unit of depth."""

NEAREST = 1e-3
"""Depth below which a point counts as behind the camera; keeps the projection's quotient finite."""


@dataclass(frozen=True)
class Turned:
    """A frame in whose axes a move acts on a larger picture around it that is not turned with it.

    Attributes:
        width: of the frame in pixels.
        height: of the frame in pixels.
        roll: how far what it shows is turned, in degrees counter-clockwise.
    """

    width: int
    height: int
    roll: float


def rotation_matrix(pitch: float, yaw: float, roll: float) -> np.ndarray:
    """Return ``Rx(pitch) Ry(yaw) Rz(roll)``, the turn of the camera itself: float64, 3 x 3.

    For column vectors. These are the intrinsic Tait-Bryan angles "XYZ"; each factor turns by the
    right-hand rule about its axis.

    Args:
        pitch: about x (right), in degrees.
        yaw: about y (down), in degrees.
        roll: about z (forwards), in degrees.
    """
    (cx, sx), (cy, sy), (cz, sz) = (
        (math.cos(angle), math.sin(angle)) for angle in map(math.radians, (pitch, yaw, roll))
    )
    about_x = np.array([[1, 0, 0], [0, cx, -sx], [0, sx, cx]])
    about_y = np.array([[cy, 0, sy], [0, 1, 0], [-sy, 0, cy]])
    about_z = np.array([[cz, -sz, 0], [sz, cz, 0], [0, 0, 1]])
    result: np.ndarray = about_x @ about_y @ about_z
    return result


def camera_rotation(camera: Camera) -> np.ndarray:
    """Return the rotation of a camera's move (see `rotation_matrix`)."""
    return rotation_matrix(camera.rotation_3d_x, camera.rotation_3d_y, camera.rotation_3d_z)


def camera_translation(camera: Camera) -> np.ndarray:
    """Return what a camera's move adds to every point: float64, 3 values in units of depth.

    x and z change sign, because the world moves against the camera; y does not, so that a positive
    ``translation_y`` moves the picture down, as in Disco Diffusion.
    """
    moved = np.array([-camera.translation_x, camera.translation_y, -camera.translation_z])
    return moved / UNITS_PER_DEPTH


def is_still(camera: Camera) -> bool:
    """Return whether a camera's move is no move at all."""
    return not any(
        (
            camera.translation_x,
            camera.translation_y,
            camera.translation_z,
            camera.rotation_3d_x,
            camera.rotation_3d_y,
            camera.rotation_3d_z,
        )
    )


def project_offsets(
    depth: DepthMap,
    rotation: np.ndarray,
    translation: np.ndarray,
    fov: float,
    projection: Projection = "disco",
    turned: Turned | None = None,
) -> tuple[Tensor, Tensor]:
    """Return how far every pixel of a picture is seen to move.

    a pixel is in the world at ``X``, the move takes it to ``X' = R^T X + T``, and the offset is the
    difference of its two projections ``(X / Z) / spread``. With x and y in [-1, 1] from corner to corner:

    - ``disco``: ``X = (x, y, depth)``, ``spread = tan(fov / 2)``. The frustum is a box: what is far is seen
      narrower, so a move forwards acts with the square of the nearness (Disco Diffusion's 3D warp). Both axes
      have the same angle of view whatever the picture's shape.
    - ``pinhole``: ``X = (x * depth * spread_x, y * depth * spread_y, depth)``, ``spread_y = tan(fov / 2)``,
      ``spread_x`` the same times width / height. The frustum is a pyramid, as in a camera.

    Args:
        depth: distance of every pixel.
        rotation: turn of the camera (see `rotation_matrix`).
        translation: what is added to every point, in units of depth (see `camera_translation`).
        fov: angle of view in degrees, between 0 and 180.
        projection: which of the two.
        turned: the frame in the middle of the picture in whose axes and units all this is, where that is
            not the picture itself.

    Returns:
        The offsets, float32, H x W x 2, in units in which the picture is 2 wide and 2 high; and the depth of
        every pixel after the move, float32, H x W, not positive where it came to lie behind the camera.
    """
    height, width = depth.shape
    tangent = math.tan(math.radians(fov) / 2)
    corners = corner_spans(height, width, depth.device)
    if turned is not None:
        corners, back = _axes_of(turned, corners)
        height, width = turned.height, turned.width
    z = depth.float().clamp(min=NEAREST)[..., None]
    if projection == "pinhole":
        spread = corners.new_tensor((tangent * width / height, tangent))
        world_xy = corners * z * spread
    else:
        spread = corners.new_tensor((tangent, tangent))
        world_xy = corners
    turn = torch.from_numpy(rotation).to(corners)
    shift = torch.from_numpy(translation).to(corners)
    moved = torch.cat((world_xy, z), dim=-1) @ turn + shift  # row vectors: (R^T X)^T = X^T R
    seen = moved[..., :2] / moved[..., 2:].clamp(min=NEAREST)
    offsets = (seen - world_xy / z) / spread
    return offsets if turned is None else offsets @ back, moved[..., 2]


def _axes_of(turned: Turned, corners: Tensor) -> tuple[Tensor, Tensor]:
    """Return the places of a picture's pixels in the units and axes of a frame, and the matrix back to it."""
    height, width = corners.shape[:2]
    cos, sin = math.cos(math.radians(turned.roll)), math.sin(math.radians(turned.roll))
    turn = np.array([[cos, sin], [-sin, cos]])
    outer = np.array([width - 1, height - 1]) / 2
    inner = np.array([turned.width - 1, turned.height - 1]) / 2
    # For row vectors: pixels of the picture, turned, in units of the frame.
    there = (outer[:, None] * turn.T) / inner
    as_tensor = torch.from_numpy(there).to(corners)
    return corners @ as_tensor, torch.from_numpy(np.linalg.inv(there)).to(corners)
