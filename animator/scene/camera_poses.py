"""Cameras as other programs write them, one pose a frame.

These are Blender's ``.chan``, COLMAP's ``images.txt`` and instant-ngp's ``transforms.json``;
``docs/conventions.md`` has their axes.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from animator.errors import UsageError

MAX_POSES = 200_000
"""Most poses of a file."""

FLIPPED = np.diag((1.0, -1.0, -1.0))
"""From the axes of OpenGL's camera (y up, looks along -z) to those of a picture (y down, z forwards)."""

UNIT = 1e-2
"""How far the length of a quaternion may be from 1."""

_DIGITS = re.compile(r"(\d+)")


@dataclass(frozen=True)
class Poses:
    """Where a camera is and how it is turned.

    Attributes:
        at: frame of each pose, float64 of shape (F,), rising, the first 0.
        rotations: from the camera's axes (x right, y down, z forwards) to the world's, F x 3 x 3.
        positions: in the world, F x 3.
        fov: vertical field of view in degrees, shape (F,), or None where the file does not tell.
    """

    at: np.ndarray
    rotations: np.ndarray
    positions: np.ndarray
    fov: np.ndarray | None = None


def upright(turns: np.ndarray) -> np.ndarray:
    """Return the rotations in some matrices, F x 3 x 3, of what is scaled too.

    The look along z is kept, and y as near as it can be.

    Raises:
        ValueError: a matrix is flat or mirrors.
    """
    lengths = np.linalg.norm(turns, axis=1)
    if lengths.min() < 1e-12 or np.linalg.det(turns / lengths[:, None, :]).min() < 1e-6:
        raise ValueError("a node that mirrors what it carries, or makes it flat")
    z = turns[:, :, 2] / lengths[:, 2:]
    x = np.cross(turns[:, :, 1], z)
    x /= np.linalg.norm(x, axis=1, keepdims=True)
    return np.stack([x, np.cross(z, x), z], -1)


def is_colmap(text: str) -> bool:
    """Return whether a text is COLMAP's list of images."""
    return any(_colmap_row(line.split()) is not None for line in text[:20_000].splitlines())


def read_chan(text: str, file: str) -> Poses:
    """Read Blender's ``.chan``: frame, position, rotation in degrees, vertical field of view.

    Angles turn about x, then y, then z, as Blender exports them unless told otherwise.

    Raises:
        UsageError: a row is not seven or eight numbers, or there are none.
    """
    from scipy.spatial.transform import Rotation

    rows = []
    for number, line in enumerate(text.splitlines(), 1):
        cells = line.split()
        if not cells or cells[0].startswith("#"):
            continue
        try:
            values = [float(cell) for cell in cells]
        except ValueError:
            raise UsageError(f"{file}:{number}: {line.strip()[:40]!r} is no row of numbers") from None
        if len(values) not in (7, 8) or not all(map(math.isfinite, values)):
            raise UsageError(f"{file}:{number}: has {len(values)} numbers, expected 7 or 8")
        rows.append(values)
    _counted(rows, file)
    order = sorted(rows, key=lambda row: row[0])
    table = np.array([row[:7] for row in order])
    _rising(table[:, 0], file)
    turns = Rotation.from_euler("xyz", table[:, 4:7], degrees=True).as_matrix()
    fov = np.array([row[7] for row in order]) if all(len(row) == 8 for row in order) else None
    return Poses(table[:, 0] - table[0, 0], turns @ FLIPPED, table[:, 1:4], fov)


def read_colmap(text: str, file: str) -> Poses:
    """Read COLMAP's ``images.txt``: for each image a quaternion and a way from the world to the camera.

    The frames are the images in the order of their names.

    Raises:
        UsageError: there is no image in it.
    """
    from scipy.spatial.transform import Rotation

    rows = [row for line in text.splitlines() if (row := _colmap_row(line.split())) is not None]
    _counted(rows, file)
    rows.sort(key=lambda row: natural(row[0]))
    quaternions = np.array([row[1] for row in rows])[:, [1, 2, 3, 0]]
    to_world = np.swapaxes(Rotation.from_quat(quaternions).as_matrix(), 1, 2)
    positions = -np.einsum("fij,fj->fi", to_world, np.array([row[2] for row in rows]))
    return Poses(np.arange(len(rows), dtype=np.float64), to_world, positions)


