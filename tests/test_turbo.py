"""Turbo: which frames are painted, what is seen of the two pictures, and going on in the middle of it."""

from __future__ import annotations

import dataclasses
import itertools
from pathlib import Path

import pytest
import torch

from animator.film.shot import Shot, Turbo
from animator.film.state import LoopState
from animator.film.turbo import is_diffused, turbo_film, weight_of_newer
from animator.flow.dis import DisFlow
from animator.run.job import shot_of
from animator.run.loop_state import load_state, saved_state
from animator.runs import RunFolder
from animator.scene.reading import read_scene
from tests.golden_files import load_json
from tests.test_loop import BEGIN, Pumping, Recorder, scene, shot

MOVING = "mode: 3d\ncamera: {translation_z: 5, translation_x: 3}\n"


class Counting(Pumping):
    """A depth that counts how often it was asked."""

    def __init__(self) -> None:
        self.asked = 0

    def __call__(self, frame):
        self.asked += 1
        return super().__call__(frame)


def render(tmp_path: Path, text: str, state: LoopState = BEGIN, engine=None, flow=None, **turbo):
    loaded = scene(tmp_path, text)
    turbo = {"steps": 3, "preroll": 2, **turbo}
    driven = shot(loaded, turbo=Turbo(**turbo))
    engine = engine or Recorder(0.3)
    return list(turbo_film(loaded.timeline, driven, engine, Pumping(), state, flow=flow))


@pytest.mark.parametrize("case", load_json("turbo"), ids=lambda case: f"every {case['turbo_steps']}")
def test_every_frame_is_what_it_is_in_disco_diffusion(case: dict) -> None:
    turbo = Turbo(steps=case["turbo_steps"], preroll=case["turbo_preroll"], disco=True)
    assert len(case["rows"]) == case["frames"]
    for row in case["rows"]:
        frame = row["frame"]
        assert is_diffused(frame, turbo) == (row["kind"] == "diffuse"), frame
        weights = [value for name, value in row.items() if name.startswith("saved_weight")]
        assert weight_of_newer(frame, turbo) == pytest.approx(weights[0] if weights else 1.0), frame


@pytest.mark.parametrize(("steps", "preroll"), [(2, 0), (3, 10), (4, 5), (7, 1)])
@pytest.mark.parametrize("ease", [False, True])
def test_a_fade_rises_evenly_and_is_over_when_the_next_picture_comes(
    steps: int, preroll: int, ease: bool
) -> None:
    turbo = Turbo(steps=steps, preroll=preroll, ease=ease)
    weights = [weight_of_newer(frame, turbo) for frame in range(41)]
    for frame in range(40):
        if is_diffused(frame + 1, turbo):
            assert weights[frame] == 1
        elif frame:
            assert weights[frame] < weights[frame + 1]
    assert weights[:preroll] == [1.0] * preroll


def test_what_is_seen_is_the_fade_of_the_two_pictures(tmp_path: Path) -> None:
    made = render(tmp_path, "mode: 2d\nframes: 9\n")  # a camera at rest: nothing but the fade is seen
    painted = {frame: made[frame].state.track.picture for frame in (0, 1, 2, 3, 6)}
    for frame in (0, 1, 2, 5, 8):
        newest = max(number for number in painted if number <= frame)
        assert torch.equal(made[frame].picture, painted[newest])
    torch.testing.assert_close(made[3].picture, painted[2].lerp(painted[3], 1 / 3))
    torch.testing.assert_close(made[4].picture, painted[2].lerp(painted[3], 2 / 3))
    torch.testing.assert_close(made[7].picture, painted[3].lerp(painted[6], 2 / 3))


@pytest.mark.slow
def test_only_every_nth_frame_is_painted_and_depth_is_estimated_once_a_painted_frame(tmp_path: Path) -> None:
    loaded = scene(tmp_path, MOVING + "frames: 12\n")
    engine, eye = Recorder(0.3), Counting()
    driven = shot(loaded, turbo=Turbo(steps=4, preroll=1))
    made = list(turbo_film(loaded.timeline, driven, engine, eye, LoopState()))
    assert [request.frame for request in engine.requests] == [0, 1, 4, 8]
    assert eye.asked == 4
    assert [one.frame for one in made] == list(range(12))
    changes = [float((a.picture - b.picture).abs().mean()) for a, b in itertools.pairwise(made)]
    assert min(changes) > 0.001  # the frames between are moved, not repeated
    assert len({one.seed for one in made}) == 12


