"""The noise of requests: drawn from a generator, or what the grains of a picture give."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from animator.system.hashed import normal
from animator.types import Request


def noise_of(
    requests: Sequence[Request], draw: str, generators: Sequence[torch.Generator], device: torch.device
) -> Tensor:
    """Return noise of unit variance, N x 3 x H x W on ``device``, each picture's own.

    Args:
        requests: the pictures.
        draw: what it is for: with grains each draw is independent of the others, and the same in every frame.
        generators: what each picture draws from that has no grains.
        device: where it goes.
    """
    shape = (1, 3, requests[0].height, requests[0].width)
    parts = []
    for request, generator in zip(requests, generators, strict=True):
        if request.noise is None:
            parts.append(torch.randn(shape, generator=generator))
        else:
            # Float64 is wanted below, which a GPU of Apple's has not.
            place = torch.device("cpu") if device.type == "mps" else device
            parts.append(normal(request.noise.identities.to(place), draw, 3)[None])
    return torch.cat([part.to(device, non_blocking=True) for part in parts])
