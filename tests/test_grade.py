"""The look over finished pictures: every formula by what it must do, and files of colour tables."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
import torch

from animator.errors import UsageError
from animator.grade.cube import read_cube
from animator.grade.looks import Look, graded

GREY = np.full((64, 96, 3), 128, np.uint8)


def picture(dtype: type = np.uint8) -> np.ndarray:
    most = np.iinfo(dtype).max
    return np.random.default_rng(0).integers(0, most, (32, 48, 3), endpoint=True).astype(dtype)


def cube(path: Path, size: int, colour=lambda r, g, b: (r, g, b), head: str = "") -> Path:
    points = np.linspace(0, 1, size)
    rows = [colour(r, g, b) for b in points for g in points for r in points]
    lines = [f"{r:.9f} {g:.9f} {b:.9f}" for r, g, b in rows]
    path.write_text(
        "\n".join(['TITLE "a 1 2 3"', "# made here", head, f"LUT_3D_SIZE {size}", "", *lines]) + "\n"
    )
    return path


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_the_plain_look_changes_nothing(dtype) -> None:
    assert np.array_equal(graded(picture(dtype), Look(), None, 1, 0), picture(dtype))


@pytest.mark.parametrize(
    ("look", "before", "after"),
    [
        (Look(brightness=0.1), (100, 100, 100), (126, 126, 126)),  # 0.1 of white is 25.5 levels
        (Look(contrast=0), (10, 200, 90), (128, 128, 128)),
        (Look(contrast=3), (100, 128, 160), (45, 129, 225)),  # 127.5 stays
        (Look(saturation=0), (255, 0, 0), (54, 54, 54)),  # BT.709: 0.2126 of 255
        (Look(gamma=2), (64, 0, 255), (128, 0, 255)),  # the root of 64/255 is 0.501
        (Look(brightness=1), (3, 3, 3), (255, 255, 255)),
    ],
)
def test_tones(look, before, after) -> None:
    found = graded(np.full((4, 4, 3), before, np.uint8), look, None, 1, 0)
    assert found[0, 0].tolist() == list(after)
    assert (found == found[0, 0]).all()


def test_saturation_keeps_the_brightness() -> None:
    muted = graded(np.full((2, 2, 3), (200, 90, 40), np.uint8), Look(saturation=0.5), None, 1, 0)[0, 0]
    luma = np.array([0.2126, 0.7152, 0.0722])
    assert muted @ luma == pytest.approx(np.array([200, 90, 40]) @ luma, abs=0.6)


def test_sharpening_steepens_an_edge_and_leaves_what_is_flat() -> None:
    edge = np.full((32, 32, 3), 80, np.uint8)
    edge[:, 16:] = 160
    sharp = graded(edge, Look(sharpen=1, radius=2), None, 1, 0).astype(int)
    assert sharp[16, 15, 0] < 80 - 20  # half a step below, 1 - Phi(0.25) = 0.4 of 80 at the pixel beside it
    assert sharp[16, 16, 0] > 160 + 20
    assert abs(sharp[16, 2, 0] - 80) <= 1
    assert abs(sharp[0, 30, 0] - 160) <= 1  # at the border too
    wide = graded(edge, Look(sharpen=1, radius=5), None, 1, 0).astype(int)
    assert abs(wide[16, 8, 0] - 80) > abs(sharp[16, 8, 0] - 80)


def test_grain_is_grey_of_its_own_size_strongest_in_the_middle() -> None:
    look = Look(grain=0.04)
    grain = graded(GREY, look, None, 1, 0).astype(float) / 255 - 128 / 255
    assert np.abs(grain[..., 0] - grain[..., 1]).max() == 0
    assert grain.std() == pytest.approx(0.04, rel=0.05)
    assert abs(grain.mean()) < 0.002
    dark = graded(np.full_like(GREY, 25), look, None, 1, 0).astype(float) / 255
    assert 0.2 < dark.std() / grain.std() < 0.5  # 4 * 0.098 * 0.902 = 0.35
    assert np.array_equal(graded(np.zeros_like(GREY), look, None, 1, 0), np.zeros_like(GREY))


def test_each_picture_has_its_grain_by_seed_and_number() -> None:
    look = Look(grain=0.1)
    one = graded(GREY, look, None, 1, 0)
    assert np.array_equal(one, graded(GREY, look, None, 1, 0))
    for other in (graded(GREY, look, None, 1, 1), graded(GREY, look, None, 2, 0)):
        assert abs(np.corrcoef(one[..., 0].ravel(), other[..., 0].ravel())[0, 1]) < 0.1


def test_larger_grains_are_as_strong_and_less_fine() -> None:
    def neighbours(size: float) -> tuple[float, float]:
        grain = graded(np.full((128, 128, 3), 128, np.uint8), Look(grain=0.05, grain_size=size), None, 1, 0)
        channel = grain[..., 0].astype(float)
        return channel.std(), float(np.corrcoef(channel[:, 1:].ravel(), channel[:, :-1].ravel())[0, 1])

    (fine, alone), (coarse, together) = neighbours(1), neighbours(4)
    assert coarse == pytest.approx(fine, rel=0.1)
    assert abs(alone) < 0.05
    assert together > 0.8


def test_a_table_of_identity_changes_nothing_and_a_part_of_one_a_part(tmp_path) -> None:
    same = read_cube(cube(tmp_path / "same.cube", 5))
    assert np.abs(graded(picture(), Look(), same, 1, 0).astype(int) - picture()).max() == 0
    swapped = read_cube(cube(tmp_path / "swap.cube", 4, lambda r, g, b: (b, g, r)))
    assert np.abs(graded(picture(), Look(), swapped, 1, 0).astype(int) - picture()[..., ::-1]).max() <= 1
    half = graded(picture(), Look(lut_amount=0.5), swapped, 1, 0).astype(float)
    assert np.abs(half - (picture() + picture()[..., ::-1].astype(float)) / 2).max() <= 1


def test_tables_of_one_dimension_ranges_and_both_in_one_file(tmp_path) -> None:
    curve = tmp_path / "curve.cube"
    curve.write_text("LUT_1D_SIZE 3\nDOMAIN_MIN 0 0 0\nDOMAIN_MAX 1 1 2\n0 1 0\n0.5 0.5 0.5\n1 0 1\n")
    found = read_cube(curve).apply(torch.tensor([0.25, 0.25, 1.0])[:, None, None]).flatten().tolist()
    assert found == pytest.approx([0.25, 0.75, 0.5])
    both = tmp_path / "both.cube"
    body = "\n".join(f"{r} {g} {b}" for b in (0, 1) for g in (0, 1) for r in (0, 1))
    both.write_text(f"LUT_1D_SIZE 2\nLUT_1D_INPUT_RANGE 0 2\nLUT_3D_SIZE 2\n0 0 0\n1 1 1\n{body}\n")
    assert read_cube(both).apply(torch.full((3, 1, 1), 0.5)).flatten().tolist() == pytest.approx([0.25] * 3)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("hello", "x.cube:1: expected 3 numbers, found 'hello'"),
        ("# nothing", "neither LUT_1D_SIZE nor LUT_3D_SIZE"),
        ("LUT_3D_SIZE 2\n0 0 0", "has 1 rows of colours, and LUT_3D_SIZE 2 needs 8"),
        ("LUT_1D_SIZE 2\n0 0 0\n1 1 1\n1 1 1", "has 3 rows of colours, and LUT_1D_SIZE 2 needs 2"),
        ("LUT_3D_SIZE 999", "x.cube:1: the size must be a whole number from 2 to 256, found '999'"),
        ("LUT_1D_SIZE 2\n0 0 0\n1 nan 1", "x.cube:3: expected 3 numbers, found '1 nan 1'"),
        ("LUT_1D_SIZE 2\nDOMAIN_MAX 0 1 1\n0 0 0\n1 1 1", "lower end of its range is not below"),
    ],
)
def test_files_that_are_no_table(text, said, tmp_path) -> None:
    path = tmp_path / "x.cube"
    path.write_text(text)
    with pytest.raises(UsageError, match=r"x\.cube") as fault:
        read_cube(path)
    assert said in str(fault.value)


def test_a_look_moves_over_the_frames_and_between_them(tmp_path) -> None:
    from animator.run.graded import grade_of
    from tests.wiring import scene

    moved = grade_of(scene(tmp_path, "frames=3", "grade.brightness='0: (0), 2: (0.4)'"))
    assert [moved.at(t).brightness for t in (0, 1, 1.5, 9)] == pytest.approx([0, 0.2, 0.3, 0.4])
    twice = list(moved.over([GREY] * 3, ratio=Fraction(1, 2)))
    assert [int(one[0, 0, 0]) for one in twice] == [128, 154, 179]  # 128 + 255 * 0.4 * (0, 1/4, 1/2)
    assert grade_of(scene(tmp_path, "frames=3")).settings == {}
    assert moved.settings != replace(moved, seed=9).settings
