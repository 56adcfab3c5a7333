"""What travels from frame to frame: pictures on their way, and all that the next frame needs."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from torch import Tensor

from animator.depth.align import NOTHING, Expectation
from animator.film.regions import Masks

if TYPE_CHECKING:
    from animator.types import DepthMap, Frame
    from animator.warp.grains import Grains


@dataclass(frozen=True)
class Track:
    """A picture on its way through the camera's moves.

    Attributes:
        picture: as the camera sees it now.
        depth: its depth where that is known: because it was moved along, or estimated already; None in 2D and
            where it is yet to be estimated.
        expected: what an estimate is held to, see `animator.depth.align`.
        grains: of the noise that it was painted with, moved along; None where noise does not move.
        masks: of the regions that move with the picture.
    """

    picture: Frame
    depth: DepthMap | None = None
    expected: Expectation = NOTHING
    grains: Grains | None = None
    masks: Masks = field(default_factory=dict)


@dataclass(frozen=True)
class LoopState:
    """All that the next frame takes from the frames before it.

    Attributes:
        frame: number of the frame that was finished last; -1 before the first.
        track: what the next frame grows out of, or None before the first: that frame, in turbo the newer of
            the two pictures that were faded into it.
        colours: the colours to hold, see `animator.film.colour`; None before the first.
        old: in turbo, the older of the two; None before there are two.
        first: the first frame of a film that loops, in 3D with its depth; else None.
        detail: the detail to hold, see `animator.film.detail`; None before a frame was painted over another.
    """

    frame: int = -1
    track: Track | None = None
    colours: Tensor | None = None
    old: Track | None = None
    first: Track | None = None
    detail: Tensor | None = None
