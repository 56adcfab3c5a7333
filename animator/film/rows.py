"""The camera's move at a frame, read from its row of the timeline."""

from __future__ import annotations

from typing import TYPE_CHECKING

from animator.types import Camera, Move2D

if TYPE_CHECKING:
    from animator.keyframes.timeline import Row


def move_2d(row: Row) -> Move2D:
    """Return the 2D move of a row."""
    names = ("angle", "zoom", "translation_x", "translation_y")
    return Move2D(**{name: row[f"camera.{name}"] for name in names})


def camera_3d(row: Row) -> Camera:
    """Return the 3D move of a row."""
    moves = [f"{kind}_{axis}" for kind in ("translation", "rotation_3d") for axis in "xyz"]
    return Camera(**{name: row[f"camera.{name}"] for name in (*moves, "fov", "near_plane", "far_plane")})
