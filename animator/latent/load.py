"""The engine of a scene: its networks found, read and put together."""

from __future__ import annotations

import json
from functools import partial
from pathlib import Path
from typing import Any

import torch

from animator.diffusion.precision import precision_for
from animator.latent.painter import LatentDiffusion, Networks
from animator.latent.parts import Parts, TextTower
from animator.diffusion.targets import OpenImage
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
    control = _control(latent.control.model, dtype) if latent.control.model else None
    return LatentDiffusion(Networks(parts, control), diffusion, latent, device)


def _parts(model: str, dtype: torch.dtype) -> Parts:
    """Return the networks of a model, the denoiser in a number format; text and pictures stay in float32."""
    parts = read_folder(Path(model))
    parts.unet.to(dtype)
    return parts


def _control(path: str, dtype: torch.dtype) -> Any:
    from diffusers import ControlNetModel

    return ControlNetModel.from_pretrained(path, local_files_only=True).to(dtype)


def read_folder(path: Path) -> Parts:
    """Return the networks of a folder of diffusers."""
    from diffusers import AutoencoderKL, UNet2DConditionModel
    from transformers import CLIPTextModel, CLIPTextModelWithProjection, CLIPTokenizer

    def read(part: Any, name: str) -> Any:
        return part.from_pretrained(path / name, local_files_only=True)

    unet = read(UNet2DConditionModel, "unet")
    sdxl = (path / "text_encoder_2").is_dir()
    towers = [
        TextTower(read(CLIPTokenizer, "tokenizer"), read(CLIPTextModel, "text_encoder"), penultimate=sdxl)
    ]
    if sdxl:
        second = read(CLIPTextModelWithProjection, "text_encoder_2")
        towers.append(TextTower(read(CLIPTokenizer, "tokenizer_2"), second, penultimate=True))
    schedule = json.loads((path / "scheduler" / "scheduler_config.json").read_text(encoding="utf-8"))
    kind = "sdxl" if sdxl else "sd2" if unet.config.cross_attention_dim == 1024 else "sd1"
    named = str(schedule.get("_class_name", ""))
    few = "lcm" if "LCM" in named else "turbo" if schedule.get("timestep_spacing") == "trailing" else ""
    return Parts(kind, unet, read(AutoencoderKL, "vae"), tuple(towers), schedule, few)
