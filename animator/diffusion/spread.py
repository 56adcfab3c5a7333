"""Random numbers for cuts: each by itself, or spread evenly over what they may be."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor


def uniform(rows: int, groups: Sequence[int], generator: torch.Generator, *, even: bool) -> Tensor:
    """Return numbers from 0 to 1, rows x the sum of ``groups``.

    Each is uniform. Evenly spread, of n numbers of a row in one group exactly one is in each n-th of the
    range, in an order of its own (Latin hypercube sampling, McKay et al. 1979): a mean over them varies less.

    Args:
        rows: numbers of each thing that they are for.
        groups: how many things there are of each kind.
        generator: source of the numbers.
        even: whether they are spread evenly.
    """
    numbers = torch.rand(rows, sum(groups), generator=generator)
    if not even:
        return numbers
    parts = [
        (torch.rand(part.shape, generator=generator).argsort(dim=1) + part) / max(part.shape[1], 1)
        for part in numbers.split(list(groups), dim=1)
    ]
    return torch.cat(parts, dim=1)
