"""A large picture through a network, part by part, in no more memory than there is."""

from __future__ import annotations

import itertools
import logging
import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch

from animator.errors import AnimatorError

if TYPE_CHECKING:
    from animator.types import Frame
    from animator.upscale.network import Network

log = logging.getLogger(__name__)

MARGIN = 32
"""Pixels around a tile that the network also sees, at most; a network that looks less far needs no more."""

WORK = 3
"""How many times the network's activations the libraries take, with their own buffers; measured on a CPU."""

ON_CPU = 1 << 30
"""Bytes that a tile may take on a CPU. A fixed number: the same tiles on every machine."""

OF_GPU = 0.5
"""Share of a GPU's free memory that a tile may take."""

SMALLEST = 16
"""Pixels of the smallest tile's sides, without its margin."""


@dataclass(frozen=True)
class Tile:
    """A part of a picture, in its pixels: from, to (not included), and the same with its margin."""

    top: int
    bottom: int
    left: int
    right: int
    outer_top: int
    outer_bottom: int
    outer_left: int
    outer_right: int


def enlarged(network: Network, picture: Frame, side: int | None = None) -> Frame:
    """Return a picture enlarged by a network, on the network's device.

    Args:
        network: with a whole scale.
        picture: the picture.
        side: pixels of the sides of the largest tile with its margin; None: what the memory holds. Where it
            does not, tiles are halved until it does.

    Raises:
        AnimatorError: the memory does not hold the smallest tile.
    """
    device = next(network.parameters()).device
    margin = min(MARGIN, network.reach)
    smallest = SMALLEST + 2 * margin
    side = max(smallest, side_for(network, device) if side is None else side)
    while True:
        try:
            return _by_tiles(network, picture.to(device), side, margin)
        except RuntimeError as fault:
            if not _no_memory(fault):
                raise
            if side == smallest:
                raise AnimatorError(
                    f"the device {device} has no memory for {side} x {side} pixels at once; free some, or "
                    "choose a smaller network"
                ) from fault
        side = max(smallest, side // 2)
        if device.type == "cuda":
            torch.cuda.empty_cache()
        log.warning("out of memory while enlarging; again in tiles of %d x %d pixels", side, side)


def side_for(network: Network, device: torch.device) -> int:
    """Return the sides of the largest square that a device has the memory for, in pixels."""
    room = ON_CPU
    if device.type == "cuda":
        room = int(OF_GPU * torch.cuda.mem_get_info(device)[0])
    return math.isqrt(room // (WORK * network.bytes_a_pixel))


def tiles(height: int, width: int, side: int, margin: int) -> Iterator[Tile]:
    """Yield the tiles of a picture: alike in size, and with their margins no larger than ``side``."""
    for top, bottom in _spans(height, side, margin):
        for left, right in _spans(width, side, margin):
            yield Tile(
                *(top, bottom, left, right),
                max(0, top - margin),
                min(height, bottom + margin),
                max(0, left - margin),
                min(width, right + margin),
            )


def _spans(length: int, side: int, margin: int) -> list[tuple[int, int]]:
    if length <= side:
        return [(0, length)]
    count = math.ceil(length / (side - 2 * margin))
    edges = [round(length * number / count) for number in range(count + 1)]
    return list(itertools.pairwise(edges))


def _by_tiles(network: Network, picture: Frame, side: int, margin: int) -> Frame:
    _, height, width = picture.shape
    scale = round(network.scale)
    result = picture.new_zeros(3, height * scale, width * scale)
    # A network that sees no farther than the margin makes the same of every tile; another a little different.
    soft = 0 if network.reach <= margin else margin * scale
    with torch.inference_mode():
        for tile in tiles(height, width, side, margin):
            rows, columns = slice(tile.outer_top, tile.outer_bottom), slice(tile.outer_left, tile.outer_right)
            made = network(picture[None, :, rows, columns])[0].clamp(0, 1)
            down = _shares(tile.top, tile.bottom, rows, height, scale, soft)
            across = _shares(tile.left, tile.right, columns, width, scale, soft)
            made *= made.new_tensor(down)[:, None] * made.new_tensor(across)
            result[:, _times(rows, scale), _times(columns, scale)] += made
    return result


def _shares(first: int, last: int, outer: slice, length: int, scale: int, soft: int) -> list[float]:
    """Return how much of each row or column of a tile counts; over all tiles that is 1 everywhere.

    Args:
        first: where the tile begins, in pixels of the picture.
        last: where it ends.
        outer: the same with its margin.
        length: of the picture.
        scale: pixels of the result for one of the picture.
        soft: over how many pixels of the result one tile fades into the next.
    """
    place = np.arange(outer.start * scale, outer.stop * scale) + 0.5
    shares = np.ones(len(place))
    width = max(soft, 1e-6)
    if first > 0:
        shares *= np.clip((place - first * scale) / width + 0.5, 0, 1)
    if last < length:
        shares *= np.clip((last * scale - place) / width + 0.5, 0, 1)
    return [float(share) for share in shares]


def _times(span: slice, scale: int) -> slice:
    return slice(span.start * scale, span.stop * scale)


def _no_memory(fault: RuntimeError) -> bool:
    return isinstance(fault, torch.OutOfMemoryError) or "memory" in str(fault)
