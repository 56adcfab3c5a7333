"""Cameras of glTF files against matrices that are known, and files that are broken in every part."""

from __future__ import annotations

import base64
import copy
import json
import struct
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.spatial.transform import Rotation, Slerp

from animator.errors import UsageError
from animator.scene.camera_export import WRITERS, camera_track
from animator.scene.camera_gltf import read_gltf
from animator.scene.camera_path import camera_moves, read_camera_path
from animator.scene.reading import read_scene

FPS = 10.0
FLIP = np.diag((1.0, -1.0, -1.0))
RANDOM = np.random.default_rng(8)
COUNT = 6
TIMES = np.arange(COUNT) / FPS
WAYS = np.cumsum(RANDOM.normal(0, 0.2, (COUNT, 3)), axis=0) + (4, 5, 6)
TURNS = Rotation.from_euler("xyz", np.cumsum(RANDOM.normal(0, 5, (COUNT, 3)), axis=0), degrees=True)
ABOVE = {"translation": [1.0, -2.0, 3.0], "rotation": [0.5, 0.5, 0.5, 0.5], "scale": [2.0, 2.0, 2.0]}


class Building:
    """A glTF file in the making."""

    def __init__(self) -> None:
        self.data = b""
        self.tree: dict[str, Any] = {
            "asset": {"version": "2.0"},
            "nodes": [{"name": "shot", "camera": 0}],
            "cameras": [{"type": "perspective", "perspective": {"yfov": 0.5, "znear": 0.1}}],
            **{"animations": [{"samplers": [], "channels": []}], "accessors": [], "bufferViews": []},
        }

    def accessor(self, values: np.ndarray, kind: str, component: int = 5126) -> int:
        packed = np.ascontiguousarray(values).tobytes()
        self.tree["bufferViews"].append(
            {"buffer": 0, "byteOffset": len(self.data), "byteLength": len(packed)}
        )
        self.data += packed
        entry = {"bufferView": len(self.tree["bufferViews"]) - 1, "componentType": component}
        self.tree["accessors"].append({**entry, "count": len(values), "type": kind})
        return len(self.tree["accessors"]) - 1

    def move(self, path: str, values: np.ndarray, how: str = "LINEAR", node: int = 0) -> None:
        kind = {"translation": "VEC3", "rotation": "VEC4", "scale": "VEC3"}[path]
        animation = self.tree["animations"][0]
        times = np.arange(len(values) // (3 if how == "CUBICSPLINE" else 1)) / FPS
        sampler = {"input": self.accessor(times.astype("<f4"), "SCALAR"), "interpolation": how}
        sampler["output"] = self.accessor(values.astype("<f4"), kind)
        animation["samplers"].append(sampler)
        target = {"node": node, "path": path}
        animation["channels"].append({"sampler": len(animation["samplers"]) - 1, "target": target})

    def text(self) -> str:
        uri = "data:application/octet-stream;base64," + base64.b64encode(self.data).decode()
        return json.dumps({**self.tree, "buffers": [{"byteLength": len(self.data), "uri": uri}]})

    def glb(self) -> bytes:
        tree = {**self.tree, "buffers": [{"byteLength": len(self.data)}]}
        text = json.dumps(tree).encode()
        text += b" " * (-len(text) % 4)
        data = self.data + bytes(-len(self.data) % 4)
        chunks = struct.pack("<II", len(text), 0x4E4F534A) + text
        chunks += struct.pack("<II", len(data), 0x004E4942) + data
        return b"glTF" + struct.pack("<II", 2, 12 + len(chunks)) + chunks


def carried() -> Building:
    """Return a camera that moves on a node which stands somewhere, is turned and twice as large."""
    made = Building()
    made.tree["nodes"].append({"children": [0], **ABOVE})
    made.move("translation", WAYS)
    made.move("rotation", TURNS.as_quat())
    return made


def expected(ways: np.ndarray, turns: Rotation) -> dict[str, np.ndarray]:
    """Return the moves of a camera on that node."""
    above = Rotation.from_quat(ABOVE["rotation"])
    places = above.apply(ways * 2) + ABOVE["translation"]
    return camera_moves((above * turns).as_matrix() @ FLIP, places)


def same(values: Any, wanted: dict[str, np.ndarray], atol: float = 2e-4) -> None:
    """Moves are counted in 200ths of a unit, and the file holds 32 bits."""
    for name, moves in wanted.items():
        np.testing.assert_allclose(values[name], moves, atol=atol, err_msg=name)


@pytest.mark.parametrize("name", ["a.gltf", "a.glb"])
def test_a_camera_moves_with_what_carries_it(name: str, tmp_path: Path) -> None:
    made = carried()
    (tmp_path / name).write_bytes(made.glb() if name.endswith("b") else made.text().encode())
    read = read_camera_path(tmp_path / name, COUNT, FPS)
    same(read.values, expected(WAYS, TURNS))
    np.testing.assert_allclose(read.values["camera.fov"], np.degrees(0.5))
    assert read.notices == ()


def test_the_matrices_are_those_of_the_file(tmp_path: Path) -> None:
    poses, _ = read_gltf(carried().glb(), tmp_path / "a.glb", FPS)
    above = Rotation.from_quat(ABOVE["rotation"])
    wanted = (above * TURNS).as_matrix() @ FLIP
    np.testing.assert_allclose(poses.rotations, wanted, atol=1e-6)
    np.testing.assert_allclose(poses.positions, above.apply(WAYS * 2) + ABOVE["translation"], atol=2e-6)


def test_between_keys_at_another_pace(tmp_path: Path) -> None:
    (tmp_path / "a.glb").write_bytes(carried().glb())
    read = read_camera_path(tmp_path / "a.glb", 11, 2 * FPS)
    at = np.arange(11) / 2
    ways = np.stack([np.interp(at, np.arange(COUNT), column) for column in WAYS.T], -1)
    same(read.values, expected(ways, Slerp(np.arange(COUNT), TURNS)(at)))


def test_the_first_key_is_the_first_frame(tmp_path: Path) -> None:
    """Blender's frame 1 is at 1/24 s."""
    made = Building()
    made.move("translation", WAYS)
    made.tree["accessors"][0] = {**made.tree["accessors"][0], "bufferView": len(made.tree["bufferViews"])}
    late = (TIMES + 3 / FPS).astype("<f4").tobytes()
    view = {"buffer": 0, "byteOffset": len(made.data), "byteLength": len(late)}
    made.data += late
    made.tree["bufferViews"].append(view)
    (tmp_path / "a.gltf").write_text(made.text())
    read = read_camera_path(tmp_path / "a.gltf", COUNT, FPS)
    same(read.values, camera_moves(np.tile(FLIP, (COUNT, 1, 1)), WAYS))


def test_steps_and_splines(tmp_path: Path) -> None:
    made = Building()
    made.move("translation", WAYS, "STEP")
    (tmp_path / "a.gltf").write_text(made.text())
    steps, _ = read_gltf(made.text().encode(), tmp_path / "a.gltf", 2 * FPS)
    np.testing.assert_allclose(steps.positions[:10], np.repeat(WAYS, 2, axis=0)[:10], atol=1e-6)

    made = Building()
    # x = u^3 from 0 to 1 s has the slopes 0 and 3 a second.
    keys = np.zeros((2, 3, 3))
    keys[1, 0, 0], keys[1, 1, 0] = 3.0, 1.0
    made.move("translation", keys.reshape(6, 3), "CUBICSPLINE")
    made.tree["accessors"][0] = {**made.tree["accessors"][0]}
    made.data = np.array([0, 1], "<f4").tobytes() + made.data[8:]
    curve, _ = read_gltf(made.text().encode(), tmp_path / "a.gltf", FPS)
    np.testing.assert_allclose(curve.positions[:, 0], (np.arange(11) / 10) ** 3, atol=1e-6)


def test_numbers_in_steps_of_a_buffer_in_whole_numbers_and_sparse(tmp_path: Path) -> None:
    made = Building()
    turns = TURNS.as_quat()
    made.move("rotation", turns)
    shorts = np.round(turns * 32767).astype("<i2")
    padded = np.zeros((COUNT, 6), "<i2")
    padded[:, :4] = shorts
    made.tree["animations"][0]["samplers"][0]["output"] = made.accessor(padded, "VEC4", 5122)
    made.tree["bufferViews"][-1]["byteStride"] = 12
    made.tree["accessors"][-1]["normalized"] = True
    poses, _ = read_gltf(made.glb(), tmp_path / "a.glb", FPS)
    np.testing.assert_allclose(poses.rotations, TURNS.as_matrix() @ FLIP, atol=1e-4)

    made = Building()
    made.move("translation", np.zeros((COUNT, 3)))
    rows = made.accessor(np.array([2, 4], "<u1"), "SCALAR", 5121)
    other = made.accessor(WAYS[[2, 4]].astype("<f4"), "VEC3")
    views = [made.tree["accessors"][one]["bufferView"] for one in (rows, other)]
    sparse = {"count": 2, "indices": {"bufferView": views[0], "componentType": 5121}}
    made.tree["accessors"][1]["sparse"] = {**sparse, "values": {"bufferView": views[1]}}
    poses, _ = read_gltf(made.glb(), tmp_path / "a.glb", FPS)
    np.testing.assert_allclose(poses.positions[2], WAYS[2], atol=1e-6)
    assert poses.positions[3].tolist() == [0, 0, 0]


def test_a_field_of_view_that_changes(tmp_path: Path) -> None:
    made = carried()
    animation = made.tree["animations"][0]
    angles = made.accessor(np.linspace(0.5, 1, COUNT).astype("<f4"), "SCALAR")
    animation["samplers"].append({"input": 0, "output": angles})
    pointer = {"KHR_animation_pointer": {"pointer": "/cameras/0/perspective/yfov"}}
    animation["channels"].append({"sampler": 2, "target": {"path": "pointer", "extensions": pointer}})
    (tmp_path / "a.glb").write_bytes(made.glb())
    read = read_camera_path(tmp_path / "a.glb", COUNT, FPS)
    np.testing.assert_allclose(read.values["camera.fov"], np.degrees(np.linspace(0.5, 1, COUNT)), atol=1e-5)
    assert "field of view changes" in read.notices[0]


def test_of_several_cameras_the_one_that_moves(tmp_path: Path) -> None:
    made = carried()
    made.tree["nodes"] = [{"name": "still", "camera": 0}, *made.tree["nodes"][::-1]]
    made.tree["nodes"][1]["children"] = [2]
    for channel in made.tree["animations"][0]["channels"]:
        channel["target"]["node"] = 2
    (tmp_path / "a.glb").write_bytes(made.glb())
    read = read_camera_path(tmp_path / "a.glb", COUNT, FPS)
    same(read.values, expected(WAYS, TURNS))
    assert read.notices == (f"{tmp_path / 'a.glb'}: has 2 cameras; the path of shot is taken",)


def test_a_buffer_beside_the_file_and_one_that_is_not(tmp_path: Path) -> None:
    made = carried()
    tree = {**made.tree, "buffers": [{"byteLength": len(made.data), "uri": "my%20shot.bin"}]}
    (tmp_path / "a.gltf").write_text(json.dumps(tree))
    with pytest.raises(UsageError, match=r"its buffer my shot.bin: No such file"):
        read_camera_path(tmp_path / "a.gltf", COUNT, FPS)
    (tmp_path / "my shot.bin").write_bytes(made.data)
    same(read_camera_path(tmp_path / "a.gltf", COUNT, FPS).values, expected(WAYS, TURNS))
    for elsewhere in ("../a.bin", "/etc/passwd", "file:///etc/passwd", "https://a.org/b.bin", "..\\a.bin"):
        tree["buffers"][0]["uri"] = elsewhere
        (tmp_path / "a.gltf").write_text(json.dumps(tree))
        with pytest.raises(UsageError, match="which is not beside it"):
            read_camera_path(tmp_path / "a.gltf", COUNT, FPS)


def broken() -> dict[str, tuple[Any, str]]:
    tree = json.loads(carried().text())

    def with_(change: Any) -> str:
        other = copy.deepcopy(tree)
        change(other)
        return json.dumps(other)

    def set_(*keys: Any) -> Any:
        def change(other: Any) -> None:
            for key in keys[:-2]:
                other = other[key]
            other[keys[-2]] = keys[-1]

        return change

    whole = carried().glb()
    return {
        "cut.glb": (whole[: len(whole) // 2], "is cut off"),
        "head.glb": (whole[:12], "is cut off"),
        "chunk.glb": (whole[:-20], "is cut off"),
        "text.gltf": (carried().text()[:200], "not JSON"),
        "old.gltf": ('{"asset": {"version": "1.0"}}', "is not glTF 2.0"),
        "list.gltf": ("[]", "is not glTF 2.0"),
        "none.gltf": (with_(set_("nodes", [])), "has no camera in it"),
        "no_nodes.gltf": (with_(lambda one: one.pop("nodes")), "has no camera in it"),
        "lens.gltf": (with_(set_("nodes", 0, "camera", 7)), "not a sound glTF file"),
        "circle.gltf": (with_(set_("nodes", 0, "children", [1])), "carry each other in a circle"),
        "view.gltf": (with_(set_("accessors", 1, "bufferView", 99)), "not a sound glTF file"),
        "beyond.gltf": (with_(set_("accessors", 1, "count", 10**5)), "beyond the end of its buffer"),
        "many.gltf": (with_(set_("accessors", 1, "count", 10**12)), "an accessor of"),
        "few.gltf": (with_(set_("accessors", 1, "count", 2)), "not a sound glTF file"),
        "kind.gltf": (with_(set_("accessors", 1, "componentType", 1)), "not a sound glTF file"),
        "mirror.gltf": (with_(set_("nodes", 1, "scale", [1, 1, -1])), "mirrors"),
        "flat.gltf": (with_(set_("nodes", 1, "scale", [1, 0, 1])), "flat"),
        "turn.gltf": (with_(set_("nodes", 1, "rotation", [0, 0, 0, 0])), "not a sound glTF file"),
        "wide.gltf": (with_(set_("nodes", 1, "translation", [1, 2])), "not a sound glTF file"),
        "fov.gltf": (with_(set_("cameras", 0, "perspective", "yfov", 4)), "a field of view that is none"),
        "data.gltf": (with_(set_("buffers", 0, "uri", "data:x;base64,A")), "a buffer that is cut off"),
        "deep.gltf": ('{"asset": {"version": "2.0"}, "nodes": ' + "[" * 10**5, "nested too deep|not JSON"),
        "words.gltf": (with_(set_("animations", 0, "channels", "none")), "not a sound glTF file"),
        "empty.gltf": ("", "not JSON"),
    }


@pytest.mark.parametrize("name", broken())
def test_a_broken_file_is_one_line(name: str, tmp_path: Path) -> None:
    data, message = broken()[name]
    (tmp_path / name).write_bytes(data if isinstance(data, bytes) else data.encode())
    with pytest.raises(UsageError, match=message) as refused:
        read_camera_path(tmp_path / name, COUNT, FPS)
    assert str(refused.value).startswith(f"{tmp_path / name}")
    assert "\n" not in str(refused.value)


def test_an_orthographic_camera_leaves_the_field_of_view_to_the_scene(tmp_path: Path) -> None:
    made = carried()
    made.tree["cameras"] = [{"type": "orthographic", "orthographic": {"xmag": 1, "ymag": 1}}]
    (tmp_path / "a.glb").write_bytes(made.glb())
    read = read_camera_path(tmp_path / "a.glb", COUNT, FPS)
    assert "camera.fov" not in read.values
    assert "has no perspective" in read.notices[0]


def test_what_is_written_is_read_back(tmp_path: Path) -> None:
    moves = "{translation_z: '0: (3), 8: (9)', translation_x: 2, rotation_3d_y: 'sin(t)', rotation_3d_x: 0.5}"
    (tmp_path / "a.yaml").write_text(f"prompts: a sea\nframes: 9\nfps: 12\ncamera: {moves}\n")
    loaded = read_scene(tmp_path / "a.yaml")
    track = camera_track(loaded.timeline, loaded.scene.fps, loaded.scene.size)
    (tmp_path / "a.gltf").write_text(WRITERS["gltf"](track))
    poses, _ = read_gltf((tmp_path / "a.gltf").read_bytes(), tmp_path / "a.gltf", 12)
    np.testing.assert_allclose(poses.positions, track.matrices[:, :3, 3], atol=1e-6)
    np.testing.assert_allclose(poses.rotations @ FLIP, track.matrices[:, :3, :3], atol=1e-6)
    read = read_camera_path(tmp_path / "a.gltf", 9, 12)
    for name, values in read.values.items():
        wanted = loaded.timeline.table[name].to_numpy()[1:]
        np.testing.assert_allclose(values[1:], wanted, atol=2e-4, err_msg=name)
