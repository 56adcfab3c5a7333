"""After which steps of a diffusion something is kept."""

from __future__ import annotations

import math
from collections.abc import Sequence

from animator.settings.base import share

CUT_SHEETS = 5
"""Sheets of cuts that are kept of one diffusion."""


def intermediate_steps(wanted: int | Sequence[int | str], total: int) -> frozenset[int]:
    """Return the steps, counted from 1, whose clean estimate is kept.

    A number is spread evenly between the beginning and the end, neither of them counted. In a list a whole
    number is a step, a percentage a share of the steps (of a share above 0 at least the first step); what
    lies beyond the last step is passed over.

    Args:
        wanted: as in ``output.intermediates``.
        total: steps of the diffusion.

    >>> sorted(intermediate_steps(3, 100)), sorted(intermediate_steps([5, 40, 60, "50%"], 50))
    ([25, 50, 75], [5, 25, 40])
    """
    if isinstance(wanted, int):
        count = min(wanted, total - 1)
        return frozenset(_nearest(total * part / (count + 1)) for part in range(1, count + 1))
    steps = (one if isinstance(one, int) else _step_of_share(one, total) for one in wanted)
    return frozenset(step for step in steps if 1 <= step <= total)


def cut_steps(total: int) -> frozenset[int]:
    """Return the steps after which the cuts are shown: five, evenly spread, the first and the last included.

    >>> sorted(cut_steps(50)), sorted(cut_steps(3))
    ([1, 13, 26, 38, 50], [1, 2, 3])
    """
    return frozenset(_nearest(1 + (total - 1) * part / (CUT_SHEETS - 1)) for part in range(CUT_SHEETS))


def _step_of_share(percentage: str, total: int) -> int:
    part = share(percentage, total) * total
    return max(1, _nearest(part)) if part > 0 else 0


def _nearest(value: float) -> int:
    """Round half up: Python's own rounding goes to the even neighbour, which spreads unevenly."""
    return math.floor(value + 0.5)
