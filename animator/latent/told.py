"""What the network of a latent diffusion is told at a step beside the state, and what it answers to that.

What it is told is plain data, so that another process with the same networks can be told it, too (see
`animator.diffusion.elsewhere`).
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from animator.latent.ip_adapter import IpAdapter
from animator.latent.lora import Loras
from animator.latent.text import Meaning


@dataclass(frozen=True)
class Held:
    """The networks that answer.

    Attributes:
        unet: a `diffusers.UNet2DConditionModel`.
        factor: pixels along a side of one value of its latents.
        control: a `diffusers.ControlNetModel`, or None.
        loras: what lies over the U-Net, or None.
        adapter: an IP-Adapter over it, or None.
    """

    unet: Any
    factor: int
    control: Any = None
    loras: Loras | None = None
    adapter: IpAdapter | None = None


@dataclass(frozen=True)
class Strengths:
    """How strongly what lies over the U-Net acts.

    Attributes:
        loras: of each LoRA.
        pictures: of the IP-Adapter.
    """

    loras: tuple[float, ...] = ()
    pictures: float = 0.0


@dataclass(frozen=True)
class Told:
    """What they are told at a step.

    Attributes:
        wanted: what the prompts say.
        unwanted: what they say that is not to be there.
        scale: how strongly the prompts act.
        size: height and width of the picture in pixels.
        together: whether the U-Net is asked with and without the prompts in one pass.
        control: strength of the ControlNet; 0 where it is not asked. What it is shown comes with the state.
        images: what an IP-Adapter reads off pictures, wanted and not: each 1 x pictures x width; else None.
        strengths: of what lies over the U-Net.
    """

    wanted: Meaning
    unwanted: Meaning
    scale: float
    size: tuple[int, int]
    together: bool = True
    control: float = 0.0
    images: tuple[Tensor, Tensor] | None = None
    strengths: Strengths = Strengths()

    def to(self, device: torch.device | str) -> Told:
        """Return the same with all tensors on a device."""
        wanted, unwanted = (
            Meaning(one.states.to(device), None if one.pooled is None else one.pooled.to(device))
            for one in (self.wanted, self.unwanted)
        )
        images = None
        if self.images is not None:
            images = self.images[0].to(device), self.images[1].to(device)
        return replace(self, wanted=wanted, unwanted=unwanted, images=images)


def answer(held: Held, given: Tensor, t: Tensor, told: Told) -> Tensor:
    """Return the U-Net's answer, with what the prompts change of it times their strength; N x 4 x h x w.

    Args:
        held: the networks.
        given: the state, N x C x h x w; behind it what a ControlNet is shown, in the shape of the latents.
        t: timesteps, shape (N,).
        told: all else.
    """
    if held.loras is not None:
        held.loras.paint_with(told.strengths.loras)
    if held.adapter is not None:
        held.adapter.act(told.strengths.pictures)
    if held.unet.config.time_cond_proj_dim is not None:
        width = int(held.unet.config.time_cond_proj_dim)
        return _asked(held, given, t, told, [told.wanted], guidance_embedding(told.scale - 1, width))
    if told.scale == 1:
        return _asked(held, given, t, told, [told.wanted])
    if told.together:
        without, with_prompts = _asked(held, given, t, told, [told.unwanted, told.wanted]).chunk(2)
    else:
        without = _asked(held, given, t, told, [told.unwanted])
        with_prompts = _asked(held, given, t, told, [told.wanted])
    return without + told.scale * (with_prompts - without)


def _asked(
    held: Held,
    given: Tensor,
    t: Tensor,
    told: Told,
    meanings: Sequence[Meaning],
    guidance: Tensor | None = None,
) -> Tensor:
    """Return the U-Net's answers to some meanings, one after the other: (meanings N) x 4 x h x w."""
    unet, count = held.unet, len(given)
    dtype = next(unet.parameters()).dtype
    channels = int(unet.config.in_channels)
    state = torch.cat([given[:, :channels]] * len(meanings)).to(dtype)
    t = torch.cat([t] * len(meanings))
    states = torch.cat([one.states.expand(count, -1, -1) for one in meanings]).to(dtype)
    added = _added(told, meanings, count, dtype)
    more: dict[str, Any] = {}
    if guidance is not None:
        more["timestep_cond"] = guidance.to(given).expand(len(state), -1).to(dtype)
    if told.control:
        shown = F.pixel_shuffle(given[:, channels:], held.factor).to(dtype)
        down, middle = held.control(
            state[:, : int(held.control.config.in_channels)],
            t,
            encoder_hidden_states=states,
            controlnet_cond=torch.cat([shown] * len(meanings)),
            conditioning_scale=told.control,
            added_cond_kwargs={name: one for name, one in added.items() if name != "image_embeds"},
            return_dict=False,
        )
        more |= {"down_block_additional_residuals": down, "mid_block_additional_residual": middle}
    found = unet(state, t, encoder_hidden_states=states, added_cond_kwargs=added, return_dict=False, **more)
    result: Tensor = found[0].float()
    return result


def _added(told: Told, meanings: Sequence[Meaning], count: int, dtype: torch.dtype) -> Mapping[str, Any]:
    """Return what else the U-Net is told: SDXL the pooled prompts and its size, adapters pictures."""
    added: dict[str, Any] = {}
    if meanings[0].pooled is not None:
        pooled = [one.pooled.expand(count, -1) for one in meanings if one.pooled is not None]
        sizes = torch.tensor([[*told.size, 0, 0, *told.size]], device=pooled[0].device, dtype=dtype)
        added = {
            "text_embeds": torch.cat(pooled).to(dtype),
            "time_ids": sizes.expand(len(meanings) * count, -1),
        }
    if told.images is not None:
        wanted, unwanted = (one.expand(count, *one.shape[1:]) for one in told.images)
        rows = [unwanted, wanted] if len(meanings) == 2 else [wanted]
        added["image_embeds"] = [torch.cat(rows).to(dtype)]
    return added


def guidance_embedding(scale: float, width: int) -> Tensor:
    """Return the strength of guidance as a network reads it that was distilled with it, 1 x width."""
    half = width // 2
    rates = torch.exp(torch.arange(half, dtype=torch.float32) * -(math.log(10000.0) / (half - 1)))
    angles = 1000.0 * scale * rates[None]
    return F.pad(torch.cat([angles.sin(), angles.cos()], dim=1), (0, width % 2))
