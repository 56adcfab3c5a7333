"""The building blocks of the guided-diffusion U-Net, under the attribute names of the published weights."""

from __future__ import annotations

import math
from typing import TypeVar, cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from animator.diffusion.attention import attend
from animator.diffusion.frozen import Convolution, computed_again, keeps_less
from animator.diffusion.halving import Halving

GROUPS = 32
"""Groups of every normalisation; all widths are multiples of it."""


def timestep_embedding(t: Tensor, width: int) -> Tensor:
    """Return sinusoids of the timesteps, N x width float32, cosines first.

    Vaswani et al. 2017, section 3.5, with a longest period of 10000 * 2 pi.

    Args:
        t: network timesteps, shape (N,), on the scale 0 to 1000.
        width: channels of the embedding; an odd one ends in a zero.
    """
    half = width // 2
    order = torch.arange(half, dtype=torch.float32, device=t.device)
    angles = t.float()[:, None] * torch.exp(order * (-math.log(10000) / half))
    waves = torch.cat([angles.cos(), angles.sin()], dim=1)
    return F.pad(waves, (0, width % 2))


Layer = TypeVar("Layer", bound=nn.Module)


def zeroed(layer: Layer) -> Layer:
    """Set a layer's parameters to zero, so that a fresh residual branch adds nothing; return the layer."""
    for parameter in layer.parameters():
        nn.init.zeros_(parameter)
    return layer


