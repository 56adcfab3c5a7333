"""Sheets of the cuts as the perceptors see them."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from torch import Tensor

from animator.runs import folder_name
from animator.system.convert import frame_to_uint8
from animator.watch.sheet import pictures_sheet, with_header

WIDEST = 4096
"""Pixels in width that a sheet has at most."""

GAP = 2
"""Pixels between two cuts."""


def cuts_sheet(cuts: Tensor, perceptor: str, done: int, total: int) -> np.ndarray:
    """Return the cuts of one picture under a strip that names the perceptor and the step, uint8 RGB.

    Args:
        cuts: cuts x 3 x size x size; what lies outside [0, 1] is clamped.
        perceptor: its name.
        done: steps done.
        total: steps in all.
    """
    tiles = [frame_to_uint8(cut) for cut in cuts]
    return with_header(pictures_sheet(tiles, WIDEST, GAP), f"{perceptor}  step {done} of {total}")


def file_names(perceptors: Iterable[str]) -> dict[str, str]:
    """Return for each perceptor a part of a file name that every system takes, no two the same.

    >>> file_names(["ViT-L/14@336px", "ViT-L-14-336px"])
    {'ViT-L/14@336px': 'ViT-L-14-336px', 'ViT-L-14-336px': 'ViT-L-14-336px-2'}
    """
    names: dict[str, str] = {}
    taken: set[str] = set()
    for perceptor in perceptors:
        plain = name = folder_name(perceptor)
        number = 1
        while name.lower() in taken:
            number += 1
            name = f"{plain}-{number}"
        taken.add(name.lower())
        names[perceptor] = name
    return names
