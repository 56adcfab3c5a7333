"""Holes of a moved picture: which there are with and without occlusion, and what stands in them."""

from __future__ import annotations

import math

import pytest
import torch

from animator.types import Camera, Move2D
from animator.warp.affine2d import outside_2d, warp_2d
from animator.warp.edges import FRINGE, sharpened
from animator.warp.fill import fill, near_sides
from animator.warp.reproject3d import View, reproject, reproject_depth, view
from animator.warp.splat import splat

HEIGHT, WIDTH, LEFT, RIGHT, TOP, FOOT = 48, 72, 30, 46, 14, 34
RED = torch.tensor([0.9, 0.1, 0.1])
NEAR, BACK = 1.0, 8.0
UNIT = math.tan(math.radians(20)) * 200 * 2 / WIDTH
"""What ``translation_x`` moves the square by a pixel; the ground behind moves an eighth of that."""


def square() -> tuple[torch.Tensor, torch.Tensor]:
    """A red square before a blue and green checker of squares of 3 pixels."""
    rows, columns = torch.arange(HEIGHT)[:, None] // 3, torch.arange(WIDTH) // 3
    checker = ((rows + columns) % 2).float()
    frame = torch.stack((torch.zeros_like(checker), checker, 1 - checker))
    depth = torch.full((HEIGHT, WIDTH), BACK)
    frame[:, TOP:FOOT, LEFT:RIGHT] = RED[:, None, None]
    depth[TOP:FOOT, LEFT:RIGHT] = NEAR
    return frame, depth


def red(picture: torch.Tensor) -> torch.Tensor:
    return (picture - RED[:, None, None]).abs().amax(dim=0) < 0.02


def moved(camera: Camera, **settings) -> View:
    return view(*square(), camera, **settings)


@pytest.mark.parametrize("pixels", [8, -8])
def test_a_near_square_stays_rigid_and_its_hole_lies_behind_it(pixels):
    """The ground moves by a whole pixel, the square by eight."""
    seen = moved(Camera(translation_x=-pixels * UNIT), occlusion=True)
    assert torch.equal(
        red(seen.picture)[TOP:FOOT].nonzero(), red(square()[0]).roll(pixels, 1)[TOP:FOOT].nonzero()
    )
    hole = torch.zeros(HEIGHT, WIDTH, dtype=torch.bool)
    step = pixels // 8
    trail = (LEFT + step, LEFT + pixels) if pixels > 0 else (RIGHT + pixels, RIGHT + step)
    hole[TOP:FOOT, slice(*trail)] = True
    outer = slice(0, step) if pixels > 0 else slice(WIDTH + step, WIDTH)
    inner = seen.uncovered.clone()
    assert inner[:, outer].all()
    inner[:, outer] = False
    assert (inner | ~hole).all()
    # It takes the mixed pixels with it on its far side and above and below, never any of the square.
    grown = torch.nn.functional.max_pool2d(hole[None].float(), 2 * FRINGE + 1, 1, FRINGE)[0].bool()
    assert (grown | ~inner).all()
    assert not (inner & red(seen.picture)).any()


def test_the_classic_warp_tears_the_square():
    camera = Camera(translation_x=8 * UNIT)
    assert red(moved(camera).picture)[24].sum() < RIGHT - LEFT - 4
    assert red(moved(camera, occlusion=True).picture)[24].sum() == RIGHT - LEFT


def test_what_is_uncovered_continues_the_ground_and_not_the_square():
    seen = moved(Camera(translation_x=8 * UNIT), occlusion=True)
    assert (seen.depth[seen.uncovered] > 7.9).all()
    filled = fill(seen.picture, seen.uncovered, "inpaint", seen.near)
    for picture in (seen.picture, filled):
        assert picture[0][seen.uncovered].max() < 0.1
    careless = fill(seen.picture, seen.uncovered, "inpaint")
    assert careless[0][seen.uncovered].max() > 0.3


def soft(depth: torch.Tensor) -> torch.Tensor:
    for axis in (0, 1):
        before, after = depth.roll(1, axis), depth.roll(-1, axis)
        depth = before / 4 + depth / 2 + after / 4
    return depth


