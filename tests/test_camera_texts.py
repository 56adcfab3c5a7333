"""Cameras of After Effects and of the add-ons that Blender has for Deforum, against poses that are known."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from animator.errors import UsageError
from animator.scene.camera_after_effects import read_keyframe_data
from animator.scene.camera_path import camera_moves, read_camera_path
from animator.scene.camera_strings import read_exported
from animator.scene.reading import read_scene

FPS = 25.0
COUNT = 8
FLIP = np.diag((1.0, -1.0, -1.0))
HEAD = (
    "Adobe After Effects 8.0 Keyframe Data\n\n\tUnits Per Second\t25\n\tSource Width\t1920\n"
    "\tSource Height\t1080\n\tSource Pixel Aspect Ratio\t1\n\tComp Pixel Aspect Ratio\t1\n\n"
)
END = "\n\nEnd of Keyframe Data\n"
RANDOM = np.random.default_rng(4)
PLACES = np.cumsum(RANDOM.normal(0, 40, (COUNT, 3)), axis=0) + (960, 540, -2666)
ANGLES = np.cumsum(RANDOM.normal(0, 6, (COUNT, 3)), axis=0)


def section(name: str, rows: np.ndarray, first: int = 0, unit: str = "pixels") -> str:
    heads = "".join(f"\t{axis} {unit}" for axis in "XYZ"[: rows.shape[1]])
    lines = ["\t".join(["", str(first + n), *(f"{one:.9f}" for one in row)]) for n, row in enumerate(rows)]
    return f"{name}\n\tFrame{heads}\t\n" + "\n".join(lines) + "\n\n"


def about(axis: int, degrees: float) -> np.ndarray:
    """Return the turn about x, y or z by the right-hand rule."""
    c, s = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
    turn = np.eye(3)
    a, b = [(1, 2), (2, 0), (0, 1)][axis]
    turn[a, a], turn[a, b], turn[b, a], turn[b, b] = c, -s, s, c
    return turn


def test_orientation_and_turns() -> None:
    others = ANGLES[::-1]
    text = HEAD + section("Transform\tPosition", PLACES) + section("Transform\tOrientation", ANGLES)
    for axis in range(3):
        text += section(f"Transform\t{'XYZ'[axis]} Rotation", others[:, axis : axis + 1], unit="degrees")
    poses, notices = read_keyframe_data(text + END, "a.txt", FPS)
    for frame in range(COUNT):
        turn = np.eye(3)
        for angles in (ANGLES[frame], others[frame]):
            for axis in range(3):
                turn = turn @ about(axis, angles[axis])
        np.testing.assert_allclose(poses.rotations[frame], turn, atol=1e-6)
    np.testing.assert_allclose(poses.positions, PLACES / 100, atol=1e-6)
    assert (notices, poses.fov) == ([], None)


def test_a_camera_looks_at_its_point_of_interest_and_does_not_roll() -> None:
    point = np.array([[900.0, 300.0, 50.0]])
    still = "Transform\tPoint of Interest\n\tFrame\tX pixels\tY pixels\tZ pixels\t\n\t\t900\t300\t50\n\n"
    zoom = "Camera Options\tZoom\n\tFrame\tpixels\t\n\t\t1080\n\n"
    text = HEAD + section("Transform\tPosition", PLACES) + still + zoom
    poses, _ = read_keyframe_data(text, "a.txt", FPS)
    ways = (point - PLACES) / np.linalg.norm(point - PLACES, axis=1, keepdims=True)
    np.testing.assert_allclose(poses.rotations[:, :, 2], ways, atol=1e-9)
    np.testing.assert_allclose(poses.rotations[:, 1, 0], 0, atol=1e-9)  # the horizon is level
    assert poses.rotations[:, 1, 1].min() > 0  # and down is down
    assert poses.fov is not None
    np.testing.assert_allclose(poses.fov, np.degrees(2 * np.arctan(0.5)))


def test_ends_of_lines_separate_axes_and_a_pace_of_its_own(tmp_path: Path) -> None:
    text = HEAD.replace("\t25\n", "\t50\n") + "".join(
        section(f"Transform\t{axis} Position", PLACES[:, n : n + 1], first=31) for n, axis in enumerate("XYZ")
    )
    (tmp_path / "camera.txt").write_bytes((text + END).replace("\n", "\r").encode())
    read = read_camera_path(tmp_path / "camera.txt", 4, FPS)
    wanted = camera_moves(np.tile(np.eye(3), (4, 1, 1)), PLACES[::2] / 100)
    for name, values in wanted.items():
        np.testing.assert_allclose(read.values[name], values, atol=1e-6, err_msg=name)


def test_expressions_and_gaps_are_noted() -> None:
    formula = "Expression Data\n// tracked\ntransform.position\nEnd of Expression Data\n"
    interest = f"Transform\tPoint of Interest\n\tFrame\n\t\t0\t0\t0\n{formula}"
    text = HEAD + interest + section("Transform\tPosition", PLACES)
    poses, notices = read_keyframe_data(text, "a.txt", FPS)
    np.testing.assert_allclose(poses.rotations, np.tile(np.eye(3), (COUNT, 1, 1)))
    assert notices == []
    text = HEAD + section("Transform\tPosition", PLACES).rstrip() + "\nExpression Data\nwiggle(1,9)\n"
    assert "position: expressions are not evaluated" in read_keyframe_data(text, "a.txt", FPS)[1][0]
    lines = (HEAD + section("Transform\tPosition", PLACES)).splitlines()
    text = "\n".join(line for line in lines if not line.startswith(("\t3\t", "\t4\t")))
    poses, notices = read_keyframe_data(text, "a.txt", FPS)
    assert "straight from key to key" in notices[0]
    np.testing.assert_allclose(poses.positions[3], (2 * PLACES[2] + PLACES[5]) / 300, atol=1e-6)


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ("", "has no position of a camera \\(none"),
        ("Transform\tZ Position\n\t0\t5\n", "only z position"),
        ("Transform\tPosition\n\tFrame\n\t0\t1\t2\n", r"a.txt:11: '0 1 2' is no frame and 3 numbers"),
        ("Transform\tPosition\n\t0\t1\t2\tnan\n", "is no frame and 3 numbers"),
        ("Transform\tPosition\n\tx\t1\t2\t3\n", "is no frame and 3 numbers"),
        ("Transform\tPosition\n\t5\t1\t2\t3\n\t5\t1\t2\t3\n", "frame 5 does not come after 5"),
        ("Transform\tPosition\n\t\t1\t2\t3\n\t\t1\t2\t3\n", "does not come after"),
        ("Transform\tPosition\n\t0\t1\t2\t3\nTransform\tPosition\n\t0\t1\t2\t3\n", "is there twice"),
        ("Effects\tPuppet\tPosition\n\t0\t1\t2\n", "has no position of a camera"),
    ],
)
def test_a_broken_text_is_one_line(body: str, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        read_keyframe_data(HEAD + body, "a.txt", FPS)


def exported(kind: str, last: int = COUNT + 1) -> tuple[str, np.ndarray, np.ndarray]:
    """Return what an add-on writes of a camera, and its matrices: of the last frame it writes nothing."""
    turns = Rotation.from_euler("xyz", ANGLES, degrees=True)
    places = PLACES / 300
    change = turns[:-1].inv() * turns[1:]
    angles = change.as_euler("xyz", degrees=True) * (1, -1, -1)
    ways = turns[1:].inv().apply(np.diff(places, axis=0)) * (50, 50, -50)
    table = np.concatenate([ways, angles], -1)
    names = [f"{what}_{axis}" for what in ("translation", "rotation_3d") for axis in "xyz"]
    texts = {
        name: ",".join(f"{n}:({value!r})" for n, value in enumerate(table[:, column].tolist())) + ","
        for column, name in enumerate(names)
    }
    head = f"Export frames 1 - {last}\nExport cameras ['Camera']\n\nCamera Export: Camera\n"
    if kind == "strings":
        body = "".join(f'{name} = "{text}" #@param {{type:"string"}}\n' for name, text in texts.items())
    elif kind == "cam_code":
        joined = ", ".join(f'"{text}"' for text in texts.values())
        body = f"cam_code:\n({','.join(names)}) = ({joined})\n"
    elif kind == "raw":
        head = head.partition("\n\n")[0] + "\n"
        body = "".join(f"\nRaw frames for {name}:\n{text.rstrip(',')}\n" for name, text in texts.items())
    else:
        tree = json.dumps({name: table[:, column].tolist() for column, name in enumerate(names)})
        if kind == "alone":
            return tree, turns.as_matrix(), places
        body = f"JSON:\n {tree}\n"
    return head + body + "\n", turns.as_matrix(), places


@pytest.mark.parametrize("kind", ["strings", "cam_code", "raw", "json", "alone"])
def test_the_add_ons_of_blender(kind: str, tmp_path: Path) -> None:
    text, turns, places = exported(kind)
    (tmp_path / "camera.txt").write_text(text)
    read = read_camera_path(tmp_path / "camera.txt", COUNT, FPS)
    for name, values in camera_moves(turns @ FLIP, places * 50 / 200).items():
        np.testing.assert_allclose(read.values[name], values, atol=1e-6, err_msg=name)
    assert read.notices == ()


def test_what_does_not_change_is_left_out_between_keys_and_at_the_end(tmp_path: Path) -> None:
    text = (
        'Export frames 1 - 10\nCamera Export: A\ntranslation_z = "0:(2),7:(2),"\nrotation_3d_x = "0:(0),"\n'
    )
    poses, _ = read_exported(text, "a.txt")
    np.testing.assert_allclose(poses.positions[:, 2], np.arange(9) * 0.01)
    raw = "Export frames 1 - 10\n\nRaw frames for translation_z:\n0:(2),4:(6)\n"
    poses, _ = read_exported(raw, "a.txt")
    np.testing.assert_allclose(np.diff(poses.positions[:, 2]), np.array([2, 2, 2, 2, 6, 6, 6, 6]) / 200)


def test_of_several_cameras_the_first() -> None:
    text, _, places = exported("strings")
    other = (
        text.partition("\n\n")[2].replace("Camera Export: Camera", "Camera Export: B").replace(":(", ":(9")
    )
    poses, notices = read_exported(text + other, "a.txt")
    assert len(poses.positions) == len(places)
    assert notices == ["a.txt: has 2 cameras; the path of Camera is taken"]
    np.testing.assert_allclose(poses.rotations, read_exported(text, "a.txt")[0].rotations)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('translation_x = ""', "translation_x has no keys such as"),
        ('translation_x = "0:(a)"', "holds what is no number"),
        ('translation_x = "0:(1e999)"', "holds what is no number"),
        ('translation_x = "999999999:(1)"', "no keys such as"),
        ('{"translation_x": [1, 2', "is cut off"),
        ('{"translation_x": [1, "two"]}', "holds what is no number"),
        ('{"translation_x": [[1], [2]]}', "holds what is no number"),
        ('{"translation_x": []}', "has 0 moves of a camera"),
    ],
)
def test_a_broken_export_is_one_line(text: str, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        read_exported(text, "a.txt")


def test_rows_in_json(tmp_path: Path) -> None:
    """An add-on for Parseq writes keys: what is null is not written."""
    rows = [
        {"frame": 0, "translation_x": 1.5, "rotation_3d_y": None},
        {"frame": 4, "translation_x": 3.5, "rotation_3d_y": 2},
    ]
    (tmp_path / "a.json").write_text(json.dumps(rows))
    read = read_camera_path(tmp_path / "a.json", 5, FPS)
    assert read.values["camera.translation_x"].tolist() == [1.5, 2, 2.5, 3, 3.5]
    assert read.values["camera.rotation_3d_y"].tolist() == [2] * 5
    for wrong, message in (
        ([{"frame": 0}], "no row has a move"),
        ([3], "row 0: expected an object"),
        ([*rows, rows[0]], "frame 0 is in row 0 already"),
        ([{"frame": -1, "zoom": 1}], "expected a whole number"),
        ([{"zoom": "wide"}], "expected a number"),
        ([], "has no camera_path"),
    ):
        (tmp_path / "a.json").write_text(json.dumps(wrong))
        with pytest.raises(UsageError, match=message):
            read_camera_path(tmp_path / "a.json", 5, FPS)


def test_a_scene_takes_them_and_a_film_in_2d_does_not(tmp_path: Path) -> None:
    (tmp_path / "ae.txt").write_text(HEAD + section("Transform\tPosition", PLACES))
    scene = "prompts: a sea\nframes: 8\nfps: 25\nwarp: {projection: pinhole}\ncamera: {path: ae.txt}\n"
    (tmp_path / "a.yaml").write_text(scene)
    row = read_scene(tmp_path / "a.yaml").timeline.row(3)
    assert row["camera.translation_x"] == pytest.approx((PLACES[3, 0] - PLACES[2, 0]) * 2)
    (tmp_path / "a.yaml").write_text("mode: 2d\nprompts: a sea\nframes: 8\ncamera: {path: ae.txt}\n")
    with pytest.raises(Exception, match="is a path in space"):
        read_scene(tmp_path / "a.yaml")
