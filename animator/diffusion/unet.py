"""The U-Net of guided diffusion (Dhariwal & Nichol 2021, "ADM"), which loads the published checkpoints."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from animator.diffusion.unet_blocks import (
    AttentionBlock,
    Downsample,
    GroupNorm32,
    ResBlock,
    Upsample,
    timestep_embedding,
    zeroed,
)
from animator.errors import WeightsError

CHANNEL_MULT = {
    512: (0.5, 1, 1, 2, 2, 4, 4),
    256: (1, 1, 2, 2, 4, 4),
    128: (1, 1, 2, 3, 4),
    64: (1, 2, 3, 4),
}
"""Widths of the levels, as multiples of ``num_channels``, where the switches name none: by ``image_size``."""

DEFAULT_SWITCHES: Mapping[str, Any] = {
    "image_size": 64,
    "num_channels": 128,
    "num_res_blocks": 2,
    "num_heads": 4,
    "num_heads_upsample": -1,
    "num_head_channels": -1,
    "attention_resolutions": "16,8",
    "channel_mult": "",
    "dropout": 0.0,
    "learn_sigma": False,
    "use_scale_shift_norm": True,
    "resblock_updown": False,
    "use_new_attention_order": False,
    "use_checkpoint": False,
    "rescale_timesteps": False,
    "class_cond": False,
}
"""Every switch that shapes a network, with its published default."""

FIXED_SWITCHES: Mapping[str, Any] = {
    "noise_schedule": "linear",
    "predict_xstart": False,
    "use_kl": False,
    "rescale_learned_sigmas": False,
}
"""Published switches that may be given, but of which this program knows one value only."""

RUN_SWITCHES = frozenset({"use_fp16", "diffusion_steps", "timestep_respacing"})
"""Published switches that say how a network was run, not what it is: accepted and left to the caller."""


CLASSES = 1000
"""Classes of pictures, those of ImageNet, that a network with the switch ``class_cond`` tells apart."""


@dataclass(frozen=True)
class UNetConfig:
    """The shape of a `UNet`.

    Attributes:
        image_size: side in pixels of the pictures it was trained on; others of the same order work too.
        channels: width that ``channel_mult`` multiplies.
        out_channels: 3 (noise) or 6 (noise, then what sets the variance).
        channel_mult: width of each level; each level has half the height and width of the one before.
        res_blocks: residual blocks a level.
        attention_levels: the downsampling factors (1, 2, 4, ...) at which there is attention.
        heads: attention heads where ``head_channels`` is -1.
        heads_upsample: the same on the way up.
        head_channels: channels of one attention head, or -1.
        heads_first: layout of query, key and value, see `AttentionBlock`.
        scale_shift: how the timestep enters a block, see `ResBlock`.
        resblock_updown: resize inside residual blocks, without which a convolution does it.
        dropout: share of activations dropped in training.
        rescale_timesteps: whether the network was given timesteps on the scale 0 to 1000 of any schedule.
        use_checkpoint: see `UNet.use_checkpoint`.
        classes: how many classes of pictures it tells apart; 0: none.
    """

    image_size: int
    channels: int
    out_channels: int
    channel_mult: tuple[float, ...]
    res_blocks: int
    attention_levels: frozenset[int]
    heads: int
    heads_upsample: int
    head_channels: int
    heads_first: bool
    scale_shift: bool
    resblock_updown: bool
    dropout: float
    rescale_timesteps: bool
    use_checkpoint: bool
    classes: int = 0

    @property
    def size_multiple(self) -> int:
        """What height and width of the input must be multiples of, in pixels."""
        result: int = 2 ** (len(self.channel_mult) - 1)
        return result


def unet_config(switches: Mapping[str, Any]) -> UNetConfig:
    """Translate the published switches (``num_channels``, ``attention_resolutions``, ...) into a config.

    A switch that is left out has the value of `DEFAULT_SWITCHES`.

    Raises:
        WeightsError: a switch is unknown, or has a value that this program has no network for.
    """
    for name, value in switches.items():
        if name in FIXED_SWITCHES and value != FIXED_SWITCHES[name]:
            raise WeightsError(
                f"the switch {name}={value!r} is not supported; only {FIXED_SWITCHES[name]!r} is"
            )
        if name not in DEFAULT_SWITCHES and name not in FIXED_SWITCHES and name not in RUN_SWITCHES:
            known = ", ".join(sorted({*DEFAULT_SWITCHES, *FIXED_SWITCHES, *RUN_SWITCHES}))
            raise WeightsError(f"unknown switch {name!r} of a diffusion network; the known ones are {known}")
    chosen = {**DEFAULT_SWITCHES, **switches}
    size = int(chosen["image_size"])
    heads = int(chosen["num_heads"])
    heads_upsample = int(chosen["num_heads_upsample"])
    return UNetConfig(
        image_size=size,
        channels=int(chosen["num_channels"]),
        out_channels=6 if chosen["learn_sigma"] else 3,
        channel_mult=_channel_mult(chosen["channel_mult"], size),
        res_blocks=int(chosen["num_res_blocks"]),
        attention_levels=frozenset(
            size // int(side) for side in str(chosen["attention_resolutions"]).split(",") if side.strip()
        ),
        heads=heads,
        heads_upsample=heads if heads_upsample == -1 else heads_upsample,
        head_channels=int(chosen["num_head_channels"]),
        heads_first=not chosen["use_new_attention_order"],
        scale_shift=bool(chosen["use_scale_shift_norm"]),
        resblock_updown=bool(chosen["resblock_updown"]),
        dropout=float(chosen["dropout"]),
        rescale_timesteps=bool(chosen["rescale_timesteps"]),
        use_checkpoint=bool(chosen["use_checkpoint"]),
        classes=CLASSES if chosen["class_cond"] else 0,
    )


def _channel_mult(given: str | tuple[float, ...], image_size: int) -> tuple[float, ...]:
    """Return the widths of the levels as the switch says, or as usual for this size."""
    if given:
        return tuple(float(part) for part in (given.split(",") if isinstance(given, str) else given))
    if image_size not in CHANNEL_MULT:
        sizes = ", ".join(str(size) for size in sorted(CHANNEL_MULT))
        raise WeightsError(f"image_size {image_size} needs the switch channel_mult; without it: {sizes}")
    return CHANNEL_MULT[image_size]


class Stage(nn.Sequential):
    """Layers in a row, of which the residual blocks are given the timestep's embedding as well."""

    def forward(self, x: Tensor, embedding: Tensor, beside: Tensor | None = None) -> Tensor:  # type: ignore[override]
        """Return the last layer's output; the first is given ``beside`` as further channels of ``x``."""
        for layer in self:
            x = layer(x, embedding, beside) if isinstance(layer, ResBlock) else layer(x)
            beside = None
        return x


