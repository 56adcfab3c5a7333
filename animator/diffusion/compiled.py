"""Networks compiled for one size: fewer and larger kernels, and on a GPU a whole pass as one graph."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor


def compiled(
    network: Callable[..., Tensor], device: torch.device, *, first: bool, backend: str = "inductor"
) -> Callable[..., Tensor]:
    """Return a network that is compiled when it is first called, and again for every other size.

    What it computes is the same but for rounding. On a GPU its passes, there and back, are CUDA graphs, whose
    results stand in memory that the next pass uses again: they are copied.

    Args:
        network: takes and returns tensors.
        device: where it computes.
        first: whether it is what a step of the diffusion begins with; what earlier steps left may then be
            used again. A network that is called in the middle of a step must not say so.
        backend: of `torch.compile`.
    """
    gpu = device.type == "cuda"
    graphs = gpu and backend == "inductor"
    mode = "reduce-overhead" if graphs else None
    fast: Callable[..., Tensor] = torch.compile(network, dynamic=False, backend=backend, mode=mode)

    def call(*arguments: Any) -> Tensor:
        if graphs and first:
            torch.compiler.cudagraph_mark_step_begin()
        answer = fast(*arguments)
        return answer.clone() if graphs else answer

    return call
