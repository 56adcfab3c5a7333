"""Which pixels of a flow can be trusted: those that come back to where they started."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch.nn.functional import grid_sample

if TYPE_CHECKING:
    from animator.types import Flow, Mask

PROPORTIONAL, CONSTANT = 0.01, 0.5
"""How large the square of the error may be: a share of the squares of both flows, and square pixels."""


def consistency(forward: Flow, backward: Flow) -> Mask:
    """Return which pixels of the first picture the two flows agree about; those covered later are not.

    ``|f(x) + b(x + f(x))|^2 < 0.01 (|f(x)|^2 + |b(x + f(x))|^2) + 0.5`` (Sundaram, Brox & Keutzer 2010,
    "Dense point trajectories by GPU-accelerated large displacement optical flow", eq. 5), with ``b`` read
    bilinearly. A pixel that leaves the picture has no way back and is not consistent.

    Args:
        forward: from the first picture to the second, 2 x H x W in pixels, (x, y).
        backward: from the second to the first, of the same size.

    Returns:
        H x W, True = consistent.

    Raises:
        ValueError: the flows have different sizes.
    """
    if forward.shape != backward.shape:
        raise ValueError(
            f"consistency needs two flows of one size, not {tuple(forward.shape)} and {tuple(backward.shape)}"
        )
    target = _targets(forward)
    height, width = forward.shape[1:]
    scale = target.new_tensor([width, height])
    grid = (2 * target + 1) / scale - 1  # centre i of n pixels lies at (2 i + 1) / n - 1
    back = grid_sample(backward[None], grid[None], padding_mode="border", align_corners=False)[0]
    error = (forward + back).square().sum(dim=0)
    length = forward.square().sum(dim=0) + back.square().sum(dim=0)
    inside = ((target >= 0) & (target <= scale - 1)).all(dim=-1)
    return inside & (error < PROPORTIONAL * length + CONSTANT)


def _targets(flow: Flow) -> torch.Tensor:
    """Return where each pixel goes, H x W x 2 as (column, row)."""
    height, width = flow.shape[1:]
    columns = torch.arange(width, device=flow.device, dtype=flow.dtype)
    rows = torch.arange(height, device=flow.device, dtype=flow.dtype)
    here = torch.stack([columns.expand(height, width), rows[:, None].expand(height, width)], dim=-1)
    return here + flow.permute(1, 2, 0)
