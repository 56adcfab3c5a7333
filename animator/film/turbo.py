"""Turbo: only every n-th frame is painted, the others are moved and faded.

Two pictures travel side by side. The newer one is what was painted last; the older one is the picture that it
was painted over. Both are moved by the camera of every frame, each with its own depth, which is estimated
once for a painted picture and moved along with it from then on (in Disco Diffusion it is estimated again
after every move). What is seen is a fade from the older to the
newer, which is over when the next picture is painted, so that each arrives slowly.

With diffused frames ``d`` and the next one ``g`` frames later, frame ``d + k`` shows ``(k + 1) / g`` of the
newer picture: a frame after which every frame is painted (``g = 1``) is seen as it is. Disco Diffusion counts
``k`` from the last multiple of ``turbo_steps`` and ``g`` always as ``turbo_steps``, in the preroll too.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING

from animator.depth.align import NOTHING
from animator.film.grains import begun
from animator.film.holding import follow, hold_colours, hold_detail
from animator.film.loop import (
    SILENT,
    Finished,
    Listener,
    depths_of,
    drawn,
    move,
    over_moved,
    paint,
    seen,
)
from animator.film.pins import shown_at
from animator.film.regions import following, masks_of, pasted
from animator.film.requests import first_request, noise_of, seed_of
from animator.film.shot import Shot, Turbo
from animator.film.state import LoopState, Track
from animator.film.upright import as_seen
from animator.warp.by_flow import warp_by_flow

if TYPE_CHECKING:
    from animator.keyframes.timeline import Timeline
    from animator.types import DepthEstimator, DepthMap, Engine, FlowEstimator, Frame


def is_diffused(frame: int, turbo: Turbo) -> bool:
    """Return whether a frame is painted.

    In a film that loops the frame after the last is the first again, so that none is painted so late that its
    fade would not be over by then.
    """
    if frame <= turbo.preroll or frame in turbo.also:
        return True
    if turbo.loops_at and frame > turbo.loops_at - turbo.steps:
        return frame >= turbo.loops_at
    return frame % turbo.steps == 0


def weight_of_newer(frame: int, turbo: Turbo) -> float:
    """Return how much of the newer picture is seen at a frame, above 0 up to 1.

    >>> [round(weight_of_newer(frame, Turbo(steps=3, preroll=10)), 2) for frame in range(9, 16)]
    [1.0, 0.5, 1.0, 0.33, 0.67, 1.0, 0.33]
    """
    if frame == 0:
        return 1.0
    if turbo.disco:
        passed, gap = 0 if is_diffused(frame, turbo) else frame % turbo.steps, turbo.steps
    else:
        last, following = frame, frame + 1
        while not is_diffused(last, turbo):
            last -= 1
        while not is_diffused(following, turbo):
            following += 1
        passed, gap = frame - last, following - last
    share = (passed + 1) / gap
    return share * share * (3 - 2 * share) if turbo.ease else share


def turbo_film(
    timeline: Timeline,
    shot: Shot,
    engine: Engine,
    depth: DepthEstimator | None,
    state: LoopState,
    *,
    flow: FlowEstimator | None = None,
    listener: Listener = SILENT,
) -> Iterator[Finished]:
    """Make the frames of a film in turbo, from where ``state`` left off.

    Args:
        timeline: every setting at every frame.
        shot: what does not change from frame to frame.
        engine: paints a frame.
        depth: estimates distances; needed in 3D only.
        state: ``LoopState()`` to begin, or the state of a finished frame to resume after it.
        flow: estimates how the two pictures differ; needed where they are aligned.
        listener: called at every step.
    """
    turbo = shot.turbo
    depths = depths_of(shot, depth)
    last_painted = max((n for n in range(shot.pictures) if is_diffused(n, turbo)), default=0)
    for frame in range(state.frame + 1, shot.pictures):
        listener.stage(frame, "look up")
        row = timeline.row(frame)
        seed = seed_of(shot, frame)
        moved, uncovered, old = None, None, state.old
        end, pinned = drawn(state, row, shot, last_painted, depths), shown_at(shot.pins, frame)
        if state.track is not None:
            moved, uncovered = move(state.track, row, shot, depth, listener)
        before = (moved.depth, moved.masks) if moved is not None else (None, None)
        masks = masks_of(shot.regions, row, *before)
        if moved is not None and not is_diffused(frame, turbo):
            new = replace(moved, masks=following(masks, shot))
            colours, strong = state.colours, state.detail
            old = move(old, row, shot, depth, listener)[0] if old else None
            if end is not None and end.every:
                new = replace(new, picture=end.under(new.picture))
                old = old and replace(old, picture=end.under(old.picture))
        else:
            if moved is None or uncovered is None:
                grains = begun(shot, frame)
                request = first_request(row, shot, noise_of(shot, frame), grains, masks)
            else:
                held = hold_colours(moved.picture, row, state, listener)
                listener.stage(frame, "noise")
                request, grains = over_moved(row, shot, moved, held, uncovered, end, masks)
            picture, painted = pinned, None
            if picture is None:
                painted = hold_detail(paint(engine, request, shot, frame, listener), row, state, shot, masks)
                picture = pasted(shot, row, masks, painted, request.init)
            expected = moved.expected if moved else NOTHING
            new = Track(picture, None, expected, grains, following(masks, shot))
            # The newer one has them; a picture that the frame is shows at once.
            old = moved and replace(moved, grains=None, masks={}) if pinned is None else None
            if old is not None and end is not None and end.every:
                old = replace(old, picture=end.under(old.picture))
            new = seen(new, shot, depth, frame, listener)
            colours, strong = follow(state, picture, painted, row)
        first = new if shot.loop and frame == 0 else state.first
        state = LoopState(frame, new, colours, old, first, strong)
        shown, distance = faded(new, old, weight_of_newer(frame, turbo), flow if turbo.align else None)
        if end is not None:
            shown = end.over(shown)
        listener.made(frame, "faded", shown)
        listener.stage(frame, "keep")
        known = distance if shot.stereo and not shot.disco else None
        view = as_seen(shot, frame, shown, uncovered, known)
        yield Finished(frame, view.picture, seed, row, state, view.uncovered, view.depth, masks=masks)


def faded(
    new: Track, old: Track | None, weight: float, flow: FlowEstimator | None
) -> tuple[Frame, DepthMap | None]:
    """Return the fade between two pictures and its depth, where both are known.

    Args:
        new: the newer picture.
        old: the older, or None.
        weight: of the newer, 0 to 1.
        flow: estimates how the pictures differ, so that each is first moved towards the other by its part of
            the way; or None.
    """
    if old is None or weight == 1:
        return new.picture, new.depth
    newer, older = new.picture, old.picture
    if flow is not None:
        there, back = flow.both_ways(older, newer)
        newer, older = warp_by_flow(newer, there * (1 - weight)), warp_by_flow(older, back * weight)
    depths = new.depth is not None and old.depth is not None
    distance = old.depth.lerp(new.depth, weight) if depths else None  # type: ignore[union-attr, arg-type]
    return older.lerp(newer, weight), distance
