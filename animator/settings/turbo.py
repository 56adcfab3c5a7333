"""What a scene says about turbo: diffusing every n-th frame only and moving the others."""

from __future__ import annotations

from typing import Literal

from animator.settings.base import Need, Options, setting

_TURBO = Need("without turbo.steps above 1", {"turbo.steps": lambda steps: steps > 1})


class TurboOptions(Options):
    """Diffusion on every n-th frame; between them two moved pictures are faded into one another."""

    steps: int = setting(1, ge=1, le=100, unit="frames")
    """Every how many frames one is diffused (`turbo_steps` in Disco Diffusion); 1, every frame, is no
    turbo."""

    preroll: int = setting(10, ge=0, unit="frames", needs=_TURBO)
    """Frames at the beginning that are all diffused, until the film has found its picture
    (`turbo_preroll`)."""

    fade: Literal["linear", "ease"] = setting("linear", needs=_TURBO)
    """How the older picture gives way to the newer: evenly, or slowly at both ends."""

    align: bool = setting(False, needs=_TURBO)
    """Whether the two pictures are brought over one another along the optical flow between them before they
    are faded, so that edges do not double."""
