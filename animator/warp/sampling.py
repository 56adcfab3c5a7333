"""The one place that samples a picture between its pixels, and the coordinates it is done in.

A coordinate is a pair (x, y) with x to the right and y downwards. -1 and +1 are the outer *edges* of the
first and last pixel (``align_corners=False``), so that the centre of pixel ``i`` of ``n`` lies at
``(2 i + 1) / n - 1``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import torch
from torch import Tensor
from torch.nn.functional import grid_sample

if TYPE_CHECKING:
    from typing import TypeAlias

    from animator.types import Frame, Mask

    Sampling: TypeAlias = Literal["bicubic", "bilinear", "nearest"]
    Padding: TypeAlias = Literal["border", "reflection", "zeros"]


def pixel_centres(height: int, width: int, device: torch.device) -> Tensor:
    """Return the coordinates of every pixel's centre: float32, H x W x 2, (x, y) inside (-1, 1)."""
    x = (2 * torch.arange(width, dtype=torch.float32, device=device) + 1) / width - 1
    y = (2 * torch.arange(height, dtype=torch.float32, device=device) + 1) / height - 1
    return torch.stack((x.expand(height, width), y[:, None].expand(height, width)), dim=-1)


def corner_spans(height: int, width: int, device: torch.device) -> Tensor:
    """Return coordinates that put -1 and +1 on the *centres* of the outermost pixels: float32, H x W x 2.

    The world of `camera3d` is laid out by them.
    """
    x = torch.linspace(-1, 1, width, dtype=torch.float32, device=device)
    y = torch.linspace(-1, 1, height, dtype=torch.float32, device=device)
    return torch.stack((x.expand(height, width), y[:, None].expand(height, width)), dim=-1)


def from_corner_spans(grid: Tensor) -> Tensor:
    """Turn coordinates, H x W x 2, from the convention of `corner_spans` into that of `sample`.

    Centre ``i`` is ``2 i / (n - 1) - 1`` there and ``(2 i + 1) / n - 1`` here: a factor of ``(n - 1) / n``.
    """
    height, width = grid.shape[:2]
    return grid * grid.new_tensor(((width - 1) / width, (height - 1) / height))


def sample(frame: Frame, grid: Tensor, sampling: Sampling = "bicubic", padding: Padding = "border") -> Frame:
    """Read a frame at the given coordinates.

    Args:
        frame: the picture to read from.
        grid: where each new pixel comes from, float32, H x W x 2, coordinates of this module.
        sampling: how a colour between pixels is found.
        padding: what is outside: the edge drawn out, a mirror image, or black.

    Returns:
        A frame of the grid's size, clamped to [0, 1]: the cubic kernel overshoots at hard edges.
    """
    moved = grid_sample(frame[None], grid[None], mode=sampling, padding_mode=padding, align_corners=False)
    return moved[0].clamp(0, 1)


def outside(grid: Tensor) -> Mask:
    """Return which coordinates, H x W x 2, lie beyond the picture's edges."""
    return (grid.abs() > 1).any(dim=-1)
