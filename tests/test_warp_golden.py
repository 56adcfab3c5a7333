"""The warps against the figures of the reference."""

from __future__ import annotations

from dataclasses import fields

import numpy as np
import pytest
import torch

from animator.depth.blend import midas_to_depth
from animator.system.convert import frame_to_uint8, uint8_to_frame
from animator.types import Camera, Move2D
from animator.warp.affine2d import move_matrix, warp_2d
from animator.warp.camera3d import camera_rotation
from animator.warp.reproject3d import reproject
from animator.warp.stereo import stereo_eyes
from tests.golden_files import load_json, load_npz

BRIGHTENED = 1 / 512 - 0.0001
"""What the reference added to a picture before it sampled it in 3D; this program does not."""

CASES = load_json("warp")["cases"]
CASES_2D = [case for case in CASES if "zoom" in case]
CASES_STEREO = [case for case in CASES if "vr_ipd" in case]
CASES_3D = [case for case in CASES if case not in CASES_2D + CASES_STEREO]


def names(cases):
    return [case["name"] for case in cases]


@pytest.fixture(scope="module")
def figures():
    return load_npz("warp")


def assert_same_picture(ours, theirs):
    assert ours.shape == theirs.shape
    difference = np.abs(np.asarray(ours, np.float64) - theirs)
    assert difference.mean() < 1e-3
    assert (difference <= 1 / 255).mean() >= 0.995


@pytest.mark.parametrize("case", CASES_3D, ids=names(CASES_3D))
def test_the_3d_warp_is_the_references(case, figures):
    frame = uint8_to_frame(figures["image"]) + BRIGHTENED
    camera = Camera(**{field.name: case[field.name] for field in fields(Camera)})
    depth = torch.from_numpy(figures["depth"])
    moved, mask = reproject(
        frame, depth, camera, sampling=case["sampling_mode"], padding=case["padding_mode"]
    )
    assert mask.shape == depth.shape
    assert mask.dtype == torch.bool
    assert_same_picture(moved.clamp(0, 1).numpy(), figures[f"{case['name']}/warped"])
    np.testing.assert_allclose(camera_rotation(camera), figures[f"{case['name']}/rotation"], atol=1e-6)


@pytest.mark.parametrize("case", CASES_STEREO, ids=names(CASES_STEREO))
def test_the_eyes_see_what_the_references_see(case, figures):
    eyes = stereo_eyes(
        uint8_to_frame(figures["image"]) + BRIGHTENED,
        torch.from_numpy(figures["depth"]),
        eye_angle=case["vr_eye_angle"],
        ipd=case["vr_ipd"],
        fov=case["fov"],
        bulge=case["spherical_magnitude"],
        sampling=case["sampling_mode"],
        padding=case["padding_mode"],
    )
    for eye, side in zip(eyes, "lr", strict=True):
        assert_same_picture(eye.numpy(), figures[f"{case['name']}_{side}/warped"])


@pytest.mark.parametrize("case", CASES_2D, ids=names(CASES_2D))
def test_the_2d_warp_is_the_references(case, figures):
    frame = uint8_to_frame(figures["image"])
    move = Move2D(**{field.name: case[field.name] for field in fields(Move2D)})
    height, width = frame.shape[-2:]
    np.testing.assert_allclose(
        move_matrix(move, height, width), figures[f"{case['name']}/matrix"], atol=1e-12
    )
    # The reference worked on 8 bits and sampled bilinearly.
    moved = frame_to_uint8(warp_2d(frame, move, border=case["border"], sampling="bilinear"))
    assert_same_picture(moved / 255, figures[f"{case['name']}/warped"] / 255)


def test_midas_becomes_the_depth_of_the_figures(figures):
    depth = midas_to_depth(torch.from_numpy(figures["midas_prediction"]))
    np.testing.assert_allclose(depth.numpy(), figures["depth"], atol=1e-6)
