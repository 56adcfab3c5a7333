"""Where a new scene begins in footage."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from fractions import Fraction

import cv2
import numpy as np

from animator.video.film_pipe import FilmPipe, selection
from animator.video.footage import Footage, FootageReader
from animator.video.source_film import SourceFilm

LONGER_SIDE = 64
"""Pixels of the longer side of the pictures that are compared."""

BINS = 8
"""Levels of each colour in a histogram."""

FLAT = 0.03
"""Deviation, 1 being white, below which a picture counts as having no structure."""

STANDING_OUT = 0.7
"""A change is no cut if those just before and after it are larger than this share of it."""

OVERLAP = 0.5
"""Share of each side that two shifted pictures must still have in common."""


@dataclass(frozen=True)
class _Look:
    """What is compared of a picture: lightness H x W, and the shares of its colours, which sum to 1."""

    grey: np.ndarray
    colours: np.ndarray


def find_cuts(frames: Iterable[np.ndarray], threshold: float = 0.3) -> frozenset[int]:
    """Return the numbers of the pictures with which a new scene begins; the very first one is not among them.

    The change between two pictures is the geometric mean of two distances, each 0 to 1, so that both must be
    there:

    - of structure: ``1 - (2 cov + C) / (var_a + var_b + C)``, the product of the contrast and structure terms
      of SSIM (Wang et al. 2004, eq. 9 and 10 with C3 = C2 / 2) of the whole pictures' lightness, the pictures
      lying as they are or, if that is closer, shifted as their phase correlation says. A pan and a fade
      change little of it.
    - of colour: the total variation between their histograms of RGB. Whatever moves changes little of it.

    A picture begins a scene if it *and* the one after it differ by ``threshold`` from *each* of the two
    before (a flash of one picture is followed by what was before), and if the change differs from those
    just before and after (a hand-held whip or a cascade of lights changes all the time).

    Args:
        frames: pictures of one size, H x W x 3 uint8 RGB, small: about 64 pixels wide.
        threshold: how different two pictures must be, 0 to 1.
    """
    return frozenset(_cuts(frames, threshold))


def cuts_of(footage: Footage, threshold: float = 0.3) -> frozenset[int]:
    """Return the numbers of the chosen frames with which a new scene begins; see `find_cuts`.

    All frames of the range are compared, not only the chosen ones: over more time more than a cut changes.

    Raises:
        UsageError: a picture of a folder cannot be read.
        FilmError: the film cannot be decoded.
    """
    every = footage.every
    whole = replace(footage, every=1, frames=(footage.frames - 1) * every + 1, fps=footage.fps * every)
    cuts = find_cuts(_small(whole), threshold)
    return frozenset(-(-cut // every) for cut in cuts)


def _small(footage: Footage) -> Iterator[np.ndarray]:
    """Yield every frame, small."""
    scale = Fraction(LONGER_SIDE, max(footage.width, footage.height))
    width, height = (max(BINS, round(side * scale)) for side in (footage.width, footage.height))
    if not isinstance(footage.source, SourceFilm) or footage.source.alpha:
        from animator.system.convert import frame_to_uint8  # films need no torch here

        with FootageReader(footage, width, height, "stretch") as reader:
            for index in range(footage.frames):
                yield frame_to_uint8(reader.frame(index))
        return
    filters = selection(footage.source, footage.first, 1)
    filters.append(f"scale={width}:{height}:in_color_matrix={footage.source.matrix}:flags=area")
    pipe = FilmPipe(footage.source, footage.path, filters, "rgb24", (height, width))
    try:
        for _ in range(footage.frames):
            pixels = pipe.read()
            if pixels is None:
                return
            yield pixels
    finally:
        pipe.close()


def _cuts(frames: Iterable[np.ndarray], threshold: float) -> Iterator[int]:
    looks: deque[_Look] = deque(maxlen=4)  # the two before a picture, itself, the one after it
    before = change = 0.0
    number = -1
    for number, frame in enumerate(frames):
        look = _look(frame)
        after = _change(looks[-1], look) if looks else 0.0
        looks.append(look)
        if _stands_out(before, change, after, threshold) and _lasts([*looks], -2, threshold):
            yield number - 1
        before, change = change, after
    if _stands_out(before, change, 0.0, threshold) and _lasts([*looks], -1, threshold):
        yield number


def _stands_out(before: float, change: float, after: float, threshold: float) -> bool:
    return change >= threshold and min(before, after) <= STANDING_OUT * change


def _lasts(looks: list[_Look], place: int, threshold: float) -> bool:
    """Return whether the picture at a place, from the end, and the one after it differ from those before."""
    earlier, later = looks[:place][-2:], looks[place:]
    return all(_change(old, new) >= threshold for old in earlier for new in later)


def _look(pixels: np.ndarray) -> _Look:
    # A soft picture bears small motion; with soft bins a little noise or light leaves the histogram alone.
    soft = cv2.GaussianBlur(pixels, (0, 0), 1.0)
    grey = cv2.cvtColor(soft, cv2.COLOR_RGB2GRAY).astype(np.float32) / 255
    colours = cv2.calcHist([soft], [0, 1, 2], None, [BINS] * 3, [0, 256] * 3)
    for axis in range(3):
        padded = np.pad(colours, [(1, 1) if axis == other else (0, 0) for other in range(3)], mode="edge")
        low, middle, high = (np.take(padded, range(k, k + BINS), axis) for k in range(3))
        colours = (low + 2 * middle + high) / 4
    return _Look(grey, colours / colours.sum())


def _change(first: _Look, second: _Look) -> float:
    """Return how different two pictures are, 0 to 1; see `find_cuts`."""
    colour = 0.5 * float(np.abs(first.colours - second.colours).sum())
    structure = _structure(first.grey, second.grey)
    window = cv2.createHanningWindow(first.grey.shape[::-1], cv2.CV_32F)
    # Copies: OpenCV 5 writes the windowed pictures over what it is given.
    (across, down), _ = cv2.phaseCorrelate(first.grey.copy(), second.grey.copy(), window)
    height, width = first.grey.shape
    x, y = round(across), round(down)
    if abs(x) <= (1 - OVERLAP) * width and abs(y) <= (1 - OVERLAP) * height:
        here = first.grey[max(0, -y) : height - max(0, y), max(0, -x) : width - max(0, x)]
        there = second.grey[max(0, y) : height + min(0, y), max(0, x) : width + min(0, x)]
        structure = min(structure, _structure(here, there))
    return float(np.sqrt(colour * max(0.0, structure)))


def _structure(first: np.ndarray, second: np.ndarray) -> float:
    """Return the distance of structure of `find_cuts`, for which no likeness and inversion are the same."""
    covariance = float(((first - first.mean()) * (second - second.mean())).mean())
    steady = FLAT**2
    return 1 - (2 * max(0.0, covariance) + steady) / (float(first.var() + second.var()) + steady)
