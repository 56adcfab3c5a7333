"""How a camera moves: the keys that Disco Diffusion and its heirs share, by mode."""

from __future__ import annotations

import math
from typing import Any

from animator.importing.job import Job

PLANE = ("angle", "zoom")
"""Moves of a picture, in mode 2d."""

BOTH = ("translation_x", "translation_y")
SPACE = ("translation_z", "rotation_3d_x", "rotation_3d_y", "rotation_3d_z")
"""Moves of a camera, in mode 3d."""

MOVES = (*PLANE, *BOTH, *SPACE)
LENS = {
    **{"fov": "camera.fov", "fov_schedule": "camera.fov"},
    **{"near_plane": "camera.near_plane", "near_schedule": "camera.near_plane"},
    **{"far_plane": "camera.far_plane", "far_schedule": "camera.far_plane"},
}
DEGREES = 180 / math.pi


def take_move(job: Job, name: str, value: Any, move: str, radians: bool = False) -> None:
    """Carry one move over, where the film's mode has it.

    Args:
        job: the file.
        name: its key.
        value: its keyframes.
        move: one of `MOVES`.
        radians: whether rotations are in radians.
    """
    mode = job.draft.mode
    why = unmoved(mode, move)
    if why:
        job.draft.drop(name, why)
        return
    turned = radians and move.startswith("rotation")
    job.curve(name, f"camera.{move}", value, factor=DEGREES if turned else 1.0)
    if turned and f"camera.{move}" in job.draft.values:
        job.draft.note(name, "carried", f"camera.{move}", "radians there, degrees here")


def unmoved(mode: str, move: str) -> str:
    """Return why a mode has no such move; an empty text where it has."""
    if mode == "still":
        return "a still does not move"
    if mode == "video":
        return "footage moves by itself"
    if mode == "2d" and move in SPACE:
        return "a move through depth, which mode 2d has not"
    if mode == "3d" and move in PLANE:
        return "a move of the picture, which mode 3d has not"
    return ""


def take_lens(job: Job, name: str, value: Any, place: str) -> None:
    """Carry the field of view or a plane over, which mode 3d alone has."""
    if job.draft.mode != "3d":
        job.draft.drop(name, f"mode {job.draft.mode} has no lens")
    else:
        job.curve(name, place, value)
