"""CC12M_1, a network of v-diffusion (Katherine Crowson 2021) that reads prompts itself and predicts v.

A U-Net of seven levels on 256 x 256 pixels. What a prompt says and how much noise there is scale and shift
the channels of every layer. Names and shapes of its parameters are those of the published weights.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from animator.diffusion.halving import Halving
from animator.diffusion.secondary import FourierFeatures

LEVELS = (1, 2, 2, 4, 4, 8, 8)
"""Width of each level as a multiple of the base; each has half the height and width of the last."""

ATTENTIVE = 4
"""The first level with attention."""

BLOCKS, DEEPEST_BLOCKS = 4, 8
"""Blocks on each level on the way down and on the way up, and on the deepest one."""

HEAD = 64
"""Channels of one head of attention."""

MAPPED, TIMES, WAVES = 1024, 128, 16
"""Width of what scales and shifts the layers, and of the waves of time that it and the picture are given."""

PROMPT = 512
"""Width of the embeddings of CLIP's ViT-B/16, which say what a prompt says."""


@dataclass(frozen=True)
class VConfig:
    """The shape of a `VDiffusion`.

    Attributes:
        width: channels of the first level; 128 is the published network.
        mapped: width of what scales and shifts the layers.
        prompt: width of the embeddings of prompts.
        image_size: side in pixels of the pictures it was trained on.
    """

    width: int = 128
    mapped: int = MAPPED
    prompt: int = PROMPT
    image_size: int = 256

    @property
    def size_multiple(self) -> int:
        """What height and width of the input must be multiples of, in pixels."""
        return int(2 ** (len(LEVELS) - 1))


class Modulation(nn.Module):
    """Scales and shifts channels by what a condition says."""

    def __init__(self, mapped: int, channels: int) -> None:
        super().__init__()
        self.layer = nn.Linear(mapped, 2 * channels, bias=False)

    def forward(self, x: Tensor, condition: Tensor) -> Tensor:
        """Return ``x`` scaled and shifted, N x C x H x W."""
        scale, shift = self.layer(condition)[..., None, None].chunk(2, dim=1)
        return torch.addcmul(shift, x, scale + 1)


class Conditioned(nn.Sequential):
    """Layers in a row, of which those that ask for it are given the condition as well."""

    def forward(self, x: Tensor, condition: Tensor) -> Tensor:  # type: ignore[override]
        """Return the last layer's output."""
        for layer in self:
            x = layer(x, condition) if isinstance(layer, (Modulation, Block, Level)) else layer(x)
        return x


class Block(nn.Module):
    """Two convolutions, each normalised and modulated, beside what skips them.

    Args:
        mapped: width of the condition.
        channels: of the input.
        inner: between the two convolutions.
        out_channels: of the output.
        last: leave the output as the second convolution has it.
    """

    def __init__(self, mapped: int, channels: int, inner: int, out_channels: int, last: bool = False) -> None:
        super().__init__()
        end: list[nn.Module] = (
            []
            if last
            else [nn.GroupNorm(1, out_channels, affine=False), Modulation(mapped, out_channels), nn.ReLU()]
        )
        self.main = Conditioned(
            nn.Conv2d(channels, inner, 3, padding=1),
            nn.GroupNorm(1, inner, affine=False),
            Modulation(mapped, inner),
            nn.ReLU(),
            nn.Conv2d(inner, out_channels, 3, padding=1),
            *end,
        )
        same = channels == out_channels
        self.skip = nn.Identity() if same else nn.Conv2d(channels, out_channels, 1, bias=False)

    def forward(self, x: Tensor, condition: Tensor) -> Tensor:
        """Return N x out_channels x H x W."""
        result: Tensor = self.main(x, condition) + self.skip(x)
        return result


