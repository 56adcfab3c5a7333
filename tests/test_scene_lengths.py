"""Shares, steps and lengths of time: each is taken in its own spelling, and none is taken for another."""

from __future__ import annotations

import numpy as np
import pytest

from animator.errors import SceneError

FILM = "prompts: a lake\nmode: 2d\nframes: 8\ndiffusion: {steps: 50}\n"


def messages(read, text: str) -> list[str]:
    with pytest.raises(SceneError) as caught:
        read(text)
    return [one.message for one in caught.value.problems]


@pytest.mark.parametrize("name", ["frames_skip_steps", "uncovered_skip_steps"])
@pytest.mark.parametrize(
    ("written", "number", "steps"),
    [
        ("0.65", "65", 33),
        ('"0: (0.65)"', "65", 33),
        ('"0: (20), 4: (.4)"', "40", 20),
        ("{0: 0.5, 4: 20}", "50", 25),
        ('{0: "0.5"}', "50", 25),
        ('"0.3+0.1*sin(t)"', "30", 15),
        ('"0: (0.001)"', "0.1", 1),
    ],
)
def test_a_share_is_not_taken_for_a_part_of_a_step(
    read, name: str, written: str, number: str, steps: int
) -> None:
    (message,) = messages(read, f"{FILM}coherence: {{{name}: {written}}}")
    assert f"write {number}% for a share, or a number of steps such as {steps}" in message


def test_the_same_in_the_place_that_footage_has_for_it(read, tmp_path) -> None:
    found = messages(read, "prompts: a lake\nmode: video\nvideo: {init: none.mp4, skip_steps: 0.7}")
    assert any("write 70% for a share, or a number of steps such as 35" in message for message in found)


@pytest.mark.parametrize(
    "written", ["0", "33", '"0: (0), 7: (30)"', '"0: (65%)"', '"10*sin(t/9)**2"', "1", '{0: "0.5%"}']
)
def test_steps_and_percentages_are_taken(read, written: str) -> None:
    read(f"{FILM}coherence: {{frames_skip_steps: {written}}}")


def test_a_percentage_without_its_sign_is_named(read) -> None:
    (message,) = messages(read, f"{FILM}coherence: {{frames_skip_steps: 65}}")
    assert message.endswith("is 65 at frame 0; a share of the steps has a percent sign: 65%")


@pytest.mark.parametrize("name", ["skip_steps", "skip_end_steps"])
def test_whole_diffusions_too(read, name: str) -> None:
    (message,) = messages(read, f"prompts: a lake\nmode: still\ndiffusion: {{{name}: 0.04}}")
    assert message.endswith("found 0.04; a share is written with a percent sign: 4%")


def test_a_percent_sign_where_a_share_is_a_number(read) -> None:
    (message,) = messages(read, f'{FILM}coherence: {{color_coherence: "60%"}}')
    assert message == "a percent sign is for steps; for 60% write 0.6"


@pytest.mark.parametrize(
    ("written", "frames"), [("1s", 12), ("1m30s", 1080), ("2m", 1440), ("8b", 48), ("0.5 s", 6)]
)
def test_lengths_of_time(read, written: str, frames: int) -> None:
    loaded = read(f"prompts: a lake\nmode: 2d\nbpm: 120\nframes: {written}\nprompt_blend: {written}")
    assert loaded.scene.frames == frames
    assert loaded.scene.prompt_blend == frames


def test_a_length_may_be_the_position_of_a_key(read) -> None:
    loaded = read('prompts: a lake\nmode: 2d\nframes: 2m\ncamera: {zoom: "0: (1), 1m1s: (2) step"}')
    zoom = loaded.timeline.table["camera.zoom"]
    assert zoom[60 * 12] < 2 == zoom[61 * 12]


def test_beats_need_a_pace(read) -> None:
    (message,) = messages(read, "prompts: a lake\nmode: 2d\nframes: 8b")
    assert message == "8b counts beats: the scene must say its bpm"


