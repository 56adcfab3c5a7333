"""The driver of single pictures: the steps of `animator.film.loop` that they need, several pictures at once.

Stills know nothing of one another: each follows from its row, its seed and its init. Those that differ in
nothing else are painted together, as many as memory allows.
"""

from __future__ import annotations

import functools
import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from animator.diffusion.memory_saving import tried
from animator.engines.guided import GUIDED
from animator.film.loop import SILENT, Finished, Listener
from animator.film.regions import masks_of, pasted
from animator.film.requests import first_request
from animator.film.shot import Shot
from animator.types import Painted, Request, StillEngine
from animator.warp.disco import eight_bits

if TYPE_CHECKING:
    from animator.keyframes.timeline import Timeline

Drafts = Mapping[int, Mapping[str, Tensor]]
"""By number of a picture, what an earlier draft of it left to resume from."""

SameStop = Callable[[Mapping[str, Tensor], Mapping[str, Tensor]], bool]
"""Returns of two unfinished diffusions whether they were stopped at the same step."""

log = logging.getLogger(__name__)


def stills(
    timeline: Timeline,
    shot: Shot,
    engine: StillEngine,
    wanted: Sequence[int],
    drafts: Drafts,
    *,
    batch: int = 1,
    stop_at: float = 1.0,
    same_stop: SameStop = GUIDED.same_stop,
    listener: Listener = SILENT,
) -> Iterator[Finished]:
    """Make pictures, in the order in which they are wanted.

    Args:
        timeline: every setting at every picture.
        shot: what does not change from picture to picture.
        engine: paints them.
        wanted: their numbers.
        drafts: where to resume pictures that were stopped earlier.
        batch: how many to paint at once at most; halved as often as the memory does not hold them.
        stop_at: share of the diffusion after which to stop and keep drafts.
        same_stop: returns whether two drafts can be finished together.
        listener: called at every step, of the first picture of a batch.
    """
    left = list(wanted)
    while left:
        listener.stage(left[0], "look up")
        group, requests = _group(timeline, shot, left, batch, drafts, same_stop)
        unfinished = [drafts[number] for number in group] if group[0] in drafts else None
        listener.stage(group[0], "denoise")
        listener.begin(group)
        listener.asked(requests[0])
        if unfinished is None and requests[0].init is not None:
            listener.made(group[0], "init", requests[0].init)
        paint = functools.partial(
            engine.paint_together, requests, listener.step, stop_at=stop_at, unfinished=unfinished
        )
        # What one picture needs is between the engine and the memory.
        painted = tried(paint) if len(group) > 1 else paint()
        if painted is None:
            batch = len(group) // 2
            log.warning(
                "%d pictures at once are too many for the memory; continuing with %d", len(group), batch
            )
            continue
        listener.stage(group[0], "keep")
        for number, request, one in zip(group, requests, painted, strict=True):
            yield _finished(timeline, shot, number, request, one)
        del left[: len(group)]


def _finished(timeline: Timeline, shot: Shot, number: int, request: Request, one: Painted) -> Finished:
    picture, row = eight_bits(one.picture) if shot.disco else one.picture, timeline.row(number)
    masks = masks_of(shot.regions, row)
    picture = pasted(shot, row, masks, picture, request.init)
    return Finished(number, picture, request.seed, row, unfinished=one.unfinished, masks=masks)


def _group(
    timeline: Timeline,
    shot: Shot,
    left: Sequence[int],
    batch: int,
    drafts: Drafts,
    same_stop: SameStop,
) -> tuple[list[int], list[Request]]:
    """Return the first pictures that can be painted together, at most ``batch``, and what to ask for."""
    group: list[int] = []
    requests: list[Request] = []
    for number in left[:batch]:
        row = timeline.row(number)
        request = first_request(row, shot, 0, masks=masks_of(shot.regions, row))
        if group and not (_alike(requests[0], request) and _together(drafts, group[0], number, same_stop)):
            break
        group.append(number)
        requests.append(request)
    return group, requests


def _alike(one: Request, other: Request) -> bool:
    """Return whether two pictures have the same prompts and settings."""
    prompts = one.prompts == other.prompts and one.written == other.written
    same = prompts and np.array_equal(one.init_scale, other.init_scale)
    same = same and _same_map(one.keep_map, other.keep_map)
    return same and all(np.array_equal(one.values[name], other.values[name]) for name in one.values)


def _same_map(one: Tensor | None, other: Tensor | None) -> bool:
    return one is other or (one is not None and other is not None and torch.equal(one, other))


def _together(drafts: Drafts, one: int, other: int, same_stop: SameStop) -> bool:
    """Return whether two pictures resume from the same step, or both begin."""
    if one in drafts and other in drafts:
        return same_stop(drafts[one], drafts[other])
    return one not in drafts and other not in drafts
