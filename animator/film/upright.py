"""A film that rolls, painted upright: the picture is kept on a larger canvas that the roll never turns.

Networks learn from upright pictures, and straighten a horizon that the camera tilts, so that a spin comes out
slower than it was asked for. So the part of each move that turns the picture about the line of sight is left
out, the rest of the move acts along the axes of the turned frame, and the frame is read out of the canvas
turned. With ``Q(a)`` a turn of the picture by ``a``, counter-clockwise, ``u`` a place on the canvas and
``p = Q(roll) u`` the same place in the frame, both from the centre, the frame's move ``p' = Q(a) F(p)`` is
the canvas's ``u' = Q(-roll) F(Q(roll) u)``, and ``roll' = roll + a``.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING

import torch
from torch import Tensor
from torch.nn.functional import pad

from animator.types import Camera, Move2D
from animator.warp.camera3d import Turned
from animator.warp.sampling import sample

if TYPE_CHECKING:
    from animator.film.shot import Shot
    from animator.types import DepthMap, Frame, Mask


@dataclass(frozen=True)
class Upright:
    """How a film that rolls is painted upright.

    Attributes:
        width: of the canvas in pixels.
        height: of the canvas in pixels.
        rolls: how far the picture is turned at each frame, in degrees counter-clockwise.
    """

    width: int
    height: int
    rolls: Sequence[float]

    def before(self, frame: int) -> float:
        """Return how far the picture is turned at the frame before this one."""
        return self.rolls[frame - 1] if frame else 0.0


def turned(x: float, y: float, degrees: float) -> tuple[float, float]:
    """Return a place (x to the right, y downwards) turned counter-clockwise about the origin."""
    cos, sin = math.cos(math.radians(degrees)), math.sin(math.radians(degrees))
    return cos * x + sin * y, cos * y - sin * x


def upright_2d(move: Move2D, roll: float) -> Move2D:
    """Return a move of a frame, turned by ``roll`` before it, as a move of the canvas."""
    x, y = turned(move.translation_x, move.translation_y, -roll)
    return Move2D(zoom=move.zoom, translation_x=x, translation_y=y)


def upright_3d(camera: Camera, width: int, height: int, roll: float) -> tuple[Camera, Turned | None]:
    """Return a camera's move without its roll, and the frame in whose axes it acts.

    The roll comes last in a move, so that the shift, which is added after it, is turned back.

    Args:
        camera: the move of the frame.
        width: of the frame in pixels.
        height: of the frame in pixels.
        roll: how far it is turned before the move, in degrees counter-clockwise.
    """
    # What is added to the points is (-x, +y), see `camera_translation`.
    x, y = turned(-camera.translation_x, camera.translation_y, -camera.rotation_3d_z)
    level = replace(camera, rotation_3d_z=0.0, translation_x=-x, translation_y=y)
    return level, Turned(width, height, roll)


def on_canvas(picture: Frame, width: int, height: int) -> Frame:
    """Return a picture in the middle of a canvas, with its mirror images around it, 3 x H x W."""
    across, along = width - picture.shape[-1], height - picture.shape[-2]
    sides = (across // 2, across - across // 2, along // 2, along - along // 2)
    shown = picture[None]
    while any(sides):
        # Nothing can be mirrored farther than it is wide.
        most = [size - 1 for size in (shown.shape[-1],) * 2 + (shown.shape[-2],) * 2]
        now = [min(side, limit) for side, limit in zip(sides, most, strict=True)]
        shown = pad(shown, now, mode="reflect")
        sides = tuple(side - done for side, done in zip(sides, now, strict=True))  # type: ignore[assignment]
    return shown[0]


@dataclass(frozen=True)
class Seen:
    """What a frame shows of its canvas.

    Attributes:
        picture: the frame, 3 x H x W.
        uncovered: what the camera's move newly uncovered, H x W, or None.
        depth: H x W, or None.
    """

    picture: Frame
    uncovered: Mask | None = None
    depth: DepthMap | None = None


def as_seen(
    shot: Shot, frame: int, picture: Frame, uncovered: Mask | None = None, depth: DepthMap | None = None
) -> Seen:
    """Return what a finished frame shows of what was painted; all of it where it was not painted upright."""
    if shot.upright is None:
        return Seen(picture, uncovered, depth)
    shown = reader(shot, (shot.width, shot.height), shot.upright.rolls[frame])
    return Seen(
        shown(picture),
        None if uncovered is None else shown(uncovered.float()[None])[0] >= 0.5,
        None if depth is None else depth_seen(depth, shown),
    )


def frame_seen(canvas: Tensor, width: int, height: int, roll: float, *, about: float) -> Tensor:
    """Return what the frame shows of a canvas, C x H x W, values in [0, 1].

    Args:
        canvas: C x H x W of a canvas.
        width: of the frame in pixels.
        height: of the frame in pixels.
        roll: how far the frame's picture is turned, in degrees counter-clockwise.
        about: where it is turned, in pixels from the point between the four middle pixels, to the right and
            downwards alike: 0 in 3D, 0.5 in 2D, whose middle is a pixel (`animator.warp.affine2d`).
    """
    tall, wide = canvas.shape[-2:]
    if roll % 360 == 0:
        top, left = (tall - height) // 2, (wide - width) // 2
        return canvas[..., top : top + height, left : left + width]
    x = torch.arange(width, dtype=torch.float64) - (width - 1) / 2 - about
    y = torch.arange(height, dtype=torch.float64)[:, None] - (height - 1) / 2 - about
    cos, sin = math.cos(math.radians(roll)), math.sin(math.radians(roll))
    places = torch.stack(((cos * x - sin * y + about) * 2 / wide, (sin * x + cos * y + about) * 2 / tall), -1)
    return sample(canvas, places.float().to(canvas.device), "bicubic", "border")


def reader(shot: Shot, size: tuple[int, int], roll: float) -> Callable[[Tensor], Tensor]:
    """Return `frame_seen` for a shot: what a frame of ``size`` (width, height) shows, turned by ``roll``."""
    about = 0.5 if shot.mode == "2d" else 0.0
    return partial(frame_seen, width=size[0], height=size[1], roll=roll, about=about)


def depth_seen(depth: DepthMap, shown: Callable[[Tensor], Tensor]) -> DepthMap:
    """Return what a frame shows of a depth, by a `reader`."""
    # As shares of the farthest, because samples are held to [0, 1]; the cubic kernel must not make 0 of near.
    farthest = depth.max()
    return (shown((depth / farthest)[None])[0] * farthest).clamp(min=float(depth.min()))
