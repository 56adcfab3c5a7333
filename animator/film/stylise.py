"""The driver of stylised footage: the steps of `animator.film.loop`, with the footage in the camera's place.

What a frame is painted over is the footage at that frame, into which the frame before it is mixed: moved to
where the footage says that everything went, and only where the footage's flow can be trusted. With ``F_f``
the footage, ``P_f`` the finished frames, ``W`` the warp along the flow from ``F_f`` back to ``F_(f-1)``,
``m`` the trust in that flow and ``b`` the setting `video.flow_blend`, it is::

    init_f = (1 - b m) F_f + b m W(P_(f-1))

Near a pinned picture that is drawn to it, and the frame of a pin of strength 1 is its picture.

At the first frame and at a scene cut it is ``F_f``, and the film's colours are measured again: nothing is
carried over a cut. As in the other films, a frame needs no more of the past than the `LoopState` of the frame
before, and the driver opens no file.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch

from animator.film.approach import over_footage
from animator.film.grains import begun, noise_over, over_flow
from animator.film.holding import follow, hold_colours
from animator.film.loop import FLOW, SILENT, Finished, Listener, paint
from animator.film.pins import shown_at
from animator.film.regions import along, as_before_where_kept, following, masks_of, not_kept, pasted
from animator.film.requests import next_request
from animator.film.shot import Shot
from animator.film.state import LoopState, Track
from animator.flow.trust import trusted
from animator.warp.by_flow import grid_of_flow, warp_by_flow
from animator.warp.disco import eight_bits

if TYPE_CHECKING:
    from animator.keyframes.timeline import Row, Timeline
    from animator.types import Engine, Flow, Frame

Footage = Callable[[int], "Frame"]
"""Returns the footage at a frame of the film, in the film's size."""

Flows = Callable[[int, "Frame", "Frame"], "tuple[Flow, Flow]"]
"""Takes a frame's number, the footage before it and its own; returns the flow between them, and back."""


@dataclass(frozen=True)
class Trust:
    """Where the flow of the footage is followed; the options of the same names of the section `video`.

    Attributes:
        check_consistency: whether only where the flows there and back agree; otherwise everywhere.
        dilation: pixels by which the other places are widened.
        blur: standard deviation, in pixels, of the blur of their edges.
    """

    check_consistency: bool = True
    dilation: int = 3
    blur: float = 2.0


def stylise(
    timeline: Timeline,
    shot: Shot,
    engine: Engine,
    footage: Footage,
    flows: Flows | None,
    cuts: Collection[int],
    trust: Trust,
    state: LoopState,
    *,
    listener: Listener = SILENT,
) -> Iterator[Finished]:
    """Make the frames of a film from footage, from where ``state`` left off.

    Args:
        timeline: every setting at every frame.
        shot: what does not change from frame to frame; of it, the size, the length and the seeds count.
        engine: paints a frame.
        footage: what is stylised; frames are asked for in rising order, from the one before the first that
            is made on.
        flows: how things move in it, or None: then every frame is independent.
        cuts: numbers of the frames with which a new scene of the footage begins.
        trust: where the flow is followed.
        state: ``LoopState()`` to begin, or the state of a finished frame to resume after it.
        listener: called at every step.
    """
    before = None if state.track is None else footage(state.frame)
    for frame in range(state.frame + 1, shot.pictures):
        listener.stage(frame, "look up")
        row = timeline.row(frame)
        if frame in cuts:
            state = LoopState(frame - 1)
        init = here = footage(frame)
        listener.made(frame, "footage", here)
        grains, noise, blend = begun(shot, frame), None, row["video.flow_blend"]
        masks = masks_of(shot.regions, row)
        carries = blend > 0 or shot.noise == "moved" or any(one.follow for one in shot.regions)
        if flows and state.track and before is not None and carries:
            listener.stage(frame, FLOW)
            forward, backward = flows(frame, before, here)
            share = followed(forward, backward, trust)
            moved_masks = along(state.track.masks, grid_of_flow(backward))
            masks = masks_of(shot.regions, row, None, moved_masks)
            if blend > 0:
                free = not_kept(shot, row, masks)
                carried = share if free is None else share * free.to(share)
                init = _carried(state.track.picture, here, backward, carried, row, listener)
            grains = over_flow(state.track.grains, backward, share, shot, frame)
            noise = noise_over(grains, blend * share > 0, shot)
        init = eight_bits(init) if shot.disco else init
        held = as_before_where_kept(shot, row, masks, hold_colours(init, row, state, listener), init)
        listener.stage(frame, "noise")
        noise = noise or noise_over(grains, None, shot)
        end, picture = over_footage(shot.pins, frame), shown_at(shot.pins, frame)
        held = held if end is None else end.under(held)
        request = next_request(row, shot, held, noise=noise, masks=masks)
        if picture is None:
            picture = pasted(shot, row, masks, paint(engine, request, shot, frame, listener), request.init)
            picture = picture if end is None else end.over(picture)
        track = Track(picture, grains=grains, masks=following(masks, shot))
        colours, strong = follow(state, picture, None, row)
        state, before = LoopState(frame, track, colours, detail=strong), here
        listener.stage(frame, "keep")
        yield Finished(frame, picture, request.seed, row, state, masks=masks)


def followed(forward: Flow, backward: Flow, trust: Trust) -> torch.Tensor:
    """Return how far each pixel of the newer picture may follow the flow back to the older one.

    Args:
        forward: from the older picture to the newer, 2 x H x W in pixels.
        backward: from the newer picture to the older.
        trust: where the flow is followed.

    Returns:
        Float32, H x W, 0 to 1.
    """
    if not trust.check_consistency:
        return torch.ones_like(backward[0])
    return trusted(backward, forward, trust.dilation, trust.blur)


def _carried(
    previous: Frame, here: Frame, backward: Flow, share: torch.Tensor, row: Row, listener: Listener
) -> Frame:
    """Step 3: return the footage with the frame before, moved along, mixed into it."""
    share = share.to(here.device)
    listener.made(row.frame, "trust", share)
    listener.stage(row.frame, "warp")
    warped = warp_by_flow(previous, backward.to(previous.device)).to(here.device)
    listener.made(row.frame, "warped", warped)
    return torch.lerp(here, warped, row["video.flow_blend"] * share)
