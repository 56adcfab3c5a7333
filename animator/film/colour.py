"""Hold the colours of a film: match each frame's means and deviations in Lab to a slowly moving reference."""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np
import torch
from torch import Tensor

from animator.system.convert import frame_to_image, image_to_frame

if TYPE_CHECKING:
    from animator.types import Frame

SLOW, QUICK = 0.005, 0.1
"""Share of the way that the reference moves towards each finished frame: it follows over some 200 frames, or
over ten."""


def measure(frame: Frame) -> Tensor:
    """Return the means and standard deviations of a frame's L, a and b; float32 of shape (2, 3)."""
    lab = cv2.cvtColor(frame_to_image(frame), cv2.COLOR_RGB2LAB).reshape(-1, 3)
    return _moments(lab)


def _moments(lab: np.ndarray) -> Tensor:
    values = torch.as_tensor(lab, dtype=torch.float64)
    return torch.stack([values.mean(dim=0), values.std(dim=0, unbiased=False)]).float()


def follow(reference: Tensor | None, frame: Frame, pace: float = SLOW) -> Tensor:
    """Return the reference moved a little towards a finished frame; at first, the frame's own colours."""
    here = measure(frame)
    return here if reference is None else reference.lerp(here, pace)


def hold(frame: Frame, reference: Tensor, strength: float) -> Frame:
    """Return a frame with its colours drawn towards the reference (Reinhard et al. 2001, eq. 10, in CIE Lab).

    Args:
        frame: the picture to correct.
        reference: means and deviations as `measure` gives them.
        strength: 0 changes nothing (the very frame comes back), 1 matches the reference fully.
    """
    if strength == 0:
        return frame
    image = frame_to_image(frame)
    lab = cv2.cvtColor(image, cv2.COLOR_RGB2LAB)
    here = _moments(lab.reshape(-1, 3)).numpy()
    wanted = reference.numpy()
    # A flat frame has no deviation to stretch, and stretching a nearly flat one would blow up its noise.
    scale = (wanted[1] / here[1].clip(min=1e-3)).clip(0.5, 2.0)
    # Written so that what matches already comes out as it came in, to the bit.
    mixed = lab * (1 + strength * (scale - 1)) + strength * (wanted[0] - here[0] * scale)
    # The difference that the correction makes, not its outcome: the way to Lab and back rounds a little, and
    # that would add up over the frames of a film.
    before, after = (cv2.cvtColor(one.astype("float32"), cv2.COLOR_LAB2RGB) for one in (lab, mixed))
    return image_to_frame(image + (after - before)).clamp(0, 1).to(frame.device)
