"""The noise of a film's frames, where it does not follow from each frame's seed alone.

With `coherence.noise` ``fixed`` all frames show the grains that the first one was born with. With ``moved``
they are moved by whatever moves the picture (`animator.warp.grains`); what is born on the way takes its
identity from the seed and the number of the frame.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from animator.film.requests import seed_of
from animator.system import rng
from animator.types import GrainNoise
from animator.warp.by_flow import grid_of_flow
from animator.warp.grains import born, carried

if TYPE_CHECKING:
    from torch import Tensor

    from animator.film.shot import Shot
    from animator.types import Flow, Mask
    from animator.warp.grains import Grains

IDENTITIES = 2**62
"""How many first identities there are; so the last pixel's is still an int64."""


def begun(shot: Shot, frame: int) -> Grains | None:
    """Return new grains for a frame that has none before it, or None where its seed decides its noise."""
    if shot.noise == "new":
        return None
    width, height = shot.canvas
    return born(_base(shot, 0 if shot.noise == "fixed" else frame), height, width)


def over_move(
    grains: Grains | None, grid: Tensor | None, uncovered: Mask, shot: Shot, frame: int
) -> Grains | None:
    """Return the grains of a picture after its move to a frame.

    Args:
        grains: before it, or None where noise does not move.
        grid: where each pixel was before, see `animator.warp.grains.carried`; None where nothing moved.
        uncovered: where grains are born.
        shot: what does not change.
        frame: the number of the frame.
    """
    if grains is None or grid is None or shot.noise != "moved":
        return grains
    return carried(grains, grid.cpu(), uncovered.cpu(), _base(shot, frame))


def over_flow(grains: Grains | None, backward: Flow, share: Tensor, shot: Shot, frame: int) -> Grains | None:
    """Return the grains of a frame of footage: those of the frame before it, along the footage's flow.

    Args:
        grains: of the frame before, or None where noise does not move.
        backward: the flow from this frame of the footage to the one before it, 2 x H x W in pixels.
        share: how far each pixel follows it, H x W, 0 to 1; where that is less than half grains are born.
        shot: what does not change.
        frame: the number of the frame.
    """
    return over_move(grains, grid_of_flow(backward), share < 0.5, shot, frame)


def noise_over(grains: Grains | None, drawn: Mask | None, shot: Shot) -> GrainNoise | None:
    """Return the noise of a frame, or None where its seed decides it.

    Args:
        grains: that it shows, or None.
        drawn: where its init holds what the same noise drew in the frame before, or None.
        shot: what does not change.
    """
    if grains is None:
        return None
    return GrainNoise(grains.identities, grains.places, drawn if shot.noise == "moved" else None)


def _base(shot: Shot, frame: int) -> int:
    return rng.derive(seed_of(shot, frame), frame, "grains") % IDENTITIES
