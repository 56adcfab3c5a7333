"""The section `diffusion` of a scene.

Values over the diffusion are written on Disco Diffusion's scale: 1000 entries, the first is the noisiest
moment, whatever the number of steps.
"""

from __future__ import annotations

import re
from typing import Annotated, Literal

from pydantic import Field, WithJsonSchema, field_validator

from animator.settings.base import (
    BY_CLIP,
    STILL,
    THREE_D,
    TWO_D,
    Animated,
    Need,
    Options,
    Switch,
    animated,
    given,
    is_,
    on,
    setting,
    share,
    switch,
)
from animator.settings.samplers import adds_noise, described, parse_sampler, with_noise
from animator.weights.checkpoint_names import is_checkpoint
from animator.weights.switches import may

_PERCENT = re.compile(r"\s*(\d+(?:\.\d*)?|\.\d+)\s*%\s*")

Percent = Annotated[
    str,
    WithJsonSchema(
        {
            "type": "string",
            "pattern": r"^\s*([0-9]+(\.[0-9]*)?|\.[0-9]+)\s*%\s*$",
            "allowed": "a percentage such as 40%",
        }
    ),
]


_BEGUN = given("diffusion.init_image", "diffusion.perlin_init")
_FILE = Need("unless diffusion.model is a file", {"diffusion.model": is_checkpoint})
_CLASSES = Need(
    "unless diffusion.model tells classes apart", {"diffusion.model": lambda name: may(name, "class_cond")}
)
_READS = Need(
    "unless diffusion.model reads prompts itself", {"diffusion.model": lambda name: may(name, "architecture")}
)
_MIRRORED = Need(
    "without a use_*_symmetry",
    {"diffusion.use_horizontal_symmetry": on, "diffusion.use_vertical_symmetry": on},
)
_THRESHOLDED = is_("diffusion.estimate", "thresholded", "without estimate: thresholded")
_REUSED = Need(
    "without secondary or guidance.every",
    {"diffusion.secondary": on, "guidance.every": lambda value: value >= 1.5},
)
_NOISY = Need(
    "with sampler {}",
    {"diffusion.sampler": adds_noise},
    such=" or ".join(with_noise(False)),
)


def percent(value: int | str) -> int | str:
    """Return a number of steps or a percentage of them as it is; raises ValueError where it is neither."""
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


