"""Guidance: what bends a diffusion towards the prompts, as a wrapper of the shape of any `Denoise`.

The gradient is Disco Diffusion's. The perceptors look at a blend of the clean estimate and the noisy
state; their losses and those on the colours are differentiated down to the state, and the gradient's size
is limited.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor

from animator.convert import signed_to_unit
from animator.diffusion import losses
from animator.diffusion.cutouts import CutSettings, make_cuts
from animator.diffusion.noise_schedule import NoiseSchedule
from animator.diffusion.options import GuidanceOptions
from animator.diffusion.prediction import Denoise, Prediction, denoised_from_eps
from animator.types import DIFFUSION_SCALE, Schedule

Gradient = Callable[[Tensor, int, Prediction], Tensor]
"""Given the state ``x`` (N x 3 x H x W), an index of the schedule and the prediction there, returns which
way and how far to go: the gradient of the log likelihood of what is wanted, of the shape of ``x``."""


def guided(
    denoise: Denoise, schedule: NoiseSchedule, gradient: Gradient, *, through: bool = False
) -> Denoise:
    """Bend a denoiser by a gradient: ``eps' = eps - sqrt(1 - alpha_bar) * gradient``.

    Dhariwal & Nichol 2021, algorithm 2; the clean estimate follows from the new noise.

    Args:
        denoise: what is bent.
        schedule: what the indices mean.
        gradient: which way; called once for each call of the result.
        through: whether ``gradient`` differentiates the prediction. Then ``x`` requires a gradient and the
            denoiser's activations are kept until ``gradient`` returns; else it runs without them.

    Returns:
        A denoiser whose answers carry no graph.
    """

    def bent(x: Tensor, index: int) -> Prediction:
        x = x.detach()
        with torch.set_grad_enabled(through):
            state = x.clone().requires_grad_(through)
            prediction = denoise(state, index)
        direction = gradient(state, index, prediction).detach()
        alpha_bar = float(schedule.alpha_bar[index])
        eps = prediction.eps.detach() - math.sqrt(1 - alpha_bar) * direction
        return Prediction(denoised_from_eps(x, eps, alpha_bar), eps)

    return bent


@dataclass(frozen=True)
class Target:
    """What one perceptor is to see.

    Attributes:
        name: the perceptor's.
        size: side in pixels of the pictures it takes.
        encode: turns K x 3 x size x size in [0, 1] into K x D embeddings.
        embeds: what it is to find, P x D, one row a prompt.
        weights: weight of each prompt, shape (P,); negative pushes away.
    """

    name: str
    size: int
    encode: Callable[[Tensor], Tensor]
    embeds: Tensor
    weights: Tensor


@dataclass(frozen=True)
class StepValues:
    """The settings of guidance at one step, by the names of `GuidanceOptions`."""

    cuts: CutSettings
    clip_models: Mapping[str, float]
    clip_guidance_scale: float
    tv_scale: float = 0.0
    range_scale: float = 0.0
    sat_scale: float = 0.0
    clamp_max: float = math.inf
    cutn_batches: int = 1


@dataclass(frozen=True)
class Guide:
    """The gradient of all losses of guidance; a `Gradient` for `guided`.

    Attributes:
        schedule: what the indices mean.
        targets: what the perceptors are to see.
        values: the settings at an index.
        generator: where the random cuts come from; a CPU generator.
        secondary: a smaller denoiser to be asked and differentiated instead of the prediction, or None.
        init: a picture to stay near, 1 x 3 x H x W in [-1, 1], or None.
        init_scale: strength of the pull to ``init``.
        perceptual: how far from ``init`` is measured.
        range_acts: whether the range loss reaches the picture. In Disco Diffusion 5 it does not: it is a loss
            of the clean estimate, but only what depends on the blend is differentiated.
        finite: for each gradient so far whether it was finite, as scalars on the device. One that was not has
            been replaced by zero; whoever runs the sampler tells the user.

    """

    schedule: NoiseSchedule
    targets: Sequence[Target]
    values: Callable[[int], StepValues]
    generator: torch.Generator
    secondary: Denoise | None = None
    init: Tensor | None = None
    init_scale: float = 0.0
    perceptual: losses.PerceptualLoss = losses.pyramid_distance
    range_acts: bool = True
    finite: list[Tensor] = field(default_factory=list)

    @property
    def through(self) -> bool:
        """Whether the prediction itself is differentiated, see `guided`."""
        return self.secondary is None

    def __call__(self, x: Tensor, index: int, prediction: Prediction) -> Tensor:
        """Return the limited gradient, the shape of ``x``. See `Gradient`."""
        values = self.values(index)
        gradient = self.unlimited(x, index, prediction, values)
        finite = gradient.isfinite().all()
        self.finite.append(finite)
        return limited(torch.where(finite, gradient, 0.0), values.clamp_max)

    def unlimited(self, x: Tensor, index: int, prediction: Prediction, values: StepValues) -> Tensor:
        """Return the gradient before its size is limited."""
        with torch.enable_grad():
            if self.secondary is not None:
                x = x.detach().requires_grad_()
                prediction = self.secondary(x, index)
            share = math.sqrt(1 - float(self.schedule.alpha_bar[index]))
            seen = prediction.denoised * share + x * (1 - share)
            outputs, pulls = [seen], [self.gradient_on(seen.detach(), values)]
            if self.range_acts and values.range_scale:
                loss = values.range_scale * losses.out_of_range(prediction.denoised).sum()
                outputs.append(loss)
                pulls.append(torch.ones_like(loss))
            (descent,) = torch.autograd.grad(outputs, x, pulls)
        return -descent

    def gradient_on(self, seen: Tensor, values: StepValues) -> Tensor:
        """Return the gradient of every loss of the picture that the perceptors see, of its shape."""
        seen = seen.requires_grad_()
        total = torch.zeros_like(seen)
        for target, batch_scale in self._looks(values):
            loss = batch_scale * self.prompt_loss(seen, target, values.cuts)
            total += torch.autograd.grad(loss, seen)[0]
        loss = values.tv_scale * losses.total_variation(seen) + values.sat_scale * losses.saturation(seen)
        if self.init is not None and self.init_scale:
            loss = loss + self.init_scale * self.perceptual(seen, self.init)
        return total + torch.autograd.grad(loss.sum(), seen)[0]

    def prompt_loss(self, seen: Tensor, target: Target, cuts: CutSettings) -> Tensor:
        """Return how far the pictures are from the prompts in one perceptor's eyes, over one batch of cuts.

        The squared spherical distances, each times its prompt's weight, summed over the prompts, averaged
        over the cuts, summed over the pictures.
        """
        pictures = make_cuts(signed_to_unit(seen), target.size, cuts, self.generator)
        distances = losses.spherical_distance(target.encode(pictures)[:, None], target.embeds[None])
        return (distances @ target.weights).sum() * len(seen) / len(pictures)

    def _looks(self, values: StepValues) -> list[tuple[Target, float]]:
        """Return each look at the picture that this step takes, with the factor of its loss."""
        batches = values.cutn_batches
        scale = values.clip_guidance_scale / batches
        weights = {name: weight for name, weight in values.clip_models.items() if weight and scale}
        if values.cuts.overview + values.cuts.innercut == 0:
            return []
        seeing = [(target, scale * weights[target.name]) for target in self.targets if target.name in weights]
        return [look for look in seeing for _ in range(batches)]


def limited(gradient: Tensor, largest: float) -> Tensor:
    """Scale each picture's gradient down to a root-mean-square of ``largest`` where it is larger."""
    size = gradient.square().mean(dim=(1, 2, 3), keepdim=True).sqrt()
    return gradient * (largest / size.clamp(min=torch.finfo(size.dtype).tiny)).clamp(max=1)


