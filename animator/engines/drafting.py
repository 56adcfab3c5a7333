"""Numbers of a scene scaled down for its draft."""

from __future__ import annotations

import math

import pandas as pd

from animator.settings.base import Animated


def scaled(count: int | str, steps: int, before: int) -> int | str:
    """Return a number of steps in proportion, rounded down so that steps remain; a percentage stays."""
    return count if isinstance(count, str) else count * steps // before


def by_frame(values: pd.Series) -> Animated:
    """Return values as one number where they are all the same, else as a mapping from frames to them."""
    numbers = [int(value) if value == math.floor(value) else float(value) for value in values]
    if len(set(numbers)) == 1:
        return numbers[0]
    return dict(enumerate(numbers))
