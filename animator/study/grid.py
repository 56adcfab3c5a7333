"""Which cells the axes of a study make, and on which page of the sheet each of them is."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

from animator.study.asked import Asked
from animator.study.axes import AT, Axis, AxisError, Value, zipped

MOST_CELLS = 10_000
"""Cells of a study."""

MOST_ALONG = 12
"""Rows, or columns, of a page; longer axes take several pages."""

MOST_IN_FLOW = 60
"""Cells of a page where there is one axis."""

Place = tuple[int, ...]
"""Of a cell: the number of its value on each axis."""


@dataclass(frozen=True)
class Grid:
    """The axes of a study in their order.

    Attributes:
        axes: those that are painted.
        at: shares of the diffusion, whose pictures come of one painting each; empty: no such axis.
    """

    axes: tuple[Axis, ...]
    at: tuple[str, ...] = ()

    @property
    def shown(self) -> tuple[Axis, ...]:
        """The axes of the sheet: the shares of the diffusion are the last."""
        if not self.at:
            return self.axes
        return (*self.axes, Axis((AT,), tuple(Value(share, ()) for share in self.at)))

    @property
    def painted(self) -> list[Place]:
        """The places of what is painted: every combination of the values, the first axis fastest."""
        return _places(self.axes)

    @property
    def cells(self) -> list[Place]:
        """The places of all cells."""
        return _places(self.shown)

    def settings(self, place: Place) -> list[str]:
        """Return what is set for a place of `painted` or `cells`, as after ``--set``."""
        return [
            f"{name}={text}"
            for axis, number in zip(self.axes, place, strict=False)
            for name, text in zip(axis.names, axis.values[number].texts, strict=True)
        ]

    def labels(self, place: Place) -> tuple[str, ...]:
        """Return the values of a place of `cells` for a reader."""
        return tuple(axis.values[number].label for axis, number in zip(self.shown, place, strict=False))


def _places(axes: Sequence[Axis]) -> list[Place]:
    turned = itertools.product(*(range(len(axis.values)) for axis in reversed(axes)))
    return [place[::-1] for place in turned]


def grid_of(asked: Asked) -> Grid:
    """Return the grid of what is asked for; raises AxisError where it makes none."""
    if not asked.axes and len(asked.at) < 2:
        raise AxisError(
            "there is nothing to vary: name a setting, such as --vary guidance.clamp_max=0.05,0.1"
        )
    axes = (zipped(asked.axes),) if asked.zip and len(asked.axes) > 1 else asked.axes
    grid = Grid(axes, asked.at)
    count = len(grid.at) or 1
    for axis in axes:
        count *= len(axis.values)
    if count > MOST_CELLS:
        sizes = " x ".join(str(len(axis.values)) for axis in grid.shown)
        raise AxisError(f"{sizes} values make {count} cells, at most {MOST_CELLS} are possible")
    return grid


@dataclass(frozen=True)
class Page:
    """A page of the sheet.

    Attributes:
        about: the values of the axes that are neither along a row nor down a column, and what part of these
            the page shows where they take several: (name, value) for a reader.
        columns: numbers of the values of the first axis, along a row; of a single axis all that the page has.
        rows: numbers of the values of the second axis, down a column; empty with a single axis.
        rest: numbers of the values of the other axes.
    """

    about: tuple[tuple[str, str], ...]
    columns: tuple[int, ...]
    rows: tuple[int, ...]
    rest: tuple[int, ...] = ()

    @property
    def places(self) -> list[Place]:
        """The cells of the page, row by row."""
        if not self.rows:
            return [(column,) for column in self.columns]
        return [(column, row, *self.rest) for row in self.rows for column in self.columns]


def pages_of(grid: Grid) -> list[Page]:
    """Return the pages of the sheet, in order; every cell is on one of them."""
    axes = grid.shown
    if len(axes) == 1:
        return [Page(about, part, ()) for part, about in _parts(axes[0], MOST_IN_FLOW)]
    pages = []
    for rest in _places(axes[2:]):
        values = tuple(
            (axis.title, axis.values[number].label) for axis, number in zip(axes[2:], rest, strict=True)
        )
        for rows, below in _parts(axes[1], MOST_ALONG):
            for columns, along in _parts(axes[0], MOST_ALONG):
                pages.append(Page((*values, *along, *below), columns, rows, rest))
    return pages


def _parts(axis: Axis, most: int) -> list[tuple[tuple[int, ...], tuple[tuple[str, str], ...]]]:
    """Return the numbers of an axis's values in parts, each with what is to be said of it."""
    numbers = range(len(axis.values))
    parts = [tuple(numbers[first : first + most]) for first in range(0, len(numbers), most)]
    if len(parts) == 1:
        return [(parts[0], ())]
    return [
        (part, ((axis.title, f"values {part[0] + 1} to {part[-1] + 1} of {len(numbers)}"),)) for part in parts
    ]
