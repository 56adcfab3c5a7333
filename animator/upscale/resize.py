"""Pictures of another size by a filter: Lanczos of three lobes; where it shrinks, every pixel counts."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch
from PIL import Image

if TYPE_CHECKING:
    from animator.types import Frame

Size = tuple[int, int]
"""Width and height in pixels."""


def resized(picture: Frame, size: Size) -> Frame:
    """Return a picture in another size, stretched where its shape is another; on the device that it is on."""
    _, height, width = picture.shape
    if (width, height) == size:
        return picture
    planes = picture.detach().float().cpu().numpy()
    made = [
        np.asarray(Image.fromarray(plane, "F").resize(size, Image.Resampling.LANCZOS)) for plane in planes
    ]
    return torch.from_numpy(np.stack(made)).to(picture.device)


def covering(source: Size, target: Size) -> Size:
    """Return the smallest size in the shape of ``source`` that covers ``target``.

    >>> covering((192, 128), (768, 512)), covering((192, 128), (1920, 1080))
    ((768, 512), (1920, 1280))
    """
    factor = max(target[0] / source[0], target[1] / source[1])
    return max(target[0], round(source[0] * factor)), max(target[1], round(source[1] * factor))


def cut_to(picture: Frame, target: Size) -> Frame:
    """Return the middle of a picture that covers ``target``."""
    _, height, width = picture.shape
    left, top = (width - target[0]) // 2, (height - target[1]) // 2
    return picture[:, top : top + target[1], left : left + target[0]]
