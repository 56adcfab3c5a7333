"""Moving a picture in 2D: turned, magnified and shifted."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import cv2
import numpy as np
import torch
from torch import Tensor

from animator.system.convert import frame_to_image, image_to_frame
from animator.types import Move2D

if TYPE_CHECKING:
    from typing import TypeAlias

    from animator.types import Frame, Mask

    Border: TypeAlias = Literal["wrap", "reflect", "replicate"]

BORDERS = {
    "wrap": cv2.BORDER_WRAP,
    "reflect": cv2.BORDER_REFLECT,
    "replicate": cv2.BORDER_REPLICATE,
}
SAMPLINGS = {"bicubic": cv2.INTER_CUBIC, "bilinear": cv2.INTER_LINEAR, "nearest": cv2.INTER_NEAREST}


def move_matrix(move: Move2D, height: int, width: int) -> np.ndarray:
    """Return where a move takes the pixels: float64, 3 x 3, for column vectors (column, row, 1) in pixels.

    The shift comes first and is magnified and turned with the picture, as in Disco Diffusion:
    ``M = turn_and_zoom(angle, zoom) @ shift``. What stays in place is pixel (width // 2, height // 2).
    """
    about_centre = cv2.getRotationMatrix2D((width // 2, height // 2), move.angle, move.zoom)
    shift = np.array([[1, 0, move.translation_x], [0, 1, move.translation_y], [0, 0, 1]], np.float64)
    return np.vstack((about_centre, (0, 0, 1))) @ shift


def warp_2d(
    frame: Frame,
    move: Move2D,
    border: Border = "wrap",
    sampling: Literal["bicubic", "bilinear", "nearest"] = "bicubic",
) -> Frame:
    """Return a frame turned about its centre, magnified and shifted.

    Args:
        frame: the picture before the move.
        move: what to do; a move that changes nothing gives the very frame that came in.
        border: what comes in from outside: the other side, a mirror image, or the edge drawn out.
        sampling: how a colour between pixels is found. Disco Diffusion was bilinear, which softens a
            picture a little with every frame; the cubic kernel keeps it sharp.

    Returns:
        The moved frame, of the same size and on the same device, clamped to [0, 1].
    """
    if move == Move2D():
        return frame
    height, width = frame.shape[-2:]
    moved = cv2.warpAffine(
        frame_to_image(frame),
        move_matrix(move, height, width)[:2],
        (width, height),
        flags=SAMPLINGS[sampling],
        borderMode=BORDERS[border],
    )
    return image_to_frame(np.clip(moved, 0, 1)).to(frame.device)


def grid_2d(move: Move2D, height: int, width: int) -> Tensor:
    """Return where `warp_2d` reads every pixel: float32, H x W x 2, coordinates of `warp.sampling`."""
    back = np.linalg.inv(move_matrix(move, height, width))
    columns, rows = np.meshgrid(np.arange(width), np.arange(height))
    source = np.stack((columns, rows, np.ones_like(rows)), axis=-1) @ back.T
    return torch.from_numpy((2 * source[..., :2] + 1) / (width, height) - 1).float()


def outside_2d(move: Move2D, height: int, width: int) -> Mask:
    """Return where `warp_2d` shows what came in from outside: bool, H x W, on the CPU.

    A pixel does where its centre is read from beyond the old picture's edges.
    """
    if move == Move2D():
        return torch.zeros(height, width, dtype=torch.bool)
    back = np.linalg.inv(move_matrix(move, height, width))
    columns, rows = np.arange(width), np.arange(height)[:, None]
    x = back[0, 0] * columns + back[0, 1] * rows + back[0, 2]
    y = back[1, 0] * columns + back[1, 1] * rows + back[1, 2]
    # A whole number is a pixel's centre, so the edges lie half a pixel beyond the first and last.
    within = (x > -0.5) & (x < width - 0.5) & (y > -0.5) & (y < height - 0.5)
    return torch.from_numpy(~within)
