from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from animator.diffusion.losses import asymmetry
from animator.diffusion.symmetry import mirrored

SIDES = st.integers(1, 9)


def noise(height: int, width: int, pictures: int = 2) -> torch.Tensor:
    return torch.randn(
        pictures, 3, height, width, generator=torch.Generator().manual_seed(height * 10 + width)
    )


@given(SIDES, SIDES, st.booleans(), st.booleans())
def test_a_mirrored_picture_is_symmetric_and_stays(height, width, horizontal, vertical):
    once = mirrored(noise(height, width), horizontal, vertical)
    assert once.shape == (2, 3, height, width)
    assert asymmetry(once, horizontal, vertical).tolist() == [0, 0]
    assert torch.equal(mirrored(once, horizontal, vertical), once)


@given(SIDES, SIDES)
def test_the_left_and_the_upper_half_stay(height, width):
    picture = noise(height, width)
    kept_columns, kept_rows = (width + 1) // 2, (height + 1) // 2
    assert torch.equal(mirrored(picture, True, False)[..., :kept_columns], picture[..., :kept_columns])
    assert torch.equal(mirrored(picture, False, True)[..., :kept_rows, :], picture[..., :kept_rows, :])
    both = mirrored(picture, True, True)[..., :kept_rows, :kept_columns]
    assert torch.equal(both, picture[..., :kept_rows, :kept_columns])
    assert torch.equal(mirrored(picture, False, False), picture)


def test_any_leading_dimensions():
    picture = noise(4, 5)
    assert torch.equal(mirrored(picture[0, 0], True, True), mirrored(picture, True, True)[0, 0])


@pytest.mark.parametrize(("horizontal", "vertical"), [(True, False), (False, True), (True, True)])
def test_each_axis_is_its_own(horizontal, vertical):
    made = mirrored(noise(6, 8), horizontal, vertical)
    assert [(asymmetry(made, *axes) == 0).all().item() for axes in ((True, False), (False, True))] == [
        horizontal,
        vertical,
    ]
