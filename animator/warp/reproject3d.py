"""Moving a picture in 3D: the view of a moved camera, from a picture and its depth."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from animator.types import Camera
from animator.warp.camera3d import NEAREST, camera_rotation, camera_translation, is_still, project_offsets
from animator.warp.edges import beside, fringe, sharpened
from animator.warp.fill import far_ends, near_sides
from animator.warp.sampling import outside, pixel_centres, sample
from animator.warp.splat import splat
from animator.warp.uncovered import uncovered

if TYPE_CHECKING:
    from animator.types import DepthMap, Frame, Mask
    from animator.warp.camera3d import Projection, Turned
    from animator.warp.sampling import Padding, Sampling


@dataclass(frozen=True)
class View:
    """A picture and its depth as they are seen after the camera's move.

    Attributes:
        picture: the moved frame.
        uncovered: True where it shows what the old one did not hold: uncovered from behind something nearer,
            pulled apart, or beyond the old picture's edges.
        depth: the moved depth, float32, H x W, positive; a guess where ``uncovered``.
        near: the near things beside what was uncovered from behind them, bool, H x W, which `fill.fill` is to
            draw nothing from; None without ``occlusion``, which alone knows them.
        grid: where every pixel is read from, H x W x 2, as `sample` takes it; None if nothing moved.
    """

    picture: Frame
    uncovered: Mask
    depth: DepthMap
    near: Mask | None = None
    grid: Tensor | None = None


def view(
    frame: Frame,
    depth: DepthMap,
    camera: Camera,
    *,
    sampling: Sampling = "bicubic",
    padding: Padding = "border",
    projection: Projection = "disco",
    occlusion: bool = False,
    turned: Turned | None = None,
) -> View:
    """Return a frame and its depth as they are seen after the camera's move.

    Without ``occlusion`` every new pixel is read from where the old pixel *at the same place* would have
    come from (Disco Diffusion's backward warp): exact for a move that changes slowly from pixel to pixel, an
    approximation at the edges of near things. With it every old pixel is put where it is seen, the nearer
    over the farther (see `splat`) and with sharp edges (see `edges.sharpened`), and what opens behind near
    things continues their background. A camera that does not move gives the very frame and depth that came
    in.

    Args:
        frame: the picture before the move.
        depth: its depth, H x W of the same size, on the same device.
        camera: the move; ``near_plane`` and ``far_plane`` bear on no pixel's place.
        sampling: how a colour between pixels is found.
        padding: what is outside the old picture.
        projection: whether space is Disco Diffusion's box or a camera's pyramid, see `project_offsets`.
        occlusion: which of the two.
        turned: the frame in whose axes the camera moves, where that is another than ``frame``.

    Raises:
        ValueError: if the depth is not of the frame's size.
    """
    height, width = frame.shape[-2:]
    if depth.shape != (height, width):
        raise ValueError(
            f"depth is {tuple(depth.shape)}, the frame {(height, width)}: they must be of one size"
        )
    if is_still(camera):
        return View(frame, torch.zeros(height, width, dtype=torch.bool, device=frame.device), depth)
    way = _way(depth, camera, projection, occlusion, turned)
    return View(sample(frame, way.grid, sampling, padding), way.uncovered, way.depth, way.near, way.grid)


def reproject(
    frame: Frame,
    depth: DepthMap,
    camera: Camera,
    *,
    sampling: Sampling = "bicubic",
    padding: Padding = "border",
    projection: Projection = "disco",
    occlusion: bool = False,
) -> tuple[Frame, Mask]:
    """Return a frame as it is seen after the camera's move, and what the move newly uncovered; see `view`."""
    seen = view(
        frame,
        depth,
        camera,
        sampling=sampling,
        padding=padding,
        projection=projection,
        occlusion=occlusion,
    )
    return seen.picture, seen.uncovered


def reproject_depth(
    depth: DepthMap, camera: Camera, *, projection: Projection = "disco", occlusion: bool = False
) -> tuple[DepthMap, Mask]:
    """Return a picture's depth as it is after the camera's move, where `reproject` moves the picture to.

    Every pixel carries the depth that its own colour has from the new place of the camera: nearer after a
    move forwards, changed by a turn as its distance along the new line of sight is.

    Args:
        depth: the depth before the move, H x W.
        camera: the move.
        projection: as for `view`.
        occlusion: as for `view`.

    Returns:
        The moved depth, float32, H x W, positive, and a mask, True where it is known: not where the move
        uncovered something, nor where things fell behind the camera.
    """
    if is_still(camera):
        return depth, torch.ones_like(depth, dtype=torch.bool)
    way = _way(depth, camera, projection, occlusion)
    return way.depth, ~way.uncovered


@dataclass(frozen=True)
class _Way:
    """Where every new pixel is read from; the rest is as in `View`."""

    grid: Tensor
    uncovered: Mask
    depth: DepthMap
    near: Mask | None = None


def _way(
    depth: DepthMap, camera: Camera, projection: Projection, occlusion: bool, turned: Turned | None = None
) -> _Way:
    turn, shift = camera_rotation(camera), camera_translation(camera)
    if occlusion:
        depth = sharpened(depth)
    offsets, z = project_offsets(depth, turn, shift, camera.fov, projection, turned)
    height, width = depth.shape
    # A pixel that fell behind the camera has an offset out of all bounds: its own place is read from outside.
    grid = pixel_centres(height, width, depth.device) - offsets
    visible, z = z > NEAREST, z.clamp(min=NEAREST)
    if occlusion:
        return _forwards(offsets, z, visible, grid)
    mask = outside(grid) | uncovered(offsets, visible)
    farthest = z.max()
    # As shares of the farthest, because `sample` keeps what it reads in [0, 1].
    moved = sample((z / farthest)[None], grid, "bilinear", "border")[0] * farthest
    return _Way(grid, mask, moved.clamp(min=NEAREST))


def _forwards(offsets: Tensor, z: Tensor, visible: Mask, backward: Tensor) -> _Way:
    """Return the way of old pixels that are put where they are seen.

    A hole within the picture goes on with the nearest pixel of its far side; what lies beyond the old picture
    is read from where the backward warp reads it, so that the padding acts.
    """
    seen = splat(offsets, z, visible)
    beyond = seen.holes & outside(backward)
    opened = seen.holes & ~beyond
    opened |= fringe(z).flatten()[seen.number] & beside(opened) & ~beyond
    holes = opened | beyond
    depth = z.flatten()[seen.number]
    behind, ends = far_ends(holes, depth)
    # A hole without an end, and what lies beyond, are left to the padding.
    grid = torch.where(holes[..., None], backward, seen.grid)
    ended = opened & ~holes.flatten()[behind]
    grid[ended] = seen.grid.flatten(0, 1)[behind[ended]]
    return _Way(grid, holes, depth.flatten()[behind], near_sides(opened, ends, depth))
