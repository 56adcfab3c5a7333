"""The blend of two depths."""

from __future__ import annotations

import pytest
import torch

from animator.depth.blend import NEAREST, blend, midas_to_depth

MIDAS = torch.tensor([[12.0, 31.0]])
ADABINS = torch.tensor([[4.0, 5.0]])


@pytest.mark.parametrize(("weight", "expected"), [(0, [4.0, 5.0]), (1, [2.0, 1.0]), (0.25, [3.5, 4.0])])
def test_the_weight_is_midas_share(weight, expected):
    assert blend(MIDAS, ADABINS, weight).ravel().tolist() == pytest.approx(expected)


def test_a_depth_without_a_share_may_be_missing():
    assert torch.equal(blend(None, ADABINS, 0), ADABINS)
    assert torch.equal(blend(MIDAS, None, 1), midas_to_depth(MIDAS))


@pytest.mark.parametrize(("midas", "adabins", "weight"), [(None, ADABINS, 0.3), (MIDAS, None, 0.3)])
def test_a_depth_with_a_share_must_be_there(midas, adabins, weight):
    with pytest.raises(ValueError, match="needs a depth"):
        blend(midas, adabins, weight)


@pytest.mark.parametrize("weight", [-0.1, 1.1])
def test_a_weight_beyond_its_range_is_refused(weight):
    with pytest.raises(ValueError, match="between 0 and 1"):
        blend(MIDAS, ADABINS, weight)


def test_what_midas_sees_nearest_still_lies_in_front_of_the_camera():
    assert midas_to_depth(torch.tensor([[80.0]])).item() == pytest.approx(NEAREST)
