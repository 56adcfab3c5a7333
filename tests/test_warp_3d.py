"""The 3D warp: every sign that docs/conventions.md names, distances, round trips, and what was uncovered."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from animator.depth.plane import PlaneDepth
from animator.types import Camera
from animator.warp.camera3d import rotation_matrix
from animator.warp.reproject3d import reproject, reproject_depth
from animator.warp.stereo import stereo_eyes

HEIGHT, WIDTH = 48, 80
PLANE = torch.full((HEIGHT, WIDTH), 2.0)


def smooth_picture(height=HEIGHT, width=WIDTH):
    x = torch.arange(width) / width
    y = torch.arange(height)[:, None] / height
    waves = [torch.sin(7 * x + 5 * y + 2 * channel) * torch.cos(4 * x * y + channel) for channel in range(3)]
    return torch.stack(waves) * 0.4 + 0.5


def spot(column, row):
    x, y = torch.arange(WIDTH), torch.arange(HEIGHT)[:, None]
    return torch.exp(-((x - column) ** 2 + (y - row) ** 2) / 18.0).expand(3, HEIGHT, WIDTH).contiguous()


def place(frame):
    """Centre of mass (column, row)."""
    weight = frame[0] / frame[0].sum()
    columns = (weight.sum(0) * torch.arange(WIDTH)).sum()
    return columns.item(), (weight.sum(1) * torch.arange(HEIGHT)).sum().item()


CENTRE = (39.5, 23.5)
SIGNS = [
    ("translation_x", 10, CENTRE, "left"),
    ("translation_y", 10, CENTRE, "down"),
    ("translation_z", 40, (52, 23.5), "right"),
    ("translation_z", 40, (39.5, 32), "down"),
    ("rotation_3d_x", 2, CENTRE, "down"),
    ("rotation_3d_y", 2, CENTRE, "left"),
    ("rotation_3d_z", 6, (58, 23.5), "up"),
    ("rotation_3d_z", 6, (20, 23.5), "down"),
]


@pytest.mark.parametrize(("name", "amount", "where", "expected"), SIGNS)
@pytest.mark.parametrize("sign", [1, -1])
def test_the_picture_moves_as_the_conventions_say(name, amount, where, expected, sign):
    moved, _ = reproject(spot(*where), PLANE, Camera(**{name: sign * amount}))
    dx, dy = (after - before for after, before in zip(place(moved), place(spot(*where)), strict=True))
    along = {"left": -dx, "right": dx, "up": -dy, "down": dy}[expected]
    across = dy if expected in ("left", "right") else dx
    assert sign * along > 0.5
    assert abs(across) < abs(along) / 2


@pytest.mark.slow
@given(
    pixels=st.integers(-9, 9).filter(bool),
    distance=st.floats(0.5, 5),
    fov=st.floats(20, 100),
    axis=st.sampled_from("xy"),
)
@settings(max_examples=40, deadline=None)
def test_a_plane_moved_sideways_shifts_by_the_predicted_pixels(pixels, distance, fov, axis):
    size = WIDTH if axis == "x" else HEIGHT
    # shift = size / 2 * (units / 200) / (distance * tan(fov / 2)); x runs against the camera, y with it.
    units = pixels * 2 / size * 200 * distance * math.tan(math.radians(fov) / 2)
    camera = Camera(fov=fov, **{f"translation_{axis}": -units if axis == "x" else units})
    frame = smooth_picture()
    moved, mask = reproject(frame, PlaneDepth(distance)(frame), camera)
    expected = torch.roll(frame, pixels, dims=2 if axis == "x" else 1)
    inside = ~mask
    assert inside.sum() == HEIGHT * WIDTH * (1 - abs(pixels) / size)
    assert (moved - expected)[:, inside].abs().max() < 2e-3


@given(
    name=st.sampled_from(
        ["translation_x", "translation_y", "translation_z", "rotation_3d_x", "rotation_3d_y", "rotation_3d_z"]
    ),
    amount=st.floats(-1, 1),
)
@settings(max_examples=40, deadline=None)
def test_there_and_back_is_the_picture(name, amount):
    frame = smooth_picture()
    there, hidden = reproject(frame, PLANE, Camera(**{name: amount}))
    back, lost = reproject(there, PLANE, Camera(**{name: -amount}))
    known = ~(hidden | lost)
    known[:3], known[-3:], known[:, :3], known[:, -3:] = False, False, False, False
    assert known.float().mean() > 0.5
    assert (back - frame)[:, known].abs().max() < 5e-3


def test_no_motion_never_drifts():
    frame = torch.rand(3, HEIGHT, WIDTH)
    moved = frame.clone()
    for _ in range(200):
        moved, mask = reproject(moved, PLANE, Camera(fov=70))
    assert torch.equal(moved, frame)
    assert reproject(frame, PLANE, Camera())[0] is frame
    assert not mask.any()


def test_a_hundred_moves_neither_brighten_nor_darken():
    frame = torch.full((3, HEIGHT, WIDTH), 0.4)
    for _ in range(100):
        frame, _ = reproject(frame, PLANE, Camera(translation_z=2, rotation_3d_z=0.3))
    assert (frame - 0.4).abs().max() < 1e-4


@pytest.mark.parametrize("units", [24.0, -24.0])
def test_what_comes_out_from_behind_a_near_thing_is_uncovered(units):
    depth = torch.full((HEIGHT, WIDTH), 4.0)
    depth[16:32, 30:50] = 1.0
    camera = Camera(translation_x=units, fov=90)
    near, far = (WIDTH / 2 * units / 200 / z for z in (1.0, 4.0))
    _, mask = reproject(smooth_picture(), depth, camera)
    inner = mask[18:30, 10:70]
    hole = torch.nonzero(inner[5]).ravel() + 10
    first = 50 - near if units > 0 else 30 - far
    assert (inner == inner[0]).all()
    assert len(hole) == pytest.approx(abs(near - far), abs=1)
    assert hole[0] == pytest.approx(first, abs=1)
    assert (hole.diff() == 1).all()


def test_what_is_pulled_apart_counts_as_uncovered():
    near = PlaneDepth(0.4)(smooth_picture())
    _, gentle = reproject(smooth_picture(), near, Camera(translation_z=10, fov=90))
    _, torn = reproject(smooth_picture(), near, Camera(translation_z=60, fov=90))
    assert not gentle.any()
    assert torn.float().mean() > 0.5


@pytest.mark.parametrize("units", [400, 500])  # a camera in the plane, and beyond it
def test_what_lies_behind_the_camera_is_uncovered_and_finite(units):
    moved, mask = reproject(smooth_picture(), PLANE, Camera(translation_z=units))
    assert mask.all()
    assert torch.isfinite(moved).all()
    assert moved.min() >= 0
    assert moved.max() <= 1


def test_a_place_whose_own_pixel_fell_behind_the_camera_is_uncovered_whatever_arrives_there():
    depth = torch.full((HEIGHT, WIDTH), 4.0)
    depth[16:32, 30:50] = 1.0
    _, mask = reproject(smooth_picture(), depth, Camera(translation_x=165, translation_z=250, fov=90))
    assert mask[16:32, 30:50].all()


def test_a_place_that_would_be_read_outside_is_uncovered_whatever_arrives_there():
    depth = torch.full((HEIGHT, WIDTH), 4.0)
    depth[:, 60:76] = 1.0
    # Sideways and turned back: near things go 8 pixels to the right, over the edge; far ones 4 to the left.
    camera = Camera(translation_x=-80, rotation_3d_y=math.degrees(math.atan(0.2)), fov=90)
    _, mask = reproject(smooth_picture(), depth, camera)
    assert mask[10:-10, 77:].all()


def test_the_result_is_a_frame_even_at_hard_edges():
    frame = torch.zeros(3, HEIGHT, WIDTH)
    frame[:, :, ::7] = 1
    moved, _ = reproject(frame, PLANE, Camera(translation_x=3.3))
    assert moved.dtype == torch.float32
    assert moved.min() >= 0
    assert moved.max() <= 1


def test_a_depth_of_another_size_is_refused():
    with pytest.raises(ValueError, match=r"depth is \(4, 4\), the frame \(48, 80\)"):
        reproject(smooth_picture(), torch.ones(4, 4), Camera(translation_x=1))


# --- the depth goes along


@pytest.mark.parametrize("projection", ["disco", "pinhole"])
@pytest.mark.parametrize("name", ["translation_x", "translation_y", "translation_z", "rotation_3d_z"])
def test_every_pixel_takes_its_depth_along(name, projection):
    # The picture is the depth itself, so whatever place it moves to, the depth has to be there with it.
    x, y = torch.linspace(0, 4, WIDTH), torch.linspace(0, 1, HEIGHT)[:, None]
    depth = 3 - 1.5 * y + 0.3 * torch.sin(x + y)
    camera = Camera(fov=60, **{name: 12.0})
    shown = (depth / 4).expand(3, -1, -1)
    picture, uncovered = reproject(shown, depth, camera, sampling="bilinear", projection=projection)
    moved, known = reproject_depth(depth, camera, projection=projection)
    closer = 12.0 / 200 if name == "translation_z" else 0.0
    assert torch.equal(known, ~uncovered)
    assert known.float().mean() > 0.8
    assert (moved - (picture[0] * 4 - closer))[known].abs().max() < 1e-5
    assert name == "translation_z" or (moved - depth).abs().max() > 0.01


def test_a_wall_comes_nearer_and_tilts_as_the_camera_turns():
    nearer, known = reproject_depth(PLANE, Camera(translation_z=50), projection="pinhole")
    assert torch.allclose(nearer, torch.full_like(PLANE, 1.75))
    assert known.all()
    # Turned to the right, the wall stands askew: what is farther to the right lies deeper.
    turned, known = reproject_depth(PLANE, Camera(rotation_3d_y=5), projection="pinhole")
    assert known[24, :70].all()
    assert (turned[24, :70].diff() > 0).all()
    assert turned[24, 40] == pytest.approx(2 * math.cos(math.radians(5)), abs=0.02)


def test_a_still_camera_leaves_the_very_depth():
    moved, known = reproject_depth(PLANE, Camera())
    assert moved is PLANE
    assert known.all()


def test_what_is_uncovered_or_behind_the_camera_has_no_known_depth():
    depth = torch.full((HEIGHT, WIDTH), 4.0)
    depth[16:32, 30:50] = 1.0
    camera = Camera(translation_x=24, fov=90)
    _, known = reproject_depth(depth, camera)
    assert torch.equal(known, ~reproject(smooth_picture(), depth, camera)[1])
    assert 0.9 < known.float().mean() < 1
    behind, known = reproject_depth(PLANE, Camera(translation_z=500))
    assert not known.any()
    assert (behind > 0).all()
    assert torch.isfinite(behind).all()


def test_rotations_compose_as_xyz():
    pitch, yaw, roll = rotation_matrix(20, 0, 0), rotation_matrix(0, 30, 0), rotation_matrix(0, 0, 40)
    together = rotation_matrix(20, 30, 40)
    assert abs(together - pitch @ yaw @ roll).max() < 1e-12
    assert abs(together - roll @ yaw @ pitch).max() > 0.1
    assert abs(together @ together.T - torch.eye(3).numpy()).max() < 1e-12


def test_the_left_eye_sees_near_things_farther_right():
    frame = spot(*CENTRE)
    left, right = stereo_eyes(frame, PlaneDepth(0.5)(frame), eye_angle=0, ipd=12, bulge=0)
    assert place(left)[0] - place(right)[0] > 5


@pytest.mark.parametrize(("distance", "slope_x", "slope_y"), [(0, 0, 0), (1, 0.6, 0.4), (1, 0, -1)])
def test_a_plane_behind_the_camera_is_refused(distance, slope_x, slope_y):
    with pytest.raises(ValueError, match="behind the camera"):
        PlaneDepth(distance, slope_x, slope_y)


def test_a_tilted_plane_is_deeper_to_the_right_and_below():
    depth = PlaneDepth(2, slope_x=0.5, slope_y=0.25)(smooth_picture())
    assert depth[0, 0].item() == pytest.approx(1.25)
    assert depth[0, -1].item() == pytest.approx(2.25)
    assert depth[-1, -1].item() == pytest.approx(2.75)
