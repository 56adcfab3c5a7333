"""A network that reads the prompts itself: which embeddings it is given, and how strongly it follows them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

import torch
from torch import Tensor, nn

from animator.diffusion.elsewhere import Asked
from animator.diffusion.memory_saving import Places, networks_of
from animator.diffusion.noise_schedule import NoiseSchedule
from animator.diffusion.perceptors import Perceptor
from animator.diffusion.prediction import Denoise, Network, Prediction, from_v
from animator.diffusion.secondary import cosine_time
from animator.diffusion.step_values import schedule_position, value_at
from animator.diffusion.targets import OpenImage, Targets
from animator.diffusion.vdiffusion import VDiffusion
from animator.types import Request

READER = "ViT-B-16/openai"
"""The CLIP model whose embeddings v-diffusion's networks were trained on."""

PLACE = "reader"
"""What the reader is called among the networks that change places to save memory."""

SCALE = "diffusion.cfg_scale"
CFG, PLAIN = 3.0, 1.0
"""How strongly prompts act where a scene does not say, in networks trained with empty prompts and without."""


@dataclass(frozen=True)
class Reader:
    """By what a network reads prompts.

    Attributes:
        perceptor: turns them into embeddings.
        scale: how strongly they act where a scene leaves that to the network.
    """

    perceptor: Perceptor
    scale: float = PLAIN


class Reading:
    """What a network that predicts v is told of the prompts.

    Args:
        network: takes pictures, times and embeddings.
        reader: see `Reader`.
        device: where they compute.
        open_image: opens the pictures of image prompts.
        places: where the reader is while others work.
    """

    def __init__(
        self,
        network: VDiffusion,
        reader: Reader,
        device: torch.device,
        open_image: OpenImage,
        places: Places,
    ) -> None:
        self._network = network
        self._scale = reader.scale
        self._device = device
        self._targets = Targets({PLACE: reader.perceptor}, device, open_image, places)

    def denoiser(
        self, request: Request, schedule: NoiseSchedule, tiled: Callable[[Network], Network]
    ) -> Denoise:
        """Return what predicts the pictures of a request, differentiable in ``x``.

        Args:
            request: its prompts and values; others that are painted with it have the same.
            schedule: what the indices mean.
            tiled: gives a network that sees large pictures in tiles.
        """
        # It reads every prompt, also those that speak to some CLIP models only.
        heard = [replace(one, models=()) for one in request.prompts]
        found = self._targets.of([replace(request, prompts=tuple(heard))])
        embeds = (
            found[0].embeds if found else torch.zeros(1, self._network.config.prompt, device=self._device)
        )
        weights = found[0].weights if found else torch.ones(1, device=self._device)

        def denoise(x: Tensor, index: int) -> Prediction:
            position = schedule_position(schedule, index)
            scale = value_at(request.values, SCALE, 0.0, position) or self._scale
            shares = weights if weights.ndim == 1 else weights[position]
            alpha_bar = float(schedule.alpha_bar[index])
            asked = tiled(Asked(self._network, followed, (embeds, shares, scale)))
            t = torch.full((len(x),), cosine_time(alpha_bar), dtype=torch.float32, device=x.device)
            return from_v(x, asked(x, t), alpha_bar)

        return denoise


def seeing_of(perceptors: Mapping[str, Perceptor], reader: Reader | None) -> dict[str, list[nn.Module]]:
    """Return the networks of everything that reads prompts or looks at pictures, by what it is called."""
    owners = {**perceptors, **({PLACE: reader.perceptor} if reader else {})}
    return {name: networks_of(owner) for name, owner in owners.items()}


def reading_of(
    network: Network | VDiffusion,
    reader: Reader | None,
    device: torch.device,
    open_image: OpenImage,
    places: Places,
) -> Reading | None:
    """Return a `Reading` of the same arguments; None for a network that reads nothing."""
    if reader is None:
        return None
    if not isinstance(network, VDiffusion):
        raise TypeError(f"{type(network).__name__} reads no prompts")
    return Reading(network, reader, device, open_image, places)


def followed(
    network: VDiffusion, x: Tensor, t: Tensor, embeds: Tensor, weights: Tensor, scale: float
) -> Tensor:
    """Return v of pictures that follow prompts to a degree.

    At 1 the network is asked once, for the mean of the prompts; else for each prompt and for none, and goes
    ``scale`` times as far from none as the prompts do (Ho & Salimans 2022, classifier-free guidance).

    Args:
        network: takes pictures, times and embeddings.
        x: N x 3 x H x W.
        t: shape (N,).
        embeds: what P prompts say, P x D.
        weights: of each prompt, shape (P,); they sum to 1.
        scale: how far; 1 follows the prompts as pictures follow their captions.
    """
    n = len(x)
    if scale == 1:
        mean = (weights[:, None] * embeds).sum(dim=0, keepdim=True)
        answer: Tensor = network(x, t, mean.expand(n, -1))
        return answer
    every = torch.cat([torch.zeros_like(embeds[:1]), embeds])
    shares = torch.cat([1 - scale * weights.sum()[None], scale * weights])
    many = len(every)
    v: Tensor = network(x.repeat(many, 1, 1, 1), t.repeat(many), every.repeat_interleave(n, dim=0))
    return (v.view(many, *x.shape) * shares.view(-1, 1, 1, 1, 1)).sum(dim=0)