def spread_norm(x: Tensor, groups: int, weight: Tensor, bias: Tensor, eps: float) -> Tensor:
    """Return what `torch.nn.functional.group_norm` does, in the type of ``x``, without gradient.

    torch's kernel on a GPU sums each group in one block of threads: one picture's 32 groups leave three
    quarters of a large GPU idle. `torch.var_mean` shares each sum out among many.

    Args:
        x: N x C x ..., of any floating type; not changed.
        groups: that its channels are divided among.
        weight: of each channel, float32.
        bias: of each channel, float32.
        eps: added to the variance.
    """
    n, channels = x.shape[:2]
    normed = x.to(torch.float32, copy=True)
    variance, mean = torch.var_mean(normed.reshape(n, groups, -1), dim=2, correction=0)
    rate, mean = (
        value.repeat_interleave(channels // groups, 1) for value in (torch.rsqrt(variance + eps), mean)
    )
    shape = (n, channels) + (1,) * (x.dim() - 2)
    scale = rate * weight
    return normed.mul_(scale.view(shape)).add_((bias - mean * scale).view(shape)).to(x.dtype)


class GroupNorm32(nn.GroupNorm):
    """Group normalisation whose statistics are float32, whatever the type of its input and its weights."""

    def __init__(self, channels: int) -> None:
        super().__init__(GROUPS, channels)

    def forward(self, x: Tensor) -> Tensor:
        """Return ``x`` normalised, in its own type."""
        return self._normed(x, self.weight, self.bias)

    def modulated(self, x: Tensor, scale: Tensor, shift: Tensor) -> Tensor:
        """Return ``norm(x) * (1 + scale) + shift``, in the type of ``x``.

        Args:
            x: N x C x H x W.
            scale: N x C.
            shift: N x C.
        """
        if len(x) == 1:
            # The norm scales and shifts each channel anyway: for one picture, as this as for its own weights.
            more = 1 + scale[0].float()
            return self._normed(x, self.weight * more, self.bias * more + shift[0].float())
        scale, shift = (value[:, :, None, None].to(x.dtype) for value in (scale, shift))
        result: Tensor = self(x) * (1 + scale) + shift
        return result

    def _normed(self, x: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
        weight, bias = weight.float(), bias.float()
        if x.device.type == "cpu":
            # The kernel there sums in float32 by itself; copies there and back cost several times as much.
            return F.group_norm(x, self.num_groups, weight, bias, self.eps)
        if torch.is_grad_enabled():
            return F.group_norm(x.float(), self.num_groups, weight, bias, self.eps).to(x.dtype)
        return spread_norm(x, self.num_groups, weight, bias, self.eps)


def pointwise(layer: nn.Conv1d | nn.Conv2d, x: Tensor) -> Tensor:
    """Return what a convolution with a kernel of one pixel gives, N x C x ... for N x B x ...

    On a CPU as one matrix product a picture, which spares it the bringing of its input into another layout.
    """
    if x.device.type != "cpu" or layer.bias is None:
        result: Tensor = layer(x)
        return result
    weight = layer.weight.flatten(1).expand(len(x), -1, -1)
    return torch.baddbmm(layer.bias[:, None], weight, x.flatten(2)).view(len(x), -1, *x.shape[2:])


class Upsample(nn.Module):
    """Doubles height and width by repeating pixels, then optionally convolves."""

    def __init__(self, channels: int, *, convolve: bool) -> None:
        super().__init__()
        self.conv = Convolution(channels, channels, 3, padding=1) if convolve else nn.Identity()

    def forward(self, x: Tensor) -> Tensor:
        """Return N x C x 2H x 2W."""
        result: Tensor = self.conv(F.interpolate(x, scale_factor=2.0, mode="nearest"))
        return result


class Downsample(nn.Module):
    """Halves height and width, by a strided convolution or by averaging."""

    def __init__(self, channels: int, *, convolve: bool) -> None:
        super().__init__()
        self.op = Convolution(channels, channels, 3, stride=2, padding=1) if convolve else Halving()

    def forward(self, x: Tensor) -> Tensor:
        """Return N x C x H/2 x W/2."""
        result: Tensor = self.op(x)
        return result


class ResBlock(nn.Module):
    """A residual block that is given the timestep, and may resize (Dhariwal & Nichol 2021, section 3).

    Args:
        channels: of the input.
        embedding: width of the timestep's embedding.
        out_channels: of the output.
        dropout: share of activations dropped in training.
        scale_shift: whether the timestep scales and shifts the second norm (AdaGN) or is added before it.
        resize: `Upsample` or `Downsample` without a convolution, applied to both branches, or None.
    """

    def __init__(
        self,
        channels: int,
        embedding: int,
        out_channels: int,
        *,
        dropout: float,
        scale_shift: bool,
        resize: nn.Module | None = None,
    ) -> None:
        super().__init__()
        self.scale_shift = scale_shift
        self.in_layers = nn.Sequential(
            GroupNorm32(channels), nn.SiLU(), Convolution(channels, out_channels, 3, padding=1)
        )
        self.resize = resize if resize is not None else nn.Identity()
        self.emb_layers = nn.Sequential(
            nn.SiLU(), nn.Linear(embedding, 2 * out_channels if scale_shift else out_channels)
        )
        self.out_layers = nn.Sequential(
            GroupNorm32(out_channels),
            nn.SiLU(),
            nn.Dropout(dropout),
            zeroed(Convolution(out_channels, out_channels, 3, padding=1)),
        )
        same = channels == out_channels
        self.skip_connection = nn.Identity() if same else nn.Conv2d(channels, out_channels, 1)

    def forward(self, x: Tensor, embedding: Tensor, beside: Tensor | None = None) -> Tensor:
        """Return the block's output for N x C x H x W features and an N x E embedding.

        Args:
            x: features, or the first of their channels.
            embedding: of the timestep.
            beside: the other channels; where they are kept anyway, they are not kept once more with ``x``.
        """
        norm, activation, convolution = self.in_layers
        parts = (x,) if beside is None else (x, beside)
        x = _joined(*parts)
        parts = parts if keeps_less(next(norm.parameters()), *parts) else (x,)
        h = computed_again(norm, lambda *parts: activation(norm(_joined(*parts))), *parts)
        h = convolution(self.resize(h))
        modulation = self.emb_layers(embedding)
        last, act, *rest = self.out_layers
        if self.scale_shift:
            modulated = cast(GroupNorm32, last).modulated
            h = computed_again(last, lambda *x: act(modulated(*x)), h, *modulation.chunk(2, dim=1))
        else:
            h = h + modulation[:, :, None, None].to(h.dtype)
            h = computed_again(last, lambda x: act(last(x)), h)
        for layer in rest:
            h = layer(h)
        skip = self.resize(x)
        if isinstance(self.skip_connection, nn.Conv2d):
            skip = pointwise(self.skip_connection, skip)
        result: Tensor = skip + h
        return result


def _joined(*parts: Tensor) -> Tensor:
    return parts[0] if len(parts) == 1 else torch.cat(parts, dim=1)


class AttentionBlock(nn.Module):
    """Self-attention over all pixels, added to its input.

    Args:
        channels: of input and output.
        heads: number of heads; divides ``channels``.
        heads_first: how the 3 * channels of ``qkv`` lie: True for head, then query/key/value (the published
            checkpoints); False for query/key/value, then head (``use_new_attention_order``).
    """

    def __init__(self, channels: int, heads: int, *, heads_first: bool) -> None:
        super().__init__()
        self.heads = heads
        self.heads_first = heads_first
        self.norm = GroupNorm32(channels)
        self.qkv = nn.Conv1d(channels, 3 * channels, 1)
        self.proj_out = zeroed(nn.Conv1d(channels, channels, 1))

    def forward(self, x: Tensor) -> Tensor:
        """Return N x C x H x W features that have looked at one another."""
        n, channels, height, width = x.shape
        pixels = x.reshape(n, channels, height * width)
        qkv = pointwise(self.qkv, self.norm(pixels))
        if self.heads_first:
            split = qkv.view(n, self.heads, 3, channels // self.heads, -1).unbind(2)
        else:
            split = qkv.view(n, 3, self.heads, channels // self.heads, -1).unbind(1)
        # Only where the last dimension lies together in memory is attention fused; else the whole matrix of
        # pixels by pixels is made, which at 1280 x 768 takes five times the memory and four times the time.
        query, key, value = (part.transpose(2, 3).contiguous() for part in split)
        seen = attend(query, key, value)
        merged = seen.transpose(2, 3).reshape(n, channels, height * width)
        return (pixels + pointwise(self.proj_out, merged)).view(n, channels, height, width)
