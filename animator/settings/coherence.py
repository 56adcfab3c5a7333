"""What a scene says about how one frame holds on to the frame before it."""

from __future__ import annotations

import re
from typing import Annotated, Literal

from pydantic import Field

from animator.settings.base import BY_CLIP, THREE_D, TWO_D, Animated, Options, animated, setting

_PERCENT = re.compile(r"%(?=\s*(?:[),]|$))")


class CoherenceOptions(Options):
    """How much of a moved frame survives when the next one is painted over it."""

    frames_skip_steps: Animated = animated("74%", ge=0, unit="steps, or % of them")
    """How much of the diffusion is skipped, from the moved frame on: a share of the steps ("60%",
    "0: (60%), 24: (70%)") or a number of them; more keeps more of the frame before. Where one key has a
    percent sign, all have. When left out 74%, but 60% in mode video and with other noise than ``moved``."""

    uncovered_skip_steps: Animated = animated(
        "100%", ge=0, unit="steps, or % of them", modes=(TWO_D, THREE_D)
    )
    """The same where the move uncovered something new, where it is less than `frames_skip_steps`: such places
    then get more noise than the rest, so that new content grows there; 100%, the rule for all, when left
    out."""

    noise: Literal["new", "fixed", "moved"] = setting("moved")
    """What noise each frame is painted from: ``moved``, which moves with the picture, so that what it drew
    goes along with the camera and is not drawn anew (what a frame holds of it already is taken back before it
    is noised, so that it does not harden); ``new`` noise of its own, as its seed says (the same in all frames
    with ``seed_mode: fixed``); or ``fixed``, that of the first frame, which stays on the screen whatever the
    camera does. When left out it moves in 2D and 3D, and is new in mode video, with ``compat: disco-5``,
    ``seed_mode: fixed`` and ``init_frames: all``, and in latent networks."""

    frames_scale: Animated = animated(1500, ge=0, unit="weight", engine=BY_CLIP)
    """Strength of the perceptual pull towards the moved frame, 0 (off) and up."""

    loosen: Literal["auto"] | Annotated[float, Field(ge=0, le=1)] = setting(
        "auto",
        modes=(TWO_D, THREE_D),
        changes_frames=False,
        unit="share",
        json_schema_extra={"allowed": "auto, or a number from 0 to 1"},
    )
    """How far a film lets go of the frame before it where its prompts change, so that the new ones arrive:
    share, 0 to 1, that `frames_skip_steps` and `frames_scale` lose right after a hard cut, and less the
    slower the prompts blend, for that long and 6 frames more (in turbo, three painted ones). ``auto`` is
    0.65 with `noise` ``moved``, else 0.5, and 0 with ``compat: disco-5``."""

    upright: Literal["auto", "always", "never"] = setting("auto", modes=(TWO_D, THREE_D))
    """Whether a film that rolls (`angle` in 2D, `rotation_3d_z` in 3D) is painted upright, on a canvas that
    holds the frame at every angle, and each frame is then shown turned: networks straighten a tilted horizon,
    and so take the turn back. ``auto`` does so from 20 degrees of roll on, but not with ``compat:
    disco-5``; ``always`` from any; ``never`` paints what is seen, with fewer pixels."""

    color_coherence: Animated = animated(0.6, ge=0, le=1, unit="share 0..1")
    """Pull, 0 (off) to 1, of each moved frame's colours towards the film's slowly moving ones, but not
    while the prompts change; 0.6 when left out, 0 in mode video and with ``compat: disco-5``."""

    detail_coherence: Literal["auto"] | Annotated[float, Field(ge=0, le=1)] = setting(
        "auto",
        modes=(TWO_D, THREE_D),
        unit="share",
        json_schema_extra={"allowed": "auto, or a number from 0 to 1"},
    )
    """Pull, 0 (off) to 1, of each painted frame's sharpness, fine and coarse, towards that of the film's
    first ones, or first ones with these prompts, but not while the prompts change: a long film then gets
    neither blurred nor harsh. ``auto`` is 1 with `noise` ``moved``, else 0."""

    @property
    def detail(self) -> float:
        """`detail_coherence` as a number."""
        if self.detail_coherence == "auto":
            return float(self.noise == "moved")
        return self.detail_coherence


def without_percent(value: Animated) -> tuple[Animated, bool]:
    """Take the percent signs out of a value of `frames_skip_steps`.

    Each becomes a blank, so that every letter keeps its place in messages. A sign inside an expression
    (``t % 5``) is the remainder and stays.

    Args:
        value: the value as written.

    Returns:
        The value without percent signs, and whether there were any.

    >>> without_percent("0: (60%), 24: (60 + t%5)")
    ('0: (60 ), 24: (60 + t%5)', True)
    """
    if isinstance(value, dict):
        parts = {key: _strip(part) for key, part in value.items()}
        return {key: part for key, (part, _) in parts.items()}, any(found for _, found in parts.values())
    return _strip(value)


def _strip(value: int | float | str) -> tuple[int | float | str, bool]:
    if not isinstance(value, str):
        return value, False
    text, count = _PERCENT.subn(" ", value)
    return text, count > 0
