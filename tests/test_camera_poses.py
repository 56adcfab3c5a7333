"""Camera paths of Blender, COLMAP and instant-ngp against poses that are known."""

from __future__ import annotations

import base64
import json
from pathlib import Path

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from animator.errors import UsageError
from animator.scene.camera_export import WRITERS, camera_track
from animator.scene.camera_path import camera_moves, read_camera_path
from animator.scene.reading import read_scene

COUNT = 12
FLIP = np.diag((1.0, -1.0, -1.0))


def poses() -> tuple[np.ndarray, np.ndarray]:
    """Return rotations from OpenGL's camera to the world, and positions."""
    random = np.random.default_rng(5)
    angles = np.cumsum(random.normal(0, 3, (COUNT, 3)), axis=0) + (40, -20, 10)
    turns = Rotation.from_euler("xyz", angles, degrees=True).as_matrix()
    return turns, np.cumsum(random.normal(0, 0.1, (COUNT, 3)), axis=0) + (1, 2, 3)


def chan(first: int = 1) -> str:
    """Return the poses as Blender exports them: degrees about x, y and z, and a field of view."""
    turns, places = poses()
    lines = []
    for number, (turn, place) in enumerate(zip(turns, places, strict=True)):
        angles = Rotation.from_matrix(turn).as_euler("xyz", degrees=True)
        cells = [f"{value:.9f}" for value in (*place, *angles, 35.0)]
        lines.append("\t".join([str(number + first), *cells]))
    return "\n".join(lines) + "\n"


def colmap() -> str:
    """Return the poses as COLMAP writes them: from the world to a camera that looks along z, y down."""
    turns, places = poses()
    lines = ["# Image list with two lines of data per image:"]
    for number in np.random.default_rng(1).permutation(COUNT):
        to_camera = (turns[number] @ FLIP).T
        x, y, z, w = Rotation.from_matrix(to_camera).as_quat()
        way = -to_camera @ places[number]
        numbers = " ".join(f"{value:.12f}" for value in (w, x, y, z, *way))
        lines += [f"{number + 7} {numbers} 1 shot {number}.png", "12.5 30.1 -1 99.0 1.0 1 5 5 3 4 4 4"]
    return "\n".join(lines) + "\n"


def transforms() -> str:
    turns, places = poses()
    frames = []
    for number in reversed(range(COUNT)):
        matrix = np.vstack([np.column_stack([turns[number], places[number]]), (0, 0, 0, 1)])
        frames.append({"file_path": f"images/{number}.png", "transform_matrix": matrix.tolist()})
    return json.dumps({"fl_y": 500, "h": 1000, "w": 800, "frames": frames})


FILES = {"camera.chan": chan, "images.txt": colmap, "transforms.json": transforms}


@pytest.mark.parametrize("name", FILES)
def test_moves_are_those_between_the_poses(name: str, tmp_path: Path) -> None:
    (tmp_path / name).write_text(FILES[name]())
    read = read_camera_path(tmp_path / name, COUNT, 12)
    turns, places = poses()
    for move, values in camera_moves(turns @ FLIP, places).items():
        np.testing.assert_allclose(read.values[move], values, atol=1e-5, err_msg=move)
    assert read.notices == ()


@pytest.mark.parametrize("name", FILES)
def test_the_camera_arrives_where_the_file_has_it(name: str, tmp_path: Path) -> None:
    """The moves put together again give the last pose relative to the first."""
    (tmp_path / name).write_text(FILES[name]())
    moves = read_camera_path(tmp_path / name, COUNT, 12).values
    turn, place = np.eye(3), np.zeros(3)
    for frame in range(1, COUNT):
        angles = [moves[f"camera.rotation_3d_{axis}"][frame] for axis in "xyz"]
        way = np.array([moves[f"camera.translation_{axis}"][frame] for axis in "xyz"]) / (200, -200, 200)
        turn = turn @ Rotation.from_euler("XYZ", angles, degrees=True).as_matrix()
        place = place + turn @ way
    turns, places = poses()
    first = turns[0] @ FLIP
    np.testing.assert_allclose(turn, first.T @ turns[-1] @ FLIP, atol=1e-6)
    np.testing.assert_allclose(place, first.T @ (places[-1] - places[0]), atol=1e-6)


def test_fields_of_view(tmp_path: Path) -> None:
    (tmp_path / "a.chan").write_text(chan())
    (tmp_path / "t.json").write_text(transforms())
    assert read_camera_path(tmp_path / "a.chan", 3, 12).values["camera.fov"].tolist() == [35, 35, 35]
    assert read_camera_path(tmp_path / "t.json", 3, 12).values["camera.fov"][0] == pytest.approx(90)


