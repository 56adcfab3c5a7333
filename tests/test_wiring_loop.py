"""The wiring of the frame loop: what is asked of the engine, the warp and the depth at every frame."""

from __future__ import annotations

import itertools
from pathlib import Path

import pytest
import torch
from torch import Tensor

from animator.depth.align import Drift
from animator.depth.plane import PlaneDepth
from animator.film import colour, loop
from animator.film.inits import InitSettings
from animator.film.loop import film
from animator.film.shot import Turbo
from animator.film.state import LoopState
from animator.film.turbo import turbo_film
from animator.scene.reading import read_scene
from animator.types import Camera, PaintStep
from animator.warp.reproject3d import view
from tests.test_loop import HEIGHT, WIDTH, Pumping, Recorder, Reddening, scene, shot

BEGIN = LoopState()
ASIDE = "mode: 3d\nframes: 4\ncamera: {translation_x: 40, fov: 60}\n"


class Step:
    """A near block before a far wall."""

    def __call__(self, frame: Tensor) -> Tensor:
        depth = torch.full(frame.shape[1:], 4.0)
        depth[16:48, 48:80] = 1.0
        return depth


def made(loaded, engine=None, depth=None, state=BEGIN, **changes) -> list:
    driven = shot(loaded, **changes)
    return list(film(loaded.timeline, driven, engine or Recorder(0.2), depth or PlaneDepth(2.0), state))


@pytest.mark.parametrize("mode", ["2d", "3d"])
def test_what_was_uncovered_reaches_the_engine_with_a_share_of_its_own(tmp_path: Path, mode: str) -> None:
    text = f"mode: {mode}\nframes: 3\ncamera: {{translation_x: 40}}\n"
    text += "coherence: {frames_skip_steps: 70%, uncovered_skip_steps: '0: (20%), 2: (40%)'}\n"
    engine = Recorder()
    frames = made(scene(tmp_path, text), engine)
    assert engine.requests[0].uncovered is None
    for request, frame, share in zip(engine.requests[1:], frames[1:], (0.3, 0.4), strict=True):
        assert request.uncovered is not None
        assert request.uncovered.any()
        assert torch.equal(request.uncovered, frame.uncovered)
        assert request.uncovered_keep == pytest.approx(share)
        assert request.keep == pytest.approx(0.7)


def test_each_frame_has_its_own_scale_towards_what_it_is_painted_over(tmp_path: Path) -> None:
    text = "mode: 2d\nframes: 2\ndiffusion: {init_scale: 11, perlin_init: gray}\n"
    engine = Recorder()
    init = InitSettings(torch.full((3, HEIGHT, WIDTH), 0.5))
    made(scene(tmp_path, f"{text}coherence: {{frames_scale: 22}}\n"), engine, init=init, keep=0.25)
    first, second = engine.requests
    assert (first.keep, first.init_scale[0], second.init_scale[0]) == (0.25, 11, 22)


def test_values_over_the_frames_reach_the_engine_as_they_are_at_each_frame(tmp_path: Path) -> None:
    text = "mode: 2d\nframes: 3\nguidance: {tv_scale: '0: (0), 2: (200)'}\n"
    text += "diffusion: {eta: '0: (0), 2: (0.5)'}\n"
    engine = Recorder()
    made(scene(tmp_path, text), engine)
    assert [one.values["guidance.tv_scale"][0] for one in engine.requests] == [0, 100, 200]
    assert [one.values["diffusion.eta"][0] for one in engine.requests] == [0, 0.25, 0.5]


@pytest.mark.parametrize(
    ("seed_mode", "frames"), [("step", [0, 1, 2]), ("fixed", [0, 0, 0]), ("random", [0, 1, 2])]
)
def test_with_a_fixed_seed_all_frames_have_the_same_noise(tmp_path: Path, seed_mode, frames) -> None:
    engine = Recorder()
    made(scene(tmp_path, "mode: 2d\nframes: 3\n"), engine, seed_mode=seed_mode)
    assert [one.frame for one in engine.requests] == frames
    assert len({one.seed for one in engine.requests}) == (1 if seed_mode == "fixed" else 3)


# Colours


