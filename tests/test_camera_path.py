"""Camera paths from files: the same view as the matrices give, and every fault with its place."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from animator.errors import UsageError
from animator.film.rows import camera_3d
from animator.keyframes import Clock, Curve
from animator.scene.camera_path import UNITS_PER_DEPTH, CameraPath, read_camera_path, with_camera_path
from animator.scene.curves import compile_curves
from animator.scene.fit import Fit, build_scene, fit_section
from animator.scene.layers import read_layers
from animator.settings.scene import scene_schema
from animator.types import Camera
from animator.warp import camera3d
from animator.warp.camera3d import camera_rotation, camera_translation

FRAMES, FPS, FOV = 20, 10.0, 55.0


def poses(count: int, seed: int = 3) -> list[np.ndarray]:
    """Camera-to-world matrices of an arbitrary, winding path."""
    rng = np.random.default_rng(seed)
    turns = np.cumsum(rng.normal(0, 4, (count, 3)), axis=0)
    places = np.cumsum(rng.normal(0, 0.07, (count, 3)), axis=0) + (5, -2, 1)
    matrices = []
    for turn, place in zip(turns, places, strict=True):
        matrix = np.eye(4)
        matrix[:3, :3] = Rotation.from_euler("yxz", turn, degrees=True).as_matrix()
        matrix[:3, 3] = place
        matrices.append(matrix)
    return matrices


def written(tmp_path: Path, matrices: list[np.ndarray], fps: float = FPS, **more: Any) -> Path:
    cameras = [{"camera_to_world": one.ravel().tolist(), "fov": FOV, "aspect": 1.5} for one in matrices]
    data = {"camera_path": cameras, "fps": fps, "seconds": len(cameras) / fps, "camera_type": "perspective"}
    path = tmp_path / "camera_path.json"
    path.write_text(json.dumps(data | more))
    return path


def move_of(path: CameraPath, frame: int) -> Camera:
    class Row:
        def __getitem__(self, name: str) -> float:
            column = path.values.get(name)
            return float(column[frame]) if column is not None else 0.0

    return camera_3d(Row())  # type: ignore[arg-type]


def seen(points: np.ndarray) -> np.ndarray:
    """A pinhole's projection of points (N x 3; x right, y down, z forwards)."""
    return points[:, :2] / points[:, 2:] / math.tan(math.radians(FOV) / 2)


def test_the_chain_of_moves_sees_what_the_matrices_see(tmp_path: Path) -> None:
    matrices = poses(FRAMES)
    path = read_camera_path(written(tmp_path, matrices), FRAMES, FPS)
    assert not path.notices
    cloud = np.random.default_rng(1).uniform((-3, -3, 9), (3, 3, 20), (200, 3))
    world = cloud * (1, -1, -1) @ matrices[0][:3, :3].T + matrices[0][:3, 3]
    points = cloud
    for frame in range(FRAMES):
        if frame:
            move = move_of(path, frame)
            points = points @ camera_rotation(move) + camera_translation(move)
        opengl = (world - matrices[frame][:3, 3]) @ matrices[frame][:3, :3]
        direct = opengl * (1, -1, -1)
        assert direct[:, 2].min() > 0.5
        np.testing.assert_allclose(seen(points), seen(direct), atol=1e-6)
    np.testing.assert_allclose(path.values["camera.fov"], FOV)


def test_signs_are_those_of_the_conventions(tmp_path: Path) -> None:
    start, end = np.eye(4), np.eye(4)
    end[:3, 3] = (0.1, 0.2, -0.3)  # right, up and forwards in OpenGL's axes
    move = move_of(read_camera_path(written(tmp_path, [start, end]), 2, FPS), 1)
    assert (move.translation_x, move.translation_y, move.translation_z) == pytest.approx((20, 40, 60))
    end = np.eye(4)
    end[:3, :3] = Rotation.from_euler("y", -10, degrees=True).as_matrix()  # about "up": to the right
    move = move_of(read_camera_path(written(tmp_path, [start, end]), 2, FPS), 1)
    assert (move.rotation_3d_x, move.rotation_3d_y, move.rotation_3d_z) == pytest.approx((0, 10, 0))


