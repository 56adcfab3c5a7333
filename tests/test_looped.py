"""Films that loop: the last frame leads to the first as every frame leads to the next."""

from __future__ import annotations

from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from animator.between.along import AlongFlow
from animator.depth.plane import PlaneDepth
from animator.film.closing import closing, moved_back
from animator.film.loop import film
from animator.film.moves import back_2d, back_3d
from animator.film.state import LoopState, Track
from animator.film.turbo import turbo_film
from animator.flow.load import load_flow
from animator.keyframes import Clock, parse_prompts
from animator.run.fingerprint import hash_inputs
from animator.run.job import shot_of
from animator.run.sources import Sources
from animator.scene.looped import loop_span
from animator.scene.reading import LoadedScene, read_scene
from animator.types import Camera, Move2D, Request
from animator.video.interpolate import between, count_between
from animator.warp.affine2d import move_matrix
from animator.warp.camera3d import camera_rotation, camera_translation
from tests.test_upright import shapes
from tests.wiring import Desk


class Restless:
    """An engine that changes what it is given in every frame, by other soft waves each time."""

    def paint(self, request: Request, on_step=None) -> Tensor:
        if request.init is None:
            return shapes(request.height, request.width)
        y, x = torch.arange(request.height)[:, None], torch.arange(request.width)
        waves = torch.sin(x / 7 + 2.4 * request.frame) * torch.cos(y / 9 + 1.3 * request.frame)
        return (request.init + 0.12 * waves).clamp(0, 1)


def read(folder: Path, text: str, frames: int = 16) -> LoadedScene:
    path = folder / "scene.yaml"
    path.write_text(
        f"version: 1\nsize: [128, 64]\nseed: 7\nmodels: fake\nframes: {frames}\nfps: 4\n"
        f"warp: {{padding_mode: reflection, border_2d: reflect}}\n{text}"
        f"{'' if 'prompts' in text else 'prompts: a sea'}\n"
    )
    return read_scene(path)


def pictures(loaded: LoadedScene) -> list[Tensor]:
    shot = shot_of(loaded, Sources({}))
    drive = turbo_film if shot.turbo.steps > 1 else film
    made = drive(loaded.timeline, shot, Restless(), PlaneDepth(2.0), LoopState())
    return [one.picture for one in made]


def jumps(frames: list[Tensor]) -> tuple[float, float]:
    """Return the difference from the last frame to the first, and the median of that between neighbours."""
    differences = [float((one - other).abs().mean()) for one, other in pairwise(frames)]
    return float((frames[-1] - frames[0]).abs().mean()), float(np.median(differences))


@pytest.mark.parametrize(
    "moves",
    [
        "mode: 2d\ncamera: {zoom: 1.04}\n",
        "mode: 2d\ncamera: {zoom: 1.02, angle: 3, translation_x: 3}\n",
        "mode: 2d\ncamera: {translation_x: 4}\nturbo: {steps: 3, preroll: 2}\n",
        "mode: 3d\ncamera: {translation_z: 10, rotation_3d_y: 0.5}\n",
        "mode: 3d\ncamera: {translation_z: 10, rotation_3d_z: 4}\nturbo: {steps: 4, preroll: 0}\n",
        "mode: 2d\ncamera: {angle: 3}\ncoherence: {noise: moved}\n",
    ],
)
def test_the_last_frame_leads_to_the_first(tmp_path: Path, moves: str) -> None:
    jump, usual = jumps(pictures(read(tmp_path, moves + "loop: true\n")))
    open_jump, _ = jumps(pictures(read(tmp_path, moves)))
    assert jump <= 1.1 * usual
    assert open_jump > 2 * usual


def test_the_first_frame_is_laid_over_whatever_is_painted_at_the_end(tmp_path: Path) -> None:
    class Deaf:
        """An engine that asks for nothing and paints a grey of its own in every frame."""

        def paint(self, request: Request, on_step=None) -> Tensor:
            return torch.full((3, request.height, request.width), 0.1 + 0.05 * request.frame)

    loaded = read(tmp_path, "mode: 2d\ncamera: {zoom: 1.02}\nloop: true\n")
    made = film(loaded.timeline, shot_of(loaded, Sources({})), Deaf(), PlaneDepth(2.0), LoopState())
    means = [float(one.picture.mean()) for one in made]
    assert means[4] == pytest.approx(0.3, abs=1e-4)
    assert means[-1] < 0.6  # it was painted 0.85, and the first frame 0.1


def test_moves_are_taken_back() -> None:
    move = Move2D(7, 1.2, 5, -3)
    both = move_matrix(back_2d(move), 64, 128) @ move_matrix(move, 64, 128)
    assert np.allclose(both, np.eye(3), atol=1e-9)
    camera = Camera(30, -20, 50, 4, -7, 11)
    back = back_3d(camera)
    turn, again = camera_rotation(camera), camera_rotation(back)
    points = np.random.default_rng(3).normal(size=(3, 9))
    there = turn.T @ points + camera_translation(camera)[:, None]
    assert np.allclose(again.T @ there + camera_translation(back)[:, None], points)


def test_the_first_frame_is_moved_back_along_the_path(tmp_path: Path) -> None:
    loaded = read(tmp_path, "mode: 2d\ncamera: {translation_x: 5}\nloop: true\n")
    shot = shot_of(loaded, Sources({}))
    picture = shapes(64, 128)
    back, known = moved_back(Track(picture), loaded.timeline, shot, 13)
    assert torch.allclose(back.picture[:, :, :113], picture[:, :, 15:], atol=1e-3)
    assert known[:, :113].all()
    assert not known[:, 114:].any()


