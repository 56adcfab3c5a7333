"""The secondary model: a small, quick network whose gradient guides in place of the large one's."""

from __future__ import annotations

import math
from typing import NamedTuple

import torch
from torch import Tensor, nn

from animator.diffusion.halving import Halving
from animator.diffusion.noise_schedule import NoiseSchedule
from animator.diffusion.prediction import Denoise, Prediction

PUBLISHED_WIDTH = 64
"""Base width of ``secondary_model_imagenet_2``."""

WIDTHS = (1, 2, 2, 4, 4, 8)
"""Width of each level as a multiple of the base; each level has half the height and width of the last."""


class SecondaryPrediction(NamedTuple):
    """What the secondary model says of a state; every tensor N x 3 x H x W.

    Attributes:
        v: its raw output, signal_scale * noise - noise_scale * image (Salimans & Ho 2022, appendix D).
        denoised: the clean estimate, nominally in [-1, 1].
        eps: the predicted noise.
    """

    v: Tensor
    denoised: Tensor
    eps: Tensor


class FourierFeatures(nn.Module):
    """Waves of one number at learned frequencies (Tancik et al. 2020, eq. 5), cosines first."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(width // 2, 1))

    def forward(self, number: Tensor) -> Tensor:
        """Return N x width waves of N numbers."""
        # A product of scalars, not of matrices: autocast would round the angles.
        angles = 2 * math.pi * number.float()[:, None] * self.weight.float().T
        return torch.cat([angles.cos(), angles.sin()], dim=1)


class SkipBlock(nn.Module):
    """Hands on its input beside what its inner layers make of it, in the channels after theirs."""

    def __init__(self, *main: nn.Module) -> None:
        super().__init__()
        self.main = nn.Sequential(*main)

    def forward(self, x: Tensor) -> Tensor:
        """Return N x (C_main + C) x H x W."""
        return torch.cat([self.main(x), x], dim=1)


class SecondaryModel(nn.Module):
    """A U-Net of plain convolutions that predicts v; loads ``secondary_model_imagenet_2``.

    Args:
        width: channels of the first level; 64 is the published model.
    """

    def __init__(self, width: int = PUBLISHED_WIDTH) -> None:
        super().__init__()
        embedding = 16
        self.timestep_embed = FourierFeatures(embedding)
        self.net = nn.Sequential(
            _convolution(3 + embedding, width),
            _convolution(width, width),
            _level([width * multiple for multiple in WIDTHS]),
            _convolution(2 * width, width),
            nn.Conv2d(width, 3, 3, padding=1),
        )

    def forward(self, x: Tensor, t: Tensor) -> SecondaryPrediction:
        """Return the prediction for noisy pictures.

        Args:
            x: N x 3 x H x W, H and W multiples of 32.
            t: shape (N,), from 0 (clean) to 1 (noise): `cosine_time`.
        """
        dtype = self.timestep_embed.weight.dtype
        waves = self.timestep_embed(t)[:, :, None, None].expand(-1, -1, *x.shape[2:])
        v = self.net(torch.cat([x.to(dtype), waves.to(dtype)], dim=1)).to(x.dtype)
        quarter_turns = t[:, None, None, None] * (math.pi / 2)
        signal_scale, noise_scale = quarter_turns.cos(), quarter_turns.sin()
        return SecondaryPrediction(v, x * signal_scale - v * noise_scale, x * noise_scale + v * signal_scale)


def cosine_time(alpha_bar: float) -> float:
    """Return the time, 0 to 1, at which the cosine curve has this much signal.

    cos(time * pi / 2) = sqrt(alpha_bar), Salimans & Ho 2022, section 4.

    >>> cosine_time(1.0), cosine_time(0.5), cosine_time(0.0)
    (0.0, 0.5, 1.0)
    """
    # In float32, as the published sampler computes it: where a ReLU of the model sits on its kink, the last
    # digit decides how a patch of the gradient looks.
    noise, signal = torch.tensor([1 - alpha_bar, alpha_bar], dtype=torch.float64).sqrt().float()
    return float(torch.atan2(noise, signal) * 2 / math.pi)


def secondary_denoiser(model: SecondaryModel, schedule: NoiseSchedule) -> Denoise:
    """Turn the secondary model into a `Denoise` on any schedule, differentiable in ``x``."""

    def denoise(x: Tensor, index: int) -> Prediction:
        time = cosine_time(float(schedule.alpha_bar[index]))
        t = torch.full((len(x),), time, dtype=torch.float32, device=x.device)
        predicted = model(x, t)
        return Prediction(predicted.denoised, predicted.eps)

    return denoise


def _convolution(channels: int, out_channels: int) -> nn.Sequential:
    return nn.Sequential(nn.Conv2d(channels, out_channels, 3, padding=1), nn.ReLU())


def _level(widths: list[int]) -> SkipBlock:
    """Build every level from the second width on, nested in one another.

    Args:
        widths: of the level above, then of each level downwards; at least two.
    """
    above, width, *below = widths
    inner = [_level(widths[1:]), _convolution(2 * width, width)] if below else [_convolution(width, width)]
    return SkipBlock(
        Halving(),
        _convolution(above, width),
        _convolution(width, width),
        *inner,
        _convolution(width, above),
        nn.Upsample(scale_factor=2, mode="bilinear", align_corners=False),
    )
