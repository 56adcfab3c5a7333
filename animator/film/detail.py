"""Hold the detail of a film: match how strong it is, band by band, to a reference.

A move blurs a picture a little, a diffusion over it makes it sharper or softer, and what is a little every
time is much after a hundred frames. So each band of a painted frame is made as strong as it is in the
reference. (To do so before it is painted over hardly helps: networks draw as much detail as they draw.)
"""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

import cv2
import numpy as np
import torch
from torch import Tensor

from animator.system.convert import frame_to_image, image_to_frame

if TYPE_CHECKING:
    from animator.types import Frame

BLURS = (1.0, 2.0, 4.0)
"""Standard deviations of the blurs between which the bands lie, in pixels: finer than the first, between the
first and the second, and so on."""

MOST = 1.5
"""How many times stronger a band is made at most, or weaker: a flat picture's noise is not its detail."""

LUMINANCE = (0.299, 0.587, 0.114)
"""Weights of red, green and blue (ITU-R BT.601)."""


def measure(frame: Frame) -> Tensor:
    """Return the standard deviation of each band of a frame's luminance; float32 of shape (3,)."""
    return torch.tensor([float(band.std()) for band in _bands(_luminance(frame_to_image(frame)))])


def hold(frame: Frame, reference: Tensor, strength: float) -> Frame:
    """Return a frame with its bands made as strong as in the reference; its hues and large shapes stay.

    Args:
        frame: the picture to correct.
        reference: as `measure` gives it.
        strength: 0 changes nothing (the very frame comes back), 1 matches the reference, as far as `MOST`
            allows; between them the factors are roots.
    """
    if strength == 0:
        return frame
    image = frame_to_image(frame)
    added = np.zeros(image.shape[:2], np.float32)
    for band, wanted in zip(_bands(_luminance(image)), reference.tolist(), strict=True):
        factor = min(max(wanted / max(float(band.std()), 1e-6), 1 / MOST), MOST)
        added += (factor**strength - 1) * band
    return image_to_frame(image + added[..., None]).clamp(0, 1).to(frame.device)


def _luminance(image: np.ndarray) -> np.ndarray:
    values: np.ndarray = image @ np.array(LUMINANCE, np.float32)
    return values


def _bands(luminance: np.ndarray) -> list[np.ndarray]:
    blurred = [luminance, *(cv2.GaussianBlur(luminance, (0, 0), sigma) for sigma in BLURS)]
    return [finer - coarser for finer, coarser in pairwise(blurred)]
