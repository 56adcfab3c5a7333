"""The edges of near things in a depth, where a move tears the picture."""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np
import torch
from torch.nn.functional import max_pool2d

if TYPE_CHECKING:
    from animator.types import DepthMap, Mask

STEP = 1.1
"""Ratio of two depths from which on they are two things, one before the other."""

SOFTEST = 1 / 64
"""Half the width of the softest edge that is made sharp, in shares of the picture's shorter side."""

LEVELS_OFF = 0.7
"""Share of a depth's range (as a logarithm) in twice the neighbourhood that the neighbourhood itself must
reach for an edge: an edge has a level on either side, where an even slope goes on and reaches a half."""

SLOPE = 1.01
"""Ratio of neighbouring depths, on both sides of a pixel, from which on it lies on a slope."""

FRINGE = 2
"""Pixels beside a near thing that a hole takes with it when it opens there: one is mixed of both by the
smoothness of the edge, the next by the cubic kernel. Left behind they would be a ghost of its outline."""


def sharpened(depth: DepthMap) -> DepthMap:
    """Return a depth whose soft edges are steps: what lies between two things belongs to one of them.

    Networks draw edges softly, as a slope over a few pixels that nothing in the world has. Moved, such a
    slope would be a skirt between a near thing and its background. Each pixel on one goes to the level at its
    upper or lower end, whichever is closer in ratio.

    Args:
        depth: float32, H x W, positive.
    """
    reach = max(round(min(depth.shape) * SOFTEST), 2)
    values = depth.detach().cpu().float().numpy()
    low, high = _range(values, reach)
    lowest, highest = _range(values, 2 * reach)
    contrast = np.log(high / low)
    edge = (contrast > np.log(STEP)) & (contrast >= LEVELS_OFF * np.log(highest / lowest))
    between = edge & (_on_slope(np.log(values), 0) | _on_slope(np.log(values), 1))
    level = np.where(values * values < low * high, low, high)
    return torch.from_numpy(np.where(between, level, values)).to(depth.device)


def fringe(depth: DepthMap) -> Mask:
    """Return the far pixels beside near ones in which, or in whose sampling, both colours are mixed."""
    nearest = -max_pool2d(-depth[None], (2 * FRINGE + 1, 1), 1, (FRINGE, 0))
    nearest = -max_pool2d(-nearest, (1, 2 * FRINGE + 1), 1, (0, FRINGE))
    return depth > STEP * nearest[0]


def beside(mask: Mask) -> Mask:
    """Return a mask and what lies up to `FRINGE` pixels from it, also diagonally."""
    return max_pool2d(mask[None].float(), 2 * FRINGE + 1, 1, FRINGE)[0] > 0


def _on_slope(levels: np.ndarray, axis: int) -> np.ndarray:
    """Return which pixels lie between a clearly lower and a clearly higher neighbour along an axis."""
    rise = np.diff(levels, axis=axis)
    steep = np.where(np.abs(rise) > np.log(SLOPE), np.sign(rise), 0)
    before, after = (
        steep.take(range(steep.shape[axis] - 1), axis),
        steep.take(range(1, steep.shape[axis]), axis),
    )
    inner = before * after > 0
    return np.pad(inner, [(1, 1) if n == axis else (0, 0) for n in (0, 1)])


def _range(values: np.ndarray, reach: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the smallest and the largest value within some pixels of each one."""
    window = np.ones((2 * reach + 1, 2 * reach + 1), np.uint8)
    return cv2.erode(values, window), cv2.dilate(values, window)
