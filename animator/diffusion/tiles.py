"""A large picture through a network in overlapping tiles, blended at every step of the diffusion.

A network knows pictures of about the size that it was trained on. Of a larger one it is asked tile by tile,
each as if it were a picture of its own, and where tiles overlap their answers are averaged. That is done at
every step (MultiDiffusion, Bar-Tal et al. 2023), not once at the end (GoBig): all tiles then work on one
picture, with one noise and one guidance, and agree where they meet.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.utils.checkpoint import checkpoint

from animator.diffusion.elsewhere import Answer, Call, Elsewhere, ask_all, from_deep, in_way, with_deep
from animator.diffusion.kept import Layered
from animator.diffusion.prediction import Network

OVERLAP = 1 / 3
"""Share of a tile's side that it shares at least with each neighbour."""

GRID = 8
"""Pixels of which every tile's place is a multiple."""

Span = tuple[int, int]
"""First position and length of a tile along one side of a picture."""


def spans(length: int, side: int) -> list[Span]:
    """Return the tiles along one side of a picture, evenly spread over all of it.

    Args:
        length: of the picture's side.
        side: of a tile; one that is not shorter than the picture is the picture.

    >>> spans(256, 192), spans(128, 192)
    ([(0, 192), (64, 192)], [(0, 128)])
    """
    if side >= length:
        return [(0, length)]
    room = length - side
    count = math.ceil(room / (side * (1 - OVERLAP))) + 1
    starts = [round(room * n / (count - 1) / GRID) * GRID for n in range(count - 1)]
    return [(start, side) for start in (*starts, room)]


def shares(length: int, parts: Sequence[Span]) -> Tensor:
    """Return how much each tile counts at every place of a side, tiles x length; they add up to 1.

    Across an overlap one tile gives way to the next along half a wave of a cosine, so that the edges of
    tiles, where a network sees least, count least.
    """
    places = torch.arange(length) + 0.5
    weights = []
    for number, (start, side) in enumerate(parts):
        weight = ((places > start) & (places < start + side)).float()
        if number:
            weight = weight * _rise(places, start, sum(parts[number - 1]))
        if number + 1 < len(parts):
            weight = weight * (1 - _rise(places, parts[number + 1][0], start + side))
        weights.append(weight)
    total = torch.stack(weights)
    return total / total.sum(dim=0)


def _rise(places: Tensor, begin: int, end: int) -> Tensor:
    """Return half a wave of a cosine from 0 at ``begin`` to 1 at ``end``."""
    return (1 - torch.cos(math.pi * ((places - begin) / (end - begin)).clamp(0, 1))) / 2


@dataclass(frozen=True)
class Tile:
    """One tile of a picture.

    Attributes:
        rows: where it lies along the height.
        columns: where it lies along the width.
        weight: how much it counts at each of its pixels, height x width of the tile.
    """

    rows: slice
    columns: slice
    weight: Tensor


@cache
def tiles_of(height: int, width: int, side: int) -> tuple[Tile, ...]:
    """Return the tiles of a picture, row by row; their weights add up to 1 at every pixel."""
    down, across = spans(height, side), spans(width, side)
    tall, wide = shares(height, down), shares(width, across)
    return tuple(
        Tile(rows, columns, torch.outer(tall[i, rows], wide[j, columns]))
        for i, rows in enumerate(slice(start, start + size) for start, size in down)
        for j, columns in enumerate(slice(start, start + size) for start, size in across)
    )


class Tiled:
    """A `Network` that is asked in tiles.

    Args:
        network: what each tile is given to.
        side: of a tile in pixels.
        recompute: whether, where it is differentiated, the activations of a tile are computed again instead
            of kept, so that those of one tile at a time are in memory.
    """

    def __init__(self, network: Network, side: int, *, recompute: bool = False) -> None:
        self.network = network
        self.side = side
        self.recompute = recompute

    def __call__(self, x: Tensor, t: Tensor) -> Tensor:
        """Return the blended answers of all tiles, N x C x H x W."""
        return self._blended(x, (self._ask(part, t) for part in self._parts(x)))

    def _ask(self, part: Tensor, t: Tensor) -> Tensor:
        if self.recompute and torch.is_grad_enabled():
            answer: Tensor = checkpoint(self.network, part, t, use_reentrant=False)
            return answer
        return self.network(part, t)

    def _parts(self, x: Tensor) -> Iterator[Tensor]:
        for tile in tiles_of(x.shape[-2], x.shape[-1], self.side):
            yield x[..., tile.rows, tile.columns].contiguous()

    def _blended(self, x: Tensor, answers: Iterable[Tensor]) -> Tensor:
        height, width = x.shape[-2:]
        whole: Tensor | None = None
        for tile, answer in zip(tiles_of(height, width, self.side), answers, strict=True):
            around = (tile.columns.start, width - tile.columns.stop, tile.rows.start, height - tile.rows.stop)
            part = F.pad(answer * tile.weight.to(answer), around)
            whole = part if whole is None else whole + part
        assert whole is not None
        return whole