def test_it_closes_over_the_last_frames_only(tmp_path: Path) -> None:
    loaded = read(tmp_path, "mode: 2d\ncamera: {translation_x: 5}\nloop: true\n", frames=20)
    shot = shot_of(loaded, Sources({}))
    assert shot.loop == loop_span(loaded.scene) == 8
    first = Track(shapes(64, 128))
    ends = [closing(first, loaded.timeline.row(frame), shot, 19) for frame in range(20)]
    assert [end is None for end in ends] == [True] * 12 + [False] * 8
    shares = [float(end.share.max()) for end in ends if end is not None]
    assert shares == sorted(shares)
    assert shares[-1] == 1
    assert 0 < shares[0] < 0.1
    assert closing(None, loaded.timeline.row(19), shot, 19) is None


def test_prompts_become_the_first_ones_again() -> None:
    clock = Clock(frames=24, fps=4)
    track = parse_prompts({0: "a sea", 8: "a wood"}, clock, blend=3).looped(24, 8)
    shares = [{one.text: one.weight for one in track.at(frame)}.get("a sea", 0.0) for frame in range(24)]
    assert shares[20:] == [0.0, 0.25, 0.5, 0.75]
    assert shares[11:21] == [0.0] * 10
    cut = parse_prompts({0: "a sea", 8: "a wood"}, clock).looped(24, 8)
    assert [cut.texts(frame)[0] for frame in (0, 8, 19, 20, 23)] == [
        "a sea",
        "a wood",
        "a wood",
        "a sea",
        "a sea",
    ]
    late = parse_prompts({0: "a sea", 22: "a wood"}, clock, blend=8).looped(24, 8)
    assert late.texts(22) == ("a wood",)
    assert late.texts(23) == ("a sea",)
    alone = parse_prompts("a sea", clock)
    assert alone.looped(24, 8) is alone


def test_a_scene_that_loops_has_its_first_prompts_at_the_end(tmp_path: Path) -> None:
    loaded = read(tmp_path, "mode: 2d\nloop: true\nprompts: {0: a sea, 6: a wood}\nprompt_blend: 2\n")
    assert [one.text for one in loaded.timeline.row(13).prompts] == ["a wood"]
    assert {one.text for one in loaded.timeline.row(15).prompts} == {"a sea", "a wood"}


def test_frames_between_lead_from_the_last_to_the_first() -> None:
    frames = [np.full((32, 32, 3), value, np.uint8) for value in (10, 20, 30, 20)]
    flow = load_flow("dis")
    looped = list(between(frames, 4, 8, AlongFlow(flow), loop=True))
    held = list(between(frames, 4, 8, AlongFlow(flow)))
    assert len(looped) == len(held) == count_between(4, 4, 8)
    assert [int(one.mean()) for one in held] == [10, 15, 20, 25, 30, 25, 20, 20]
    assert [int(one.mean()) for one in looped] == [10, 15, 20, 25, 30, 25, 20, 15]
    assert len(list(between(iter(frames), Fraction(4), 10, AlongFlow(flow), loop=True))) == 10
    assert list(between([], 4, 8, AlongFlow(flow), loop=True)) == []


def test_what_decides_a_frame_of_a_loop(tmp_path: Path) -> None:
    def hashes(text: str, frames: int = 16) -> list[str]:
        return hash_inputs(read(tmp_path, f"mode: 2d\n{text}", frames), Sources({}), {})

    open_, looped = hashes("camera: {zoom: 1.1}\n"), hashes("camera: {zoom: 1.1}\nloop: true\n")
    assert open_[0] != looped[0]
    longer = hashes("camera: {zoom: 1.1}\nloop: true\n", 18)
    assert longer[:8] == looped[:8]
    assert longer[8] != looped[8]
    # What the camera does at the end decides where the first frame is seen before it.
    later = hashes("camera: {zoom: '0: (1.1), 14: (1.1), 15: (1.2)'}\nloop: true\n")
    assert later[:8] == looped[:8]
    assert later[8] != looped[8]


def test_only_films_that_a_camera_makes_loop(tmp_path: Path) -> None:
    loaded = read(tmp_path, "mode: still\nimages: 2\nloop: true\n")
    assert loop_span(loaded.scene) == 0
    assert any("loop" in str(one) for one in loaded.notices)
    assert loop_span(read(tmp_path, "mode: 2d\nloop: true\n", frames=1).scene) == 0


@pytest.mark.vital
@pytest.mark.slow
def test_a_loop_is_resumed_to_the_byte(tmp_path: Path, monkeypatch) -> None:
    text = (
        "mode: 3d\nloop: true\ncamera: {translation_z: 9}\nturbo: {steps: 2, preroll: 1}\n"
        "coherence: {noise: moved}\ndiffusion: {steps: 3}\noutput: {interpolate_to: 8}\n"
    )
    loaded = read(tmp_path, text, 7)
    whole, resumed = tmp_path / "whole", tmp_path / "resumed"
    Desk(monkeypatch).render(loaded, whole)
    Desk(monkeypatch).render(loaded, resumed)
    for number in range(4, 7):
        (resumed / "frames" / f"{number:06}.png").unlink()
    Desk(monkeypatch).render(loaded, resumed)
    names = sorted(path.relative_to(whole) for path in whole.rglob("*.png"))
    assert len(names) >= 7
    for name in names:
        assert (whole / name).read_bytes() == (resumed / name).read_bytes(), name
