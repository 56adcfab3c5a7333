"""The names of a U-Net's layers in single files, from those of diffusers."""

from __future__ import annotations

import re

OUTSIDE = {
    "conv_in": "input_blocks.0.0",
    "time_embedding.linear_1": "time_embed.0",
    "time_embedding.linear_2": "time_embed.2",
    "add_embedding.linear_1": "label_emb.0.0",
    "add_embedding.linear_2": "label_emb.0.2",
    "conv_norm_out": "out.0",
    "conv_out": "out.2",
}
MIDDLE = {"resnets.0": "0", "attentions.0": "1", "resnets.1": "2"}
RESNET = {
    "norm1": "in_layers.0",
    "conv1": "in_layers.2",
    "time_emb_proj": "emb_layers.1",
    "norm2": "out_layers.0",
    "conv2": "out_layers.3",
    "conv_shortcut": "skip_connection",
}
BLOCK = re.compile(r"(down|up)_blocks\.(\d+)\.(resnets|attentions|downsamplers|upsamplers)\.(\d+)\.(.+)")


def layer_in_file(layer: str, resnets: int, attended: bool = True) -> str:
    """Return the name of a layer in a single file; of one that has none there, its own.

    Args:
        layer: its name in diffusers' `UNet2DConditionModel`.
        resnets: of each level on the way down.
        attended: whether attention lies between a resnet and the layer that enlarges, which counts them.

    >>> layer_in_file("down_blocks.1.attentions.0.transformer_blocks.0.attn1.to_q", 2)
    'input_blocks.4.1.transformer_blocks.0.attn1.to_q'
    >>> layer_in_file("up_blocks.0.upsamplers.0.conv", 2, attended=False)
    'output_blocks.2.1.conv'
    """
    if layer in OUTSIDE:
        return OUTSIDE[layer]
    middle = re.fullmatch(r"mid_block\.(\w+\.\d)\.(.+)", layer)
    if middle and middle[1] in MIDDLE:
        return f"middle_block.{MIDDLE[middle[1]]}.{RESNET.get(middle[2], middle[2])}"
    block = BLOCK.fullmatch(layer)
    if block is None:
        return layer
    way, level, part, index, rest = block.groups()
    first = int(level) * (resnets + 1) + (way == "down")
    if part == "downsamplers":
        return f"input_blocks.{first + resnets}.0.op"
    side = "input" if way == "down" else "output"
    if part == "upsamplers":
        return f"{side}_blocks.{first + resnets}.{2 if attended else 1}.{rest}"
    number = first + int(index)
    return f"{side}_blocks.{number}.{1 if part == 'attentions' else 0}.{RESNET.get(rest, rest)}"
