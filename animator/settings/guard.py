"""What a scene says about frames that come out broken."""

from __future__ import annotations

from typing import Literal

from animator.settings.base import Options, setting


class GuardOptions(Options):
    """When a painted frame is broken, and what becomes of it, so that it is never painted over.

    A frame is measured against what it was painted over: where that is dark or one colour already, as in a
    fade to black, it may be so too. A good frame is not touched.

    The clean estimate is looked at after 15, 30, 50 and 75 % of the steps, and given up at once where it has
    no numbers, is flatter than a quarter of ``flat``, or is noise at two looks in a row: with more than seven
    times ``grain``, or with more than ``grain`` and 99.5 % of its values cut off. Pictures that are painted
    together are given up where all of them are; a draft is not looked at.
    """

    policy: Literal["retry", "keep", "stop", "off"] = "retry"
    """What becomes of a broken frame: ``retry`` paints it again from another seed with half of `clamp_max`,
    then in float32 with a quarter of it, then keeps what it was to be painted over; ``keep`` does the last at
    once; ``stop`` ends the run; ``off`` takes every frame as it comes."""

    give_up: int = setting(3, ge=1, unit="frames")
    """After how many broken frames in a row the run ends, the last of them not kept."""

    flat: float = setting(0.01, ge=0, le=1, unit="standard deviation")
    """A frame is flat if no channel has a standard deviation above this, where black is 0 and white 1; 0
    never finds one."""

    solid: float = setting(0.995, ge=0, le=1, unit="share 0..1")
    """A frame is one colour if more than this share of its pixels is within 1/50 of it; 1 never finds one."""

    beyond: float = setting(0.25, ge=0, unit="")
    """A frame is blown out if its values were on average farther than this outside of the range, where black
    is 0 and white 1, before they were cut off."""

    clipped: float = setting(0.5, ge=0, le=1, unit="share 0..1")
    """A frame is blown out, too, if the share of its values at exactly 0 or 1 grew by more than this; 1 never
    finds one."""

    grain: float = setting(0.2, ge=0, unit="")
    """A frame is coloured noise if colours change by more than this, on average, over 1/128 of its shorter
    side, and by twice as much as in what it was painted over; drawn landscapes reach 0.1."""
