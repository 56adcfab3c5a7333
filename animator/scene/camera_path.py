"""A camera path from a file in the place of the moves of a scene."""

from __future__ import annotations

import codecs
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from animator.errors import Problem, UsageError
from animator.keyframes import Clock, Curve
from animator.scene.camera_poses import Poses, is_colmap, read_chan, read_colmap, read_transforms
from animator.scene.camera_table import read_camera_table
from animator.scene.fit import Fit
from animator.scene.words import allowed
from animator.settings.scene import Scene
from animator.system.json_text import parse_json
from animator.system.safe_read import read_plain
from animator.types import Schedule

MAX_BYTES = 20_000_000
"""Size of the largest file that is read."""

MAX_CAMERAS = 200_000
"""Most cameras or rows of a path."""

TABLES = (".csv", ".tsv", ".txt")
"""Endings of the names of tables; every other file is taken for JSON."""

UTF_16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
"""How a text begins that a spreadsheet wrote as "Unicode"."""

UNITS_PER_DEPTH = 200.0
"""Disco's units of translation in one unit of depth, as in ``warp.camera3d``, which needs torch."""

RIGID = 1e-3
"""How far the columns of a rotation may be from unit length and from right angles."""

FLIPPED = np.diag((1.0, -1.0, -1.0))
"""From the axes of OpenGL's camera (y up, looks along -z) to those of a picture (y down, z forwards), and
back."""


@dataclass(frozen=True)
class CameraPath:
    """The camera of every frame of a film.

    Attributes:
        values: by dotted name (``camera.translation_z``), float64 of shape (frames,); what the file gives.
        notices: what may not be meant, a line each, beginning with the file.
    """

    values: Mapping[str, np.ndarray]
    notices: tuple[str, ...] = ()


def read_camera_path(path: Path, frames: int, fps: float) -> CameraPath:
    """Read a camera path: nerfstudio's ``camera_path.json``, a CSV with columns of the timeline, or poses.

    Poses are Blender's ``.chan``, COLMAP's ``images.txt`` and instant-ngp's ``transforms.json``, one a frame.

    A number ``scale`` beside nerfstudio's own keys says how many units of depth a unit of its path is; 1
    without it.

    Args:
        path: the file; what does not end as one of `TABLES` is taken for JSON.
        frames: length of the film.
        fps: frames a second of the film.

    Raises:
        UsageError: the file cannot be used; the message names the place in it.
    """
    try:
        data = read_plain(path, MAX_BYTES)
        text = data.decode("utf-16" if data.startswith(UTF_16) else "utf-8-sig")
    except OSError as error:
        raise UsageError(f"{path}: {error.strerror}; name a camera_path.json or a CSV") from error
    except UnicodeDecodeError as error:
        raise UsageError(f"{path}: not a text in UTF-8; name a camera_path.json or a CSV") from error
    if path.suffix.lower() == ".chan":
        return _of_poses(read_chan(text, str(path)), str(path), frames)
    if is_colmap(text):
        return _of_poses(read_colmap(text, str(path)), str(path), frames)
    if path.suffix.lower() in TABLES:
        values, notices = read_camera_table(text, str(path), frames)
        return CameraPath(values, notices)
    return _nerfstudio(text, str(path), frames, fps)