def test_units_are_those_of_the_warp() -> None:
    assert camera3d.UNITS_PER_DEPTH == UNITS_PER_DEPTH


def test_scale_multiplies_the_way_alone(tmp_path: Path) -> None:
    matrices = poses(4)
    once = read_camera_path(written(tmp_path, matrices), 4, FPS).values
    twice = read_camera_path(written(tmp_path, matrices, scale=2.0), 4, FPS).values
    np.testing.assert_allclose(twice["camera.translation_y"], 2 * once["camera.translation_y"])
    np.testing.assert_allclose(twice["camera.rotation_3d_x"], once["camera.rotation_3d_x"])


def test_a_faster_film_takes_smaller_steps_to_the_same_place(tmp_path: Path) -> None:
    start, end = np.eye(4), np.eye(4)
    end[:3, 3] = (0, 0, -1)
    end[:3, :3] = Rotation.from_euler("z", 40, degrees=True).as_matrix()
    path = read_camera_path(written(tmp_path, [start, end], fps=1.0), 5, 4.0)
    np.testing.assert_allclose(path.values["camera.translation_z"], [0, 50, 50, 50, 50], atol=1e-9)
    np.testing.assert_allclose(path.values["camera.rotation_3d_z"], [0, -10, -10, -10, -10], atol=1e-9)


def test_a_longer_film_lets_the_camera_rest_and_says_so(tmp_path: Path) -> None:
    path = read_camera_path(written(tmp_path, poses(5)), 9, FPS)
    assert "from frame 5 on the camera rests" in path.notices[0]
    for name, values in path.values.items():
        if name != "camera.fov":
            np.testing.assert_allclose(values[5:], 0, atol=1e-9)
            assert np.abs(values[1:5]).min() > 0


def test_a_shorter_film_and_a_changing_view_are_told(tmp_path: Path) -> None:
    matrices = [one.ravel().tolist() for one in poses(4)]
    cameras = [{"camera_to_world": one, "fov": 40 + n} for n, one in enumerate(matrices)]
    file = tmp_path / "p.json"
    file.write_text(json.dumps({"camera_path": cameras, "fps": 1}))
    path = read_camera_path(file, 2, 1.0)
    assert "lasts 3 s" in path.notices[0]
    assert "field of view changes" in path.notices[1]


def test_a_table_is_read_by_frame_and_filled_linearly(tmp_path: Path) -> None:
    file = tmp_path / "moves.csv"
    file.write_text("frame,camera.translation_z,rotation_3d_y,prompts\n4,50,1,a sea\n0,10,0,fog\n5,,2,x\n")
    path = read_camera_path(file, 7, 12)
    np.testing.assert_allclose(path.values["camera.translation_z"], [10, 20, 30, 40, 50, 50, 50])
    np.testing.assert_allclose(path.values["camera.rotation_3d_y"], [0, 0.25, 0.5, 0.75, 1, 2, 2])
    assert "not used: prompts" in path.notices[0]
    assert "frames 0 to 5, the film has 0 to 6" in path.notices[1]


def test_rows_without_numbers_are_a_frame_each(tmp_path: Path) -> None:
    file = tmp_path / "moves.csv"
    file.write_text("zoom\n1\n1.5\n2\n")
    np.testing.assert_allclose(read_camera_path(file, 3, 12).values["camera.zoom"], [1, 1.5, 2])


@pytest.mark.parametrize("name", ["a.csv", "a.CSV", "a.tsv", "a.txt"])
@pytest.mark.parametrize(
    "text",
    [
        "frame;zoom;translation_x\n0;1,5;-2\n2;2,5;1e1\n",
        "sep=;\nframe;zoom;translation_x\r\n0;1.5;\N{MINUS SIGN}2\r\n2;2.5;10\r\n",
        "frame\tzoom\ttranslation_x\n0\t1.5\t-2,0\n2\t2,5\t10\n",
        '"frame";"zoom";"translation_x"\n"0";"1,5";"-2"\n"2";"2,5";"10"\n',
        "frame,zoom,translation_x\n0,1.5,-2\n2,2.5,10\n",
    ],
)
def test_cells_are_separated_by_commas_semicolons_or_tabs(tmp_path: Path, name: str, text: str) -> None:
    for encoding in ("utf-8", "utf-8-sig", "utf-16"):
        (tmp_path / name).write_text(text, encoding=encoding, newline="")
        values = read_camera_path(tmp_path / name, 3, 12).values
        np.testing.assert_allclose(values["camera.zoom"], [1.5, 2, 2.5])
        np.testing.assert_allclose(values["camera.translation_x"], [-2, 4, 10])