def references(loaded) -> list[Tensor]:
    return [one.state.colours for one in made(loaded, Reddening(), width=64, height=64)]


def test_the_colours_are_followed_slowly_and_quickly_after_new_prompts(tmp_path: Path) -> None:
    """A tenth of the way to each frame while the prompts are new, else 1/200, and only their means."""
    path = tmp_path / "scene.yaml"
    path.write_text(
        "size: [64, 64]\nseed: 1\nmode: 2d\nframes: 44\nprompts: {0: a sea, 5: a wood}\n"
        "coherence: {color_coherence: 0.5}\n"
    )
    loaded = read_scene(path)
    frames = made(loaded, Reddening(), width=64, height=64)
    for before, frame in itertools.pairwise(frames):
        old, here, now = before.state.colours, colour.measure(frame.picture), frame.state.colours
        held = 1.0 if frame.frame < 5 else min(1.0, max(0, frame.frame - 20) / 17)
        wanted = old.lerp(here, 0.1 * (1 - held))
        torch.testing.assert_close(now[:, 3], wanted[:, 3])
        wanted = wanted + held * (here - old).mean(dim=0) / 200
        torch.testing.assert_close(now[:, :3], wanted[:, :3])


def test_the_hold_grows_so_that_no_frame_jumps(tmp_path: Path) -> None:
    """A cut to a darker picture: when the hold returns, the film goes on evenly."""

    class Darkening(Recorder):
        def paint(self, request, on_step=None):
            if request.init is None:
                return rough_at(64, 64) + 0.3
            dark = rough_at(64, 64) * 0.4
            return torch.lerp(request.init, dark, 0.1 if request.prompts[0].text == "a wood" else 0.0)

    path = tmp_path / "scene.yaml"
    path.write_text(
        "size: [64, 64]\nseed: 1\nmode: 2d\nframes: 40\nprompts: {0: a sea, 3: a wood}\nprompt_blend: 0\n"
        "coherence: {color_coherence: 1}\n"
    )
    frames = made(read_scene(path), Darkening(), width=64, height=64)
    steps = [
        float((after.picture - before.picture).abs().mean()) for before, after in itertools.pairwise(frames)
    ]
    assert max(steps[15:]) < 1.5 * max(steps[12:15])


def test_held_colours_are_what_is_painted_over(tmp_path: Path) -> None:
    inits: list[Tensor] = []

    class Noting(Reddening):
        def paint(self, request, on_step=None):
            if request.init is not None:
                inits.append(request.init)
            return super().paint(request)

    engine = Noting()
    frames = made(scene(tmp_path, "mode: 2d\nframes: 12\ncoherence: {color_coherence: 1}\n"), engine)
    reference = frames[-2].state.colours
    held, free = (colour.measure(one) for one in (inits[-1], frames[-2].picture))
    assert float((held - reference).abs().max()) < 0.2 * float((free - reference).abs().max())


def rough(seed: int = 1) -> Tensor:
    return 0.3 + 0.4 * torch.rand(3, 32, 32, generator=torch.Generator().manual_seed(seed))


def test_half_a_hold_goes_half_the_way() -> None:
    frame = rough()
    other = (frame * 0.9 + 0.02).clamp(0, 1)
    here, wanted = colour.measure(frame), colour.measure(other)
    halves = colour.measure(colour.hold(frame, wanted, 0.5))
    torch.testing.assert_close(halves[:, :3], ((here + wanted) / 2)[:, :3], atol=1.2, rtol=0)


def test_what_matches_stays_to_the_bit() -> None:
    frame = rough()
    assert torch.equal(colour.hold(frame, colour.measure(frame), 1), frame)


def test_a_patch_may_not_become_stronger_than_the_film(tmp_path: Path) -> None:
    """Means and deviations would be the same if the rest of the picture were as much calmer."""
    frame = 0.5 + 0.1 * (rough() - 0.5)
    strong = frame.clone()
    strong[:, 8:16, 8:16] = torch.tensor([0.9, 0.1, 0.1])[:, None, None]
    held = colour.hold(strong, colour.measure(frame), 1)
    patch, was = (one[:, 8:16, 8:16].std(dim=0).mean() for one in (held, strong))
    assert float(patch) < 0.6 * float(was)