class TiledLayers(Tiled):
    """The same of a network whose deep features can be used again; see `animator.diffusion.kept.Layered`."""

    def __init__(self, network: Network, layers: Layered, side: int, *, recompute: bool = False) -> None:
        super().__init__(network, side, recompute=recompute)
        self.layers = layers

    def with_deep(self, x: Tensor, t: Tensor) -> tuple[Tensor, Tensor]:
        """Return the prediction, and the deep features of all tiles, N x tiles x C x H x W."""
        answers = [self.layers.with_deep(part, t) for part in self._parts(x)]
        return self._blended(x, (one for one, _ in answers)), torch.stack(
            [deep for _, deep in answers], dim=1
        )

    def from_deep(self, x: Tensor, t: Tensor, deep: Tensor) -> Tensor:
        """Return a prediction made with deep features of before."""
        every = zip(self._parts(x), deep.unbind(dim=1), strict=True)
        return self._blended(x, (self.layers.from_deep(part, t, one) for part, one in every))


class TiledElsewhere(Tiled):
    """The same, whose tiles are all sent to other processes at once; see `animator.diffusion.elsewhere`.

    Args:
        network: what each tile would be given to here.
        elsewhere: who is asked.
        side: of a tile in pixels.
        recompute: whether activations are computed again there instead of kept.
    """

    def __init__(self, network: Network, elsewhere: Elsewhere, side: int, *, recompute: bool = False) -> None:
        super().__init__(network, side, recompute=recompute)
        self.elsewhere = elsewhere

    def __call__(self, x: Tensor, t: Tensor) -> Tensor:
        """Return the blended answers of all tiles, N x 3 x H x W."""
        call, given = in_way(self.network)
        parts = list(self._parts(x))
        answers = self._all(call, parts, t, [given] * len(parts))
        return self._blended(x, (answer[0] for answer in answers))

    def _all(
        self, call: Call, parts: Sequence[Tensor], t: Tensor, given: Sequence[tuple[Any, ...]]
    ) -> list[Answer]:
        return ask_all(self.elsewhere, call, parts, t, given, recompute=self.recompute)


class TiledLayersElsewhere(TiledElsewhere):
    """The same of a network whose deep features can be used again; they come back, and are sent again."""

    def with_deep(self, x: Tensor, t: Tensor) -> tuple[Tensor, Tensor]:
        """Return the prediction, and the deep features of all tiles, N x tiles x C x H x W."""
        parts = list(self._parts(x))
        answers = self._all(with_deep, parts, t, [()] * len(parts))
        return self._blended(x, (one for one, _ in answers)), torch.stack(
            [deep for _, deep in answers], dim=1
        )

    def from_deep(self, x: Tensor, t: Tensor, deep: Tensor) -> Tensor:
        """Return a prediction made with deep features of before."""
        answers = self._all(from_deep, list(self._parts(x)), t, [(one,) for one in deep.unbind(1)])
        return self._blended(x, (answer[0] for answer in answers))


def in_tiles(
    network: Network, side: int, *, recompute: bool = False, elsewhere: Elsewhere | None = None
) -> Network:
    """Return a network that is asked in tiles, see `Tiled`; with ``side`` 0 the network itself.

    Args:
        network: what each tile is given to.
        side: of a tile in pixels.
        recompute: see `Tiled`.
        elsewhere: other processes that are asked for the tiles, or None: they are computed here.
    """
    if not side:
        return network
    if elsewhere is not None:
        spread = TiledLayersElsewhere if isinstance(network, Layered) else TiledElsewhere
        return spread(network, elsewhere, side, recompute=recompute)
    if isinstance(network, Layered):
        return TiledLayers(network, network, side, recompute=recompute)
    return Tiled(network, side, recompute=recompute)
