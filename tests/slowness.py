"""How slow the machine is at the moment, so that a limit in seconds asks the same of every one."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager

USUAL = 0.17
"""Seconds of a processor that the work below takes where the limits of the tests were set."""


def slowness() -> float:
    """Return how many times as slow as usual, at least 1: the best of three tries of work in plain Python."""
    return max(1.0, min(_tried() for _ in range(3)) / USUAL)


@contextmanager
def within(seconds: float) -> Iterator[None]:
    """Fail where what is done inside takes more than so many seconds of a processor on a usual machine.

    What else the machine does, and waiting, are not counted; the work of children that were waited for is.
    """
    begun = computed()
    yield
    took = computed() - begun
    assert took < seconds or took < seconds * slowness(), (
        f"{took:.2f} s of a processor, {seconds} are allowed"
    )


def computed() -> float:
    """Return the seconds of a processor that this process and its finished children have taken."""
    children = os.times()
    return time.process_time() + children.children_user + children.children_system


def _tried() -> float:
    begun = time.process_time()
    table: dict[int, str] = {}
    for number in range(2_000_000):
        table[number % 1000] = str(number)
    return time.process_time() - begun