def test_a_soft_edge_of_the_depth_tears_as_a_sharp_one():
    frame, depth = square()
    slope = torch.linspace(1, 3, WIDTH).expand(HEIGHT, WIDTH)
    assert torch.equal(sharpened(depth), depth)
    assert torch.equal(sharpened(slope), slope)
    ramps = soft(depth)
    assert ((ramps > 1.2) & (ramps < 7)).sum() > 100
    again = sharpened(ramps)
    assert not ((again > 1.2) & (again < 7)).any()
    camera = Camera(translation_x=8 * UNIT)
    seen = view(frame, ramps, camera, occlusion=True)
    assert abs(int(red(seen.picture)[24].sum()) - (RIGHT - LEFT)) <= 2
    assert not (seen.uncovered & red(seen.picture)).any()


def test_a_soft_edge_leaves_no_skirt_of_depths_between_the_two():
    ramps = soft(square()[1])
    for pixels in (8, -8):
        seen = view(square()[0], ramps, Camera(translation_x=pixels * UNIT), occlusion=True)
        assert not ((seen.depth > 1.3) & (seen.depth < 6)).any()


def test_each_pixel_of_a_soft_edge_goes_to_the_level_that_is_closer_in_ratio():
    line = torch.tensor([1.0] * 9 + [2.6, 3.1] + [8.0] * 9)
    wanted = torch.tensor([1.0] * 10 + [8.0] * 10)
    depth = line.expand(20, -1).contiguous()
    assert torch.equal(sharpened(depth), wanted.expand(20, -1))
    assert torch.equal(sharpened(depth.flip(1)), wanted.flip(0).expand(20, -1))
    assert torch.equal(sharpened(depth.T.contiguous()), wanted.expand(20, -1).T)


@pytest.mark.parametrize(("shift", "shown"), [(0.45, 0), (0.55, -1), (-0.45, 0), (-0.55, 1), (3.0, -3)])
def test_of_one_surface_the_pixel_that_lands_closest_is_shown(shift, shown):
    offsets = torch.zeros(6, 20, 2)
    offsets[..., 0] = shift * 2 / 20
    seen = splat(offsets, torch.full((6, 20), 2.0), torch.ones(6, 20, dtype=torch.bool))
    numbers = torch.arange(6 * 20).view(6, 20)
    assert torch.equal(seen.number[:, 4:-4], numbers[:, 4:-4] + shown)
    wanted = (2 * (torch.arange(20.0) - shift) + 1) / 20 - 1
    torch.testing.assert_close(seen.grid[:, 4:-4, 0], wanted[4:-4].expand(6, -1))


@pytest.mark.parametrize("near", [0, 1])
def test_of_two_surfaces_the_nearer_is_shown(near):
    """Two pixels that land on one, each from a plane of its own."""
    offsets, depth = torch.zeros(5, 30, 2), torch.full((5, 30), 4.0)
    offsets[:, :15, 0] = 10 * 2 / 30
    depth[:, :15] = 2.0 if near == 0 else 8.0
    seen = splat(offsets, depth, torch.ones(5, 30, dtype=torch.bool))
    from_left = seen.number[2] % 30 != torch.arange(30)
    assert from_left[17:24].tolist() == [near == 0] * 7
    assert from_left[11:14].all()
    assert torch.equal(seen.holes[2, :9], torch.ones(9, dtype=torch.bool))


def test_what_is_behind_the_camera_is_not_seen_even_straight_ahead():
    """The middle pixel of an odd picture stays where it is, however the camera moves forwards."""
    frame, depth = torch.rand(3, 49, 81), torch.full((49, 81), 1.0)
    for occlusion in (False, True):
        seen = view(frame, depth, Camera(translation_z=300), occlusion=occlusion)
        assert seen.uncovered.all()


def test_depth_goes_where_the_picture_goes():
    frame, depth = square()
    camera = Camera(translation_x=8 * UNIT)
    seen = view(frame, depth, camera, occlusion=True)
    known_depth, known = reproject_depth(depth, camera, occlusion=True)
    assert torch.equal(known_depth, seen.depth)
    assert torch.equal(known, ~seen.uncovered)
    assert ((seen.depth == NEAR) == red(seen.picture))[known].all()
    picture, mask = reproject(frame, depth, camera, occlusion=True)
    assert torch.equal(picture, seen.picture)
    assert torch.equal(mask, seen.uncovered)


