"""LoRA weights out of files, by the names of the layers that they change.

A LoRA changes the weight of a layer by ``strength * scale * up @ down``, see `Change.weight`. Trainers
name layers in several ways: ``lora_unet_down_blocks_0_attentions_0_...`` (kohya, by diffusers' names), the
same by the names of single files (``lora_unet_input_blocks_1_1_...``), ``unet.down_blocks.0...lora_A``
(diffusers, peft). The names of a network's own layers, written in each of these ways, are looked up.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from torch import Tensor

from animator.errors import WeightsError
from animator.latent.file_names import layer_in_file
from animator.latent.parts import Parts
from animator.latent.recognise import Recognised, recognise
from animator.latent.single_file import read_tensors

FOLDER_FILES = ("pytorch_lora_weights.safetensors", "pytorch_lora_weights.bin")
"""What diffusers calls a LoRA in a folder."""

ROLES = tuple(
    re.compile(pattern)
    for pattern in (
        r"(?P<layer>.+)\.(?P<role>alpha)",
        r"(?P<layer>.+)\.lora_(?P<role>down|up|A|B)(\.default)?\.weight",
        r"(?P<layer>.+)\.lora(_linear_layer)?\.(?P<role>down|up)\.weight",
        r"(?P<layer>.+?)(\.processor)?\.(?P<old>to_[qkv]|to_out)_lora\.(?P<role>down|up)\.weight",
    )
)
"""How the names of its tensors end, by kohya, peft and diffusers, now and formerly."""

OTHERS = {
    "hada_w": "LoHa",
    "lokr_w": "LoKr",
    "dora_scale": "DoRA",
    "lora_magnitude_vector": "DoRA",
    "lora_mid": "LoCon with a middle factor",
    ".diff": "whole weights (full difference)",
    "lora_embedding": "words of its own",
}
"""What other adapters have in the names of their tensors."""

PREFIXES = (
    "unet.base_model.model.",
    "base_model.model.",
    "unet.",
    "diffusion_model.",
    "model.diffusion_model.",
    "",
)
"""What is before the names of a U-Net's layers, dotted."""

TOWERS = (("lora_te_", "lora_te1_", "text_encoder."), ("lora_te2_", "text_encoder_2."))
"""The same of each tower."""


@dataclass(frozen=True)
class Change:
    """How a layer changes.

    Attributes:
        down: shape (rank, inputs), of a convolution (rank, inputs, height, width).
        up: shape (outputs, rank), of a convolution (outputs, rank, 1, 1).
        scale: factor that its trainer meant.
    """

    down: Tensor
    up: Tensor
    scale: float

    def weight(self) -> Tensor:
        """Return what is added to the layer's weight at strength 1, in the shape of that weight."""
        product = self.scale * (self.up.flatten(1).float() @ self.down.flatten(1).float())
        return product.reshape(self.up.shape[0], *self.down.shape[1:])


@dataclass(frozen=True)
class Lora:
    """What a file changes in the networks of a latent diffusion.

    Attributes:
        unet: by the dotted name of each layer in `Parts.unet`.
        text: the same of each tower in `Parts.text`.
        unused: layers of the file that the networks do not have.
    """

    unet: Mapping[str, Change]
    text: tuple[Mapping[str, Change], ...]
    unused: tuple[str, ...] = field(default=())


def read_lora(path: str | Path, parts: Parts) -> Lora:
    """Return what a file or folder of LoRA weights changes in the networks of a model, on the CPU.

    Args:
        path: a file by kohya's, diffusers' or peft's names, or a folder that diffusers saved.
        parts: the model; its layers are not changed.

    Raises:
        WeightsError: it is absent or damaged, no LoRA, another kind of adapter, or for another model.
    """
    found = recognise(path)
    if found.what != "lora":
        raise WeightsError(f"{found.path} is {found}, no LoRA")
    file = file_of(found.path)
    state = read_tensors(file)
    if other := next((what for mark, what in OTHERS.items() if any(mark in name for name in state)), ""):
        raise WeightsError(f"{file} is an adapter of the kind {other}, which is not read here; only LoRA is")
    changes = _changes(state, _written_scales(file), file)
    return _placed(changes, parts, found)


def file_of(path: Path) -> Path:
    """Return the file of a LoRA that is named by its file or by its folder."""
    return next(path / name for name in FOLDER_FILES if (path / name).is_file()) if path.is_dir() else path


