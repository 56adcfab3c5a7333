"""Where the inner cuts of a step fell: how often each pixel was looked at."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from animator.diffusion.squares import CutSettings, squares_of


def looked_at(
    shape: tuple[int, int], size: int, settings: CutSettings, generators: Sequence[torch.Generator]
) -> Tensor:
    """Return how many inner cuts of a batch will show each pixel, int32, N x H x W, on the CPU.

    The squares are drawn ahead from copies of the generators, for of a batch they are drawn first; the
    generators stay as they are. Cuts of the whole picture are not counted.

    Args:
        shape: height and width of the pictures.
        size: input size of the perceptor.
        settings: the cuts of the batch.
        generators: those of each picture.
    """
    found = torch.zeros(len(generators), *shape, dtype=torch.int32)
    for seen, generator in zip(found, generators, strict=True):
        ahead = torch.Generator()
        ahead.set_state(generator.get_state())
        squares = squares_of(shape, size, settings, ahead)
        for side, top, left in zip(*(values.int().tolist() for values in squares), strict=True):
            seen[top : top + side, left : left + side] += 1
    return found
