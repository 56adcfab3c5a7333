"""The camera path that nerfstudio's viewer exports: poses by time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from animator.errors import UsageError
from animator.scene.camera_poses import FLIPPED, Poses

MAX_CAMERAS = 200_000
"""Most cameras of a path."""

RIGID = 1e-3
"""How far the columns of a rotation may be from unit length and from right angles."""


def read_nerfstudio(data: Mapping[str, Any], file: str, fps: float) -> tuple[Poses, float]:
    """Read nerfstudio's path: matrices from each camera to the world, y up, and vertical fields of view.

    A number ``scale`` beside nerfstudio's own keys says how many units of depth a unit of its path is; 1
    without it.

    Args:
        data: the file's tree.
        file: its name for messages.
        fps: frames a second of the film.

    Returns:
        The poses at frames of the film, and the time of the last in seconds.

    Raises:
        UsageError: the path is not sound; the message names the camera.
    """
    cameras = _cameras(data, file)
    matrices = np.array([_matrix(camera, f"{file}: camera {n}") for n, camera in enumerate(cameras)])
    scale = _number(data, "scale", 1.0, file)
    own_fps = _number(data, "fps", fps, file)
    seconds = _number(data, "seconds", len(cameras) / own_fps, file)
    times = np.arange(len(cameras)) * seconds / len(cameras)
    fov = None
    if all("fov" in camera for camera in cameras):
        fov = np.array([_number(one, "fov", 0.0, f"{file}: camera {n}") for n, one in enumerate(cameras)])
    return Poses(times * fps, matrices[:, :3, :3] @ FLIPPED, matrices[:, :3, 3] * scale, fov), float(
        times[-1]
    )


def _cameras(data: Mapping[str, Any], file: str) -> list[Mapping[str, Any]]:
    cameras = data.get("camera_path")
    if not isinstance(cameras, list) or not cameras or len(cameras) > MAX_CAMERAS:
        raise UsageError(
            f"{file}: has no camera_path, a list of 1 to {MAX_CAMERAS} cameras, as nerfstudio exports it"
        )
    for number, camera in enumerate(cameras):
        if not isinstance(camera, dict):
            raise UsageError(f"{file}: camera {number}: expected {{camera_to_world: …, fov: …}}")
    return cameras


def _matrix(camera: Mapping[str, Any], where: str) -> np.ndarray:
    """Return a camera's pose, 4 x 4; raises UsageError where it is none."""
    entry = camera.get("camera_to_world")
    numbers = _flat(entry) if isinstance(entry, list) else []
    if len(numbers) != 16:
        raise UsageError(f"{where}: camera_to_world has {len(numbers)} numbers, expected 16, row by row")
    if not all(type(one) in (int, float) and abs(one) < 1e12 for one in numbers):
        raise UsageError(f"{where}: camera_to_world holds what is no number below 1e12; export it again")
    matrix = np.array(numbers, np.float64).reshape(4, 4)
    turn = matrix[:3, :3]
    rigid = np.allclose(turn.T @ turn, np.eye(3), atol=RIGID) and np.linalg.det(turn) > 0
    if not rigid or not np.allclose(matrix[3], (0, 0, 0, 1), atol=RIGID):
        raise UsageError(
            f"{where}: camera_to_world is no rotation and position above a last row of 0, 0, 0, 1; write it "
            "row by row"
        )
    return matrix


def _flat(entry: Sequence[Any]) -> list[Any]:
    """Return the numbers of a matrix that is written as a list, or as a list of its rows."""
    return [one for row in entry for one in (row if isinstance(row, list) else [row])]


def _number(section: Mapping[str, Any], key: str, default: float, where: str) -> float:
    value = section.get(key, default)
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value < 1e9:
        raise UsageError(f"{where}: {key} is {str(value)[:40]}, expected a positive number")
    return float(value)
