"""The noise of latents: drawn, or what the grains of a picture give where they are."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import torch
import torch.nn.functional as F
from torch import Tensor

from animator.diffusion.grain_noise import noise_source
from animator.types import Mask, Request

NoiseOf = Callable[[str, Sequence[torch.Generator]], Tensor]
"""Takes what noise is for, and a generator a picture; returns N x channels x h x w of unit variance."""


def latent_noise(requests: Sequence[Request], device: torch.device, channels: int, factor: int) -> NoiseOf:
    """Return what gives the noise of all requests in the shape of their latents.

    Noise that follows from grains is that of the pixels, summed over each value's square of them: white
    again, of unit variance, and it moves as smoothly as the grains do, by parts of a value.

    Args:
        requests: what is painted.
        device: where the noise is wanted.
        channels: of the latents.
        factor: pixels along a side of one value.
    """
    first = requests[0]
    height, width = first.height // factor, first.width // factor
    of_pixels = noise_source(requests, device) if first.noise is not None else None

    def noise_of(name: str, generators: Sequence[torch.Generator]) -> Tensor:
        if of_pixels is None:
            rows = [torch.randn((1, channels, height, width), generator=one) for one in generators]
            return torch.cat(rows).to(device, non_blocking=True)
        # Grains give three channels a name.
        names = [name, *(f"{name} channels {number}" for number in range(3, channels, 3))]
        pixels = torch.cat([of_pixels(one, generators) for one in names], dim=1)[:, :channels]
        return F.avg_pool2d(pixels, factor) * factor

    return noise_of


def in_latents(request: Request, factor: int) -> Request:
    """Return a request whose masks have the shape of its latents: True where any pixel is.

    What is drawn already, in ``noise``, is so where all pixels are; of what is skipped the least counts.
    """
    noise = request.noise
    if noise is not None and noise.drawn is not None:
        noise = replace(noise, drawn=~coarse(~noise.drawn, factor))
    uncovered = None if request.uncovered is None else coarse(request.uncovered, factor)
    kept = request.keep_map
    # Where any pixel of a square is painted more, the square is.
    kept = None if kept is None else -F.max_pool2d(-kept[None], factor)[0]
    return replace(request, uncovered=uncovered, noise=noise, keep_map=kept)


def coarse(mask: Mask, factor: int) -> Mask:
    """Return a mask of squares of pixels, True where any pixel of a square is."""
    return F.max_pool2d(mask[None].float(), factor)[0] > 0.5
