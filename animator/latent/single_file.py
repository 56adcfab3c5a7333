"""A latent diffusion out of one file, whose names are those of the programs that trained it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from animator.errors import WeightsError
from animator.latent.file_names import layer_in_file
from animator.latent.headers import PICKLES, Shape, read_json, tensors_of
from animator.latent.layouts import known, text_layout, unet_layout, vae_layout, whole_unet_layout
from animator.latent.parts import Parts, TextTower
from animator.latent.pickles import read_pickle
from animator.latent.recognise import LDM, Recognised
from animator.latent.vocabulary import clip_tokenizer
from animator.weights.files import DAMAGED, differences

if TYPE_CHECKING:
    from diffusers import AutoencoderKL, ControlNetModel

VAE_PREFIXES = ("first_stage_model.", "vae.", "")
VAE_NAMES = ("encoder.", "decoder.", "quant_conv.", "post_quant_conv.")
TOWERS: Mapping[str, tuple[str, ...]] = {
    "sd1": ("cond_stage_model.transformer.",),
    "sd2": ("cond_stage_model.model.",),
    "sdxl": ("conditioner.embedders.0.transformer.", "conditioner.embedders.1.model."),
}
"""Where the towers that read prompts are in a file, in the order in which their states are joined."""

State = dict[str, Tensor]


def read_tensors(path: Path) -> State:
    """Return the tensors of a file by their names, on the CPU and as they are stored.

    Raises:
        WeightsError: it is damaged, or might run code.
    """
    if path.suffix.lower() in PICKLES:
        return dict(tensors_of(read_pickle(path)))
    from safetensors.torch import load_file

    try:
        return load_file(path)
    except DAMAGED as fault:
        raise WeightsError(f"the weights at {path} cannot be read; fetch them again") from fault


def read_single_file(found: Recognised, dtype: torch.dtype) -> Parts:
    """Return the networks in a file.

    A JSON beside the file, of the same name, may say what neither its weights nor its name do; its
    entries ``unet``, ``vae`` and ``schedule`` go before what is known of the kind.

    Args:
        found: what the file is, from `animator.latent.recognise.recognise`.
        dtype: of the weights in the networks.

    Raises:
        WeightsError: networks are missing from it, or do not fit.
    """
    return parts_of(read_tensors(found.path), found, dtype, beside(found.path))


def parts_of(state: State, found: Recognised, dtype: torch.dtype, said: Mapping[str, Any]) -> Parts:
    """Return the networks that the tensors of a file make; on the meta device from tensors that are there.

    Args:
        state: from `read_tensors`.
        found: what the file is.
        dtype: of the weights in the networks.
        said: from `beside`.

    Raises:
        WeightsError: networks are missing, or do not fit.
    """
    from diffusers import UNet2DConditionModel

    text = tuple(_tower(state, found, number, dtype) for number in range(len(TOWERS[found.kind])))
    pooled = int(text[-1].encoder.config.projection_dim or 0) if found.kind == "sdxl" else 0
    ldm = averaged(state)
    layout = whole_unet_layout(shapes_of(ldm), found.kind, pooled) | said.get("unet", {})
    unet = fill(UNet2DConditionModel, layout, unet_names(ldm, layout), dtype, f"the U-Net in {found.path}")
    vae = read_vae_state(state, found.kind, dtype, str(found.path), said.get("vae", {}))
    schedule = schedule_of(found) | said.get("schedule", {})
    return Parts(found.kind, unet, vae, text, schedule, found.few_steps)


def beside(path: Path) -> dict[str, Any]:
    """Return what a JSON beside a file says of it; nothing where there is none."""
    described = path.with_suffix(".json")
    return read_json(described) if described.is_file() else {}


def schedule_of(found: Recognised) -> dict[str, Any]:
    """Return the noise that a model was trained with, in the words of diffusers' schedulers."""
    schedule = dict(known(found.kind)["schedule"])
    if found.prediction:
        schedule["prediction_type"] = found.prediction
    if found.few_steps == "turbo":
        schedule["timestep_spacing"] = "trailing"
    if found.zero_snr:
        schedule |= {"timestep_spacing": "trailing", "rescale_betas_zero_snr": True}
    return schedule


def shapes_of(state: Mapping[str, Tensor]) -> dict[str, Shape]:
    """Return the shapes of tensors by their names."""
    return {name: tuple(tensor.shape) for name, tensor in state.items()}


