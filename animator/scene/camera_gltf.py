"""A camera of a glTF 2.0 file (``.gltf``, ``.glb``), with the nodes that carry it, at every frame of a film.

A unit of glTF is a metre; a camera looks along -z of its node, y up. ``docs/conventions.md`` has what is made
of it.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from animator.errors import UsageError
from animator.scene.camera_poses import FLIPPED, Poses, upright
from animator.scene.camera_times import frames_of, hermite, linear, near_whole, turned
from animator.scene.gltf_data import GltfFile, numbers, read_parts

WIDTHS = {"translation": 3, "rotation": 4, "scale": 3, "yfov": 1}
"""What of a node, or of its lens, may change, and how many numbers it is."""

AT_REST = {"translation": (0.0, 0.0, 0.0), "rotation": (0.0, 0.0, 0.0, 1.0), "scale": (1.0, 1.0, 1.0)}
"""A node that says nothing."""

UNSOUND = (KeyError, IndexError, TypeError, ValueError, OverflowError, AttributeError, RecursionError)
"""What a file comes to that is not as glTF has it."""

POINTER = "KHR_animation_pointer"
"""The extension by which the field of view may change."""


@dataclass(frozen=True)
class Track:
    """How one property changes.

    Attributes:
        at: frame of the film of each key, float64 of shape (K,), rising.
        keys: values, K x width; of a spline K x 3 x width: tangent before, value, tangent after.
        how: LINEAR, STEP or CUBICSPLINE.
    """

    at: np.ndarray
    keys: np.ndarray
    how: str


def read_gltf(data: bytes, path: Path, fps: float) -> tuple[Poses, list[str]]:
    """Read the path of a camera; the first key is frame 0.

    Of several cameras the first that moves counts.

    Args:
        data: the file.
        path: where it is; buffers are read beside it, and nowhere else.
        fps: frames a second of the film.

    Returns:
        The poses, and what to say of the file.

    Raises:
        UsageError: there is no camera in it, or it is not sound.
    """
    try:
        file = read_parts(data, path)
        return _camera(file, fps)
    except UNSOUND as error:
        raise UsageError(
            f"{path}: not a sound glTF file ({type(error).__name__}: {str(error)[:80]}); export it again"
        ) from error


def _camera(file: GltfFile, fps: float) -> tuple[Poses, list[str]]:
    nodes: Sequence[Mapping[str, Any]] = file.tree.get("nodes", [])
    cameras = [number for number, node in enumerate(nodes) if "camera" in node]
    if not cameras:
        raise UsageError(f"{file.path}: has no camera in it; export the camera too")
    above = {child: number for number, node in enumerate(nodes) for child in node.get("children", [])}
    chains = [_chain(camera, above, file) for camera in cameras]
    tracks = _tracks(file, {node for chain in chains for node in chain}, fps)
    moving = [chain for chain in chains if any((node, kind) in tracks for node in chain for kind in AT_REST)]
    chain = (moving or chains)[0]
    lens = nodes[chain[0]]["camera"]
    used = {key: one for key, one in tracks.items() if key[0] in chain or key == (lens, "yfov")}
    start = min((one.at[0] for one in used.values()), default=0.0)
    end = max((one.at[-1] for one in used.values()), default=0.0)
    at = frames_of(end - start)
    matrices = np.tile(np.eye(4), (len(at), 1, 1))
    for node in chain:  # from the camera up
        matrices = _local(nodes[node], node, used, at + start) @ matrices
    fov, notices = _fov(file, lens, used, at + start)
    if len(cameras) > 1:
        name = str(nodes[chain[0]].get("name", chain[0]))[:40]
        notices.append(f"{file.path}: has {len(cameras)} cameras; the path of {name} is taken")
    return Poses(at, upright(matrices[:, :3, :3]) @ FLIPPED, matrices[:, :3, 3], fov), notices


def _chain(node: int, above: Mapping[int, int], file: GltfFile) -> list[int]:
    """Return a node, the one that carries it, and so on."""
    chain = [node]
    while chain[-1] in above:
        if above[chain[-1]] in chain:
            raise UsageError(f"{file.path}: its nodes carry each other in a circle; export it again")
        chain.append(above[chain[-1]])
    return chain


def _tracks(file: GltfFile, wanted: set[int], fps: float) -> dict[tuple[int, str], Track]:
    """Return what changes of some nodes, by node and kind, and of lenses; of two for one the first counts."""
    tracks: dict[tuple[int, str], Track] = {}
    for animation in file.tree.get("animations", []):
        for channel in animation["channels"]:
            key = _target(channel["target"])
            if key is None or key in tracks or (key[1] != "yfov" and key[0] not in wanted):
                continue
            tracks[key] = _track(file, animation["samplers"][channel["sampler"]], WIDTHS[key[1]], fps)
    return tracks


def _target(target: Mapping[str, Any]) -> tuple[int, str] | None:
    """Return the node, or the lens, and what of it a channel moves; None of what is no camera's."""
    if target["path"] in AT_REST and "node" in target:
        return int(target["node"]), str(target["path"])
    pointer = target.get("extensions", {}).get(POINTER, {}).get("pointer", "").split("/")
    if len(pointer) == 5 and pointer[1] == "cameras" and pointer[3:] == ["perspective", "yfov"]:
        return int(pointer[2]), "yfov"
    return None


