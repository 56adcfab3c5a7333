"""Moving a picture in 2D: turned, magnified and shifted."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import cv2
import numpy as np

from animator.convert import frame_to_image, image_to_frame
from animator.types import Move2D

if TYPE_CHECKING:
    from typing import TypeAlias

    from animator.types import Frame

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
