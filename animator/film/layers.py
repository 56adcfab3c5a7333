"""What compositing programs want beside a finished frame: its depth, its motion and what it uncovered.

Taken from the finished pictures, one after another, as the frame loop takes it on its way: depth of a frame,
brought to the scale of the one before it, and where the camera's move to a frame reads the frame before. In
turbo, whose frames are faded from two pictures, it is that of the faded frame.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from animator.depth.align import NOTHING, Drift, Expectation
from animator.film.loop import SILENT, distances
from animator.film.moves import canvas_2d, canvas_3d
from animator.film.shot import NO_TURBO, Shot
from animator.film.state import Track
from animator.types import Move2D
from animator.warp.affine2d import grid_2d, outside_2d
from animator.warp.reproject3d import view

if TYPE_CHECKING:
    from animator.keyframes.timeline import Timeline
    from animator.types import DepthEstimator, DepthMap, Flow, Frame, Mask


@dataclass(frozen=True)
class Layers:
    """A frame with what is known of it; None is what is not.

    Attributes:
        picture: the frame.
        depth: its depth, float32, H x W, in units of depth.
        backward: where each pixel was in the frame before, less its own place: 2 x H x W in pixels, (x, y), y
            downwards; None at the first frame.
        uncovered: True where the frame before did not hold what is here; None at the first frame.
    """

    picture: Frame
    depth: DepthMap | None = None
    backward: Flow | None = None
    uncovered: Mask | None = None


def with_layers(
    pictures: Iterable[Frame], timeline: Timeline, shot: Shot, depth: DepthEstimator | None
) -> Iterator[Layers]:
    """Yield the frames of a film that a camera moves, in 2D or 3D, with their layers.

    Args:
        pictures: all frames from the first on.
        timeline: every setting at every frame.
        shot: what does not change from frame to frame.
        depth: estimates distances; needed in 3D only.
    """
    shot = replace(shot, upright=None, turbo=NO_TURBO)  # pictures are as they are seen
    if shot.mode == "2d":
        yield from _layers_2d(pictures, timeline, shot)
        return
    expected: Expectation = NOTHING
    before: tuple[Frame, DepthMap, Drift] | None = None
    for frame, picture in enumerate(pictures):
        backward, uncovered = None, None
        if before is not None:
            old, distance, drift = before
            camera, turned = canvas_3d(timeline.row(frame), shot, frame)
            seen = view(
                old, distance, camera, projection=shot.projection, occlusion=shot.occlusion, turned=turned
            )
            backward, uncovered = motion(seen.grid, shot.height, shot.width), seen.uncovered
            expected = Expectation(seen.depth, ~uncovered, drift) if shot.align else NOTHING
        found, drift = distances(Track(picture, None, expected), shot, depth, frame, SILENT)
        before = picture, found, drift
        yield Layers(picture, found, backward, uncovered)


def _layers_2d(pictures: Iterable[Frame], timeline: Timeline, shot: Shot) -> Iterator[Layers]:
    for frame, picture in enumerate(pictures):
        if not frame:
            yield Layers(picture)
            continue
        turn = canvas_2d(timeline.row(frame), shot, frame)
        grid = None if turn == Move2D() else grid_2d(turn, shot.height, shot.width)
        uncovered = outside_2d(turn, shot.height, shot.width)
        yield Layers(picture, None, motion(grid, shot.height, shot.width), uncovered)


def motion(grid: Tensor | None, height: int, width: int) -> Flow:
    """Return the places that a grid reads as a motion, 2 x H x W in pixels; no grid moves nothing.

    Args:
        grid: H x W x 2, coordinates of `animator.warp.sampling`: -1 and 1 are the picture's edges.
        height: of the picture in pixels.
        width: of the picture in pixels.
    """
    if grid is None:
        return torch.zeros(2, height, width)
    x, y = ((grid[..., 0] + 1) * width - 1) / 2, ((grid[..., 1] + 1) * height - 1) / 2
    columns = torch.arange(width, device=grid.device)
    rows = torch.arange(height, device=grid.device)[:, None]
    return torch.stack((x - columns, y - rows))