def schedule_position(schedule: NoiseSchedule, index: int) -> int:
    """Return where in a `Schedule` of 1000 entries an index of the diffusion stands, 0 the noisiest."""
    return DIFFUSION_SCALE - 1 - min(max(int(schedule.network_t[index]), 0), DIFFUSION_SCALE - 1)


def step_values(options: GuidanceOptions, values: Mapping[str, Schedule], position: int) -> StepValues:
    """Return the settings at one position of the diffusion.

    Args:
        options: the section ``guidance``; its plain numbers stand where ``values`` are silent.
        values: schedules by dotted name, ``guidance.cuts.overview``, ``guidance.clip_models.ViT-B-32``.
        position: 0 (the noisiest) to 999.

    Raises:
        ValueError: an option is a text, and ``values`` have no schedule for it.
    """

    def at(name: str, written: object) -> float:
        name = f"guidance.{name}"
        if name in values:
            return float(values[name][position])
        if not isinstance(written, (int, float)):
            raise ValueError(f"{name} is {written!r}, and the request has no schedule for it")
        return float(written)

    cuts = options.cuts
    return StepValues(
        cuts=CutSettings(
            overview=round(at("cuts.overview", cuts.overview)),
            innercut=round(at("cuts.innercut", cuts.innercut)),
            ic_pow=at("cuts.ic_pow", cuts.ic_pow),
            icgray_p=at("cuts.icgray_p", cuts.icgray_p),
            skip_augs=options.skip_augs,
        ),
        clip_models={name: at(f"clip_models.{name}", weight) for name, weight in options.clip_models.items()},
        clip_guidance_scale=at("clip_guidance_scale", options.clip_guidance_scale),
        tv_scale=at("tv_scale", options.tv_scale),
        range_scale=at("range_scale", options.range_scale),
        sat_scale=at("sat_scale", options.sat_scale),
        clamp_max=at("clamp_max", options.clamp_max) if options.clamp_grad else math.inf,
        cutn_batches=max(round(at("cutn_batches", options.cutn_batches)), 1),
    )
