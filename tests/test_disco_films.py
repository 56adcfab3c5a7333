"""What ``compat: disco-5`` repeats besides the gradient: starts, steps, moves and files."""

from __future__ import annotations

import math
from dataclasses import replace
from functools import partial
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from torch import Tensor

from animator.depth.plane import PlaneDepth
from animator.diffusion import engine as engine_module
from animator.diffusion.disco_cuts import FOOTAGE, STILL
from animator.diffusion.noise_schedule import disco_schedule
from animator.diffusion.samplers import begun
from animator.diffusion.step_range import Course, course_of, mirror_indices
from animator.engines.guided import GUIDED
from animator.film.loop import SILENT, film, move
from animator.film.shot import Turbo
from animator.film.state import LoopState, Track
from animator.film.stills import stills
from animator.film.stylise import Trust, stylise
from animator.film.turbo import turbo_film
from animator.run.fingerprint import hash_inputs
from animator.run.job import shot_of
from animator.run.sources import Sources, gather
from animator.system import rng
from animator.system.convert import frame_to_uint8
from animator.types import Move2D, Painted
from animator.warp.affine2d import warp_2d
from animator.warp.disco import BRIGHTER, eight_bits, warp_2d_in_bytes
from tests.test_engine import REQUEST, toy_engine
from tests.test_loop import Recorder, scene, shot
from tests.test_turbo import Counting

DISCO = {"compat": "disco-5"}
MOVING = "mode: 3d\nframes: 8\ncamera: {translation_z: 5, translation_x: 3}\n"


def levels(frame: Tensor) -> Tensor:
    return frame * 255


def in_levels(frame: Tensor) -> bool:
    return torch.allclose(levels(frame), levels(frame).round(), atol=1e-3)


@pytest.fixture
def read(tmp_path: Path):
    return partial(scene, tmp_path)


# The diffusion


@pytest.mark.parametrize(
    ("keep", "floor", "nearest"), [(0.24, 7, 7), (0.29, 7, 6), (0.3, 6, 6), (0.99, 0, -1)]
)
def test_skipped_steps_are_rounded_down(keep: float, floor: int, nearest: int) -> None:
    schedule = disco_schedule(10)
    assert course_of(schedule, keep, True, disco=True).first == floor
    assert course_of(schedule, keep, True).first == nearest


def test_a_number_of_skipped_steps_is_itself() -> None:
    for steps in (50, 83, 250, 1000):
        schedule = disco_schedule(steps)
        found = [course_of(schedule, skip / steps, True, disco=True).first for skip in range(steps)]
        assert found == [steps - skip - 1 for skip in range(steps)]


def test_symmetry_comes_at_a_share_of_the_remaining_steps() -> None:
    schedule, course = disco_schedule(250), Course(239, 0, 0)
    assert mirror_indices(schedule, (0.09,), course, disco=True) == {218}
    assert mirror_indices(schedule, (0.09,), course) == {227}
    assert mirror_indices(schedule, (0.0, 1.0), course, disco=True) == {240, 0}
    painter = toy_engine(guidance=DISCO, diffusion={"use_vertical_symmetry": True})
    mirror = painter._mirror(Course(5, 0, 0))
    assert mirror is not None
    picture = torch.rand(1, 3, 16, 24)
    assert [not torch.equal(mirror(picture, index), picture) for index in range(6)] == [
        index == 5 for index in range(6)
    ]


def test_noise_without_an_init_is_weaker_where_steps_are_skipped() -> None:
    schedule, noise = disco_schedule(50), torch.randn(1, 3, 8, 8)
    share = math.sqrt(1 - float(schedule.alpha_bar[40]))
    torch.testing.assert_close(begun(None, noise, schedule, 40, disco=True), noise * share)
    assert torch.equal(begun(None, noise, schedule, 49, disco=True), noise)
    assert torch.equal(begun(None, noise, schedule, 40), noise)
    init = torch.rand(1, 3, 8, 8)
    assert torch.equal(begun(init, noise, schedule, 40, disco=True), begun(init, noise, schedule, 40))