def with_camera_path(
    scene: Scene, values: Mapping[str, Curve | Schedule], fit: Fit, clock: Clock
) -> tuple[dict[str, Curve | Schedule], list[Problem]]:
    """Return the values of a scene with the moves of its ``camera.path``, if it has one, in their place.

    A move that the path gives and that the scene sets too, to something else than its default, is a fault;
    so is a value outside the range of its setting, and a file that cannot be used.

    Args:
        scene: the scene.
        values: what `animator.scene.curves.compile_curves` made; not altered.
        fit: where faults go.
        clock: length and pace of the film.

    Returns:
        The values, and notices.
    """
    node = fit.nodes.get("camera.path")
    if scene.camera.path is None or node is None or "camera.path" in fit.faulty:
        return dict(values), []
    try:
        if scene.mode == "2d" and not scene.camera.path.lower().endswith(TABLES):
            raise UsageError("nerfstudio's paths are in space; use mode: 3d, or a CSV with camera.zoom")
        read = read_camera_path(Path(scene.camera.path), clock.frames, clock.fps)
    except UsageError as error:
        fit.report(node, "camera.path", str(error))
        return dict(values), []
    notices = list(read.notices)
    if scene.mode not in ("2d", "3d"):
        notices.append(f"there is no camera in mode {scene.mode}, so that the path has no effect")
    elif scene.mode == "3d" and scene.warp.projection == "disco":
        notices.append("a real camera's moves keep their size in warp: {projection: pinhole} only")
    for name, numbers in read.values.items():
        _judge(scene, name, numbers, fit)
    replaced = {name: Curve(numbers) for name, numbers in read.values.items()}
    return {**values, **replaced}, [node.place.problem("camera.path", notice) for notice in notices]


def _judge(scene: Scene, name: str, numbers: np.ndarray, fit: Fit) -> None:
    """Note a move that both the path and the scene give, or that is out of range."""
    key = name.partition(".")[2]
    node, path = fit.nodes.get(name), fit.nodes["camera.path"]
    default = type(scene.camera).model_fields[key].default
    if node is not None and getattr(scene.camera, key) != default:
        fit.report(node, name, "camera.path gives this move too; leave one of them out")
    rules = fit.settings[name]["animated"]
    low = -np.inf if rules["ge"] is None else rules["ge"]
    high = np.inf if rules["le"] is None else rules["le"]
    wrong = np.flatnonzero((numbers < low) | (numbers > high))
    if len(wrong):
        words = allowed({"type": "number", "minimum": rules["ge"], "maximum": rules["le"]})
        message = f"{name} is {numbers[wrong[0]]:.6g} at frame {wrong[0]}, expected {words} everywhere"
        fit.report(path, "camera.path", message)


def camera_moves(rotations: np.ndarray, positions: np.ndarray) -> dict[str, np.ndarray]:
    """Return the moves from each camera to the next, by dotted names of the timeline.

    With ``X_world = R_f X_f + p_f`` a point of frame f - 1 is seen from frame f at

        X_f = R_f^T (R_{f-1} X_{f-1} + p_{f-1} - p_f) = R^T X_{f-1} + T

    so that ``R = R_{f-1}^T R_f`` and ``T = -R_f^T (p_f - p_{f-1})``: the way is given along the axes that the
    camera has *after* its turn (``docs/conventions.md`` has the signs of T).

    Args:
        rotations: from the axes of each camera (x right, y down, z forwards) to the world's, F x 3 x 3.
        positions: of the cameras in the world, in units of depth, F x 3.

    Returns:
        Six moves, float64 of shape (F,); those of frame 0, which nothing comes before, are 0.
    """
    from scipy.spatial.transform import Rotation

    moves = np.zeros((len(positions), 6))
    turns = np.swapaxes(rotations[:-1], 1, 2) @ rotations[1:]
    way = np.einsum("fij,fi->fj", rotations[1:], np.diff(positions, axis=0))
    moves[1:, :3] = way * (UNITS_PER_DEPTH, -UNITS_PER_DEPTH, UNITS_PER_DEPTH)
    if len(turns):
        moves[1:, 3:] = Rotation.from_matrix(turns).as_euler("XYZ", degrees=True)
    names = [f"camera.{kind}_{axis}" for kind in ("translation", "rotation_3d") for axis in "xyz"]
    return dict(zip(names, moves.T.copy(), strict=True))