def test_turbo_in_2d_moves_both_pictures(tmp_path: Path) -> None:
    made = render(tmp_path, "mode: 2d\nframes: 6\ncamera: {translation_x: 4}\n")
    # Frame 5 is one move after frame 4, of the newer picture alone.
    newer = made[4].state.track.picture
    assert torch.equal(made[5].picture, made[5].state.track.picture)
    assert torch.allclose(made[5].picture[:, :, 8:], newer[:, :, 4:-4], atol=1e-5)
    older, before = made[5].state.old.picture, made[4].state.old.picture
    assert torch.allclose(older[:, :, 8:], before[:, :, 4:-4], atol=1e-5)


@pytest.mark.vital
@pytest.mark.slow
@pytest.mark.parametrize("mode", ["mode: 2d\ncamera: {zoom: 1.02}\n", MOVING])
def test_it_goes_on_from_every_frame(tmp_path: Path, mode: str) -> None:
    text = f"{mode}frames: 10\ncoherence: {{color_coherence: 0.5}}\n"
    whole = render(tmp_path, text)
    folder = RunFolder.create(tmp_path, "scene", out=tmp_path / "run")
    for at in range(9):
        folder.save_state(at, *saved_state(whole[at].state))
        state = load_state(folder, at + 1, torch.device("cpu"))
        rest = render(tmp_path, text, state)
        assert [one.frame for one in rest] == list(range(at + 1, 10))
        assert all(torch.equal(one.picture, whole[one.frame].picture) for one in rest)
        forgetful = render(tmp_path, text, dataclasses.replace(state, old=None))
        changed = any(not torch.equal(one.picture, whole[one.frame].picture) for one in forgetful)
        assert changed == (at == 3 or at == 6)  # only in the middle of a fade is the older picture seen


class Shifting:
    """An engine that paints everything six pixels further to the right."""

    def paint(self, request, on_step=None):
        if request.init is None:
            return Recorder().paint(request)
        return request.init.roll(6, dims=2)


def test_pictures_that_differ_by_a_shift_do_not_double(tmp_path: Path) -> None:
    ramp = torch.linspace(0, 25, 128)
    start = (torch.sin(ramp) * 0.4 + 0.5).expand(3, 64, 128) * torch.linspace(0.6, 1, 64)[:, None]

    class Waves(Shifting):
        def paint(self, request, on_step=None):
            return start if request.init is None else super().paint(request)

    contrast = {}
    for align in (False, True):
        made = render(
            tmp_path, "mode: 2d\nframes: 3\n", engine=Waves(), flow=DisFlow(), align=align, steps=2, preroll=0
        )
        fade = made[2].picture[:, 8:-8, 24:-24]
        contrast[align] = float(fade.std() / start[:, 8:-8, 24:-24].std())
    assert contrast[True] > 0.93
    assert contrast[False] < 0.85


@pytest.mark.slow
def test_a_stereo_shot_knows_the_depth_of_every_frame_and_is_the_same_film(tmp_path: Path) -> None:
    loaded = scene(tmp_path, MOVING + "frames: 7\n")
    films = {}
    for stereo in (False, True):
        driven = shot(loaded, turbo=Turbo(steps=3, preroll=1), stereo=stereo)
        films[stereo] = list(turbo_film(loaded.timeline, driven, Recorder(0.3), Pumping(), LoopState()))
    assert all(one.depth is None for one in films[False])
    assert all(one.depth.shape == one.picture.shape[1:] for one in films[True])
    for flat, deep in zip(films[False], films[True], strict=True):
        assert torch.equal(flat.picture, deep.picture)


def test_the_scene_says_it(tmp_path: Path) -> None:
    path = tmp_path / "scene.yaml"
    path.write_text("prompts: a sea\nturbo: {steps: 3, preroll: 4, fade: ease, align: true}\n")
    loaded = read_scene(path)
    found: Shot = shot_of(loaded, None)  # type: ignore[arg-type]
    assert found.turbo == Turbo(steps=3, preroll=4, ease=True, align=True)
    disco = read_scene(path, ["guidance.compat=disco-5"])
    assert shot_of(disco, None).turbo.disco  # type: ignore[arg-type]


def test_an_eased_fade_is_slow_at_both_ends() -> None:
    """Smoothstep: 3 u^2 - 2 u^3 of the even share u."""
    turbo = Turbo(steps=3, preroll=0, ease=True)
    assert [weight_of_newer(frame, turbo) for frame in (3, 4, 5)] == pytest.approx([7 / 27, 20 / 27, 1])
