"""Frames between two others along the optical flow."""

from __future__ import annotations

from fractions import Fraction

import cv2
import numpy as np
import torch

from animator.between.motion import STEPS, Field, Moved, Picture, both_moved, jumps, read, shifted, unlikeness
from animator.types import FlowEstimator, Frame

WAY = 2
"""Number of the way in which frames are made along the flow. Raise it when the same frames make others than
before."""

SMOOTHED = (4.0, 12.0, None)
"""Standard deviations, in pixels, of the blurs that make other motions of the one that was found; None stands
still."""

WINDOW = 7
"""Pixels of the side of the square over which a motion is judged."""

POOR, BAD = 2 / 255, 6 / 255
"""Difference of both frames from which on other motions are tried, and from which on they count in full."""

POWER = 2
"""How much less a motion counts that fits worse."""

BETTER = 1 / 255
"""How much better a neighbour's motion must be."""

LEAST = 0.5 / 255
"""Difference below which one motion is as good as another."""


class AlongFlow:
    """Makes frames between two others along the optical flow.

    Args:
        estimator: estimates how one frame moves into the next.
    """

    def __init__(self, estimator: FlowEstimator) -> None:
        self._estimator = estimator

    def between(self, first: Frame, second: Frame) -> FlowPair:
        """Return two frames of one size, ready to be asked for what is between them."""
        pictures = [np.ascontiguousarray(one.cpu().numpy().transpose(1, 2, 0)) for one in (first, second)]
        return FlowPair(pictures[0], pictures[1], *both_moved(pictures[0], pictures[1], self._estimator))


class FlowPair:
    """Two frames and how they move into each other."""

    def __init__(self, first: Picture, second: Picture, onward: Moved, back: Moved) -> None:
        self.pictures = first, second
        self.moved = onward, back

    def at(self, share: Fraction) -> Frame:
        """Return the frame at a time from 0, the first, to 1, the second.

        The motion at that time is found by moving each frame's flow along itself (as in Baker et al. 2011, "A
        database and evaluation methodology for optical flow", 4.4). Both frames are read along it and mixed
        by nearness; what one of them does not show is taken from the other. Where they differ although both
        show it, as a painted film draws its detail anew in every frame, no motion is right, and several are
        mixed: each counts by how well both frames agree along it.
        """
        part = float(share)
        motion, weight, single = self._motion(part)
        motion = self._sharpened(motion, part, ~single)
        before, after = self._read(motion, part, cv2.INTER_CUBIC)
        mixed = before + (after - before) * weight[..., None]
        seen_twice = (~single).astype(np.float32)
        off = unlikeness(before, after) * seen_twice
        off = _boxed(off) / np.maximum(_boxed(seen_twice), 1e-3)
        doubt = ((off - POOR) / (BAD - POOR)).clip(0, 1) * seen_twice
        if doubt.any():
            mixed = self._with_others(mixed, off, doubt, motion, part)
        return torch.from_numpy(np.ascontiguousarray(mixed.clip(0, 1).transpose(2, 0, 1), dtype=np.float32))

    def _sharpened(self, motion: Field, part: float, free: np.ndarray) -> Field:
        """Return a motion with its jumps where both frames agree better; only the pixels of a mask change."""
        free = free & jumps(motion, 2)
        if not free.any():
            return motion

        def off(tried: Field) -> np.ndarray:
            return cv2.boxFilter(unlikeness(*self._read(tried, part, cv2.INTER_LINEAR)), -1, (3, 3))

        motion, best = motion.copy(), off(motion) - BETTER
        for dy, dx in [(dy * far, dx * far) for far in (1, 2) for dy, dx in STEPS]:
            tried = np.ascontiguousarray(shifted(motion, dy, dx))
            its = off(tried)
            better = free & (its < best)
            motion[better], best[better] = tried[better], its[better]
        return motion

    def _with_others(
        self, mixed: Picture, off: np.ndarray, doubt: np.ndarray, motion: Field, part: float
    ) -> Picture:
        """Return a mixture with what other motions make, as far as the one that was found is in doubt."""
        total = (off + LEAST) ** -POWER
        result = mixed * total[..., None]
        for blur in SMOOTHED:
            other = np.zeros_like(motion) if blur is None else cv2.GaussianBlur(motion, (0, 0), blur)
            before, after = self._read(other, part, cv2.INTER_LINEAR)
            counts = doubt * (_boxed(unlikeness(before, after)) + LEAST) ** -POWER
            result += (before + (after - before) * np.float32(part)) * counts[..., None]
            total += counts
        return result / total[..., None]

    def _read(self, motion: Field, part: float, sampling: int) -> tuple[Picture, Picture]:
        """Return both frames as a motion at a time says."""
        first, second = self.pictures
        return read(first, motion * np.float32(-part), sampling), read(
            second, motion * np.float32(1 - part), sampling
        )

    def _motion(self, part: float) -> tuple[Field, np.ndarray, np.ndarray]:
        """Return how far what is at each pixel goes from the first frame to the second, at a time in between.

        Returns:
            The motion; the second frame's weight, H x W; which pixels but one frame shows, H x W.
        """
        height, width = self.moved[0].agreed.shape
        motion = np.zeros((height, width, 2), np.float32)
        rank = np.full((height, width), NOBODY)
        weight = np.full((height, width), np.float32(part))
        single = np.zeros((height, width), bool)
        nearer_first = (0, 1) if part < 0.5 else (1, 0)
        for which in nearer_first:
            moved, way = self.moved[which], (part, 1 - part)[which]
            source, its_rank = _landed(moved, way)
            ahead = its_rank < rank
            from_here = source[ahead]
            flow = moved.flow.reshape(-1, 2)[from_here]
            hidden = moved.hidden.ravel()[from_here]
            motion[ahead], rank[ahead] = flow if which == 0 else -flow, its_rank[ahead]
            single[ahead] = hidden
            weight[ahead] = np.where(hidden, np.float32(which), np.float32(part))
        return _filled(motion, rank < NOBODY), weight, single


