"""The motion between two frames, for what moves in front of what: edges put right, hidden parts found."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import torch
from torch import Tensor

from animator.flow.consistency import consistency
from animator.types import Flow, FlowEstimator

Picture = np.ndarray
"""H x W x 3, float32 in [0, 1]."""

Field = np.ndarray
"""A flow as OpenCV has it: H x W x 2, float32, pixels to the right and downwards."""

STEPS = tuple((dy, dx) for dy in (-1, 0, 1) for dx in (-1, 0, 1) if dy or dx)
"""The eight neighbours of a pixel."""

REACHES = (3, 10)
"""Pixels from which a pixel may take over the motion of another."""

WINDOW = 2
"""Pixels on each side over which a motion is judged."""

_SIDE = range(-WINDOW, WINDOW + 1)

ALIKE = 12 / 255
"""Difference of colour at which a neighbour counts 1 / e for the judgement of a pixel."""

MOST = 30 / 255
"""Difference from which on two pixels are simply unlike: what is hidden has no match, however it moves."""

BETTER = 0.5 / 255
"""How much better another motion must be."""

JUMP = 1.0
"""Pixels by which motions must differ to be those of two things."""

MATCHED = 10 / 255
"""Difference up to which a pixel is found again in the other frame."""

AROUND = 20
"""Pixels on each side within which most must be found again before anything counts as hidden."""

FARTHEST = 20
"""Steps that a motion is carried on into what has none."""


@dataclass(frozen=True)
class Moved:
    """How one frame moves into the other.

    Attributes:
        flow: where each of its pixels goes.
        unlike: difference to what is there, H x W in [0, 1].
        agreed: which pixels the other frame's flow leads back to.
        hidden: which pixels something else covers in the other frame, or that leave it.
    """

    flow: Field
    unlike: np.ndarray
    agreed: np.ndarray
    hidden: np.ndarray


def both_moved(first: Picture, second: Picture, estimator: FlowEstimator) -> tuple[Moved, Moved]:
    """Return how two frames move into each other.

    An estimated flow is smeared across the edges of what moves. Each pixel therefore may take the motion of
    another nearby, where the pixels around it of its own colour fit better so; what the other frame does not
    show has no match and takes the motion of the nearest pixel, along paths of little difference in colour.

    Args:
        first: the earlier frame.
        second: the later one, of the same size.
        estimator: estimates the flows to begin with.
    """
    pair = first, second
    flows = [_field(flow) for flow in estimator.both_ways(_tensor(first), _tensor(second))]
    flows = [_sharpened(pair[this], pair[1 - this], flows[this]) for this in (0, 1)]
    agreed, moved = _agreed(*flows), []
    explained = [_explained(pair[this], pair[1 - this], flows[this], agreed[this]) for this in (0, 1)]
    # Where little is found again, as in films that are painted anew, nothing says what is hidden.
    known = [sure | ~plain for sure, plain in zip(agreed, explained, strict=True)]
    flows = [_carried_on(*one) for one in zip(pair, flows, known, strict=True)]
    for this, other in ((0, 1), (1, 0)):
        covered = _covered(flows[this], flows[other], agreed[other])
        hidden = ~agreed[this] & explained[this] & (covered | _outside(flows[this]))
        unlike = difference(pair[this], pair[other], flows[this])
        moved.append(Moved(flows[this], unlike, agreed[this], hidden))
    return moved[0], moved[1]


def places(flow: Field) -> tuple[np.ndarray, np.ndarray]:
    """Return the columns and rows that a flow leads to, each H x W."""
    height, width, _ = flow.shape
    columns = np.arange(width, dtype=np.float32) + flow[..., 0]
    return columns, np.arange(height, dtype=np.float32)[:, None] + flow[..., 1]


def read(picture: np.ndarray, flow: Field, sampling: int = cv2.INTER_LINEAR) -> np.ndarray:
    """Return a picture read where a flow leads; beyond its edges the edge goes on."""
    return cv2.remap(picture, *places(flow), sampling, borderMode=cv2.BORDER_REPLICATE)


def difference(picture: Picture, other: Picture, flow: Field) -> np.ndarray:
    """Return how unlike each pixel is to where its flow leads, H x W in [0, 1]."""
    return unlikeness(picture, read(other, flow))


def unlikeness(one: Picture, other: Picture) -> np.ndarray:
    """Return the mean difference of two pictures' channels, H x W in [0, 1]."""
    return np.asarray(cv2.transform(cv2.absdiff(one, other), np.full((1, 3), 1 / 3, np.float32)))


