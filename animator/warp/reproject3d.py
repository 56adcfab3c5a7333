"""Moving a picture in 3D: the view of a moved camera, from a picture and its depth."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor

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
    grid, _, mask = _moved(depth, camera, projection)
    return sample(frame, grid, sampling, padding), mask


def reproject_depth(
    depth: DepthMap, camera: Camera, *, projection: Projection = "disco"
) -> tuple[DepthMap, Mask]:
    """Return a picture's depth as it is after the camera's move, where `reproject` moves the picture to.

    Every pixel carries the depth that its own colour has from the new place of the camera: nearer after a
    move forwards, changed by a turn as its distance along the new line of sight is.

    Args:
        depth: the depth before the move, H x W.
        camera: the move.
        projection: as for `reproject`.

    Returns:
        The moved depth, float32, H x W, positive, and a mask, True where it is known: not where the move
        uncovered something, nor where things fell behind the camera.
    """
    if is_still(camera):
        return depth, torch.ones_like(depth, dtype=torch.bool)
    grid, z, mask = _moved(depth, camera, projection)
    z = z.clamp(min=NEAREST)
    farthest = z.max()
    # As shares of the farthest, because `sample` keeps what it reads in [0, 1].
    moved = sample((z / farthest)[None], grid, "bilinear", "border")[0] * farthest
    return moved.clamp(min=NEAREST), ~mask


def _moved(depth: DepthMap, camera: Camera, projection: Projection) -> tuple[Tensor, Tensor, Mask]:
    """Return where every new pixel is read from, the old pixels' new depths, and what was uncovered."""
    turn, shift = camera_rotation(camera), camera_translation(camera)
    offsets, z = project_offsets(depth, turn, shift, camera.fov, projection)
    height, width = depth.shape
    grid = pixel_centres(height, width, depth.device) - offsets
    # A pixel that fell behind the camera has an offset out of all bounds: its own place is read from outside.
    return grid, z, outside(grid) | uncovered(offsets, z > NEAREST)
