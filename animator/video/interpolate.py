"""Smoother films: frames made between those that are there."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING

import cv2
import ffmpeg
import numpy as np
import torch
from torch import Tensor

from animator.flow.consistency import consistency
from animator.system.convert import frame_to_uint8, frame_to_uint16, uint8_to_frame, uint16_to_frame
from animator.video.ffmpeg import QUIET, command, named, run
from animator.video.film import THREADS, frame_rate
from animator.video.making import replacing
from animator.video.probe import probe
from animator.warp.by_flow import warp_by_flow

if TYPE_CHECKING:
    from animator.types import Flow, FlowEstimator, Frame, Mask

CUT = 0.2
"""Mean difference of two shrunk frames, as a share of white, from which on there is a cut between them."""

SHRUNK = 64
"""Pixels of the longer side at which frames are compared for a cut, so that motion counts little."""

Rate = float | str | Fraction


def between(
    frames: Iterable[np.ndarray],
    source_fps: Rate,
    target_fps: Rate,
    flow: FlowEstimator,
    *,
    loop: bool = False,
) -> Iterator[np.ndarray]:
    """Yield a film at another frame rate; what is missing is made along the optical flow.

    Frame ``k`` of the result shows the time ``k / target_fps``, in exact fractions. Where a frame of the
    source has that very time it is handed on, the same array; after the last one it is held, so that the film
    keeps its length. Across a cut nothing is mixed: the nearer frame is taken.

    Two frames of the source are held at a time.

    Args:
        frames: H x W x 3 RGB, uint8 or uint16, all of one size.
        source_fps: their frames a second.
        target_fps: frames a second of the result, more or fewer.
        flow: estimates how one frame moves into the next.
        loop: whether the first frame follows the last, so that nothing is held.

    Raises:
        FilmError: a frame rate is not a positive number.
    """
    if loop:
        frames = _first_again(frames)
    ratio = frame_rate(source_fps) / frame_rate(target_fps)
    k = number = 0
    before: np.ndarray | None = None
    for number, pixels in enumerate(frames):
        if before is not None:
            pair = _Pair(before, pixels, flow)
            while k * ratio < number:
                yield pair.at(k * ratio - (number - 1))
                k += 1
        before = pixels
    while before is not None and not loop and k * ratio < number + 1:
        yield before
        k += 1


def _first_again(frames: Iterable[np.ndarray]) -> Iterator[np.ndarray]:
    """Yield frames, and the first of them once more."""
    first = None
    for pixels in frames:
        first = pixels if first is None else first
        yield pixels
    if first is not None:
        yield first


def count_between(frames: int, source_fps: Rate, target_fps: Rate) -> int:
    """Return how many frames `between` makes of so many.

    >>> count_between(5, 10, 24), count_between(3, 12, 60)
    (12, 15)
    """
    return math.ceil(frames * frame_rate(target_fps) / frame_rate(source_fps))


def by_ffmpeg(
    film: Path, target: Path, fps: Rate, *, crf: int = 17, preset: str = "medium", loop: bool = False
) -> None:
    """Write a film at another frame rate by ffmpeg's motion-compensated interpolation (``minterpolate``).

    It blends and shifts blocks: quick to judge, rougher than `between`. The film keeps its length.

    Args:
        film: the film.
        target: the H.264 film to write.
        fps: its frames a second.
        crf: its quality, 0 to 51.
        preset: effort of the encoder.
        loop: whether the first frame follows the last.

    Raises:
        FilmError: the film cannot be read or the encoder fails; a target that was there stays.
    """
    info, rate = probe(film), frame_rate(fps)
    # The filter needs frames after the last one; they are added, and what is too much is left out again.
    again = {"stream_loop": 1} if loop else {}
    pictures = ffmpeg.input(named(film), **again)["v:0"].filter("tpad", stop_mode="clone", stop=3)
    smooth = pictures.filter(
        "minterpolate", fps=str(rate), mi_mode="mci", mc_mode="aobmc", vsbmc=1, scd="fdiff"
    )
    with replacing(target) as part:
        written = smooth.output(
            named(part),
            vcodec="libx264",
            crf=crf,
            preset=preset,
            bf=0,
            threads=THREADS,
            movflags="faststart",
            map_metadata=-1,
            bitexact=None,
            **{"frames:v": count_between(info.frames, info.fps, rate)},
        )
        run(command(written.global_args(*QUIET)), target)


class _Pair:
    """Two frames that follow each other, and the motion between them, which is found when first asked for."""

    def __init__(self, first: np.ndarray, second: np.ndarray, flow: FlowEstimator) -> None:
        self.pixels = first, second
        self._flow = flow
        self._cut: bool | None = None
        self._motion: _Motion | None = None

    def at(self, share: Fraction) -> np.ndarray:
        """Return the picture at a time from 0, the first frame, to 1, the second."""
        first, second = self.pixels
        if share == 0:
            return first
        if self._cut is None:
            self._cut = is_cut(first, second)
        if self._cut:
            return first if share < Fraction(1, 2) else second
        if self._motion is None:
            self._motion = _Motion(_frame(first), _frame(second), self._flow)
        frame = self._motion.at(float(share))
        return frame_to_uint8(frame) if first.dtype == np.uint8 else frame_to_uint16(frame)


def is_cut(first: np.ndarray, second: np.ndarray) -> bool:
    """Return whether two frames, H x W x 3, have so little in common that there is a cut between them."""
    height, width, _ = first.shape
    scale = min(1.0, SHRUNK / max(height, width))
    size = max(1, round(width * scale)), max(1, round(height * scale))
    small = [cv2.resize(pixels, size, interpolation=cv2.INTER_AREA) for pixels in (first, second)]
    difference = np.abs(small[0].astype(np.float64) - small[1]).mean()
    return bool(difference > CUT * np.iinfo(first.dtype).max)


class _Motion:
    """The motion between two frames, in both directions."""

    def __init__(self, first: Frame, second: Frame, flow: FlowEstimator) -> None:
        self.frames = first, second
        forward, backward = flow.both_ways(first, second)
        self.flows = forward, backward
        self.agreed = consistency(forward, backward), consistency(backward, forward)
        self._ranks = _ranks(first, second, forward), _ranks(second, first, backward)

    def at(self, share: float) -> Frame:
        """Return the frame between the two.

        The motion at that time is found by moving each frame's flow along itself (as in Baker et al. 2011, "A
        database and evaluation methodology for optical flow", 4.4), only where both flows agree. Both frames
        are then read along it and mixed by nearness. Where one of them shows what the other has no match for,
        that comes into sight or goes out of it, and the frame that sees it counts alone; where neither has a
        match the flow says nothing, and the nearer frame counts.
        """
        motion = self._motion(share)
        before = warp_by_flow(self.frames[0], -share * motion)
        after = warp_by_flow(self.frames[1], (1 - share) * motion)
        matched = _read(self.agreed[0], -share * motion), _read(self.agreed[1], (1 - share) * motion)
        weight = torch.full_like(before[0], share)
        weight[~matched[0] & ~matched[1]] = float(share >= 0.5)
        weight[~matched[0] & matched[1]] = 0.0
        weight[matched[0] & ~matched[1]] = 1.0
        return before + (after - before) * weight

    def _motion(self, share: float) -> Flow:
        """Return how far what is at each pixel in between goes from the first frame to the second."""
        from_first, known = self._landed(0, share)
        from_second, known_too = self._landed(1, 1 - share)
        # The nearer frame's flow has the shorter way to go, and is believed first.
        firsts = known if share < 0.5 else known & ~known_too
        return _filled(torch.where(firsts, from_first, -from_second), known | known_too)

    def _landed(self, which: int, part: float) -> tuple[Flow, Mask]:
        """Return one frame's flow after it has gone a part of its own way, and where any arrived."""
        flow = self.flows[which]
        _, height, width = flow.shape
        column = torch.arange(width, device=flow.device) + (part * flow[0]).round().long()
        row = torch.arange(height, device=flow.device)[:, None] + (part * flow[1]).round().long()
        arrives = self.agreed[which] & (column >= 0) & (column < width) & (row >= 0) & (row < height)
        place = torch.where(arrives, row * width + column, height * width).flatten()
        nobody = torch.iinfo(torch.int64).max
        best = torch.full((height * width + 1,), nobody, device=flow.device)
        best.scatter_reduce_(0, place, self._ranks[which], "amin")
        known = best[:-1] != nobody
        source = torch.where(known, best[:-1] & 0xFFFFFFFF, 0)
        return flow.flatten(1)[:, source].view_as(flow), known.view(height, width)