def test_contrast_that_each_frame_gains_does_not_add_up(tmp_path: Path) -> None:
    class Harder(Recorder):
        def paint(self, request, on_step=None):
            picture = super().paint(request, on_step)
            return picture if request.init is None else ((picture - 0.5) * 1.03 + 0.5).clamp(0, 1)

    def spread(strength: float) -> list[float]:
        text = f"mode: 2d\nframes: 60\ncoherence: {{color_coherence: {strength}, noise: new}}\n"
        engine = Harder(0.02)
        frames = made(scene(tmp_path, text), engine, init=InitSettings(rough_at(HEIGHT, WIDTH)), keep=1.0)
        return [float(one.picture.std()) for one in frames]

    free, held = spread(0), spread(0.6)
    assert free[-1] > 1.5 * free[0]
    assert held[-1] < 1.12 * held[0]
    assert held[-1] < 1.03 * held[30]


def rough_at(height: int, width: int) -> Tensor:
    return 0.4 + 0.2 * torch.rand(3, height, width, generator=torch.Generator().manual_seed(2))


def test_a_nearly_flat_frame_is_not_blown_up() -> None:
    generator = torch.Generator().manual_seed(1)
    flat = 0.5 + 0.01 * torch.rand(3, 32, 32, generator=generator)
    loud = torch.rand(3, 32, 32, generator=generator)
    held = colour.hold(flat, colour.measure(loud), 1)
    assert float(held.std(dim=(1, 2)).max()) < 0.02


# Depth


def test_every_depth_is_held_to_the_one_before_and_the_drift_goes_along(tmp_path: Path, monkeypatch) -> None:
    loaded = scene(tmp_path, ASIDE)
    held = []

    def noting(estimate, expectation):
        held.append(expectation)
        return estimate, Drift(0.25 * len(held), 0.5)

    monkeypatch.setattr(loop, "aligned", noting)
    frames = made(loaded, depth=Pumping())
    assert len(held) == 3
    assert held[0].depth is None
    assert [one.drift.level for one in held[1:]] == [0.25, 0.5]
    for number, one in enumerate(held[1:], 1):
        assert torch.equal(one.known, ~frames[number].uncovered)
        before = Pumping()(frames[number - 1].picture)
        moved = view(frames[number - 1].picture, before, Camera(translation_x=40, fov=60)).depth
        assert torch.equal(one.depth, moved)


