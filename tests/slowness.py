"""How slow the machine is at the moment, so that a limit in seconds asks the same of every one."""

from __future__ import annotations

import time
from functools import lru_cache

USUAL = 0.17
"""Seconds of a processor that the work below takes where the limits of the tests were set."""


@lru_cache(maxsize=1)
def slowness() -> float:
    """Return how many times as slow as usual, at least 1: the best of three tries of work in plain Python."""
    return max(1.0, min(_tried() for _ in range(3)) / USUAL)


def _tried() -> float:
    begun = time.process_time()
    table: dict[int, str] = {}
    for number in range(2_000_000):
        table[number % 1000] = str(number)
    return time.process_time() - begun
