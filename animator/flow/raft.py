"""RAFT (Teed & Deng 2020), torchvision's, as a flow estimator."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from animator.system.convert import unit_to_signed
from animator.types import Flow, Frame

MULTIPLE = 8
"""RAFT compares features at an eighth of the size, so its pictures must have sides of whole eighths."""

SMALLEST_SIDE = 128
"""Pixels below which the coarsest of RAFT's four levels of comparison would hold one feature or none."""


class RaftFlow:
    """Optical flow by RAFT.

    Args:
        network: torchvision's RAFT with its weights, in evaluation mode.
        updates: how often the flow is improved; 12 is what it was trained with.
    """

    def __init__(self, network: nn.Module, updates: int = 12) -> None:
        self.network = network
        self.updates = updates
        self._device = next(network.parameters()).device

    def __call__(self, first: Frame, second: Frame) -> Flow:
        """Return where each pixel of ``first`` is in ``second``; see `FlowEstimator`.

        Raises:
            ValueError: the frames have different sizes.
        """
        return self._flows([(first, second)])[0]

    def both_ways(self, first: Frame, second: Frame) -> tuple[Flow, Flow]:
        """Return the flow from ``first`` to ``second`` and the one back, in one pass.

        Raises:
            ValueError: the frames have different sizes.
        """
        forward, backward = self._flows([(first, second), (second, first)])
        return forward, backward

    @torch.no_grad()
    def _flows(self, pairs: list[tuple[Frame, Frame]]) -> list[Flow]:
        first, second = pairs[0]
        if first.shape != second.shape:
            raise ValueError(
                f"flow needs two frames of one size, not {tuple(first.shape)} and {tuple(second.shape)}"
            )
        height, width = first.shape[-2:]
        borders = _borders(height, width)
        a, b = (
            F.pad(self._signed(torch.stack(frames)), borders, mode="replicate")
            for frames in zip(*pairs, strict=True)
        )
        left, _, top, _ = borders
        flows = self.network(a, b, num_flow_updates=self.updates)[-1].float()
        return list(flows[..., top : top + height, left : left + width].to(first.device))

    def _signed(self, batch: Tensor) -> Tensor:
        return unit_to_signed(batch.to(self._device, torch.float32))


def _borders(height: int, width: int) -> tuple[int, int, int, int]:
    """Return how many pixels to add at the left, right, top and bottom: as many before as behind."""
    borders: list[int] = []
    for side in (width, height):
        more = max(-side % MULTIPLE, SMALLEST_SIDE - side)
        borders += [more // 2, more - more // 2]
    left, right, top, bottom = borders
    return left, right, top, bottom
