"""The noise of a film: new in every frame, fixed to the screen, or moved with the picture."""

from __future__ import annotations

import dataclasses
import itertools
from pathlib import Path

import pytest
import torch
from torch import Tensor

from animator.depth.plane import PlaneDepth
from animator.diffusion.grain_noise import draws_of_noise
from animator.film.loop import film
from animator.film.shot import Turbo
from animator.film.state import LoopState
from animator.film.stylise import stylise
from animator.film.turbo import turbo_film
from animator.run.loop_state import load_state, saved_state
from animator.runs import RunFolder
from animator.system import rng
from animator.types import GrainNoise, Request
from tests.test_engine_uncovered import HEIGHT as LOW
from tests.test_engine_uncovered import INIT, engine
from tests.test_engine_uncovered import WIDTH as NARROW
from tests.test_loop import HEIGHT, WIDTH, Recorder, scene, shot
from tests.test_stylise import HARD, PACE, Painter, footage, known_flow

PAN = "mode: 2d\nframes: 5\ncamera: {translation_x: 4}\n"
FLIGHT = "mode: 3d\nframes: 5\ncamera: {translation_z: 20, translation_x: 9}\n"


def identities(recorder) -> list[Tensor]:
    found = [request.noise.identities for request in recorder.requests]
    assert all(one.shape == (HEIGHT, WIDTH) for one in found)
    return found


def painted(tmp_path: Path, text: str, noise: str, **changes) -> Recorder:
    loaded, recorder = scene(tmp_path, text), Recorder(0.3)
    driver = turbo_film if "turbo" in changes else film
    list(
        driver(loaded.timeline, shot(loaded, noise=noise, **changes), recorder, PlaneDepth(2.0), LoopState())
    )
    return recorder


def test_new_noise_follows_from_the_seed_alone(tmp_path: Path) -> None:
    assert [one.noise for one in painted(tmp_path, PAN, "new").requests] == [None] * 5


def test_fixed_noise_stays_on_the_screen(tmp_path: Path) -> None:
    recorder = painted(tmp_path, PAN, "fixed")
    first, *others = identities(recorder)
    assert all(torch.equal(one, first) for one in others)
    assert all(one.noise.drawn is None for one in recorder.requests)
    assert len({one.seed for one in recorder.requests}) == 5  # the rest is as new as ever


def test_moved_noise_goes_with_the_picture(tmp_path: Path) -> None:
    recorder = painted(tmp_path, PAN, "moved")
    found = identities(recorder)
    for before, after in itertools.pairwise(found):
        assert torch.equal(after[:, 4:], before[:, :-4])
        assert not torch.isin(after[:, :4], before).any()
    assert len(torch.cat(found).unique()) == HEIGHT * WIDTH + 4 * 4 * HEIGHT  # none is born twice
    assert recorder.requests[0].noise.drawn is None
    for request in recorder.requests[1:]:
        assert torch.equal(request.noise.drawn, ~request.uncovered)


def test_moved_noise_goes_with_a_flight(tmp_path: Path) -> None:
    found = identities(painted(tmp_path, FLIGHT, "moved"))
    for before, after in itertools.pairwise(found):
        assert 0.7 < float(torch.isin(after, before).float().mean()) < 1
        assert not torch.equal(after, before)


@pytest.mark.parametrize("text", [PAN.replace("4}", "0}"), FLIGHT.replace("20", "0").replace("9", "0")])
def test_a_still_camera_keeps_it(tmp_path: Path, text: str) -> None:
    first, *others = identities(painted(tmp_path, text, "moved"))
    assert all(torch.equal(one, first) for one in others)


def test_another_seed_is_other_noise(tmp_path: Path) -> None:
    ours, theirs = (identities(painted(tmp_path, PAN, "moved", seed=seed))[-1] for seed in (1, 2))
    assert not torch.isin(ours, theirs).any()


def test_turbo_moves_it_by_every_frame(tmp_path: Path) -> None:
    text = PAN.replace("frames: 5", "frames: 7")
    recorder = painted(tmp_path, text, "moved", turbo=Turbo(steps=3, preroll=0))
    assert [one.frame for one in recorder.requests] == [0, 3, 6]
    found = identities(recorder)
    for before, after in itertools.pairwise(found):
        assert torch.equal(after[:, 12:], before[:, :-12])


