"""The networks that are measured: the bundled ones, or published ones of full size filled with noise."""

from __future__ import annotations

from pathlib import Path
from typing import TypeVar

import torch
from torch import nn

from animator.depth import transformers_depth
from animator.depth.lean import lean
from animator.depth.load import load_depth
from animator.diffusion.engine import GuidedDiffusion, Networks
from animator.diffusion.load import load_engine
from animator.diffusion.losses import pyramid_distance
from animator.diffusion.perceptors import ClipPerceptor, Perceptor, build_published, published
from animator.diffusion.precision import precision_for
from animator.diffusion.secondary import SecondaryModel
from animator.diffusion.unet import UNet, unet_config
from animator.run.networks import depth_dtype
from animator.settings.scene import Scene
from animator.types import DepthEstimator
from animator.weights.clip_names import canonical_name
from animator.weights.registry import families

Net = TypeVar("Net", bound=nn.Module)

FAMILY = "openai_512"


def engine_for(scene: Scene, device: torch.device, *, full: bool) -> GuidedDiffusion:
    """Return the engine of a scene; ``full`` builds published networks of full size without their weights."""
    if not full:
        return load_engine(scene.diffusion, scene.guidance, device)
    torch.manual_seed(0)
    networks = Networks(
        denoiser=filled(UNet(unet_config(families()[FAMILY].switches)), device),
        perceptors={name: _perceptor(name, scene, device) for name in scene.guidance.clip_models},
        estimate="free",
        size_multiple=64,
        secondary=filled(SecondaryModel(), device) if scene.diffusion.secondary else None,
        perceptual=pyramid_distance,
    )
    return GuidedDiffusion(networks, scene.diffusion, scene.guidance, device)


def depth_for(scene: Scene, device: torch.device, *, full: bool) -> DepthEstimator:
    """Return the depth network of a scene; ``full`` builds MiDaS' DPT-Large without its weights."""
    dtype = depth_dtype(scene)
    if not full:
        return load_depth(scene.depth, device, dtype)
    network = dpt_large(device)
    return transformers_depth.MidasDepth(lean(network, dtype) if device.type == "cpu" else network)


def dpt_large(device: torch.device) -> nn.Module:
    """Return MiDaS' DPT-Large of full size, filled with noise, on a device."""
    config = Path(transformers_depth.__file__).parent / "configs" / "dpt-large.json"
    network: nn.Module = filled(transformers_depth.build(config), device)
    return network


def _perceptor(name: str, scene: Scene, device: torch.device) -> Perceptor:
    name = canonical_name(name)
    trained = published(name)
    half = precision_for(scene.diffusion.precision, device) == "bfloat16"
    return ClipPerceptor(
        name,
        filled(build_published(trained.model_cfg), device),
        lambda texts: torch.randint(1, 400, (len(texts), 77)),
        size=trained.size,
        mean=trained.mean,
        std=trained.std,
        dtype=torch.bfloat16 if half else torch.float32,
        compile=scene.diffusion.compile,
    )


def filled(network: Net, device: torch.device) -> Net:
    """Return a network with small weights instead of none, frozen, on a device."""
    for name, entry in network.named_parameters():
        if entry.ndim >= 2:
            nn.init.normal_(entry, std=(entry[0].numel()) ** -0.5)
        else:
            nn.init.constant_(entry, 1.0 if name.endswith("weight") else 0.0)
    return network.requires_grad_(False).eval().to(device)
