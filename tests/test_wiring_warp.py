"""The wiring of the warps: signs, units and defaults, each by a move that shows it alone."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from animator.types import Camera, Move2D
from animator.warp.affine2d import outside_2d, warp_2d
from animator.warp.by_flow import warp_by_flow
from animator.warp.camera3d import is_still
from animator.warp.fill import far_ends, fill, near_sides
from animator.warp.reproject3d import view
from animator.warp.stereo import stereo_eyes

HEIGHT, WIDTH = 48, 64


def smooth(seed: int = 1) -> Tensor:
    noise = torch.rand(1, 3, HEIGHT // 8, WIDTH // 8, generator=torch.Generator().manual_seed(seed))
    return torch.nn.functional.interpolate(noise, (HEIGHT, WIDTH), mode="bicubic")[0].clamp(0.05, 0.95)


def spot(row: int, column: int, height: int = HEIGHT, width: int = WIDTH) -> Tensor:
    y, x = torch.meshgrid(torch.arange(height), torch.arange(width), indexing="ij")
    return torch.exp(-((x - column) ** 2 + (y - row) ** 2) / 18.0).expand(3, -1, -1).contiguous()


def place(picture: Tensor) -> tuple[float, float]:
    """Return the row and column in which the light of a picture has its middle."""
    light = picture.mean(dim=0)
    total = light.sum()
    rows, columns = torch.arange(light.shape[0]), torch.arange(light.shape[1])
    return float((light.sum(dim=1) * rows).sum() / total), float((light.sum(dim=0) * columns).sum() / total)


@pytest.mark.parametrize(
    ("move", "row", "column"),
    [
        (Move2D(translation_y=5), 29, 32),
        (Move2D(translation_x=5), 24, 37),
        (Move2D(translation_x=5, zoom=2), 24, 42),
        (Move2D(translation_x=8, angle=90), 16, 32),
    ],
)
def test_a_thing_in_the_middle_goes_where_the_move_says(move: Move2D, row: int, column: int) -> None:
    found = place(warp_2d(spot(24, 32), move, "replicate"))
    assert found == pytest.approx((row, column), abs=0.3)


@pytest.mark.parametrize("side", ["top", "left", "bottom", "right"])
def test_what_came_in_is_told_at_its_side_alone(side: str) -> None:
    move = {
        "top": Move2D(translation_y=6),
        "bottom": Move2D(translation_y=-6),
        "left": Move2D(translation_x=6),
        "right": Move2D(translation_x=-6),
    }[side]
    wanted = torch.zeros(HEIGHT, WIDTH, dtype=torch.bool)
    part = {"top": wanted[:6], "bottom": wanted[-6:], "left": wanted[:, :6], "right": wanted[:, -6:]}[side]
    part[:] = True
    assert torch.equal(outside_2d(move, HEIGHT, WIDTH), wanted)


def test_the_edge_of_a_picture_is_its_own() -> None:
    assert not outside_2d(Move2D(translation_x=0.4, translation_y=-0.4), HEIGHT, WIDTH).any()


@pytest.mark.parametrize(("sampling", "sharp"), [("bicubic", True), ("bilinear", False)])
def test_the_cubic_kernel_keeps_a_picture_sharp(sampling, sharp: bool) -> None:
    fine = torch.rand(3, HEIGHT, WIDTH, generator=torch.Generator().manual_seed(1))
    moved = warp_2d(fine, Move2D(translation_x=0.5), "wrap", sampling)
    assert (float(moved.std() / fine.std()) > 0.75) is sharp
    if sharp:
        assert torch.equal(moved, warp_2d(fine, Move2D(translation_x=0.5)))


def test_a_flow_is_followed_to_where_it_points_and_the_edge_is_drawn_out() -> None:
    flow = torch.zeros(2, HEIGHT, WIDTH)
    flow[0], flow[1] = 6, -3
    assert place(warp_by_flow(spot(24, 32), flow)) == pytest.approx((27, 26), abs=0.3)
    assert float(warp_by_flow(torch.full((3, HEIGHT, WIDTH), 0.5), flow).min()) == pytest.approx(
        0.5, abs=1e-4
    )


MOVES = ["translation_x", "translation_y", "translation_z", "rotation_3d_x", "rotation_3d_y", "rotation_3d_z"]


@pytest.mark.parametrize("name", MOVES)
def test_every_move_alone_is_a_move(name: str) -> None:
    camera = Camera(**{name: 7.0})
    assert not is_still(camera)
    frame, depth = smooth(), torch.full((HEIGHT, WIDTH), 2.0)
    assert not torch.allclose(view(frame, depth, camera).picture, frame, atol=0.01)


@pytest.mark.parametrize(
    ("camera", "row", "column"),
    [
        # At depth 1 and an angle of 90 degrees, 20 units are a tenth of half the picture.
        (Camera(translation_x=20, fov=90), 24, 28.8),
        (Camera(translation_y=20, fov=90), 26.4, 32),
        (Camera(rotation_3d_y=5, fov=90), 24, 29.2),
        (Camera(rotation_3d_x=5, fov=90), 26.1, 32),
    ],
)
def test_a_thing_straight_ahead_goes_where_the_camera_says(camera: Camera, row: float, column: float) -> None:
    found = place(view(spot(24, 32), torch.ones(HEIGHT, WIDTH), camera, padding="zeros").picture)
    assert found == pytest.approx((row, column), abs=0.45)


def test_a_move_forwards_makes_things_larger_and_nearer() -> None:
    seen = view(spot(24, 32), torch.full((HEIGHT, WIDTH), 2.0), Camera(translation_z=100))
    assert float(seen.picture.sum()) > 1.2 * float(spot(24, 32).sum())
    torch.testing.assert_close(seen.depth, torch.full((HEIGHT, WIDTH), 1.5))


def test_looks_of_the_eyes() -> None:
    frame, depth = spot(24, 32), torch.ones(HEIGHT, WIDTH)
    plain = {"eye_angle": 0.0, "bulge": 0.0, "fov": 90.0}
    left, right = (place(eye)[1] for eye in stereo_eyes(frame, depth, ipd=40.0, **plain))
    # Each eye is 20 units aside: what is straight ahead lies a tenth of half the picture to the other side.
    assert (left - 32, right - 32) == (pytest.approx(3.2, abs=0.3), pytest.approx(-3.2, abs=0.3))
    narrow = (place(eye)[1] for eye in stereo_eyes(frame, depth, ipd=20.0, **{**plain, "fov": 53.13}))
    assert [one - 32 for one in narrow] == [pytest.approx(3.2, abs=0.3), pytest.approx(-3.2, abs=0.3)]
    turned = [place(eye)[1] for eye in stereo_eyes(frame, depth, ipd=0.0, eye_angle=4.0, bulge=0.0, fov=90.0)]
    inwards = [
        place(eye)[1] for eye in stereo_eyes(frame, depth, ipd=40.0, eye_angle=4.0, bulge=0.0, fov=90.0)
    ]
    # Turned inwards, the eyes bring what is ahead back towards the middle.
    assert abs(inwards[0] - 32) < abs(left - 32)
    assert (turned[0] - 32) * (left - 32) < 0


@pytest.mark.parametrize(
    "change", [{"bulge": -0.4}, {"padding": "zeros"}, {"sampling": "nearest"}, {"fov": 80.0}]
)
def test_every_word_about_the_eyes_counts(change: dict) -> None:
    given = {"ipd": 60.0, "bulge": 0.0, "eye_angle": 3.0}
    frame, depth = smooth(), torch.full((HEIGHT, WIDTH), 1.5)
    for plain, other in zip(
        stereo_eyes(frame, depth, **given), stereo_eyes(frame, depth, **{**given, **change}), strict=True
    ):
        assert not torch.allclose(plain, other, atol=0.01)


# Holes


def hole(rows: slice, columns: slice) -> Tensor:
    mask = torch.zeros(HEIGHT, WIDTH, dtype=torch.bool)
    mask[rows, columns] = True
    return mask


def test_holes_go_on_with_the_farther_end_of_the_shorter_way() -> None:
    depth = torch.full((HEIGHT, WIDTH), 4.0)
    depth[:, :20] = 1.0
    tall, wide = hole(slice(4, 44), slice(20, 26)), hole(slice(20, 26), slice(4, 60))
    far, near = far_ends(tall, depth)
    assert (far[tall] % WIDTH == 26).all()
    assert near[10, 19]
    assert not near[:, 20:].any()
    depth[:] = 4.0
    depth[:20] = 1.0
    far, near = far_ends(wide, depth)
    assert (far[wide] // WIDTH == 26).all()
    assert near[19, 30]


def test_near_sides_are_the_near_thing_as_far_in_as_the_hole_is_wide() -> None:
    depth = torch.full((HEIGHT, WIDTH), 4.0)
    depth[:, 10:20] = 1.0
    opened = hole(slice(4, 44), slice(20, 26))
    _, ends = far_ends(opened, depth)
    near = near_sides(opened, ends, depth)
    assert near[20, 12:20].all()
    assert not near[:, 27:].any()


def test_a_hole_is_filled_and_nothing_else_is_touched() -> None:
    frame, mask = smooth() * 0.3, hole(slice(20, 26), slice(20, 26))
    avoid = hole(slice(20, 26), slice(26, 34))
    frame[:, avoid] = torch.tensor([1.0, 0.0, 0.0])[:, None]
    for given in (None, avoid):
        filled = fill(frame, mask, "inpaint", given)
        assert torch.equal(filled[:, ~mask], frame[:, ~mask])
        assert not torch.equal(filled[:, mask], frame[:, mask])
    red, free = (float(fill(frame, mask, "inpaint", one)[0][mask].mean()) for one in (None, avoid))
    assert red > free + 0.1


def test_a_wide_hole_meets_its_edges() -> None:
    ramp = torch.linspace(0, 1, 96).expand(3, 96, 96).contiguous()
    mask = torch.zeros(96, 96, dtype=torch.bool)
    mask[24:72, 24:72] = True
    drawn = fill(ramp, mask, "inpaint")
    for inner, outer in ((24, 23), (71, 72)):
        assert float((drawn[:, 30:66, inner] - drawn[:, 30:66, outer]).abs().max()) < 0.05
