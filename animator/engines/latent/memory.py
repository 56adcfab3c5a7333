"""The memory of latent diffusion, from a step and a decoding that are walked through without numbers."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import torch

from animator.engines.family import Memory
from animator.latent.codec import factor_of
from animator.latent.headers import read_header
from animator.latent.recognise import recognise
from animator.latent.single_file import beside, parts_of
from animator.settings.scene import Scene
from animator.system.devices import DeviceKind
from animator.system.meter import Meter, without_numbers
from animator.system.shapes import emptied, held_by, on_meta
from animator.weights.own import named_path

NETWORK, TEXT, CODEC = "latent network", "text networks", "autoencoder"


def latent_memory(scene: Scene, device_kind: DeviceKind, tiles: int = 0) -> Memory:
    """Return the bytes of each network of a scene, and those at the peak of its most demanding moment.

    The networks are built in their shapes from the descriptions in their folder, or the shapes in their
    file. A step asks the network with and without the prompts in one pass; the peak is what that takes, or
    what the decoding takes.

    Args:
        scene: the scene.
        device_kind: where its networks run.
        tiles: side of the tiles in which the network is asked; 0: the whole picture at once.

    Raises:
        WeightsError: the network is not there, or its description is damaged.
    """
    path = named_path("latent", scene.diffusion.model)
    build = _of_folder if path.is_dir() else _of_file
    half = device_kind == "cuda" and scene.diffusion.precision != "float32"
    (width, height), dtype = scene.size, torch.bfloat16 if half else torch.float32
    unet, vae, texts = build(path)
    with without_numbers():
        emptied(unet, dtype)
        for network in (vae, *texts):
            emptied(network)
        held = [(NETWORK, held_by(unet)), (CODEC, held_by(vae)), (TEXT, sum(map(held_by, texts)))]
        factor = factor_of(vae)
        side = (min(tiles or height, height), min(tiles or width, width))
        with Meter() as step, torch.no_grad():
            _asked(unet, 2, side, factor)
        with Meter() as decoding, torch.no_grad():
            vae.decode(torch.zeros(1, vae.config.latent_channels, height // factor, width // factor))
    most = max((sum(meter.peak.values()), name) for name, meter in ((NETWORK, step), (CODEC, decoding)))
    return Memory(tuple(held), {most[1]: most[0]})


def _of_folder(folder: Path) -> tuple[Any, Any, list[Any]]:
    """Return the U-Net, the autoencoder and the text networks in a folder, on the meta device."""
    from diffusers import AutoencoderKL, UNet2DConditionModel
    from transformers import CLIPTextConfig, CLIPTextModel

    unet = on_meta(UNet2DConditionModel.from_config, _described(folder / "unet"))
    vae = on_meta(AutoencoderKL.from_config, _described(folder / "vae"))
    texts = [
        on_meta(CLIPTextModel, CLIPTextConfig(**_described(folder / name)))
        for name in ("text_encoder", "text_encoder_2")
        if (folder / name).is_dir()
    ]
    return unet, vae, texts


def _of_file(path: Path) -> tuple[Any, Any, list[Any]]:
    """Return the same of a single file; its header alone is read."""
    shapes = read_header(path).shapes
    state = {name: torch.empty(shape, device="meta") for name, shape in shapes.items()}
    parts = parts_of(state, recognise(path), torch.float32, beside(path))
    return parts.unet, parts.vae, [tower.encoder for tower in parts.text]


def _asked(unet: Any, count: int, size: tuple[int, int], factor: int) -> Any:
    dtype = next(unet.parameters()).dtype
    config = unet.config
    added = {}
    if config.addition_embed_type == "text_time":
        width = config.projection_class_embeddings_input_dim - 6 * config.addition_time_embed_dim
        added = {
            "text_embeds": torch.zeros(count, width, dtype=dtype),
            "time_ids": torch.zeros(count, 6, dtype=dtype),
        }
    state = torch.zeros(count, config.in_channels, size[0] // factor, size[1] // factor, dtype=dtype)
    states = torch.zeros(count, 77, config.cross_attention_dim, dtype=dtype)
    return unet(
        state, torch.zeros(count), encoder_hidden_states=states, added_cond_kwargs=added, return_dict=False
    )


def _described(folder: Path) -> Any:
    return json.loads((folder / "config.json").read_text(encoding="utf-8"))
