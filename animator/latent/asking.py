"""The network of a latent diffusion as a `Denoise`: with and without the prompts, in tiles if need be."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from animator.diffusion.noise_schedule import NoiseSchedule
from animator.diffusion.prediction import Denoise, Prediction
from animator.diffusion.step_values import schedule_position
from animator.diffusion.tiles import in_tiles
from animator.latent.codec import factor_of
from animator.latent.parts import Parts
from animator.latent.said import Said
from animator.latent.text import Meaning

SIGMA_DATA = 0.5
TIMESTEP_SCALING = 10.0
"""Of a consistency model's boundary, at which its estimate is the state itself (Luo et al. 2023, LCM)."""


USUAL_CFG = {"sdxl": 5.0}
OTHER_CFG, FEW_STEPS_CFG, EMBEDDED_CFG = 7.0, 1.0, 8.0
"""Strengths of the prompts where the scene leaves them open: by kind, of others, of networks of few steps,
and of those that read the strength themselves."""


def usual_cfg(parts: Parts, few_steps: bool) -> float:
    """Return the strength of the prompts where the scene leaves it open.

    Args:
        parts: the networks.
        few_steps: whether they are made for few steps.
    """
    unet: Any = parts.unet
    if unet.config.time_cond_proj_dim is not None:
        return EMBEDDED_CFG
    return FEW_STEPS_CFG if few_steps else USUAL_CFG.get(parts.kind, OTHER_CFG)


@dataclass(frozen=True)
class Control:
    """A ControlNet and what it is shown.

    Attributes:
        network: a `diffusers.ControlNetModel`.
        picture: N x 3 x H x W in [0, 1].
        scale: its strength at a position of the diffusion.
    """

    network: Any
    picture: Tensor
    scale: Callable[[int], float]


