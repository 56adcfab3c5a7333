"""Where the inner cuts of a picture lie and how large they are."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from animator.diffusion.spread import uniform

CELLS = 32
"""Cells on the longer side of the grid on which is counted where a step has looked."""

CANDIDATES = 24
"""Places among which each stratified square chooses."""


@dataclass(frozen=True)
class CutSettings:
    """The cuts of one batch.

    Attributes:
        overview: cuts of the whole picture.
        innercut: cuts of random squares inside it.
        ic_pow: power of the uniform draw that sets the side of an inner cut; larger makes smaller cuts.
        icgray_p: share of the inner cuts that are grey, 0 to 1.
        skip_augs: whether to leave out the random augmentations.
        even: whether squares and augmentations are spread evenly, see `spread.uniform`.
        stratified: whether squares lie where the others of the batch do not, see `squares.inner_squares`.
        varied: whether each square has an exponent of its own, see `squares.inner_squares`.
    """

    overview: int
    innercut: int = 0
    ic_pow: float = 1.0
    icgray_p: float = 0.0
    skip_augs: bool = False
    even: bool = False
    stratified: bool = False
    varied: bool = False

    @property
    def kinds(self) -> tuple[int, int]:
        """How many cuts there are of each kind."""
        return self.overview, self.innercut


def squares_of(
    shape: tuple[int, int], size: int, settings: CutSettings, generator: torch.Generator
) -> tuple[Tensor, Tensor, Tensor]:
    """Draw the squares of a batch of inner cuts, see `inner_squares`."""
    return inner_squares(
        shape,
        size,
        settings.innercut,
        settings.ic_pow,
        generator,
        even=settings.even,
        stratified=settings.stratified,
        varied=settings.varied,
    )


def inner_squares(
    shape: tuple[int, int],
    size: int,
    count: int,
    ic_pow: float,
    generator: torch.Generator,
    *,
    even: bool = False,
    stratified: bool = False,
    varied: bool = False,
) -> tuple[Tensor, Tensor, Tensor]:
    """Draw the squares of inner cuts.

    A side is ``u**p`` of the way from ``size`` to the picture's shorter side, u uniform in [0, 1), p being
    ``ic_pow``. Varied, each has an exponent of its own, ``ic_pow**v`` with v uniform in [0, 2). A
    square lies anywhere inside the picture. Stratified, sides are spread evenly, and from the largest on each
    square takes that one of `CANDIDATES` places of which the squares before it show least; their middles are
    drawn up to half a side beyond where they can be, so that the edges get their share.

    Args:
        shape: height and width of the picture.
        size: input size of the perceptor: the smallest side, unless the picture itself is smaller.
        count: how many.
        ic_pow: see `CutSettings`.
        generator: source of the numbers.
        even: whether sides and places are spread evenly.
        stratified: whether they avoid one another.
        varied: whether each has an exponent of its own.

    Returns:
        Sides, tops and lefts in whole pixels, float32, each of shape (count,).
    """
    height, width = shape
    largest = min(height, width)
    smallest = min(largest, size)
    draws = uniform(3, [count], generator, even=even or stratified)
    exponents: Tensor | float = ic_pow
    if varied and ic_pow != 1:  # of which every power is 1
        exponents = ic_pow ** (2 * uniform(1, [count], generator, even=even or stratified)[0])
    sides = (draws[0] ** exponents * (largest - smallest) + smallest).floor()
    if stratified:
        return (sides, *_apart(shape, sides, generator))
    tops = (draws[1] * (height - sides + 1)).floor()
    lefts = (draws[2] * (width - sides + 1)).floor()
    return sides, tops, lefts


def _apart(shape: tuple[int, int], sides: Tensor, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """Return tops and lefts of squares that avoid one another, in whole pixels."""
    draws = torch.rand(2, len(sides), CANDIDATES, generator=generator)
    if not len(sides):
        return sides, sides
    cell = max(shape) / CELLS
    rows, columns = (max(1, math.ceil(side / cell)) for side in shape)
    room = [(side - sides)[:, None] for side in shape]
    half = sides[:, None] / 2
    spans = [
        (draw * (space + 2 * half) - half).clamp(min=0).minimum(space).round()
        for draw, space in zip(draws, room, strict=True)
    ]
    down, across = (
        _covered(span, sides, cell, cells) for span, cells in zip(spans, (rows, columns), strict=True)
    )
    seen = torch.zeros(rows, columns)
    chosen = torch.zeros(len(sides), 1, dtype=torch.long)
    for index in sides.argsort(descending=True).unbind():
        # What was looked at already counts more the oftener it was.
        looked = (down[index] @ seen * across[index]).sum(dim=1)
        best = looked.argmin()
        chosen[index] = best
        seen += torch.outer(down[index, best], across[index, best])
    tops, lefts = (span.gather(1, chosen)[:, 0] for span in spans)
    return tops, lefts


def _covered(starts: Tensor, sides: Tensor, cell: float, cells: int) -> Tensor:
    """Return which share of each cell of a line spans cover: squares x places x cells."""
    edges = torch.arange(cells, dtype=torch.float32) * cell
    ends = (starts + sides[:, None])[..., None].minimum(edges + cell)
    return (ends - starts[..., None].maximum(edges)).clamp(min=0) / cell
