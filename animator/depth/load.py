"""From the name of a depth network to an estimator."""

from __future__ import annotations

import torch

from animator.depth.options import DepthOptions
from animator.depth.plane import PlaneDepth
from animator.depth.pocket import PocketDepth, PocketDepthNetwork
from animator.errors import UsageError
from animator.types import DepthEstimator
from animator.weights.files import fit, read_config, read_state
from animator.weights.registry import config_file, find, locate


def load_depth(options: DepthOptions, device: torch.device | str = "cpu") -> DepthEstimator:
    """Return the estimator that a scene names.

    Raises:
        UsageError: there is no such network, or it is known but not built yet.
        WeightsError: its weights are not there or damaged.
    """
    entry = find("depth", options.model)
    config = config_file(entry)
    if entry.name == "plane":
        return PlaneDepth()
    if config is None:
        raise UsageError(f"the depth network {entry.name} is not built yet; use pocket or plane")
    path = locate(entry)
    network = PocketDepthNetwork(tuple(read_config(config)["widths"]))
    fit(network, read_state(path), entry.name)
    return PocketDepth(network.to(device))
