"""The network of a latent diffusion as a `Denoise`: with and without the prompts, in tiles if need be."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from animator.diffusion.elsewhere import Asked, Elsewhere
from animator.diffusion.noise_schedule import NoiseSchedule
from animator.diffusion.prediction import Denoise, Prediction
from animator.diffusion.step_values import schedule_position
from animator.diffusion.tiles import in_tiles
from animator.latent.codec import factor_of
from animator.latent.parts import Parts
from animator.latent.said import Said
from animator.latent.told import Held, Strengths, Told, answer

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
    """What a ControlNet is shown, and its strength.

    Attributes:
        picture: N x 3 x H x W in [0, 1].
        scale: its strength at a position of the diffusion.
    """

    picture: Tensor
    scale: Callable[[int], float]


@dataclass(frozen=True)
class Asking:
    """How the network of a picture is asked; a `Denoise`.

    Attributes:
        parts: the networks.
        held: those of them that answer, and what lies over them.
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
        strengths: of what lies over the network, at a position.
        elsewhere: other processes that are asked for tiles, or None.
    """

    parts: Parts
    held: Held
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
    strengths: Callable[[int], Strengths] = lambda position: Strengths()
    elsewhere: Elsewhere | None = None

    @property
    def factor(self) -> int:
        """Pixels of a picture along a side of one value of its latents."""
        return factor_of(self.parts.vae)

    def __call__(self, x: Tensor, index: int) -> Prediction:
        """Return the clean estimate and the noise, both of the shape of ``x``; see `Denoise`."""
        position = schedule_position(self.schedule, index)
        given = [x] if self.beside is None else [x, self.beside]
        control = self.control if self.control and self.control.scale(position) else None
        if control is not None:
            # In the shape of the latents, so that tiles cut both alike.
            given.append(F.pixel_unshuffle(control.picture, self.factor))
        told = self._told(position, control.scale(position) if control is not None else 0.0)
        network = in_tiles(
            Asked(self.held, answer, (told,)), self.tiles // self.factor, elsewhere=self.elsewhere
        )
        timestep = float(self.schedule.network_t[index])
        raw = network(torch.cat(given, dim=1), torch.full((len(x),), timestep, device=x.device))
        kind = str(self.parts.schedule.get("prediction_type", "epsilon"))
        found = predicted(raw, x, float(self.schedule.alpha_bar[index]), kind)
        return bounded(found, x, timestep) if self.consistency else found

    def _told(self, position: int, control: float) -> Told:
        """Return what the networks are told at a position."""
        wanted, unwanted = self.said(position)
        return Told(
            wanted,
            unwanted,
            self.cfg_scale(position),
            self.size,
            self.together,
            control,
            self.images,
            self.strengths(position),
        )


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
