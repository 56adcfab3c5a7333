"""What is measured of a film's pictures, H x W x 3 uint8 RGB: brightness, saturation, flicker, drift."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import cv2
import numpy as np

from animator.flow.dis import DisFlow
from animator.system.convert import uint8_to_frame
from animator.types import Frame
from animator.warp.by_flow import warp_by_flow
from animator.watch.sheet import shrunk

LUMA = (0.2126, 0.7152, 0.0722)
"""Weights of red, green and blue in luma (ITU-R BT.709, 3.2)."""

FLICKER_SIDE = 256
"""Pixels to which a picture's longer side is shrunk before flicker is measured."""

THUMB_SIDE = 320
"""Longest side in pixels of a picture on the contact sheet."""

THUMB_QUALITY = 82
"""Of its JPEG."""

ENDS = 10
"""A film's drift compares this part of it, a tenth, at both ends."""


@dataclass
class Measured:
    """Figures of pictures by their numbers.

    Attributes:
        brightness: mean luma of the encoded colours, 0 to 1.
        saturation: mean saturation, 0 to 1, see `saturation`.
        flicker: see `flicker`; of pictures that follow one another only.
        thumbs: small JPEGs of those that were chosen.
    """

    brightness: dict[int, float] = field(default_factory=dict)
    saturation: dict[int, float] = field(default_factory=dict)
    flicker: dict[int, float] = field(default_factory=dict)
    thumbs: dict[int, bytes] = field(default_factory=dict)


class Measuring:
    """Measures pictures one by one; only the one before is remembered.

    Args:
        follow: whether the pictures are a film, so that flicker can be measured.
        thumbs: numbers of those to keep as small JPEGs.
    """

    def __init__(self, *, follow: bool, thumbs: Iterable[int]) -> None:
        self.measured = Measured()
        self._follow = follow
        self._thumbs = set(thumbs)
        self._before: tuple[int, Frame] | None = None

    def add(self, number: int, pixels: np.ndarray) -> None:
        """Measure the next picture."""
        measured = self.measured
        measured.brightness[number] = brightness(pixels)
        measured.saturation[number] = saturation(pixels)
        if number in self._thumbs:
            measured.thumbs[number] = jpeg(within(pixels, THUMB_SIDE))
        if not self._follow:
            return
        frame = uint8_to_frame(within(pixels, FLICKER_SIDE))
        if self._before is not None and self._before[0] == number - 1:
            measured.flicker[number] = flicker(self._before[1], frame)
        self._before = number, frame


def brightness(pixels: np.ndarray) -> float:
    """Return the mean luma of a picture, 0 to 1.

    >>> brightness(np.full((2, 2, 3), 51, np.uint8))
    0.2
    """
    return round(float(np.dot(cv2.mean(pixels)[:3], LUMA)) / 255, 9)


def saturation(pixels: np.ndarray) -> float:
    """Return the mean saturation of a picture, 0 to 1: (max - min) / max of the channels, 0 for black.

    That is S of HSV (Smith, "Color gamut transform pairs", SIGGRAPH 1978).

    >>> saturation(np.array([[[200, 100, 100], [0, 0, 0]]], np.uint8))
    0.25
    """
    red, green, blue = (pixels[..., channel].astype(np.float32) for channel in range(3))
    most = np.maximum(np.maximum(red, green), blue)
    least = np.minimum(np.minimum(red, green), blue)
    return round(float(((most - least) / np.maximum(most, 1)).mean(dtype=np.float64)), 9)


def flicker(before: Frame, frame: Frame) -> float:
    """Return how much a frame differs from the one before it besides motion, 0 to 1.

    It is the mean absolute difference, over pixels and channels, of the frame and the one before it moved
    onto it along the optical flow (the warping error of Lai et al., "Learning Blind Video Temporal
    Consistency", ECCV 2018, equation 9, as an absolute difference and without its mask). What the motion
    newly uncovered counts in.
    """
    back = DisFlow()(frame, before)
    return float((warp_by_flow(before, back, sampling="bilinear") - frame).abs().mean())


def drift(values: Mapping[int, float]) -> float | None:
    """Return by how many per cent a figure's mean in the last tenth differs from that in the first.

    A tenth is one picture at least. None where there are fewer than two, or the first tenth is not above 0.

    >>> drift({0: 0.5, 1: 0.5, 2: 0.4}), drift({7: 0.5})
    (-20.0, None)
    """
    ordered = [values[number] for number in sorted(values)]
    tenth = math.ceil(len(ordered) / ENDS)
    if len(ordered) < 2:
        return None
    first, last = math.fsum(ordered[:tenth]) / tenth, math.fsum(ordered[-tenth:]) / tenth
    return round((last / first - 1) * 100, 6) if first > 0 else None


def spread(numbers: Sequence[int], most: int) -> list[int]:
    """Return at most so many of some numbers, evenly, the first and the last among them.

    >>> spread(range(10), 4), spread([3, 5], 4)
    ([0, 3, 6, 9], [3, 5])
    """
    count = min(len(numbers), most)
    return [numbers[round(place)] for place in np.linspace(0, len(numbers) - 1, count).tolist()]


def within(pixels: np.ndarray, side: int) -> np.ndarray:
    """Return a picture shrunk, if need be, so that its longer side has ``side`` pixels."""
    height, width, _ = pixels.shape
    scale = min(1.0, side / max(height, width))
    return shrunk(pixels, (max(1, round(width * scale)), max(1, round(height * scale))))


def jpeg(pixels: np.ndarray) -> bytes:
    """Return a picture as a JPEG."""
    quality = [cv2.IMWRITE_JPEG_QUALITY, THUMB_QUALITY]
    return cv2.imencode(".jpg", cv2.cvtColor(pixels, cv2.COLOR_RGB2BGR), quality)[1].tobytes()
