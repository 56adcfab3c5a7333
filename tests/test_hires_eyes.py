"""What two eyes see of larger frames: the films, and the parallax, which stays."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from animator.errors import SceneError
from animator.run import hires_eyes as hires_eyes_module
from animator.run.frame_source import FrameSource
from animator.run.hires_eyes import hires_eyes
from animator.run.save import two_eyes
from animator.runs.hires import HIRES
from animator.system.convert import frame_to_uint8
from tests.test_upscale import disparity
from tests.wiring import Desk, bare_job, scene

WORDS = (
    "mode=3d",
    "size=[192, 128]",
    "frames=2",
    "hires.scale=2",
    "vr.enabled=true",
    "vr.ipd=12",
    "vr.eye_angle=0",
    "vr.bulge=0",
)


def smooth(height: int, width: int) -> torch.Tensor:
    noise = torch.rand(1, 3, 10, 14, generator=torch.Generator().manual_seed(4))
    return F.interpolate(noise, (height, width), mode="bicubic")[0].clamp(0, 1)


def test_the_parallax_of_larger_frames_is_as_many_times_larger(tmp_path: Path, monkeypatch) -> None:
    job = bare_job(tmp_path, *WORDS, "grade.brightness='0: (0), 1: (0.5)'", "vr.ipd='0: (12), 1: (20)'")
    small, large = (
        smooth(128, 192),
        F.interpolate(smooth(128, 192)[None], (256, 384), mode="bicubic")[0].clamp(0, 1),
    )
    frames = {"frames": frame_to_uint8(small), HIRES: frame_to_uint8(large)}
    monkeypatch.setattr(
        FrameSource, "saved", lambda self, folder="frames", numbers=(): iter([frames[folder]] * 2)
    )
    source = FrameSource(job, {}, lambda: None, {}, "", {"left": "a", "right": "b"}, {}, {})
    first, second = hires_eyes_module._pairs(source)
    assert first[0].shape == (256, 384, 3)
    row = job.loaded.timeline.row(0)
    before = two_eyes(job, small, torch.full((128, 192), 2.0), row)
    moved = disparity(*before)
    assert abs(moved) > 3
    assert disparity(*first) == pytest.approx(2 * moved, abs=0.5)
    assert abs(disparity(*second)) > 1.4 * abs(disparity(*first))
    assert second[0].mean() > first[0].mean() + 60  # the look goes over the eyes, too
    alone = [next(hires_eyes_module._eye(source, name)) for name in ("left", "right")]
    assert all(np.array_equal(one, other) for one, other in zip(alone, first, strict=True))


def test_films_of_larger_eyes_are_named_by_their_size(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr(hires_eyes_module, "large_digest", lambda job: "x")
    layouts = "vr.layouts=[left_right, anaglyph, vr180]"
    job = bare_job(tmp_path, *WORDS, layouts)
    source = FrameSource(job, {}, lambda: None, {}, "", {"left": "a", "right": "b"}, {}, {})
    alone, packed = hires_eyes(source, None)
    assert [one.file for one in alone] == ["scene-left-384x256.mp4", "scene-right-384x256.mp4"]
    assert [one.file for one in packed] == ["scene-anaglyph-384x256.mp4", "scene-384x256_180_LR.mp4"]
    none = bare_job(tmp_path, "mode=3d", "vr.enabled=true")
    assert hires_eyes(FrameSource(none, {}, lambda: None, {}, "", {}, {}, {}), None) == ([], [])


@pytest.mark.slow
def test_a_film_with_eyes_is_rendered_larger(tmp_path: Path, monkeypatch) -> None:
    larger = scene(tmp_path, "frames=2", "hires.scale=2", "vr.enabled=true", "vr.layouts=[side_by_side]")
    made = Desk(monkeypatch).render(larger, tmp_path / "run")
    assert "scene-side-by-side-128x128.mp4" in made["asked"]


def test_two_films_of_one_name_are_refused(tmp_path: Path) -> None:
    with pytest.raises(SceneError, match=r"output\.upscale\.to: makes a film of 128 x 128"):
        scene(tmp_path, "hires.scale=2", "output.upscale.to=[128, 128]")
