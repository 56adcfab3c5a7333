"""The networks of guided diffusion in their shapes only, built as they would be loaded."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from animator.diffusion.denoisers import denoiser_of
from animator.diffusion.losses import PerceptualLoss, perceptual_files, pyramid_distance
from animator.diffusion.perceptors import ClipPerceptor, build_published, published
from animator.diffusion.prediction import Estimate
from animator.diffusion.secondary import PUBLISHED_WIDTH, SecondaryModel
from animator.diffusion.unet import UNet
from animator.diffusion.vdiffusion import VDiffusion
from animator.errors import UsageError
from animator.settings.diffusion import DiffusionOptions
from animator.system.shapes import emptied, held_by, on_meta
from animator.weights.checkpoint_names import is_checkpoint
from animator.weights.files import read_config
from animator.weights.registry import Entry, config_file, families, find


def diffusion_network(diffusion: DiffusionOptions) -> UNet | VDiffusion:
    """Return the large network of a scene.

    Raises:
        UsageError: only reading the weights would tell what network they are of.
    """
    switches = _diffusion_config(diffusion)["switches"]
    result: UNet | VDiffusion = emptied(on_meta(denoiser_of, switches))
    return result


def clean_estimate(diffusion: DiffusionOptions) -> Estimate:
    """Return how the clean estimates of a scene's network are held, see ``prediction.hold_for``."""
    if diffusion.estimate != "auto":
        return diffusion.estimate
    result: Estimate = _diffusion_config(diffusion).get("estimate", "free")
    return result


def secondary_network(name: str) -> SecondaryModel:
    """Return a secondary model of the registry."""
    config = _described(find("secondary", name))
    width = int(config.get("switches", config).get("width", PUBLISHED_WIDTH))
    result: SecondaryModel = emptied(on_meta(SecondaryModel, width))
    return result


def perceptor(name: str, dtype: torch.dtype) -> tuple[ClipPerceptor, nn.Module, int]:
    """Return a CLIP model of the registry that computes in a type, its network, and its embeddings' width."""
    entry = find("clip", name)
    described = config_file(entry)
    config = read_config(described)["model_cfg"] if described else published(entry.name).model_cfg
    network = emptied(on_meta(build_published, config))
    side = network.visual.image_size
    size = side if isinstance(side, int) else side[0]
    seeing = ClipPerceptor(
        entry.name, network, _unread, size=size, mean=[0.5] * 3, std=[0.5] * 3, dtype=dtype
    )
    return seeing, network, int(config["embed_dim"])


def perceptual_distance() -> tuple[PerceptualLoss, int]:
    """Return the distance that `perceptual_loss` would return, and the bytes of its network."""
    if not any(path.is_file() for path in perceptual_files()):
        return pyramid_distance, 0
    from lpips import LPIPS  # takes seconds to import, and most scenes do without

    network = emptied(on_meta(LPIPS, net="vgg", pnet_rand=True, pretrained=False, verbose=False))
    return lambda x, y: network(x, y).flatten(), held_by(network)


def _diffusion_config(diffusion: DiffusionOptions) -> dict[str, Any]:
    path, family = Path(diffusion.model).expanduser(), diffusion.family
    if not is_checkpoint(path.name):
        entry = find("diffusion", diffusion.model)
        return {"estimate": entry.estimate, **_described(entry)}
    beside = path.with_suffix(".json")
    if beside.is_file():
        return read_config(beside)
    if family is None or family not in families():
        raise UsageError(
            f"what network {path.name} is of is not known before it is read; name diffusion.family"
        )
    return {"switches": families()[family].switches}


def _described(entry: Entry) -> dict[str, Any]:
    if described := config_file(entry):
        return read_config(described)
    return {"switches": families()[entry.family].switches} if entry.family else {}


def _unread(texts: list[str]) -> Tensor:
    return torch.zeros(len(texts), 1, dtype=torch.long)
