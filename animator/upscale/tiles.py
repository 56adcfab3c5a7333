"""A large picture through a network, part by part, in no more memory than there is."""

from __future__ import annotations

import itertools
import logging
import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch

from animator.errors import AnimatorError

if TYPE_CHECKING:
    from animator.types import Frame
    from animator.upscale.network import Network

log = logging.getLogger(__name__)

MARGIN = 24
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
    result = picture.new_empty(3, height * scale, width * scale)
    with torch.inference_mode():
        for tile in tiles(height, width, side, margin):
            part = picture[:, tile.outer_top : tile.outer_bottom, tile.outer_left : tile.outer_right]
            made = network(part[None])[0].clamp(0, 1)
            down, across = scale * (tile.top - tile.outer_top), scale * (tile.left - tile.outer_left)
            high, wide = scale * (tile.bottom - tile.top), scale * (tile.right - tile.left)
            result[:, scale * tile.top : scale * tile.bottom, scale * tile.left : scale * tile.right] = made[
                :, down : down + high, across : across + wide
            ]
    return result


def _no_memory(fault: RuntimeError) -> bool:
    return isinstance(fault, torch.OutOfMemoryError) or "memory" in str(fault)