def test_no_move_gives_the_very_same_picture():
    frame, depth = square()
    seen = view(frame, depth, Camera(), occlusion=True)
    assert seen.picture is frame
    assert seen.depth is depth
    assert not seen.uncovered.any()


@pytest.mark.parametrize(
    "camera",
    [Camera(rotation_3d_z=7), Camera(rotation_3d_z=-40), Camera(translation_z=60), Camera(translation_y=5)],
)
@pytest.mark.parametrize("projection", ["disco", "pinhole"])
def test_an_even_surface_has_no_cracks_and_moves_as_by_the_classic_warp(camera, projection):
    frame, depth = smooth(), torch.full((HEIGHT, WIDTH), 2.0)
    if projection == "disco" and camera.rotation_3d_z:
        pytest.skip("rolled, a box that is not square is sheared")
    one = view(frame, depth, camera, projection=projection, occlusion=True)
    other = view(frame, depth, camera, projection=projection)
    inner = ~(one.uncovered | other.uncovered)
    assert inner.float().mean() > 0.5
    # The classic warp reads a turn as its tangent.
    assert (one.uncovered ^ other.uncovered).float().mean() < 0.06 or camera.rotation_3d_z == -40
    ring = torch.nn.functional.max_pool2d(one.uncovered[None].float(), 3, 1, 1)[0].bool()
    assert holes_inside(one.uncovered) == 0
    if not camera.rotation_3d_z and not camera.translation_z:
        assert (one.picture - other.picture)[:, ~ring].abs().max() < 2e-3


def smooth() -> torch.Tensor:
    rows = torch.linspace(0, 3, HEIGHT)[:, None].expand(HEIGHT, WIDTH)
    columns = torch.linspace(0, 4, WIDTH).expand(HEIGHT, WIDTH)
    return torch.stack((rows.sin(), columns.cos(), (rows + columns).sin())) / 2 + 0.5


def holes_inside(mask: torch.Tensor) -> int:
    """Holes that do not reach the picture's edge, in pixels."""
    outer = torch.zeros_like(mask)
    outer[0], outer[-1], outer[:, 0], outer[:, -1] = mask[0], mask[-1], mask[:, 0], mask[:, -1]
    for _ in range(HEIGHT + WIDTH):
        outer = torch.nn.functional.max_pool2d(outer[None].float(), 3, 1, 1)[0].bool() & mask
    return int((mask & ~outer).sum())


@pytest.mark.parametrize("occlusion", [False, True])
def test_a_step_back_uncovers_exactly_the_border(occlusion):
    """A plane at depth 2 that comes to 2.5 shrinks to four fifths: 48 x 72 to 38.4 x 57.6."""
    frame, depth = smooth(), torch.full((HEIGHT, WIDTH), 2.0)
    camera = Camera(translation_z=-100)
    mask = view(frame, depth, camera, projection="pinhole", occlusion=occlusion).uncovered
    if occlusion:
        rows = (torch.arange(HEIGHT) - (HEIGHT - 1) / 2).abs() < 38.4 / 2 + 0.1
        columns = (torch.arange(WIDTH) - (WIDTH - 1) / 2).abs() < 57.6 / 2 + 0.1
        assert torch.equal(~mask, rows[:, None] & columns)
    filled = fill(frame, mask, "inpaint")
    assert torch.equal(filled[:, ~mask], frame[:, ~mask])


def test_many_small_moves_blur_no_more_than_the_classic_warp():
    frame, depth = square()
    depth = torch.full_like(depth, BACK)
    sharp = {}
    for occlusion in (False, True):
        picture = frame
        for n in range(40):
            camera = Camera(translation_x=(0.3 if n % 2 else -0.3) * UNIT * BACK)
            picture = view(picture, depth, camera, occlusion=occlusion).picture
        sharp[occlusion] = picture[:, 8:-8, 8:-8].diff(dim=2).abs().mean()
    assert sharp[True] > 0.99 * sharp[False] > 0


