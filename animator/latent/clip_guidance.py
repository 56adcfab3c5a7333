"""Guidance by CLIP in a latent space: perceptors look at each step's clean estimate, decoded.

The losses and their gradient on the picture are those of guided diffusion (`animator.diffusion.guidance`).
From the picture the gradient goes back through the decoder to the latents, not through the denoiser.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from animator.diffusion.disco_cuts import cut_for
from animator.diffusion.guidance import Guide, limited
from animator.diffusion.kept import Kept
from animator.diffusion.losses import pyramid_distance
from animator.diffusion.memory_saving import Places, networks_of
from animator.diffusion.noise_schedule import NoiseSchedule
from animator.diffusion.notes import Notes
from animator.diffusion.perceptors import Perceptor
from animator.diffusion.prediction import Prediction
from animator.diffusion.step_values import StepValues, positions_of, step_values
from animator.diffusion.targets import OpenImage, Targets
from animator.settings.diffusion import DiffusionOptions
from animator.settings.guidance import GuidanceOptions
from animator.types import Request

Decode = Callable[[Tensor], Tensor]
"""Turns latents into pictures, N x 3 x H x W in about [-1, 1], differentiable."""


@dataclass(frozen=True)
class Pull:
    """The gradient of all losses of guidance on latents; a `Gradient` for `guided`.

    Attributes:
        guide: gives the gradient on pictures, not limited.
        decode: turns latents into pictures.
        values: the settings at an index.
        notes: what is written down on the way.
    """

    guide: Guide
    decode: Decode
    values: Sequence[StepValues]
    notes: Notes

    def __call__(self, x: Tensor, index: int, prediction: Prediction) -> Tensor:
        """Return the limited gradient, the shape of ``x``."""
        signal = math.sqrt(float(self.guide.schedule.alpha_bar[index]))
        with torch.enable_grad():
            latents = prediction.denoised.detach().requires_grad_()
            decoded = self.decode(latents)
            picture = decoded.detach().requires_grad_()
            pull = self.guide(picture, index, Prediction(picture, picture))
            (gradient,) = torch.autograd.grad(decoded, latents, pull)
        # Latents follow the state as 1 / sqrt(alpha_bar), the denoiser's own answer left out.
        gradient = gradient / signal
        finite = gradient.isfinite().flatten(1).all(dim=1).view(-1, 1, 1, 1)
        return limited(torch.where(finite, gradient, 0.0), self.values[index].clamp_max)


class ClipGuidance:
    """What guides a latent diffusion by CLIP.

    Args:
        perceptors: the CLIP models, by their names in ``guidance.clip_models``.
        diffusion: the section ``diffusion``.
        guidance: the section ``guidance``.
        device: where to compute.
        open_image: opens the pictures of image prompts.
        keep_cuts: whether steps show the cuts that the perceptors saw.
        mode: of the scene: how Disco Diffusion's cuts are augmented, where they are asked for.
    """

    def __init__(
        self,
        perceptors: Mapping[str, Perceptor],
        diffusion: DiffusionOptions,
        guidance: GuidanceOptions,
        device: torch.device,
        open_image: OpenImage,
        *,
        keep_cuts: bool = False,
        mode: str = "still",
    ) -> None:
        self.diffusion = diffusion
        self.guidance = guidance
        self.keep_cuts = keep_cuts
        self.cut = cut_for(guidance.compat, mode)
        self.networks = networks_of(*perceptors.values())
        self._targets = Targets(perceptors, device, open_image, Places(device))

    def pull(
        self,
        requests: Sequence[Request],
        schedule: NoiseSchedule,
        decode: Decode,
        init: Tensor | None,
        generators: Sequence[torch.Generator],
        kept: Kept,
        *,
        parts: int = 1,
    ) -> Pull | None:
        """Return the gradient of some pictures, or None where no loss is asked for at any step.

        Args:
            requests: the pictures.
            schedule: what the indices mean.
            decode: turns latents into pictures.
            init: the pictures to stay near, N x 3 x H x W in [-1, 1], or None.
            generators: where the random cuts of each picture come from.
            kept: gradients of earlier steps that later ones may take.
            parts: passes in which a perceptor looks at what it looks at.
        """
        request = requests[0]
        values = [
            step_values(self.diffusion, self.guidance, request.values, position, request.init_scale)
            for position in positions_of(schedule)
        ]
        if not any(one.act(prompted=bool(request.prompts), init=init is not None) for one in values):
            return None
        free = [one.uncovered for one in requests if one.uncovered is not None]
        notes = Notes(keep_cuts=self.keep_cuts)
        # What is limited is the gradient on the latents.
        unlimited = [replace(one, clamp_max=math.inf) for one in values]
        guide = Guide(
            schedule=schedule,
            targets=self._targets.of(requests, fuzzy=any(one.rand_mag for one in values)),
            values=unlimited.__getitem__,
            generators=generators,
            init=init,
            free=torch.stack(free)[:, None].to(init.device) if free and init is not None else None,
            perceptual=pyramid_distance,
            disco=self.guidance.compat == "disco-5",
            cut=self.cut,
            notes=notes,
            parts=parts,
            last=kept.descent if any(one.every > 1 for one in values) else None,
        )
        return Pull(guide, decode, values, notes)