def test_frames_may_be_missing_and_the_film_longer(tmp_path: Path) -> None:
    lines = chan(first=101).splitlines()
    (tmp_path / "a.chan").write_text("# camera\n" + "\n".join(lines[:3] + lines[4:]))
    read = read_camera_path(tmp_path / "a.chan", COUNT + 3, 12)
    assert read.values["camera.translation_z"][COUNT:].tolist() == [0, 0, 0]
    assert "from frame 12 on the camera rests" in read.notices[0]


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("a.chan", "1 2 3\n", "a.chan:1: has 3 numbers"),
        ("a.chan", "1 0 0 0 0 0 x\n", "a.chan:1: .* is no row of numbers"),
        ("a.chan", "1 0 0 0 0 0 nan\n", "a.chan:1: has 7 numbers"),
        ("a.chan", "# nothing\n", "has no camera in it"),
        ("a.chan", "1 0 0 0 0 0 0\n1 0 0 0 0 0 0\n", "frame 1 is given twice"),
        ("a.json", '{"frames": []}', "has no camera in it"),
        ("a.json", '{"frames": [{"transform_matrix": [[1, 2], [3]]}]}', "not 4 rows of 4 numbers"),
        ("a.json", json.dumps({"frames": [{"transform_matrix": np.ones((4, 4)).tolist()}]}), "no rotation"),
    ],
)
def test_a_broken_file_is_one_line(name: str, text: str, message: str, tmp_path: Path) -> None:
    (tmp_path / name).write_text(text)
    with pytest.raises(UsageError, match=message):
        read_camera_path(tmp_path / name, 5, 12)


def test_a_scene_takes_such_a_path(tmp_path: Path) -> None:
    (tmp_path / "camera.chan").write_text(chan())
    text = f"prompts: a sea\nframes: {COUNT}\nwarp: {{projection: pinhole}}\ncamera: {{path: camera.chan}}\n"
    (tmp_path / "a.yaml").write_text(text)
    row = read_scene(tmp_path / "a.yaml").timeline.row(5)
    assert row["camera.fov"] == 35
    assert row["camera.rotation_3d_y"] != 0


MOVING = (
    "prompts: a sea\nframes: 9\nfps: 10\ncamera: {translation_z: '0: (3), 8: (9)', translation_x: 2,\n"
    "  translation_y: -1, rotation_3d_y: 'sin(t)', rotation_3d_x: 0.5, rotation_3d_z: 2, fov: 50}\n"
)


@pytest.mark.parametrize("kind", ["chan", "json"])
def test_what_is_written_is_read_back_to_the_same_moves(kind: str, tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text(MOVING)
    loaded = read_scene(tmp_path / "a.yaml")
    track = camera_track(loaded.timeline, loaded.scene.fps, loaded.scene.size)
    (tmp_path / f"a.{kind}").write_text(WRITERS[kind](track))
    read = read_camera_path(tmp_path / f"a.{kind}", 9, 10)
    for name, values in read.values.items():
        np.testing.assert_allclose(
            values[1:], loaded.timeline.table[name].to_numpy()[1:], atol=1e-6, err_msg=name
        )


def test_gltf_holds_every_frame(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text(MOVING)
    loaded = read_scene(tmp_path / "a.yaml")
    track = camera_track(loaded.timeline, loaded.scene.fps, loaded.scene.size)
    tree = json.loads(WRITERS["gltf"](track))
    data = base64.b64decode(tree["buffers"][0]["uri"].partition(",")[2])
    parts = [
        np.frombuffer(data, "<f4", view["byteLength"] // 4, view["byteOffset"])
        for view in tree["bufferViews"]
    ]
    np.testing.assert_allclose(parts[0], np.arange(9) / 10, atol=1e-6)
    np.testing.assert_allclose(parts[1].reshape(9, 3), track.matrices[:, :3, 3], atol=1e-6)
    turns = Rotation.from_quat(parts[2].reshape(9, 4)).as_matrix()
    np.testing.assert_allclose(turns, track.matrices[:, :3, :3], atol=1e-6)
    assert tree["cameras"][0]["perspective"]["yfov"] == pytest.approx(np.radians(50))
    np.testing.assert_allclose(track.matrices[0], np.eye(4), atol=1e-12)
    assert track.matrices[1, 2, 3] < 0  # forwards is along -z
