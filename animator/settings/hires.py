"""What a scene says about painting its finished pictures a second time, larger."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, field_validator

from animator.settings.base import FILMS, Need, Options, setting, share
from animator.settings.diffusion import Percent, percent

SIDE_STEP = 64
"""Pixels of which the sides of the larger pictures, and of tiles, are multiples."""

_LARGER = Need("without hires.scale above 1", {"hires.scale": lambda scale: scale > 1})


class HiresOptions(Options):
    """A second painting over each finished picture, enlarged: same scene, same prompts, more pixels."""

    scale: float = setting(1.0, ge=1, le=8, unit="times")
    """How many times as wide and as high the second picture is, rounded to multiples of 64; 1 paints none."""

    skip_steps: int | Percent = setting("65%", unit="steps, or % of them", needs=_LARGER)
    """Steps of the second painting left out at the noisy end, or their share of `diffusion.steps`: more keeps
    more of the first picture, less draws more anew."""

    tiles: Literal["auto", "none"] | Annotated[int, Field(ge=SIDE_STEP, le=4096, multiple_of=SIDE_STEP)] = (
        setting(
            "auto",
            unit="pixels",
            needs=_LARGER,
            json_schema_extra={
                "allowed": f"auto, none, or the side of a tile in pixels, a multiple of {SIDE_STEP}"
            },
        )
    )
    """Side in pixels of the overlapping tiles in which the diffusion network sees the larger picture:
    ``auto`` is about the size that it was trained on, ``none`` the whole picture. The CLIP models always see
    the whole. Where the memory does not hold a tile, its side is halved."""

    hold: float = setting(0.3, ge=0, le=1, unit="share 0..1", modes=FILMS, needs=_LARGER)
    """In a film: share of the larger frame before, moved along the optical flow, in what the next one is
    painted over, where that flow can be trusted; more is calmer, but hardens what is drawn; 0 takes none
    of it."""

    @field_validator("skip_steps")
    @classmethod
    def _steps_or_share(cls, value: int | str) -> int | str:
        return percent(value)

    def keep(self, steps: int) -> float:
        """Return the share of the second painting that is skipped, 0 to 1, of ``steps`` steps."""
        return share(self.skip_steps, steps)

    def size(self, size: tuple[int, int]) -> tuple[int, int] | None:
        """Return width and height of the larger pictures of a scene's size; None where there are none."""
        if self.scale <= 1:
            return None
        width, height = (max(1, round(side * self.scale / SIDE_STEP)) * SIDE_STEP for side in size)
        return width, height