def _ranks(first: Frame, second: Frame, flow: Flow) -> Tensor:
    """Return for each pixel a number by which the most faithful of several comes first, shape (H * W,).

    Its upper half is how unlike the pixel is to where its flow leads, its lower half its place in the frame.
    """
    unlike = (warp_by_flow(second, flow, sampling="bilinear") - first).abs().mean(dim=0)
    number = torch.arange(unlike.numel(), device=flow.device)
    return ((unlike.flatten() * 2**20).long() << 32) | number


def _frame(pixels: np.ndarray) -> Frame:
    return uint8_to_frame(pixels) if pixels.dtype == np.uint8 else uint16_to_frame(pixels)


def _read(mask: Mask, flow: Flow) -> Mask:
    """Return a mask moved as `warp_by_flow` moves a frame."""
    return warp_by_flow(mask.float()[None], flow, sampling="nearest")[0] > 0.5


def _filled(flow: Flow, known: Tensor) -> Flow:
    """Return a flow with the value of the nearest pixel where it is known; 0 if it never is."""
    if known.all() or not known.any():
        return flow
    there = known.cpu().numpy()
    _, labels = cv2.distanceTransformWithLabels(
        (~there).astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_5, labelType=cv2.DIST_LABEL_PIXEL
    )
    number = np.zeros(labels.max() + 1, np.int64)
    number[labels[there]] = np.flatnonzero(there)
    nearest = torch.from_numpy(number[labels]).to(flow.device)
    return flow.flatten(1)[:, nearest.flatten()].view_as(flow)
