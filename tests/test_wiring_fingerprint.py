"""What a frame's fingerprint knows besides the settings: weights, files, prompts, and the frames before."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from animator.run.fingerprint import hash_inputs
from animator.run.sources import gather
from tests.wiring import footage, picture, scene

WEIGHTS = {"diffusion pocket": "aa"}


def prints(folder: Path, *overrides: str, weights=WEIGHTS) -> list[str]:
    loaded = scene(folder, "frames=4", "images=4", *overrides)
    return hash_inputs(loaded, gather(loaded), weights)


def changed(one: list[str], other: list[str]) -> list[int]:
    return [number for number, pair in enumerate(zip(one, other, strict=True)) if pair[0] != pair[1]]


@pytest.mark.parametrize("weights", [{}, {"diffusion pocket": "ab"}, {**WEIGHTS, "depth pocket": "cc"}])
def test_other_weights_are_other_frames(tmp_path: Path, weights) -> None:
    assert changed(prints(tmp_path), prints(tmp_path, weights=weights)) == [0, 1, 2, 3]


def test_the_same_scene_has_the_same_fingerprints(tmp_path: Path) -> None:
    one = prints(tmp_path)
    assert one == prints(tmp_path)
    assert len(set(one)) == 4


@pytest.mark.parametrize(
    "prompt",
    ["{text: a red house, clip_models: [pocket]}", "{text: a red barn}", "a red house:1, a sea:0.5"],
)
def test_what_a_prompt_says_and_to_whom_is_part_of_it(tmp_path: Path, prompt: str) -> None:
    models = "guidance.clip_models={pocket: 1, RN50: 1}"
    plain = prints(tmp_path, models, "prompts=[a red house]")
    assert changed(plain, prints(tmp_path, models, f"prompts=[{prompt}]")) == [0, 1, 2, 3]


def test_the_weights_between_prompts_are_part_of_it(tmp_path: Path) -> None:
    one, other = (prints(tmp_path, f"prompts=['a sea:{weight}', a wood]") for weight in (1, 2))
    assert changed(one, other) == [0, 1, 2, 3]


def test_an_edit_counts_from_its_frame_on(tmp_path: Path) -> None:
    one, other = (prints(tmp_path, f"camera.translation_x='0: (0) step, 2: ({value})'") for value in (1, 2))
    assert changed(one, other) == [2, 3]
    one, other = (
        prints(tmp_path, f"camera.translation_x='0: (0) step, 2: ({value}) step, 3: (0)'") for value in (1, 2)
    )
    assert changed(one, other) == [2, 3]  # the last frame grows out of the one that changed


def test_stills_stand_alone(tmp_path: Path) -> None:
    one, other = (
        prints(tmp_path, "mode=still", f"guidance.tv_scale='0: (0) step, 1: ({value}) step, 2: (0)'")
        for value in (1, 2)
    )
    assert changed(one, other) == [1]


def test_every_moment_of_a_schedule_counts(tmp_path: Path) -> None:
    one, other = (prints(tmp_path, f"guidance.tv_scale='[0]*999+[{value}]'") for value in (0, 2))
    assert changed(one, other) == [0, 1, 2, 3]


@pytest.mark.parametrize(("one", "other"), [("seed=5", "seed=6"), ("seed_mode=step", "seed_mode=random")])
def test_seeds_count(tmp_path: Path, one: str, other: str) -> None:
    still = ("mode=still",)
    found = changed(prints(tmp_path, *still, one), prints(tmp_path, *still, other))
    assert found == [0, 1, 2, 3]
    fixed = changed(prints(tmp_path, *still), prints(tmp_path, *still, "seed_mode=fixed"))
    assert fixed == [1, 2, 3]


@pytest.mark.parametrize("setting", ["diffusion.init_image", "image_prompts"])
def test_a_picture_that_was_changed_under_its_name_is_another(tmp_path: Path, setting: str) -> None:
    path = picture(tmp_path)
    before = prints(tmp_path, f"{setting}={path}")
    shutil.copy(picture(tmp_path, "another picture.png"), path)
    assert changed(before, prints(tmp_path, f"{setting}={path}")) == [0, 1, 2, 3]


@pytest.mark.slow
def test_footage_counts_by_what_is_in_it(tmp_path: Path) -> None:
    clip = footage(tmp_path)
    words = ("mode=video", f"video.init={clip}", "video.flow=dis")
    before = prints(tmp_path, *words)
    copy = shutil.copy(clip, tmp_path / "copy.mp4")
    assert before == prints(tmp_path, "mode=video", f"video.init={copy}", "video.flow=dis")
    assert changed(before, prints(tmp_path, *words, "video.flow=none")) == [0, 1, 2, 3]
    clip.write_bytes(clip.read_bytes() + b"\0" * 8)
    assert changed(before, prints(tmp_path, *words)) == [0, 1, 2, 3]


@pytest.mark.slow
def test_what_is_made_of_finished_frames_is_no_part_of_it(tmp_path: Path) -> None:
    outputs = ("output.gif=true", "output.crf=3", "output.film=b", "guard.policy=off", "fps=25")
    for one in outputs:
        assert prints(tmp_path, one) == prints(tmp_path), one