class DiffusionOptions(Options):
    """How a picture is denoised."""

    model: str = "pocket"
    """The diffusion network: the bundled ``pocket`` (default), one that ``animator models list`` names, or
    the path of a checkpoint (.pt, .pth, .ckpt, .safetensors) or of a folder of diffusers, relative to the
    scene file."""

    family: str | None = setting(None, needs=_FILE, engine="guided")
    """Family of a checkpoint that `model` names by its path (openai_256, openai_512, kaliyuga_256,
    portrait_generator_v001); left out, it is recognised by the names and shapes in the file."""

    class_label: int | str | None = setting(None, unit="class", needs=_CLASSES, engine="guided")
    """Which of ImageNet's classes a network paints that tells them apart (`512x512_diffusion`): its number, 0
    to 999, or its name, such as lighthouse. Prompts pull as ever."""

    cfg_scale: Animated = animated(
        0,
        frames=True,
        steps=True,
        ge=0,
        le=50,
        unit="weight",
        needs=_READS,
        engine="guided",
        description="How strongly a network follows the prompts that it reads itself (`cc12m_1_cfg`, "
        "`cc12m_1`): 1 as pictures follow their captions, more exaggerates (classifier-free guidance), and "
        "takes one more pass of the network for each prompt; 0, the default, takes what suits the network: "
        "3, for `cc12m_1` 1. Guidance by CLIP acts besides.",
    )

    secondary: Switch = switch(False, engine="guided")
    """Whether the small secondary model is asked for the gradient instead of the large network, which is
    several times faster and a little vaguer."""

    reuse: Animated = animated(
        1,
        frames=True,
        steps=True,
        ge=1,
        le=10,
        unit="steps",
        needs=_REUSED,
        engine="guided",
        description="How many steps one computation of the large network's deep features serves, rounded: 2 "
        "computes them at each second step, and between them the network's largest level only; 1 is off. "
        "Steps whose gradient goes through the large network compute all of it.",
    )

    sampler: str = setting(
        "ddim", description=f'The solver: {described()}; or one after another, ``"[plms]*500+[ddim]*500"``.'
    )

    steps: int = setting(50, ge=1, le=1000, unit="steps")
    """Steps of the whole diffusion (Disco Diffusion: 250); more is slower and finer. The base `pocket` has
    20, which do for the bundled networks."""

    skip_steps: int | Percent = setting("4%", unit="steps, or % of them", modes=(STILL, TWO_D, THREE_D))
    """Steps left out at the noisy end of a picture's diffusion, or their share of `steps` (Disco: 10 of 250).
    With an init picture this is how much of it stays."""

    skip_end_steps: int | Percent = setting(0, unit="steps, or % of them")
    """Steps left out at the clean end, or their share of `steps`: the picture is the clean estimate of the
    last step that is made, a little softer; for drafts."""

    stop_at: Percent | None = setting(None, unit="share of the diffusion", changes_frames=False)
    """Share of a still's steps after which it is kept as a draft, together with all that is needed to finish
    it later with ``animator finish``."""

    eta: Animated = animated(
        0.8,
        frames=True,
        steps=True,
        ge=-1,
        le=1,
        unit="share of an ancestral sampler's noise",
        needs=_NOISY,
        description=f"Noise that {' and '.join(with_noise(True))} add at each step as a share of what "
        "an ancestral sampler adds; 0 is deterministic, a negative value takes as much noise with its sign "
        "turned.",
    )

    estimate: Literal["auto", "free", "clamped", "thresholded"] = setting("auto", engine="guided")
    """How the clean estimate of each step is held to the range of a picture: ``clamped`` cuts it off,
    ``thresholded`` scales it in by `threshold` (dynamic thresholding), ``free`` leaves it, as Disco Diffusion
    runs the published networks, ``auto`` does what the network's description asks for."""

    threshold: float = setting(0.995, gt=0, le=1, unit="quantile", needs=_THRESHOLDED, engine="guided")
    """Quantile of a thresholded estimate's values that is scaled to the edge of the range."""

    precision: Literal["auto", "float32", "bfloat16"] = "auto"
    """Number format inside the networks; ``auto`` is bfloat16 on a GPU and on processors that compute in it,
    and float32 elsewhere. The solver itself is always float32. On a processor large depth networks are
    bfloat16 only where that is said, and never with ``compat: disco-5``."""

    compile: bool = setting(False, engine="guided")
    """Whether the networks are compiled for the picture's size (``--compile``): a minute or more at the
    start, then fewer and larger kernels. For many pictures on a GPU; left out on a CPU, where it gains
    nothing."""

    init_image: str | None = setting(None, modes=(STILL, TWO_D, THREE_D), changes_frames=False)
    """Picture to start the first frame from, or every still: a path relative to the scene file, or an http(s)
    address."""

    init_fit: Literal["stretch", "cover", "contain"] = setting(
        "stretch", modes=(STILL, TWO_D, THREE_D), needs=given("diffusion.init_image")
    )
    """How an init picture of another shape fills the frame: ``stretch`` distorts it, ``cover`` cuts off what
    does not fit, ``contain`` shows all of it on its mean colour."""

    init_frames: Literal["first", "all"] = setting("first", modes=(TWO_D, THREE_D), needs=_BEGUN)
    """Which frames of a film start from `init_image` or `perlin_init`: the ``first`` only, or ``all``, which
    gives up the motion from frame to frame."""

    init_scale: Animated = animated(
        1000,
        frames=True,
        steps=True,
        ge=0,
        unit="weight",
        modes=(STILL, TWO_D, THREE_D),
        needs=_BEGUN,
        engine=BY_CLIP,
    )
    """Strength of the perceptual pull towards the init picture; 0 is off. Frames after the first have
    ``coherence.frames_scale``."""

    init_noise: float = setting(
        0.0, ge=0, le=2, unit="standard deviation", modes=(STILL, TWO_D, THREE_D), needs=_BEGUN
    )
    """Grey noise laid over the init picture, as a standard deviation on the scale where black is 0 and white
    1: detail grows out of it in flat areas; guides use 0.05 to 0.2."""

    init_color_noise: float = setting(
        0.0, ge=0, le=2, unit="standard deviation", modes=(STILL, TWO_D, THREE_D), needs=_BEGUN
    )
    """The same in colour, each channel on its own."""

    perlin_init: Literal["none", "mixed", "color", "gray"] = setting("none", modes=(STILL, TWO_D, THREE_D))
    """Soft random clouds (Perlin noise) to start from instead of an init picture: coloured, grey, or both
    mixed."""

    noise_size: tuple[int, int] | None = setting(
        None,
        unit="pixels",
        engine="guided",
        json_schema_extra={"allowed": "width and height of a larger picture, such as [1280, 768]"},
    )
    """Width and height of a larger picture whose noise this one has, averaged down, so that it begins like
    that one seen from afar; ``--draft`` sets it. Noise that moves with the picture is its own."""

    use_horizontal_symmetry: bool = setting(False, engine="guided")
    """Whether the right half is made a mirror image of the left, at `transformation_percent`."""

    use_vertical_symmetry: bool = setting(False, engine="guided")
    """Whether the lower half is made a mirror image of the upper, at `transformation_percent`."""

    transformation_percent: tuple[Annotated[float, Field(ge=0, le=1)], ...] = setting(
        (0.09,), unit="share of the diffusion", needs=_MIRRORED, engine="guided"
    )
    """When symmetry is put into the picture, as shares of the diffusion; later is stricter."""

    @field_validator("sampler")
    @classmethod
    def _known_samplers(cls, value: str) -> str:
        parse_sampler(value)
        return value

    @field_validator("skip_steps", "skip_end_steps", "stop_at")
    @classmethod
    def _count_or_percent(cls, value: int | str | None) -> int | str | None:
        return None if value is None else percent(value)

    def keep(self) -> float:
        """Return `skip_steps` as the share of the diffusion that is skipped, 0 to 1.

        >>> DiffusionOptions(steps=50, skip_steps=10).keep(), DiffusionOptions(skip_steps="40%").keep()
        (0.2, 0.4)
        """
        return share(self.skip_steps, self.steps)
