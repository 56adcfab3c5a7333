"""The way to a pinned picture: the picture as it has to be seen at the frames before it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import torch

from animator.film.closing import Closing, feathered, moved_back
from animator.film.pins import Pin, coming
from animator.film.state import Track

if TYPE_CHECKING:
    from animator.film.shot import Shot
    from animator.keyframes.timeline import Row
    from animator.types import DepthMap


def approach(
    pins: Sequence[Pin], row: Row, shot: Shot, depth_of: Callable[[Pin], DepthMap | None]
) -> Closing | None:
    """Return the picture of the pin that a frame comes to, as it has to be seen there, or None.

    Args:
        pins: of the shot.
        row: of the frame.
        shot: what does not change.
        depth_of: returns the depth of a pin's picture in 3D.
    """
    pin = coming(pins, row.frame)
    if pin is None:
        return None
    left = pin.frame - row.frame
    back, known = moved_back(Track(pin.picture, depth_of(pin)), row.timeline, shot, row.frame, pin.frame)
    soft = feathered(known, back.picture, left)
    # What is left of the way is gone in equal steps.
    share = soft * pin.strength / (left + 1)
    return Closing(back.picture, share, share if left == 0 else torch.zeros_like(share), every=True)


def over_footage(pins: Sequence[Pin], frame: int) -> Closing | None:
    """Return the picture of the pin that is nearest to a frame of stylised footage, or None far from all.

    Every frame begins with the footage again, so that it takes its whole share of the picture: more and more
    on the way to the pin, and less and less after it.

    Args:
        pins: of the shot.
        frame: its number.
    """
    pin = max(pins, key=lambda one: one.nearness(frame), default=None)
    if pin is None or (near := pin.nearness(frame)) == 0:
        return None
    share = torch.full_like(pin.picture[0], near * pin.strength)
    return Closing(pin.picture, share, share if frame == pin.frame else torch.zeros_like(share))
