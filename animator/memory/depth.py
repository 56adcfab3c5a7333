"""The memory of telling depth, before the diffusion of a frame begins."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from typing import Any

import torch
from torch import Tensor, nn

from animator.depth.load import depth_names
from animator.depth.pocket import PocketDepth, PocketDepthNetwork
from animator.depth.transformers_depth import DepthAnything, MidasDepth, ZoeDepth, build
from animator.errors import WeightsError
from animator.memory.meter import Meter, NumberNeeded, without_numbers
from animator.memory.networks import emptied, held_by, on_meta
from animator.run.networks import sees_depth
from animator.settings.scene import Scene
from animator.weights.files import read_config
from animator.weights.registry import config_file, find


def depth_memory(scene: Scene) -> tuple[list[tuple[str, int]], dict[str, int]]:
    """Return the bytes of each depth network of a scene, and the most that any takes at work, by name.

    Raises:
        UsageError: there is no such network.
        WeightsError: its description is absent or damaged.
    """
    width, height = scene.size
    held: list[tuple[str, int]] = []
    peak: dict[str, int] = {}
    for name in depth_names(scene.depth) if sees_depth(scene) else ():
        if name == "plane":
            continue
        # Outside, for some networks compute plain numbers with tensors as they are built.
        network = _built(name)
        with without_numbers():
            look = _estimator(name, emptied(network))
            meter = Meter()
            # Where a network's way depends on numbers it is followed up to there, past all that is large.
            with meter, torch.no_grad(), suppress(NumberNeeded):
                meter.labelled(f"depth {name}", look)(torch.zeros(3, height, width))
        held.append((f"depth {name}", held_by(network)))
        if sum(meter.peak.values()) > sum(peak.values()):
            peak = dict(meter.peak)
    return held, peak


def _built(name: str) -> nn.Module:
    """Return the network of a name, its parameters untouched and so of no memory yet."""
    if name == "adabins":
        from animator.depth.adabins_network import AdaBinsNetwork  # timm takes a second to import

        result: nn.Module = on_meta(AdaBinsNetwork)
        return result
    config = config_file(find("depth", name))
    if config is None:
        raise WeightsError(f"the depth network {name} has no description from which to tell its memory")
    if name == "pocket":
        result = on_meta(PocketDepthNetwork, **read_config(config))
        return result
    result = build(config)
    return result


def _estimator(name: str, network: Any) -> Callable[[Tensor], Any]:
    """Return what looks at a frame with a network."""
    if name == "adabins":
        from animator.depth.adabins import AdaBinsDepth

        return AdaBinsDepth(network)
    if name == "pocket":
        return PocketDepth(network)
    kinds = {"dpt": MidasDepth, "depth_anything": DepthAnything, "zoedepth": ZoeDepth}
    result: Callable[[Tensor], Any] = kinds[network.config.model_type](network)
    return result
