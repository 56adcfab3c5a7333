"""The engine of a scene: its networks found, read and put together."""

from __future__ import annotations

from functools import partial

import torch
from torch import nn

from animator.diffusion.precision import precision_for
from animator.diffusion.targets import OpenImage
from animator.latent.files import read_controlnet, read_parts
from animator.latent.painter import LatentDiffusion, Networks
from animator.latent.parts import Parts
from animator.settings.scene import Scene
from animator.weights.shared import SharedNetworks


def load_engine(
    scene: Scene,
    device: torch.device,
    open_image: OpenImage | None = None,
    shared: SharedNetworks | None = None,
) -> LatentDiffusion:
    """Load the networks that a scene names and build the engine.

    Args:
        scene: the scene.
        device: where to compute.
        open_image: opens the pictures of image prompts.
        shared: networks that are loaded already; those that are loaded now are added.

    Raises:
        WeightsError: weights are absent or damaged.
    """
    diffusion, latent = scene.diffusion, scene.latent
    shared = SharedNetworks() if shared is None else shared
    half = precision_for(diffusion.precision, device) == "bfloat16"
    dtype = torch.bfloat16 if half else torch.float32
    read = partial(_parts, diffusion.model, dtype)
    parts = shared.get("diffusion", diffusion.model, (device, dtype, tuple(latent.loras)), read)
    control = None
    if latent.control.model is not None:
        control = read_controlnet(latent.control.model, parts.kind, dtype)
    return LatentDiffusion(Networks(parts, control), diffusion, latent, device)


def _parts(model: str, dtype: torch.dtype) -> Parts:
    """Return the networks of a model, the denoiser in a number format; text and pictures stay in float32."""
    parts = read_parts(model)
    if dtype != torch.float32:
        nn.Module.to(parts.unet, dtype)  # the method of diffusers warns of what is not so here
    return parts
