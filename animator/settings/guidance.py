"""The section `guidance` of a scene.

Values over the diffusion are written on Disco Diffusion's scale: 1000 entries, the first is the noisiest
moment, whatever the number of steps.
"""

from __future__ import annotations

from typing import Literal

from pydantic import field_validator

from animator.settings.base import Animated, Need, Options, Switch, animated, on, setting, switch

_FUZZY = Need("without fuzzy_prompt", {"guidance.fuzzy_prompt": on})

_SPREAD = Need("with ic_pow 1", {"guidance.cuts.ic_pow": lambda value: value != 1})


class CutOptions(Options):
    """The cuts of a picture that a CLIP model looks at, as Disco Diffusion names them."""

    overview: Animated = animated("[12]*400+[4]*600", frames=True, steps=True, ge=0, le=256, unit="cuts")
    """Cuts that show the whole picture, 0 to 256, rounded; default 12, then 4 once 400 of 1000 are done.
    Up to four are plain, grey, mirrored and grey mirrored; more are all plain."""

    innercut: Animated = animated("[4]*400+[12]*600", frames=True, steps=True, ge=0, le=256, unit="cuts")
    """Cuts that show a random square of the picture, 0 to 256, rounded; default 4, then 12."""

    ic_pow: Animated = animated("[1]*1000", frames=True, steps=True, ge=0, le=100, unit="exponent")
    """How small the inner cuts are: their side is ``u**ic_pow`` of the way from the model's input size to the
    picture's shorter side, u uniform in 0..1; 0 to 100, default 1, larger means smaller cuts."""

    icgray_p: Animated = animated(
        "[0.2]*400+[0]*600", frames=True, steps=True, ge=0, le=1, unit="share 0..1 of the inner cuts"
    )
    """Share of the inner cuts that are shown in grey, 0 to 1, rounded to whole cuts; default 0.2, then 0."""

    sizes: Literal["power", "varied"] = setting("power", needs=_SPREAD)
    """How the sides of inner cuts are spread: ``power`` by `ic_pow`, as in Disco Diffusion, where a large one
    makes nearly all of them small; ``varied`` with an exponent for each cut, from 1 to ``ic_pow`` squared, so
    that there are large ones among the small."""

    placement: Literal["random", "stratified"] = "random"
    """Where the inner cuts of a step lie: ``random`` anywhere inside the picture, as in Disco Diffusion,
    which hardly ever looks at its corners; ``stratified`` each where the step has looked least, up to the
    edges, with sides spread evenly too."""


