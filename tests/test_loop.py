"""The frame loop, driven by engines so simple that every frame can be foretold."""

from __future__ import annotations

import builtins
import dataclasses
import itertools
import os
from pathlib import Path

import pytest
import torch
from torch import Tensor

from animator.depth.align import NOTHING
from animator.depth.plane import PlaneDepth
from animator.film import colour
from animator.film.holding import settled
from animator.film.inits import InitSettings
from animator.film.loop import STEPS, Listener, film
from animator.film.shot import Shot
from animator.film.state import LoopState
from animator.run.loop_state import load_state, saved_state
from animator.runs import RunFolder
from animator.scene.reading import LoadedScene, read_scene
from animator.system import rng
from animator.types import PaintStep, Request

WIDTH, HEIGHT = 128, 64


class Recorder:
    """An engine that hands back its init picture, or noise where there is none, and keeps its requests."""

    def __init__(self, change: float = 0.0) -> None:
        self.requests: list[Request] = []
        self.change = change

    def paint(self, request: Request, on_step=None) -> Tensor:
        self.requests.append(request)
        if on_step is not None:
            on_step(PaintStep(1, 1, list))
        generator = rng.generator(request.seed, request.frame, "noise")
        noise = torch.rand(3, request.height, request.width, generator=generator)
        return noise if request.init is None else torch.lerp(request.init, noise, self.change)


def scene(tmp_path: Path, text: str) -> LoadedScene:
    """Read a scene that holds no colours unless it says so."""
    text = text if "coherence" in text else f"{text}coherence: {{color_coherence: 0}}\n"
    path = tmp_path / "scene.yaml"
    path.write_text(f"version: 1\nsize: [{WIDTH}, {HEIGHT}]\nseed: 7\nprompts: a sea\n{text}")
    return read_scene(path)


def shot(loaded: LoadedScene, **changes) -> Shot:
    given = {
        "mode": loaded.scene.mode,
        "width": WIDTH,
        "height": HEIGHT,
        "pictures": loaded.scene.count,
        "seed": loaded.scene.seed,
    }
    return Shot(**{**given, **changes})


BEGIN = LoopState()


def run(loaded: LoadedScene, engine, state: LoopState = BEGIN, **changes):
    return list(film(loaded.timeline, shot(loaded, **changes), engine, PlaneDepth(2.0), state))


@pytest.mark.slow
def test_a_still_camera_changes_nothing(tmp_path: Path) -> None:
    for mode in ("2d", "3d"):
        loaded = scene(tmp_path, f"mode: {mode}\nframes: 40\n")
        frames = run(loaded, Recorder())
        assert len(frames) == 40
        assert all(torch.equal(one.picture, frames[0].picture) for one in frames)


def test_what_is_asked_of_the_engine(tmp_path: Path) -> None:
    text = 'mode: 3d\nframes: 3\ncoherence: {frames_skip_steps: "0: (40%), 2: (80%)", frames_scale: 900}\n'
    engine = Recorder(0.1)
    frames = run(scene(tmp_path, text), engine, keep=0.04)
    first, second, third = engine.requests
    assert (first.init, first.keep, first.init_scale) == (None, 0.04, 0.0)
    assert second.init is not None
    assert torch.equal(second.init, frames[0].picture)
    assert (second.keep, third.keep) == (pytest.approx(0.6), pytest.approx(0.8))
    assert (second.init_scale == 900.0).all()
    assert second.prompts[0].text == "a sea"
    assert [one.seed for one in engine.requests] == [7, 8, 9]
    assert set(second.values) >= {"guidance.clamp_max", "guidance.cuts.overview", "diffusion.eta"}
    assert all(value.shape == (1000,) for value in second.values.values())


