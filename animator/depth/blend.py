"""MiDaS' relative inverse depth as a depth, and Disco Diffusion's blend of it with AdaBins."""

from __future__ import annotations

from typing import TYPE_CHECKING

from torch import Tensor

if TYPE_CHECKING:
    from animator.types import DepthMap

NEAREST = 1e-2
"""Smallest depth that comes out, in units of depth: MiDaS is unbounded and would give negative ones."""


def midas_to_depth(inverse_depth: Tensor) -> DepthMap:
    """Turn MiDaS' prediction (larger is nearer, usually 0 to 50) into a depth: ``(50 - m) / 19``, positive.

    The line is Disco Diffusion's; it matches the range of AdaBins' metres for indoor scenes.
    """
    return ((50 - inverse_depth.float()) / 19).clamp(min=NEAREST)


def blend(midas: Tensor | None, adabins: DepthMap | None, midas_weight: float) -> DepthMap:
    """Mix two depths: ``(50 - midas) / 19 * midas_weight + adabins * (1 - midas_weight)`` (Disco Diffusion).

    Args:
        midas: MiDaS' prediction, H x W, larger is nearer; may be None at weight 0.
        adabins: AdaBins' depth in metres, H x W; may be None at weight 1.
        midas_weight: share of MiDaS, 0 to 1.

    Raises:
        ValueError: if the weight lies outside 0 to 1, or a depth with a share in the result is None.
    """
    if not 0 <= midas_weight <= 1:
        raise ValueError(f"midas_weight is {midas_weight}; it must lie between 0 and 1")
    if (midas is None and midas_weight > 0) or (adabins is None and midas_weight < 1):
        raise ValueError(f"a midas_weight of {midas_weight} needs a depth that was not given")
    if adabins is None or midas_weight == 1:
        assert midas is not None
        return midas_to_depth(midas)
    if midas is None or midas_weight == 0:
        return adabins.float()
    return midas_to_depth(midas) * midas_weight + adabins.float() * (1 - midas_weight)
