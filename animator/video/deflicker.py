"""Taking flicker out of a film: of the whole picture's colours, and of detail along the motion."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch

from animator.flow.consistency import consistency
from animator.system.convert import frame_to_uint8, frame_to_uint16, uint8_to_frame, uint16_to_frame
from animator.video.interpolate import is_cut
from animator.warp.by_flow import warp_by_flow

if TYPE_CHECKING:
    from animator.types import FlowEstimator, Frame

SPREAD = 1.5
"""Standard deviation, in frames, of the weights of the running mean."""

REACH = 4
"""Frames on each side that the running mean looks at."""

MOST_GAIN = 1.25
"""How much the contrast of a colour is changed at most."""

ALIKE = 0.08
"""Difference of a pixel to its neighbour in time, white being 1, at which that counts for a third."""


@dataclass(frozen=True)
class Correction:
    """What is done to the colours of a frame: ``gain * value + shift``, red, green and blue.

    Attributes:
        gain: factors.
        shift: 1 being white.
    """

    gain: tuple[float, float, float]
    shift: tuple[float, float, float]


SAME = Correction((1.0, 1.0, 1.0), (0.0, 0.0, 0.0))


def corrections(
    frames: Iterable[np.ndarray], strength: float, *, loop: bool = False
) -> tuple[list[Correction], list[int]]:
    """Return what brings each frame's colours to their running mean, and with which frames new shots begin.

    Mean and standard deviation of each colour go to their running means, weighted by nearness, of the same
    shot. Steady changes stay: the mean of a straight line is the line.

    Args:
        frames: H x W x 3, uint8 or uint16; two are held at a time.
        strength: 0 leaves the frames, 1 goes all the way.
        loop: whether the first frame follows the last; not so where there are cuts.
    """
    found, cuts, before = [], [], None
    for number, pixels in enumerate(frames):
        if before is not None and is_cut(before, pixels):
            cuts.append(number)
        flat = pixels.reshape(-1, 3) / np.iinfo(pixels.dtype).max
        found.append((flat.mean(axis=0), flat.std(axis=0)))
        before = pixels
    if loop and not cuts and found:
        # As many frames before the first and after the last as the running mean looks at.
        around = [found[number % len(found)] for number in range(-REACH, len(found) + REACH)]
        return _of_shot(around, strength)[REACH:-REACH], cuts
    edges = [0, *cuts, len(found)]
    made: list[Correction] = []
    for first, last in itertools.pairwise(edges):
        made += _of_shot(found[first:last], strength)
    return made, cuts


def _of_shot(found: Sequence[tuple[np.ndarray, np.ndarray]], strength: float) -> list[Correction]:
    means, spreads = (np.array(list(one)) for one in zip(*found, strict=True)) if found else ((), ())
    result = []
    for number in range(len(found)):
        # As far on one side as on the other, else a steady change would be held back at its ends.
        reach = min(REACH, number, len(found) - 1 - number)
        steps = np.arange(-reach, reach + 1)
        weights = np.exp(-(steps**2) / (2 * SPREAD**2))
        weights /= weights.sum()
        around = slice(number - reach, number + reach + 1)
        mean, spread = weights @ means[around], weights @ spreads[around]
        full = np.clip(spread / np.maximum(spreads[number], 1e-6), 1 / MOST_GAIN, MOST_GAIN)
        gain = 1 + strength * (full - 1)
        goal = means[number] + strength * (mean - means[number])
        shift = goal - gain * means[number]
        result.append(Correction(_three(gain), _three(shift)))
    return result


def corrected(pixels: np.ndarray, correction: Correction) -> np.ndarray:
    """Return a frame with its colours corrected, of the same type."""
    if correction == SAME:
        return pixels
    return _pixels(_corrected(_frame(pixels), correction), pixels.dtype)


def calmed(
    frames: Iterable[np.ndarray],
    made: Sequence[Correction],
    cuts: Sequence[int],
    strength: float,
    flow: FlowEstimator,
    *,
    last: np.ndarray | None = None,
) -> Iterator[np.ndarray]:
    """Yield frames whose flicker is taken out.

    Their colours are corrected; then each pixel is mixed with what its two neighbours in time show of the
    same thing, moved along the optical flow: as far as the flow there and the flow back agree, and less the
    more they differ, so that what comes, goes or changes for good stays. Three frames are held at a time.

    Args:
        frames: H x W x 3, uint8 or uint16.
        made: from `corrections`, for each frame.
        cuts: numbers of the frames with which new shots begin; nothing is mixed across them.
        strength: 0 leaves the frames, 1 mixes equal parts where the three are alike.
        flow: estimates how one frame moves into the next.
        last: the last frame of a film that loops, which comes before the first, or None.
    """
    held: list[tuple[int, np.ndarray, Frame]] = []
    first: np.ndarray | None = None
    new = set(cuts)
    if last is not None:
        held.append((-1, last, _corrected(_frame(last), made[-1])))
    for number, pixels in enumerate(frames):
        first = pixels if first is None else first
        held.append((number, pixels, _corrected(_frame(pixels), made[number])))
        if number > 0:
            yield _mixed(held, len(held) - 2, new, strength, flow)
            held = held[-2:]
    if held and last is not None and first is not None:
        held.append((held[-1][0] + 1, first, _corrected(_frame(first), made[0])))
        yield _mixed(held, len(held) - 2, new, strength, flow)
    elif held:
        yield _mixed(held, len(held) - 1, new, strength, flow)


def _mixed(
    held: list[tuple[int, np.ndarray, Frame]], which: int, new: set[int], strength: float, flow: FlowEstimator
) -> np.ndarray:
    number, pixels, frame = held[which]
    total, weight = frame.clone(), torch.ones_like(frame[:1])
    for other, _, neighbour in held:
        if abs(other - number) != 1 or max(other, number) in new or strength == 0:
            continue
        there, back = flow.both_ways(frame, neighbour)
        moved = warp_by_flow(neighbour, there)
        difference = (moved - frame).abs().mean(dim=0, keepdim=True)
        share = strength * torch.exp(-((difference / ALIKE) ** 2)) * consistency(there, back)[None]
        total += share * moved
        weight += share
    return _pixels(total / weight, pixels.dtype)


def _corrected(frame: Frame, correction: Correction) -> Frame:
    gain, shift = (frame.new_tensor(one)[:, None, None] for one in (correction.gain, correction.shift))
    return (gain * frame + shift).clamp(0, 1)


def _frame(pixels: np.ndarray) -> Frame:
    return uint8_to_frame(pixels) if pixels.dtype == np.uint8 else uint16_to_frame(pixels)


def _pixels(frame: Frame, kind: np.dtype) -> np.ndarray:
    return frame_to_uint8(frame) if kind == np.uint8 else frame_to_uint16(frame)


def _three(values: np.ndarray) -> tuple[float, float, float]:
    red, green, blue = (round(float(value), 6) for value in values)
    return red, green, blue
