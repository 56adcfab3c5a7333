"""The memory of telling depth, before the diffusion of a frame begins."""

from __future__ import annotations

from contextlib import suppress

import torch

from animator.depth.load import depth_names, network_of
from animator.run.networks import depth_dtype, sees_depth
from animator.settings.scene import Scene
from animator.system.devices import DeviceKind
from animator.system.meter import Meter, NumberNeeded, without_numbers
from animator.system.shapes import emptied, held_by


def depth_memory(
    scene: Scene, device_kind: DeviceKind = "cpu"
) -> tuple[list[tuple[str, int]], dict[str, int]]:
    """Return the bytes of each depth network of a scene, and the most that any takes at work, by name.

    Args:
        scene: the scene.
        device_kind: where its networks run.

    Raises:
        UsageError: there is no such network.
        WeightsError: its description is absent or damaged.
    """
    width, height = scene.size
    held: list[tuple[str, int]] = []
    peak: dict[str, int] = {}
    for name in depth_names(scene.depth) if sees_depth(scene) else ():
        kind = network_of(name)
        if kind.build is None:
            continue
        # Outside, for some networks compute plain numbers with tensors as they are built.
        network = kind.build(name)
        with without_numbers():
            network = emptied(network)
            if kind.lean and device_kind == "cpu":
                network = kind.lean(network, depth_dtype(scene), pack=False)
            look = kind.see(network)
            meter = Meter()
            # Where a network's way depends on numbers it is followed up to there, past all that is large.
            with meter, torch.no_grad(), suppress(NumberNeeded):
                meter.labelled(f"depth {name}", look)(torch.zeros(3, height, width))
        held.append((f"depth {name}", held_by(network)))
        if sum(meter.peak.values()) > sum(peak.values()):
            peak = dict(meter.peak)
    return held, peak
