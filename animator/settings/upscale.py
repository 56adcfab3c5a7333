"""What a scene says about larger copies of what it makes."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from animator.settings.base import Need, Options, given, setting

Model = Literal["auto", "lanczos", "animevideov3", "realesrgan-x4plus", "realesrgan-x4plus-anime"]
"""What makes pictures larger."""

LARGEST = 16384
"""Pixels of the longest side of a picture that is made larger."""

TargetSide = Annotated[int, Field(ge=16, le=LARGEST)]
Target = tuple[TargetSide, TargetSide]


_NO_SIZE = Need("where output.upscale.to is given", {"output.upscale.to": lambda size: size is None})


class UpscaleOptions(Options):
    """Larger copies of finished pictures: of a film a second film, of stills pictures in ``upscaled/``."""

    to: Target | None = setting(None, unit="pixels")
    """Width and height of a larger copy, such as ``[768, 512]``. A picture of another shape is made large
    enough to cover it and cut at its sides."""

    scale: float | None = setting(None, ge=1, le=8, unit="times", needs=_NO_SIZE)
    """How many times as wide and high the copy is, in place of `to`."""

    model: Model = setting("auto", needs=given("output.upscale.to", "output.upscale.scale"))
    """What makes them larger: a filter that keeps what is there (``lanczos``), or a network that draws detail
    (`animator models fetch`): quick and flat (``animevideov3``), for paintings and photos
    (``realesrgan-x4plus``), for line art (``realesrgan-x4plus-anime``). ``auto`` is the best of them whose
    weights are there, on a CPU without the last two, which take long."""


def target_of(to: Target | None, scale: float | None, size: tuple[int, int]) -> tuple[int, int] | None:
    """Return the size of a larger copy, or None where none is asked for.

    Args:
        to: the size, which counts before ``scale``.
        scale: how many times as large.
        size: width and height of the pictures.

    >>> target_of(None, 2.5, (192, 128)), target_of((768, 512), 2.5, (192, 128))
    ((480, 320), (768, 512))
    """
    if to is not None:
        return to
    return None if scale is None else (round(size[0] * scale), round(size[1] * scale))
