"""A network of ncnn as a module of torch."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from animator.errors import WeightsError
from animator.upscale.ncnn import BICUBIC, BILINEAR, LEAKY, NEAREST, RELU, Layer, read_layers, read_weights

MODES = {NEAREST: "nearest", BILINEAR: "bilinear", BICUBIC: "bicubic"}
REACHES = {NEAREST: 0, BILINEAR: 1, BICUBIC: 2}
"""How pictures are resized, and how many pixels away that looks."""

BYTES = 4
"""Of a number."""


class Network(nn.Module):
    """A network that makes pictures larger.

    Args:
        layers: the steps, in their order; the first is the input, what the last one makes is the result.
        weights: ``weight`` and ``bias`` of each step.

    Attributes:
        scale: how much larger pictures become, the same in width and height; 0.5 halves them.
        reach: how far, in pixels of the input, a pixel of the result looks in each direction.
        bytes_a_pixel: bytes of all that is held at once, for each pixel of the input.
    """

    def __init__(self, layers: Sequence[Layer], weights: Sequence[dict[str, Tensor]]) -> None:
        super().__init__()
        self.layers = list(layers)
        self._weights = [
            nn.ParameterDict({name: nn.Parameter(one, requires_grad=False) for name, one in held.items()})
            for held in weights
        ]
        self.weights = nn.ModuleList(self._weights)  # so that they move with the network
        self._done_with = _done_with(layers)
        self.scale, self.reach, self.bytes_a_pixel = _measured(layers)

    def forward(self, pictures: Tensor) -> Tensor:
        """Enlarge pictures, N x 3 x H x W, sRGB in [0, 1]; the result may lie a little outside of that."""
        held: dict[str, Tensor] = {}
        result = pictures
        for number, layer in enumerate(self.layers):
            read = [held[name] for name in layer.inputs]
            for name in self._done_with[number]:
                del held[name]
            result = pictures if layer.kind == "Input" else self._step(number, layer, read)
            held |= dict.fromkeys(layer.outputs, result)
        return result

    def _step(self, number: int, layer: Layer, read: list[Tensor]) -> Tensor:
        weights = self._weights[number]
        first = read[0]
        match layer.kind:
            case "Convolution":
                result = F.conv2d(first, weights["weight"], weights.get("bias"), padding=int(layer.number(4)))
                return _activated(result, layer)
            case "PReLU":
                return F.prelu(first, weights["weight"])
            case "PixelShuffle":
                return F.pixel_shuffle(first, int(layer.number(0)))
            case "Interp":
                return _resized(first, layer)
            case "Concat":
                return torch.cat(read, dim=1)
            case "BinaryOp":
                return first + read[1]
            case "Eltwise":
                shares = layer.numbers(1) or (1.0,) * len(read)
                result = first if shares[0] == 1 else first * shares[0]
                for share, other in zip(shares[1:], read[1:], strict=True):
                    result = torch.add(result, other, alpha=share)
                return result
            case _:  # Split: the same under several names
                return first


def load_network(param: Path, weights: Path) -> Network:
    """Load a network from its two files.

    Raises:
        WeightsError: one is absent or damaged, they do not fit each other, or the network is one that cannot
            be carried out here.
    """
    layers = read_layers(param)
    held = read_weights(weights, layers)
    try:
        return Network(layers, held).eval()
    except (KeyError, IndexError, ZeroDivisionError) as fault:
        raise WeightsError(
            f"the network at {param} cannot be read (it reads {fault}, which nothing makes)"
        ) from fault


def _done_with(layers: Sequence[Layer]) -> list[list[str]]:
    """Return for each step the names that no later one reads."""
    last = {name: number for number, layer in enumerate(layers) for name in layer.inputs}
    return [
        [name for name in dict.fromkeys(layer.inputs) if last[name] == number]
        for number, layer in enumerate(layers)
    ]


def _measured(layers: Sequence[Layer]) -> tuple[float, int, int]:
    """Return scale, reach and bytes a pixel of a network, see `Network`."""
    held: dict[str, tuple[float, float, float]] = {}  # channels, scale and reach of what is there
    channels, scale, reach, most = 3.0, 1.0, 0.0, 0.0
    for layer, done_with in zip(layers, _done_with(layers), strict=True):
        if layer.kind != "Input":
            channels, scale, _ = held[layer.inputs[0]]
            reach = max(held[name][2] for name in layer.inputs)
        if layer.kind == "Convolution":
            channels, reach = layer.number(0), reach + layer.number(4) / scale
        elif layer.kind == "Concat":
            channels = sum(held[name][0] for name in layer.inputs)
        elif layer.kind == "PixelShuffle":
            channels, scale = channels / layer.number(0) ** 2, scale * layer.number(0)
        elif layer.kind == "Interp":
            reach += REACHES[int(layer.number(0))] / min(scale, scale * layer.number(1))
            scale *= layer.number(1)
        held |= dict.fromkeys(layer.outputs, (channels, scale, reach))
        # What Split makes is one tensor under several names.
        alive = sum(one[0] * one[1] ** 2 for one in set(held.values()))
        most = max(most, alive)
        for name in done_with:
            del held[name]
    return scale, math.ceil(reach), math.ceil(BYTES * most)


def _activated(result: Tensor, layer: Layer) -> Tensor:
    kind = int(layer.number(9))
    if kind == RELU:
        return F.relu_(result)
    return F.leaky_relu_(result, layer.number(10)) if kind == LEAKY else result


def _resized(picture: Tensor, layer: Layer) -> Tensor:
    down, across = layer.number(1), layer.number(2)
    size = [int(picture.shape[-2] * down), int(picture.shape[-1] * across)]
    mode = MODES[int(layer.number(0))]
    corners = None if mode == "nearest" else False
    return F.interpolate(picture, size, mode=mode, align_corners=corners)