def _colmap_row(cells: Sequence[str]) -> tuple[str, list[float], list[float]] | None:
    """Return name, quaternion (w first) and way of an image's line; None of any other line."""
    if len(cells) < 10 or not cells[0].isdecimal() or not cells[8].isdecimal():
        return None
    try:
        numbers = [float(cell) for cell in cells[1:8]]
    except ValueError:
        return None
    length = math.sqrt(sum(value * value for value in numbers[:4]))
    if not all(map(math.isfinite, numbers)) or abs(length - 1) > UNIT:
        return None
    return " ".join(cells[9:]), numbers[:4], numbers[4:]


def read_transforms(tree: Mapping[str, Any], file: str) -> Poses:
    """Read instant-ngp's ``transforms.json``: a matrix from each camera to the world, y up.

    The frames are the pictures in the order of their names.

    Raises:
        UsageError: a matrix is none.
    """
    frames = [one for one in tree["frames"] if isinstance(one, Mapping)]
    _counted(frames, file)
    frames.sort(key=lambda one: natural(str(one.get("file_path", ""))))
    matrices = np.array([_matrix(one.get("transform_matrix"), file, n) for n, one in enumerate(frames)])
    angle = vertical_angle(tree)
    fov = None if angle is None else np.full(len(frames), angle)
    at = np.arange(len(frames), dtype=np.float64)
    return Poses(at, matrices[:, :3, :3] @ FLIPPED, matrices[:, :3, 3], fov)


def vertical_angle(tree: Mapping[str, Any]) -> float | None:
    """Return the vertical field of view in degrees that instant-ngp's numbers give; None without them.

    >>> round(vertical_angle({"fl_y": 100, "h": 200}), 6), vertical_angle({})
    (90.0, None)
    """

    def number(key: str) -> float | None:
        value = tree.get(key)
        return float(value) if isinstance(value, int | float) and 0 < value < 1e9 else None

    high, wide = number("h"), number("w")
    focal, angle, across = (
        number("fl_y") or number("fl_x"),
        number("camera_angle_y"),
        number("camera_angle_x"),
    )
    if focal and high:
        return math.degrees(2 * math.atan(high / (2 * focal)))
    if angle and angle < math.pi:
        return math.degrees(angle)
    if across and across < math.pi and high and wide:
        return math.degrees(2 * math.atan(math.tan(across / 2) * high / wide))
    return None


def _matrix(entry: Any, file: str, number: int) -> np.ndarray:
    """Return a pose, 4 x 4; raises UsageError where it is none."""
    try:
        matrix = np.array(entry, np.float64)
    except (TypeError, ValueError):
        matrix = np.zeros(0)
    if matrix.shape not in ((4, 4), (3, 4)) or not np.isfinite(matrix).all():
        raise UsageError(f"{file}: frame {number}: transform_matrix is not 4 rows of 4 numbers")
    turn = matrix[:3, :3]
    if not np.allclose(turn.T @ turn, np.eye(3), atol=1e-3) or np.linalg.det(turn) <= 0:
        raise UsageError(f"{file}: frame {number}: transform_matrix is no rotation and position")
    return np.vstack([matrix[:3], (0.0, 0.0, 0.0, 1.0)])


def natural(name: str) -> list[tuple[int, int, str]]:
    """Return a key by which names are sorted so that 2 comes before 10."""
    parts = _DIGITS.split(name.lower())
    return [(0, int(part[:18]), "") if part.isdecimal() else (1, 0, part) for part in parts]


def _counted(rows: Sequence[Any], file: str) -> None:
    if not rows:
        raise UsageError(f"{file}: has no camera in it")
    if len(rows) > MAX_POSES:
        raise UsageError(f"{file}: has {len(rows)} cameras, {MAX_POSES} are allowed")


def _rising(frames: np.ndarray, file: str) -> None:
    if len(frames) > 1 and np.diff(frames).min() <= 0:
        twice = frames[int(np.argmin(np.diff(frames)))]
        raise UsageError(f"{file}: frame {twice:g} is given twice; keep one of its rows")
