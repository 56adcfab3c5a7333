"""Pictures made symmetric by force; the gentle way is `losses.asymmetry`."""

from __future__ import annotations

import torch
from torch import Tensor


def mirrored(picture: Tensor, horizontal: bool, vertical: bool) -> Tensor:
    """Return a picture whose one half is the mirror image of the other.

    A side of odd length keeps its middle column or row.

    Args:
        picture: any range, ... x H x W; a state of the diffusion as well as a frame.
        horizontal: whether the right half becomes the mirror image of the left.
        vertical: whether the lower half becomes the mirror image of the upper, after `horizontal`.

    >>> mirrored(torch.tensor([[1, 2, 3], [4, 5, 6]]), horizontal=True, vertical=False).tolist()
    [[1, 2, 1], [4, 5, 4]]
    """
    if horizontal:
        picture = _second_half_as_first(picture, -1)
    if vertical:
        picture = _second_half_as_first(picture, -2)
    return picture


def _second_half_as_first(picture: Tensor, axis: int) -> Tensor:
    length = picture.shape[axis]
    kept = picture.narrow(axis, 0, length - length // 2)
    return torch.cat([kept, picture.narrow(axis, 0, length // 2).flip(axis)], dim=axis)
