"""A scene's camera for other programs: as poses of every frame, in the files that they read."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from animator.keyframes import Timeline
from animator.scene.camera_poses import FLIPPED

UNITS_PER_DEPTH = 200.0
"""Disco's units of translation in one unit of depth."""

FLOAT = 5126
"""The number of glTF for 32-bit floats."""


@dataclass(frozen=True)
class CameraTrack:
    """Where a scene's camera is at every frame, the first frame at the origin.

    Attributes:
        matrices: from the camera (x right, y up, looks along -z) to the world, F x 4 x 4; a unit is a unit of
            depth.
        fov: vertical field of view in degrees, shape (F,).
        fps: frames a second.
        size: width and height of the pictures.
    """

    matrices: np.ndarray
    fov: np.ndarray
    fps: float
    size: tuple[int, int]


def camera_track(timeline: Timeline, fps: float, size: tuple[int, int]) -> CameraTrack:
    """Return the poses that a scene's moves add up to."""
    from scipy.spatial.transform import Rotation

    table = timeline.table
    ways = table[[f"camera.translation_{axis}" for axis in "xyz"]].to_numpy() / (
        UNITS_PER_DEPTH,
        -UNITS_PER_DEPTH,
        UNITS_PER_DEPTH,
    )
    angles = table[[f"camera.rotation_3d_{axis}" for axis in "xyz"]].to_numpy()
    turns = Rotation.from_euler("XYZ", angles, degrees=True).as_matrix()
    matrices = np.tile(np.eye(4), (len(table), 1, 1))
    turn, place = np.eye(3), np.zeros(3)
    matrices[0, :3, :3] = turn @ FLIPPED
    for frame in range(1, len(table)):  # nothing comes before frame 0
        turn = turn @ turns[frame]
        place = place + turn @ ways[frame]
        matrices[frame, :3, :3] = turn @ FLIPPED
        matrices[frame, :3, 3] = place
    # The world is turned so that up is up there as well: y up, the first camera looks along -z.
    matrices[:, :3] = FLIPPED @ matrices[:, :3]
    return CameraTrack(matrices, table["camera.fov"].to_numpy(), fps, size)


def as_chan(track: CameraTrack) -> str:
    """Return Blender's ``.chan``: frames from 1 on, position, degrees about x, y and z, field of view."""
    from scipy.spatial.transform import Rotation

    angles = Rotation.from_matrix(track.matrices[:, :3, :3]).as_euler("xyz", degrees=True)
    rows = np.column_stack([track.matrices[:, :3, 3], angles, track.fov])
    return "".join(
        "\t".join([str(number), *(f"{value:.10g}" for value in row)]) + "\n"
        for number, row in enumerate(rows.tolist(), 1)
    )


def as_json(track: CameraTrack) -> str:
    """Return nerfstudio's ``camera_path.json``, which `camera.path` reads too."""
    width, height = track.size
    cameras = [
        {"camera_to_world": matrix, "fov": fov, "aspect": width / height}
        for matrix, fov in zip(track.matrices.reshape(-1, 16).tolist(), track.fov.tolist(), strict=True)
    ]
    head = {"camera_type": "perspective", "render_width": width, "render_height": height, "fps": track.fps}
    return json.dumps({**head, "seconds": len(cameras) / track.fps, "camera_path": cameras}) + "\n"


def as_gltf(track: CameraTrack) -> str:
    """Return a glTF 2.0 file with one camera that is animated, all in one text."""
    from scipy.spatial.transform import Rotation

    count = len(track.matrices)
    times = np.arange(count) / track.fps
    columns: list[tuple[str, np.ndarray]] = [
        ("SCALAR", times.reshape(-1, 1)),
        ("VEC3", track.matrices[:, :3, 3]),
        ("VEC4", Rotation.from_matrix(track.matrices[:, :3, :3]).as_quat()),
    ]
    packed = [np.ascontiguousarray(values, "<f4").tobytes() for _, values in columns]
    views, accessors, start = [], [], 0
    for number, ((kind, values), data) in enumerate(zip(columns, packed, strict=True)):
        views.append({"buffer": 0, "byteOffset": start, "byteLength": len(data)})
        bounds = {"min": values.min(0).tolist(), "max": values.max(0).tolist()} if number == 0 else {}
        accessor = {"bufferView": number, "componentType": FLOAT, "count": count, "type": kind}
        accessors.append({**accessor, **bounds})
        start += len(data)
    uri = "data:application/octet-stream;base64," + base64.b64encode(b"".join(packed)).decode()
    lens = {
        "yfov": float(np.radians(track.fov[0])),
        "znear": 0.01,
        "aspectRatio": track.size[0] / track.size[1],
    }
    paths = ("translation", "rotation")
    tree: dict[str, Any] = {
        "asset": {"version": "2.0", "generator": "animator"},
        **{"scene": 0, "scenes": [{"nodes": [0]}], "nodes": [{"name": "camera", "camera": 0}]},
        "cameras": [{"type": "perspective", "perspective": lens}],
        "animations": [
            {
                "samplers": [{"input": 0, "output": number, "interpolation": "LINEAR"} for number in (1, 2)],
                "channels": [
                    {"sampler": number, "target": {"node": 0, "path": path}}
                    for number, path in enumerate(paths)
                ],
            }
        ],
        **{"accessors": accessors, "bufferViews": views, "buffers": [{"byteLength": start, "uri": uri}]},
    }
    return json.dumps(tree) + "\n"


WRITERS: Mapping[str, Callable[[CameraTrack], str]] = {"gltf": as_gltf, "chan": as_chan, "json": as_json}
"""What writes a track, by the ending of its file."""
