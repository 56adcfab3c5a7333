"""How far a flow may be followed, as a soft mask."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
import torch.nn.functional as F

from animator.flow.consistency import consistency

if TYPE_CHECKING:
    from torch import Tensor

    from animator.types import Flow

REACH = 3
"""Standard deviations after which the blur's kernel ends."""


def trusted(forward: Flow, backward: Flow, dilation: int = 0, blur: float = 0.0) -> Tensor:
    """Return how far each pixel of the first picture may follow ``forward``.

    To warp an output along footage, the *new* picture is the first one: ``forward`` goes from it to the
    picture before, as in `warp_by_flow`.

    Args:
        forward: from the first picture to the second, 2 x H x W in pixels.
        backward: from the second to the first, of the same size.
        dilation: pixels, on each side, by which the places where `consistency` fails are widened.
        blur: standard deviation, in pixels, of the Gaussian blur of their edges; 0: hard edges.

    Returns:
        Float32, H x W: 1 where the flows agree, 0 where they do not.

    Raises:
        ValueError: the flows have different sizes.
    """
    lost = (~consistency(forward, backward)).float()[None, None]
    if dilation:
        lost = F.max_pool2d(lost, 2 * dilation + 1, stride=1, padding=dilation)
    if blur:
        lost = _blurred(lost, blur)
    return (1 - lost[0, 0]).clamp(0, 1)


def _blurred(mask: Tensor, deviation: float) -> Tensor:
    """Return a 1 x 1 x H x W mask under a Gaussian blur; beyond its edges it goes on as there."""
    reach = max(1, round(REACH * deviation))
    offsets = torch.arange(-reach, reach + 1, device=mask.device, dtype=mask.dtype)
    kernel = torch.exp(-offsets.square() / (2 * deviation**2))
    kernel = kernel / kernel.sum()
    wide = F.pad(mask, (reach, reach, reach, reach), mode="replicate")
    return F.conv2d(F.conv2d(wide, kernel[None, None, None, :]), kernel[None, None, :, None])
