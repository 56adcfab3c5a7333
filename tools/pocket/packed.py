"""A small latent diffusion packed into one file, whose prompts the text tower of a bundled perceptor reads.

One that was trained for an hour lies in `begun`: not good enough to ship, a place to begin (docs/latent.md).
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from animator.diffusion.perceptors import dense_token_table
from animator.errors import WeightsError
from animator.latent.headers import read_json
from animator.latent.parts import Parts, TextTower
from animator.latent.vocabulary import clip_tokenizer
from animator.weights.files import fit, read_state

if TYPE_CHECKING:
    from transformers import CLIPTextModel

PARTS = ("unet", "vae")
"""What is before the names of the two networks in the file."""

STEP = ".step"
"""What ends the name of the sizes of steps in which the rows of a weight are stored, as whole bytes."""

LAYERS = {
    "attn.out_proj": "self_attn.out_proj",
    "ln_1": "layer_norm1",
    "ln_2": "layer_norm2",
    "mlp.c_fc": "mlp.fc1",
    "mlp.c_proj": "mlp.fc2",
}
"""What open_clip calls the layers of a text tower's block, and transformers."""


def read_packed(path: Path, perceptor: Path) -> Parts:
    """Return the networks of a small latent diffusion, on the CPU, frozen and in float32.

    Args:
        path: safetensors with the weights of `PARTS`, all or some as `in_bytes` makes them; beside it
            ``.json`` with ``unet``, ``vae`` and ``schedule``: the arguments of diffusers' networks, and
            what `Parts.schedule` holds.
        perceptor: safetensors of the perceptor, and beside it its description.

    Raises:
        WeightsError: a file is absent or damaged, or does not fit its description.
    """
    from diffusers import AutoencoderKL, UNet2DConditionModel
    from diffusers.models.attention_processor import AttnProcessor

    described, state = read_json(path.with_suffix(".json")), from_bytes(read_state(path))
    unet: Any = UNet2DConditionModel(**described["unet"])
    vae: Any = AutoencoderKL(**described["vae"])
    for name, network in zip(PARTS, (unet, vae), strict=True):
        own = {key.removeprefix(f"{name}."): one for key, one in state.items() if key.startswith(f"{name}.")}
        fit(network, own, f"{name} of {path}")
    # With heads this narrow torch's own attention takes longer, on a CPU.
    unet.set_attn_processor(AttnProcessor())
    return Parts("sd1", unet, vae, (text_tower(perceptor),), described["schedule"])


def in_bytes(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Return weights of which those of two dimensions and more are whole bytes, with a step for each row.

    A file of them is half as large as one in float16.

    >>> small = in_bytes({"w": torch.tensor([[1.0, -0.5], [0.0, 254.0]])})
    >>> from_bytes(small)["w"].round(decimals=2).tolist()
    [[1.0, -0.5], [0.0, 254.0]]
    """
    found: dict[str, Tensor] = {}
    for name, one in state.items():
        if one.ndim < 2:
            found[name] = one
            continue
        step = (one.flatten(1).abs().amax(1) / 127).clamp(min=1e-12)
        found[name] = (one / step.view(-1, *[1] * (one.ndim - 1))).round().to(torch.int8)
        found[name + STEP] = step
    return found


def from_bytes(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Return the weights of `in_bytes` in float32, each within half a step of what it was."""
    steps = {name.removesuffix(STEP): one.float() for name, one in state.items() if name.endswith(STEP)}
    return {
        name: one.float() * steps[name].view(-1, *[1] * (one.ndim - 1)) if name in steps else one
        for name, one in state.items()
        if not name.endswith(STEP)
    }


def text_tower(perceptor: Path) -> TextTower:
    """Return the text tower of a perceptor of open_clip as transformers builds it, with its tokenizer.

    Args:
        perceptor: its safetensors; beside them its description.

    Raises:
        WeightsError: a file is absent or damaged, or does not fit its description.
    """
    from transformers import CLIPTextConfig, CLIPTextModel

    told = read_json(perceptor.with_suffix(".json"))["model_cfg"]["text_cfg"]
    width, length = int(told["width"]), int(told["context_length"])
    state = dense_token_table(read_state(perceptor), int(told["vocab_size"]), width)
    config = CLIPTextConfig(
        hidden_size=width,
        intermediate_size=4 * width,
        num_hidden_layers=int(told["layers"]),
        num_attention_heads=int(told["heads"]),
        vocab_size=int(told["vocab_size"]),
        max_position_embeddings=length,
        hidden_act="gelu",
        # Of CLIP's vocabulary; nothing is read of them but where a prompt ends.
        bos_token_id=49406,
        eos_token_id=49407,
        pad_token_id=0,
    )
    encoder: Any = CLIPTextModel(config)
    try:
        fit(encoder, _renamed(state, encoder, int(told["layers"])), f"the text tower of {perceptor}")
    except KeyError as fault:
        raise WeightsError(f"{perceptor} has no {fault}: it is no perceptor of open_clip") from fault
    tokenizer = clip_tokenizer("!")
    tokenizer.model_max_length = length
    return TextTower(tokenizer, encoder)


def _renamed(state: Mapping[str, Tensor], encoder: CLIPTextModel, layers: int) -> dict[str, Tensor]:
    """Return open_clip's weights of a text tower by the names of transformers, old or new."""
    found = {
        "embeddings.token_embedding.weight": state["token_embedding.weight"],
        "embeddings.position_embedding.weight": state["positional_embedding"],
        "final_layer_norm.weight": state["ln_final.weight"],
        "final_layer_norm.bias": state["ln_final.bias"],
    }
    for number in range(layers):
        old, new = f"transformer.resblocks.{number}.", f"encoder.layers.{number}."
        for kind in ("weight", "bias"):
            joined = state[f"{old}attn.in_proj_{kind}"].chunk(3)
            for letter, one in zip("qkv", joined, strict=True):
                found[f"{new}self_attn.{letter}_proj.{kind}"] = one
            found |= {f"{new}{b}.{kind}": state[f"{old}{a}.{kind}"] for a, b in LAYERS.items()}
    before = "text_model." if any(name.startswith("text_model.") for name in encoder.state_dict()) else ""
    result = {before + name: one.clone() for name, one in found.items()}
    positions = f"{before}embeddings.position_ids"
    if positions in encoder.state_dict():
        result[positions] = torch.arange(encoder.config.max_position_embeddings)[None]
    return result
