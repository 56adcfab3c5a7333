"""Moving a picture in 3D: the view of a moved camera, from a picture and its depth."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from animator.types import Camera
from animator.warp.camera3d import NEAREST, camera_rotation, camera_translation, is_still, project_offsets
from animator.warp.sampling import outside, pixel_centres, sample
from animator.warp.uncovered import uncovered

if TYPE_CHECKING:
    from animator.types import DepthMap, Frame, Mask
    from animator.warp.camera3d import Projection
    from animator.warp.sampling import Padding, Sampling


def reproject(
    frame: Frame,
    depth: DepthMap,
    camera: Camera,
    *,
    sampling: Sampling = "bicubic",
    padding: Padding = "border",
    projection: Projection = "disco",
) -> tuple[Frame, Mask]:
    """Return a frame as it is seen after the camera's move, and what the move newly uncovered.

    Every new pixel is read from where the old pixel *at the same place* would have come from (Disco
    Diffusion's backward warp): exact for a move that changes slowly from pixel to pixel, an approximation at
    the edges of near things. A camera that does not move gives the very frame that came in.

    Args:
        frame: the picture before the move.
        depth: its depth, H x W of the same size, on the same device.
        camera: the move; ``near_plane`` and ``far_plane`` bear on no pixel's place.
        sampling: how a colour between pixels is found.
        padding: what stands outside the old picture.
        projection: whether space is Disco Diffusion's box or a camera's pyramid, see `project_offsets`.

    Returns:
        The moved frame and a mask, True where the new view shows what the old one did not hold: uncovered
        from behind something nearer, pulled apart, or beyond the old picture's edges.

    Raises:
        ValueError: if the depth is not of the frame's size.
    """
    height, width = frame.shape[-2:]
    if depth.shape != (height, width):
        raise ValueError(
            f"depth is {tuple(depth.shape)}, the frame {(height, width)}: they must be of one size"
        )
    if is_still(camera):
        return frame, torch.zeros(height, width, dtype=torch.bool, device=frame.device)
    turn, shift = camera_rotation(camera), camera_translation(camera)
    offsets, z = project_offsets(depth, turn, shift, camera.fov, projection)
    grid = pixel_centres(height, width, frame.device) - offsets
    # A pixel that fell behind the camera has an offset out of all bounds: its own place is read from outside.
    mask = outside(grid) | uncovered(offsets, z > NEAREST)
    return sample(frame, grid, sampling, padding), mask
