"""The 2D warp: signs, borders, round trips."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from animator.types import Move2D
from animator.warp.affine2d import warp_2d
from tests.test_warp_3d import HEIGHT, WIDTH, place, smooth_picture, spot

SIGNS = [
    (Move2D(translation_x=5), (40, 24), (5, 0)),
    (Move2D(translation_y=5), (40, 24), (0, 5)),
    (Move2D(angle=20), (60, 24), (-1.2, -6.84)),
    (Move2D(zoom=1.25), (52, 24), (3, 0)),
    (Move2D(zoom=2, translation_x=4), (40, 24), (8, 0)),
    (Move2D(angle=90, translation_x=10), (40, 24), (0, -10)),
]


@pytest.mark.parametrize(("move", "where", "expected"), SIGNS)
def test_the_picture_moves_as_the_conventions_say(move, where, expected):
    moved = place(warp_2d(spot(*where), move, border="replicate"))
    before = place(spot(*where))
    assert (moved[0] - before[0], moved[1] - before[1]) == pytest.approx(expected, abs=0.1)


def test_no_motion_never_drifts():
    frame = torch.rand(3, HEIGHT, WIDTH)
    moved = frame.clone()
    for _ in range(200):
        moved = warp_2d(moved, Move2D(angle=0.0, zoom=1, translation_x=-0.0))
    assert torch.equal(moved, frame)
    assert warp_2d(frame, Move2D()) is frame


@given(angle=st.floats(-2, 2), zoom=st.floats(0.95, 1.05), x=st.floats(-3, 3), y=st.floats(-3, 3))
@settings(max_examples=40, deadline=None)
def test_there_and_back_is_the_picture(angle, zoom, x, y):
    frame = smooth_picture()
    there = warp_2d(warp_2d(frame, Move2D(angle=angle, zoom=zoom)), Move2D(translation_x=x, translation_y=y))
    back = warp_2d(warp_2d(there, Move2D(translation_x=-x, translation_y=-y)), Move2D(-angle, 1 / zoom))
    assert (back - frame)[:, 10:-10, 10:-10].abs().max() < 0.01


@pytest.mark.parametrize("dim", [1, 2])
def test_a_wrapped_shift_of_whole_pixels_loses_nothing(dim):
    frame = torch.rand(3, HEIGHT, WIDTH)
    move = Move2D(translation_y=5) if dim == 1 else Move2D(translation_x=5)
    torch.testing.assert_close(warp_2d(frame, move), torch.roll(frame, 5, dims=dim), atol=1e-6, rtol=0)


@pytest.mark.parametrize(
    ("border", "expected"),
    [("wrap", [75, 76, 77, 78, 79]), ("reflect", [4, 3, 2, 1, 0]), ("replicate", [0, 0, 0, 0, 0])],
)
def test_the_border_is_what_was_asked_for(border, expected):
    frame = torch.rand(3, HEIGHT, WIDTH)
    moved = warp_2d(frame, Move2D(translation_x=5), border=border)
    torch.testing.assert_close(moved[:, :, :5], frame[:, :, expected], atol=1e-6, rtol=0)


def test_the_result_is_a_frame_even_at_hard_edges():
    frame = torch.zeros(3, HEIGHT, WIDTH)
    frame[:, :, ::7] = 1
    moved = warp_2d(frame, Move2D(translation_x=0.4))
    assert moved.dtype == torch.float32
    assert moved.is_contiguous()
    assert moved.min() >= 0
    assert moved.max() <= 1


def test_many_small_moves_stay_sharp():
    frame = spot(40, 24)
    cubic, linear = frame, frame
    for step in range(40):
        move = Move2D(translation_x=0.5 if step % 2 else -0.5)
        cubic, linear = warp_2d(cubic, move), warp_2d(linear, move, sampling="bilinear")
    assert cubic.max() > 0.9
    assert linear.max() < 0.8
