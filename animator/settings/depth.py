"""What a scene says about depth."""

from __future__ import annotations

from animator.settings.base import Options, setting


class DepthOptions(Options):
    """How far away things are, as the 3D camera needs to know."""

    model: str = "pocket"
    """The depth network: the bundled ``pocket``, ``plane`` (none), ``midas``, ``midas-hybrid``, ``adabins``,
    ``depth-anything-small``, ``-base`` or ``-large``, ``zoedepth``."""

    midas_weight: float = setting(0.3, ge=0, le=1, unit="share 0..1")
    """Share of MiDaS where it is blended with AdaBins, the rest is AdaBins; with ``model: midas`` 1 needs no
    AdaBins and 0 no MiDaS."""

    align: bool = True
    """Whether each depth is scaled and shifted to agree with the one before it as the camera has moved it,
    so that a network whose scale drifts from frame to frame does not make the picture pump; true when left
    out, false with ``compat: disco-5``."""