class Attention(nn.Module):
    """Self-attention over all places of a picture, added to it."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.heads = max(1, channels // HEAD)
        self.norm = nn.GroupNorm(1, channels)
        self.qkv_proj = nn.Conv2d(channels, 3 * channels, 1)
        self.out_proj = nn.Conv2d(channels, channels, 1)

    def forward(self, x: Tensor) -> Tensor:
        """Return N x C x H x W."""
        n, channels, height, width = x.shape
        split = self.qkv_proj(self.norm(x)).view(n, 3, self.heads, channels // self.heads, height * width)
        query, key, value = split.transpose(3, 4).unbind(1)
        seen = F.scaled_dot_product_attention(query, key, value)
        result: Tensor = x + self.out_proj(seen.transpose(2, 3).reshape(n, channels, height, width))
        return result


class Level(nn.Module):
    """Hands on its input beside what the levels below make of it, in the channels after theirs."""

    def __init__(self, *main: nn.Module) -> None:
        super().__init__()
        self.main = Conditioned(*main)

    def forward(self, x: Tensor, condition: Tensor) -> Tensor:
        """Return N x (C_main + C) x H x W."""
        return torch.cat([self.main(x, condition), x], dim=1)


class Mapping(nn.Module):
    """Two linear layers beside what skips them."""

    def __init__(self, features: int, mapped: int, last: bool = False) -> None:
        super().__init__()
        end = nn.Identity() if last else nn.ReLU()
        self.main = nn.Sequential(nn.Linear(features, mapped), nn.ReLU(), nn.Linear(mapped, mapped), end)
        self.skip = nn.Identity() if features == mapped else nn.Linear(features, mapped, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        """Return N x mapped."""
        result: Tensor = self.main(x) + self.skip(x)
        return result


class VDiffusion(nn.Module):
    """Predicts v in a picture, by what a prompt says; loads ``cc12m_1`` and ``cc12m_1_cfg``.

    Attributes:
        config: the shape it was built with.
    """

    def __init__(self, config: VConfig | None = None) -> None:
        super().__init__()
        self.config = config or VConfig()
        mapped, width = self.config.mapped, self.config.width
        self.mapping_timestep_embed = FourierFeatures(TIMES)
        self.mapping = nn.Sequential(
            Mapping(self.config.prompt + TIMES, mapped), Mapping(mapped, mapped, last=True)
        )
        self.timestep_embed = FourierFeatures(WAVES)
        widths = [width * multiple for multiple in LEVELS]
        self.net = Conditioned(
            *_row(mapped, [3 + WAVES] + [width] * BLOCKS),
            _level(mapped, widths, 1),
            *_row(mapped, [2 * width] + [width] * (BLOCKS - 1)),
            Block(mapped, width, width, 3, last=True),
        )

    def forward(self, x: Tensor, t: Tensor, embed: Tensor) -> Tensor:
        """Return v, N x 3 x H x W, in the type of ``x``.

        Args:
            x: noisy pictures, N x 3 x H x W; H and W multiples of 64.
            t: shape (N,), from 0 (clean) to 1 (noise): `animator.diffusion.secondary.cosine_time`.
            embed: what prompts say, N x prompt, of any length; zeros for no prompt.
        """
        dtype = self.timestep_embed.weight.dtype
        says = F.normalize(embed.float(), dim=1) * embed.shape[1] ** 0.5
        condition = self.mapping(torch.cat([says, self.mapping_timestep_embed(t)], dim=1).to(dtype))
        waves = self.timestep_embed(t)[:, :, None, None].expand(-1, -1, *x.shape[2:])
        v: Tensor = self.net(torch.cat([x.to(dtype), waves.to(dtype)], dim=1), condition).to(x.dtype)
        return v


def _row(mapped: int, widths: Sequence[int], attentive: bool = False) -> list[nn.Module]:
    """Return blocks from each width to the next, each followed by attention where that is asked for."""
    rows: list[nn.Module] = []
    for channels, out_channels in pairwise(widths):
        rows.append(Block(mapped, channels, out_channels, out_channels))
        if attentive:
            rows.append(Attention(out_channels))
    return rows


def _level(mapped: int, widths: Sequence[int], number: int) -> Level:
    """Return a level, with all below it nested inside."""
    above, width, attentive = widths[number - 1], widths[number], number >= ATTENTIVE
    if number == len(widths) - 1:
        inner = _row(mapped, [above] + [width] * (DEEPEST_BLOCKS - 1), attentive)
        inner += _narrowing(mapped, width, above, attentive)
    else:
        inner = [
            *_row(mapped, [above] + [width] * BLOCKS, attentive),
            _level(mapped, widths, number + 1),
            *_row(mapped, [2 * width] + [width] * (BLOCKS - 1), attentive),
            *_narrowing(mapped, width, above, attentive),
        ]
    return Level(Halving(), *inner, nn.Upsample(scale_factor=2, mode="bilinear", align_corners=False))


def _narrowing(mapped: int, width: int, above: int, attentive: bool) -> list[nn.Module]:
    """Return the last block of a level, which has the width of the level above."""
    return [Block(mapped, width, width, above), *([Attention(above)] if attentive else [])]
