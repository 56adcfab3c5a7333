"""From the name of a flow network to an estimator."""

from __future__ import annotations

import torch

from animator.flow.dis import DisFlow
from animator.flow.raft import RaftFlow
from animator.types import FlowEstimator
from animator.weights.files import fit, read_state
from animator.weights.registry import find, locate, location

BEST = "raft-large"
"""What ``auto`` takes where it can."""


def flow_name(name: str, device: torch.device | str = "cpu") -> str:
    """Return what a name stands for on a device; it may be written into a run, or be part of a cache's key.

    ``auto`` is RAFT, the large one, where its weights are at hand and the device is no CPU (there a pair of
    frames takes it seconds), else ``dis``. Any other name is returned as it is.
    """
    if name != "auto":
        return name
    at_hand = location(find("flow", BEST)).is_file()
    return BEST if at_hand and torch.device(device).type != "cpu" else "dis"


def load_flow(name: str = "auto", device: torch.device | str = "cpu") -> FlowEstimator:
    """Load what estimates optical flow.

    Args:
        name: ``raft-large``, ``raft-small``, ``dis`` (needs no weights) or ``auto``, see `flow_name`.
        device: where to put a network; ``dis`` computes on the CPU.

    Raises:
        UsageError: there is no such network.
        WeightsError: its weights are absent, damaged or of another network.
    """
    name = flow_name(name, device)
    if name == "dis":
        return DisFlow()
    # torchvision takes seconds to import, a third of the way to a render's first frame.
    from torchvision.models.optical_flow import raft_large, raft_small

    builders = {"raft-large": raft_large, "raft-small": raft_small}
    entry = find("flow", name)
    state = read_state(locate(entry))
    with torch.device("meta"):
        network = builders[entry.name](weights=None)
    fit(network, state, entry.name)
    return RaftFlow(network.to(device))
