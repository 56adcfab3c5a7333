"""What makes a frame bad: no numbers, nothing to be seen, blown out colours or coloured noise.

Every measure is taken on a sample of a frame's pixels first. Only where that looks bad is the whole frame
measured, which then decides: a good frame costs little, and no pattern is mistaken for one colour because
the sample met the same part of it everywhere.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING

import torch

from animator.settings.guard import GuardOptions

if TYPE_CHECKING:
    from torch import Tensor

    from animator.types import Frame

NO_NUMBERS = "values that are no numbers"
"""What is wrong with NaN and infinities."""

SAMPLE = 2**15
"""About how many pixels are looked at first."""

NEAR = 0.02
"""Largest difference in any channel at which two colours count as one: five of 255 levels."""

EDGE = 1 / 510
"""Distance from 0 or 1 at which a value is written as black or white: half of one of 255 levels."""

FADING = 0.25
"""The part of its contrast that a frame keeps at least where it fades as meant, however dark it becomes."""

REACH = 128
"""The part of a picture's shorter side, at least a pixel, over which colours are compared: coloured noise
is as coarse as the network that made it, and large pictures are as smooth in it as small ones."""

DARK = 0.04
"""Largest mean of a black frame; of a white one, what is missing to 1."""


FIRM = 4
"""How many times flatter than `GuardOptions.flat` a clean estimate is that cannot become a picture."""

ROUGH = 7
"""How many times `GuardOptions.grain` a clean estimate has to have to be noise by that alone.

With a strong `guidance.tv_scale` (50,000) it has ten times as much at 30 % of the steps, five times at 50 %,
and becomes a picture; even noise in every value has nine times as much throughout.
"""

SATURATED = 0.995
"""The share of its values at exactly 0 or 1 above which a clean estimate with `GuardOptions.grain` is noise.

