"""The moves of a shot's camera on the canvas that is painted, there and back."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from scipy.spatial.transform import Rotation

from animator.film.rows import camera_3d, move_2d
from animator.film.upright import turned, upright_2d, upright_3d
from animator.types import Camera, Move2D
from animator.warp.camera3d import UNITS_PER_DEPTH, Turned, camera_rotation, camera_translation

if TYPE_CHECKING:
    from animator.film.shot import Shot
    from animator.keyframes.timeline import Row


def canvas_2d(row: Row, shot: Shot, frame: int) -> Move2D:
    """Return the move to a frame in 2D; ``row`` holds it."""
    move = move_2d(row)
    return move if shot.upright is None else upright_2d(move, shot.upright.before(frame))


def canvas_3d(row: Row, shot: Shot, frame: int) -> tuple[Camera, Turned | None]:
    """Return the move to a frame in 3D, and the frame in whose axes it acts; ``row`` holds it."""
    camera = camera_3d(row)
    if shot.upright is None:
        return camera, None
    return upright_3d(camera, shot.width, shot.height, shot.upright.before(frame))


def back_2d(move: Move2D) -> Move2D:
    """Return the move that takes a 2D move back.

    ``x' = z R (x + t)`` is undone by ``x = (1/z) R^-1 (x' - z R t)``.
    """
    x, y = turned(move.translation_x * move.zoom, move.translation_y * move.zoom, move.angle)
    return Move2D(-move.angle, 1 / move.zoom, -x, -y)


def back_3d(camera: Camera) -> Camera:
    """Return the move that takes a camera's move back.

    ``X' = R^T X + T`` is undone by ``X = R X' - R T``, that is by the turn ``R^T`` and the shift ``-R T``.
    """
    rotation = camera_rotation(camera)
    x, y, z = -rotation @ camera_translation(camera) * UNITS_PER_DEPTH
    pitch, yaw, roll = Rotation.from_matrix(rotation.T).as_euler("XYZ", degrees=True)
    return replace(
        camera,
        translation_x=-float(x),
        translation_y=float(y),
        translation_z=-float(z),
        rotation_3d_x=float(pitch),
        rotation_3d_y=float(yaw),
        rotation_3d_z=float(roll),
    )