def _track(file: GltfFile, sampler: Mapping[str, Any], width: int, fps: float) -> Track:
    how = str(sampler.get("interpolation", "LINEAR"))
    times = numbers(file, sampler["input"])[:, 0]
    keys = numbers(file, sampler["output"])
    if not len(times) or not np.isfinite(times).all() or (np.diff(times) <= 0).any():
        raise ValueError("times of an animation that do not rise")
    keys = keys.reshape((len(times), 3, width) if how == "CUBICSPLINE" else (len(times), width))
    if not np.isfinite(keys).all():
        raise ValueError("an animation with what is no number")
    if how == "CUBICSPLINE":  # its tangents are a second's; here a frame's
        keys = keys / np.array([fps, 1.0, fps])[:, None]
    return Track(near_whole(times * fps), keys, how)


def _values(track: Track, at: np.ndarray, kind: str) -> np.ndarray:
    """Return the values of a track at some frames; rotations are of unit length."""
    if track.how == "STEP":
        index = np.clip(np.searchsorted(track.at, at, side="right") - 1, 0, None)
        found: np.ndarray = track.keys[index]
    elif track.how == "CUBICSPLINE":
        found = hermite(track.at, track.keys, at)
    elif kind == "rotation":
        found = turned(track.at, track.keys, at).as_quat()
    else:
        found = linear(track.at, track.keys, at)
    return found


def _local(
    node: Mapping[str, Any], number: int, tracks: Mapping[tuple[int, str], Track], at: np.ndarray
) -> np.ndarray:
    """Return the matrix of a node at every frame, F x 4 x 4."""
    from scipy.spatial.transform import Rotation

    if "matrix" in node:  # column by column; such a node does not move
        return np.tile(np.array(node["matrix"], np.float64).reshape(4, 4).T, (len(at), 1, 1))
    parts = {}
    for kind, rest in AT_REST.items():
        track = tracks.get((number, kind))
        still = np.array(node.get(kind, rest), np.float64).reshape(WIDTHS[kind])
        parts[kind] = np.tile(still, (len(at), 1)) if track is None else _values(track, at, kind)
    matrices = np.tile(np.eye(4), (len(at), 1, 1))
    turns = Rotation.from_quat(parts["rotation"]).as_matrix()
    matrices[:, :3, :3] = turns * parts["scale"][:, None, :]
    matrices[:, :3, 3] = parts["translation"]
    if not np.isfinite(matrices).all():
        raise ValueError("a node with what is no number")
    return matrices


def _fov(
    file: GltfFile, lens: int, tracks: Mapping[tuple[int, str], Track], at: np.ndarray
) -> tuple[np.ndarray | None, list[str]]:
    """Return the vertical field of view in degrees, and notices."""
    camera = file.tree["cameras"][lens]
    if camera.get("type") != "perspective":
        return None, [f"{file.path}: its camera has no perspective; the field of view is that of the scene"]
    track = tracks.get((lens, "yfov"))
    still = float(camera["perspective"]["yfov"])
    angles = np.full(len(at), still) if track is None else _values(track, at, "yfov")[:, 0]
    if not ((angles > 0) & (angles < math.pi)).all():
        raise ValueError("a field of view that is none")
    return np.degrees(angles), []
