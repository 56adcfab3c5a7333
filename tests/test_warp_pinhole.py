"""The camera's pyramid: moves that a photographer could foretell."""

from __future__ import annotations

import math

import pytest
import torch

from animator.types import Camera
from animator.warp.camera3d import camera_rotation, camera_translation, project_offsets
from animator.warp.reproject3d import reproject
from animator.warp.sampling import corner_spans

HEIGHT, WIDTH = 64, 96


def offsets(camera: Camera, depth: float) -> torch.Tensor:
    plane = torch.full((HEIGHT, WIDTH), depth)
    return project_offsets(plane, camera_rotation(camera), camera_translation(camera), camera.fov, "pinhole")[
        0
    ]


@pytest.mark.parametrize("depth", [0.5, 2.0, 8.0])
def test_forwards_magnifies_by_nearness(depth: float) -> None:
    moved = offsets(Camera(translation_z=40), depth)
    expected = corner_spans(HEIGHT, WIDTH, torch.device("cpu")) * (depth / (depth - 0.2) - 1)
    torch.testing.assert_close(moved, expected, rtol=1e-4, atol=1e-6)


def test_sideways_moves_by_focal_length_over_depth() -> None:
    moved = offsets(Camera(translation_x=20, translation_y=20, fov=60), 2.0)
    across = -0.1 / 2 / (math.tan(math.radians(30)) * WIDTH / HEIGHT)
    down = 0.1 / 2 / math.tan(math.radians(30))
    assert moved[..., 0].mean() == pytest.approx(across, rel=1e-4)
    assert moved[..., 1].mean() == pytest.approx(down, rel=1e-4)
    assert moved.std(dim=(0, 1)).max() < 1e-6


def test_a_turn_does_not_ask_how_far_things_are() -> None:
    camera = Camera(rotation_3d_y=3, rotation_3d_z=5)
    torch.testing.assert_close(offsets(camera, 1.0), offsets(camera, 9.0), rtol=1e-4, atol=1e-6)
    box = [
        project_offsets(torch.full((8, 8), z), camera_rotation(camera), camera_translation(camera), 40)[0]
        for z in (1.0, 9.0)
    ]
    assert (box[0] - box[1]).abs().max() > 0.1


def test_a_roll_keeps_circles_round() -> None:
    """A quarter turn takes the middle of the right edge to where the aspect says, not to the lower edge."""
    moved = offsets(Camera(rotation_3d_z=90), 1.0)
    start = corner_spans(HEIGHT, WIDTH, torch.device("cpu"))
    end = (start + moved)[HEIGHT // 2, -1]
    assert abs(float(end[1])) == pytest.approx(WIDTH / HEIGHT, rel=0.02)


def test_reproject_takes_the_projection() -> None:
    frame = torch.rand(3, HEIGHT, WIDTH, generator=torch.Generator().manual_seed(1))
    depth = torch.full((HEIGHT, WIDTH), 4.0)
    camera = Camera(translation_z=40)
    box, _ = reproject(frame, depth, camera)
    pyramid, _ = reproject(frame, depth, camera, projection="pinhole")
    assert (box - pyramid).abs().mean() > 0.01
