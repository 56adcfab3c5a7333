"""What a picture holds already of the noise that it is to be given is taken back, so that it does not harden.

A frame that comes back with the noise that drew it has detail that lies where this noise lies. Noised with it
once more, the two add up as amplitudes, not as powers: ``x + s n`` with ``<x, n> = c`` has the power
``S + 2 c s + s^2``, where it is ``S + s^2`` for a picture and noise that have nothing in common, and the
network draws more than there was; frame after frame the picture hardens. So each frequency of the picture is
made weaker by the factor ``W`` with which it has the power under the noise that it is to have::

    W^2 S + 2 W c s = S,    W = sqrt(1 + k^2) - k,    k = c s / S

``S`` is the picture's power spectrum and ``c`` its cross-spectrum with the noise, both as means over rings of
frequencies, and ``s^2 = (1 - alpha_bar) / alpha_bar`` the noise in the picture's units. A picture that has
nothing of the noise stays as it is; one that was drawn by it alone loses what the noise will draw again, the
more the more noise there is. What a zoom, guidance or another network leave of the likeness is measured and
not assumed.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor

from animator.diffusion.noise_schedule import NoiseSchedule
from animator.types import Mask, Request

RINGS = 24
"""Rings of frequencies, of equal width on a scale of octaves."""

LOWEST = 0.01
"""Cycles a pixel at which the second ring begins."""


def grounds(
    requests: Sequence[Request], inits: Tensor, noise: Tensor, schedule: NoiseSchedule, index: int
) -> Tensor:
    """Return inits as they are noised: without what the noise of their requests will draw again.

    Args:
        requests: the pictures.
        inits: of each, N x 3 x H x W in [-1, 1].
        noise: of each, same shape.
        schedule: what the indices mean.
        index: at which they are noised; -1: they are not.
    """
    if index < 0 or all(one.noise is None or one.noise.drawn is None for one in requests):
        return inits
    alpha_bar = float(schedule.alpha_bar[index])
    return torch.stack(
        [
            init
            if request.noise is None or request.noise.drawn is None
            else undrawn(init, own, alpha_bar, request.noise.drawn.to(init.device))
            for request, init, own in zip(requests, inits, noise, strict=True)
        ]
    )


def undrawn(init: Tensor, noise: Tensor, alpha_bar: float, drawn: Mask) -> Tensor:
    """Return a picture without what the noise will draw again.

    Args:
        init: 3 x H x W in [-1, 1].
        noise: that it is noised with, of unit variance, same shape.
        alpha_bar: share of the picture's variance that is left under the noise, above 0 up to 1.
        drawn: where the same noise drew the picture before, H x W; elsewhere it stays as it is.

    Returns:
        3 x H x W; its mean is that of ``init``, and so is all that is larger than 1 / `LOWEST` pixels.
    """
    if not bool(drawn.any()) or alpha_bar >= 1:
        return init
    share = drawn.to(init)
    mean = (init * share).sum(dim=(-1, -2), keepdim=True) / share.sum()
    picture, other = (_spectrum(one * share) for one in (init - mean, noise))
    ring = _rings(init)
    power = _ring_means((picture * picture.conj()).real, ring)
    likeness = _ring_means((picture * other.conj()).real, ring)
    k = likeness.clamp(min=0) * math.sqrt((1 - alpha_bar) / alpha_bar) / power.clamp(min=1e-12)
    weight = (1 + k * k).sqrt() - k
    weight[0] = 1
    whole = _spectrum(init - mean) * weight[ring]
    height, width = init.shape[-2:]
    filtered = torch.fft.irfft2(whole, s=(2 * height, 2 * width))[..., :height, :width]
    return torch.where(drawn, filtered + mean, init)


def _spectrum(picture: Tensor) -> Tensor:
    """Return the spectrum of a picture and its mirror images, so that its edges meet."""
    wide = torch.cat((picture, picture.flip(-1)), dim=-1)
    return torch.fft.rfft2(torch.cat((wide, wide.flip(-2)), dim=-2))


def _rings(picture: Tensor) -> Tensor:
    """Return the number of each frequency's ring, 0 to `RINGS`, in the order of `_spectrum`."""
    height, width = picture.shape[-2:]
    down = torch.fft.fftfreq(2 * height, device=picture.device)[:, None]
    across = torch.fft.rfftfreq(2 * width, device=picture.device)
    edges = torch.logspace(math.log10(LOWEST), math.log10(math.sqrt(0.5)), RINGS, device=picture.device)
    return torch.bucketize((down * down + across * across).sqrt(), edges).clamp(max=RINGS)


def _ring_means(values: Tensor, ring: Tensor) -> Tensor:
    """Return the mean of 3 x H x W values in each ring, shape (RINGS + 1,)."""
    inside = torch.nn.functional.one_hot(ring.flatten(), RINGS + 1).to(values.dtype)
    # A product, not sums in any order: it gives the same on a GPU each time.
    return (values.mean(dim=0).flatten() @ inside) / inside.sum(dim=0).clamp(min=1)
