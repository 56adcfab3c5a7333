"""How the networks in a single file are built, from the shapes of their weights.

Names are those of the files (``input_blocks.1.1.proj_in.weight``), without the prefix of the network. What
shapes cannot say (heads, activations, the scale of latents) is in ``configs/``, one file a kind.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path
from typing import Any

from animator.errors import WeightsError
from animator.latent.headers import Shape, read_json

Shapes = Mapping[str, Shape]


@cache
def known(kind: str) -> Mapping[str, Any]:
    """Return what shapes do not say of a kind: ``unet``, ``vae``, ``text`` and ``schedule``."""
    return read_json(Path(__file__).parent / "configs" / f"{kind}.json")


def unet_layout(shapes: Shapes, kind: str, pooled: int = 0) -> dict[str, Any]:
    """Return the arguments of diffusers' `UNet2DConditionModel`, or what a ControlNet shares with it.

    Args:
        shapes: of the network.
        kind: ``sd1``, ``sd2`` or ``sdxl``.
        pooled: width of what SDXL's second tower says of a whole prompt; 0 takes the published one.

    Raises:
        WeightsError: its blocks are not those of such a network.
    """
    down = _levels(shapes)
    channels = [level[-1][0] for level in down]
    resnets = {len(level) for level in down}
    depths = [sorted({depth for _, depth in level}) for level in down]
    if len(resnets) != 1 or not channels:
        raise WeightsError("the U-Net has blocks of different lengths, which is read from folders only")
    middle = _depth(shapes, "middle_block.1")
    first = next((f"input_blocks.{i}.1" for i in range(1, 99) if _depth(shapes, f"input_blocks.{i}.1")), "")
    deep: list[Any] = [
        one[0] if len(one) == 1 else [d for _, d in level] for one, level in zip(depths, down, strict=True)
    ]
    crossed = [bool(max(one)) for one in depths]
    layers = [depth or 1 for depth in deep]
    layers[-1] = layers[-1] if crossed[-1] else middle or 1
    config = dict(known(kind)["unet"])
    width = config.pop("head_channels", 0)
    heads = config.pop("attention_head_dim", None) or [max(1, one // width) for one in channels]
    config |= {
        "in_channels": shapes["input_blocks.0.0.weight"][1],
        "block_out_channels": channels,
        "layers_per_block": resnets.pop(),
        "attention_head_dim": heads,
        "down_block_types": ["CrossAttnDownBlock2D" if one else "DownBlock2D" for one in crossed],
        "transformer_layers_per_block": layers if len({*map(str, layers)}) > 1 else layers[0],
    }
    if first:
        config["cross_attention_dim"] = shapes[f"{first}.transformer_blocks.0.attn2.to_k.weight"][1]
        config["use_linear_projection"] = len(shapes[f"{first}.proj_in.weight"]) == 2
    if "label_emb.0.0.weight" in shapes:
        joined = shapes["label_emb.0.0.weight"][1]
        config |= {
            "addition_embed_type": "text_time",
            "projection_class_embeddings_input_dim": joined,
            # Six numbers of sizes and crops follow the prompt.
            "addition_time_embed_dim": (joined - pooled) // 6 if pooled else 256,
        }
    return config


def whole_unet_layout(shapes: Shapes, kind: str, pooled: int = 0) -> dict[str, Any]:
    """Return the same for a U-Net, with what is on its way up."""
    config = unet_layout(shapes, kind, pooled)
    each = config["layers_per_block"] + 1
    up = [_depth(shapes, f"output_blocks.{i}.1") for i in range(len(config["block_out_channels"]) * each)]
    levels = [up[start : start + each] for start in range(0, len(up), each)]
    config["up_block_types"] = ["CrossAttnUpBlock2D" if max(one) else "UpBlock2D" for one in levels]
    config["out_channels"] = shapes["out.2.weight"][0]
    down = config["transformer_layers_per_block"]
    mirrored = [down] * len(levels) if isinstance(down, int) else list(reversed(down))
    if any(set(level) - {0} - {depth} for level, depth in zip(levels, mirrored, strict=True) if max(level)):
        config["reverse_transformer_layers_per_block"] = [
            level[0] if len(set(level)) == 1 else level for level in ([d or 1 for d in one] for one in levels)
        ]
    if not _depth(shapes, "middle_block.1"):
        config["mid_block_type"] = "UNetMidBlock2D" if "middle_block.0.in_layers.0.weight" in shapes else None
    if "time_embed.cond_proj.weight" in shapes:
        config["time_cond_proj_dim"] = shapes["time_embed.cond_proj.weight"][1]
    return config


def vae_layout(shapes: Shapes, kind: str) -> dict[str, Any]:
    """Return the arguments of diffusers' `AutoencoderKL`."""
    levels = _count(shapes, r"encoder\.down\.(\d+)\.")
    channels = [shapes[f"encoder.down.{i}.block.0.conv1.weight"][0] for i in range(levels)]
    return {
        **known(kind)["vae"],
        "block_out_channels": channels,
        "layers_per_block": _count(shapes, r"encoder\.down\.0\.block\.(\d+)\."),
        "latent_channels": shapes["decoder.conv_in.weight"][1],
        "down_block_types": ["DownEncoderBlock2D"] * levels,
        "up_block_types": ["UpDecoderBlock2D"] * levels,
        "use_quant_conv": "quant_conv.weight" in shapes,
        "use_post_quant_conv": "post_quant_conv.weight" in shapes,
    }


def text_layout(shapes: Shapes, hidden_act: str) -> dict[str, Any]:
    """Return the arguments of transformers' `CLIPTextConfig`, from shapes by transformers' names."""
    vocabulary, width = shapes["embeddings.token_embedding.weight"]
    projection = shapes.get("text_projection.weight", (width, width))
    return {
        "vocab_size": vocabulary,
        "hidden_size": width,
        "intermediate_size": shapes["encoder.layers.0.mlp.fc1.weight"][0],
        "num_hidden_layers": _count(shapes, r"encoder\.layers\.(\d+)\."),
        "num_attention_heads": max(1, width // 64),
        "max_position_embeddings": shapes["embeddings.position_embedding.weight"][0],
        "hidden_act": hidden_act,
        "projection_dim": projection[0],
        "layer_norm_eps": 1e-5,
        # The end of a text is its largest number: transformers looks for that where 2 is written here.
        "bos_token_id": 0,
        "eos_token_id": 2,
        "pad_token_id": 1,
    }


def _levels(shapes: Shapes) -> list[list[tuple[int, int]]]:
    """Return channels and depth of attention of each resnet on the way down, level by level."""
    levels: list[list[tuple[int, int]]] = [[]]
    for i in range(1, _count(shapes, r"input_blocks\.(\d+)\.")):
        if f"input_blocks.{i}.0.op.weight" in shapes:
            levels.append([])
        else:
            width = shapes[f"input_blocks.{i}.0.in_layers.2.weight"][0]
            levels[-1].append((width, _depth(shapes, f"input_blocks.{i}.1")))
    return levels


def _depth(shapes: Shapes, block: str) -> int:
    """Return how many layers a block's attention has, 0 without any."""
    start = f"{block}.transformer_blocks."
    return _largest(name[len(start) :].split(".")[0] for name in shapes if name.startswith(start))


def _count(shapes: Shapes, pattern: str) -> int:
    compiled = re.compile(pattern)
    return _largest(found[1] for name in shapes if (found := compiled.match(name)))


def _largest(numbers: Iterable[str]) -> int:
    return max((int(number) + 1 for number in numbers), default=0)