AGREED, HIDDEN, UNMATCHED, NOBODY = range(4)
"""Whose motion is believed first."""


def _landed(moved: Moved, way: float) -> tuple[np.ndarray, np.ndarray]:
    """Return which pixel of a frame arrives at each place after a part of its way, and its rank, each H x W.

    Of several, the one of the highest rank arrives, and of those the one most like where it goes; those at
    the edge of a thing, which show some of what is behind it, give way.
    """
    height, width = moved.agreed.shape
    rank = np.where(moved.agreed, AGREED, np.where(moved.hidden, HIDDEN, UNMATCHED))
    columns = np.arange(width) + np.rint(moved.flow[..., 0] * way).astype(np.int64)
    rows = np.arange(height)[:, None] + np.rint(moved.flow[..., 1] * way).astype(np.int64)
    arrives = np.flatnonzero((columns >= 0) & (columns < width) & (rows >= 0) & (rows < height))
    later = rank + (moved.unlike.clip(0, 1) + jumps(moved.flow, 1)) / 3
    order = arrives[np.argsort(-later.ravel()[arrives], kind="stable")]
    source = np.zeros(height * width, np.int64)
    ranks = np.full(height * width, NOBODY)
    place = (rows * width + columns).ravel()[order]  # where several arrive, the last is kept
    source[place], ranks[place] = order, rank.ravel()[order]
    return source.reshape(height, width), ranks.reshape(height, width)


def _filled(motion: Field, known: np.ndarray) -> Field:
    """Return a motion with that of the nearest pixel where none arrived; 0 if none did anywhere."""
    if known.all() or not known.any():
        return motion
    _, labels = cv2.distanceTransformWithLabels(
        (~known).astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_5, labelType=cv2.DIST_LABEL_PIXEL
    )
    number = np.zeros(labels.max() + 1, np.int64)
    number[labels[known]] = np.flatnonzero(known)
    filled: Field = motion.reshape(-1, 2)[number[labels]]
    return filled


def _boxed(values: np.ndarray) -> np.ndarray:
    return cv2.boxFilter(values, -1, (WINDOW, WINDOW))
