"""Depths that agree from frame to frame, whatever scale and shift the network gives each of them."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from animator.depth.blend import NEAREST

if TYPE_CHECKING:
    from animator.types import DepthMap, Mask

LEAST_KNOWN = 0.1
"""Share of the pixels that must be known for a fit."""

SAMPLES = 65536
"""About as many pixels are looked at; more would not change the fit, only its time."""

ITERATIONS = 10
"""Rounds of reweighting; the weights settle within five or six."""

FLAT = 0.01
"""Spread, in shares of the depth, below which a depth tells no shift apart from a scale."""

CUT = 0.25
"""Median of the error that is left, in shares of the depth, above which two frames show different scenes."""

FARTHEST, JUMP = 2.0, 4.0
"""A correction goes up to the first factor either way; a fit that asks for more than the second is a cut."""

SMOOTHING, RETURN = 0.15, 0.08
"""How fast the mean of the corrections follows them, and how much of that mean is given up, at every frame. A
correction that lasts is taken back within about a dozen frames; of one that comes and goes from frame to
frame, as a network's pumping does, less than a hundredth is let through."""


@dataclass(frozen=True)
class Drift:
    """How far the depths of a shot were corrected lately: a running mean, as natural logarithms of factors.

    Attributes:
        level: of the depths' mean.
        stretch: of their distances from it.
    """

    level: float = 0.0
    stretch: float = 0.0


NO_DRIFT = Drift()


@dataclass(frozen=True)
class Expectation:
    """What the depth of a frame should be, as far as the frame before it shows.

    Attributes:
        depth: float32, H x W; None where nothing is expected: no depth was moved.
        known: where it is known, bool, H x W.
        drift: how far the depths of the shot were corrected lately.
    """

    depth: DepthMap | None = None
    known: Mask | None = None
    drift: Drift = NO_DRIFT


NOTHING = Expectation()


@dataclass(frozen=True)
class Fit:
    """``depth -> (depth - centre) * stretch + centre * level``.

    Attributes:
        centre: mean of the depths that were fitted.
        level: what that mean is multiplied by.
        stretch: what distances from it are multiplied by.
        error: median error that is left, in shares of the expected depth.
    """

    centre: float
    level: float
    stretch: float
    error: float


def aligned(estimate: DepthMap, expectation: Expectation) -> tuple[DepthMap, Drift]:
    """Return a depth brought to the scale and shift of what is expected.

    Scale and shift are those of the *depth*: what MiDaS and Depth Anything leave open is a scale and shift
    of their prediction, and ``(50 - prediction) / 19`` makes of that a scale and shift of the depth; networks
    that tell metres err by a scale. Errors, though, count in shares of the depth, so that a near thing,
    which a move shifts most, counts no less than a far one.

    A frame that cannot be fitted begins again: where too little is known, and at a cut, which shows as a fit
    that turns the depth round, leaves large errors, or asks for a jump. Corrections stay within a factor of
    two, and those that last are taken back: a camera flies forwards for ever, while the network always sees
    the sky equally far, and the range of a shot must not shrink by that.

    Args:
        estimate: what the network says, H x W.
        expectation: what the depth before it, moved by the camera, lets one expect.

    Returns:
        The aligned depth, positive, and its drift; the very ``estimate`` and none where it begins again.
    """
    again = estimate, NO_DRIFT
    expected, known, drift = expectation.depth, expectation.known, expectation.drift
    if expected is None or known is None or known.float().mean() < LEAST_KNOWN:
        return again
    # A regular choice of pixels, in float64 on the CPU: the same fit wherever the network computes.
    step = max(1, int(known.sum()) // SAMPLES)
    seen, wanted = (depth[known][::step].cpu().double().numpy() for depth in (estimate, expected))
    fit = fit_range(seen, wanted)
    if fit is None or fit.error > CUT or not all(1 / JUMP < part < JUMP for part in (fit.level, fit.stretch)):
        return again
    level, drift_level = _held(fit.level, drift.level)
    stretch, drift_stretch = _held(fit.stretch, drift.stretch)
    depth = (estimate - fit.centre) * stretch + fit.centre * level
    return depth.clamp(min=NEAREST), Drift(drift_level, drift_stretch)


def fit_range(seen: np.ndarray, wanted: np.ndarray) -> Fit | None:
    """Fit scale and shift robustly: iteratively reweighted, with Cauchy weights.

    Mean and standard deviation of the one become those of the other (the reduced major axis). Least squares
    would flatten the depth a little at every frame, by the correlation of the two, and over a shot to
    nothing; this keeps its range.

    Args:
        seen: depths, float64, N.
        wanted: what they should be, float64, N, positive.

    Returns:
        The fit, or None where the one rises as the other falls.
    """
    centre, target = np.median(seen), np.median(wanted)
    spreads = [np.median(np.abs(values - np.median(values))) for values in (seen, wanted)]
    level = target / centre
    stretch = _ratio(spreads[1], spreads[0], level, FLAT * centre)
    fit = None
    for _ in range(ITERATIONS):
        fitted = (seen - centre) * stretch + target
        # The mean of both, or the noise of one would draw every fit to its side; and at least a quarter of
        # the usual depth, or a speck right before the camera could decide alone.
        size = np.maximum((fitted + wanted) / 2, target / 4)
        error = np.abs(fitted - wanted) / size
        scale = max(1.4826 * np.median(error), 1e-4)
        weight = 1 / (size**2 * (1 + (error / scale) ** 2))
        weight /= weight.sum()
        centre, target = (weight * seen).sum(), (weight * wanted).sum()
        seen_off, wanted_off = seen - centre, wanted - target
        seen_spread, wanted_spread = (np.sqrt((weight * off**2).sum()) for off in (seen_off, wanted_off))
        shaped = min(seen_spread / centre, wanted_spread / target) > FLAT
        if shaped and (weight * seen_off * wanted_off).sum() <= 0:
            return None
        level = target / centre
        stretch = _ratio(wanted_spread, seen_spread, level, FLAT * centre)
        left = np.abs(seen_off * stretch - wanted_off) / size
        fit = Fit(float(centre), float(level), float(stretch), float(np.median(left)))
    return fit


def _ratio(wanted: float, seen: float, level: float, flat: float) -> float:
    """Return how much wider one spread is than another; ``level`` where both are nearly flat."""
    return float(np.hypot(wanted, flat * level) / np.hypot(seen, flat))


def _held(factor: float, drift: float) -> tuple[float, float]:
    """Return a correction within its limits, less a part of the mean of them all, and that mean."""
    asked = math.log(factor)
    drift += SMOOTHING * (asked - drift)
    limit = math.log(FARTHEST)
    return math.exp(min(max(asked - RETURN * drift, -limit), limit)), drift