class GuidanceOptions(Options):
    """What pulls the diffusion towards the prompts."""

    clip_models: dict[str, Animated] = setting(
        default={"pocket": 1},
        json_schema_extra={"animated_each": {"frames": True, "steps": True, "ge": 0, "le": None}},
        unit="weight",
    )
    """The CLIP models that look at the picture, each with its weight. A model whose weight is 0 at a step is
    not run there, so that ``RN50: "[1]*200+[0]*800"`` looks at the first fifth only."""

    allow_unguided: bool = False
    """Whether there may be stretches of the diffusion in which no CLIP model has a weight; else they are an
    error."""

    clip_guidance_scale: Animated = animated(5000, frames=True, steps=True, ge=0, unit="weight")
    """Strength of the prompts; 0 for none."""

    tv_scale: Animated = animated(0, frames=True, steps=True, ge=0, unit="weight")
    """Strength of smoothing (total variation): less fine roughness; 0 is off. On the bundled networks at
    192 x 128, 10000 takes a tenth of it away and 50000 a sixth; a picture of four times the pixels wants four
    times as much. With ``compat: disco-5`` it pulls through the noise, and roughens where it is strong."""

    range_scale: Animated = animated(150, frames=True, steps=True, ge=0, unit="weight")
    """Strength of the pull of values beyond black and white back into range: less blown out; 0 is off. On the
    bundled networks at 192 x 128, 150 takes a twelfth of what lies beyond away, 1000 half of it and 10000
    nearly all; a picture of four times the pixels wants four times as much. With ``compat: disco-5`` it has
    no effect, as in Disco Diffusion."""

    sat_scale: Animated = animated(0, frames=True, steps=True, ge=0, unit="weight")
    """Strength of the pull towards grey, against too strong colours; 0 is off. On the bundled networks at
    192 x 128, 1000 takes a fourteenth of the saturation away and 10000 a third; a picture of four times the
    pixels wants four times as much. With ``compat: disco-5`` it pulls at values beyond black and white only,
    of which there are few, as in Disco Diffusion."""

    symmetry_loss_scale: Animated = animated(0, frames=True, steps=True, ge=0, unit="weight")
    """Strength of a pull towards symmetry (left and right, unless only `use_vertical_symmetry` is set);
    ``"[5000]*450+[0]*550"`` lets go of it at 45 %. 0 is off."""

    clamp_grad: Switch = switch(True)
    """Whether the gradient of each step is limited to `clamp_max`."""

    clamp_max: Animated = animated(
        0.05, frames=True, steps=True, ge=0, unit="root mean square of the gradient"
    )
    """Largest root-mean-square of a step's gradient; the strongest lever for contrast and detail. The same
    number pushes 1.5 to 1.8 times as hard as in Disco Diffusion, whose gradient is less even from step to
    step; with ``compat: disco-5`` as hard as there."""

    cutn_batches: Animated = animated(1, frames=True, steps=True, ge=1, le=256, unit="batches of cuts")
    """How often per step the picture is cut again and looked at, rounded (Disco Diffusion: 4): four times as
    many cuts in the memory of one, at four times the time."""

    every: Animated = animated(
        1,
        frames=True,
        steps=True,
        ge=1,
        le=10,
        unit="steps",
        description="Every how many steps the gradient of the losses is computed, rounded: with 2 each "
        "second step moves along the gradient of the step before it, limited by its own `clamp_max`; "
        '``"[1]*500+[2]*500"`` does so in the second half. 1 computes it at every step.',
    )

    skip_augs: Switch = switch(False)
    """Whether cuts are shown as they are, without the random flips, rotations, noise and colour changes
    that keep CLIP from being fooled."""

    even_cuts: Switch = switch(False)
    """Whether places, sizes and augmentations of a step's cuts are spread evenly over what is possible and
    not each drawn at random, so that the gradient varies a little less from step to step."""

    fuzzy_prompt: Switch = switch(False)
    """Whether each prompt is replaced by 25 noisy copies of itself, which loosens what it means."""

    rand_mag: Animated = animated(
        0.05,
        frames=True,
        steps=True,
        ge=0,
        unit="standard deviation",
        needs=_FUZZY,
    )
    """Size of the noise of `fuzzy_prompt`, as a standard deviation of an embedding's entries."""

    long_prompts: Literal["warn", "refuse"] = "warn"
    """What to do with a prompt of more than CLIP's 77 tokens, the end of which is never read: ``warn`` or
    ``refuse`` it."""

    cuts: CutOptions = CutOptions()
    """The cuts that the CLIP models see."""

    compat: Literal["none", "disco-5"] = "none"
    """``disco-5`` repeats Disco Diffusion 5: its gradient, in which `range_scale` never reaches the picture
    and `sat_scale` hardly; its cuts, all of a batch augmented alike, by the film's mode; skipped steps
    rounded down, and weaker noise where they are skipped without an init picture; symmetry at a share of the
    remaining steps; 2D moves sampled bilinearly, frames of 8 bits, and in turbo a depth estimated for every
    picture; and prompts whose weights have a negative sum. Still different are the random numbers, the cuts
    of image prompts, fuzzy prompts (there cut off at 0 and 1), symmetry with ``plms`` (there none), and that
    CLIP reads a prompt without its weight. ``none`` lets every loss act."""

    @field_validator("clip_models")
    @classmethod
    def _at_least_one(cls, value: dict[str, Animated]) -> dict[str, Animated]:
        if not value:
            raise ValueError("is empty, name at least one CLIP model, for instance {pocket: 1}")
        return value
