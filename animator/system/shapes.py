"""Networks in their shapes only: without the numbers of their weights, and without the memory for them."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn


def on_meta(build: Any, *arguments: Any, **named: Any) -> Any:
    """Build a network on the meta device, where it takes neither memory nor time."""
    with torch.device("meta"):
        return build(*arguments, **named)


def emptied(network: Any, dtype: torch.dtype | None = None) -> Any:
    """Return a network frozen and without numbers, in place; to be called inside `without_numbers`.

    Args:
        network: whose parameters nobody has written to yet.
        dtype: of its parameters and buffers that are no whole numbers; None leaves them.
    """
    for module in network.eval().modules():
        for name, one in list(module.named_parameters(recurse=False)):
            setattr(module, name, nn.Parameter(_placed(one, dtype), requires_grad=False))
        for name, one in list(module.named_buffers(recurse=False)):
            setattr(module, name, _placed(one, dtype))
    return network


def _placed(one: Tensor, dtype: torch.dtype | None) -> Tensor:
    return torch.empty_like(one, device="cpu", dtype=dtype if one.is_floating_point() else None)


def held_by(network: nn.Module) -> int:
    """Return the bytes of a network's parameters and buffers, each once."""
    tensors = {id(one): one for one in (*network.parameters(), *network.buffers())}
    return sum(one.numel() * one.element_size() for one in tensors.values())
