"""The way of a frame, from the settings of its row to a finished picture.

| # | step | in -> out |
|---|------|-----------|
| 1 | look up this frame's row of the timeline | frame -> parameters |
| 2 | estimate the depth of the previous frame (3D) | Frame -> DepthMap |
| 3 | warp it by the camera's move | Frame (+ DepthMap) -> Frame + Mask of what was uncovered |
| 4 | hold the colours | Frame -> Frame |
| 5 | noise it to the level that `frames_skip_steps` leaves | Frame -> x |
| 6 | denoise towards the prompt, and hold the detail | x -> Frame |
| 7 | keep it | Frame -> files |

Steps 1 to 6 are here; 5 and 6 are one call of the engine. Step 7 belongs to whoever consumes the frames:
the loop opens no file and prints nothing. Everything that a later frame needs is in the `LoopState` that
comes with each finished frame, so a film can be resumed after any of them.

Two other drivers take the same steps: `animator.film.turbo`, which paints every n-th frame only, and
`animator.film.stylise`, in which footage takes the camera's place and step 2 is the flow in it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from typing import TYPE_CHECKING

from torch import Tensor

from animator.depth.align import NO_DRIFT, NOTHING, Drift, Expectation, aligned
from animator.film.approach import approach
from animator.film.closing import Closing, closing
from animator.film.grains import begun, noise_over, over_move
from animator.film.holding import follow, hold_colours, hold_detail
from animator.film.moves import canvas_2d, canvas_3d
from animator.film.pins import Pin, shown_at
from animator.film.regions import (
    Masks,
    along,
    as_before_where_kept,
    following,
    held_in_place,
    masks_of,
    pasted,
    unmoved,
)
from animator.film.requests import first_request, next_request, noise_of
from animator.film.shot import Shot
from animator.film.state import LoopState, Track
from animator.film.upright import as_seen
from animator.types import DepthEstimator, Engine, Move2D, PaintStep, Request
from animator.warp.affine2d import grid_2d, outside_2d, warp_2d
from animator.warp.disco import BRIGHTER, eight_bits, warp_2d_in_bytes
from animator.warp.fill import fill
from animator.warp.reproject3d import view

if TYPE_CHECKING:
    from animator.keyframes.timeline import Row, Timeline
    from animator.types import DepthMap, Frame, Mask, Request
    from animator.warp.grains import Grains

STEPS = ("look up", "depth", "warp", "colour", "noise", "denoise", "keep")
"""The steps of a frame's way by the names that the progress line and a debug dump use."""

FLOW = "flow"
"""Name of step 2 where footage moves and no camera."""


class Listener:
    """Hears what a driver does. This one does nothing; who wants to know overrides what it wants to know."""

    def stage(self, frame: int, name: str) -> None:
        """A step of a frame's way begins, one of `STEPS`."""

    def made(self, frame: int, name: str, value: Tensor) -> None:
        """A step made something: a frame, a depth or a mask, by a name such as ``depth`` or ``warped``."""

    def asked(self, request: Request) -> None:
        """A frame is asked of the engine."""

    def begin(self, frames: Sequence[int]) -> None:
        """The diffusion of these frames begins; there is one in a film."""

    def step(self, step: PaintStep) -> None:
        """A step of their diffusion is done."""


SILENT = Listener()


@dataclass(frozen=True)
class Finished:
    """One finished frame.

    Attributes:
        frame: its number, from 0.
        picture: the frame itself.
        seed: its seed.
        row: the settings it was made with.
        state: what the next frame starts from; None for a still, which has no next one.
        uncovered: what the camera's move newly uncovered, or None.
        depth: its depth, where the shot is stereo and it is known; else None.
        unfinished: of a draft, what its diffusion can be resumed from; else None.
        notes: what happened to it that a user should know.
        masks: of its regions.
    """

    frame: int
    picture: Frame
    seed: int
    row: Row
    state: LoopState | None = None
    uncovered: Mask | None = None
    depth: DepthMap | None = None
    unfinished: Mapping[str, Tensor] | None = None
    notes: tuple[str, ...] = ()
    masks: Masks = field(default_factory=dict)