@dataclass(frozen=True)
class Asking:
    """How the network of a picture is asked; a `Denoise`.

    Attributes:
        parts: the networks.
        schedule: what the indices mean.
        said: what the prompts say.
        cfg_scale: how strongly they act at a position.
        size: height and width of the picture in pixels.
        beside: what a network that fills in is given beside the state, N x 5 x h x w: a mask and the latents
            of what is kept; else None.
        control: a ControlNet, or None.
        images: what an IP-Adapter reads off pictures, wanted and not: each 1 x pictures x width; else None.
        consistency: whether the estimates are a consistency model's.
        together: whether the network is asked with and without the prompts in one pass.
        tiles: side of the tiles in pixels; 0: the whole picture at once.
        before: called with the position before each step, where something depends on it.
    """

    parts: Parts
    schedule: NoiseSchedule
    said: Said
    cfg_scale: Callable[[int], float]
    size: tuple[int, int]
    beside: Tensor | None = None
    control: Control | None = None
    images: tuple[Tensor, Tensor] | None = None
    consistency: bool = False
    together: bool = True
    tiles: int = 0
    before: Callable[[int], None] | None = None

    @property
    def factor(self) -> int:
        """Pixels of a picture along a side of one value of its latents."""
        return factor_of(self.parts.vae)

    def __call__(self, x: Tensor, index: int) -> Prediction:
        """Return the clean estimate and the noise, both of the shape of ``x``; see `Denoise`."""
        position = schedule_position(self.schedule, index)
        if self.before is not None:
            self.before(position)
        given = [x] if self.beside is None else [x, self.beside]
        control = self.control if self.control and self.control.scale(position) else None
        if control is not None:
            # In the shape of the latents, so that tiles cut both alike.
            given.append(F.pixel_unshuffle(control.picture, self.factor))
        network = in_tiles(partial(self._guided, position, control), self.tiles // self.factor)
        timestep = float(self.schedule.network_t[index])
        raw = network(torch.cat(given, dim=1), torch.full((len(x),), timestep, device=x.device))
        kind = str(self.parts.schedule.get("prediction_type", "epsilon"))
        answer = predicted(raw, x, float(self.schedule.alpha_bar[index]), kind)
        return bounded(answer, x, timestep) if self.consistency else answer

    def _guided(self, position: int, control: Control | None, given: Tensor, t: Tensor) -> Tensor:
        """Return the network's answer, with what the prompts change of it times the strength."""
        wanted, unwanted = self.said(position)
        scale = self.cfg_scale(position)
        unet: Any = self.parts.unet
        if unet.config.time_cond_proj_dim is not None:
            width = int(unet.config.time_cond_proj_dim)
            return self._asked(given, t, [wanted], control, position, guidance_embedding(scale - 1, width))
        if scale == 1:
            return self._asked(given, t, [wanted], control, position)
        if self.together:
            without, with_prompts = self._asked(given, t, [unwanted, wanted], control, position).chunk(2)
        else:
            without = self._asked(given, t, [unwanted], control, position)
            with_prompts = self._asked(given, t, [wanted], control, position)
        return without + scale * (with_prompts - without)

    def _asked(
        self,
        given: Tensor,
        t: Tensor,
        meanings: list[Meaning],
        control: Control | None,
        position: int,
        guidance: Tensor | None = None,
    ) -> Tensor:
        """Return the network's answers to some meanings, one after the other: (meanings N) x 4 x h x w."""
        unet: Any = self.parts.unet
        count = len(given)
        dtype = next(unet.parameters()).dtype
        channels = int(unet.config.in_channels)
        state = torch.cat([given[:, :channels]] * len(meanings)).to(dtype)
        t = torch.cat([t] * len(meanings))
        states = torch.cat([one.states.expand(count, -1, -1) for one in meanings]).to(dtype)
        added = self._added(meanings, count, dtype)
        more: dict[str, Any] = {}
        if guidance is not None:
            more["timestep_cond"] = guidance.to(given).expand(len(state), -1).to(dtype)
        if control is not None:
            shown = F.pixel_shuffle(given[:, channels:], self.factor).to(dtype)
            down, middle = control.network(
                state[:, : int(control.network.config.in_channels)],
                t,
                encoder_hidden_states=states,
                controlnet_cond=torch.cat([shown] * len(meanings)),
                conditioning_scale=control.scale(position),
                added_cond_kwargs={name: one for name, one in added.items() if name != "image_embeds"},
                return_dict=False,
            )
            more |= {"down_block_additional_residuals": down, "mid_block_additional_residual": middle}
        answer = unet(
            state, t, encoder_hidden_states=states, added_cond_kwargs=added, return_dict=False, **more
        )
        result: Tensor = answer[0].float()
        return result

    def _added(self, meanings: list[Meaning], count: int, dtype: torch.dtype) -> Mapping[str, Any]:
        """Return what else a network is told: SDXL the pooled prompts and its size, adapters pictures."""
        added: dict[str, Any] = {}
        if meanings[0].pooled is not None:
            pooled = [one.pooled.expand(count, -1) for one in meanings if one.pooled is not None]
            sizes = torch.tensor([[*self.size, 0, 0, *self.size]], device=pooled[0].device, dtype=dtype)
            added = {
                "text_embeds": torch.cat(pooled).to(dtype),
                "time_ids": sizes.expand(len(meanings) * count, -1),
            }
        if self.images is not None:
            wanted, unwanted = (one.expand(count, *one.shape[1:]) for one in self.images)
            rows = [unwanted, wanted] if len(meanings) == 2 else [wanted]
            added["image_embeds"] = [torch.cat(rows).to(dtype)]
        return added


def predicted(raw: Tensor, x: Tensor, alpha_bar: float, kind: str) -> Prediction:
    """Return what a network's answer says of the picture and the noise.

    Args:
        raw: its answer.
        x: the state it was asked about.
        alpha_bar: the level of noise.
        kind: ``epsilon``, ``v_prediction`` (Salimans & Ho 2022) or ``sample``.

    Raises:
        ValueError: the kind is not known.
    """
    signal, noise = math.sqrt(alpha_bar), math.sqrt(1 - alpha_bar)
    if kind == "epsilon":
        return Prediction((x - noise * raw) / signal, raw)
    if kind == "v_prediction":
        return Prediction(signal * x - noise * raw, signal * raw + noise * x)
    if kind == "sample":
        return Prediction(raw, (x - signal * raw) / noise)
    raise ValueError(f"the network predicts {kind!r}, which is not known here")


def renewing(denoise: Denoise, noise: Callable[[int], Tensor]) -> Denoise:
    """Return a denoiser whose noise is drawn anew, so that a step forgets the noise that there was.

    DDIM's step by it, without noise of its own, is the one of a consistency model (Song et al. 2023).
    """
    return lambda x, index: Prediction(denoise(x, index).denoised, noise(index))


def bounded(answer: Prediction, x: Tensor, timestep: float) -> Prediction:
    """Return a consistency model's estimate, which at no noise is the state itself."""
    scaled = timestep * TIMESTEP_SCALING
    own = SIGMA_DATA**2 / (scaled**2 + SIGMA_DATA**2)
    share = scaled / math.sqrt(scaled**2 + SIGMA_DATA**2)
    return Prediction(share * answer.denoised + own * x, answer.eps)


def guidance_embedding(scale: float, width: int) -> Tensor:
    """Return the strength of guidance as a network reads it that was distilled with it, 1 x width."""
    half = width // 2
    rates = torch.exp(torch.arange(half, dtype=torch.float32) * -(math.log(10000.0) / (half - 1)))
    angles = 1000.0 * scale * rates[None]
    return F.pad(torch.cat([angles.sin(), angles.cos()], dim=1), (0, width % 2))