def test_it_moves_along_the_flow_of_footage(tmp_path: Path) -> None:
    loaded = scene(tmp_path, "mode: 2d\nframes: 5\nvideo: {flow_blend: 0.5}\n")
    painter = Painter()
    driven = shot(loaded, mode="video", width=96, height=64, noise="moved")
    given = (loaded.timeline, driven, painter, footage)
    list(stylise(*given, known_flow, [3], HARD, LoopState()))
    found = [request.noise for request in painter.requests]
    for frame in (1, 2, 4):
        after, before = found[frame].identities, found[frame - 1].identities
        assert torch.equal(after[:, :-PACE], before[:, PACE:])
        assert bool(found[frame].drawn[:, : -PACE - 1].all())
        assert not bool(found[frame].drawn[:, -1].any())
    assert not torch.isin(found[3].identities, found[2].identities).any()  # a new scene of the footage
    assert found[0].drawn is None
    assert found[3].drawn is None
    still = Painter()
    list(stylise(loaded.timeline, driven, still, footage, None, [], HARD, LoopState()))
    assert not torch.isin(still.requests[1].noise.identities, still.requests[0].noise.identities).any()


@pytest.mark.vital
@pytest.mark.parametrize("turbo", [Turbo(), Turbo(steps=3, preroll=1)])
@pytest.mark.parametrize("text", [PAN, FLIGHT])
def test_it_is_part_of_the_state(tmp_path: Path, text: str, turbo: Turbo) -> None:
    loaded = scene(tmp_path, text.replace("frames: 5", "frames: 8"))
    driven = shot(loaded, noise="moved", turbo=turbo)
    driver = turbo_film if turbo.steps > 1 else film
    folder = RunFolder.create(tmp_path, "scene", out=tmp_path / "run")

    def frames(state: LoopState) -> tuple[list, Recorder]:
        recorder = Recorder(0.3)
        return list(driver(loaded.timeline, driven, recorder, PlaneDepth(2.0), state)), recorder

    whole, _ = frames(LoopState())
    wanted = {one.frame: saved_state(one.state)[0] for one in whole}
    for at in range(7):
        folder.save_state(at, *saved_state(whole[at].state))
        rest, recorder = frames(load_state(folder, at + 1, torch.device("cpu")))
        for one in rest:
            tensors = saved_state(one.state)[0]
            assert tensors.keys() == wanted[one.frame].keys()
            assert all(torch.equal(tensors[name], wanted[one.frame][name]) for name in tensors)
        assert all(request.noise is not None for request in recorder.requests)
    bare = dataclasses.replace(whole[3].state.track, grains=None)
    assert "grains" not in saved_state(dataclasses.replace(whole[3].state, track=bare))[0]


REQUEST = Request(frame=3, seed=11, width=NARROW, height=LOW, prompts=(), init=INIT, keep=0.6)
GRAINS = torch.arange(NARROW * LOW).view(LOW, NARROW)
AT = torch.zeros(2, LOW, NARROW)


@pytest.mark.parametrize("sampler", ["ddim", "dpmpp_2m_sde"])
def test_all_noise_of_a_frame_follows_from_its_grains(sampler: str) -> None:
    painter = engine(sampler=sampler, eta=0.8)
    request = dataclasses.replace(REQUEST, noise=GrainNoise(GRAINS, AT))
    first = painter.paint(request)
    assert torch.equal(first, painter.paint(dataclasses.replace(request, seed=12, frame=4)))
    assert not torch.equal(first, painter.paint(REQUEST))
    others = dataclasses.replace(request, noise=GrainNoise(GRAINS + 10**6, AT))
    assert not torch.equal(first, painter.paint(others))


def test_every_step_has_noise_of_its_own() -> None:
    request = dataclasses.replace(REQUEST, noise=GrainNoise(GRAINS, AT))

    def drawn(one: Request, draw: str) -> Tensor:
        (give,) = draws_of_noise([one], torch.device("cpu"))
        return give(draw, rng.generator(1, 2, draw))

    parts = [drawn(request, draw) for draw in ("noise", "step 3", "step 4")]
    assert all(one.shape == (1, 3, LOW, NARROW) for one in parts)
    flat = torch.stack([one.flatten() for one in parts])
    assert (torch.corrcoef(flat) - torch.eye(3)).abs().max() < 0.06
    assert torch.equal(parts[1], drawn(dataclasses.replace(request, frame=99), "step 3"))
    plain = torch.randn((1, 3, LOW, NARROW), generator=rng.generator(1, 2, "noise"))
    assert torch.equal(drawn(REQUEST, "noise"), plain)