def jumps(flow: Field, reach: int) -> np.ndarray:
    """Return which pixels have two motions within so many pixels of them, H x W."""
    square = np.ones((2 * reach + 1,) * 2, np.uint8)
    return np.asarray((cv2.dilate(flow, square) - cv2.erode(flow, square)).max(axis=2) > JUMP)


def shifted(values: np.ndarray, dy: int, dx: int) -> np.ndarray:
    """Return what is so many rows below and columns to the right of each pixel; the edge goes on."""
    height, width = values.shape[:2]
    far = max(abs(dy), abs(dx))
    wide = cv2.copyMakeBorder(values, far, far, far, far, cv2.BORDER_REPLICATE)
    return wide[far + dy : far + dy + height, far + dx : far + dx + width]


def _sharpened(picture: Picture, other: Picture, flow: Field) -> Field:
    """Return a flow whose jumps are where the pictures say, and not where the estimator smeared them."""
    reach = max(REACHES)
    there = jumps(flow, reach) & _mostly(difference(picture, other, flow) < MATCHED)
    if not there.any():
        return flow
    rows, columns = (_span(there.any(axis=axis), reach + WINDOW) for axis in (1, 0))
    part = np.ascontiguousarray(flow[rows, columns])
    grid = np.stack(np.meshgrid(np.arange(columns.start, columns.stop), np.arange(rows.start, rows.stop)), -1)
    look = _Judgement(picture[rows, columns], other, grid.astype(np.float32))
    there, best = there[rows, columns], look(part) - BETTER
    for dy, dx in [(dy * far, dx * far) for far in REACHES for dy, dx in STEPS]:
        taken = shifted(part, dy, dx)
        off = look(taken)
        better = there & (off < best)
        part[better], best[better] = taken[better], off[better]
    sharp = flow.copy()
    sharp[rows, columns] = part
    return sharp


