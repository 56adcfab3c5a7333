"""Cameras of USD files against matrices that are known; without its reader, one line."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from animator.errors import UsageError
from animator.scene.camera_path import camera_moves, read_camera_path
from animator.scene.camera_usd import read_usd

FPS = 24.0
COUNT = 6
FLIP = np.diag((1.0, -1.0, -1.0))
RANDOM = np.random.default_rng(3)
WAYS = np.cumsum(RANDOM.normal(0, 20, (COUNT, 3)), axis=0)
ANGLES = np.cumsum(RANDOM.normal(0, 5, (COUNT, 3)), axis=0)


def stage(rate: int = 24, first: int = 101) -> str:
    """Return a stage in centimetres, z up, with a camera on a node that stands somewhere and is turned."""
    samples = "".join(f"{first + n}: ({x}, {y}, {z}), " for n, (x, y, z) in enumerate(WAYS.tolist()))
    turns = "".join(f"{first + n}: ({x}, {y}, {z}), " for n, (x, y, z) in enumerate(ANGLES.tolist()))
    return f"""#usda 1.0
(
    metersPerUnit = 0.01
    upAxis = "Z"
    timeCodesPerSecond = {rate}
    startTimeCode = {first}
    endTimeCode = {first + COUNT - 1}
)
def Camera "still" {{
}}
def Xform "rig" {{
    double3 xformOp:translate = (10, 20, 30)
    float xformOp:rotateZ = 90
    uniform token[] xformOpOrder = ["xformOp:translate", "xformOp:rotateZ"]
    def Camera "shot" {{
        float focalLength = 50
        float verticalAperture = 25
        double3 xformOp:translate.timeSamples = {{ {samples} }}
        double3 xformOp:rotateXYZ.timeSamples = {{ {turns} }}
        uniform token[] xformOpOrder = ["xformOp:translate", "xformOp:rotateXYZ"]
    }}
}}
"""


def wanted() -> dict[str, np.ndarray]:
    rig = Rotation.from_euler("z", 90, degrees=True)
    turns = rig * Rotation.from_euler("xyz", ANGLES, degrees=True)
    return camera_moves(turns.as_matrix() @ FLIP, (rig.apply(WAYS) + (10, 20, 30)) / 100)


def test_without_the_reader_one_line_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "pxr", None)
    (tmp_path / "a.usda").write_text(stage())
    with pytest.raises(UsageError, match=r"which is not installed: pip install 'animator\[usd\]'$"):
        read_camera_path(tmp_path / "a.usda", COUNT, FPS)


def test_a_camera_on_a_rig_in_centimetres(tmp_path: Path) -> None:
    pytest.importorskip("pxr", reason="usd-core, of animator[usd], is not installed")
    (tmp_path / "a.usda").write_text(stage())
    read = read_camera_path(tmp_path / "a.usda", COUNT, FPS)
    for name, values in wanted().items():
        np.testing.assert_allclose(read.values[name], values, atol=1e-5, err_msg=name)
    np.testing.assert_allclose(read.values["camera.fov"], np.degrees(2 * np.arctan(0.25)), atol=1e-5)
    assert read.notices == (f"{tmp_path / 'a.usda'}: has 2 cameras; the path of shot is taken",)


def test_every_form_and_pace(tmp_path: Path) -> None:
    pxr = pytest.importorskip("pxr.Usd", reason="usd-core, of animator[usd], is not installed")
    (tmp_path / "a.usda").write_text(stage(rate=12))
    for ending in ("usdc", "usd"):
        pxr.Stage.Open(str(tmp_path / "a.usda")).Export(str(tmp_path / f"b.{ending}"))
        poses, _ = read_usd(tmp_path / f"b.{ending}", FPS)
        assert len(poses.at) == 2 * COUNT - 1
        between = (WAYS[0] + WAYS[1]) / 2
        rig = Rotation.from_euler("z", 90, degrees=True)
        np.testing.assert_allclose(poses.positions[1], (rig.apply(between) + (10, 20, 30)) / 100, atol=1e-6)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("#usda 1.0\n(\n", "not a sound USD file"),
        ("#usda 1.0\n\udcff\udcfe{", "not a sound USD file"),
        ('#usda 1.0\ndef Xform "a" {}\n', "has no camera in it"),
        ('#usda 1.0\ndef Camera "a" {\n    float verticalAperture = 0\n}\n', "cannot be used"),
    ],
)
def test_a_broken_file_is_one_line(text: str, message: str, tmp_path: Path) -> None:
    pytest.importorskip("pxr", reason="usd-core, of animator[usd], is not installed")
    (tmp_path / "a.usda").write_bytes(text.encode(errors="surrogateescape"))
    with pytest.raises(UsageError, match=message) as refused:
        read_camera_path(tmp_path / "a.usda", COUNT, FPS)
    assert "\n" not in str(refused.value)
