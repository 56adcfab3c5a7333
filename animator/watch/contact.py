"""The contact sheet: all stills of a run, each with its number and seed."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np

from animator.watch.sheet import columns_for, sheet, shrunk, strip, text_width, tile_size

WIDEST = 4096
"""Pixels in width that the sheet has at most."""

GAP = 4
"""Pixels between two stills."""

PLAIN_WIDTH = 320
"""Width of a still, in pixels, up to which the letters have their plain size; they grow with it."""

LARGEST = 2.5
"""How many times the plain size the letters are at most."""


def contact_sheet(
    stills: Sequence[int], read: Callable[[int], np.ndarray], seeds: Mapping[int, int]
) -> np.ndarray:
    """Return all stills in a grid as square as possible, at most 4096 pixels wide, H x W x 3 uint8 RGB.

    Args:
        stills: their numbers, at least one, in the order of the sheet.
        read: returns a still by its number, H x W x 3 uint8 RGB, all of one size.
        seeds: seed of each still; one that is not known is left out.
    """
    height, width, _ = read(stills[0]).shape
    columns = columns_for(len(stills), width, height)
    size = tile_size(width, height, columns, GAP, WIDEST)

    # A large sheet is seen from further away.
    scale = min(max(size[0] / PLAIN_WIDTH, 1.0), LARGEST)

    def labelled(still: int) -> np.ndarray:
        picture = shrunk(read(still), size)
        label = _label(still, seeds.get(still), size[0], scale)
        return np.concatenate([picture, strip(label, size[0], scale)])

    return sheet(map(labelled, stills), len(stills), columns, GAP)


def _label(still: int, seed: int | None, room: int, scale: float) -> str:
    """Return as much of a still's number and seed as there is room for, in pixels."""
    texts = [f"{still}"] if seed is None else [f"{still}  seed {seed}", f"{still}  {seed}", f"{still}"]
    return next((text for text in texts if text_width(text, scale) <= room), "")
