"""Weights of prompts that change over the diffusion: read, divided, shown, and what they pull at."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest
import torch

from animator.diffusion.target import Target
from animator.diffusion.targets import Targets, spoken_to
from animator.errors import ExpressionError, SceneError
from animator.keyframes import Clock
from animator.keyframes.courses import over, parts, weight_text, weighted
from animator.keyframes.prompts import parse_entry, parse_prompts
from animator.keyframes.timeline import prompts_text
from animator.look.plot import courses_of, plot
from animator.run.fingerprint import hash_inputs
from animator.run.sources import Sources
from animator.scene.reading import LoadedScene, read_scene
from animator.types import Prompt
from tests.test_engine import REQUEST, redness, toy_engine

CASTLE = "a castle:[1]*500+[4]*500"
FILM = "mode: 2d\nframes: 3\nseed: 1\nmodels: fake\n"
CLOCK = Clock(frames=20, fps=12)
HALVES = ((1.0, 500), (4.0, 500))


def read(tmp_path: Path, prompts: str) -> LoadedScene:
    path = tmp_path / "scene.yaml"
    path.write_text(f"prompts: {prompts}\n{FILM}")
    return read_scene(path)


def fault(tmp_path: Path, prompts: str) -> str:
    with pytest.raises(SceneError) as caught:
        read(tmp_path, prompts)
    return str(caught.value)


@pytest.mark.parametrize(
    "entry",
    [
        CASTLE,
        "a castle : [1]*500 + [4]*500 ",
        {"text": "a castle", "weight": "[1]*500+[4]*500"},
        "a castle:[1]*250+[1]*250+[4]*500",
    ],
)
def test_a_weight_over_the_diffusion_is_read(entry: object) -> None:
    prompt = parse_entry(entry)
    assert (prompt.text, prompt.weight, prompt.course) == ("a castle", 2.5, HALVES)
    assert over(prompt)[[0, 499, 500, 999]].tolist() == [1, 1, 4, 4]


def test_one_value_all_the_way_is_a_plain_weight() -> None:
    assert parse_entry("a castle:[3]*1000") == parse_entry("a castle:3") == Prompt("a castle", 3.0)


@pytest.mark.parametrize(
    "text", ["a [red] castle", "a castle: [red] door", "a castle:[", "16:9 [1] a", "[1]*500"]
)
def test_other_brackets_are_text(text: str) -> None:
    assert parse_entry(text) == Prompt(text, 1.0)


@pytest.mark.parametrize(
    ("entry", "message", "offset"),
    [
        ("a castle:[1]*500+[4]*400", "the pieces make 900 values, 1000 are needed", 9),
        ("a castle:[1]*500,[4]*500", "expected '+' or the end", 16),
        ({"text": "a", "weight": "[1]*500"}, "the pieces make 500 values", 0),
        ({"text": "a", "weight": "big"}, "or a schedule over the diffusion", 0),
        ("a castle:[1]*500+[9999999999999]*500", "the weight is too large", 9),
    ],
)
def test_faults_of_a_weight(entry: object, message: str, offset: int) -> None:
    with pytest.raises(ExpressionError) as caught:
        parse_entry(entry)
    assert message in caught.value.message
    assert caught.value.offset == offset


def test_weights_are_divided_in_every_part_by_their_sum() -> None:
    castle, fog = parse_prompts([CASTLE, "fog:[2]*250+[0]*250+[4]*500"], CLOCK).at(0)
    assert list(parts([castle, fog])) == [(0, 249), (250, 499), (500, 999)]
    assert castle.course == ((1 / 3, 250), (1.0, 250), (0.5, 500))
    assert fog.course == ((2 / 3, 250), (0.0, 250), (0.5, 500))
    assert castle.weight == pytest.approx(np.mean(over(castle)))
    assert np.allclose(over(castle) + over(fog), 1)


def test_a_constant_weight_beside_one_that_changes_follows_its_share() -> None:
    track = parse_prompts({0: "sea", 10: [CASTLE, "fog:1"]}, CLOCK, blend=1)
    assert track.at(0) == (Prompt("sea", 1.0),)
    castle, fog, sea = track.at(10)
    assert sea == Prompt("sea", 0.5)
    assert castle.course == ((0.25, 500), (0.4, 500))
    assert fog.course == ((0.25, 500), (pytest.approx(0.1), 500))
    written = track.written_at(15)
    assert [(one.weight, one.course) for one in written] == [(2.5, HALVES), (1.0, ())]


def test_a_prompt_that_stays_is_one_prompt_while_it_fades() -> None:
    track = parse_prompts({0: ["a castle", "fog"], 10: [CASTLE, "fog:1"]}, CLOCK, blend=1)
    castle, fog = track.at(10)
    assert castle.course == ((0.5, 500), (pytest.approx(0.65), 500))
    assert fog.course == ((0.5, 500), (pytest.approx(0.35), 500))


def test_a_sum_of_nothing_names_its_part(tmp_path: Path) -> None:
    message = fault(tmp_path, f'["{CASTLE}", "fog:-4"]')
    assert "scene.yaml:1:10: prompts: the weights of the prompts at 0, in entries 0 to 499" in message
    message = fault(tmp_path, '["a:[2]*300+[1]*700", "b:-1"]')
    assert "in entries 300 to 999 of the diffusion's 1000, sum to 0, must be at least 0.001" in message
    spoken = '[{text: a, clip_models: [pocket], weight: "[1]*900+[0]*100"}, {text: b, clip_models: [pocket]}'
    assert read(tmp_path, spoken + "]").timeline.row(0).prompts
    only = '[{text: a, clip_models: [pocket], weight: "[1]*900+[0]*100"}, b]'
    assert read(tmp_path, only).timeline.row(0).prompts


def test_a_negative_sum_is_what_compat_allows(tmp_path: Path) -> None:
    prompts = '["a:[1]*500+[3]*500", "b:-2"]'
    assert "or set guidance.compat: disco-5" in fault(tmp_path, prompts)
    path = tmp_path / "scene.yaml"
    path.write_text(f"prompts: {prompts}\n{FILM}guidance: {{compat: disco-5}}\n")
    a, b = read_scene(path).timeline.row(0).prompts
    assert a.course == ((1.0, 500), (3.0, 500))
    assert b.weight == -2


def test_what_is_said_of_weights(tmp_path: Path) -> None:
    (notice,) = read(tmp_path, f'"{CASTLE}"').notices
    assert "has no effect without another prompt" in notice.message
    assert read(tmp_path, f'["{CASTLE}", "fog"]').notices == ()
    (notice,) = read(tmp_path, '["a castle:1*500+4*500", "fog"]').notices
    assert notice.message == ("'1*500+4*500' is no weight but painted; write 'a castle:[1]*500+[4]*500'")
    message = fault(tmp_path, "[{text: a, weight: big}, b]")
    assert 'expected a number or a schedule over the diffusion, "[1]*500+[4]*500", found' in message


def test_they_are_shown(tmp_path: Path) -> None:
    loaded = read(tmp_path, f'["{CASTLE}", "fog"]')
    row = loaded.timeline.row(0)
    assert weight_text(row.written[0]) == "[1]*500+[4]*500"
    assert prompts_text(row.prompts) == "a castle:[0.5]*500+[0.8]*500 | fog:[0.5]*500+[0.2]*500"
    courses = courses_of(loaded)
    assert list(courses) == ["prompts.1 a castle", "prompts.2 fog"]
    assert courses["prompts.1 a castle"][[0, 999]].tolist() == [0.5, 0.8]
    assert plot(loaded) != plot(read(tmp_path, '["a castle", "fog"]'))
    assert courses_of(read(tmp_path, '["a castle:2", "fog"]')) == {}


def test_they_count_in_a_frames_fingerprint(tmp_path: Path) -> None:
    def hashes(prompts: str) -> list[str]:
        return hash_inputs(read(tmp_path, prompts), Sources({}), {})

    same = hashes(f'["{CASTLE}", "fog:2.5"]')
    turned = hashes('["a castle:[4]*500+[1]*500", "fog:2.5"]')
    assert set(same).isdisjoint(turned)
    assert hashes('["a castle:[3]*1000", "fog"]') == hashes('["a castle:3", "fog"]')


def test_weights_sum_to_one_again_for_each_network() -> None:
    castle = weighted(Prompt("a castle"), np.repeat([0.25, 0.75], 500))
    fog = Prompt("fog", 0.25, models=("RN50",))
    sea = Prompt("sea", 0.5, models=("pocket",))
    heard = spoken_to([castle, fog, sea], "RN50")
    assert [one.text for one in heard] == ["a castle", "fog"]
    assert heard[0].course == ((0.5, 500), (0.75, 500))
    assert heard[1].course == ((0.5, 500), (0.25, 500))


def test_a_distance_weighs_by_the_moment() -> None:
    embeds, seen = torch.eye(2), torch.eye(2)[None, :1]
    weights = torch.tensor([[1.0, 0.0]] * 500 + [[0.0, 1.0]] * 500)
    target = Target("toy", 8, lambda _: embeds, embeds, weights)
    plain = dataclasses.replace(target, weights=torch.tensor([1.0, 0.0]))
    early, late = (target.distance(seen, 0.0, position) for position in (499, 500))
    assert early.item() == plain.distance(seen, 0.0, 700).item() == pytest.approx(0, abs=1e-6)
    assert late.item() > 1


def test_the_engine_follows_them(tmp_path: Path) -> None:
    """Red first and blue later is not blue first and red later; half of each all the way lies between."""
    first, last = np.repeat([1.0, 0.0], 500), np.repeat([0.0, 1.0], 500)

    def painted(red: object, blue: object) -> float:
        prompts = (weighted(Prompt("red"), red), weighted(Prompt("blue"), blue))  # type: ignore[arg-type]
        return redness(toy_engine().paint(dataclasses.replace(REQUEST, prompts=prompts)))

    late, even, early = painted(last, first), painted(0.5, 0.5), painted(first, last)
    assert late < even < early
    assert painted(np.full(1000, 0.5), 0.5) == even


def test_a_target_has_a_weight_for_every_row() -> None:
    engine = toy_engine()
    targets: Targets = engine._targets
    changing = weighted(Prompt("red"), np.repeat([0.2, 0.6], 500))
    request = dataclasses.replace(REQUEST, prompts=(changing, Prompt("blue", 0.5)))
    (target,) = targets.of([request])
    assert target.weights.shape == (1000, 2)
    assert target.weights[[0, 999]].tolist() == [pytest.approx([0.2, 0.5]), pytest.approx([0.6, 0.5])]
    (plain,) = targets.of([REQUEST])
    assert plain.weights.shape == (1,)