Guidance that is strong, but leads to pictures, cuts off up to 0.998 at 15 % of the steps and 0.989 at 30 %;
unclamped guidance at a scale of a million all at both.
"""


def fault_of(picture: Frame, before: Frame | None, limits: GuardOptions, *, beyond: float = 0.0) -> str:
    """Tell in a few words what is wrong with a painted frame; an empty text if nothing is.

    Args:
        picture: the frame.
        before: what it was painted over, of the same size, or None where it began with noise.
        limits: what is allowed.
        beyond: how far its values were out of range before they were clamped, see `Painted.beyond`.
    """
    # A value that is no number makes the sum none; 3 x H x W values in [0, 1] cannot make it infinite.
    if not math.isfinite(float(picture.sum())):
        return NO_NUMBERS
    if beyond > limits.beyond:
        return f"blown out colours ({beyond:.2f} out of range on average)"
    return _measured(_seen, picture, before, limits)


def blank_estimate(estimate: Frame, before: Frame | None, limits: GuardOptions) -> str:
    """Tell whether a clean estimate has no numbers or nothing to be seen; an empty text if it is neither.

    Args:
        estimate: of a diffusion under way, clamped to [0, 1].
        before: what is painted over, of the same size, or None where it began with noise.
        limits: what is allowed of pictures. An estimate, which is blurred at first, is allowed more.
    """
    if not math.isfinite(float(estimate.sum())):
        return NO_NUMBERS
    return _measured(_blank, estimate, before, limits)


def noisy_estimate(estimate: Frame, before: Frame | None, limits: GuardOptions) -> str:
    """Tell whether a clean estimate is coloured noise; arguments as in `blank_estimate`."""
    return _measured(_noisy, estimate, before, limits)


Measure = Callable[["Frame", "Frame | None", GuardOptions, int], str]
"""Returns what is wrong with every ``step``-th pixel of every ``step``-th row of a picture."""


def _measured(measure: Measure, picture: Frame, before: Frame | None, limits: GuardOptions) -> str:
    """Return what a measure says of a sample, and where that is bad, of the whole."""
    height, width = picture.shape[-2:]
    step = max(1, math.isqrt(height * width // SAMPLE))
    fault = measure(picture, before, limits, step)
    return measure(picture, before, limits, 1) if fault and step > 1 else fault


def _blank(estimate: Frame, before: Frame | None, limits: GuardOptions, step: int) -> str:
    look = estimate[:, ::step, ::step].flatten(1)
    base = None if before is None else before.to(estimate.device)[:, ::step, ::step].flatten(1)
    deviation = float(look.std(dim=1, correction=0).max())
    faded = base is not None and _spread(look) >= FADING * _spread(base)
    if faded or deviation >= limits.flat / FIRM:
        return ""
    return _named(look, f"flat (standard deviation {deviation:.4f})")


def _noisy(estimate: Frame, before: Frame | None, limits: GuardOptions, step: int) -> str:
    grain = _grain(estimate, step)
    if grain <= limits.grain or (before is not None and grain <= 2 * _grain(before, step)):
        return ""
    clipped = _clipped(estimate[:, ::step, ::step].flatten(1))
    grown = clipped - (0.0 if before is None else _clipped(before[:, ::step, ::step].flatten(1)))
    saturated = clipped > SATURATED and grown > limits.clipped
    return f"coloured noise (grain {grain:.2f})" if saturated or grain > ROUGH * limits.grain else ""


def _seen(picture: Frame, before: Frame | None, limits: GuardOptions, step: int) -> str:
    """Return what is wrong with every ``step``-th pixel of every ``step``-th row."""
    look = picture[:, ::step, ::step].flatten(1)
    base = None if before is None else before.to(picture.device)[:, ::step, ::step].flatten(1)
    if base is None or _spread(look) < FADING * _spread(base):
        if (deviation := float(look.std(dim=1, correction=0).max())) < limits.flat:
            return _named(look, f"flat (standard deviation {deviation:.4f})")
        if (share := _solid(look)) > limits.solid:
            return _named(look, f"one colour ({share:.1%} of the pixels)")
    if base is not None and (grown := _clipped(look) - _clipped(base)) > limits.clipped:
        return f"blown out colours ({grown:.0%} more of the values are cut off)"
    grain = _grain(picture, step)
    if grain > limits.grain and (before is None or grain > 2 * _grain(before, step)):
        return f"coloured noise (grain {grain:.2f})"
    return ""


def _spread(look: Tensor) -> float:
    """Return the largest mean deviation of a channel, values 3 x N; a few specks hardly count in it."""
    return float((look - look.mean(dim=1, keepdim=True)).abs().mean(dim=1).max())


def _solid(look: Tensor) -> float:
    """Return the share of pixels that are within `NEAR` of the median colour, values 3 x N."""
    middle = look.median(dim=1, keepdim=True).values
    return float(((look - middle).abs() <= NEAR).all(dim=0).float().mean())


def _clipped(look: Tensor) -> float:
    """Return the share of values that are black or white in their channel."""
    return float(((look - 0.5).abs() >= 0.5 - EDGE).float().mean())


def _grain(picture: Frame, step: int) -> float:
    """Return how much colours change over a `REACH` to the right and downwards, on average.

    Colour is red against green, and blue against both: edges of light and shade do not count.
    """
    far = max(1, min(picture.shape[-2:]) // REACH)
    here = picture[:, :-far:step, :-far:step]
    others = picture[:, :-far:step, far::step], picture[:, far::step, :-far:step]
    changes = [(other - here).flatten(1) for other in others]
    against = torch.tensor([[1.0, -1.0, 0.0], [-0.5, -0.5, 1.0]], device=picture.device)
    return sum(float((against @ change).abs().mean(dim=1).sum()) for change in changes)


def _named(look: Tensor, what: str) -> str:
    """Return what a frame without contrast is: black, white or ``what``."""
    mean = float(look.mean())
    if mean < DARK:
        return "all black"
    return "all white" if mean > 1 - DARK else what
