"""The wiring of turbo: the fade of two pictures, their depths and colours, and what the engine is asked."""

from __future__ import annotations

import dataclasses
import itertools
from pathlib import Path

import pytest
import torch
from torch import Tensor

from animator.depth.align import NOTHING, Drift
from animator.film import colour, loop
from animator.film.shot import Turbo
from animator.film.state import LoopState, Track
from animator.film.turbo import faded, turbo_film
from animator.run.loop_state import load_state, saved_state
from animator.runs import RunFolder
from animator.warp.by_flow import warp_by_flow
from tests.test_loop import Pumping, Recorder, Reddening, scene, shot

ASIDE = "mode: 3d\nframes: 8\ncamera: {translation_x: 25}\n"
THIRDS = Turbo(steps=3, preroll=0)


def made(loaded, engine=None, turbo=THIRDS, state=None, flow=None, **changes) -> list:
    driven = shot(loaded, turbo=turbo, **changes)
    engine = engine or Recorder(0.3)
    return list(turbo_film(loaded.timeline, driven, engine, Pumping(), state or LoopState(), flow=flow))


class Uneven:
    """A flow to the right by another number of pixels on the way there than on the way back."""

    def both_ways(self, first: Tensor, second: Tensor) -> tuple[Tensor, Tensor]:
        self.first, self.second = first, second
        there, back = torch.zeros(2, *first.shape[1:]), torch.zeros(2, *first.shape[1:])
        there[0], back[0] = 6, -6
        return there, back


def blob(column: int) -> Tensor:
    picture = torch.zeros(3, 16, 48)
    picture[:, 4:12, column : column + 4] = 1
    return picture


@pytest.mark.parametrize("third", [1, 2])
def test_aligned_pictures_meet_at_their_part_of_the_way(third: int) -> None:
    """A thing that is six pixels farther in the newer picture is seen where it is at that time."""
    old, new, weight = blob(20), blob(26), third / 3
    shown, _ = faded(Track(new), Track(old), weight, Uneven())
    torch.testing.assert_close(shown, blob(20 + 2 * third), atol=1e-4, rtol=0)


def test_a_film_in_turbo_is_aligned_along_the_flow_from_the_older_picture(tmp_path: Path) -> None:
    loaded = scene(tmp_path, "mode: 2d\nframes: 5\n")
    flow = Uneven()
    turbo = dataclasses.replace(THIRDS, align=True)
    frame = made(loaded, turbo=turbo, flow=flow)[4]  # two thirds of the newer
    old, new = frame.state.old.picture, frame.state.track.picture
    assert torch.equal(flow.first, old)
    assert torch.equal(flow.second, new)
    there, back = flow.both_ways(old, new)
    wanted = warp_by_flow(old, back * 2 / 3).lerp(warp_by_flow(new, there / 3), 2 / 3)
    torch.testing.assert_close(frame.picture, wanted, atol=1e-6, rtol=0)


@pytest.mark.slow
def test_the_depth_of_a_faded_frame_is_faded_like_it(tmp_path: Path) -> None:
    frames = made(scene(tmp_path, ASIDE), stereo=True)
    for number, weight in ((3, 1 / 3), (4, 2 / 3), (6, 1 / 3), (7, 2 / 3)):
        state = frames[number].state
        wanted = state.old.depth * (1 - weight) + state.track.depth * weight
        torch.testing.assert_close(frames[number].depth, wanted)
        torch.testing.assert_close(
            frames[number].picture, state.old.picture.lerp(state.track.picture, weight)
        )
        assert not torch.allclose(state.old.depth, state.track.depth)


@pytest.mark.slow
def test_what_was_uncovered_reaches_the_engine_of_a_turbo_film(tmp_path: Path) -> None:
    engine = Recorder(0.3)
    frames = made(scene(tmp_path, f"{ASIDE}coherence: {{uncovered_skip_steps: 10%}}\n"), engine)
    assert engine.requests[0].uncovered is None
    for request, number in zip(engine.requests[1:], (3, 6), strict=True):
        assert torch.equal(request.uncovered, frames[number].uncovered)
        assert request.uncovered.any()
        assert request.uncovered_keep == pytest.approx(0.1)


