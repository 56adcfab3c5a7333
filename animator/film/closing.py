"""The end of a film that loops: its last frames become its first.

The first frame is moved back along the camera's path, to where the camera is at one of the last frames: it is
then what has to be seen there, if the moves that are left are to end in the first frame. The nearer the end
is, the more of it is mixed into what is painted over, wherever it is known, and its noise with it. In an
endless flight forwards that is a middle that grows: the world of the first frame comes into sight far away
and is flown into. Some of it is also laid over the finished pictures, in the last one half, so that the step
from the last frame to the first is no larger than any other.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import cv2
import numpy as np
import torch
from torch import Tensor

from animator.film.grains import over_move
from animator.film.moves import back_2d, back_3d, canvas_2d, canvas_3d
from animator.film.rows import camera_3d, move_2d
from animator.film.upright import depth_seen, reader
from animator.types import Move2D
from animator.warp.affine2d import grid_2d, outside_2d, warp_2d
from animator.warp.grains import Grains
from animator.warp.reproject3d import view
from animator.warp.sampling import sample

if TYPE_CHECKING:
    from animator.film.shot import Shot
    from animator.film.state import Track
    from animator.keyframes.timeline import Row, Timeline
    from animator.types import Frame, Mask

FEATHER = 1 / 32
"""Share of a canvas' shorter side over which what is known of the first frame fades in from its edge."""

SMEARED = 4
"""Moves from which on nothing is taken of what lies beyond the first frame's edges, drawn out; over fewer
it is a few pixels wide, and nearer to the first frame than what the last would show there."""

PREVAILS = 0.5
"""Share of the first frame from which on a place counts as its own."""

LEFT = 0.5
"""How much of a painting's change is left in the last frame; in turbo it is spread over as many frames as lie
between two paintings."""


@dataclass(frozen=True)
class Closing:
    """A picture that a film comes to, as it has to be seen at a frame before: in a loop the first one.

    Attributes:
        picture: on the canvas, 3 x H x W.
        share: how far what is painted over is drawn to it, H x W, 0 to 1.
        laid: how much of it is laid over the finished picture, H x W, 0 to 1.
        grains: of its noise, moved with it, or None.
        every: whether frames that are only moved are drawn to it, too.
    """

    picture: Frame
    share: Tensor
    laid: Tensor
    grains: Grains | None = None
    every: bool = False

    def under(self, held: Frame) -> Frame:
        """Return a picture that is to be painted over, drawn to the first frame."""
        return torch.lerp(held, self.picture, self.share)

    def over(self, painted: Frame) -> Frame:
        """Return a finished picture with some of the first frame laid over it."""
        return torch.lerp(painted, self.picture, self.laid)

    def among(self, grains: Grains | None) -> Grains | None:
        """Return the grains of a moved picture with those of the first frame where that prevails."""
        if grains is None or self.grains is None:
            return grains
        prevails = (self.share > PREVAILS).cpu()
        return Grains(
            torch.where(prevails, self.grains.identities, grains.identities),
            torch.where(prevails, self.grains.places, grains.places),
        )

    def left_uncovered(self, uncovered: Mask) -> Mask:
        """Return what of an uncovered part the first frame does not show."""
        return uncovered & (self.share <= PREVAILS)


def closing(first: Track | None, row: Row, shot: Shot, last_painted: int) -> Closing | None:
    """Return the first frame as it has to be seen at a frame, or None where the film does not close yet.

    Args:
        first: the first frame, in 3D with its depth.
        row: of the frame.
        shot: what does not change.
        last_painted: number of the last frame that is painted, from which on nothing is left to draw.
    """
    if first is None or row.frame < shot.pictures - shot.loop:
        return None
    gone = 1 - max(0, last_painted - row.frame) / shot.loop
    share = gone * gone * (3 - 2 * gone)
    # Below that its grains prevail nowhere, and moving them is slow.
    grains = first.grains if share > PREVAILS else None
    back, known = moved_back(replace(first, grains=grains), row.timeline, shot, row.frame)
    soft = feathered(known, back.picture, shot.pictures - row.frame)
    near = 1 - (shot.pictures - 1 - row.frame) / shot.loop
    return Closing(back.picture, soft * share, soft * near**2 * (1 - LEFT / shot.turbo.steps), back.grains)


def feathered(known: Mask, picture: Frame, moves: int) -> Tensor:
    """Return how far a picture that was moved back counts at each pixel, H x W, 0 to 1.

    Args:
        known: where it shows something.
        picture: the picture, on whose device the answer is.
        moves: by how many moves it was moved back.
    """
    inside = cv2.distanceTransform(known.cpu().numpy().astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_5)
    soft = torch.from_numpy(inside).to(picture) / (FEATHER * min(inside.shape))
    result: Tensor = soft.clamp(min=max(0.0, 1 - moves / SMEARED), max=1)
    return result


def moved_back(
    first: Track, timeline: Timeline, shot: Shot, frame: int, last: int | None = None
) -> tuple[Track, Mask]:
    """Return a frame moved back along the camera's path to an earlier one, and where it is known.

    Args:
        first: what is moved back: the first frame, which also follows the last one, or that of ``last``.
        timeline: every setting at every frame; the move from the last frame to the first is that of row 0.
        shot: what does not change.
        frame: number of the frame.
        last: from which frame it is moved back; from after the end where left out.
    """
    picture, depth, grains = first.picture, first.depth, first.grains
    if shot.upright is not None:
        picture, depth = _as_at_the_end(picture, depth, timeline, shot)
    known = torch.ones(picture.shape[-2:], dtype=torch.bool, device=picture.device)
    for number in range(shot.pictures if last is None else last, frame, -1):
        row = timeline.row(number % shot.pictures)
        if shot.mode == "2d":
            move = back_2d(canvas_2d(row, shot, number))
            height, width = picture.shape[-2:]
            uncovered = outside_2d(move, height, width).to(picture.device)
            picture = warp_2d(picture, move, "replicate", shot.sampling)
            grid = None if move == Move2D() else grid_2d(move, height, width).to(picture.device)
        elif depth is not None:
            camera, turned = canvas_3d(row, shot, number)
            seen = view(
                picture,
                depth,
                back_3d(camera),
                sampling=shot.sampling,
                projection=shot.projection,
                occlusion=shot.occlusion,
                turned=turned,
            )
            picture, depth, uncovered, grid = seen.picture, seen.depth, seen.uncovered, seen.grid
        else:
            raise ValueError("a picture that is moved back in 3D needs its depth")
        if grid is not None:
            known = sample(known.float()[None], grid, "nearest", "zeros")[0] > 0.5
            known &= ~uncovered
        grains = over_move(grains, grid, uncovered, shot, number + shot.pictures)
    return replace(first, picture=picture, depth=depth, grains=grains), known


def _as_at_the_end(
    picture: Frame, depth: Tensor | None, timeline: Timeline, shot: Shot
) -> tuple[Frame, Tensor | None]:
    """Return the first canvas turned so that the frame, as far as it is turned at the end, shows the same."""
    assert shot.upright is not None
    row = timeline.row(0)
    again = move_2d(row).angle if shot.mode == "2d" else camera_3d(row).rotation_3d_z
    shown = reader(shot, shot.canvas, -(shot.upright.rolls[-1] + again))
    return shown(picture), None if depth is None else depth_seen(depth, shown)
