"""The last pass over a stylised film: each frame is mixed with the one before it, which calms its flicker.

What a frame is mixed with is the frame before it as it was painted, not as this pass left it: as in Disco
Diffusion's video creation, a frame reaches one frame on and no further, and a part of a film can be finished
by itself.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator
from typing import TYPE_CHECKING, Literal

import numpy as np
import torch
from torch import Tensor

from animator.system.convert import frame_to_uint8, uint8_to_frame
from animator.warp.by_flow import warp_by_flow

if TYPE_CHECKING:
    from animator.types import Flow

Back = Callable[[int], "tuple[Flow, Tensor | None]"]
"""Returns the flow from a frame back to the one before it, 2 x H x W in pixels, and how far each pixel may
follow it, H x W from 0 to 1; None: everywhere."""


def finished_film(
    frames: Iterable[np.ndarray],
    how: Literal["none", "linear", "flow"],
    blend: float = 0.5,
    back: Back | None = None,
    cuts: Collection[int] = (),
) -> Iterator[np.ndarray]:
    """Yield every frame of a film after the last pass; two frames are held at a time.

    Args:
        frames: H x W x 3 uint8, from the first on.
        how: ``none`` hands the frames on; ``linear`` mixes each with the frame before it as it is, ``flow``
            with the frame before it moved along the footage's flow.
        blend: share of the frame itself, 0 to 1; the first frame, and the first after a cut, is all itself.
        back: how the footage moved; asked for each mixed frame, needed for ``flow`` only.
        cuts: numbers of the frames with which a new scene begins.

    Raises:
        ValueError: ``flow`` is asked for without ``back``.
    """
    if how == "flow" and back is None:
        raise ValueError("finishing along the flow needs the flow of the footage")
    before: np.ndarray | None = None
    for number, pixels in enumerate(frames):
        if how == "none" or before is None or number in cuts:
            yield pixels
        else:
            yield _mixed(before, pixels, blend, back(number) if how == "flow" and back else None)
        before = pixels


def _mixed(
    before: np.ndarray, pixels: np.ndarray, blend: float, back: tuple[Flow, Tensor | None] | None
) -> np.ndarray:
    """Return ``blend`` of a frame and the rest of the one before it."""
    here, previous = uint8_to_frame(pixels), uint8_to_frame(before)
    rest: Tensor = torch.full(here.shape[1:], 1.0 - blend)
    if back is not None:
        flow, share = back
        previous = warp_by_flow(previous, flow.cpu())
        rest = rest if share is None else rest * share.cpu()
    return frame_to_uint8(torch.lerp(here, previous, rest))
