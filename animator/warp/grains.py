"""Noise that moves with the picture: every pixel has one grain, and the camera moves the grains.

A grain is an identity and a place. Its numbers follow from its identity alone (`system.hashed`), so that one
field of grains carries any number of independent draws: the noise that a frame is noised with and that of
every step of a solver. No two pixels have the same grain: whatever the moves were, there are as many
independent Gaussian numbers as pixels, and `diffusion.grain_noise` makes white noise of them that lies where
the grains do.

A grain keeps its place between the pixels, however long it travels, and belongs to the pixel that it is
nearest to, or, where that has a nearer one, to a neighbour that would have none. Where grains draw apart or
something was uncovered, new ones are born; where they crowd, some are lost.

The papers on this (Chang et al. 2024, How I Warped Your Noise; Deng et al. 2024, infinite-resolution integral
noise; Burgert et al. 2025, Go-with-the-Flow) move the noise itself and add fresh noise so that it stays
white. Carried on from frame to frame that forgets, and every step of a solver needs a field of its own.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from animator.types import Mask

REACH = 1
"""Pixels on each side of where a pixel is read from whose grains it may have."""

FARTHEST = 1.5
"""Pixels that a grain may be from its pixel."""

ROUNDS = 16
"""Most rounds in which pixels and grains find each other; they end as soon as nothing changes."""

STILL = 1e-3
"""Pixels of a move up to which a place keeps its grain, and its grain the place."""

_FINE = 64
"""Parts of a pixel that distances are compared by, so that rounding decides nothing."""


@dataclass(frozen=True, eq=False)
class Grains:
    """The grains of a picture.

    Attributes:
        identities: of the grain that each pixel has, int64, H x W, no two alike.
        places: how far the grain is from its pixel's centre, float32, 2 x H x W in pixels, (x, y).
    """

    identities: Tensor
    places: Tensor


def born(base: int, height: int, width: int, device: torch.device | str = "cpu") -> Grains:
    """Return a picture of new grains, each in the middle of its pixel.

    Args:
        base: the identity of the first; the others count on from it.
        height: pixels.
        width: pixels.
        device: where they are.
    """
    numbers = torch.arange(height * width, device=device).view(height, width)
    return Grains(numbers + base, torch.zeros(2, height, width, device=device))


def carried(grains: Grains, grid: Tensor, uncovered: Mask, base: int) -> Grains:
    """Return the grains after a move of the picture.

    Args:
        grains: before it.
        grid: where each new pixel was in the old picture, float32, H x W x 2, in the coordinates of
            `animator.warp.sampling`.
        uncovered: where the new picture shows what the old one did not hold: grains are born there.
        base: the first identity of those that are born; that of pixel n is n more.
    """
    height, width = uncovered.shape
    new = born(base, height, width, uncovered.device)
    source = (grid + 1) * grid.new_tensor((width / 2, height / 2)) - 0.5
    near = source.round()
    slope = _slopes(source, uncovered)
    places = grains.places.permute(1, 2, 0).reshape(-1, 2)
    numbers, arrivals, distances = [], [], []
    for down in range(-REACH, REACH + 1):
        for right in range(-REACH, REACH + 1):
            x, y = near[..., 0] + right, near[..., 1] + down
            there = ~uncovered & (x >= 0) & (x < width) & (y >= 0) & (y < height)
            # Whole before they are multiplied: float32 ends at 2**24 pixels.
            number = torch.where(there, y.long() * width + x.long(), 0)
            # A grain's way from where the pixel is read to its own place, as it is after the move.
            away = torch.stack((x, y), -1) + places[number] - source
            arrival = (slope @ away[..., None])[..., 0]
            distance = arrival.norm(dim=-1)
            there &= distance <= FARTHEST
            numbers.append(number)
            arrivals.append(arrival)
            distances.append(torch.where(there, (distance * _FINE).round().long(), _NEVER))
    still = ((source - near).abs().amax(-1) < STILL) & (
        (slope - torch.eye(2, device=slope.device)).abs().amax((-1, -2)) < STILL
    )
    kept = (still & (distances[len(distances) // 2] < _NEVER)).flatten()
    number, chosen = _matched(torch.stack(numbers).flatten(1), torch.stack(distances).flatten(1), kept)
    shown = chosen >= 0
    pick = chosen.clamp(min=0)[None, :, None].expand(1, -1, 2)
    arrival = torch.stack(arrivals).flatten(1, 2).gather(0, pick)[0]
    identities = torch.where(shown, grains.identities.flatten()[number], new.identities.flatten())
    moved = torch.where(shown[:, None], arrival, 0.0).T.reshape(2, height, width)
    same = (kept & (number == torch.arange(height * width, device=number.device))).view(height, width)
    moved = torch.where(same, grains.places, moved)  # to the bit, however often
    return Grains(identities.view(height, width), moved)


_NEVER = torch.iinfo(torch.int64).max


def _matched(numbers: Tensor, distances: Tensor, kept: Mask) -> tuple[Tensor, Tensor]:
    """Return for each pixel the grain that it shows, and which of its candidates that is; -1 for none.

    Each free pixel asks the nearest free grain, each grain takes the nearest pixel that asks; again, until
    none is left to ask. That is the pairing by smallest distances, whatever the order of the work. Then a
    grain that is left over takes the place of one that can go on to an empty pixel.

    Args:
        numbers: the candidates of each pixel, int64, candidates x pixels.
        distances: to them, whole numbers, same shape; `_NEVER` where there is none.
        kept: which pixels show their middle candidate whatever the others are, shape (pixels,); of several
            that have the same one the first does.
    """
    count, pixels = numbers.shape
    order = torch.arange(count, device=numbers.device)[:, None]
    keys = torch.where(distances == _NEVER, _NEVER, distances * count + order)
    every = torch.arange(pixels, device=numbers.device)
    kept = kept.clone()
    kept[kept.clone()] = _first(numbers[count // 2, kept], keys[count // 2, kept], every[kept], pixels)
    chosen = torch.where(kept, count // 2, -1)
    holder = torch.full((pixels,), -1, dtype=torch.int64, device=numbers.device)
    holder[numbers[count // 2, kept]] = every[kept]
    waiting = every[~kept]
    for _ in range(ROUNDS):
        free = torch.where(holder[numbers[:, waiting]] >= 0, _NEVER, keys[:, waiting])
        asked, which = free.min(dim=0)
        waiting, asked, which = (part[asked < _NEVER] for part in (waiting, asked, which))
        if not len(waiting):
            break
        grain = numbers[which, waiting]
        first = _first(grain, asked, waiting, pixels)
        chosen[waiting[first]] = which[first]
        holder[grain[first]] = waiting[first]
        waiting = waiting[~first]
    for _ in range(ROUNDS):
        empty = every[chosen < 0]
        spare, instead = torch.where(holder[numbers] >= 0, _NEVER, keys).min(dim=0)
        spare = torch.where(kept, _NEVER, spare)
        # The way over a pixel that is shown another grain: from the empty one to its grain, to a spare one.
        over = holder[numbers[:, empty]]
        there = (over >= 0) & (keys[:, empty] < _NEVER)
        spared = torch.where(there, spare[over.clamp(min=0)], _NEVER)
        total = torch.where(spared < _NEVER, keys[:, empty] + spared.clamp(max=_NEVER // 4), _NEVER)
        cost, which = total.min(dim=0)
        empty, cost, which = (part[cost < _NEVER] for part in (empty, cost, which))
        if not len(empty):
            break
        grain = numbers[which, empty]
        middle = holder[grain]
        other = numbers[instead[middle], middle]
        first = _first(grain, cost, empty, pixels)
        first[first.clone()] = _first(other[first], cost[first], empty[first], pixels)
        empty, which, grain, middle, other = (part[first] for part in (empty, which, grain, middle, other))
        chosen[empty], holder[grain] = which, empty
        chosen[middle], holder[other] = instead[middle], middle
    return numbers.gather(0, chosen.clamp(min=0)[None])[0], chosen


def _first(grain: Tensor, asked: Tensor, pixel: Tensor, count: int) -> Tensor:
    """Return which of some pixels come first among those that ask for the same grain; at a draw the upper."""
    best = torch.full((count,), _NEVER, dtype=torch.int64, device=grain.device)
    best.scatter_reduce_(0, grain, asked, "amin")
    first = best[grain] == asked
    best.fill_(_NEVER).scatter_reduce_(0, grain, torch.where(first, pixel, _NEVER), "amin")
    return first & (best[grain] == pixel)


def _slopes(source: Tensor, uncovered: Mask) -> Tensor:
    """Return how the new picture moves as the old one does, H x W x 2 x 2: the inverse of the grid's slope.

    Across an edge, where two things that moved apart meet, it is that of a picture which is only shifted.
    """
    height, width = uncovered.shape
    identity = torch.eye(2, device=source.device).expand(height, width, 2, 2)
    if min(height, width) < 2:
        return identity
    down, across = torch.gradient(source, dim=(0, 1))
    back = torch.stack((across, down), dim=-1)
    area = torch.linalg.det(back)
    smooth = ((back - identity).abs().amax(dim=(-1, -2)) < 1) & (area > 0.1)
    safe = torch.where(smooth[..., None, None], back, identity)
    inverse: Tensor = torch.linalg.inv(safe)
    return inverse
