"""The memory of latent diffusion, from a step and a decoding that are walked through without numbers."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import torch

from animator.engines.family import Memory
from animator.latent.codec import factor_of
from animator.latent.headers import Shape, read_header
from animator.latent.lora_files import TOWERS, file_of
from animator.latent.recognise import recognise
from animator.latent.single_file import beside, parts_of
from animator.settings.scene import Scene
from animator.system.devices import DeviceKind
from animator.system.meter import Meter, without_numbers
from animator.system.shapes import emptied, held_by, on_meta
from animator.weights.own import named_path

NETWORK, TEXT, CODEC = "latent network", "text networks", "autoencoder"
LORAS, CONTROL, ADAPTER, LOOKER = "LoRAs", "ControlNet", "IP-Adapter", "network that looks at pictures"


def latent_memory(scene: Scene, device_kind: DeviceKind, tiles: int = 0) -> Memory:
    """Return the bytes of each network of a scene, and those at the peak of its most demanding moment.

    The networks are built in their shapes from the descriptions in their folder, or the shapes in their
    file; what lies over them is counted too. A step asks the network with and without the prompts in one
    pass; the peak is what that takes, or what the decoding takes.

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
        held += _laid_over(scene, dtype)
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


def _laid_over(scene: Scene, dtype: torch.dtype) -> list[tuple[str, int]]:
    """Return the bytes of LoRAs, a ControlNet, and an IP-Adapter with its network, where a scene names them.

    Args:
        scene: the scene.
        dtype: of the denoiser, which what lies over it takes too.
    """
    held: list[tuple[str, int]] = []
    latent, adapter = scene.latent, scene.latent.ip_adapter
    if latent.loras:
        files = [read_header(file_of(named_path("lora", one))) for one in latent.loras]
        held.append((LORAS, sum(_lora_bytes(file.shapes, dtype) for file in files)))
    if latent.control.model is not None:
        held.append((CONTROL, _control_bytes(named_path("controlnet", latent.control.model), dtype)))
    if adapter.model is not None and adapter.encoder is not None:
        shapes = read_header(Path(adapter.model).expanduser()).shapes
        held.append((ADAPTER, _numbers(shapes.values()) * dtype.itemsize))
        held.append((LOOKER, held_by(_looker(Path(adapter.encoder).expanduser()))))
    return held


def _lora_bytes(shapes: Mapping[str, Shape], dtype: torch.dtype) -> int:
    """Return what the factors take: over text networks, which stay in float32, four bytes a number."""
    before = tuple(one for names in TOWERS for one in names)
    of_text = [name.startswith(before) for name in shapes]
    sizes = [4 if text else dtype.itemsize for text in of_text]
    return sum(math.prod(one) * size for one, size in zip(shapes.values(), sizes, strict=True))


def _control_bytes(path: Path, dtype: torch.dtype) -> int:
    """Return what a ControlNet takes, by the description in its folder or the shapes in its file."""
    if not path.is_dir():
        return _numbers(read_header(path).shapes.values()) * dtype.itemsize
    from diffusers import ControlNetModel

    return held_by(emptied(on_meta(ControlNetModel.from_config, _described(path)), dtype))


def _looker(folder: Path) -> Any:
    """Return the network that looks at pictures, without numbers, in float32."""
    from transformers import CLIPVisionConfig, CLIPVisionModelWithProjection

    config = CLIPVisionConfig.from_pretrained(folder, local_files_only=True)
    return emptied(on_meta(CLIPVisionModelWithProjection, config), torch.float32)


def _numbers(shapes: Iterable[Shape]) -> int:
    return sum(map(math.prod, shapes))


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