MATRIX = np.eye(4).ravel().tolist()


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("a.json", "{", "not JSON (line 1"),
        ("a.json", "[" * 100_000, "not JSON"),
        ("a.json", "[]", "has no camera_path"),
        ("a.json", '{"camera_path": []}', "has no camera_path"),
        ("a.json", '{"camera_path": [3]}', "camera 0: expected"),
        ("a.json", json.dumps({"camera_path": [{"camera_to_world": [1] * 12}]}), "has 12 numbers"),
        ("a.json", json.dumps({"camera_path": [{"camera_to_world": [math.nan, *MATRIX[1:]]}]}), "no number"),
        ("a.json", json.dumps({"camera_path": [{"camera_to_world": ["1", *MATRIX[1:]]}]}), "no number"),
        ("a.json", json.dumps({"camera_path": [{"camera_to_world": [-1, *MATRIX[1:]]}]}), "no rotation"),
        ("a.json", json.dumps({"camera_path": [{"camera_to_world": MATRIX}], "fps": 0}), "fps is 0"),
        ("a.json", json.dumps({"camera_path": [{"camera_to_world": MATRIX, "fov": "x"}]}), "camera 0: fov"),
        ("a.csv", "frame,zoom\n", "expected a head"),
        ("a.csv", "frame,translation_w\n0,1\n", "did you mean translation_"),
        ("a.csv", "frame,prompts\n0,1\n", "no column is a move"),
        ("a.csv", "zoom,camera.zoom\n0,1\n", "two columns for camera.zoom"),
        ("a.csv", "frame,zoom\n0,1\n\n1,nan\n", "a.csv:4: zoom is 'nan'"),
        ("a.csv", "frame,zoom\n-1,1\n", "a.csv:2: frame is '-1'"),
        ("a.csv", "frame,zoom\n10000000,1\n", "whole number from 0"),
        ("a.csv", "frame,zoom\n2,1\n2,1\n", "a.csv:3: frame 2 is in line 2 already"),
        ("a.csv", "frame,zoom\n2\n", "has 1 cells"),
        ("a.csv", "frame,zoom,angle\n2,1,\n", "angle has no number"),
        ("a.csv", "", "expected a head"),
        ("a.csv", "frame;zoom\n0;1.000,5\n", "a.csv:2: zoom is '1.000,5', expected a number"),
        ("a.csv", "sep=;\nframe;zoom\n0;1,x\n", "a.csv:3: zoom is '1,x', expected a number"),
        ("a.csv", 'frame,zoom\n0,"1,5"\n', "a.csv:2: zoom is '1,5', expected a number"),
        ("a.tsv", "frame\tzoom\n0\n", "a.tsv:2: has 1 cells"),
    ],
)
def test_faults_name_their_place(tmp_path: Path, name: str, text: str, said: str) -> None:
    (tmp_path / name).write_text(text)
    with pytest.raises(UsageError) as fault:
        read_camera_path(tmp_path / name, 3, 12)
    assert said in str(fault.value)
    assert name in str(fault.value)
    assert "\n" not in str(fault.value)


def test_absent_huge_and_binary_files_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="No such file"):
        read_camera_path(tmp_path / "none.json", 3, 12)
    with (tmp_path / "huge.json").open("wb") as file:
        file.truncate(200_000_000)
    with pytest.raises(UsageError, match="more than 20 MB"):
        read_camera_path(tmp_path / "huge.json", 3, 12)
    (tmp_path / "b.csv").write_bytes(b"\xff\xfe\x00\xd8")
    with pytest.raises(UsageError, match="UTF-8"):
        read_camera_path(tmp_path / "b.csv", 3, 12)


