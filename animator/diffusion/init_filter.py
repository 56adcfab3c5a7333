"""experimental"""

from __future__ import annotations

import math
import os

import torch
from torch import Tensor


def undrawn(init: Tensor, noise: Tensor, alpha_bar: float, drawn: Tensor, eta: float = 0.0) -> Tensor:
    way = os.environ.get("FILTER", "B")
    strength = float(os.environ.get("STRENGTH", "1"))
    if way == "N":
        return init
    sigma = math.sqrt((1 - alpha_bar) / alpha_bar) * strength
    power, radius = _power(init, init)
    if os.environ.get("FIT", "1") == "1":
        power = _fitted(power, radius)
    if way == "A":
        w = power / (power + sigma**2)
    elif way == "B":
        gain = (power / (power + sigma**2)) ** ((1 + eta**2) / 2)
        w = (1 - (1 - gain**2).clamp(min=0).sqrt()) / gain
    elif way == "B0":
        r = sigma / power.sqrt()
        w = (1 + r * r).sqrt() - r
    elif way == "C":
        cross, _ = _power(init, noise)
        binned = _binned(cross, radius)
        k = binned.clamp(min=0) * sigma / power
        w = (1 + k * k).sqrt() - k
    elif way == "G":
        w = torch.exp(-2 * (math.pi * radius * float(os.environ.get("PX", "2"))) ** 2)
    w[0, 0] = 1
    spectrum = torch.fft.rfft2(_mirrored(init))
    out = torch.fft.irfft2(spectrum * w, s=(2 * init.shape[-2], 2 * init.shape[-1]))
    out = out[..., : init.shape[-2], : init.shape[-1]]
    return torch.lerp(init, out, drawn)


def _mirrored(x: Tensor) -> Tensor:
    x = torch.cat((x, x.flip(-1)), -1)
    return torch.cat((x, x.flip(-2)), -2)


def _power(one: Tensor, other: Tensor):
    a, b = torch.fft.rfft2(_mirrored(one)), torch.fft.rfft2(_mirrored(other))
    h, w = 2 * one.shape[-2], 2 * one.shape[-1]
    # a picture mirrored has twice the power in half... normalised so that white noise of unit variance has 1
    power = (a * b.conj()).real.mean(0) / (4 * one.shape[-2] * one.shape[-1])
    fy = torch.fft.fftfreq(h, device=one.device)[:, None]
    fx = torch.fft.rfftfreq(w, device=one.device)[None]
    return power, (fy * fy + fx * fx).sqrt()


def _bins(radius: Tensor):
    edges = torch.logspace(math.log10(0.01), math.log10(0.72), 25, device=radius.device)
    return torch.bucketize(radius, edges)


def _binned(values: Tensor, radius: Tensor) -> Tensor:
    index = _bins(radius)
    total = torch.zeros(30, device=values.device).index_add_(0, index.flatten(), values.flatten())
    count = torch.zeros(30, device=values.device).index_add_(
        0, index.flatten(), torch.ones_like(values.flatten())
    )
    return (total / count.clamp(min=1))[index]


def _fitted(power: Tensor, radius: Tensor) -> Tensor:
    use = (radius > 0.015) & (radius < 0.5)
    index = _bins(radius)
    total = torch.zeros(30).index_add_(0, index[use], power[use])
    count = torch.zeros(30).index_add_(0, index[use], torch.ones_like(power[use]))
    mean_r = torch.zeros(30).index_add_(0, index[use], radius[use])
    ok = count > 3
    y = (total[ok] / count[ok]).clamp(min=1e-9).log()
    x = (mean_r[ok] / count[ok]).log()
    x0 = x - x.mean()
    slope = (x0 * y).sum() / (x0 * x0).sum()
    return (y.mean() + slope * (radius.clamp(min=1e-3).log() - x.mean())).exp()
