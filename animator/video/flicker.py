"""How much a film flickers: what changes to and fro between frames and is not motion."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import cv2
import numpy as np

from animator.flow.consistency import consistency
from animator.system.convert import uint8_to_frame
from animator.video.interpolate import is_cut
from animator.warp.by_flow import warp_by_flow

if TYPE_CHECKING:
    from animator.types import FlowEstimator, Frame

LUMA = (0.2126, 0.7152, 0.0722)
"""Shares of red, green and blue in the brightness."""


@dataclass(frozen=True)
class Flicker:
    """The flicker of a film, in levels of 255.

    Attributes:
        brightness: mean over the frames of how far the mean brightness of a frame is from the middle between
            those of its two neighbours.
        detail: mean, over frames and pixels, of how far a pixel is from the middle between what its two
            neighbours show of the same thing: both are moved to the frame along the optical flow, and only
            pixels count where the flow there and the flow back agree for both.
    """

    brightness: float
    detail: float


def flicker(frames: Iterable[np.ndarray], flow: FlowEstimator) -> Flicker:
    """Measure a film. A steady change, such as a sunset, is no flicker; across cuts nothing is measured.

    Args:
        frames: H x W x 3 RGB, uint8 or uint16; three are held at a time.
        flow: estimates how one frame moves into the next.
    """
    brightness, detail = [], []
    for before, frame, after in triples(map(as_bytes, frames)):
        if is_cut(before, frame) or is_cut(frame, after):
            continue
        first, middle, last = (uint8_to_frame(one) for one in (before, frame, after))
        brightness.append(abs(_luma(middle) - (_luma(first) + _luma(last)) / 2))
        detail.append(_detail(first, middle, last, flow))
    if not brightness:
        return Flicker(0.0, 0.0)
    return Flicker(255 * float(np.mean(brightness)), 255 * float(np.mean(detail)))


def shrunk(frames: Iterable[np.ndarray], size: tuple[int, int]) -> Iterator[np.ndarray]:
    """Yield frames shrunk to a width and height, so that films of several sizes can be compared."""
    for pixels in frames:
        same = (pixels.shape[1], pixels.shape[0]) == size
        yield pixels if same else cv2.resize(pixels, size, interpolation=cv2.INTER_AREA)


def triples(frames: Iterable[np.ndarray]) -> Iterator[tuple[np.ndarray, np.ndarray, np.ndarray]]:
    """Yield every frame that has two neighbours, between them."""
    held: list[np.ndarray] = []
    for pixels in frames:
        held = [*held[-2:], pixels]
        if len(held) == 3:
            yield held[0], held[1], held[2]


def as_bytes(pixels: np.ndarray) -> np.ndarray:
    """Return a frame of 16 bits as one of 8, to the nearest level."""
    if pixels.dtype == np.uint8:
        return pixels
    return ((pixels.astype(np.uint32) + 128) // 257).astype(np.uint8)


def _luma(frame: Frame) -> float:
    return float(sum(share * channel.mean() for share, channel in zip(LUMA, frame, strict=True)))


def _detail(before: Frame, frame: Frame, after: Frame, flow: FlowEstimator) -> float:
    moved, seen = [], []
    for other in (before, after):
        there, back = flow.both_ways(frame, other)
        moved.append(warp_by_flow(other, there))
        seen.append(consistency(there, back))
    both = seen[0] & seen[1]
    if not both.any():
        return 0.0
    middle = (moved[0] + moved[1]) / 2
    return float((frame - middle).abs().mean(dim=0)[both].mean())