def test_the_camera_moves_the_frame_before(tmp_path: Path) -> None:
    # 200 of Disco's units are one unit of depth. With a field of view of 90 degrees a plane at depth 2 is
    # seen to move by half a unit, and the picture is two units wide: a quarter of its width.
    text = "mode: 3d\nframes: 2\ncamera: {translation_x: 200, fov: 90}\n"
    before, after = (one.picture for one in run(scene(tmp_path, text), Recorder()))
    shift = WIDTH // 4
    moved = after[:, :, :-shift] - before[:, :, shift:]
    assert moved.abs().max() < 1e-3


def test_uncovered_pixels_are_told(tmp_path: Path) -> None:
    text = "mode: 3d\nframes: 2\ncamera: {translation_x: 200, fov: 90}\n"
    first, second = run(scene(tmp_path, text), Recorder())
    assert first.uncovered is None
    assert second.uncovered is not None
    assert second.uncovered[:, -8:].all()
    assert not second.uncovered[:, :64].any()


def test_2d_turns_and_wraps(tmp_path: Path) -> None:
    text = "mode: 2d\nframes: 2\ncamera: {translation_x: 5}\n"
    before, after = (one.picture for one in run(scene(tmp_path, text), Recorder()))
    assert torch.allclose(after, before.roll(5, dims=2), atol=1e-5)


@pytest.mark.parametrize("mode", ["2d", "3d"])
@pytest.mark.parametrize("at", [0, 1, 4])
def test_going_on_from_a_state_is_the_same_film(tmp_path: Path, mode: str, at: int) -> None:
    text = f"mode: {mode}\nframes: 6\ncoherence: {{color_coherence: 0.5}}\n"
    text += "camera: {zoom: 1.02, rotation_3d_z: 1, angle: 1, translation_z: 5}\n"
    loaded = scene(tmp_path, text)
    whole = run(loaded, Recorder(0.3))
    rest = run(loaded, Recorder(0.3), state=whole[at].state)
    assert [one.frame for one in rest] == list(range(at + 1, 6))
    for one in rest:
        assert torch.equal(one.picture, whole[one.frame].picture)
        assert torch.equal(one.state.colours, whole[one.frame].state.colours)


@pytest.mark.slow
@pytest.mark.parametrize(("frames", "begins"), [("first", [0]), ("all", [0, 1, 2])])
def test_clouds_start_the_first_frame_unless_all_are_asked_for(tmp_path, frames, begins) -> None:
    loaded = scene(tmp_path, "mode: 2d\nframes: 3\n")
    engine = Recorder()
    made = run(loaded, engine, init=InitSettings(perlin="gray", frames=frames), keep=0.3)
    assert [number for number, one in enumerate(engine.requests) if one.keep == 0.3] == begins
    again = [torch.equal(one.picture, made[0].picture) for one in made[1:]]
    # A camera that stands still hands the first frame on; clouds of its own differ from frame to frame.
    assert again == ([True, True] if frames == "first" else [False, False])


def test_an_init_picture_starts_the_film(tmp_path: Path) -> None:
    loaded = scene(tmp_path, "mode: 2d\nframes: 2\ndiffusion: {init_scale: 333}\n")
    init = torch.full((3, HEIGHT, WIDTH), 0.25)
    engine = Recorder()
    run(loaded, engine, init=InitSettings(init), keep=0.5)
    assert torch.equal(engine.requests[0].init, init)
    assert engine.requests[0].keep == 0.5
    assert (engine.requests[0].init_scale == 333.0).all()


class Told(Listener):
    """Writes down the stages."""

    def __init__(self, told: list[tuple[int, str]]) -> None:
        self.told = told

    def stage(self, frame: int, name: str) -> None:
        self.told.append((frame, name))


def test_the_steps_come_in_their_order(tmp_path: Path) -> None:
    loaded = scene(tmp_path, "mode: 3d\nframes: 2\ncamera: {translation_z: 5}\n")
    told: list[tuple[int, str]] = []
    for one in film(
        loaded.timeline,
        shot(loaded),
        Recorder(),
        PlaneDepth(2.0),
        LoopState(),
        listener=Told(told),
    ):
        assert told[-1] == (one.frame, "keep")
    assert [name for frame, name in told if frame == 0] == ["look up", "denoise", "keep"]
    assert tuple(name for frame, name in told if frame == 1) == STEPS