def averaged(state: Mapping[str, Tensor]) -> State:
    """Return the U-Net's weights by their own names; of trained and averaged ones (EMA) the averaged.

    The averaged weights' names are those of the others without dots.
    """
    names = {name.removeprefix(LDM): name for name in state if name.startswith(LDM)}
    flat = {
        name: "model_ema." + original.removeprefix("model.").replace(".", "")
        for name, original in names.items()
    }
    return {name: state.get(flat[name], state[original]) for name, original in names.items()}


def unet_names(ldm: Mapping[str, Tensor], layout: Mapping[str, Any]) -> State:
    """Return a U-Net's weights by diffusers' names."""
    from diffusers.loaders.single_file_utils import convert_ldm_unet_checkpoint

    named = convert_ldm_unet_checkpoint(
        {f"{LDM}{name}": tensor for name, tensor in ldm.items()}, dict(layout)
    )
    if "time_embed.cond_proj.weight" in ldm:
        named["time_embedding.cond_proj.weight"] = ldm["time_embed.cond_proj.weight"]
    return dict(named)


def read_vae_state(
    state: Mapping[str, Tensor],
    kind: str,
    dtype: torch.dtype,
    label: str,
    said: Mapping[str, Any] | None = None,
) -> AutoencoderKL:
    """Return the autoencoder in a file.

    Args:
        state: tensors of the file.
        kind: whose scale of latents it has.
        dtype: of the weights in the network.
        label: what the file is called in messages.
        said: entries that go before what is known of the kind.

    Raises:
        WeightsError: it holds none, or one of another shape.
    """
    from diffusers import AutoencoderKL
    from diffusers.loaders.single_file_utils import convert_ldm_vae_checkpoint

    prefix = next((one for one in VAE_PREFIXES if f"{one}decoder.conv_in.weight" in state), None)
    if prefix is None:
        raise WeightsError(f"{label} holds no autoencoder (VAE); name the whole model")
    own = {
        name.removeprefix(prefix): tensor
        for name, tensor in state.items()
        if name.startswith(tuple(f"{prefix}{one}" for one in VAE_NAMES))
    }
    if "encoder.down.0.block.0.conv1.weight" not in own:
        raise WeightsError(
            f"{label} holds an autoencoder (VAE) of another shape, which is read from folders only"
        )
    layout = vae_layout(shapes_of(own), kind) | dict(said or {})
    named = convert_ldm_vae_checkpoint(own, layout)
    network: AutoencoderKL = fill(AutoencoderKL, layout, named, dtype, f"the VAE in {label}")
    return network


def read_control_state(
    state: Mapping[str, Tensor], kind: str, dtype: torch.dtype, label: str
) -> ControlNetModel:
    """Return the ControlNet in a file, by the names of its trainers or of diffusers.

    Raises:
        WeightsError: its shape is another.
    """
    from diffusers import ControlNetModel

    own = {name.removeprefix("control_model."): tensor for name, tensor in state.items()}
    by_trainers = "input_blocks.0.0.weight" in own
    shapes = shapes_of(own) if by_trainers else _control_shapes(own)
    layout = unet_layout(shapes, kind)
    hints = [f"input_hint_block.{i}" for i in (0, 4, 8, 12)]
    if not by_trainers:
        inner = (f"controlnet_cond_embedding.{one}" for one in ("blocks.1", "blocks.3", "blocks.5"))
        hints = ["controlnet_cond_embedding.conv_in", *inner]
    try:
        widths = [own[f"{hint}.weight"].shape[0] for hint in hints]
    except KeyError as fault:
        raise WeightsError(f"{label} is incomplete: {fault} is missing; fetch it again") from fault
    layout = {**layout, "conditioning_embedding_out_channels": widths}
    layout.pop("sample_size", None)
    named = _control_names(own, layout) if by_trainers else own
    network: ControlNetModel = fill(ControlNetModel, layout, named, dtype, label)
    return network


def _control_names(own: State, layout: Mapping[str, Any]) -> State:
    """Return a ControlNet's weights by diffusers' names."""
    from diffusers.loaders.single_file_utils import convert_controlnet_checkpoint

    named = dict(convert_controlnet_checkpoint(own, dict(layout)))
    for number, layer in ((0, "linear_1"), (2, "linear_2")):  # SDXL's, which the converter leaves out
        named |= {
            f"add_embedding.{layer}.{one}": own[f"label_emb.0.{number}.{one}"]
            for one in ("weight", "bias")
            if f"label_emb.0.{number}.{one}" in own
        }
    return named


def _control_shapes(own: Mapping[str, Tensor]) -> dict[str, Shape]:
    """Return the shapes of a ControlNet that has diffusers' names, by those of its trainers."""
    first = {name.split(".")[3] for name in own if name.startswith("down_blocks.0.resnets.")}
    shapes = {}
    for name, shape in shapes_of(own).items():
        layer, _, kind = name.rpartition(".")
        shapes[f"{layer_in_file(layer, len(first))}.{kind}"] = shape
    return shapes


