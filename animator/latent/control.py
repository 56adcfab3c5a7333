"""What a depth ControlNet is shown."""

from __future__ import annotations

from torch import Tensor

from animator.types import DepthMap


def depth_picture(depth: DepthMap) -> Tensor:
    """Return a depth as ControlNets for depth were trained to see it: near is white, far is black.

    Args:
        depth: distances, H x W, positive.

    Returns:
        The inverse of the distances, stretched over all of 0 to 1, 3 x H x W; all black where there is one
        distance only.
    """
    near = 1 / depth.float().clamp(min=1e-6)
    low, high = near.min(), near.max()
    return ((near - low) / (high - low).clamp(min=1e-6)).expand(3, -1, -1)
