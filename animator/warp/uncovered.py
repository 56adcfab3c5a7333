"""Which pixels of a moved picture show what the camera had not seen before."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor
from torch.nn.functional import avg_pool2d

if TYPE_CHECKING:
    from animator.types import Mask

SEEN = 3.5 / 9
"""Share of a 3 x 3 neighbourhood that old pixels must reach. A picture that is pulled apart evenly reaches at
least 4/9 while neighbours stay within 1.5 pixels; the edge of a hole two pixels wide reaches 3/9."""


def uncovered(offsets: Tensor, visible: Tensor) -> Mask:
    """Return where no pixel of the old picture arrives.

    Every old pixel is put on the new one nearest to where it is seen; a new pixel is uncovered where fewer
    than four of the nine around it received any. So a crack of one pixel, which sampling fills well, does not
    count, a hole of two or more is found at its exact width, and so is what was pulled apart by more than a
    factor of about 1.5. Pixels are marked, not summed: the outcome does not depend on the order of the work.

    Args:
        offsets: how far every old pixel moves, float32, H x W x 2, the picture being 2 wide and 2 high.
        visible: which old pixels can arrive at all, bool, H x W (not behind the camera).
    """
    height, width = visible.shape
    # A margin of one pixel around the canvas lets neighbours that left the picture count at its edge.
    columns = torch.arange(1, width + 1, device=offsets.device)
    rows = torch.arange(1, height + 1, device=offsets.device)[:, None]
    # Far offsets are cut before they become integers: beyond twice the picture they only have to miss it.
    x = (columns + offsets[..., 0].clamp(-4, 4) * (width / 2)).round().long()
    y = (rows + offsets[..., 1].clamp(-4, 4) * (height / 2)).round().long()
    arrives = visible & (x >= 0) & (x < width + 2) & (y >= 0) & (y < height + 2)
    reached = torch.zeros((height + 2) * (width + 2), device=offsets.device)
    reached[(y * (width + 2) + x)[arrives]] = 1
    return avg_pool2d(reached.view(1, 1, height + 2, width + 2), 3, stride=1)[0, 0] < SEEN