def test_the_loop_opens_no_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd) -> None:
    loaded = scene(
        tmp_path, "mode: 3d\nframes: 3\ncamera: {translation_z: 5}\ncoherence: {color_coherence: 1}\n"
    )
    run(loaded, Recorder(0.2))  # whatever is imported late is imported now

    def refuse(*args, **kwargs):
        raise AssertionError(f"the loop opened {args}")

    monkeypatch.setattr(builtins, "open", refuse)
    monkeypatch.setattr(os, "open", refuse)
    frames = run(loaded, Recorder(0.2))
    monkeypatch.undo()
    assert len(frames) == 3
    assert capfd.readouterr() == ("", "")


def test_3d_without_depth_says_so(tmp_path: Path) -> None:
    loaded = scene(tmp_path, "mode: 3d\nframes: 2\n")
    with pytest.raises(ValueError, match="needs a depth estimator"):
        list(film(loaded.timeline, shot(loaded), Recorder(), None, LoopState()))


class Reddening:
    """An engine that paints every frame a little redder and paler than it came."""

    def paint(self, request: Request, on_step=None) -> Tensor:
        if request.init is None:
            generator = rng.generator(1, 0, "noise")
            return 0.3 + 0.4 * torch.rand(3, request.height, request.width, generator=generator)
        push: Tensor = torch.tensor([0.01, 0.0, 0.0])[:, None, None]
        return (request.init * 0.995 + push).clamp(0, 1)


@pytest.mark.slow
def test_colours_are_held(tmp_path: Path) -> None:
    drift = {}
    for strength in (0, 1):
        text = f"mode: 2d\nframes: 60\ncoherence: {{color_coherence: {strength}}}\n"
        frames = run(scene(tmp_path, text), Reddening())
        first, last = colour.measure(frames[0].picture), colour.measure(frames[-1].picture)
        drift[strength] = float((first - last).abs().max())
    assert drift[0] > 15
    assert drift[1] < drift[0] / 5


def test_holding_colours_at_zero_is_the_very_frame() -> None:
    frame = torch.rand(3, 8, 8)
    assert colour.hold(frame, colour.measure(torch.rand(3, 8, 8)), 0) is frame


def test_the_depth_goes_along_with_the_camera(tmp_path: Path) -> None:
    text = "mode: 3d\nframes: 3\ncamera: {translation_z: 20}\nwarp: {projection: pinhole}\n"
    first, second, third = (one.state for one in run(scene(tmp_path, text), Recorder(), projection="pinhole"))
    assert first.track.expected == NOTHING
    assert second.track.expected.depth.dtype == torch.float32
    assert torch.allclose(second.track.expected.depth, torch.full((HEIGHT, WIDTH), 1.9))
    assert second.track.expected.known.dtype == torch.bool
    assert second.track.expected.known.all()
    # The third comes of a depth that was aligned to the second's, and a little drawn back to the plane's 2.
    assert third.track.expected.depth.median() == pytest.approx(1.8, abs=0.005)
    assert third.track.expected.drift.level < 0


def test_without_alignment_no_depth_goes_along(tmp_path: Path) -> None:
    loaded = scene(tmp_path, "mode: 3d\nframes: 3\ncamera: {translation_z: 20}\n")
    states = [one.state for one in run(loaded, Recorder(), align=False)]
    assert all(state.track.expected == NOTHING for state in states)
    moved = run(scene(tmp_path, "mode: 2d\nframes: 2\ncamera: {zoom: 1.1}\n"), Recorder())
    assert moved[1].state.track.expected == NOTHING


class Pumping:
    """A depth that hangs on the brightness of every picture, so that no two frames have the same scale."""

    def __call__(self, frame: Tensor) -> Tensor:
        return 1 + 3 * frame[0] * (0.5 + 5 * (frame.mean() - 0.4).abs())


