"""What a scene says about depth."""

from __future__ import annotations

from pydantic import Field

from animator.options import Options


class DepthOptions(Options):
    """How far away things are, as the 3D camera needs to know."""

    model: str = "pocket"
    """Name of the depth network; `pocket` is the small one that comes with the program."""

    midas_weight: float = Field(0.3, ge=0, le=1)
    """Share of MiDaS, 0 to 1, where it is blended with AdaBins; the rest is AdaBins."""