def film(
    timeline: Timeline,
    shot: Shot,
    engine: Engine,
    depth: DepthEstimator | None,
    state: LoopState,
    *,
    listener: Listener = SILENT,
) -> Iterator[Finished]:
    """Make the frames of a film one from another, from where ``state`` left off.

    Args:
        timeline: every setting at every frame.
        shot: what does not change from frame to frame; its mode is ``2d`` or ``3d``.
        engine: paints a frame.
        depth: estimates distances; needed in 3D only.
        state: ``LoopState()`` to begin, or the state of a finished frame to resume after it.
        listener: called at every step.
    """
    depths = depths_of(shot, depth)
    for frame in range(state.frame + 1, shot.pictures):
        listener.stage(frame, "look up")
        row = timeline.row(frame)
        moved, uncovered, end = None, None, drawn(state, row, shot, shot.pictures - 1, depths)
        if state.track is None or shot.init.frames == "all":
            grains, masks = begun(shot, frame), masks_of(shot.regions, row)
            request = first_request(row, shot, noise_of(shot, frame), grains, masks)
        else:
            moved, uncovered = move(state.track, row, shot, depth, listener)
            masks = masks_of(shot.regions, row, moved.depth, moved.masks)
            held = hold_colours(moved.picture, row, state, listener)
            listener.stage(frame, "noise")
            request, grains = over_moved(row, shot, moved, held, uncovered, end, masks)
        picture, painted = shown_at(shot.pins, frame), None
        if picture is None:
            painted = paint(engine, request, shot, frame, listener)
            painted = hold_detail(painted, row, state, shot, masks) if moved is not None else painted
            picture = pasted(shot, row, masks, painted, request.init)
            picture = end.over(picture) if end is not None else picture
        expected = moved.expected if moved else NOTHING
        track = Track(picture, None, expected, grains, following(masks, shot))
        track = seen(track, shot, depth, frame, listener)
        first = track if shot.loop and frame == 0 else state.first
        colours, strong = follow(state, picture, painted, row)
        state = LoopState(frame, track, colours, first=first, detail=strong)
        listener.stage(frame, "keep")
        shown = as_seen(shot, frame, picture, uncovered, track.depth if shot.stereo else None)
        yield Finished(
            frame, shown.picture, request.seed, row, state, shown.uncovered, shown.depth, masks=masks
        )


def drawn(
    state: LoopState, row: Row, shot: Shot, last_painted: int, depths: Callable[[Pin], DepthMap | None]
) -> Closing | None:
    """Return the picture that a frame is drawn to: the first one again in a loop, or a pinned one; or None.

    Args:
        state: after the frame before.
        row: of the frame.
        shot: what does not change.
        last_painted: see `animator.film.closing.closing`.
        depths: returns the depth of a pinned picture.
    """
    end = closing(state.first, row, shot, last_painted)
    return approach(shot.pins, row, shot, depths) if end is None and shot.pins else end


def depths_of(shot: Shot, depth: DepthEstimator | None) -> Callable[[Pin], DepthMap | None]:
    """Return what estimates the depth of pinned pictures, each once; there is none in 2D."""

    @cache
    def depth_of(pin: Pin) -> DepthMap | None:
        return depth(pin.picture) if shot.mode == "3d" and depth is not None else None

    return depth_of


def paint(engine: Engine, request: Request, shot: Shot, frame: int, listener: Listener) -> Frame:
    """Steps 5 and 6: have a frame painted."""
    listener.stage(frame, "denoise")
    listener.begin([frame])
    listener.asked(request)
    if request.init is not None:
        listener.made(frame, "init", request.init)
    picture = engine.paint(request, listener.step)
    return eight_bits(picture) if shot.disco else picture


def over_moved(
    row: Row,
    shot: Shot,
    moved: Track,
    held: Frame,
    uncovered: Mask,
    end: Closing | None,
    masks: Masks,
) -> tuple[Request, Grains | None]:
    """Return what is asked for over a moved frame, drawn to a picture that the film comes to, and its grains.

    Args:
        row: the settings of the frame.
        shot: what does not change.
        moved: the frame before it, moved.
        held: its picture with its colours held.
        uncovered: what the move newly uncovered.
        end: the picture that the film comes to, or None.
        masks: of the frame's regions.
    """
    grains = moved.grains
    held = as_before_where_kept(shot, row, masks, held, moved.picture)
    if end is not None:
        held, uncovered, grains = end.under(held), end.left_uncovered(uncovered), end.among(grains)
    noise = noise_over(grains, ~uncovered, shot)
    return next_request(row, shot, held, uncovered, moved.depth, noise, masks), grains