@pytest.mark.parametrize("compat", ["none", "disco-5"])
def test_the_engine_begins_and_counts_as_disco_diffusion(compat: str, monkeypatch) -> None:
    seen = []
    walk = engine_module.walk

    def noted(denoise, schedule, x, samplers, **how):
        seen.append((x, how["indices"]))
        return walk(denoise, schedule, x, samplers, **how)

    monkeypatch.setattr(engine_module, "walk", noted)
    painter = toy_engine(guidance={"compat": compat}, diffusion={"steps": 8})
    request = replace(REQUEST, keep=0.24, init=None)
    painter.paint(request)
    x, indices = seen[0]
    disco = compat == "disco-5"
    assert indices[0] == (6 if disco else 5)
    generator = rng.generator(request.seed, request.frame, "noise")
    noise = torch.randn((1, 3, request.height, request.width), generator=generator)
    share = math.sqrt(1 - float(painter.schedule.alpha_bar[6])) if disco else 1.0
    torch.testing.assert_close(x, noise * share)


def test_the_engine_cuts_in_its_mode(monkeypatch) -> None:
    noted = []
    guide = engine_module.Guide

    def noting(**parts):
        noted.append(parts["cut"])
        return guide(**parts)

    monkeypatch.setattr(engine_module, "Guide", noting)
    toy_engine(guidance=DISCO).paint(REQUEST)
    whole = toy_engine(guidance=DISCO)
    footage = engine_module.GuidedDiffusion(whole.networks, whole.diffusion, whole.guidance, mode="video")
    footage.paint(REQUEST)
    assert [one.keywords["augmentation"] for one in noted] == [STILL, FOOTAGE]
    assert footage.in_float32().mode == "video"


@pytest.mark.parametrize("mode", ["still", "2d", "3d", "video"])
def test_the_scene_hands_its_mode_to_the_engine(mode: str, tmp_path: Path, monkeypatch) -> None:
    modes = []
    monkeypatch.setattr("animator.diffusion.fake.fake_engine", lambda *_, mode, **__: modes.append(mode))
    read = scene(tmp_path, "mode: still\nmodels: fake\n").scene
    GUIDED.load(read.model_copy(update={"mode": mode}), torch.device("cpu"), None)
    assert modes == [mode]


# Pictures of 8 bits


def test_levels_are_cut_down_and_stay() -> None:
    every = torch.arange(256).float() / 255
    assert torch.equal(eight_bits(every), every)
    assert levels(eight_bits(torch.tensor([0.999, 0.5, 1.7, -1.0]))).round().tolist() == [254, 127, 255, 0]


def test_a_2d_move_is_opencvs_in_bytes() -> None:
    frame = eight_bits(torch.rand(3, 24, 32))
    turn = Move2D(angle=3, zoom=1.05, translation_x=1.5, translation_y=-2)
    about = np.vstack([cv2.getRotationMatrix2D((16, 12), 3, 1.05), [0, 0, 1]])
    matrix = about @ np.array([[1, 0, 1.5], [0, 1, -2], [0, 0, 1]])
    wanted = cv2.warpPerspective(frame_to_uint8(frame), matrix, (32, 24), borderMode=cv2.BORDER_WRAP)
    assert np.array_equal(frame_to_uint8(warp_2d_in_bytes(frame, turn, "wrap")), wanted)
    assert (warp_2d_in_bytes(frame, turn, "wrap") - warp_2d(frame, turn)).abs().max() > 0.02


@pytest.mark.parametrize("sampling", ["bicubic", "bilinear", "nearest"])
def test_a_2d_move_is_sampled_as_the_scene_says(read, sampling: str) -> None:
    loaded = read(f"mode: 2d\nframes: 2\ncamera: {{angle: 4}}\nwarp: {{sampling_mode: {sampling}}}\n")
    picture = torch.rand(3, 64, 128)
    moving = shot_of(loaded, gather(loaded))
    moved, _ = move(Track(picture), loaded.timeline.row(1), moving, None, SILENT)
    assert torch.equal(moved.picture, warp_2d(picture, Move2D(angle=4), "wrap", sampling))  # type: ignore[arg-type]


def test_films_go_through_eight_bits(read) -> None:
    for text in ("mode: 2d\ncamera: {angle: 2}\n", MOVING):
        loaded = read(f"{text}guidance: {{compat: disco-5}}\nframes: 3\n".replace("frames: 8\n", ""))
        for disco in (False, True):
            engine = Recorder(0.3)
            driven = shot(loaded, disco=disco)
            frames = list(film(loaded.timeline, driven, engine, PlaneDepth(2.0), LoopState()))
            inits = [one.init for one in engine.requests if one.init is not None]
            assert len(inits) == 2
            assert all(in_levels(one.picture) for one in frames) == disco
            assert all(in_levels(one) for one in inits) == disco


