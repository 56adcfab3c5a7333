"""What a scene says about a finished film: larger, smoother, without flicker."""

from __future__ import annotations

from animator.settings.base import FILMS, SLOWEST, Need, Options, given, setting
from animator.settings.upscale import Model, Target

_ASKED = given("output.finish.to", "output.finish.scale", "output.finish.fps")
_NO_SIZE = Need("where output.finish.to is given", {"output.finish.to": lambda size: size is None})
_LARGER = given("output.finish.to", "output.finish.scale")


class FinishOptions(Options):
    """A finished copy of the film, ``<name>-finished.mp4``: without flicker, larger, then smoother.

    `animator finish-film` makes it of a run that is there.
    """

    to: Target | None = setting(None, unit="pixels", modes=FILMS)
    """Width and height of the finished film, such as ``[768, 512]``."""

    scale: float | None = setting(None, ge=1, le=8, unit="times", modes=FILMS, needs=_NO_SIZE)
    """How many times as wide and high it is, in place of `to`."""

    fps: float | None = setting(None, ge=SLOWEST, le=240, unit="frames a second", modes=FILMS)
    """Its frames a second; what is missing is made between those that are there (`interpolate_by`)."""

    model: Model = setting("auto", modes=FILMS, needs=_LARGER)
    """What makes it larger, as `output.upscale.model`."""

    deflicker: float = setting(1.0, ge=0, le=1, unit="share 0..1", modes=FILMS, needs=_ASKED)
    """How much of the flicker is taken out before: the whole picture's brightness and colours go to their
    running mean, and each pixel is mixed with its two neighbours in time along the motion, as far as they are
    alike. 0 leaves the frames as they are."""
