"""The depth of a frame the plain way: DPT-Large as MiDaS' own code computes it on a processor, call for call.

The transformer is timm's of that time: queries, keys and values are one product, attention is a product, a
softmax and a product. Pictures have the channels first; each fusion enlarges and then projects.
"""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from animator.depth.blend import midas_to_depth
from animator.depth.transformers_depth import HALF, least_scaled, normalised, resized
from animator.types import DepthMap, Frame


class PlainMidas:
    """Tells the depth of frames the plain way.

    Args:
        network: a `DPTForDepthEstimation` of transformers, not hybrid; its weights are shared.
    """

    def __init__(self, network: Any) -> None:
        self.network = network
        self.joined = [_joined(layer.attention.attention) for layer in network.dpt.encoder.layer]

    @torch.no_grad()
    def __call__(self, frame: Frame) -> DepthMap:
        """Return the depth of a frame."""
        pixels = normalised(resized(frame, least_scaled(frame, 384, 32)), HALF)
        size = frame.shape[1:]
        predicted = F.interpolate(self.predict(pixels)[:, None], size, mode="bicubic", align_corners=False)
        return midas_to_depth(predicted[0, 0])

    def predict(self, pixels: Tensor) -> Tensor:
        """Return what the network predicts of pictures, N x H x W for N x 3 x H x W."""
        network, kept = self.network, []
        rows, columns = (side // 16 for side in pixels.shape[2:])
        x = network.dpt.embeddings(pixels).last_hidden_states
        for number, (layer, joined) in enumerate(zip(network.dpt.encoder.layer, self.joined, strict=True)):
            x = _block(x, layer, joined)
            if number in network.config.backbone_out_indices:
                kept.append(x)
        network.dpt.layernorm(x)
        stage, levels = network.neck.reassemble_stage, []
        for x, project, layer, convolution in zip(
            kept, stage.readout_projects, stage.layers, network.neck.convs, strict=True
        ):
            whole = x[:, :1].expand_as(x[:, 1:])
            patches = project(torch.cat((x[:, 1:], whole), -1)).transpose(1, 2)
            levels.append(convolution(layer(patches.unflatten(2, (rows, columns)))))
        fused: Tensor | None = None
        for level, fusion in zip(reversed(levels), network.neck.fusion_stage.layers, strict=True):
            fused = level if fused is None else fused + _refined(level, fusion.residual_layer1)
            fused = _refined(fused, fusion.residual_layer2)
            enlarged = F.interpolate(fused, scale_factor=2, mode="bilinear", align_corners=True)
            fused = fusion.projection(enlarged)
        predicted: Tensor = network.head.head(fused)
        return predicted[:, 0]


def _joined(attention: Any) -> nn.Linear:
    """Return one layer for an attention's queries, keys and values."""
    layers = attention.query, attention.key, attention.value
    whole = nn.Linear(1, 1, device="meta")
    weight, bias = (torch.cat([getattr(one, name) for one in layers]) for name in ("weight", "bias"))
    whole.weight, whole.bias = nn.Parameter(weight, False), nn.Parameter(bias, False)
    return whole


def _block(x: Tensor, layer: Any, joined: nn.Linear) -> Tensor:
    attention = layer.attention.attention
    number, length, width = x.shape
    shape = number, length, 3, attention.num_attention_heads, attention.attention_head_size
    query, key, value = joined(layer.layernorm_before(x)).view(shape).permute(2, 0, 3, 1, 4)
    shares = (query @ key.transpose(-2, -1) * attention.scaling).softmax(dim=-1)
    seen = (shares @ value).transpose(1, 2).reshape(number, length, width)
    x = x + layer.attention.output.dense(seen)
    result: Tensor = x + layer.output.dense(F.gelu(layer.intermediate.dense(layer.layernorm_after(x))))
    return result


def _refined(x: Tensor, layer: Any) -> Tensor:
    result: Tensor = layer.convolution2(F.relu(layer.convolution1(F.relu(x)))) + x
    return result
