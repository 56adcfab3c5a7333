"""The driver of the second painting: each finished picture enlarged, and painted over at its larger size.

A still follows from its first picture alone. A frame of a film is painted over a mixture of its first picture
and of the larger frame before it, moved along the optical flow between the first pictures of both, so that
what the second painting added goes along and is not drawn anew. What it reads of earlier frames are finished
pictures as they were saved; so it can begin anywhere, and needs no state.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING

import cv2
import torch.nn.functional as F

from animator.diffusion.memory_saving import tried
from animator.engines.guided import GUIDED
from animator.errors import MemoryShortage
from animator.film.loop import SILENT, Finished, Listener
from animator.film.regions import masks_of, named_by, not_kept, resized
from animator.film.requests import engine_values, seed_of
from animator.film.shot import Shot
from animator.flow.trust import trusted
from animator.settings.hires import SIDE_STEP
from animator.system.convert import frame_to_image, image_to_frame
from animator.types import Request
from animator.warp.by_flow import warp_by_flow
from animator.warp.disco import eight_bits

if TYPE_CHECKING:
    from torch import Tensor

    from animator.engines.family import Family
    from animator.keyframes.timeline import Row, Timeline
    from animator.types import Engine, FlowEstimator, Frame

log = logging.getLogger(__name__)

WIDENED, SOFTENED = 2, 1.5
"""Pixels of the first pictures by which the places are widened where a flow is not trusted, and the standard
deviation, in such pixels, of the blur of their edges."""

ALIKE, UNLIKE = 0.06, 0.16
"""Differences of colour, of 1, up to which a moved frame counts as the same thing, and from which on as
another: flows between pictures of other things, as at a cut, may agree with one another, too."""

AROUND = 5
"""Pixels of a side of the square over which that difference is averaged."""


@dataclass(frozen=True)
class Larger:
    """How finished pictures are painted again.

    Attributes:
        width: of the larger pictures in pixels.
        height: of the larger pictures in pixels.
        keep: share of the diffusion that is skipped, 0 to 1.
        tiles: side in pixels of the tiles in which the network sees them; 0: the whole at once.
        hold: share of the larger frame before, moved, in what a frame is painted over, 0 to 1.
    """

    width: int
    height: int
    keep: float
    tiles: int = 0
    hold: float = 0.0


@dataclass(frozen=True)
class Saved:
    """Where finished pictures are read, by their numbers.

    Attributes:
        small: returns a picture of the first painting.
        large: returns one of the second; asked for frames before one that is painted.
    """

    small: Callable[[int], Frame]
    large: Callable[[int], Frame]


def larger(
    timeline: Timeline,
    shot: Shot,
    how: Larger,
    engine: Engine,
    wanted: Sequence[int],
    saved: Saved,
    flow: FlowEstimator | None = None,
    *,
    family: Family = GUIDED,
    listener: Listener = SILENT,
) -> Iterator[Finished]:
    """Paint finished pictures again, larger, in the order in which they are wanted.

    Args:
        timeline: every setting at every picture.
        shot: what does not change from picture to picture; its mode says whether they are frames of a film.
        how: the larger pictures.
        engine: paints them.
        wanted: their numbers; of a film rising.
        saved: the pictures that they are painted over.
        flow: estimates how things move between two pictures; needed where frames hold on to one another.
        family: of the engine.
        listener: called at every step.

    Raises:
        MemoryShortage: not even the smallest tiles fit into the memory.
    """
    for number in wanted:
        listener.stage(number, "look up")
        row, first = timeline.row(number), saved.small(number)
        init = enlarged(first, how.width, how.height)
        if shot.mode != "still" and number and how.hold and flow is not None:
            listener.stage(number, "warp")
            for other, share in held_to(shot, number, how.hold).items():
                init = held_over(init, first, saved.small(other), saved.large(other), flow, share)
        pixels = how.width * how.height / (shot.width * shot.height)
        request = family.larger(larger_request(row, shot, how, init), pixels)
        listener.stage(number, "denoise")
        listener.begin([number])
        picture, tiles = _painted(engine, request, listener)
        how = replace(how, tiles=tiles)
        listener.stage(number, "keep")
        yield Finished(number, eight_bits(picture) if shot.disco else picture, request.seed, row)


def held_to(shot: Shot, number: int, hold: float) -> dict[int, float]:
    """Return the frames that a frame after the first holds on to, and the share of each in its init.

    That is the frame before it, and at the end of a film that loops the first one, more and more: in the last
    frame twice as much as of the one before.

    Args:
        shot: the film.
        number: of the frame.
        hold: share of the frame before, 0 to 1.
    """
    left = shot.pictures - number
    if left > shot.loop:
        return {number - 1: hold}
    return {number - 1: hold, 0: min(1.0, 2 * hold) * (1 - (left - 1) / shot.loop)}


def larger_request(row: Row, shot: Shot, how: Larger, init: Frame) -> Request:
    """Ask for a picture over its enlargement. Of a film all have the same noise, that of the first.

    Regions in which nothing is painted, and those of prompts, are enlarged; such as follow from how the film
    was made are not known here.
    """
    known = [region for region in shot.regions if not region.travels]
    large = [resized(region, how.width, how.height, how.width / shot.width) for region in known]
    masks = masks_of(large, row)
    kept = not_kept(replace(shot, regions=tuple(large)), row, masks)
    return Request(
        frame=0,
        seed=seed_of(shot, row.frame if shot.mode == "still" else 0),
        width=how.width,
        height=how.height,
        prompts=row.prompts,
        init=init,
        keep=how.keep,
        values=engine_values(row, shot),
        written=row.written,
        tiles=how.tiles,
        keep_map=None if kept is None else 1 - (1 - how.keep) * kept,
        regions=named_by(row.prompts, shot, row, masks),
    )


def _painted(engine: Engine, request: Request, listener: Listener) -> tuple[Frame, int]:
    """Return a picture, and the side of the tiles that the memory held: halved until it does."""
    while True:
        try:
            picture = tried(partial(engine.paint, request, listener.step))
            if picture is not None:
                return picture, request.tiles
            shortage = MemoryShortage(f"frame {request.frame}: tiles of {request.tiles} do not fit")
        except MemoryShortage as fault:
            shortage = fault
        tiles = halved(request)
        if tiles == request.tiles:
            raise shortage
        log.warning("out of memory; painted again from its beginning, from now on in tiles of %d", tiles)
        request = replace(request, tiles=tiles)


def halved(request: Request) -> int:
    """Return half of the side of a request's tiles, a multiple of 64 and no less; of none, of the picture."""
    longest = max(request.width, request.height)
    side = min(request.tiles or longest, longest)
    return max(side // 2 // SIDE_STEP, 1) * SIDE_STEP


def enlarged(picture: Frame, width: int, height: int) -> Frame:
    """Return a frame at a larger size, by Lanczos' kernel of eight pixels."""
    image = cv2.resize(frame_to_image(picture), (width, height), interpolation=cv2.INTER_LANCZOS4)
    return image_to_frame(image).clamp(0, 1)


def alike(moved: Frame, picture: Frame) -> Tensor:
    """Return how far each pixel of a moved frame shows what a picture shows there, 0 to 1, H x W."""
    difference = (moved - picture).abs().mean(dim=0)[None, None]
    mean = F.avg_pool2d(difference, AROUND, 1, AROUND // 2, count_include_pad=False)[0, 0]
    return ((UNLIKE - mean) / (UNLIKE - ALIKE)).clamp(0, 1)


def held_over(
    init: Frame, small: Frame, small_before: Frame, large_before: Frame, flow: FlowEstimator, share: float
) -> Frame:
    """Return an enlarged frame, mixed with the larger frame before it where that can be followed.

    Args:
        init: the enlarged frame.
        small: the frame as it was painted first.
        small_before: the frame before it, as it was painted first.
        large_before: the same, larger.
        flow: estimates how things move between the two small ones.
        share: of the moved frame where the flow is trusted, 0 to 1.
    """
    forward, backward = flow.both_ways(small_before, small)
    known = trusted(backward, forward, WIDENED, SOFTENED) * alike(warp_by_flow(small_before, backward), small)
    height, width = init.shape[-2:]
    times = backward.new_tensor([width / small.shape[-1], height / small.shape[-2]])
    motion, weight = (
        F.interpolate(one[None], (height, width), mode="bilinear", align_corners=False)[0]
        for one in (backward, known[None])
    )
    moved = warp_by_flow(large_before, motion * times[:, None, None])
    weight = weight * share
    return init * (1 - weight) + moved * weight
