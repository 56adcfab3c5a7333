"""The one contract of the numeric core: what is asked at every step, and what is answered.

Networks, guidance and samplers meet here. A network becomes a `Denoise`; guidance takes a `Denoise` and gives
another; a sampler takes either and does not know which.

    symbol       here        Song et al. 2021 (DDIM)   Ho et al. 2020 (DDPM)
    alpha_bar    alpha_bar   alpha_t                   bar alpha_t
    x            x           x_t                       x_t
    denoised     denoised    f_theta(x_t), eq. 9       x_0 of eq. 15
    eps          eps         epsilon_theta             epsilon_theta
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING, Literal, NamedTuple

import torch
from torch import Tensor

if TYPE_CHECKING:
    from animator.diffusion.noise_schedule import NoiseSchedule


class Prediction(NamedTuple):
    """Two views of one answer: x = sqrt(alpha_bar) * denoised + sqrt(1 - alpha_bar) * eps.

    Attributes:
        denoised: the clean estimate, N x 3 x H x W, nominally in [-1, 1].
        eps: the predicted noise, same shape, of unit variance.
    """

    denoised: Tensor
    eps: Tensor


Denoise = Callable[[Tensor, int], Prediction]
"""Given ``x`` (N x 3 x H x W) and an index of the schedule (0 = cleanest), predicts image and noise."""

Network = Callable[[Tensor, Tensor], Tensor]
"""Given ``x`` and network timesteps (N,), returns N x C x H x W whose first three channels are the noise."""

Estimate = Literal["free", "clamped"]
"""Whether a network's clean estimate is used as it is, or held to [-1, 1]. Belongs to the weights."""


def eps_from_denoised(x: Tensor, denoised: Tensor, alpha_bar: float) -> Tensor:
    """Return the noise that explains ``x`` if ``denoised`` is the image (Song et al. 2021, eq. 9, solved)."""
    return (x - math.sqrt(alpha_bar) * denoised) / math.sqrt(1 - alpha_bar)


def denoised_from_eps(x: Tensor, eps: Tensor, alpha_bar: float) -> Tensor:
    """Return the image that is left of ``x`` without the noise ``eps`` (Song et al. 2021, eq. 9)."""
    return (x - math.sqrt(1 - alpha_bar) * eps) / math.sqrt(alpha_bar)


def network_denoiser(network: Network, schedule: NoiseSchedule, estimate: Estimate = "free") -> Denoise:
    """Turn a network that predicts noise into a `Denoise`, differentiable in ``x``.

    Args:
        network: a `UNet` or anything of its form.
        schedule: what the indices mean.
        estimate: ``"clamped"`` holds the clean estimate to [-1, 1] and takes the noise that fits it: where
            alpha_bar is small the estimate multiplies a network's error by 1 / sqrt(alpha_bar), up to 158.

    Raises:
        ValueError: ``estimate`` is neither.
    """
    if estimate not in ("free", "clamped"):
        raise ValueError(f"estimate is 'free' or 'clamped', not {estimate!r}")

    def denoise(x: Tensor, index: int) -> Prediction:
        alpha_bar = float(schedule.alpha_bar[index])
        network_t = float(schedule.network_t[index])
        t = torch.full((len(x),), network_t, dtype=torch.float32, device=x.device)
        eps = network(x, t)[:, :3]
        return Prediction(denoised_from_eps(x, eps, alpha_bar), eps)

    return clamped(denoise, schedule) if estimate == "clamped" else denoise


def clamped(denoise: Denoise, schedule: NoiseSchedule) -> Denoise:
    """Hold the clean estimates of a denoiser to [-1, 1], and take the noise that fits them.

    It wraps a network whose weights need it, and what guidance makes of its answers too: where alpha_bar is
    small, the slightest gradient would push the estimate far out of the range again.
    """

    def held(x: Tensor, index: int) -> Prediction:
        denoised = denoise(x, index).denoised.clamp(-1, 1)
        return Prediction(denoised, eps_from_denoised(x, denoised, float(schedule.alpha_bar[index])))

    return held