@pytest.mark.parametrize("at", [0, 1, 4])
def test_going_on_with_aligned_depths_is_the_same_film(tmp_path: Path, at: int) -> None:
    loaded = scene(tmp_path, "mode: 3d\nframes: 7\ncamera: {translation_z: 5, translation_x: 3}\n")

    def frames(state: LoopState, align: bool = True) -> list:
        return list(film(loaded.timeline, shot(loaded, align=align), Recorder(0.3), Pumping(), state))

    whole = frames(LoopState())
    rest = frames(whole[at].state)
    assert all(torch.equal(one.picture, whole[one.frame].picture) for one in rest)
    assert rest[-1].state.track.expected.drift == whole[-1].state.track.expected.drift
    assert torch.equal(rest[-1].state.track.expected.depth, whole[-1].state.track.expected.depth)
    # Were the state to forget what is expected, or alignment to do nothing, the film would be another.
    if at > 0:
        forgetful = frames(
            dataclasses.replace(
                whole[at].state, track=dataclasses.replace(whole[at].state.track, expected=NOTHING)
            )
        )
        assert not torch.equal(forgetful[-1].picture, whole[-1].picture)
    assert not torch.equal(frames(LoopState(), align=False)[-1].picture, whole[-1].picture)


def test_a_state_with_depths_comes_back_from_its_file(tmp_path: Path) -> None:
    loaded = scene(tmp_path, "mode: 3d\nframes: 3\ncamera: {translation_z: 20, translation_x: 9}\n")
    frames = list(film(loaded.timeline, shot(loaded), Recorder(0.3), Pumping(), LoopState()))
    run = RunFolder.create(tmp_path, "scene", out=tmp_path / "run")
    for one in frames[0], frames[-1]:
        state = one.state
        run.save_state(one.frame, *saved_state(state))
        back = load_state(run, one.frame + 1, torch.device("cpu"))
        parts = [(state.track.picture, back.track.picture), (state.colours, back.colours)]
        parts += [
            (getattr(state.track.expected, name), getattr(back.track.expected, name))
            for name in ("depth", "known")
        ]
        for kept, come in parts:
            assert (kept is None) == (come is None)
            assert kept is None or torch.equal(kept, come)
        assert (back.frame, back.track.expected.drift) == (state.frame, state.track.expected.drift)
    assert frames[-1].state.track.expected.drift.level != 0


@pytest.mark.slow
def test_three_hundred_frames_without_motion_do_not_drift(tmp_path: Path) -> None:
    loaded = scene(tmp_path, "mode: 3d\nframes: 300\ncoherence: {color_coherence: 1}\n")
    first = last = None
    for one in film(loaded.timeline, shot(loaded), Recorder(), PlaneDepth(2.0), LoopState()):
        first, last = one.picture if first is None else first, one.picture
    assert float((last - first).abs().max() * 255) < 0.1


def test_colours_are_let_go_while_the_prompts_change(tmp_path: Path) -> None:
    text = "mode: 2d\nframes: 56\ncoherence: {color_coherence: 1}\n"
    path = tmp_path / "scene.yaml"
    path.write_text(f"size: [64, 64]\nseed: 1\nprompts: {{0: a sea, 10: a wood}}\n{text}")
    loaded = read_scene(path)
    shares = [settled(loaded.timeline.row(frame)) for frame in range(56)]
    # From the 26th frame on the hold grows, so that the film does not jump.
    assert shares == [1.0] * 10 + [0.0] * 16 + [more / 17 for more in range(1, 18)] + [1.0] * 13
    engine = Reddening()
    made = list(film(loaded.timeline, shot(loaded, width=64, height=64), engine, None, LoopState()))
    red = [float(one.picture[0].mean()) for one in made]
    rises = [after - before for before, after in itertools.pairwise(red)]
    assert max(abs(rise) for rise in rises[46:]) < 0.25 * min(rises[12:20])