def _nerfstudio(text: str, file: str, frames: int, fps: float) -> CameraPath:
    """Read nerfstudio's path: matrices from each camera to the world, y up, and vertical fields of view."""
    from scipy.spatial.transform import Rotation, Slerp

    data = _parsed(text, file)
    if "camera_path" not in data:
        return _of_poses(read_transforms(data, file), file, frames)
    cameras = data["camera_path"]
    matrices = np.array([_matrix(camera, f"{file}: camera {n}") for n, camera in enumerate(cameras)])
    scale = _number(data, "scale", 1.0, file)
    own_fps = _number(data, "fps", fps, file)
    seconds = _number(data, "seconds", len(cameras) / own_fps, file)
    times = np.arange(len(cameras)) * seconds / len(cameras)
    wanted = np.minimum(np.arange(frames) / fps, times[-1])
    positions = np.stack([np.interp(wanted, times, matrices[:, axis, 3] * scale) for axis in range(3)], -1)
    rotations = Rotation.from_matrix(matrices[:, :3, :3])
    turned = Slerp(times, rotations)(wanted) if len(cameras) > 1 else rotations[np.zeros(frames, int)]
    values = camera_moves(turned.as_matrix() @ FLIPPED, positions)
    notices = _length_notices(file, frames, fps, float(times[-1]))
    if all("fov" in camera for camera in cameras):
        fovs = [_number(camera, "fov", 0.0, f"{file}: camera {n}") for n, camera in enumerate(cameras)]
        values["camera.fov"] = np.interp(wanted, times, fovs)
        if np.ptp(values["camera.fov"]) > 0:
            notices.append(f"{file}: its field of view changes, which does not zoom the picture of a film")
    return CameraPath(values, tuple(notices))


def _of_poses(poses: Poses, file: str, frames: int) -> CameraPath:
    """Return the moves between poses, a frame of the film for each frame of the file."""
    from scipy.spatial.transform import Rotation, Slerp

    wanted = np.minimum(np.arange(frames, dtype=np.float64), poses.at[-1])
    positions = np.stack([np.interp(wanted, poses.at, poses.positions[:, axis]) for axis in range(3)], -1)
    rotations = Rotation.from_matrix(poses.rotations)
    turned = Slerp(poses.at, rotations)(wanted) if len(poses.at) > 1 else rotations[np.zeros(frames, int)]
    values = camera_moves(turned.as_matrix(), positions)
    notices = []
    count = int(poses.at[-1]) + 1
    if frames > count:
        notices.append(f"{file}: has {count} frames; from frame {count} on the camera rests")
    elif frames < count:
        notices.append(f"{file}: has {count} frames, the film {frames}")
    if poses.fov is not None:
        values["camera.fov"] = np.interp(wanted, poses.at, poses.fov)
        if np.ptp(values["camera.fov"]) > 0:
            notices.append(f"{file}: its field of view changes; a film's pictures are not magnified by that")
    return CameraPath(values, tuple(notices))


def _length_notices(file: str, frames: int, fps: float, end: float) -> list[str]:
    last = (frames - 1) / fps
    if last > end + 1 / fps:
        first = int(np.floor(end * fps)) + 1
        return [f"{file}: ends at {end:.4g} s; from frame {first} on the camera rests"]
    if last < end - 1 / fps:
        return [f"{file}: lasts {end:.4g} s, the film ends at {last:.4g} s"]
    return []


def _parsed(text: str, file: str) -> dict[str, Any]:
    try:
        data = parse_json(text)
    except json.JSONDecodeError as error:
        raise UsageError(
            f"{file}: not JSON (line {error.lineno}: {error.msg}); export the path again"
        ) from error
    except ValueError as error:
        raise UsageError(f"{file}: not JSON ({error}); export the path again") from error
    if isinstance(data, dict) and isinstance(data.get("frames"), list) and "camera_path" not in data:
        return dict(data)
    cameras = data.get("camera_path") if isinstance(data, dict) else None
    if not isinstance(cameras, list) or not cameras or len(cameras) > MAX_CAMERAS:
        raise UsageError(
            f"{file}: has no camera_path, a list of 1 to {MAX_CAMERAS} cameras, as nerfstudio exports it"
        )
    for number, camera in enumerate(cameras):
        if not isinstance(camera, dict):
            raise UsageError(f"{file}: camera {number}: expected {{camera_to_world: …, fov: …}}")
    return dict(data)


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