def _changes(state: Mapping[str, Tensor], scales: Mapping[str, Any], file: Path) -> dict[str, Change]:
    """Return the changes by the names that the file gives the layers."""
    found: dict[str, dict[str, Tensor]] = {}
    for name, tensor in state.items():
        layer, role = _role(name)
        if role:
            found.setdefault(layer, {})[role] = tensor
    changes = {}
    for layer, one in found.items():
        if "down" not in one or "up" not in one:
            if one.keys() == {"alpha"}:
                continue
            raise WeightsError(f"{file} is damaged: of {layer} one of its two factors is missing")
        rank = one["down"].shape[0]
        if one["up"].shape[1] != rank:
            raise WeightsError(f"{file} is damaged: the two factors of {layer} do not fit each other")
        scale = float(one["alpha"]) / rank if "alpha" in one else _written_scale(layer, rank, scales)
        changes[layer] = Change(one["down"], one["up"], scale)
    return changes


def _role(name: str) -> tuple[str, str]:
    """Return the layer of a tensor and what it is of it: ``down``, ``up``, ``alpha``; "" for another."""
    read = next((found for one in ROLES if (found := one.fullmatch(name))), None)
    if read is None:
        return name, ""
    layer, old = read["layer"], read.groupdict().get("old")
    if old:
        layer = f"{layer}.to_out.0" if old == "to_out" else f"{layer}.{old}"
    return layer, {"A": "down", "B": "up"}.get(read["role"], read["role"])


def _written_scales(file: Path) -> dict[str, Any]:
    """Return what diffusers writes of a LoRA beside its weights: ranks and alphas, by part."""
    if file.suffix.lower() != ".safetensors":
        return {}
    from animator.latent.headers import read_header
    from animator.system.json_text import parse_json

    try:
        said = parse_json(read_header(file).said.get("lora_adapter_metadata", "{}"))
    except (ValueError, json.JSONDecodeError) as fault:
        raise WeightsError(f"{file} is damaged: what it says of its scale is no JSON") from fault
    return said if isinstance(said, dict) else {}


def _written_scale(layer: str, rank: int, said: Mapping[str, Any]) -> float:
    """Return the scale of a layer without an alpha of its own; 1 where nothing is written."""
    part = layer.partition(".")[0]
    alpha = said.get(f"{part}.lora_alpha")
    patterns = said.get(f"{part}.alpha_pattern") or {}
    alpha = next((value for name, value in patterns.items() if layer.endswith(name)), alpha)
    if alpha is None:
        return 1.0
    return float(alpha) / (math.sqrt(rank) if said.get(f"{part}.use_rslora") else rank)


def _placed(changes: dict[str, Change], parts: Parts, found: Recognised) -> Lora:
    """Return the changes by the names of the networks' layers."""
    left = dict(changes)

    def taken(network: Any, names: Callable[[str], Iterator[str]]) -> dict[str, Change]:
        mine = {}
        for layer, module in network.named_modules():
            name = next((name for name in names(layer) if name in left), None)
            if name is not None and isinstance(weight := getattr(module, "weight", None), Tensor):
                mine[layer] = left.pop(name)
                _held_to(weight, mine[layer], layer, parts, found)
        return mine

    unet = taken(parts.unet, partial(_unet_names, parts=parts))
    text = tuple(taken(one.encoder, partial(_tower_names, number=n)) for n, one in enumerate(parts.text))
    if not unet and not any(text):
        raise WeightsError(f"{found.path} changes no layer of this model ({parts.kind}); it is {found}")
    return Lora(unet, text, tuple(left))


def _unet_names(layer: str, parts: Parts) -> Iterator[str]:
    """Yield every way in which files write the name of a layer of the U-Net."""
    unet: Any = parts.unet
    resnets = unet.config.layers_per_block
    count = resnets if isinstance(resnets, int) else resnets[0]
    in_file = (layer_in_file(layer, count, attended) for attended in (True, False))
    for name in dict.fromkeys((layer, *in_file)):
        yield f"lora_unet_{name.replace('.', '_')}"
        for prefix in PREFIXES:
            yield f"{prefix}{name}"


def _tower_names(layer: str, number: int) -> Iterator[str]:
    """Yield the same of a tower."""
    bare = layer.removeprefix("text_model.")
    for name in (f"text_model.{bare}", bare):
        for prefix in TOWERS[number]:
            yield f"{prefix}{name if prefix.endswith('.') else name.replace('.', '_')}"


def _held_to(weight: Tensor, change: Change, layer: str, parts: Parts, found: Recognised) -> None:
    """Hold a change to the shape of its layer's weight.

    Raises:
        WeightsError: it is of another.
    """
    theirs, ours = (change.up.shape[0], *change.down.shape[1:]), tuple(weight.shape)
    # A linear layer and a convolution of one pixel are the same.
    if theirs != ours and not (theirs[:2] == ours[:2] and math.prod(theirs[2:] + ours[2:]) == 1):
        raise WeightsError(
            f"{found.path} is {found} and does not fit this model ({parts.kind}): {layer} has the shape "
            f"{'x'.join(map(str, ours))} there, and {'x'.join(map(str, theirs))} in the file"
        )
