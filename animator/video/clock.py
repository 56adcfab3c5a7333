"""The clock by which a film of somebody else's is read: which rate it has, and how many frames that makes.

A film of one rate is read at that rate, as an exact fraction. One whose pictures come at uneven times, as of
telephones, screen recordings and GIFs, is read at the lowest usual rate that shows each of them.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from animator.video.film import frame_rate

NEAR = 0.4
"""Frames by which a time stamp may lie beside the clock of a film of one rate: containers round them."""

EXACT = 0.1
"""Frames by which the pictures of an uneven film may lie beside a clock that is said to be theirs."""

AT_ONCE = 1 / 300
"""Seconds in which the next picture takes the place of one that nobody can have seen."""

LATE = 0.05
"""Seconds by which a picture of an uneven film may be shown too early or too late."""

REGULAR = 0.95
"""Share of the ticks of a film of one rate that must have a frame, the others having been dropped."""

BROADCAST = [Fraction(rate * 1000, 1001) for rate in (24, 30, 60)]
WHOLE = "1 2 3 4 5 6 8 10 12 12.5 15 16 20 24 25 30 48 50 60 75 90 100 120"
USUAL = [*map(Fraction, WHOLE.split()), *BROADCAST]
"""Rates at which uneven films are read."""

HIGHEST = max(USUAL)

SLOW = 12
"""Rates up to here may be higher than the shortest time between two pictures asks for."""

BELIEVED = (1, 1001)
"""Denominators of whole and broadcast rates."""

ROUNDED = Fraction(1, 200)
"""How far a rate may be from what ffmpeg prints of it, two decimals."""

DRIFT = 0.25
"""Frames by which a film's end may lie beside a usual rate before its own, exact rate counts."""


@dataclass(frozen=True)
class FilmClock:
    """When the frames of a film are shown.

    Attributes:
        fps: frames a second.
        frames: ticks that the film lasts.
        even: whether the film has one rate.
        lost: how many of its pictures are not shown, because others come too soon after them.
        slack: seconds by which a picture may come after the tick from which on it is seen; 0: each picture is
            seen from the tick on that is nearest to it.
    """

    fps: Fraction
    frames: int
    even: bool = True
    lost: int = 0
    slack: Fraction = Fraction(0)


def own_clock(
    times: Sequence[Fraction], end: Fraction, unit: Fraction, told: str, fallback_fps: Fraction
) -> FilmClock:
    """Return the clock of a film.

    A film has a constant rate, the one it names, if its pictures lie at the ticks of that clock and nearly
    every tick has one.

    Args:
        times: when its pictures are shown, in seconds, rising, at least one.
        end: when the last one is over.
        unit: the unit of its time stamps, in seconds.
        told: what ffmpeg prints of it, such as ``29.97 fps, 30 tbr``.
        fallback_fps: rate of a film of a single picture.
    """
    length, span = end - times[0], times[-1] - times[0]
    places = np.array([float(time - times[0]) for time in times])
    if len(times) == 1 or not span:
        return _one_picture(length, told, fallback_fps)
    named = list(_named(told))
    for rate in named:
        ticks = _ticks(places, rate)
        if ticks:
            rate = _exact(rate, ticks - 1, span, unit)
            return FilmClock(rate, max(ticks, round(length * rate)))
    return _uneven(places, length, span, unit, named)


def resampled(
    times: Sequence[Fraction], end: Fraction, unit: Fraction, fps: Fraction, even: bool
) -> FilmClock:
    """Return a clock of another rate, at each tick of which the film shows what is to be seen then.

    Args:
        times: as for `own_clock`, as the two that follow.
        end: the same.
        unit: the same.
        fps: frames a second.
        even: whether the film itself has one rate.
    """
    slack = min(unit, Fraction(2, 5) / fps)
    places = np.array([float((time - times[0] - slack) * fps) for time in times])
    frames = max(1, math.ceil((end - times[0] - slack) * fps))
    return FilmClock(fps, frames, even, _lost(places, frames), slack)


def _lost(places: np.ndarray, frames: int) -> int:
    """Return how many pictures are not shown, each being seen from the tick after its place on."""
    ticks = np.ceil(places)
    return len(places) - len(np.unique(ticks[ticks < frames]))


