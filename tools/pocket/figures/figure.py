"""A figure of the card: a mean over pictures, how many they were, and how much one differs from another."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from tools.pocket import WEIGHTS

CARD = WEIGHTS / "figures.json"
"""The figures of the shipped weights, as ``--write`` left them."""


@dataclass(frozen=True)
class Figure:
    """One measured number.

    Attributes:
        value: the number.
        count: of how many independent values it is the mean; 0 where it is no mean.
        spread: their standard deviation.
    """

    value: float
    count: int = 0
    spread: float = 0.0

    @classmethod
    def of(cls, values: Sequence[float]) -> Figure:
        """Return the mean of some values, at least one.

        >>> Figure.of([0.0, 1.0, 1.0, 0.0])
        Figure(value=0.5, count=4, spread=0.5)
        """
        return cls(float(np.mean(values)), len(values), float(np.std(values)))


def tolerance(card: Figure, count: int, deviations: float = 3.0) -> float:
    """Return how far a second mean of ``count`` fresh values may lie from the card's by chance alone.

    Both are samples of one thing, so their difference has the variance ``spread**2 * (1/n + 1/m)``. One value
    in ``count`` is added, for a share near 0 or 1 moves in steps of that.

    Args:
        card: the figure to compare with; a mean.
        count: of how many values the second one is the mean.
        deviations: how many standard deviations are allowed.

    >>> round(tolerance(Figure(0.5, 100, 0.5), 100), 3)
    0.222
    """
    return deviations * card.spread * math.sqrt(1 / count + 1 / card.count) + 1 / count


def write(figures: Mapping[str, Figure], path: Path = CARD) -> None:
    """Write figures as JSON; a mapping of names to mappings."""
    rows = {
        name: {"value": round(one.value, 5), "count": one.count, "spread": round(one.spread, 5)}
        for name, one in figures.items()
    }
    path.write_text(json.dumps(rows, indent=1) + "\n", encoding="utf-8")


def read(path: Path = CARD) -> dict[str, Figure]:
    """Return the figures that `write` left."""
    rows = json.loads(path.read_text(encoding="utf-8"))
    return {name: Figure(**row) for name, row in rows.items()}


HEAD = "| figure | value | of |\n|---|---|---|"


def row(name: str, one: Figure) -> str:
    """Return a figure as a row of a table in Markdown, whose `HEAD` is the same for all.

    >>> row("own caption first", Figure(0.875, 64, 0.3))
    '| own caption first | 0.875 | 64 |'
    """
    return f"| {name} | {one.value:.3g} | {one.count or ''} |"
