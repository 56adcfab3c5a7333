"""What latent diffusion does with less memory: more passes, more traffic, nearly the same picture."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import nn

CPU = torch.device("cpu")


@dataclass(frozen=True)
class Saving:
    """One level of saving memory; the first one saves nothing.

    Attributes:
        together: whether the network is asked with and without the prompts in one pass.
        parts: passes in which perceptors look at the cuts of a picture, where CLIP guides.
        tiles: whether the autoencoder works on overlapping tiles of a picture one after the other; where they
            are blended pictures differ by very little.
        slices: whether attention is computed head by head.
        offload: whether networks are on the device only while they work.
    """

    together: bool = True
    parts: int = 1
    tiles: bool = False
    slices: bool = False
    offload: bool = False

    def next(self, device: torch.device, most_parts: int = 1) -> Saving | None:
        """Return the next level, dearer in time than this one, or None where nothing more can be saved.

        Args:
            device: where the networks work.
            most_parts: as many ``parts`` as there can be.

        >>> print(Saving().next(CPU))
        passes one by one
        """
        if self.together:
            return replace(self, together=False)
        if self.parts < most_parts:
            return replace(self, parts=self.parts * 4)
        if not self.tiles:
            return replace(self, tiles=True)
        if not self.slices:
            return replace(self, slices=True)
        if not self.offload and device.type != "cpu":
            return replace(self, offload=True)
        return None

    def __str__(self) -> str:
        """Say what is done to save memory."""
        measures = {
            "passes one by one": not self.together,
            f"cuts in {self.parts} parts": self.parts > 1,
            "the autoencoder in tiles": self.tiles,
            "attention in slices": self.slices,
            "idle networks off the device": self.offload,
        }
        return ", ".join(text for text, taken in measures.items() if taken) or "nothing"


class Stage:
    """Where the networks of a painting are: all on the device, or each only while it works.

    Args:
        device: where they work.
        groups: networks by what they do; those of one group work together.
    """

    def __init__(self, device: torch.device, groups: dict[str, list[nn.Module]]) -> None:
        self.device = device
        self.groups = groups
        self.apart = True
        self.settle(Saving())

    def call(self, name: str) -> None:
        """Where networks are kept apart, bring those of a group to the device, and send the others away."""
        if not self.apart:
            return
        staying = {id(network) for network in self.groups[name]}
        for networks in self.groups.values():
            _move([network for network in networks if id(network) not in staying], CPU)
        _move(self.groups[name], self.device)

    def settle(self, saving: Saving) -> None:
        """Set up a level of saving."""
        before, self.apart = self.apart, saving.offload
        if before != self.apart and not self.apart:
            for networks in self.groups.values():
                _move(networks, self.device)


def slice_attention(network: Any, wanted: bool) -> None:
    """Have a diffusers network compute its attention in slices, or at once."""
    network.set_attention_slice("max" if wanted else None)


def _move(networks: list[nn.Module], device: torch.device) -> None:
    for network in networks:
        network.to(device)
