"""Figures in words: how much is a little."""

from __future__ import annotations

DRIFT = ((5.0, "steady"), (15.0, "drifts slightly"), (40.0, "drifts clearly"))
"""Up to how many per cent, either way, a figure is how steady over a film."""

FLICKER = ((0.01, "hardly any"), (0.03, "a little"), (0.08, "some"))
"""Up to which flicker there is how much of it."""


def drift_words(percent: float | None) -> str | None:
    """Return how steady a figure is over a film; None where that is not known.

    >>> drift_words(-3.0), drift_words(20.0), drift_words(-80.0), drift_words(None)
    ('steady', 'drifts clearly', 'drifts strongly', None)
    """
    if percent is None:
        return None
    return next((words for most, words in DRIFT if abs(percent) < most), "drifts strongly")


def flicker_words(flicker: float | None) -> str | None:
    """Return how much a film flickers; None where that is not known.

    >>> flicker_words(0.0), flicker_words(0.05), flicker_words(0.3)
    ('hardly any', 'some', 'much')
    """
    if flicker is None:
        return None
    return next((words for most, words in FLICKER if flicker < most), "much")
