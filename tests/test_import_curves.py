"""Curves of imported files against what the programs' own parsers make of the same texts."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest

from animator.importing.convert import import_bytes
from animator.importing.job import Options
from animator.importing.tool_keys import deforum_keys, deforum_values, disco_keys, disco_values
from tests.golden_files import load_json
from tests.import_files import DEFORUM, DISCO_50, DISCO_57, NOTEBOOK_DEFORUM, WARP

EXPRESSIONS = load_json("expressions")["cases"]
CURVES = load_json("keyframes")["curves"]
SEED = 42
OF_A1111 = [case for case in EXPRESSIONS if "deforum_a1111" in case["agreed_by"]]
OF_NOTEBOOK = [case for case in EXPRESSIONS if "deforum_notebook" in case["agreed_by"]]
OF_DISCO = [case for case in EXPRESSIONS if "disco_diffusion" in case["agreed_by"]]


def curve(file: dict, place: str, **options: str) -> np.ndarray:
    """Return what a curve of an imported file is at every frame."""
    made = import_bytes(json.dumps(file).encode(), "a.txt", Options(**options))
    return made.loaded.timeline.table[place].to_numpy()


def held(case: dict, file: dict, **options: str) -> None:
    settings = {**file, "translation_z": case["text"], "max_frames": case["max_frames"], "seed": SEED}
    got = curve(settings, "camera.translation_z", **options)
    frames = [int(frame) for frame in case["values"]]
    np.testing.assert_allclose(got[frames], list(case["values"].values()), rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("case", OF_A1111, ids=lambda case: case["text"][:50])
def test_of_the_web_ui(case: dict) -> None:
    held(case, DEFORUM)


@pytest.mark.parametrize("case", OF_NOTEBOOK[::5], ids=lambda case: case["text"][:50])
def test_of_deforums_notebook(case: dict) -> None:
    held(case, {**NOTEBOOK_DEFORUM, "animation_mode": "3D"})


@pytest.mark.parametrize("case", OF_DISCO[::3], ids=lambda case: case["text"][:50])
def test_of_disco_diffusion(case: dict) -> None:
    held(case, DISCO_57, mode="3d")


@pytest.mark.parametrize("case", CURVES, ids=lambda case: f"{case['method']} {case['text']}")
def test_of_disco_diffusions_splines(case: dict) -> None:
    file = {**DISCO_57, "translation_z": case["text"], "max_frames": case["frames"]}
    got = curve({**file, "interp_spline": case["method"].title()}, "camera.translation_z", mode="3d")
    np.testing.assert_allclose(got, case["values"], rtol=0, atol=1e-6)


def test_a_key_beyond_the_end_is_pulled_back_by_disco_and_ignored_by_deforum() -> None:
    text = "0: (1), 10: (1.05)"
    assert disco_values(disco_keys(text), 5, "linear").tolist() == [1, 1.0125, 1.025, 1.0375, 1.05]
    assert disco_values(disco_keys(text), 1, "linear").tolist() == [1.05]
    assert deforum_values(deforum_keys(text, 4, 0), 5, 0, "linear").tolist() == [1] * 5
    assert curve({**DISCO_57, "zoom": text, "max_frames": 5}, "camera.zoom", mode="2d").tolist() == [
        *(1, 1.0125, 1.025, 1.0375, 1.05)
    ]


def test_rotations_were_in_radians_before_5_1() -> None:
    turn = {"rotation_3d_y": "0: (0.1), 20: (-0.2)", "max_frames": 21}
    old = curve({**DISCO_50, **turn}, "camera.rotation_3d_y", mode="3d")
    new = curve({**DISCO_57, **turn}, "camera.rotation_3d_y", mode="3d")
    np.testing.assert_allclose(old, np.degrees(new), atol=1e-9)
    assert old[0] == pytest.approx(math.degrees(0.1), abs=1e-9)
    overlay = {
        "rotation_3d_y": "0: (5)",
        "rotation_3d_x": "0: (1)",
        "max_frames": 9,
        "steps": 9,
        "cut_overview": 4,
    }
    assert curve(overlay, "camera.rotation_3d_y", mode="3d")[0] == 5


@pytest.mark.parametrize(
    ("text", "frame", "share"),
    [
        ("0: (0.65)", 5, 0.65),
        ("0: (1)", 0, 1.0),
        ("0:(0.5+t/100), 40:(7)", 10, 0.6),
        ("0:(0.2), 10:(0.4)", 5, 0.3),
    ],
)
def test_strength_is_the_share_of_the_steps_that_is_kept(text: str, frame: int, share: float) -> None:
    got = curve({**DEFORUM, "strength_schedule": text}, "coherence.frames_skip_steps")
    assert got[frame] == pytest.approx(share, abs=1e-9)
    assert got.max() <= 1


def test_what_deforum_cannot_read_is_passed_over_and_said() -> None:
    file = {**DEFORUM, "translation_x": "0: (1), 20(5), 40: (wobble(t)), 60: (3),"}
    made = import_bytes(json.dumps(file).encode(), "a.txt")
    values = made.loaded.timeline.table["camera.translation_x"].to_numpy()
    assert (values[0], values[30], values[60], values[119]) == (1, 2, 3, 3)
    (row,) = [row for row in made.rows if row.key == "translation_x"]
    assert row.fate == "approximated"
    assert "'20(5)' is no key" in row.note
    assert "wobble" in row.note


def test_a_value_out_of_range_is_held_and_said() -> None:
    made = import_bytes(json.dumps({**DEFORUM, "fov_schedule": "0: (170), 10: (190)"}).encode(), "a.txt")
    assert made.loaded.timeline.table["camera.fov"].max() == 179
    assert "held to 1 to 179" in next(row.note for row in made.rows if row.key == "fov_schedule")


@pytest.mark.parametrize(
    ("schedule", "expected"),
    [([0.7, 0.6], [30, 40, 40]), ({"0": 0.8, "2": 0.5}, [20, 20, 50]), ([2], [0, 0, 0]), (0.7, [30, 30, 30])],
)
def test_schedules_of_warpfusion(schedule: object, expected: list[float]) -> None:
    file = {**WARP, "style_strength_schedule": schedule, "max_frames": 3}
    made = import_bytes(json.dumps(file).encode(), "a.txt", Options(mode="2d"))
    got = made.loaded.timeline.table["coherence.frames_skip_steps"].to_numpy()
    np.testing.assert_allclose(got * 100, expected, atol=1e-9)


def test_a_key_for_every_frame_is_read_to_the_same_numbers() -> None:
    numbers = np.round(np.random.default_rng(3).uniform(-2, 2, 4000), 5)
    text = ", ".join(f"{frame}: ({value})" for frame, value in enumerate(numbers))
    got = curve({**DEFORUM, "translation_x": text, "max_frames": 4000}, "camera.translation_x")
    np.testing.assert_array_equal(got, numbers)
