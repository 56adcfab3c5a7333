"""Latent diffusions and what goes with them, out of files and folders; nothing is ever fetched."""

from __future__ import annotations

import dataclasses
import logging
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

from animator.errors import WeightsError
from animator.latent.folders import load_part, read_folder
from animator.latent.parts import Parts
from animator.latent.recognise import FILLS_IN, Recognised, recognise, refusal
from animator.latent.single_file import (
    beside,
    read_control_state,
    read_single_file,
    read_tensors,
    read_vae_state,
)

if TYPE_CHECKING:
    from diffusers import AutoencoderKL, ControlNetModel

log = logging.getLogger(__name__)

__all__ = ["Recognised", "read_controlnet", "read_parts", "read_vae", "recognise"]

LEAST_SHIFT = -1.0
"""Below this mean a network of Stable Diffusion 2 answers with ``v``, see `asked_prediction`."""


def read_parts(path: str | Path, dtype: torch.dtype = torch.float32) -> Parts:
    """Return the networks of a latent diffusion, on the CPU and frozen.

    Args:
        path: a single file (``.safetensors``, ``.ckpt``) or a diffusers folder.
        dtype: of their weights.

    Raises:
        WeightsError: it is absent, damaged, incomplete or no latent diffusion; the message says what it is.
    """
    found = recognise(path)
    if fault := refusal(found):
        raise WeightsError(fault)
    if found.path.is_dir():
        return read_folder(found, dtype)
    parts = read_single_file(found, dtype)
    if found.prediction or "prediction_type" in beside(found.path).get("schedule", {}):
        return parts
    predicts = asked_prediction(parts.unet)
    log.info("%s does not say what it predicts; its answer looks like %s", found.path, predicts)
    return dataclasses.replace(parts, schedule={**parts.schedule, "prediction_type": predicts})


@torch.no_grad()
def asked_prediction(unet: Any) -> str:
    """Return whether a U-Net of Stable Diffusion 2 predicts ``epsilon`` or ``v_prediction``, by its answer.

    A latent of 0.5 with the most noise comes back about as it is where noise is predicted; ``v`` is far
    below it. This is the test of Stable Diffusion web UI (``is_using_v_parameterization_for_sd2``).
    """
    weight = next(unet.parameters())
    width = unet.config.cross_attention_dim
    latent = torch.full((1, unet.config.in_channels, 8, 8), 0.5, dtype=weight.dtype, device=weight.device)
    states = torch.full((1, 2, width), 0.5, dtype=weight.dtype, device=weight.device)
    answer = unet(latent, torch.tensor([999], device=weight.device), encoder_hidden_states=states).sample
    return (
        "v_prediction" if float((answer - latent[:, : answer.shape[1]]).mean()) < LEAST_SHIFT else "epsilon"
    )


def read_vae(path: str | Path, kind: str, dtype: torch.dtype = torch.float32) -> AutoencoderKL:
    """Return an autoencoder out of a file or a diffusers folder of its own.

    Args:
        path: the file or folder; a whole model gives its own.
        kind: of the model that it is for, which has the scale of its latents.
        dtype: of its weights.

    Raises:
        WeightsError: it is absent, damaged or holds none.
    """
    from diffusers import AutoencoderKL

    found = recognise(path)
    if found.what not in ("vae", "model"):
        raise WeightsError(f"{found.path} is {found}, no autoencoder (VAE)")
    if found.path.is_dir():
        folder = found.path / "vae" if found.what == "model" else found.path
        network: AutoencoderKL = load_part(AutoencoderKL, folder, dtype)
        return network
    return read_vae_state(read_tensors(found.path), kind, dtype, str(found.path))


def read_controlnet(path: str | Path, kind: str, dtype: torch.dtype = torch.float32) -> ControlNetModel:
    """Return a ControlNet out of a file or a diffusers folder.

    Args:
        path: the file (``.pth``, ``.safetensors``) or folder.
        kind: of the model that it is to lead.
        dtype: of its weights.

    Raises:
        WeightsError: it is absent, damaged, holds none, or one for another kind.
    """
    from diffusers import ControlNetModel

    found = recognise(path)
    if found.what != "controlnet":
        raise WeightsError(f"{found.path} is {found}, no ControlNet")
    if found.kind not in ("", kind):
        raise WeightsError(f"{found.path} is {found}, the model is {kind}")
    if found.path.is_dir():
        network: ControlNetModel = load_part(ControlNetModel, found.path, dtype)
        return network
    return read_control_state(read_tensors(found.path), kind, dtype, str(found.path))


def fills_in(parts: Parts) -> bool:
    """Return whether a model reads a mask and the covered picture besides the latent."""
    unet: Any = parts.unet
    return int(unet.config.in_channels) == FILLS_IN