def seen(track: Track, shot: Shot, depth: DepthEstimator | None, frame: int, listener: Listener) -> Track:
    """Return a finished frame with its depth where that is needed at once; the next move then has it.

    Two eyes need it, and the first frame of a loop, to be moved back.
    """
    if shot.mode != "3d" or not (shot.stereo or (shot.loop and frame == 0)):
        return track
    distance, drift = distances(track, shot, depth, frame, listener)
    return replace(track, depth=distance, expected=replace(track.expected, drift=drift))


def move(
    track: Track, row: Row, shot: Shot, depth: DepthEstimator | None, listener: Listener
) -> tuple[Track, Mask]:
    """Steps 2 and 3: move a picture, and in 3D its depth, by a frame's camera.

    Returns:
        The moved picture, in 3D with its moved depth unless each is to be estimated, and what was uncovered.
    """
    if shot.mode == "2d":
        new, uncovered, grid = _moved_2d(track, row, shot, listener)
        distance = None
    else:
        distance, drift = distances(track, shot, depth, row.frame, listener)
        new, uncovered, grid = _moved_3d(track, distance, drift, row, shot, listener)
    staying = [region for region in shot.regions if region.still]
    still = unmoved(shot, row, masks_of(staying, row, distance, track.masks)) if staying else None
    if still is not None:
        new, uncovered, grid = held_in_place(still, track.picture, distance, new, uncovered, grid)
    listener.made(row.frame, "warped", new.picture)
    listener.made(row.frame, "uncovered", uncovered)
    grains = over_move(track.grains, grid, uncovered, shot, row.frame)
    return replace(new, grains=grains, masks=along(track.masks, grid)), uncovered


def _moved_2d(track: Track, row: Row, shot: Shot, listener: Listener) -> tuple[Track, Mask, Tensor | None]:
    """Step 3 in 2D: return the moved picture, what was uncovered, and where each pixel came from."""
    listener.stage(row.frame, "warp")
    turn = canvas_2d(row, shot, row.frame)
    width, height = shot.canvas
    uncovered = outside_2d(turn, height, width).to(track.picture.device)
    if shot.disco:
        moved = warp_2d_in_bytes(track.picture, turn, shot.border_2d)
    else:
        moved = warp_2d(track.picture, turn, shot.border_2d, shot.sampling)
    grid = None if turn == Move2D() else grid_2d(turn, height, width)
    return Track(fill(moved, uncovered, shot.fill)), uncovered, grid


def _moved_3d(
    track: Track, distance: DepthMap, drift: Drift, row: Row, shot: Shot, listener: Listener
) -> tuple[Track, Mask, Tensor | None]:
    """Step 3 in 3D: return the moved picture and depth, what was uncovered, where each pixel came from."""
    listener.stage(row.frame, "warp")
    camera, turned = canvas_3d(row, shot, row.frame)
    new = view(
        track.picture + BRIGHTER if shot.disco else track.picture,
        distance,
        camera,
        sampling=shot.sampling,
        padding=shot.padding,
        projection=shot.projection,
        occlusion=shot.occlusion,
        turned=turned,
    )
    moved = eight_bits(new.picture) if shot.disco else new.picture
    moved = fill(moved, new.uncovered, shot.fill, new.near)
    held_to = shot.align or shot.turbo.steps > 1
    expected = Expectation(new.depth, ~new.uncovered, drift) if held_to else NOTHING
    return Track(moved, None if shot.disco else new.depth, expected), new.uncovered, new.grid


def distances(
    track: Track, shot: Shot, depth: DepthEstimator | None, frame: int, listener: Listener
) -> tuple[DepthMap, Drift]:
    """Step 2: return the depth of a picture, known or estimated now, and how far depths were corrected."""
    if track.depth is not None:
        return track.depth, track.expected.drift
    if depth is None:
        raise ValueError("a film in 3D needs a depth estimator")
    listener.stage(frame, "depth")
    distance, drift = depth(track.picture), NO_DRIFT
    if shot.align:
        distance, drift = aligned(distance, track.expected)
    listener.made(frame, "depth", distance)
    return distance, drift