class _Judgement:
    """How badly motions fit the pixels of a picture.

    Every pixel of a window counts, that of the same colour most, so that a window across an edge judges one
    side of it (adaptive support weights, Yoon & Kweon 2006).
    """

    def __init__(self, picture: Picture, other: Picture, grid: np.ndarray) -> None:
        self.picture, self.other, self.grid = picture, other, grid
        self.offsets = [(dy, dx) for dy in _SIDE for dx in _SIDE]
        alike = [unlikeness(np.ascontiguousarray(shifted(picture, *at)), picture) for at in self.offsets]
        weights = np.exp(np.stack(alike) * np.float32(-1 / ALIKE))
        self.weights = weights / weights.sum(axis=0)

    def __call__(self, flow: Field) -> np.ndarray:
        """Return the weighted difference around each pixel, H x W in [0, `MOST`]."""
        leads = self.grid + flow
        columns, rows = np.ascontiguousarray(leads[..., 0]), np.ascontiguousarray(leads[..., 1])
        there = cv2.remap(self.other, columns, rows, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
        off = np.minimum(unlikeness(self.picture, there), MOST)
        height, width = off.shape
        wide = cv2.copyMakeBorder(off, *(WINDOW,) * 4, cv2.BORDER_REPLICATE)
        total = np.zeros_like(off)
        for weight, (dy, dx) in zip(self.weights, self.offsets, strict=True):
            total += weight * wide[WINDOW + dy :, WINDOW + dx :][:height, :width]
        return np.asarray(total)


def _carried_on(picture: Picture, flow: Field, known: np.ndarray) -> Field:
    """Return a flow that goes on where it is not known: from the pixel at the end of the plainest path.

    The length of a path is that of its steps and of the differences of colour on it.
    """
    if known.all() or not known.any():
        return flow
    width = known.shape[1]
    far = np.pad(np.where(known, np.float32(0), np.float32(np.inf)), 1, constant_values=np.inf).ravel()
    source = np.arange(far.size)
    rows, columns = np.nonzero(~known)
    here = (rows + 1) * (width + 2) + columns + 1
    around = [dy * (width + 2) + dx for dy, dx in STEPS]
    levels = picture * 255
    lengths = [
        np.hypot(dy, dx) + unlikeness(levels, np.ascontiguousarray(shifted(levels, dy, dx)))[rows, columns]
        for dy, dx in STEPS
    ]
    for _ in range(FARTHEST):
        changed = False
        for offset, length in zip(around, lengths, strict=True):
            through = far[here + offset] + length
            shorter = through < far[here]
            if shorter.any():
                changed = True
                far[here[shorter]], source[here[shorter]] = through[shorter], source[here + offset][shorter]
        if not changed:
            break
    from_rows, from_columns = np.divmod(source[here], width + 2)
    carried = flow.copy()
    carried[rows, columns] = flow[from_rows - 1, from_columns - 1]
    return carried


def _explained(picture: Picture, other: Picture, flow: Field, agreed: np.ndarray) -> np.ndarray:
    """Return where most pixels around, of those that stay inside, are found again in the other frame."""
    return _mostly(agreed & (difference(picture, other, flow) < MATCHED), ~_outside(flow))


def _covered(flow: Field, back: Field, agreed_there: np.ndarray) -> np.ndarray:
    """Return which pixels land on something that came from elsewhere."""
    sure = read(agreed_there.astype(np.float32), flow, cv2.INTER_NEAREST) > 0.5
    return np.asarray(sure & (np.abs(read(back, flow) + flow).sum(axis=2) > JUMP))


def _outside(flow: Field) -> np.ndarray:
    """Return which pixels leave the frame."""
    height, width, _ = flow.shape
    columns, rows = places(flow)
    return np.asarray((columns < 0) | (columns > width - 1) | (rows < 0) | (rows > height - 1))


def _mostly(found: np.ndarray, counted: np.ndarray | None = None) -> np.ndarray:
    """Return where most pixels around, of those that are counted, are among those that were found."""
    share = cv2.boxFilter(found.astype(np.float32), -1, (2 * AROUND + 1,) * 2)
    if counted is None:
        return share > 0.5
    return share > 0.5 * cv2.boxFilter(counted.astype(np.float32), -1, (2 * AROUND + 1,) * 2)


def _agreed(forward: Field, backward: Field) -> tuple[np.ndarray, np.ndarray]:
    """Return which pixels of either frame both flows agree about."""
    one, other = (
        torch.from_numpy(np.ascontiguousarray(flow.transpose(2, 0, 1))) for flow in (forward, backward)
    )
    return consistency(one, other).numpy(), consistency(other, one).numpy()


def _span(there: np.ndarray, more: int) -> slice:
    """Return from where to where a line holds True, and some more on each side."""
    found = np.flatnonzero(there)
    return slice(max(0, int(found[0]) - more), min(there.size, int(found[-1]) + more + 1))


def _tensor(values: Picture | Field) -> Tensor:
    return torch.from_numpy(np.ascontiguousarray(values.transpose(2, 0, 1)))


def _field(flow: Flow) -> Field:
    field: Field = np.ascontiguousarray(flow.detach().cpu().float().numpy().transpose(1, 2, 0))
    return field
