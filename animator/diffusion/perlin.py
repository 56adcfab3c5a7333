"""Soft random clouds to start a diffusion from: Perlin noise of two grains, as Disco Diffusion 5 draws it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import torch
import torch.nn.functional as F
from torch import Tensor

if TYPE_CHECKING:
    from animator.types import Frame

Mode = Literal["mixed", "color", "gray"]

COARSE = (1, 12)
"""Cells a side of the first octave, and octaves, of the first noise."""

FINE = (4, 8)
"""The same of the second noise, whose largest clouds are a quarter of the picture wide."""

COLOURED = {"mixed": (True, False), "color": (True, True), "gray": (False, False)}
"""By mode, whether the coarse and the fine noise have three channels of their own."""


def perlin_picture(width: int, height: int, mode: Mode, generator: torch.Generator) -> Frame:
    """Return clouds of Perlin noise: a coarse noise and a fine one, their mean.

    Each is spread over the whole range, channel by channel, in 256 levels as in Disco Diffusion, whose
    rounding down is part of its figures.

    Args:
        width: pixels.
        height: pixels.
        mode: ``color``, ``gray``, or ``mixed``: a coarse noise in colour and a fine one in grey.
        generator: draws some 11 million numbers a channel, on the CPU.
    """
    layers = [
        _spread(_noise(width, height, cells, octaves, 3 if coloured else 1, generator))
        for (cells, octaves), coloured in zip((COARSE, FINE), COLOURED[mode], strict=True)
    ]
    return ((layers[0] + layers[1]) / 2).expand(3, -1, -1).contiguous()


def _noise(
    width: int, height: int, cells: int, octaves: int, channels: int, generator: torch.Generator
) -> Tensor:
    """Return 0.5 plus octaves of gradient noise of amplitude ``0.5 * 1.5**-i``, channels x H x W.

    Octave i has a grid of ``cells * 2**i`` cells a side. Perlin's "Improving Noise" (2002) interpolates
    between corners with a polynomial of each axis, so an octave is the sum of two products of matrices,
    ``ramps_y @ gradients_y @ fades_x.T + fades_y @ gradients_x @ ramps_x.T``. So is its resized picture,
    with the columns of the matrices resized instead of the picture, whose ``cells * 2**octaves`` pixels a
    side are never drawn.
    """
    side = cells * 2**octaves
    rows, columns = _resizing(side, height), _resizing(side, width)
    bases = [(_corners(rows, cells * 2**i), _corners(columns, cells * 2**i)) for i in range(octaves)]
    noise = torch.full((channels, height, width), 0.5)
    for channel in noise:
        for octave, ((fade_y, ramp_y), (fade_x, ramp_x)) in enumerate(bases):
            corners = fade_y.shape[1]
            along_y, along_x = torch.randn(2, corners, corners, generator=generator)
            waves = torch.linalg.multi_dot([ramp_y, along_y, fade_x.T])
            waves += torch.linalg.multi_dot([fade_y, along_x, ramp_x.T])
            channel += 0.5 * 1.5**-octave * waves
    return noise


def _resizing(before: int, after: int) -> Tensor:
    """Return the matrix, after x before, that resizes a line of pixels."""
    line = torch.eye(before)[None, None]
    return F.interpolate(line, (after, before), mode="bilinear", antialias=True)[0, 0]


def _corners(resizing: Tensor, cells: int) -> tuple[Tensor, Tensor]:
    """Return what each corner of a line of cells adds to each pixel, two matrices of pixels x corners.

    The first is the corner's fade ``1 - (3 u^2 - 2 u^3)``, the second the fade times the ramp ``u``, where u
    is the way from the corner in cells, signed.
    """
    pixels = resizing.unflatten(1, (cells, -1))
    way = torch.arange(pixels.shape[2]) / pixels.shape[2]
    fade = 1 - way.square() * (3 - 2 * way)
    left = torch.stack([fade, fade * way])
    right = torch.stack([1 - fade, (1 - fade) * (way - 1)])
    added = F.pad(pixels @ left.T, (0, 0, 0, 1)) + F.pad(pixels @ right.T, (0, 0, 1, 0))
    return added[..., 0].contiguous(), added[..., 1].contiguous()


def _spread(noise: Tensor) -> Tensor:
    """Return each channel in whole levels, its darkest at 0 and its brightest at 1."""
    levels = (noise.clamp(0, 1) * 255).floor()
    darkest, brightest = levels.amin(dim=(1, 2), keepdim=True), levels.amax(dim=(1, 2), keepdim=True)
    scale = torch.where(brightest > darkest, 255 / (brightest - darkest).clamp(min=1), 1)
    offset = torch.where(brightest > darkest, darkest * scale, 0)
    return (levels * scale - offset).floor().clamp(0, 255) / 255
