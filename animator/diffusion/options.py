"""The sections `diffusion` and `guidance` of a scene.

Values over the diffusion are written on Disco Diffusion's scale: 1000 entries, the first is the noisiest
moment, whatever the number of steps.
"""

from __future__ import annotations

import re
from typing import Literal

from pydantic import Field, field_validator

from animator.options import Animated, Options, animated

_PERCENT = re.compile(r"\s*(\d+(?:\.\d*)?|\.\d+)\s*%\s*")


class DiffusionOptions(Options):
    """How a picture is denoised."""

    model: str = "pocket"
    """Name of the diffusion network: the bundled ``pocket`` (default) or one that ``animator models list``
    names."""

    secondary: bool = False
    """Whether the small secondary model is asked for the gradient instead of the large network, which is
    several times faster and a little vaguer; true or false, default false."""

    sampler: Literal["ddim", "plms"] = "ddim"
    """The solver: ``ddim`` (default) adds noise of strength `eta` at every step, ``plms`` (Disco's
    second-order multistep) adds none and ignores `eta`."""

    steps: int = Field(50, ge=1, le=1000)
    """Steps of the whole diffusion, 1 to 1000, default 50, which suits the bundled network (Disco Diffusion:
    250); more is slower and finer."""

    skip_steps: int | str = "4%"
    """Steps left out at the noisy end of a picture's diffusion: a number (0 up to `steps` less one) or a
    share of `steps` such as ``"40%"``; default 4%, as Disco's 10 of 250. With an init picture this is how
    much of it stays."""

    eta: Animated = animated(0.8, frames=True, steps=True, ge=-1, le=1)
    """Noise that ddim adds at each step as a share of what an ancestral sampler adds, -1 to 1, default
    0.8; 0 is deterministic, a negative value takes as much noise with its sign turned."""

    estimate: Literal["auto", "free", "clamped"] = "auto"
    """Whether the clean estimate of each step is limited to the range of a picture: ``clamped`` does,
    ``free`` does not (as Disco Diffusion runs the published networks), ``auto`` (default) takes what the
    network is made for."""

    precision: Literal["auto", "float32", "bfloat16"] = "auto"
    """Number format inside the networks; ``auto`` (default) is bfloat16 on a GPU and on processors that
    compute in it, and float32 elsewhere. The solver itself is always float32."""

    init_image: str | None = None
    """Path of a picture to start the first frame from, relative to the scene file; default none."""

    init_scale: Animated = animated(1000, frames=True, steps=False, ge=0)
    """Strength of the perceptual pull towards `init_image` while the first frame is made, 0 (off) and up,
    default 1000; animations have ``coherence.frames_scale`` for the frames after it."""

    @field_validator("skip_steps")
    @classmethod
    def _count_or_percent(cls, value: int | str) -> int | str:
        if isinstance(value, int):
            if value < 0:
                raise ValueError(f"is {value}, must be 0 or more, or a percentage such as 40%")
            return value
        match = _PERCENT.fullmatch(value)
        if match is None:
            raise ValueError(f"is {value!r}, must be a whole number of steps or a percentage such as 40%")
        if float(match[1]) > 100:
            raise ValueError(f"is {value!r}, must be at most 100%")
        return value.strip()

    def keep(self) -> float:
        """Return `skip_steps` as the share of the diffusion that is skipped, 0 to 1.

        >>> DiffusionOptions(steps=50, skip_steps=10).keep(), DiffusionOptions(skip_steps="40%").keep()
        (0.2, 0.4)
        """
        if isinstance(self.skip_steps, int):
            return min(self.skip_steps / self.steps, 1.0)
        return float(self.skip_steps.rstrip("%")) / 100


class CutOptions(Options):
    """The cuts of a picture that a CLIP model looks at, as Disco Diffusion names them."""

    overview: Animated = animated("[12]*400+[4]*600", frames=True, steps=True, ge=0, le=256)
    """Cuts that show the whole picture, 0 to 256, rounded; default 12, then 4 once 400 of 1000 are done.
    Up to four are plain, grey, mirrored and grey mirrored; more are all plain."""

    innercut: Animated = animated("[4]*400+[12]*600", frames=True, steps=True, ge=0, le=256)
    """Cuts that show a random square of the picture, 0 to 256, rounded; default 4, then 12."""

    ic_pow: Animated = animated("[1]*1000", frames=True, steps=True, ge=0, le=100)
    """How small the inner cuts are: their side is ``u**ic_pow`` of the way from the model's input size to the
    picture's shorter side, u uniform in 0..1; 0 to 100, default 1, larger means smaller cuts."""

    icgray_p: Animated = animated("[0.2]*400+[0]*600", frames=True, steps=True, ge=0, le=1)
    """Share of the inner cuts that are shown in grey, 0 to 1, rounded to whole cuts; default 0.2, then 0."""


class GuidanceOptions(Options):
    """What pulls the diffusion towards the prompts."""

    clip_models: dict[str, Animated] = Field(
        default={"pocket": 1},
        json_schema_extra={"animated_each": {"frames": True, "steps": True, "ge": 0, "le": None}},
    )
    """The CLIP models that look at the picture, each with its weight, 0 and up; default the bundled
    ``pocket`` at 1. A model whose weight is 0 at a step is not run there."""

    clip_guidance_scale: Animated = animated(5000, frames=True, steps=True, ge=0)
    """Strength of the prompts, 0 (none) and up, default 5000; with the bundled network 8000."""

    tv_scale: Animated = animated(0, frames=True, steps=True, ge=0)
    """Strength of smoothing (total variation), 0 and up, default 0."""

    range_scale: Animated = animated(150, frames=True, steps=True, ge=0)
    """Strength of the pull of colours beyond black and white back into range, 0 and up, default 150."""

    sat_scale: Animated = animated(0, frames=True, steps=True, ge=0)
    """Strength of the pull against saturated colours, 0 and up, default 0."""

    clamp_grad: bool = True
    """Whether the gradient of each step is limited to `clamp_max`; true (default) or false."""

    clamp_max: Animated = animated(0.05, frames=True, steps=True, ge=0)
    """Largest root-mean-square of a step's gradient, 0 and up, default 0.05, with the bundled network
    ``"[0.3]*400+[0.1]*600"``; the strongest lever for contrast and detail."""

    cutn_batches: Animated = animated(1, frames=True, steps=True, ge=1, le=256)
    """How often per step the picture is cut anew and looked at, 1 to 256, rounded; default 1 (Disco
    Diffusion: 4). Four times as many cuts in the memory of one, at four times the time."""

    skip_augs: bool = False
    """Whether cuts are shown as they are, without the random flips, rotations, noise and colour changes
    that keep CLIP from being fooled; true or false, default false."""

    cuts: CutOptions = CutOptions()
    """The cuts that the CLIP models see."""

    compat: Literal["none", "disco-5"] = "none"
    """``disco-5`` repeats Disco Diffusion 5's gradient to the digit, in which `range_scale` never reaches the
    picture; ``none`` (default) lets every loss act."""

    @field_validator("clip_models")
    @classmethod
    def _at_least_one(cls, value: dict[str, Animated]) -> dict[str, Animated]:
        if not value:
            raise ValueError("is empty, name at least one CLIP model, for instance {pocket: 1}")
        return value
