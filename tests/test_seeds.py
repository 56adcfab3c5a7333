"""Seeds: how those of pictures follow from the scene's, and the words that stand for one."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from animator.errors import SceneError
from animator.film.requests import seed_of
from animator.run.job import shot_of
from animator.scene.reading import read_scene
from animator.scene.resolved import resolved_text
from animator.system.rng import SEEDS, picture_seed

NUMBERS = st.integers(0, SEEDS - 1)


def test_step_counts_on_and_goes_round_at_32_bits():
    assert [picture_seed(SEEDS - 2, "step", index) for index in range(4)] == [SEEDS - 2, SEEDS - 1, 0, 1]


@given(NUMBERS, st.integers(0, 10**5))
def test_fixed_is_the_same_for_all(seed, index):
    assert picture_seed(seed, "fixed", index) == seed


def test_random_draws_one_for_each_picture_of_each_seed():
    drawn = [picture_seed(seed, "random", index) for seed in range(40) for index in range(40)]
    assert len(set(drawn)) == len(drawn)
    assert all(0 <= seed < SEEDS for seed in drawn)
    assert max(drawn) > SEEDS * 0.99
    assert drawn[:40] == [picture_seed(0, "random", index) for index in range(40)]


@pytest.mark.parametrize("mode", ["step", "fixed", "random"])
def test_a_list_gives_each_picture_its_own_and_begins_again(mode):
    assert [picture_seed([7, 3, 9], mode, index) for index in range(5)] == [7, 3, 9, 7, 3]


@pytest.mark.parametrize("word", ["step", "fixed", "random"])
def test_a_word_has_a_seed_drawn_and_sets_the_mode(read, word):
    scenes = [read(f"prompts: x\nseed: {word}").scene, read("prompts: x\nseed: 4", f"seed={word}").scene]
    for scene in scenes:
        assert scene.seed_mode == word
        assert isinstance(scene.seed, int)
    assert len({scene.seed for scene in scenes}) == 2
    text = resolved_text(scenes[0])
    again = read(text).scene
    assert (again.seed, again.seed_mode) == (scenes[0].seed, word)


def test_a_word_and_what_it_stands_for_lie_over_what_is_below(read):
    below = "prompts: x\nseed: 5\nseed_mode: fixed"
    assert read("extends: below.yaml\nseed: random", below=below).scene.seed_mode == "random"
    above = read("extends: below.yaml\nseed: 8", below="prompts: x\nseed: random").scene
    assert (above.seed, above.seed_mode) == (8, "random")
    over = read("prompts: x\nseed: random", "seed_mode=fixed").scene
    assert over.seed_mode == "fixed"
    assert read("prompts: x\nseed_mode: fixed", "seed=random").scene.seed_mode == "random"
    assert read("prompts: x\nseed: random\nseed_mode: random").scene.seed_mode == "random"


def test_a_word_and_another_mode_beside_it_contradict(read):
    with pytest.raises(
        SceneError, match=r"scene.yaml:2:7: seed: is random, but seed_mode is fixed; keep one"
    ):
        read("prompts: x\nseed: random\nseed_mode: fixed")
    with pytest.raises(SceneError, match=r"--set: seed: is step, but seed_mode is random"):
        read("prompts: x", "seed=step", "seed_mode=random")


def test_another_word_is_told(read):
    allowed = "a whole number from 0 to 4294967295, a list of them, a mapping such as {0: 7, 24: 9}, or step,"
    allowed += " fixed or random"
    with pytest.raises(SceneError, match=f"2:7: seed: expected {allowed}, found 'many'"):
        read("prompts: x\nseed: many")


def test_there_are_as_many_stills_as_seeds_unless_the_scene_says_how_many(read):
    assert read("prompts: x\nmode: still\nseed: [4, 5, 6]").scene.images == 3
    assert read("prompts: x\nmode: still\nseed: [4, 5, 6]\nimages: 3").scene.images == 3
    assert read("prompts: x\nmode: still\nseed: 4").scene.images == 1
    with pytest.raises(SceneError) as caught:
        read("prompts: x\nmode: 2d\nseed: [4, 5, 6]")
    assert [one.key for one in caught.value.problems] == ["seed"]


def test_formulas_know_the_first_seed(read):
    text = "prompts: x\nmode: 2d\nframes: 2\nseed: {}\ncamera: {{angle: 'mod(s, 100)'}}"
    assert read(text.format(31)).timeline.table["camera.angle"].tolist() == [31, 31]
    listed = read("prompts: x\nmode: still\nseed: [42, 7]\nguidance: {tv_scale: s + t}")
    assert listed.timeline.table["guidance.tv_scale"].tolist() == [42, 43]
    assert listed.scene.first_seed == 42


def test_seeds_over_the_frames(tmp_path: Path) -> None:
    def seeds(text: str) -> list[int]:
        path = tmp_path / "scene.yaml"
        path.write_text(f"prompts: a sea\nmode: 2d\nframes: 6\nfps: 2\nbpm: 60\n{text}\n")
        loaded = read_scene(path)
        shot = shot_of(loaded, None)
        return [seed_of(shot, frame) for frame in range(6)]

    assert seeds("seed: {0: 5, 2s: 90}") == [5, 6, 7, 8, 90, 91]
    assert seeds("seed: {0: 5, 1b: 7, 4: 5}\nseed_mode: fixed") == [5, 5, 7, 7, 5, 5]
    assert seeds("seed: {2: 50}") == [50, 51, 52, 53, 54, 55]
    drawn = seeds("seed: {0: 5, 3: 5}\nseed_mode: random")
    assert drawn[:3] == drawn[3:]
    assert len(set(drawn)) == 3
    with pytest.raises(SceneError, match=r":6:\d+: seed: two seeds begin at frame 2"):
        seeds("seed: {1s: 5, 2: 9}")
    with pytest.raises(SceneError, match="seed: a mapping from positions is for films"):
        read_scene(path_of(tmp_path, "prompts: a sea\nmode: still\nseed: {0: 5}\n"))


def path_of(folder: Path, text: str) -> Path:
    path = folder / "still.yaml"
    path.write_text(text)
    return path
