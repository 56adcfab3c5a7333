"""First weights of an autoencoder that already carry the mean colour of each patch there and back.

From weights drawn by chance a small autoencoder learns light and dark first and then rests for thousands of
steps before it tells red from green: what its layers say of colour is next to nothing beside the noise of
its latents. Here the first channels of each layer are copies of the picture, as means over ever larger
patches, and the latents are given little noise; all other channels begin by chance and learn the rest.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import nn

COLOURS = 3
CARRIED = 2 * COLOURS + 1
"""Channels that are carried: the colours, their negatives, and a constant.

With its negative each colour passes the activation unharmed (``silu(x) - silu(-x) = x``); the constant
is what a norm over all channels leaves the brightness of a picture by.
"""

QUIET = 0.3
"""What the second convolution of a block of chance is multiplied with, so that little is laid over."""

SURE = -6.0
"""Logarithm of the variance of the latents at first."""


@torch.no_grad()
def carry_colours(network: Any) -> Any:
    """Change the first weights of an `AutoencoderKL` in place, and return it.

    Args:
        network: of at least `CARRIED` channels on each level, and three in the latents.
    """
    from diffusers.models.downsampling import Downsample2D
    from diffusers.models.resnet import ResnetBlock2D
    from diffusers.models.upsampling import Upsample2D

    for module in network.modules():
        inside: Any = module
        if isinstance(module, ResnetBlock2D):
            inside.conv2.weight.mul_(QUIET)
            inside.conv2.weight[:CARRIED] = 0
            inside.conv2.bias.zero_()
            if inside.conv_shortcut is not None:
                _copied(inside.conv_shortcut, [(0, 0)])
        elif isinstance(module, Downsample2D):
            _copied(inside.conv, [(0, 0), (0, 1), (1, 0), (1, 1)])
        elif isinstance(module, Upsample2D):
            _copied(inside.conv, [(1, 1)])
    for half, out in ((network.encoder, 1.0), (network.decoder, 0.5)):
        _taken_in(half.conv_in)
        _given_out(half.conv_out, out)
    count = network.config.latent_channels
    for conv in (network.quant_conv, network.post_quant_conv):
        conv.weight.zero_()
        conv.bias.zero_()
        conv.weight[:count, :, 0, 0] = torch.eye(count, conv.in_channels)
    network.quant_conv.bias[count:] = SURE
    return network


def _copied(conv: nn.Conv2d, places: Sequence[tuple[int, int]]) -> None:
    """Have the carried channels be those of the input, the mean of these places of the kernel."""
    _emptied(conv, CARRIED)
    for channel in range(CARRIED):
        for y, x in places:
            conv.weight[channel, channel, y, x] = 1 / len(places)


def _taken_in(conv: nn.Conv2d) -> None:
    """Have the carried channels hold the first three of the input, their negatives and a constant."""
    _emptied(conv, CARRIED)
    assert conv.bias is not None
    middle = conv.kernel_size[0] // 2
    for colour in range(COLOURS):
        conv.weight[colour, colour, middle, middle] = 1
        conv.weight[COLOURS + colour, colour, middle, middle] = -1
    conv.bias[CARRIED - 1] = 1


def _given_out(conv: nn.Conv2d, factor: float) -> None:
    """Have the first three channels of the output be what the activation left of the colours."""
    _emptied(conv, COLOURS)
    middle = conv.kernel_size[0] // 2
    for colour in range(COLOURS):
        conv.weight[colour, colour, middle, middle] = factor
        conv.weight[colour, COLOURS + colour, middle, middle] = -factor


def _emptied(conv: nn.Conv2d, rows: int) -> None:
    conv.weight[:rows] = 0
    if conv.bias is not None:
        conv.bias[:rows] = 0
