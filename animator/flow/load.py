"""From the name of a flow network to an estimator."""

from __future__ import annotations

import torch
from torchvision.models.optical_flow import raft_large, raft_small

from animator.flow.raft import RaftFlow
from animator.weights.files import fit, read_state
from animator.weights.registry import find, locate

BUILDERS = {"raft-large": raft_large, "raft-small": raft_small}
"""By the name of the registry's entry, what builds its network."""


def load_flow(name: str = "raft-large", device: torch.device | str = "cpu") -> RaftFlow:
    """Load a flow network.

    Args:
        name: ``raft-large`` or ``raft-small``.
        device: where to put it.

    Raises:
        UsageError: there is no such network.
        WeightsError: its weights are absent, damaged or of another network.
    """
    entry = find("flow", name)
    state = read_state(locate(entry))
    with torch.device("meta"):
        network = BUILDERS[entry.name](weights=None)
    fit(network, state, entry.name)
    return RaftFlow(network.to(device))
