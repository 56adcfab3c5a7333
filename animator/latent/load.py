"""The engine of a scene: its networks found, read and put together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch import nn

from animator.diffusion.memory_saving import networks_of
from animator.diffusion.perceptors import load_perceptor
from animator.diffusion.precision import precision_for
from animator.diffusion.targets import OpenImage, no_image
from animator.latent.clip_guidance import ClipGuidance
from animator.latent.files import read_controlnet, read_parts
from animator.latent.ip_adapter import IpAdapter
from animator.latent.lora import Loras
from animator.latent.painter import LatentDiffusion
from animator.latent.painting import Networks
from animator.latent.parts import Parts
from animator.latent.told import Held
from animator.settings.latent import LatentOptions
from animator.settings.scene import Scene
from animator.weights.own import named_path
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
    shared = SharedNetworks() if shared is None else shared
    networks = _networks(scene, device, shared)
    if scene.latent.clip_guidance:
        networks = replace(networks, clip=_clip(scene, device, _dtype(scene, device), open_image, shared))
    networks = replace(networks, open_image=open_image or no_image)
    return LatentDiffusion(networks, scene.diffusion, scene.latent, device)


def load_denoiser(scene: Scene, device: torch.device) -> Held:
    """Load what is asked at every step, for a process that does nothing else; errors as in `load_engine`."""
    held = _networks(scene, device, SharedNetworks()).denoiser
    for one in networks_of(held):
        nn.Module.to(one, device)
        one.eval().requires_grad_(False)
    return held


def _dtype(scene: Scene, device: torch.device) -> torch.dtype:
    half = precision_for(scene.diffusion.precision, device) == "bfloat16"
    return torch.bfloat16 if half else torch.float32


def _networks(scene: Scene, device: torch.device, shared: SharedNetworks) -> Networks:
    """Return the networks of a scene but those of guidance."""
    _without_bars()
    model, latent, dtype = scene.diffusion.model, scene.latent, _dtype(scene, device)
    paths, adapter = [named_path("lora", one) for one in latent.loras], _adapter_paths(latent)
    read = partial(_read, named_path("latent", model), paths, adapter, dtype)
    parts, laid = shared.get("diffusion", model, (device, dtype, tuple(paths), adapter), read)
    control = None
    if latent.control.model is not None:
        path = named_path("controlnet", latent.control.model)
        control = read_controlnet(path, parts.kind, dtype)
    return Networks(parts, control, laid.loras, adapter=laid.adapter)


class Laid(NamedTuple):
    """What lies over the networks of a model.

    Attributes:
        loras: LoRAs, or None.
        adapter: an IP-Adapter, or None.
    """

    loras: Loras | None
    adapter: IpAdapter | None


def _adapter_paths(latent: LatentOptions) -> tuple[Path, Path] | None:
    """Return where an IP-Adapter is, and the network that it looks with."""
    wanted = latent.ip_adapter
    if wanted.model is None or wanted.encoder is None:
        return None
    return Path(wanted.model), Path(wanted.encoder)


def _read(
    model: Path, loras: Sequence[Path], adapter: tuple[Path, Path] | None, dtype: torch.dtype
) -> tuple[Parts, Laid]:
    """Return the networks of a model, the denoiser in a number format, and what lies over them.

    What reads texts, and what codes pictures, stays in float32.
    """
    parts = read_parts(model)
    laid = Laid(Loras(parts, loras) if loras else None, IpAdapter(parts, *adapter) if adapter else None)
    if dtype != torch.float32:
        unet: Any = parts.unet
        nn.Module.to(unet, dtype)  # the method of diffusers warns of what is not so here
    return parts, laid


def _without_bars() -> None:
    """Have the libraries draw no bars of progress: the program has its own line."""
    from diffusers.utils import logging as of_diffusers
    from transformers.utils import logging as of_transformers

    library: Any
    for library in (of_diffusers, of_transformers):
        library.disable_progress_bar()


def _clip(
    scene: Scene,
    device: torch.device,
    dtype: torch.dtype,
    open_image: OpenImage | None,
    shared: SharedNetworks,
) -> ClipGuidance:
    """Return what guides by CLIP."""
    perceptors = {
        name: shared.get(
            "clip", name, (device, dtype, False), partial(load_perceptor, name, device, dtype=dtype)
        )
        for name in scene.guidance.clip_models
    }
    return ClipGuidance(
        perceptors,
        scene.diffusion,
        scene.guidance,
        device,
        open_image or no_image,
        keep_cuts=scene.output.show_cuts,
        mode=scene.mode,
    )