class UNet(nn.Module):
    """Predicts the noise in a picture; names and shapes of its parameters are those of the published weights.

    Attributes:
        config: the shape it was built with.
        use_checkpoint: whether each stage is computed again in the backward pass, which takes about a third
            more time and a fraction of the memory. May be set at any moment.
    """

    def __init__(self, config: UNetConfig) -> None:
        super().__init__()
        self.config = config
        self.use_checkpoint = config.use_checkpoint
        embedding = 4 * config.channels
        self.time_embed = nn.Sequential(
            nn.Linear(config.channels, embedding), nn.SiLU(), nn.Linear(embedding, embedding)
        )
        if config.classes:
            self.label_emb = nn.Embedding(config.classes, embedding)
        widths = [int(mult * config.channels) for mult in config.channel_mult]
        self.input_blocks, skips = self._way_down(widths)
        middle = widths[-1]
        self.middle_block = Stage(
            self._block(middle, middle), self._attention(middle, config.heads), self._block(middle, middle)
        )
        self.output_blocks = self._way_up(widths, skips)
        self.out = nn.Sequential(
            GroupNorm32(widths[0]), nn.SiLU(), zeroed(nn.Conv2d(widths[0], config.out_channels, 3, padding=1))
        )

    @property
    def dtype(self) -> torch.dtype:
        """The type of its weights, in which it computes."""
        return next(self.parameters()).dtype

    def forward(self, x: Tensor, t: Tensor, label: int | None = None) -> Tensor:
        """Return the prediction in the type of ``x``: N x 3 or 6 x H x W, of which the first three are `eps`.

        Args:
            x: noisy pictures, N x 3 x H x W; H and W multiples of ``config.size_multiple``.
            t: network timesteps, shape (N,), float: `NoiseSchedule.network_t`.
            label: the class of all of them, from 0 on; only where the network tells classes apart.
        """
        return self.with_deep(x, t, label)[0]

    def with_deep(self, x: Tensor, t: Tensor, label: int | None = None) -> tuple[Tensor, Tensor]:
        """Return the prediction as `forward` does, and the deep features that it was made with.

        Those are what the levels below the largest one add: N x C x H x W, in the type of the weights.
        """
        embedding, h = self._begin(x, t, label)
        skips = []
        for stage in self.input_blocks:
            h = self._run(stage, h, embedding)
            skips.append(h)
        h = deep = self._run(self.middle_block, h, embedding)
        for number, stage in enumerate(self.output_blocks):
            if number == len(self.output_blocks) - self._top_stages:
                deep = h
            h = self._run(stage, h, embedding, skips.pop())
        return self.out(h).to(x.dtype), deep

    def from_deep(self, x: Tensor, t: Tensor, deep: Tensor, label: int | None = None) -> Tensor:
        """Return a prediction of which only the largest level is computed (DeepCache, Ma et al. 2023).

        Args:
            x: noisy pictures, as in `forward`.
            t: network timesteps, as in `forward`.
            deep: the deep features of pictures of a little more noise, from `with_deep`.
            label: as in `forward`.
        """
        embedding, h = self._begin(x, t, label)
        skips = []
        for number in range(self._top_stages):
            h = self._run(self.input_blocks[number], h, embedding)
            skips.append(h)
        h = deep.to(h.dtype)
        for number in range(len(self.output_blocks) - self._top_stages, len(self.output_blocks)):
            h = self._run(self.output_blocks[number], h, embedding, skips.pop())
        result: Tensor = self.out(h).to(x.dtype)
        return result

    @property
    def _top_stages(self) -> int:
        """How many stages the largest level has on the way down, and on the way up."""
        return self.config.res_blocks + 1

    def _begin(self, x: Tensor, t: Tensor, label: int | None) -> tuple[Tensor, Tensor]:
        """Return the embedding of timesteps and class, and the pictures in the type of the weights."""
        dtype = self.dtype
        embedding = self.time_embed(timestep_embedding(t, self.config.channels).to(dtype))
        if label is not None:
            embedding = embedding + self.label_emb.weight[label]
        return embedding, x.to(dtype)

    def _run(self, stage: nn.Module, h: Tensor, embedding: Tensor, beside: Tensor | None = None) -> Tensor:
        given = (h, embedding) if beside is None else (h, embedding, beside)
        if self.use_checkpoint and torch.is_grad_enabled():
            result: Tensor = checkpoint(stage, *given, use_reentrant=False)
            return result
        result = stage(*given)
        return result

    def _block(self, channels: int, out_channels: int, resize: nn.Module | None = None) -> ResBlock:
        return ResBlock(
            channels,
            4 * self.config.channels,
            out_channels,
            dropout=self.config.dropout,
            scale_shift=self.config.scale_shift,
            resize=resize,
        )

    def _attention(self, channels: int, heads: int) -> AttentionBlock:
        if self.config.head_channels != -1:
            heads = channels // self.config.head_channels
        if heads < 1 or channels % heads:
            raise WeightsError(f"{channels} channels cannot be divided among {heads} attention heads")
        return AttentionBlock(channels, heads, heads_first=self.config.heads_first)

    def _resize(self, kind: type[Upsample] | type[Downsample], channels: int) -> nn.Module:
        if self.config.resblock_updown:
            return self._block(channels, channels, resize=kind(channels, convolve=False))
        return kind(channels, convolve=True)

    def _way_down(self, widths: list[int]) -> tuple[nn.ModuleList, list[int]]:
        """Build the first half; also return the width of each stage's output, for the skip connections."""
        stages = nn.ModuleList([Stage(nn.Conv2d(3, widths[0], 3, padding=1))])
        skips = [widths[0]]
        for level, width in enumerate(widths):
            for _ in range(self.config.res_blocks):
                stage = Stage(self._block(skips[-1], width))
                if 2**level in self.config.attention_levels:
                    stage.append(self._attention(width, self.config.heads))
                stages.append(stage)
                skips.append(width)
            if level < len(widths) - 1:
                stages.append(Stage(self._resize(Downsample, width)))
                skips.append(width)
        return stages, skips

    def _way_up(self, widths: list[int], skips: list[int]) -> nn.ModuleList:
        """Build the second half, whose stages take the first half's outputs in reverse."""
        stages = nn.ModuleList()
        below = widths[-1]
        remaining = list(skips)
        for level, width in reversed(list(enumerate(widths))):
            for block in range(self.config.res_blocks + 1):
                stage = Stage(self._block(below + remaining.pop(), width))
                below = width
                if 2**level in self.config.attention_levels:
                    stage.append(self._attention(width, self.config.heads_upsample))
                if level > 0 and block == self.config.res_blocks:
                    stage.append(self._resize(Upsample, width))
                stages.append(stage)
        return stages
