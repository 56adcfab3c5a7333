"""The way of a frame, from the settings of its row to a finished picture.

| # | step | in -> out |
|---|------|-----------|
| 1 | look up this frame's row of the timeline | frame -> parameters |
| 2 | estimate the depth of the previous frame (3D) | Frame -> DepthMap |
| 3 | warp it by the camera's move | Frame (+ DepthMap) -> Frame + Mask of what was uncovered |
| 4 | hold the colours | Frame -> Frame |
| 5 | noise it to the level that `frames_skip_steps` leaves | Frame -> x |
| 6 | denoise towards the prompt | x -> Frame |
| 7 | keep it | Frame -> files |

Steps 1 to 6 are here; 5 and 6 are one call of the engine. Step 7 belongs to whoever consumes the frames:
the loop opens no file and prints nothing. Everything that a later frame needs is in the `LoopState` that
comes with each finished frame, so a film can go on from any of them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from torch import Tensor

from animator import colour
from animator.types import Camera, DepthEstimator, Engine, Move2D, Request, Schedule
from animator.warp.affine2d import warp_2d
from animator.warp.reproject3d import reproject

if TYPE_CHECKING:
    from animator.keyframes.timeline import Row, Timeline
    from animator.types import Frame, Mask
    from animator.warp.affine2d import Border
    from animator.warp.camera3d import Projection
    from animator.warp.sampling import Padding, Sampling

STEPS = ("look up", "depth", "warp", "colour", "noise", "denoise", "keep")
"""The steps of a frame's way by the names that the progress line and a debug dump use."""

OnStage = Callable[[int, str], None]
"""Called with (frame, name of the step) when a step begins."""


@dataclass(frozen=True)
class Shot:
    """What the loop must know of a scene besides its timeline.

    Attributes:
        mode: ``still`` makes independent pictures, ``2d`` and ``3d`` make each from the one before.
        width: pixels.
        height: pixels.
        pictures: how many to make.
        seed: seed of the first picture; each further one adds 1.
        init: picture to start the first frame from (every picture of a still), or None to start from noise.
        keep: share of the diffusion that is skipped for a first frame, 0 to 1.
        border_2d: what comes in from outside in 2D.
        padding: what comes in from outside in 3D.
        sampling: how colours between pixels are found in 3D.
        projection: the shape of space in 3D.
    """

    mode: Literal["still", "2d", "3d"]
    width: int
    height: int
    pictures: int
    seed: int
    init: Frame | None = None
    keep: float = 0.0
    border_2d: Border = "wrap"
    padding: Padding = "border"
    sampling: Sampling = "bicubic"
    projection: Projection = "disco"


@dataclass(frozen=True)
class LoopState:
    """All that the next frame takes from the frames before it.

    Attributes:
        frame: number of the frame that was finished last; -1 before the first.
        picture: that frame, or None before the first.
        colours: the reference of step 4 (see `animator.colour`), or None before the first.
    """

    frame: int = -1
    picture: Frame | None = None
    colours: Tensor | None = None


@dataclass(frozen=True)
class Finished:
    """One finished frame.

    Attributes:
        frame: its number, from 0.
        picture: the frame itself.
        seed: its seed.
        row: the settings it was made with.
        uncovered: what the camera's move newly uncovered (3D), or None.
        state: what the next frame goes on from.
    """

    frame: int
    picture: Frame
    seed: int
    row: Row
    uncovered: Mask | None
    state: LoopState


