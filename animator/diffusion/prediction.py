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

Estimate = Literal["free", "clamped", "thresholded"]
"""How a network's clean estimate is held to a picture's range, see `hold_for`; it belongs to the weights."""

Hold = Callable[[Tensor], Tensor]
"""Brings clean estimates, N x 3 x H x W, to where they may be."""


def eps_from_denoised(x: Tensor, denoised: Tensor, alpha_bar: float) -> Tensor:
    """Return the noise that explains ``x`` if ``denoised`` is the image (Song et al. 2021, eq. 9, solved)."""
    return (x - math.sqrt(alpha_bar) * denoised) / math.sqrt(1 - alpha_bar)


def denoised_from_eps(x: Tensor, eps: Tensor, alpha_bar: float) -> Tensor:
    """Return the image that is left of ``x`` without the noise ``eps`` (Song et al. 2021, eq. 9)."""
    return (x - math.sqrt(1 - alpha_bar) * eps) / math.sqrt(alpha_bar)


def from_v(x: Tensor, v: Tensor, alpha_bar: float) -> Prediction:
    """Return image and noise of ``x`` from v = sqrt(alpha_bar) eps - sqrt(1 - alpha_bar) image.

    Salimans & Ho 2022, appendix D.
    """
    signal, noise = math.sqrt(alpha_bar), math.sqrt(1 - alpha_bar)
    return Prediction(signal * x - noise * v, noise * x + signal * v)


def network_denoiser(network: Network, schedule: NoiseSchedule, estimate: Estimate = "free") -> Denoise:
    """Turn a network that predicts noise into a `Denoise`, differentiable in ``x``.

    Args:
        network: a `UNet` or anything of its form.
        schedule: what the indices mean.
        estimate: how its clean estimates are held.
    """

    def denoise(x: Tensor, index: int) -> Prediction:
        alpha_bar = float(schedule.alpha_bar[index])
        network_t = float(schedule.network_t[index])
        t = torch.full((len(x),), network_t, dtype=torch.float32, device=x.device)
        eps = network(x, t)[:, :3]
        return Prediction(denoised_from_eps(x, eps, alpha_bar), eps)

    return held(denoise, schedule, hold_for(estimate))


def relayed(noisy: Denoise, clean: Denoise, schedule: NoiseSchedule, above: float) -> Denoise:
    """Ask one denoiser where there is more noise, another where there is less.

    Experts by their noise level, Balaji et al. 2022 (eDiff-I), section 4.1.

    Args:
        noisy: answers above the border; one that predicts v, or the image, keeps its error small there.
        clean: answers at the border and below it.
        schedule: what the indices mean.
        above: the border, on the networks' scale of timesteps, 0 to 1000.
    """
    return lambda x, index: (noisy if schedule.network_t[index] > above else clean)(x, index)


def hold_for(estimate: Estimate, threshold: float = 0.995) -> Hold | None:
    """Return how clean estimates are held, or None where they are used as they are.

    Args:
        estimate: ``"free"`` leaves them; ``"clamped"`` cuts them off at [-1, 1]: where alpha_bar is small the
            estimate multiplies a network's error by 1 / sqrt(alpha_bar), up to 158; ``"thresholded"`` scales
            each picture by a quantile of its absolute values where that is above 1, and cuts off what is
            still outside (dynamic thresholding, Saharia et al. 2022, Imagen, section 2.3).
        threshold: the quantile, 0 to 1.

    Raises:
        ValueError: ``estimate`` is none of these.
    """
    if estimate == "free":
        return None
    if estimate == "clamped":
        return lambda denoised: denoised.clamp(-1, 1)
    if estimate == "thresholded":
        return lambda denoised: _thresholded(denoised, threshold)
    raise ValueError(f"estimate is 'free', 'clamped' or 'thresholded', not {estimate!r}")


def _thresholded(denoised: Tensor, threshold: float) -> Tensor:
    sizes = denoised.detach().abs().flatten(1)
    # kthvalue and not quantile, which takes 16 million values at most.
    rank = min(max(math.ceil(threshold * sizes.shape[1]), 1), sizes.shape[1])
    limit = sizes.kthvalue(rank, dim=1).values.clamp(min=1).view(-1, 1, 1, 1)
    return denoised.clamp(-limit, limit) / limit


def held(denoise: Denoise, schedule: NoiseSchedule, hold: Hold | None) -> Denoise:
    """Hold the clean estimates of a denoiser, and take the noise that fits them."""
    return denoise if hold is None else lambda x, index: held_at(denoise(x, index), x, schedule, index, hold)


def held_at(
    prediction: Prediction, x: Tensor, schedule: NoiseSchedule, index: int, hold: Hold | None
) -> Prediction:
    """Return a prediction of ``x`` with its clean estimate held, and the noise that fits it."""
    if hold is None:
        return prediction
    denoised = hold(prediction.denoised)
    return Prediction(denoised, eps_from_denoised(x, denoised, float(schedule.alpha_bar[index])))