def _tower(state: Mapping[str, Tensor], found: Recognised, number: int, dtype: torch.dtype) -> TextTower:
    """Return one of the towers that read prompts."""
    from transformers import CLIPTextConfig, CLIPTextModel, CLIPTextModelWithProjection

    prefix, described = TOWERS[found.kind][number], known(found.kind)["text"][number]
    label = f"text network {number + 1} in {found.path}"
    named = (
        _open_clip_names(state, found.kind, prefix)
        if prefix.endswith("model.")
        else _clip_names(state, prefix)
    )
    if "embeddings.token_embedding.weight" not in named or "encoder.layers.0.mlp.fc1.weight" not in named:
        raise WeightsError(
            f"{found.path} is incomplete: {label} is missing; name a file that holds the whole model"
        )
    config = text_layout(shapes_of(named), described["hidden_act"])
    build = CLIPTextModelWithProjection if number else CLIPTextModel
    with torch.device("meta"):
        wanted = build(CLIPTextConfig(**config)).state_dict()
    inner = "text_model." if any(name.startswith("text_model.") for name in wanted) else ""
    full = {
        name if name.startswith("text_projection") else f"{inner}{name}": one for name, one in named.items()
    }
    # Some files keep more of CLIP than the tower, such as a projection that nothing reads.
    full = {name: one for name, one in full.items() if name in wanted}
    encoder = fill(lambda **said: build(CLIPTextConfig(**said)), config, full, dtype, label)
    return TextTower(clip_tokenizer(described["pad_token"]), encoder, described["penultimate"])


def _clip_names(state: Mapping[str, Tensor], prefix: str) -> State:
    """Return a tower of OpenAI's CLIP by transformers' names, without what is before them."""
    return {
        name.removeprefix(prefix).removeprefix("text_model."): tensor
        for name, tensor in state.items()
        if name.startswith(prefix) and not name.endswith("position_ids")
    }


def _open_clip_names(state: Mapping[str, Tensor], kind: str, prefix: str) -> State:
    """Return a tower of open_clip by transformers' names; of Stable Diffusion 2's without its last layer.

    Stable Diffusion 2 reads the states before that layer.
    """
    from diffusers.loaders.single_file_utils import convert_open_clip_checkpoint

    own = {
        f"tower.{name.removeprefix(prefix)}": one for name, one in state.items() if name.startswith(prefix)
    }
    blocks = {int(name.split(".")[3]) for name in own if name.startswith("tower.transformer.resblocks.")}
    if kind == "sd2" and blocks:
        last = f"tower.transformer.resblocks.{max(blocks)}."
        own = {name: one for name, one in own.items() if not name.startswith(last)}
    if "tower.token_embedding.weight" not in own:
        return {}
    width = own["tower.token_embedding.weight"].shape[1]
    named = convert_open_clip_checkpoint(_Width(width), own, prefix="tower.")
    if kind == "sd2":
        named.pop("text_projection.weight", None)
    return {name.removeprefix("text_model."): one for name, one in named.items()}


class _Width:
    """What diffusers asks of a tower while it cuts its weights: how wide it is."""

    def __init__(self, width: int) -> None:
        self.config = self
        self.hidden_size = width


def fill(
    build: Any, layout: Mapping[str, Any], state: Mapping[str, Tensor], dtype: torch.dtype, label: str
) -> Any:
    """Return a network with the weights of a state dict, frozen and in evaluation mode.

    Args:
        build: takes the entries of ``layout``; it is called on the meta device.
        layout: what the network is built from.
        state: every name and shape of it, and no other.
        dtype: of its weights.
        label: what it is called in messages.

    Raises:
        WeightsError: names are missing or too many, or shapes differ.
    """
    with torch.device("meta"):
        network: nn.Module = build(**layout)
    if faults := differences(network, state):
        raise WeightsError(f"{label} does not fit its network: {faults}")
    # Copies: a file that changes while it is painted with changes nothing, and where a file's weights begin
    # does not decide how they are computed with.
    cast = {
        name: one.to(dtype if one.is_floating_point() else one.dtype, copy=True)
        for name, one in state.items()
    }
    network.load_state_dict(cast, strict=True, assign=True)
    for module in network.modules():
        for name, buffer in list(module.named_buffers(recurse=False)):
            if buffer.is_meta and name == "position_ids" and state:
                setattr(module, name, torch.arange(buffer.shape[-1]).expand(1, -1))
    return network.eval().requires_grad_(False)
