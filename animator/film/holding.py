"""What holds a film together: the colours of a moved frame, before it is painted over, and its detail after.

Both references are the film's own. While its prompts are new they move quickly, and nothing is held. Then the
hold grows, as the references come to rest, but for the means of the colours, which go on slowly. If they all
did, a little contrast that each frame gains would be the next one's right, and grow without end.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from animator.film import colour, detail
from animator.film.regions import as_before_where_kept

if TYPE_CHECKING:
    from torch import Tensor

    from animator.film.loop import Listener
    from animator.film.regions import Masks
    from animator.film.shot import Shot
    from animator.film.state import LoopState
    from animator.keyframes.timeline import Row
    from animator.types import Frame

SETTLING, GROWING = 16, 16
"""Frames after a change of prompts in which a film takes on their colours and their detail, and over which it
is then held more and more: all at once the film would jump."""

SLOW, QUICK = 0.005, 0.1
"""Share of the way that what moves of a reference does towards each finished frame: it follows over some 200
frames, or over ten."""


def hold_colours(moved: Frame, row: Row, state: LoopState, listener: Listener) -> Frame:
    """Step 4: draw a moved frame towards the colours of its film, as far as its prompts are settled.

    Args:
        moved: the frame before it, moved.
        row: the settings of the frame.
        state: after the frame before.
        listener: hears of it.
    """
    listener.stage(row.frame, "colour")
    held = moved
    if state.colours is not None:
        held = colour.hold(held, state.colours, settled(row) * row["coherence.color_coherence"])
    listener.made(row.frame, "held", held)
    return held


def hold_detail(painted: Frame, row: Row, state: LoopState, shot: Shot, masks: Masks) -> Frame:
    """Draw a painted frame towards the detail of its film, as far as its prompts are settled.

    Where nothing is painted (``keep`` of a region) it stays as it is.

    Args:
        painted: the frame.
        row: its settings.
        state: after the frame before.
        shot: what does not change.
        masks: of the frame's regions.
    """
    if state.detail is None:
        return painted
    held = detail.hold(painted, state.detail, settled(row) * shot.detail)
    return as_before_where_kept(shot, row, masks, held, painted)


def follow(state: LoopState, picture: Frame, painted: Frame | None, row: Row) -> tuple[Tensor, Tensor | None]:
    """Return the references of colours and detail after a frame.

    That of the detail begins with the first frame that is painted over another. One that is painted from
    nothing, by all steps of the diffusion, has more than is left of it.

    Args:
        state: after the frame before, whose references they were.
        picture: the frame as it is shown.
        painted: as it was painted, before other pictures are laid over it; None where it was not.
        row: its settings.
    """
    share = settled(row)
    colours = colour.follow(state.colours, picture, QUICK * (1 - share), SLOW * share)
    if painted is None or state.track is None or (share == 1 and state.detail is not None):
        return colours, state.detail
    strong = detail.measure(painted)
    return colours, strong if state.detail is None else state.detail.lerp(strong, QUICK * (1 - share))


def settled(row: Row) -> float:
    """Return how far a film has the colours of its prompts, 0 to 1.

    0 up to `SETTLING` frames after they changed, then growing to 1 over `GROWING`; 1 until they first do.
    """
    for more in range(GROWING + 1):
        if row.timeline.row(max(0, row.frame - SETTLING - more)).prompts != row.prompts:
            return more / (GROWING + 1)
    return 1.0
