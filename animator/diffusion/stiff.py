"""Gradients of losses that are squares, as they are at the end of a step instead of at its beginning.

A loss ``s/2 * x'Hx`` whose gradient ``sHx`` is followed for a step of length t ends beyond its own minimum
wherever ``t*s*H`` is larger than 1, and farther from it than it was where that is larger than 2: a strong
`tv_scale` then roughens what it is to smooth. The gradient at the end of the step, ``sH (1 + t*s*H)^-1 x``,
is the same for weak losses and never leads beyond the minimum, however strong the loss (the implicit Euler
step; Hairer & Wanner 1996, section IV.3).

Pictures are N x 3 x H x W, as in `animator.diffusion.losses`, whose losses these are the gradients of.
"""

from __future__ import annotations

import torch
from torch import Tensor

from animator.diffusion.losses import LUMINANCE


def smoothing(x: Tensor, scale: float, step: float) -> Tensor:
    """Return the gradient of ``scale * losses.total_variation(x)`` at the end of a step.

    The differences of neighbours of a picture that is continued by its mirror image are a product with
    ``(2 - 2 cos(pi i / H)) + (2 - 2 cos(pi j / W))`` of its waves.
    """
    height, width = x.shape[-2:]
    mirrored = torch.cat([x, x.flip(-1)], dim=-1)
    mirrored = torch.cat([mirrored, mirrored.flip(-2)], dim=-2)
    down = 2 - 2 * torch.cos(torch.pi * torch.arange(2 * height, device=x.device) / height)
    across = 2 - 2 * torch.cos(torch.pi * torch.arange(width + 1, device=x.device) / width)
    slope = 2 * scale / x[0].numel() * (down[:, None] + across)
    waves = torch.fft.rfft2(mirrored) * (slope / (1 + step * slope))
    result: Tensor = torch.fft.irfft2(waves, s=mirrored.shape[-2:])[..., :height, :width]
    return result


def greying(x: Tensor, scale: float, step: float) -> Tensor:
    """Return the gradient of ``scale * losses.chroma(x)`` at the end of a step."""
    apart = torch.eye(3, dtype=torch.float64) - torch.tensor([LUMINANCE] * 3, dtype=torch.float64)
    slope = 2 * scale / x[0].numel() * apart.T @ apart
    ended = slope @ torch.linalg.inv(torch.eye(3, dtype=torch.float64) + step * slope)
    return torch.einsum("ij,njhw->nihw", ended.to(x), x)


def mirroring(x: Tensor, scale: float, step: float, horizontal: bool, vertical: bool) -> Tensor:
    """Return the gradient of ``scale * losses.asymmetry(x, ...)`` at the end of a step.

    A picture is a sum of parts that are even or odd about each axis; each axis about which
    one is odd pulls at it.
    """
    parts = {0: x}
    for axis in (axis for axis, asked in ((-1, horizontal), (-2, vertical)) if asked):
        split: dict[int, Tensor] = {}
        for odd, part in parts.items():
            for count, half in ((odd, (part + part.flip(axis)) / 2), (odd + 1, (part - part.flip(axis)) / 2)):
                split[count] = split[count] + half if count in split else half
        parts = split
    slope = 8 * scale / x[0].numel()
    pulls = [odd * slope / (1 + step * odd * slope) * part for odd, part in parts.items() if odd]
    return torch.stack(pulls).sum(dim=0) if pulls else torch.zeros_like(x)