def film(
    timeline: Timeline,
    shot: Shot,
    engine: Engine,
    depth: DepthEstimator | None,
    state: LoopState,
    *,
    on_stage: OnStage = lambda frame, name: None,
    on_step: Callable[[int, int], None] | None = None,
) -> Iterator[Finished]:
    """Make the pictures of a shot one after another, from where ``state`` left off.

    Args:
        timeline: every setting at every frame.
        shot: what does not change from frame to frame.
        engine: paints a frame.
        depth: tells distances; needed in 3D only.
        state: ``LoopState()`` to begin, or the state of a finished frame to go on after it.
        on_stage: told which step begins.
        on_step: told the steps of the diffusion as they are done.
    """
    for frame in range(state.frame + 1, shot.pictures):
        on_stage(frame, "look up")
        row = timeline.row(frame)
        uncovered = None
        if shot.mode == "still" or state.picture is None:
            request = first_request(row, shot)
        else:
            moved, uncovered = move(state.picture, row, shot, depth, on_stage)
            on_stage(frame, "colour")
            held = hold_colours(moved, row, state)
            on_stage(frame, "noise")
            request = next_request(row, shot, held)
        on_stage(frame, "denoise")
        picture = engine.paint(request, on_step)
        state = LoopState(frame, picture, colour.follow(state.colours, picture))
        on_stage(frame, "keep")
        yield Finished(frame, picture, request.seed, row, uncovered, state)


def first_request(row: Row, shot: Shot) -> Request:
    """Ask for a picture that has no frame before it: from noise, or from the shot's init picture."""
    return Request(
        # Pictures of a still differ by their seed alone, so that each can be made again by itself.
        frame=0 if shot.mode == "still" else row.frame,
        seed=seed_of(shot, row.frame),
        width=shot.width,
        height=shot.height,
        prompts=row.prompts,
        init=shot.init,
        keep=shot.keep,
        init_scale=row["diffusion.init_scale"] if shot.init is not None else 0.0,
        values=diffusion_values(row),
    )


def next_request(row: Row, shot: Shot, held: Frame) -> Request:
    """Ask for the frame that grows out of the one before it."""
    return Request(
        frame=row.frame,
        seed=seed_of(shot, row.frame),
        width=shot.width,
        height=shot.height,
        prompts=row.prompts,
        init=held,
        keep=row["coherence.frames_skip_steps"],
        init_scale=row["coherence.frames_scale"],
        values=diffusion_values(row),
    )


def move(
    picture: Frame, row: Row, shot: Shot, depth: DepthEstimator | None, on_stage: OnStage
) -> tuple[Frame, Mask | None]:
    """Steps 2 and 3: move the frame before by this frame's camera."""
    if shot.mode == "2d":
        on_stage(row.frame, "warp")
        return warp_2d(picture, move_2d(row), shot.border_2d), None
    if depth is None:
        raise ValueError("a film in 3D needs a depth estimator")
    on_stage(row.frame, "depth")
    distance = depth(picture)
    on_stage(row.frame, "warp")
    camera, space = camera_3d(row), shot.projection
    return reproject(
        picture, distance, camera, sampling=shot.sampling, padding=shot.padding, projection=space
    )


def hold_colours(moved: Frame, row: Row, state: LoopState) -> Frame:
    """Step 4: draw the frame's colours towards the film's slowly moving reference."""
    strength = row["coherence.color_coherence"]
    if state.colours is None or strength == 0:
        return moved
    return colour.hold(moved, state.colours, strength)


def move_2d(row: Row) -> Move2D:
    """Return the 2D move of a row."""
    names = ("angle", "zoom", "translation_x", "translation_y")
    return Move2D(**{name: row[f"camera.{name}"] for name in names})


def camera_3d(row: Row) -> Camera:
    """Return the 3D move of a row."""
    moves = [f"{kind}_{axis}" for kind in ("translation", "rotation_3d") for axis in "xyz"]
    return Camera(**{name: row[f"camera.{name}"] for name in (*moves, "fov", "near_plane", "far_plane")})


def diffusion_values(row: Row) -> dict[str, Schedule]:
    """Return every value of a row that the engine reads, as schedules over the diffusion."""
    return {name: row.schedule(name) for name in row.names if name.startswith(("guidance.", "diffusion."))}


def seed_of(shot: Shot, frame: int) -> int:
    """Return the seed of a frame: the shot's plus the frame's number, within 32 bits."""
    return (shot.seed + frame) % 2**32