def test_rounding_errors_of_a_spline_are_no_fault(read) -> None:
    curve = '"cubic; 0: (1), 3: (1), 6: (1), 7: (1)"'
    loaded = read(f"{FILM}coherence: {{color_coherence: {curve}}}")
    assert np.all(loaded.timeline.table["coherence.color_coherence"] <= 1)


def test_a_true_overshoot_names_the_curve_that_has_none(read) -> None:
    curve = '"0: (0), 2: (0), 7: (5000)"'
    (message,) = messages(read, f"{FILM}interpolation: cubic\nguidance: {{clip_guidance_scale: {curve}}}")
    assert message.endswith("a cubic curve may overshoot its keys: pchip does not")
    read(f"{FILM}interpolation: pchip\nguidance: {{clip_guidance_scale: {curve}}}")


@pytest.mark.parametrize(
    ("prompts", "expected"),
    [
        ("[a cat: 2]", '"a cat: 2"'),
        ("{a cat: 2}", '"a cat: 2"'),
        ("{0: [a cat: 2], 4: b}", '"a cat: 2"'),
        ("[{Blade Runner: 2049}]", '"Blade Runner: 2049"'),
        ("[a cat: a dog]", '"a cat: a dog"'),
    ],
)
def test_a_prompt_with_a_colon_wants_quotes(read, prompts: str, expected: str) -> None:
    (message,) = messages(read, f"prompts: {prompts}\nmode: 2d\nframes: 8")
    assert message == f"a colon in a prompt makes a mapping of it; put it in quotes: {expected}"


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        (r'"C:\new.png"', r"C:\new.png; a backslash in double quotes makes such characters"),
        (r'"C:\Users\new.png"', "for a path write / between folders, or put it in single quotes"),
        (r'"C:\data.png"', "for a path write / between folders, or put it in single quotes"),
        (r"'C:\Users\new.png'", "write / between folders"),
    ],
)
def test_paths_of_another_system(read, written: str, expected: str) -> None:
    (message,) = messages(read, f"prompts: a lake\nmode: still\ndiffusion: {{init_image: {written}}}")
    assert expected in message


def test_home_is_expanded(read, monkeypatch, tmp_path) -> None:
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    (message,) = messages(read, "prompts: a lake\nmode: still\ndiffusion: {init_image: ~/a.png}")
    assert message == f"no such file: {(tmp_path / 'home' / 'a.png').resolve()}"


@pytest.mark.slow
def test_a_key_for_every_frame_may_be_long(read) -> None:
    keys = ", ".join(f"{frame}: ({1 + frame * 1e-6:.6f})" for frame in range(12_000))
    assert len(keys) > 200_000
    loaded = read(f'prompts: a lake\nmode: 2d\nframes: 12000\ncamera: {{zoom: "{keys}"}}')
    assert loaded.timeline.table["camera.zoom"][11_999] == pytest.approx(1.011999)


def test_a_negative_sum_of_weights_is_disco_s_alone(read) -> None:
    scene = 'prompts: ["a lake:1", "fog:-3"]\nmode: still\n'
    (message,) = messages(read, scene)
    assert message.endswith("or set guidance.compat: disco-5, which allows it")
    prompts = read(f"{scene}guidance: {{compat: disco-5}}").timeline.row(0).prompts
    assert [one.weight for one in prompts] == [0.5, -1.5]
    (message,) = messages(read, 'prompts: ["a lake:1", "fog:-1"]\nmode: still\nguidance: {compat: disco-5}')
    assert "sum to 0, must be at least 0.001" in message


@pytest.mark.parametrize("written", ["1", '"0: (1.0)"'])
def test_a_lone_one_may_be_all_of_the_steps(read, written: str) -> None:
    (notice,) = read(f"{FILM}coherence: {{frames_skip_steps: {written}}}").notices
    assert notice.message == "1 step of 50 is skipped; write 100% where all of them are meant"
    assert read(f"{FILM}coherence: {{frames_skip_steps: 2}}").notices == ()
