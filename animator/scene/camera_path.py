"""A camera path from a file in the place of the moves of a scene."""

from __future__ import annotations

import codecs
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from animator.errors import Problem, UsageError
from animator.keyframes import Clock, Curve
from animator.scene.camera_after_effects import is_keyframe_data, read_keyframe_data
from animator.scene.camera_gltf import read_gltf
from animator.scene.camera_nerfstudio import read_nerfstudio
from animator.scene.camera_poses import Poses, is_colmap, read_chan, read_colmap, read_transforms
from animator.scene.camera_strings import is_exported, read_exported
from animator.scene.camera_table import read_camera_rows, read_camera_table
from animator.scene.camera_times import linear, turned
from animator.scene.camera_usd import read_usd
from animator.scene.fit import Fit
from animator.scene.gltf_data import MAGIC as GLB
from animator.scene.words import allowed
from animator.settings.scene import Scene
from animator.system.json_text import parse_json
from animator.system.safe_read import read_plain
from animator.types import Schedule

MAX_BYTES = 20_000_000
"""Size of the largest text that is read."""

MAX_SCENE_BYTES = 500_000_000
"""Size of the largest file that holds a whole scene."""

TABLES = (".csv", ".tsv", ".txt")
"""Endings of the names of tables."""

SCENES = (".gltf", ".glb", ".usd", ".usda", ".usdc", ".usdz")
"""Endings of the names of files that hold a whole scene."""

USD = (b"PXR-USDC", b"#usda", b"PK\x03\x04")
"""How a USD file begins; one that is packed is an archive."""

UTF_16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
"""How a text begins that a spreadsheet wrote as "Unicode"."""

UNITS_PER_DEPTH = 200.0
"""Disco's units of translation in one unit of depth, as in ``warp.camera3d``, which needs torch."""


@dataclass(frozen=True)
class CameraPath:
    """The camera of every frame of a film.

    Attributes:
        values: by dotted name (``camera.translation_z``), float64 of shape (frames,); what the file gives.
        notices: what may not be meant, a line each, beginning with the file.
        in_space: whether it is a path in space, which a film in 2D has no use for.
    """

    values: Mapping[str, np.ndarray]
    notices: tuple[str, ...] = ()
    in_space: bool = True


def read_camera_path(path: Path, frames: int, fps: float) -> CameraPath:
    """Read a camera path: poses of other programs, or a table with columns of the timeline.

    ``docs/conventions.md`` has the programs, their axes and their units.

    Args:
        path: the file. What it is, is seen from what is in it; the ending is a hint.
        frames: length of the film.
        fps: frames a second of the film.

    Raises:
        UsageError: the file cannot be used; the message names the place in it.
    """
    try:
        data = read_plain(path, MAX_SCENE_BYTES if path.suffix.lower() in SCENES else MAX_BYTES)
    except OSError as error:
        raise UsageError(f"{path}: {error.strerror}; name a file with a camera's path") from error
    if data.startswith(GLB) or path.suffix.lower() == ".gltf":
        return _of_poses(*read_gltf(data, path, fps), str(path), frames)
    if data.startswith(USD):
        return _of_poses(*read_usd(path, fps), str(path), frames)
    try:
        text = data.decode("utf-16" if data.startswith(UTF_16) else "utf-8-sig")
    except UnicodeDecodeError as error:
        raise UsageError(f"{path}: not a text in UTF-8; name a file with a camera's path") from error
    return _of_text(text, path, frames, fps)


def _of_text(text: str, path: Path, frames: int, fps: float) -> CameraPath:
    file, ending = str(path), path.suffix.lower()
    if ending == ".chan":
        return _of_poses(read_chan(text, file), [], file, frames)
    if is_keyframe_data(text):
        return _of_poses(*read_keyframe_data(text, file, fps), file, frames)
    if is_colmap(text):
        return _of_poses(read_colmap(text, file), [], file, frames)
    if is_exported(text):
        return _of_poses(*read_exported(text, file), file, frames)
    if ending in TABLES:
        values, notices = read_camera_table(text, file, frames)
        return CameraPath(values, notices, in_space=False)
    data = _parsed(text, file)
    if isinstance(data, list) and data:
        values, notices = read_camera_rows(data, file, frames)
        return CameraPath(values, notices, in_space=False)
    data = data if isinstance(data, dict) else {}
    if "asset" in data:
        return _of_poses(*read_gltf(text.encode(), path, fps), file, frames)
    if "camera_path" not in data and isinstance(data.get("frames"), list):
        return _of_poses(read_transforms(data, file), [], file, frames)
    poses, end = read_nerfstudio(data, file, fps)
    return _of_poses(poses, _length_notices(file, frames, fps, end), file, frames, timed=True)


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
        read = read_camera_path(Path(scene.camera.path), clock.frames, clock.fps)
        if scene.mode == "2d" and read.in_space:
            raise UsageError("is a path in space; use mode: 3d, or a CSV with camera.zoom")
    except UsageError as error:
        fit.report(node, "camera.path", str(error))
        return dict(values), []
    notices = list(read.notices)
    if scene.mode not in ("2d", "3d"):
        notices.append(f"there is no camera in mode {scene.mode}, so that the path has no effect")
    elif scene.mode == "3d" and scene.warp.projection == "disco":
        notices.append("a real camera's moves keep their size in warp: {projection: pinhole} only")
    moves = {
        name: numbers * (scene.camera.path_scale if name.startswith("camera.translation_") else 1)
        for name, numbers in read.values.items()
    }
    for name, numbers in moves.items():
        _judge(scene, name, numbers, fit)
    replaced = {name: Curve(numbers) for name, numbers in moves.items()}
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


def _of_poses(poses: Poses, notices: list[str], file: str, frames: int, timed: bool = False) -> CameraPath:
    """Return the moves between poses at the film's frames; ``timed`` says that its length is spoken of."""
    from scipy.spatial.transform import Rotation

    wanted = np.minimum(np.arange(frames, dtype=np.float64), poses.at[-1])
    positions = linear(poses.at, poses.positions, wanted)
    turns = turned(poses.at, Rotation.from_matrix(poses.rotations), wanted)
    values = camera_moves(turns.as_matrix(), positions)
    count = int(poses.at[-1]) + 1
    if frames > count and not timed:
        notices = [*notices, f"{file}: has {count} frames; from frame {count} on the camera rests"]
    elif frames < count and not timed:
        notices = [*notices, f"{file}: has {count} frames, the film {frames}"]
    if poses.fov is not None:
        values["camera.fov"] = np.interp(wanted, poses.at, poses.fov)
        if np.ptp(values["camera.fov"]) > 0:
            changes = f"{file}: its field of view changes; a film's pictures are not magnified by that"
            notices = [*notices, changes]
    return CameraPath(values, tuple(notices))


def _length_notices(file: str, frames: int, fps: float, end: float) -> list[str]:
    last = (frames - 1) / fps
    if last > end + 1 / fps:
        first = int(np.floor(end * fps)) + 1
        return [f"{file}: ends at {end:.4g} s; from frame {first} on the camera rests"]
    if last < end - 1 / fps:
        return [f"{file}: lasts {end:.4g} s, the film ends at {last:.4g} s"]
    return []


def _parsed(text: str, file: str) -> Any:
    try:
        return parse_json(text)
    except json.JSONDecodeError as error:
        raise UsageError(
            f"{file}: not JSON (line {error.lineno}: {error.msg}); export the path again"
        ) from error
    except ValueError as error:
        raise UsageError(f"{file}: not JSON ({error}); export the path again") from error
