"""Pictures to latents and back, and what of a picture the way there and back loses."""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

PAINTED = 0.1
"""How far, in [-1, 1]'s units, a pixel is painted over before half of what the codec lost of it is let go."""

AROUND = 9
"""Pixels along the side of the square over which that is averaged."""


def factor_of(vae: Any) -> int:
    """Return how many pixels lie along a side of one value of an autoencoder's latents, 8 as a rule."""
    return int(2 ** (len(vae.config.block_out_channels) - 1))


class Codec:
    """The autoencoder of a latent diffusion, in float32; frozen.

    Args:
        vae: a `diffusers.AutoencoderKL`.
    """

    def __init__(self, vae: Any) -> None:
        self.vae: Any = vae.float().requires_grad_(False)
        self.factor = factor_of(vae)
        self.scale = float(vae.config.scaling_factor)
        self.shift = float(getattr(vae.config, "shift_factor", None) or 0.0)

    def encode(self, signed: Tensor) -> Tensor:
        """Return the latents of pictures, N x 4 x h x w, the likeliest ones; N x 3 x H x W in [-1, 1]."""
        with torch.no_grad():
            found: Tensor = self.vae.encode(signed.float()).latent_dist.mode()
        return (found - self.shift) * self.scale

    def decode(self, latents: Tensor) -> Tensor:
        """Return the pictures of latents, N x 3 x H x W in about [-1, 1], differentiable."""
        result: Tensor = self.vae.decode(latents / self.scale + self.shift, return_dict=False)[0]
        return result

    def in_tiles(self, wanted: bool) -> None:
        """Work on overlapping tiles of a picture one after the other, or on all of it at once."""
        (self.vae.enable_tiling if wanted else self.vae.disable_tiling)()


def restored(painted: Tensor, init: Tensor, coded: Tensor) -> Tensor:
    """Return painted pictures with what the codec lost of their inits put back where little was painted.

    What comes of an init on which nothing is painted is ``coded``, not the init: frame after frame a film
    would fade to what the codec can say. So ``init - coded`` is laid over the painted picture, less where it
    differs from ``coded``; where it does not differ the init itself is left, however long the chain is.

    Args:
        painted: N x 3 x H x W in about [-1, 1].
        init: what the diffusion began with, same shape.
        coded: the init encoded and decoded, same shape.
    """
    change = (painted - coded).square().mean(dim=1, keepdim=True)
    side = min(AROUND, *(length - 1 + length % 2 for length in painted.shape[-2:]))
    change = F.avg_pool2d(change, side, 1, side // 2, count_include_pad=False)
    return painted + (init - coded) / (1 + change / PAINTED**2)
