"""The settings of guidance at each step of a diffusion."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

from animator.diffusion.noise_schedule import NoiseSchedule
from animator.diffusion.squares import CutSettings
from animator.settings.diffusion import DiffusionOptions
from animator.settings.guidance import GuidanceOptions
from animator.settings.samplers import parse_sampler
from animator.types import DIFFUSION_SCALE, Schedule


@dataclass(frozen=True)
class StepValues:
    """The settings of guidance at one step, by the names of `GuidanceOptions`.

    Attributes:
        cuts: the cuts of one look.
        clip_models: weight of each perceptor.
        clip_guidance_scale: strength of the prompts.
        tv_scale: strength of the smoothing.
        range_scale: strength of the pull into the range.
        sat_scale: strength of the pull against saturation.
        symmetry_loss_scale: strength of the pull towards symmetry.
        init_scale: strength of the pull towards the init picture.
        clamp_max: largest root-mean-square of the gradient; infinite where it is not limited.
        cutn_batches: looks of each perceptor.
        secondary: whether the secondary model is asked for the gradient.
        rand_mag: size of the noise of fuzzy prompts; 0 where they are not fuzzy.
        position: where in a `Schedule` it is, 0 (the noisiest) to 999.
        every: of how many steps one asks for the gradient; the others take the last one.
        reuse: of how many steps one computes the denoiser's deep features.
    """

    cuts: CutSettings
    clip_models: Mapping[str, float]
    clip_guidance_scale: float
    tv_scale: float = 0.0
    range_scale: float = 0.0
    sat_scale: float = 0.0
    symmetry_loss_scale: float = 0.0
    init_scale: float = 0.0
    clamp_max: float = math.inf
    cutn_batches: int = 1
    secondary: bool = False
    rand_mag: float = 0.0
    position: int = 0
    every: int = 1
    reuse: int = 1

    def act(self, *, prompted: bool, init: bool) -> bool:
        """Return whether any loss has a strength.

        Args:
            prompted: whether there are prompts.
            init: whether there is an init picture.
        """
        scales = (self.tv_scale, self.range_scale, self.sat_scale, self.symmetry_loss_scale)
        return any(scales) or (init and self.init_scale > 0) or (prompted and self.clip_guidance_scale > 0)


def schedule_position(schedule: NoiseSchedule, index: int) -> int:
    """Return where in a `Schedule` of 1000 entries an index of the diffusion is, 0 the noisiest."""
    return DIFFUSION_SCALE - 1 - min(max(int(schedule.network_t[index]), 0), DIFFUSION_SCALE - 1)


def positions_of(schedule: NoiseSchedule) -> list[int]:
    """Return where in a `Schedule` of 1000 entries each index of the diffusion is."""
    return [schedule_position(schedule, index) for index in range(schedule.num_timesteps)]


def solvers_of(
    schedule: NoiseSchedule, diffusion: DiffusionOptions, values: Mapping[str, Schedule]
) -> tuple[list[str], list[float]]:
    """Return the sampler and eta at each index of the diffusion.

    Args:
        schedule: what the indices mean.
        diffusion: the settings.
        values: schedules by dotted name, which go before them.
    """
    positions, names = positions_of(schedule), parse_sampler(diffusion.sampler)
    etas = [value_at(values, "diffusion.eta", diffusion.eta, one) for one in positions]
    return [names[one] for one in positions], etas


def value_at(values: Mapping[str, Schedule], name: str, written: object, position: int) -> float:
    """Return one setting at one position of the diffusion.

    Args:
        values: schedules by dotted name.
        name: dotted name of the setting.
        written: the option itself, a plain number or truth value, which holds where ``values`` are silent.
        position: 0 (the noisiest) to 999.

    Raises:
        ValueError: the option is a text, and ``values`` have no schedule for it.
    """
    if name in values:
        return float(values[name][position])
    if not isinstance(written, (bool, int, float)):
        raise ValueError(f"{name} is {written!r}, and the request has no schedule for it")
    return float(written)


def step_values(
    diffusion: DiffusionOptions,
    guidance: GuidanceOptions,
    values: Mapping[str, Schedule],
    position: int,
    init_scale: float | Schedule = 0.0,
) -> StepValues:
    """Return the settings at one position of the diffusion.

    Args:
        diffusion: the section ``diffusion``.
        guidance: the section ``guidance``; plain numbers of both stand where ``values`` are silent.
        values: schedules by dotted name, ``guidance.cuts.overview``, ``guidance.clip_models.ViT-B-32``.
        position: 0 (the noisiest) to 999.
        init_scale: of the request.

    Raises:
        ValueError: an option is a text, and ``values`` have no schedule for it.
    """

    def at(name: str, written: object) -> float:
        return value_at(values, f"guidance.{name}", written, position)

    def on(name: str, written: object) -> bool:
        return at(name, written) >= 0.5

    cuts = guidance.cuts
    pull = init_scale if isinstance(init_scale, (int, float)) else init_scale[position]
    return StepValues(
        cuts=CutSettings(
            overview=round(at("cuts.overview", cuts.overview)),
            innercut=round(at("cuts.innercut", cuts.innercut)),
            ic_pow=at("cuts.ic_pow", cuts.ic_pow),
            icgray_p=at("cuts.icgray_p", cuts.icgray_p),
            skip_augs=on("skip_augs", guidance.skip_augs),
            even=on("even_cuts", guidance.even_cuts),
            stratified=cuts.placement == "stratified",
            varied=cuts.sizes == "varied",
        ),
        clip_models={
            name: at(f"clip_models.{name}", weight) for name, weight in guidance.clip_models.items()
        },
        clip_guidance_scale=at("clip_guidance_scale", guidance.clip_guidance_scale),
        tv_scale=at("tv_scale", guidance.tv_scale),
        range_scale=at("range_scale", guidance.range_scale),
        sat_scale=at("sat_scale", guidance.sat_scale),
        symmetry_loss_scale=at("symmetry_loss_scale", guidance.symmetry_loss_scale),
        init_scale=float(pull),
        clamp_max=at("clamp_max", guidance.clamp_max) if on("clamp_grad", guidance.clamp_grad) else math.inf,
        cutn_batches=max(round(at("cutn_batches", guidance.cutn_batches)), 1),
        secondary=value_at(values, "diffusion.secondary", diffusion.secondary, position) >= 0.5,
        rand_mag=at("rand_mag", guidance.rand_mag) if on("fuzzy_prompt", guidance.fuzzy_prompt) else 0.0,
        position=position,
        every=max(round(at("every", guidance.every)), 1),
        reuse=max(round(value_at(values, "diffusion.reuse", diffusion.reuse, position)), 1),
    )
