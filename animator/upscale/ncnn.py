"""Networks in the two files of ncnn: ``.param``, a graph in text, and ``.bin``, its weights.

Of the many layers of ncnn those are read that networks for larger pictures are made of; any other layer, and
any setting of a layer that is not carried out here, is refused. The formats are those of ncnn's own documents
("param and model file structure", "operators").
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

import numpy as np
import torch
from torch import Tensor

from animator.errors import WeightsError

MAGIC = "7767517"
"""The first line of a ``.param`` file."""

FLOAT16 = 0x01306B47
"""The tag before weights of 16 bits; 0 is before weights of 32 bits. Others are not read."""

ARRAY = -23300
"""A key from here downwards is that of a list: ``-23310=1,0.2`` is key 10."""

NONE, RELU, LEAKY = 0, 1, 2
"""What may follow a convolution, as its key 9 says."""

NEAREST, BILINEAR, BICUBIC = 1, 2, 3
"""How pictures are resized, as key 0 of Interp says."""

CARRIED_OUT: Mapping[str, Mapping[int, tuple[int, ...]]] = {
    "Input": {},
    "Split": {},
    "Convolution": {0: (), 1: (), 2: (1,), 3: (1,), 4: (), 5: (), 6: (), 9: (NONE, RELU, LEAKY), 10: ()},
    "PReLU": {0: ()},
    "PixelShuffle": {0: ()},
    "Interp": {0: (NEAREST, BILINEAR, BICUBIC), 1: (), 2: ()},
    "BinaryOp": {0: (0,)},
    "Eltwise": {0: (1,), 1: ()},
    "Concat": {0: (0,)},
}
"""The keys of each layer that are carried out, each with the values that it may have, none where it may have
any. What is not among them must be 0."""


@dataclass(frozen=True)
class Layer:
    """A step of a network.

    Attributes:
        kind: what it does, such as ``Convolution``.
        inputs: names of what it reads.
        outputs: names of what it makes.
        values: its settings by their number: a number, or a tuple of them.
    """

    kind: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    values: Mapping[int, float | tuple[float, ...]]

    def number(self, key: int, default: float = 0) -> float:
        """Return a setting that is a single number."""
        value = self.values.get(key, default)
        return value[0] if isinstance(value, tuple) else value

    def numbers(self, key: int) -> tuple[float, ...]:
        """Return a setting that is a list."""
        value = self.values.get(key, ())
        return value if isinstance(value, tuple) else (value,)


def read_layers(path: Path) -> list[Layer]:
    """Read a ``.param`` file: the layers in the order in which they are carried out.

    Raises:
        WeightsError: the file is absent, damaged, or has a layer or a setting that is not known here.
    """
    try:
        lines = path.read_text(encoding="ascii").split("\n")
        counted = int(lines[1].split()[0]) if lines[0].strip() == MAGIC else -1
        layers = [_layer(line.split()) for line in lines[2:] if line.strip()]
    except FileNotFoundError as fault:
        raise WeightsError(f"there is no network at {path}") from fault
    except (OSError, ValueError, IndexError) as fault:
        raise WeightsError(f"the network at {path} cannot be read ({fault}); fetch it again") from fault
    if counted != len(layers):
        raise WeightsError(f"the network at {path} cannot be read (its layers are not all there)")
    for layer in layers:
        known = CARRIED_OUT.get(layer.kind)
        if known is None:
            _refuse(path, f"the layer {layer.kind}")
        for key, value in layer.values.items():
            if (choice := known.get(key, (0,))) and value not in choice:
                _refuse(path, f"setting {key}={value} of {layer.kind}")
        if layer.kind == "Convolution" and layer.number(1) != 2 * layer.number(4) + 1:
            _refuse(path, "a Convolution that changes the size")
        if layer.kind == "Interp" and layer.number(1) != layer.number(2):
            _refuse(path, "an Interp that changes the shape")
    return layers


def read_weights(path: Path, layers: list[Layer]) -> list[dict[str, Tensor]]:
    """Read a ``.bin`` file: for each layer its ``weight`` and ``bias``, float32, none for most.

    Raises:
        WeightsError: the file is absent, or has more or less in it than the layers take.
    """
    try:
        data = path.read_bytes()
    except OSError as fault:
        raise WeightsError(f"there are no weights at {path} ({fault.strerror})") from fault
    found, at = [], 0
    try:
        for layer in layers:
            weights: dict[str, Tensor] = {}
            if layer.kind == "Convolution":
                outputs, side = int(layer.number(0)), int(layer.number(1))
                flat, at = _tagged(data, at, int(layer.number(6)))
                weights["weight"] = flat.view(outputs, -1, side, side)
                if layer.number(5):
                    weights["bias"], at = _plain(data, at, outputs)
            elif layer.kind == "PReLU":
                weights["weight"], at = _plain(data, at, int(layer.number(0)))
            found.append(weights)
    except (ValueError, RuntimeError) as fault:
        raise WeightsError(
            f"the weights at {path} do not fit their network ({fault}); fetch them again"
        ) from fault
    if at != len(data):
        raise WeightsError(f"the weights at {path} do not fit their network: {len(data) - at} bytes are left")
    return found


def _layer(words: list[str]) -> Layer:
    """Return a layer from a line: kind, name, numbers of inputs and outputs, their names, settings."""
    reads, makes = int(words[2]), int(words[3])
    names, settings = words[4 : 4 + reads + makes], words[4 + reads + makes :]
    values: dict[int, float | tuple[float, ...]] = {}
    for word in settings:
        key, _, text = word.partition("=")
        number = int(key)
        if number <= ARRAY:
            length, *listed = text.split(",")
            if int(length) != len(listed):
                raise ValueError(f"a list of {length} with {len(listed)} numbers")
            values[ARRAY - number] = tuple(map(float, listed))
        else:
            values[number] = float(text)
    return Layer(words[0], tuple(names[:reads]), tuple(names[reads:]), values)


def _tagged(data: bytes, at: int, count: int) -> tuple[Tensor, int]:
    """Return weights that follow a tag, and where the next ones begin: on a whole multiple of four bytes."""
    tag = int(np.frombuffer(data, "<u4", 1, at)[0])
    if tag == 0:
        return _plain(data, at + 4, count)
    if tag != FLOAT16:
        raise ValueError(f"weights of the kind {tag:#010x} are not read")
    halves = np.frombuffer(data, "<f2", count, at + 4)
    return torch.from_numpy(halves.astype(np.float32)), at + 4 + (2 * count + 3) // 4 * 4


def _plain(data: bytes, at: int, count: int) -> tuple[Tensor, int]:
    floats = np.frombuffer(data, "<f4", count, at)
    return torch.from_numpy(floats.astype(np.float32)), at + 4 * count


def _refuse(path: Path, what: str) -> NoReturn:
    raise WeightsError(f"the network at {path} has {what}, which cannot be carried out here")