def test_a_moved_picture_of_3d_is_made_a_little_brighter_before_it_is_cut_down(read) -> None:
    row = read(MOVING).timeline.row(1)
    even = torch.full((3, 64, 128), 100 / 255)
    still, _ = move(Track(even), row, shot(read(MOVING), disco=True), PlaneDepth(2.0), SILENT)
    assert torch.equal(still.picture, even)
    assert 0.4 < BRIGHTER * 255 < 0.5
    assert still.depth is None
    usual, _ = move(Track(even), row, shot(read(MOVING)), PlaneDepth(2.0), SILENT)
    assert usual.depth is not None


def test_stills_and_footage_go_through_eight_bits(read) -> None:
    class Together(Recorder):
        def paint_together(self, requests, on_step=None, *, stop_at=1.0, unfinished=None):
            return [Painted(self.paint(one, on_step)) for one in requests]

    loaded = read("mode: still\nimages: 2\n")
    smooth = torch.rand(3, 64, 128)
    for disco in (False, True):
        made = list(stills(loaded.timeline, shot(loaded, disco=disco), Together(), [0, 1], {}))
        assert all(in_levels(one.picture) for one in made) == disco
        engine = Recorder(0.3)
        driven = shot(loaded, mode="video", disco=disco)
        frames = list(
            stylise(loaded.timeline, driven, engine, lambda _: smooth, None, (), Trust(), LoopState())
        )
        assert all(in_levels(one.picture) for one in frames) == disco
        assert all(in_levels(one.init) for one in engine.requests if one.init is not None) == disco


def test_each_picture_of_turbo_has_a_depth_of_its_own(read) -> None:
    """Two pictures a frame, but for the first move and those until there are two."""
    asked = {}
    for disco in (False, True):
        loaded = read(f"{MOVING}guidance: {{compat: disco-5}}\n")
        depth = Counting()
        driven = shot(loaded, turbo=Turbo(steps=3, preroll=1, disco=disco), disco=disco, align=False)
        frames = list(turbo_film(loaded.timeline, driven, Recorder(0.3), depth, LoopState()))
        assert len(frames) == 8
        asked[disco] = depth.asked
    # Frames 1 to 7 move the newer picture; 2, 4, 5 and 7, which nobody paints, the older one too.
    assert asked == {False: 4, True: 7 + 4}


# The scene


def test_a_scene_says_it_to_the_drivers(read) -> None:
    loaded = read("mode: 3d\nguidance: {compat: disco-5}\n")
    found = shot_of(loaded, gather(loaded))
    assert (found.disco, found.turbo.disco, found.align) == (True, True, False)
    usual = read("mode: 3d\n")
    assert (shot_of(usual, gather(usual)).disco, usual.scene.depth.align) == (False, True)


def test_depths_are_not_aligned_unless_the_scene_says_so(read) -> None:
    for text, align in (
        ("mode: 3d\nguidance: {compat: disco-5}\n", False),
        ("guidance: {compat: disco-5}\n", False),
        ("guidance: {compat: disco-5}\ndepth: {align: true}\n", True),
        ("guidance: {compat: disco-5}\ndepth: {midas_weight: 0.5}\n", False),
        ("mode: 2d\nguidance: {compat: disco-5}\n", True),
        ("mode: 3d\n", True),
    ):
        loaded = read(text)
        assert loaded.scene.depth.align is align, text
        assert not [one for one in loaded.notices if one.key == "depth.align"], text


def test_runs_that_are_painted_otherwise_now_are_made_again(read) -> None:
    def again(text: str) -> bool:
        loaded = read(text)
        now, then = (hash_inputs(loaded, Sources({}), {}, rendering=number) for number in (None, 3))
        assert set(now).isdisjoint(then) or now == then
        return now != then

    assert again("mode: 3d\nframes: 2\nguidance: {compat: disco-5}\n")
    assert again("mode: still\nguidance: {compat: disco-5}\n")
    assert again("mode: 2d\nframes: 2\nwarp: {sampling_mode: bilinear}\n")
    assert not again("mode: 3d\nframes: 2\nwarp: {sampling_mode: bilinear}\n")
    assert not again("mode: 2d\nframes: 2\n")
    assert not again("mode: 3d\nframes: 2\n")