def compiled(tmp_path: Path, text: str) -> tuple[dict[str, Any], list[str], list[str]]:
    """The values, notices and faults of a scene with a path, as `read_scene` goes about it."""
    (tmp_path / "scene.yaml").write_text(text)
    fit = Fit(scene_schema())
    root, problems = read_layers(tmp_path / "scene.yaml", "scene.yaml", fit.sections)
    assert not problems
    scene = build_scene(fit_section(root, fit.schema, fit), fit, root)
    clock = Clock(scene.count, scene.fps)
    values, _ = compile_curves(scene, fit, clock, True)
    values, notices = with_camera_path(scene, values, fit, clock)
    return values, [str(one) for one in notices], [str(one) for one in fit.problems]


SCENE = "prompts: [a sea]\nframes: 3\nwarp: {projection: pinhole}\n"


def test_the_path_takes_the_place_of_the_scenes_moves(tmp_path: Path) -> None:
    (tmp_path / "p.csv").write_text("translation_z\n1\n2\n3\n")
    values, notices, faults = compiled(tmp_path, SCENE + "camera: {path: p.csv, translation_x: 7, fov: 50}\n")
    assert (notices, faults) == ([], [])
    assert isinstance(values["camera.translation_z"], Curve)
    np.testing.assert_allclose(values["camera.translation_z"].values, [1, 2, 3])
    np.testing.assert_allclose(values["camera.translation_x"].values, 7)
    assert "guidance.clip_guidance_scale" in values


def test_a_move_that_both_give_is_a_fault_unless_it_is_the_default(tmp_path: Path) -> None:
    (tmp_path / "p.csv").write_text("translation_z\n1\n2\n3\n")
    _, _, faults = compiled(tmp_path, SCENE + "camera: {path: p.csv, translation_z: 7}\n")
    assert len(faults) == 1
    assert "scene.yaml:4:38: camera.translation_z: camera.path gives this move too" in faults[0]
    assert not compiled(tmp_path, SCENE + "camera: {path: p.csv, translation_z: 0}\n")[2]


def test_what_the_path_gives_is_held_to_the_ranges(tmp_path: Path) -> None:
    (tmp_path / "p.csv").write_text("fov\n40\n190\n40\n")
    _, _, faults = compiled(tmp_path, SCENE + "camera: {path: p.csv}\n")
    assert len(faults) == 1
    assert "camera.fov is 190 at frame 1" in faults[0]


@pytest.mark.parametrize(
    ("scene", "said"),
    [
        ("mode: 2d\nprompts: [a]\ncamera: {path: camera_path.json}\n", "is a path in space"),
        ("prompts: [a]\ncamera: {path: none.json}\n", "scene.yaml:2:16: camera.path"),
    ],
)
def test_a_path_that_cannot_be_used_is_the_scenes_fault(tmp_path: Path, scene: str, said: str) -> None:
    written(tmp_path, poses(3))
    values, _, faults = compiled(tmp_path, scene)
    assert len(faults) == 1
    assert said in faults[0]
    assert "camera.zoom" in values


def test_the_ways_of_a_path_are_multiplied(tmp_path: Path) -> None:
    written(tmp_path, poses(3))
    camera = "prompts: [a]\nframes: 3\nfps: 10\nwarp: {projection: pinhole}\ncamera: {path: camera_path.json"
    once, twice = (compiled(tmp_path, camera + more)[0] for more in ("}\n", ", path_scale: 2.5}\n"))
    for name in ("camera.translation_x", "camera.translation_z"):
        np.testing.assert_allclose(twice[name].values, 2.5 * once[name].values)
    np.testing.assert_array_equal(twice["camera.rotation_3d_y"].values, once["camera.rotation_3d_y"].values)
    np.testing.assert_array_equal(twice["camera.fov"].values, once["camera.fov"].values)


def test_a_real_cameras_path_in_discos_box_is_noted(tmp_path: Path) -> None:
    written(tmp_path, poses(3))
    text = "prompts: [a]\nframes: 3\nfps: 10\ncamera: {path: camera_path.json}\n"
    values, notices, faults = compiled(tmp_path, text)
    assert not faults
    assert "pinhole" in notices[0]
    np.testing.assert_allclose(values["camera.fov"].values, FOV)