def test_without_alignment_the_network_is_taken_at_its_word(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr(loop, "aligned", None)
    assert len(made(scene(tmp_path, ASIDE), depth=Pumping(), align=False)) == 4


class Counting(Pumping):
    def __init__(self) -> None:
        self.asked = 0

    def __call__(self, frame: Tensor) -> Tensor:
        self.asked += 1
        return super().__call__(frame)


def test_two_eyes_cost_one_estimate_a_frame_and_change_nothing(tmp_path: Path) -> None:
    loaded = scene(tmp_path, ASIDE)
    eye = Counting()
    plain, stereo = made(loaded, depth=Pumping()), made(loaded, depth=eye, stereo=True)
    assert eye.asked == 4
    for flat, deep in zip(plain, stereo, strict=True):
        assert flat.depth is None
        assert deep.depth is not None
        assert torch.equal(flat.picture, deep.picture)
    drifts = [one.state.track.expected.drift for one in plain]
    assert drifts[-1] == stereo[-2].state.track.expected.drift != Drift()


# The warp


CAMERA = "camera: {translation_x: 30, translation_z: 9, rotation_3d_y: 2, fov: 75}\n"
LOOKS = {
    "sampling": "nearest",
    "padding": "zeros",
    "projection": "pinhole",
    "occlusion": True,
}


@pytest.mark.parametrize("name", LOOKS)
def test_the_shot_decides_how_a_frame_is_warped(tmp_path: Path, name: str) -> None:
    loaded = scene(tmp_path, f"mode: 3d\nframes: 2\n{CAMERA}")
    first, second = made(loaded, Recorder(), Step(), **{name: LOOKS[name]})
    camera = Camera(translation_x=30, translation_z=9, rotation_3d_y=2, fov=75)
    wanted = view(first.picture, Step()(first.picture), camera, **{name: LOOKS[name]})
    usual = view(first.picture, Step()(first.picture), camera)
    assert torch.equal(second.picture, wanted.picture)
    assert torch.equal(second.uncovered, wanted.uncovered)
    assert not torch.equal(second.picture, usual.picture)


def test_what_opens_behind_a_near_thing_is_not_filled_from_it(tmp_path: Path) -> None:
    class Block:
        def paint(self, request, on_step=None):
            if request.init is not None:
                return request.init
            picture = torch.zeros(3, HEIGHT, WIDTH)
            picture[2] = 0.6
            picture[:, 16:48, 48:80] = torch.tensor([1.0, 0.0, 0.0])[:, None, None]
            return picture

    text = "mode: 3d\nframes: 2\ncamera: {translation_x: 40, fov: 60}\n"
    loaded = scene(tmp_path, text)
    _, second = made(loaded, Block(), Step(), occlusion=True, fill="inpaint", align=False)
    hole = second.uncovered.clone()
    hole[:, WIDTH - 24 :] = False  # what came in from beyond the edge
    assert hole.sum() > 100
    assert float(second.picture[0][hole].max()) < 0.05


@pytest.mark.parametrize(("border", "corner"), [("wrap", "the other side"), ("replicate", "the edge")])
def test_a_2d_move_shows_its_border_and_fills_it_where_asked(
    tmp_path: Path, border: str, corner: str
) -> None:
    loaded = scene(tmp_path, "mode: 2d\nframes: 2\ncamera: {translation_x: 8}\n")
    first, second = made(loaded, Recorder(), border_2d=border)
    there = first.picture[:, :, -8:] if border == "wrap" else first.picture[:, :, :1].expand(-1, -1, 8)
    torch.testing.assert_close(second.picture[:, :, :8], there, atol=1e-5, rtol=0, msg=corner)
    _, drawn = made(loaded, Recorder(), border_2d=border, fill="inpaint")
    assert not torch.allclose(drawn.picture[:, :, :8], second.picture[:, :, :8], atol=0.05)
    assert torch.equal(drawn.picture[:, :, 8:], second.picture[:, :, 8:])


def test_a_2d_picture_turns_by_its_angle(tmp_path: Path) -> None:
    loaded = scene(tmp_path, "mode: 2d\nframes: 2\ncamera: {angle: 180}\n")
    first, second = made(loaded, Recorder())
    torch.testing.assert_close(
        second.picture[:, 1:, 1:], first.picture.flip(1, 2)[:, :-1, :-1], atol=1e-4, rtol=0
    )


@pytest.mark.parametrize("align", [False, True])
def test_turbo_estimates_a_depth_once_and_moves_it_along(tmp_path: Path, align: bool) -> None:
    loaded = scene(tmp_path, "mode: 3d\nframes: 7\ncamera: {translation_z: 9}\n")
    eye = Counting()
    driven = shot(loaded, turbo=Turbo(3, 0), align=align)
    list(turbo_film(loaded.timeline, driven, Recorder(0.2), eye, LoopState()))
    assert eye.asked == 2


class Heard(loop.Listener):
    """Counts the steps of every diffusion."""

    def __init__(self) -> None:
        self.steps: list[tuple[int, int]] = []

    def step(self, step: PaintStep) -> None:
        self.steps.append((step.done, step.total))


class Stepping(Recorder):
    """An engine whose every frame takes three steps."""

    def paint(self, request, on_step=None) -> Tensor:
        for done in (1, 2, 3):
            if on_step is not None:
                on_step(PaintStep(done, 3, list))
        return super().paint(request)


@pytest.mark.parametrize("driver", [film, turbo_film])
def test_a_listener_hears_every_step_of_every_diffusion(tmp_path: Path, driver) -> None:
    loaded, heard = scene(tmp_path, "mode: 2d\nframes: 2\n"), Heard()
    list(driver(loaded.timeline, shot(loaded), Stepping(), None, BEGIN, listener=heard))
    assert heard.steps == [(1, 3), (2, 3), (3, 3)] * 2
