"""Times of calls: warmed up, the median and how far it spreads."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch


@dataclass(frozen=True)
class Timing:
    """How long a call takes.

    Attributes:
        median: seconds.
        low: the fastest, seconds.
        high: the slowest, seconds.
        repeats: how often it was taken.
    """

    median: float
    low: float
    high: float
    repeats: int


def timed(call: Callable[[], Any], *, repeats: int = 5, warmup: int = 1) -> Timing:
    """Take the time of a call; on a GPU until all of its work is done."""
    return timed_in_turn([call], repeats=repeats, warmup=warmup)[0]


Clock = Callable[[], float]
"""Returns seconds since some moment."""


def clock_of(device: torch.device) -> Clock:
    """Return what tells the time of work on a device: the processor's own, on a GPU that of the wall."""
    return time.process_time if device.type == "cpu" else time.perf_counter


def timed_in_turn(
    calls: list[Callable[[], Any]], *, repeats: int = 5, warmup: int = 1, clock: Clock = time.perf_counter
) -> list[Timing]:
    """Take the times of calls in turn, A B A B, so that what else the machine does falls on all of them."""
    for _ in range(warmup):
        for call in calls:
            call()
    laps: list[list[float]] = [[] for _ in calls]
    for _ in range(repeats):
        for call, of_call in zip(calls, laps, strict=True):
            of_call.append(_lap(call, clock))
    return [Timing(statistics.median(one), min(one), max(one), repeats) for one in laps]


def _lap(call: Callable[[], Any], clock: Clock) -> float:
    _wait()
    began = clock()
    call()
    _wait()
    return clock() - began


def _wait() -> None:
    if torch.cuda.is_available():
        torch.cuda.synchronize()
