"""What a scene says about parts of the picture that are treated in their own way."""

from __future__ import annotations

import math
import re

from pydantic import ConfigDict, Field, field_validator, model_validator

from animator.keyframes.expressions import NUMBER, Expression, parse_expression
from animator.settings.base import Animated, Options, animated

SOURCES = ("file", "alpha", "formula", "depth")
"""How a region may be drawn; each has one of these."""

EXAMPLE = '{file: mask.png}, {alpha: cutout.png}, {formula: "y < 0.4"} or {depth: "< 3"}'


VARIABLES = ("x", "y", "t", "max_f", "s")
"""What the formula of a region may read."""

_BEYOND = re.compile(rf"\s*(?P<sign>[<>])\s*(?P<bound>{NUMBER})\s*", re.ASCII)
_BETWEEN = re.compile(r"\s*(?P<near>\d+(?:\.\d+)?)\s*\.\.\s*(?P<far>\d+(?:\.\d+)?)\s*", re.ASCII)


def depth_range(text: str) -> tuple[float, float]:
    """Return the nearest and the farthest distance of a range of depths.

    Raises:
        ValueError: it is none.

    >>> depth_range("< 3"), depth_range("2..5")
    ((0.0, 3.0), (2.0, 5.0))
    """
    if beyond := _BEYOND.fullmatch(text):
        bound = float(beyond["bound"])
        return (0.0, bound) if beyond["sign"] == "<" else (bound, math.inf)
    if (between := _BETWEEN.fullmatch(text)) and float(between["near"]) < float(between["far"]):
        return float(between["near"]), float(between["far"])
    raise ValueError(f'a range of depths is written "< 3", "> 2" or "2..5", found {text!r}')


def formula_of(text: str) -> Expression:
    """Return the formula of a region, read.

    Raises:
        ExpressionError: it cannot be understood.
    """
    return parse_expression(text, variables=VARIABLES)


class RegionOptions(Options):
    """A part of the picture, and what is different there."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    file: str | None = None
    """A picture, white inside and black outside, or a film or a folder of pictures, one for each frame;
    brought to the film's size as `fit` of a mask says: stretched."""

    alpha: str | None = None
    """A picture; inside is what is opaque in it."""

    formula: str | None = None
    """A formula of x and y (0 to 1, from the left and from the top) and of t, the frame: inside is where it
    is 1 or true, outside where it is 0 or less."""

    depth: str | None = Field(
        None, json_schema_extra={"allowed": '"< 3", "> 2" or "2..5", in the units of the depth'}
    )
    """How far away what is inside is, in 3D: "< 3", "> 2" or "2..5". The frame before, moved, is measured; at
    the first frame nothing is inside."""

    invert: bool = False
    """Whether inside and outside are swapped."""

    grow: Animated = animated(0, ge=-1000, le=1000, unit="pixels")
    """Pixels by which the region grows on every side; negative shrinks it."""

    feather: Animated = animated(0, ge=0, le=1000, unit="pixels")
    """Pixels over which its edge is soft, half of them inside."""

    strength: Animated = animated(1, ge=0, le=1, unit="share 0..1")
    """How far what is different here is different, 0 to 1; at 0 the frame knows nothing of the region."""

    follow: bool = False
    """Whether the region, as it is at the first frame, moves with the picture; else it stays where it is
    drawn. It does so where its strength is 0, too. In mode video it moves along the flow of the footage, and
    begins anew at a cut."""

    keep: bool = False
    """Whether nothing is painted here: what the frame starts from stays."""

    skip_steps: Animated | None = animated(None, ge=0, unit="steps, or % of them")
    """In place of `coherence.frames_skip_steps`, or of `diffusion.skip_steps` over an init, here."""

    init_noise: Animated | None = animated(None, ge=0, le=10, unit="standard deviation")
    """In place of `diffusion.init_noise` here."""

    still: bool = False
    """Whether the camera does not move what is here."""

    paste: bool = False
    """Whether what the frame starts from is laid over the painted frame here."""

    @field_validator("depth")
    @classmethod
    def _is_range(cls, value: str | None) -> str | None:
        if value is not None:
            depth_range(value)
        return value

    @model_validator(mode="after")
    def _one_source(self) -> RegionOptions:
        named = [name for name in SOURCES if getattr(self, name) is not None]
        if len(named) != 1:
            found = f"has {' and '.join(named)}" if named else "has no mask"
            raise ValueError(f"{found}; write one of {EXAMPLE}")
        return self
