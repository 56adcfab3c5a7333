"""What a picture starts from when no frame before it does: a picture, or clouds, and noise on it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import torch
from torch import Tensor

from animator.diffusion.perlin import perlin_picture
from animator.system import rng

if TYPE_CHECKING:
    from animator.types import Frame


@dataclass(frozen=True)
class InitSettings:
    """What a scene says about its inits; each by the name it has in section ``diffusion``.

    Attributes:
        picture: ``init_image`` at the size of the frames, or None.
        perlin: ``perlin_init``: the clouds to start from where there is no picture.
        noise: ``init_noise``: standard deviation of grey noise, in units of a frame's range; H x W where
            it is not the same everywhere.
        color_noise: ``init_color_noise``: the same of noise that each channel has on its own.
        frames: ``init_frames``: whether the ``first`` frame only or ``all`` of them start so. `first_picture`
            makes the init of whatever frame it is asked for; who asks minds this.
    """

    picture: Frame | None = None
    perlin: Literal["none", "mixed", "color", "gray"] = "none"
    noise: float | Tensor = 0.0
    color_noise: float = 0.0
    frames: Literal["first", "all"] = "first"


def first_picture(settings: InitSettings, width: int, height: int, seed: int, frame: int) -> Frame | None:
    """Return the init of one picture, or None where it starts from the diffusion's own noise.

    The same arguments give the same init.

    Args:
        settings: what to start from. A picture goes before clouds; without either there is nothing for
            noise to lie on.
        width: pixels of the clouds.
        height: pixels of the clouds.
        seed: seed of the picture.
        frame: number of the frame.
    """
    if settings.picture is not None:
        picture = settings.picture
    elif settings.perlin != "none":
        picture = perlin_picture(width, height, settings.perlin, rng.generator(seed, frame, "perlin"))
    else:
        return None
    noise = settings.noise
    if not (isinstance(noise, Tensor) or noise or settings.color_noise):
        return picture
    # Both are drawn whatever their strength, so that changing one leaves the pattern of the other.
    draws = torch.randn(4, *picture.shape[1:], generator=rng.generator(seed, frame, "init noise"))
    return (picture + noise * draws[:1] + settings.color_noise * draws[1:]).clamp(0, 1)
