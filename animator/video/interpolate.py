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

from animator.system.convert import frame_to_uint8, frame_to_uint16, uint8_to_frame, uint16_to_frame
from animator.video.ffmpeg import QUIET, command, named, run
from animator.video.film import THREADS, frame_rate
from animator.video.making import replacing
from animator.video.probe import probe

if TYPE_CHECKING:
    from animator.between.load import Between, Maker
    from animator.types import Frame

CUT = 0.2
"""Mean difference of two shrunk frames, as a share of white, from which on there is a cut between them."""

SHRUNK = 64
"""Pixels of the longer side at which frames are compared for a cut, so that motion counts little."""

Rate = float | str | Fraction


def between(
    frames: Iterable[np.ndarray],
    source_fps: Rate,
    target_fps: Rate,
    maker: Maker,
    *,
    loop: bool = False,
) -> Iterator[np.ndarray]:
    """Yield a film at another frame rate; what is missing is made between its frames.

    Frame ``k`` of the result shows the time ``k / target_fps``, in exact fractions. Where a frame of the
    source has that very time it is handed on, the same array; after the last one it is held, so that the film
    keeps its length. Across a cut nothing is mixed: the nearer frame is taken.

    Two frames of the source are held at a time.

    Args:
        frames: H x W x 3 RGB, uint8 or uint16, all of one size.
        source_fps: their frames a second.
        target_fps: frames a second of the result, more or fewer.
        maker: makes frames between two others.
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
            pair = _Pair(before, pixels, maker)
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
    """Two frames that follow each other, and those between them; motion is found when first asked for."""

    def __init__(self, first: np.ndarray, second: np.ndarray, maker: Maker) -> None:
        self.pixels = first, second
        self._maker = maker
        self._cut: bool | None = None
        self._made: Between | None = None

    def at(self, share: Fraction) -> np.ndarray:
        """Return the picture at a time from 0, the first frame, to 1, the second."""
        first, second = self.pixels
        if share == 0:
            return first
        if self._cut is None:
            self._cut = is_cut(first, second)
        if self._cut:
            return first if share < Fraction(1, 2) else second
        if self._made is None:
            self._made = self._maker.between(_frame(first), _frame(second))
        frame = self._made.at(share)
        return frame_to_uint8(frame) if first.dtype == np.uint8 else frame_to_uint16(frame)


def is_cut(first: np.ndarray, second: np.ndarray) -> bool:
    """Return whether two frames, H x W x 3, have so little in common that there is a cut between them."""
    height, width, _ = first.shape
    scale = min(1.0, SHRUNK / max(height, width))
    size = max(1, round(width * scale)), max(1, round(height * scale))
    small = [cv2.resize(pixels, size, interpolation=cv2.INTER_AREA) for pixels in (first, second)]
    difference = np.abs(small[0].astype(np.float64) - small[1]).mean()
    return bool(difference > CUT * np.iinfo(first.dtype).max)


def _frame(pixels: np.ndarray) -> Frame:
    return uint8_to_frame(pixels) if pixels.dtype == np.uint8 else uint16_to_frame(pixels)
