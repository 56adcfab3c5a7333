"""Hold the colours of a film: match the distribution of each frame's colours to a reference.

What is matched are the quantiles of L, a and b in CIE Lab and of the chroma, ``sqrt(a^2 + b^2)``, one after
another. (Means and deviations alone, as Reinhard et al. 2001 match them, let a few patches of a picture
become as strong as they like, as long as the rest makes up for it.)
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np
import torch
from torch import Tensor

from animator.system.convert import frame_to_image, image_to_frame

if TYPE_CHECKING:
    from animator.types import Frame

QUANTILES = 33
"""In which a distribution is kept, at even shares of the pixels."""

CHROMA = 3
"""Column of the chroma, after those of L, a and b."""

LOOKED_AT = 2**16
"""Pixels from which the quantiles are found, about; of larger pictures every n-th of a row and a column."""

STRETCH = 2.0
"""How far values may be drawn apart at most, or together: a nearly flat picture would show its noise."""

SHAPE = (QUANTILES, CHROMA + 1)
"""Of a reference."""

SHARES = (np.arange(QUANTILES) + 0.5) / QUANTILES


def measure(frame: Frame) -> Tensor:
    """Return the quantiles of a frame's L, a, b and chroma; float32 of shape (`QUANTILES`, 4)."""
    return torch.from_numpy(_quantiles(_lab(frame_to_image(frame))))


def follow(reference: Tensor | None, frame: Frame, pace: float, means: float) -> Tensor:
    """Return the reference moved a little towards a finished frame; at first, the frame's own colours.

    Args:
        reference: so far, or None.
        frame: the finished frame.
        pace: share of the way that all of it moves.
        means: share of the way that the means of L, a and b move besides: the film may come to a darker or a
            greener place, while contrast and strength of its colours stay.
    """
    here = measure(frame)
    if reference is None:
        return here
    shift = means * (here.mean(dim=0) - reference.mean(dim=0))
    shift[CHROMA] = 0
    return reference.lerp(here, pace) + shift


def hold(frame: Frame, reference: Tensor, strength: float) -> Frame:
    """Return a frame with its colours drawn towards the reference.

    Args:
        frame: the picture to correct.
        reference: as `measure` gives it.
        strength: 0 changes nothing (the very frame comes back), 1 matches the reference fully, as far as
            `STRETCH` allows.
    """
    if strength == 0:
        return frame
    image = frame_to_image(frame)
    lab, wanted = _lab(image), reference.numpy()
    here = _quantiles(lab)
    drawn = [
        lab[..., part] + strength * _way(lab[..., part], here[:, part], wanted[:, part])
        for part in range(CHROMA)
    ]
    mixed = np.stack(drawn, axis=-1)
    chroma = np.hypot(mixed[..., 1], mixed[..., 2])
    grown = strength * _way(chroma, _quantiles(mixed)[:, CHROMA], wanted[:, CHROMA])
    mixed[..., 1:] *= (1 + grown / chroma.clip(min=1)).clip(1 / STRETCH, STRETCH)[..., None]
    # The difference that the correction makes, not its outcome: the way to Lab and back rounds a little, and
    # that would add up over the frames of a film.
    before, after = (cv2.cvtColor(one.astype(np.float32), cv2.COLOR_LAB2RGB) for one in (lab, mixed))
    return image_to_frame(image + (after - before)).clamp(0, 1).to(frame.device)


def _lab(image: np.ndarray) -> np.ndarray:
    values: np.ndarray = cv2.cvtColor(image, cv2.COLOR_RGB2LAB)
    return values


def _quantiles(lab: np.ndarray) -> np.ndarray:
    """Return the quantiles of Lab values, H x W x 3, and of their chroma; float32, `QUANTILES` x 4."""
    height, width = lab.shape[:2]
    step = max(1, round((height * width / LOOKED_AT) ** 0.5))
    some = lab[step // 2 :: step, step // 2 :: step].reshape(-1, 3).astype(np.float64)
    values = np.column_stack((some, np.hypot(some[:, 1], some[:, 2])))
    quantiles: np.ndarray = np.quantile(values, SHARES, axis=0).astype(np.float32)
    return quantiles


def _way(values: np.ndarray, here: np.ndarray, wanted: np.ndarray) -> np.ndarray:
    """Return how far values are from where their quantiles are wanted.

    From the median outwards, each step between quantiles is stretched by no more than `STRETCH`; beyond the
    outermost all go as far as these.

    Args:
        values: any shape.
        here: their quantiles.
        wanted: those that they are to have.
    """
    here, wanted = here.astype(np.float64), wanted.astype(np.float64)
    steps, middle = np.diff(here), len(here) // 2
    stretched = np.diff(wanted).clip(steps / STRETCH, steps * STRETCH)
    places = np.concatenate(([0], np.cumsum(stretched)))
    places += wanted[middle] - places[middle]
    # Values that many pixels share are several quantiles at once; a curve has one place for each.
    curve, first = np.unique(here, return_index=True)
    way: np.ndarray = np.interp(values, curve, places[first] - curve)
    return way