@pytest.mark.slow
def test_a_painted_frame_is_held_to_the_depth_that_was_moved_to_it(tmp_path: Path, monkeypatch) -> None:
    held = []

    def noting(estimate, expectation):
        held.append(expectation)
        return estimate, Drift(0.5 * len(held), 0.0)

    monkeypatch.setattr(loop, "aligned", noting)
    frames = made(scene(tmp_path, ASIDE))
    assert len(held) == 3
    assert held[0].depth is None
    assert [one.drift.level for one in held[1:]] == [0.5, 1.0]
    for one, number in zip(held[1:], (3, 6), strict=True):
        assert torch.equal(one.depth, frames[number].state.old.depth)


def test_turbo_follows_the_colours_of_what_it_paints_and_of_nothing_else(tmp_path: Path) -> None:
    loaded = scene(tmp_path, "mode: 2d\nframes: 8\ncoherence: {color_coherence: 0.5}\n")
    frames = made(loaded, Reddening())
    for before, frame in itertools.pairwise(frames):
        old = before.state.colours
        if frame.frame % 3:
            assert torch.equal(frame.state.colours, old)
        else:
            here = colour.measure(frame.state.track.picture)
            moved = old + (here - old).mean(dim=0) / 200
            torch.testing.assert_close(frame.state.colours[:, :3], moved[:, :3])


@pytest.mark.slow
def test_turbo_holds_the_colours(tmp_path: Path) -> None:
    red = {}
    for strength in (0, 1):
        text = f"mode: 2d\nframes: 40\ncoherence: {{color_coherence: {strength}}}\n"
        frames = made(scene(tmp_path, text), Reddening())
        red[strength] = float(frames[-1].state.track.picture[0].mean() - frames[0].picture[0].mean())
    assert red[1] < 0.3 * red[0]


def test_the_older_picture_moves_with_the_camera(tmp_path: Path) -> None:
    frames = made(scene(tmp_path, "mode: 2d\nframes: 6\ncamera: {translation_x: 4}\n"))
    before, after = (frames[number].state.old.picture for number in (3, 4))
    torch.testing.assert_close(after[:, :, 8:], before[:, :, 4:-4], atol=1e-5, rtol=0)


def test_a_state_of_turbo_comes_back_whole(tmp_path: Path) -> None:
    frame = made(scene(tmp_path, ASIDE))[7]
    run = RunFolder.create(tmp_path, "scene", out=tmp_path / "run")
    run.save_state(7, *saved_state(frame.state))
    back = load_state(run, 8, torch.device("cpu"))
    assert back.frame == 7
    assert torch.equal(back.colours, frame.state.colours)
    for ours, theirs in ((back.track, frame.state.track), (back.old, frame.state.old)):
        assert torch.equal(ours.picture, theirs.picture)
        assert torch.equal(ours.depth, theirs.depth)
        assert torch.equal(ours.expected.depth, theirs.expected.depth)
        assert torch.equal(ours.expected.known, theirs.expected.known)
        assert ours.expected.drift == theirs.expected.drift
    assert frame.state.track.expected.drift != Drift()


@pytest.mark.parametrize(
    ("steps", "align", "expected"), [(3, False, True), (1, False, False), (1, True, True)]
)
def test_the_next_depth_is_expected_in_turbo_and_where_depths_are_aligned(
    tmp_path: Path, steps: int, align: bool, expected: bool
) -> None:
    loaded = scene(tmp_path, "mode: 3d\nframes: 5\ncamera: {translation_z: 5}\n")
    driven = shot(loaded, turbo=Turbo(steps=steps), align=align)
    track = Track(torch.rand(3, driven.height, driven.width))
    moved, _ = loop.move(track, loaded.timeline.row(1), driven, Pumping(), loop.SILENT)
    assert (moved.expected is not NOTHING) == expected


def test_films_of_disco_diffusion_do_not_grow_dark(tmp_path: Path) -> None:
    loaded = scene(tmp_path, "mode: 3d\nframes: 12\ncamera: {translation_z: 3}\n")
    driven = shot(loaded, disco=True)
    ramp = torch.linspace(0.2, 0.8, driven.width)
    track = Track(ramp.expand(3, driven.height, driven.width).clone())
    for frame in range(1, 11):
        track, _ = loop.move(track, loaded.timeline.row(frame), driven, Pumping(), loop.SILENT)
    assert float(track.picture.mean()) == pytest.approx(0.5, abs=2.5 / 255)
