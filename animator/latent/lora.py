"""LoRA weights over the networks of a latent diffusion, each with a strength that may change at any step.

A layer's answer gets ``strength * scale * up(down(x))`` added. Its own weights stay as they are, so that
another strength takes no time.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch.nn.functional as F
from torch import Tensor, nn

from animator.latent.lora_files import Change, read_lora
from animator.latent.parts import Parts


class Loras:
    """LoRAs over networks, and how strongly each acts; at first none does.

    Args:
        parts: the networks; hooks are laid over their layers.
        paths: files or folders of LoRA weights.

    Raises:
        WeightsError: one is absent, damaged, or for other networks.
    """

    def __init__(self, parts: Parts, paths: Sequence[Path]) -> None:
        self._unet = [0.0] * len(paths)
        self._text = [0.0] * len(paths)
        for number, path in enumerate(paths):
            found = read_lora(path, parts)
            _lay_over(parts.unet, found.unet, number, self._unet)
            for tower, changes in zip(parts.text, found.text, strict=True):
                _lay_over(tower.encoder, changes, number, self._text)

    def paint_with(self, strengths: Sequence[float]) -> None:
        """Have the denoiser use these strengths, one a LoRA."""
        self._unet[:] = strengths

    def read_with(self, strengths: Sequence[float]) -> bool:
        """Have the text towers use these strengths; return whether they were others before."""
        changed = self._text != list(strengths)
        self._text[:] = strengths
        return changed


def _lay_over(network: Any, changes: Mapping[str, Change], number: int, strengths: list[float]) -> None:
    """Have the layers of a network answer with their changes added, by the strength at ``number``."""
    for name, change in changes.items():
        layer = network.get_submodule(name)
        weight = layer.weight
        # As buffers they go with the layer, to a device or a number format.
        for part, value in (("down", change.down), ("up", change.scale * change.up)):
            layer.register_buffer(f"lora_{number}_{part}", value.to(weight), persistent=False)

        def added(layer: nn.Module, given: tuple[Tensor, ...], answer: Tensor) -> Tensor:
            strength = strengths[number]
            if strength == 0:
                return answer
            down, up = (layer.get_buffer(f"lora_{number}_{part}") for part in ("down", "up"))
            return answer + strength * _changed(layer, given[0], down, up)

        layer.register_forward_hook(added)


def _changed(layer: nn.Module, x: Tensor, down: Tensor, up: Tensor) -> Tensor:
    """Return what two factors make of what a layer is given."""
    if isinstance(layer, nn.Conv2d):
        low = F.conv2d(x, _four(down), stride=layer.stride, padding=layer.padding, dilation=layer.dilation)
        return F.conv2d(low, _four(up))
    return F.linear(F.linear(x, down.flatten(1)), up.flatten(1))


def _four(weight: Tensor) -> Tensor:
    return weight if weight.ndim == 4 else weight[:, :, None, None]