def _one_picture(length: Fraction, told: str, fallback_fps: Fraction) -> FilmClock:
    """Return the clock of a single picture.

    Where a film names no rate, ffmpeg prints the unit of its time stamps in its place (a GIF's 100, and the
    25 of a picture's file).
    """
    unit = re.search(r"([\d.]+)(k?) tbn\b", told)
    units = frame_rate(unit[1]) * (1000 if unit[2] else 1) if unit else None
    rate = next((rate for rate in _named(told) if rate != units), fallback_fps)
    return FilmClock(rate, max(1, round(length * rate)))


def _named(told: str) -> Iterator[Fraction]:
    """Yield the rates that a film names."""
    for word in ("tbr", "fps"):
        found = re.search(rf"([\d.]+)(k?) {word}\b", told)
        if found is not None and float(found[1]):
            yield frame_rate(found[1]) * (1000 if found[2] else 1)


def _ticks(places: np.ndarray, rate: Fraction) -> int:
    """Return how many ticks of a clock a film's pictures fill; 0 if that is not their clock."""
    ticks = places * float(rate)
    nearest = np.rint(ticks)
    last = int(nearest[-1]) + 1
    beside = int((np.abs(ticks - nearest) > NEAR).sum())
    filled = len(np.unique(nearest))
    regular = filled >= REGULAR * max(last, len(places)) and beside <= (1 - REGULAR) * len(places)
    return last if regular else 0


def _exact(named: Fraction, ticks: int, span: Fraction, unit: Fraction) -> Fraction:
    """Return the rate that is meant by one of two decimals, by how long its ticks take.

    Args:
        named: the rate as it is written; whole and broadcast rates count as long as they may be meant.
        ticks: how many ticks the pictures take up.
        span: seconds that they take, to a ``unit``.
        unit: of the time stamps.
    """
    if ticks < 1 or span <= unit:
        return named
    low, high = ticks / (span + unit), ticks / (span - unit)
    if named.denominator in BELIEVED:
        if low <= named <= high or abs(span * named - ticks) <= DRIFT:
            return named
    else:
        low, high = max(low, named - ROUNDED), min(high, named + ROUNDED)
    rate = _simplest(low, high) if low <= high else named
    return rate if abs(rate - named) <= named / 50 and rate.denominator <= 1001 else named


def _simplest(low: Fraction, high: Fraction) -> Fraction:
    """Return the fraction of the smallest denominator between two positive ones.

    >>> _simplest(Fraction(33, 100), Fraction(34, 100))
    Fraction(1, 3)
    """
    whole = math.ceil(low)
    if whole <= high:
        return Fraction(whole)
    below = math.floor(low)
    return below + 1 / _simplest(1 / (high - below), 1 / (low - below))


def _uneven(
    places: np.ndarray, length: Fraction, span: Fraction, unit: Fraction, named: Sequence[Fraction]
) -> FilmClock:
    """Return the clock of a film without a constant rate; see the module."""
    moments = np.unique(places)
    seen = np.append(np.diff(moments) >= AT_ONCE, True) & (moments >= AT_ONCE)
    seen[0] = True
    moments = moments[seen]
    lost = len(places) - len(moments)
    if len(moments) == 1:
        return FilmClock(Fraction(SLOW), 1, False, lost)
    gaps = np.sort(np.diff(moments))
    quickest = 1 / float(gaps[len(gaps) // 20])
    average = _simplest((len(moments) - 1) / (span + unit), (len(moments) - 1) / max(span - unit, unit))
    rates = sorted({*USUAL, *(rate for rate in (*named, average) if rate <= HIGHEST)})
    # The rate that the film names is tried first; one that it does not need would only cost time.
    within = [rate for rate in (*named, *rates) if float(rate) <= max(1.5 * quickest, SLOW)]
    for tried, beside in ((within, EXACT), (within, NEAR), (rates, 0.5)):
        for rate in tried:
            ticks = moments * float(rate)
            off = np.abs(ticks - np.rint(ticks))
            late = float(off.max()) > LATE * float(rate)
            if late or (off > beside).mean() > 1 - REGULAR or len(np.unique(np.rint(ticks))) < len(moments):
                continue
            return FilmClock(rate, max(int(np.rint(ticks[-1])) + 1, round(length * rate)), False, lost)
    # No rate shows all: the highest that is of use shows what is to be seen at its ticks.
    rate = next((rate for rate in sorted(USUAL) if float(rate) >= quickest), HIGHEST)
    slack = min(unit, Fraction(2, 5) / rate)
    frames = max(1, math.ceil((length - slack) * rate))
    lost += _lost((moments - float(slack)) * float(rate), frames)
    return FilmClock(rate, frames, False, lost, slack)
