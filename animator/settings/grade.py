"""What a scene says about the look of its finished pictures, laid over what was painted."""

from __future__ import annotations

from animator.settings.base import Animated, Need, Options, animated, given, setting

_SHARPENED = Need("without grade.sharpen", {"grade.sharpen": lambda most: most > 0})
_GRAINED = Need("without grade.grain", {"grade.grain": lambda most: most > 0})


class GradeOptions(Options):
    """Colours, sharpness and grain of the films and graded stills; the frames themselves stay as painted."""

    region: str | None = setting(None)
    """Name of a region of `regions` that alone gets the look; left out, the whole picture. It is one that is
    drawn: not by ``depth``, and without ``follow``."""

    brightness: Animated = animated(0, ge=-1, le=1, unit="share of white")
    """Added to every colour, -1 to 1; 0 leaves them."""

    contrast: Animated = animated(1, ge=0, le=4, unit="")
    """How far colours are from middle grey, times this: 1 leaves them, 0 is flat grey."""

    saturation: Animated = animated(1, ge=0, le=4, unit="")
    """How far colours are from grey of the same brightness, times this: 1 leaves them, 0 is grey."""

    gamma: Animated = animated(1, ge=0.2, le=5, unit="")
    """Above 1 lifts the mid-tones, below 1 darkens them; black and white stay."""

    lut: str | None = setting(None)
    """A look-up table of colours, a ``.cube`` file as grading programs write, relative to the scene file."""

    lut_amount: Animated = animated(1, ge=0, le=1, unit="share 0..1", needs=given("grade.lut"))
    """How much of the table counts, 0 to 1."""

    sharpen: Animated = animated(0, ge=0, le=5, unit="")
    """Unsharp mask: how much of the difference to a blurred copy is added; 0.5 is gentle, 0 is off."""

    sharpen_radius: float = setting(1.0, gt=0, le=50, unit="pixels", needs=_SHARPENED)
    """Blur of that copy, the standard deviation in pixels of the film."""

    grain: Animated = animated(0, ge=0, le=1, unit="share of white")
    """Film grain: its standard deviation in the mid-tones, less towards black and white; 0.03 is fine, 0 is
    off. Each frame has its own, which follows from the seed."""

    grain_size: float = setting(1.0, ge=1, le=20, unit="pixels", needs=_GRAINED)
    """How large a grain is, in pixels of the film."""