def test_a_magnified_near_thing_has_no_cracks():
    seen = moved(Camera(translation_z=40), occlusion=True)
    assert holes_inside(seen.uncovered) == 0
    assert red(seen.picture).sum() > 2 * red(square()[0]).sum()


@pytest.mark.slow
def test_the_outcome_does_not_depend_on_the_threads():
    frame, depth = smooth().repeat(1, 4, 4), square()[1].repeat(4, 4)
    camera = Camera(translation_x=3, translation_z=9, rotation_3d_z=2)
    before = torch.get_num_threads()
    outcomes = []
    for threads in (1, 2, 2):
        torch.set_num_threads(threads)
        seen = view(frame, depth, camera, occlusion=True)
        outcomes.append((fill(seen.picture, seen.uncovered, "inpaint", seen.near), seen.depth))
    torch.set_num_threads(before)
    for picture, moved_depth in outcomes[1:]:
        assert torch.equal(picture, outcomes[0][0])
        assert torch.equal(moved_depth, outcomes[0][1])


def test_what_is_behind_the_camera_hides_nothing():
    seen = moved(Camera(translation_z=300), occlusion=True)
    assert not red(seen.picture)[~seen.uncovered].any()
    nothing = view(smooth(), torch.full((HEIGHT, WIDTH), 1.0), Camera(translation_z=300), occlusion=True)
    assert nothing.uncovered.all()
    assert nothing.picture.isfinite().all()
    assert (nothing.depth > 0).all()
    assert torch.equal(fill(nothing.picture, nothing.uncovered, "inpaint"), nothing.picture)


@pytest.mark.parametrize("wide", [4, 40])
def test_filling_touches_the_hole_only_and_is_like_its_surroundings(wide):
    frame = smooth().repeat(1, 2, 2)
    mask = torch.zeros(frame.shape[1:], dtype=torch.bool)
    mask[20 : 20 + wide, 30 : 30 + 2 * wide] = True
    broken = torch.where(mask, 0.0, frame)
    filled = fill(broken, mask, "inpaint")
    assert torch.equal(filled[:, ~mask], frame[:, ~mask])
    seam = (filled - broken)[:, mask].abs().mean()
    assert seam > 0.2
    edge = (filled[:, 20, 30 : 30 + 2 * wide] - filled[:, 19, 30 : 30 + 2 * wide]).abs()
    assert edge.max() < 0.15
    assert fill(broken, mask, "padding") is broken
    assert fill(broken, torch.zeros_like(mask), "inpaint") is broken


def test_near_sides_are_found_as_far_in_as_the_hole_is_wide():
    holes = torch.zeros(20, 40, dtype=torch.bool)
    holes[:, 18:22] = True
    depth = torch.full((20, 40), 9.0)
    depth[:, :18] = 2.0
    ends = torch.zeros_like(holes)
    ends[:, 17] = True
    near = near_sides(holes, ends, depth)
    assert near[:, 12:18].all()
    assert not near[:, 18:].any()


@pytest.mark.parametrize(
    "move",
    [Move2D(translation_x=5), Move2D(translation_y=-3), Move2D(zoom=0.8), Move2D(angle=20), Move2D(zoom=1.3)],
)
def test_in_2d_what_came_from_outside_is_told(move):
    """What a white picture with a black frame around it shows of the frame."""
    grey = torch.full((3, HEIGHT, WIDTH), 0.5)
    mask = outside_2d(move, HEIGHT, WIDTH)
    marked = grey.clone()
    marked[:, 0], marked[:, -1], marked[:, :, 0], marked[:, :, -1] = 1, 1, 1, 1
    drawn_out = warp_2d(marked, move, "replicate", "nearest")[0] == 1
    assert not (mask & ~drawn_out).any()
    assert (mask.sum() == 0) == (move.zoom > 1)
    if move.translation_x:
        assert mask.nonzero()[:, 1].unique().tolist() == [0, 1, 2, 3, 4]
    if move.zoom == 0.8:
        assert mask.float().mean() == pytest.approx(1 - 0.64, abs=0.03)


def test_in_2d_no_move_shows_nothing_from_outside():
    assert not outside_2d(Move2D(), HEIGHT, WIDTH).any()
