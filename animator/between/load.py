"""From the word of a scene to what makes frames between two others."""

from __future__ import annotations

from fractions import Fraction
from typing import Any, Protocol

import torch

from animator.between.along import WAY, AlongFlow
from animator.between.rife import IntermediateFlow, Rife
from animator.types import FlowEstimator, Frame
from animator.weights.files import fit, read_state
from animator.weights.hashes import file_hash
from animator.weights.registry import Entry, find, locate

NETWORKS = ("rife",)
"""Words that name a network with a file of weights."""


class Between(Protocol):
    """Two frames, ready to be asked for what is between them."""

    def at(self, share: Fraction) -> Frame:
        """Return the frame at a time from 0, the first, to 1, the second."""
        ...


class Maker(Protocol):
    """Makes frames between two others."""

    def between(self, first: Frame, second: Frame) -> Between:
        """Return two frames of one size, ready to be asked for what is between them."""
        ...


def network_of(by: str) -> list[Entry]:
    """Return the network that a word of `interpolate_by` needs, if it needs one."""
    return [find("interpolate", by)] if by in NETWORKS else []


def decided_by(by: str, flow_name: str) -> dict[str, Any]:
    """Return what decides the frames that a maker makes, as a stage's settings take it.

    Args:
        by: ``flow``, ``rife`` or another word that needs neither.
        flow_name: name of the optical flow, which ``flow`` alone follows.

    Raises:
        WeightsError: the network's file is not there.
    """
    if by == "flow":
        return {"flow": flow_name, "along": WAY}
    return {"network": [file_hash(locate(entry)) for entry in network_of(by)]} if by in NETWORKS else {}


def load_maker(by: str, flow: FlowEstimator, device: torch.device | str = "cpu") -> Maker:
    """Load what makes frames between two others.

    Args:
        by: ``flow`` or ``rife``.
        flow: what ``flow`` estimates motion with.
        device: where to put a network.

    Raises:
        WeightsError: its weights are absent, damaged or of another network.
    """
    if by == "flow":
        return AlongFlow(flow)
    (entry,) = network_of(by)
    state = read_state(locate(entry))
    with torch.device("meta"):
        network = IntermediateFlow()
    fit(network, state, entry.name)
    return Rife(network.to(device))
