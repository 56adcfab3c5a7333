"""What a painting by latent diffusion is made from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from torch import Tensor

from animator.diffusion.kept import Kept
from animator.diffusion.prediction import Prediction
from animator.diffusion.step_range import Course, Draws
from animator.diffusion.targets import OpenImage, no_image
from animator.diffusion.uncovered import Growth
from animator.latent.clip_guidance import ClipGuidance
from animator.latent.codec import factor_of
from animator.latent.ip_adapter import IpAdapter
from animator.latent.lora import Loras
from animator.latent.noise import NoiseOf
from animator.latent.parts import Parts
from animator.latent.told import Held
from animator.types import Request


@dataclass(frozen=True)
class Painting:
    """What a walk begins with, and what it draws on.

    Attributes:
        requests: the pictures.
        course: the indices of the walk.
        x: the state at its beginning.
        before: the prediction before it, where a walk goes on; else None.
        first: the index at which it begins.
        samplers: by index.
        etas: by index.
        noise_of: gives noise by its name.
        draws: sources of the noise of each picture.
        growth: which latents walk before the others, or None where all walk together.
        kept: what steps keep for later ones.
    """

    requests: Sequence[Request]
    course: Course
    x: Tensor
    before: Prediction | None
    first: int
    samplers: Sequence[str]
    etas: Sequence[float]
    noise_of: NoiseOf
    draws: Sequence[Draws]
    growth: Growth | None
    kept: Kept


@dataclass(frozen=True)
class Networks:
    """What an engine is built from.

    Attributes:
        parts: the networks.
        control: a ControlNet for depth, or None.
        loras: sets the strengths of the LoRAs, or None where there are none.
        clip: guides by CLIP, or None.
        adapter: reads pictures as prompts, or None.
        open_image: opens them.
    """

    parts: Parts
    control: Any | None = None
    loras: Loras | None = None
    clip: ClipGuidance | None = None
    adapter: IpAdapter | None = None
    open_image: OpenImage = no_image

    @property
    def denoiser(self) -> Held:
        """Those that are asked at every step."""
        factor = factor_of(self.parts.vae)
        return Held(self.parts.unet, factor, self.control, self.loras, self.adapter)
