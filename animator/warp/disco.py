"""What Disco Diffusion's pictures go through from frame to frame: files of 8 bits.

There a picture is cut down to whole levels whenever it is saved, and saved after every step. Sampling in 3D
adds most of the half level that this takes, so that films do not grow dark.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2

from animator.system.convert import frame_to_uint8, uint8_to_frame
from animator.warp.affine2d import BORDERS, move_matrix

if TYPE_CHECKING:
    from animator.types import Frame, Move2D
    from animator.warp.affine2d import Border

BRIGHTER = 1 / 512 - 0.0001
"""What is added to a picture before it is sampled in 3D; black is 0 and white 1."""


def eight_bits(frame: Frame) -> Frame:
    """Return a frame in levels of 1/255, each value cut down to the level below it.

    >>> import torch
    >>> (eight_bits(torch.tensor([-1.0, 0.5, 1.0])) * 255).tolist()
    [0.0, 127.0, 255.0]
    """
    # A value that is a level already may be a rounding error below it.
    return (frame.clamp(0, 1) * 255 + 1e-3).floor() / 255


def warp_2d_in_bytes(frame: Frame, move: Move2D, border: Border) -> Frame:
    """Return a frame moved as `affine2d.warp_2d` does, but bilinearly and in bytes.

    Args:
        frame: the picture before the move, in levels of 1/255.
        move: what to do.
        border: what comes in from outside.
    """
    height, width = frame.shape[-2:]
    matrix = move_matrix(move, height, width)
    pixels = cv2.warpPerspective(
        frame_to_uint8(frame), matrix, (width, height), flags=cv2.INTER_LINEAR, borderMode=BORDERS[border]
    )
    return uint8_to_frame(pixels).to(frame.device)
