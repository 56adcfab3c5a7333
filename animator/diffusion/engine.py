"""Guided diffusion as an engine: a request in, a frame out (steps 5 and 6 of a frame's way)."""

from __future__ import annotations

import logging
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from animator import rng
from animator.convert import frame_to_signed, signed_to_frame
from animator.diffusion.checkpoints import load_diffusion, load_secondary
from animator.diffusion.guidance import Guide, StepValues, Target, guided, schedule_position, step_values
from animator.diffusion.losses import PerceptualLoss, perceptual_loss
from animator.diffusion.noise_schedule import NoiseSchedule, disco_schedule, full_schedule
from animator.diffusion.options import DiffusionOptions, GuidanceOptions
from animator.diffusion.perceptors import Perceptor, load_perceptor
from animator.diffusion.precision import Call, computing_in, precision_for
from animator.diffusion.prediction import Denoise, Estimate, Network, clamped, network_denoiser
from animator.diffusion.samplers import SAMPLERS, noised
from animator.diffusion.secondary import WIDTHS, SecondaryModel, secondary_denoiser
from animator.errors import AnimatorError, UsageError
from animator.types import Frame, OnStep, Request
from animator.weights.registry import cache_folder

BUNDLED = "pocket"
PUBLISHED_SECONDARY = "secondary_model_imagenet_2"
"""The secondary models: the bundled one belongs to the bundled denoiser, the published one to all others."""

SECONDARY_MULTIPLE = 2 ** (len(WIDTHS) - 1)
"""Pixels that width and height must be multiples of where a secondary model is asked."""

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Networks:
    """What an engine is built from.

    Attributes:
        denoiser: predicts the noise, see `Network`.
        perceptors: the CLIP models, by their names in ``guidance.clip_models``.
        estimate: whether the denoiser's clean estimate needs to be held to the range of a picture.
        size_multiple: pixels that width and height must be multiples of.
        secondary: the model to take the gradient of instead of the denoiser, or None.
        perceptual: how far from an init picture is measured, or None to take what the machine has.
    """

    denoiser: Network
    perceptors: Mapping[str, Perceptor]
    estimate: Estimate = "free"
    size_multiple: int = 1
    secondary: SecondaryModel | None = None
    perceptual: PerceptualLoss | None = None


class GuidedDiffusion:
    """CLIP-guided diffusion in pixels; an `Engine`.

    What a frame looks like depends on its request, the options and the networks, and on nothing painted
    before. On a CPU the same request gives the same bytes.
    """

    def __init__(
        self,
        networks: Networks,
        diffusion: DiffusionOptions,
        guidance: GuidanceOptions,
        device: torch.device | str = "cpu",
    ) -> None:
        self.networks = networks
        self.diffusion = diffusion
        self.guidance = guidance
        self.device = torch.device(device)
        self.schedule = schedule_for(diffusion, guidance)
        self._perceptual = networks.perceptual or perceptual_loss(self.device)
        self._embeds: dict[tuple[str, str], Tensor] = {}

        for network in (networks.denoiser, networks.secondary):
            if isinstance(network, torch.nn.Module):
                network.to(self.device).to(memory_format=torch.channels_last)
        self._precision = precision_for(diffusion.precision, self.device)
        self.estimate = networks.estimate if diffusion.estimate == "auto" else diffusion.estimate
        self._denoise = self._compute(network_denoiser(networks.denoiser, self.schedule, self.estimate))
        self._secondary: Denoise | None = None
        if networks.secondary is not None:
            self._secondary = self._compute(secondary_denoiser(networks.secondary, self.schedule))

    def paint(self, request: Request, on_step: OnStep | None = None) -> Frame:
        """Return the frame that ``request`` describes; see `animator.types.Engine`.

        Of the steps, ``keep`` times their number, rounded, are skipped: the init, with the noise of the first
        step that is left, stands for them. Without an init the walk begins with noise at that step; where
        nothing is left to do the init itself comes back.

        Args:
            request: what to paint.
            on_step: called after each step.

        Returns:
            A frame on the engine's device.

        Raises:
            UsageError: the size does not suit the network, or the init has another size.
            AnimatorError: the networks gave values that are no numbers.
        """
        self._check_size(request)
        total = self.schedule.num_timesteps
        count = total - math.floor(request.keep * total + 0.5)
        if request.init is None:
            count = max(count, 1)
        elif count == 0:
            return request.init.to(self.device).clone()
        init = None if request.init is None else frame_to_signed(request.init.to(self.device))
        guide = self._guide(request, init)
        sampler = SAMPLERS[self.diffusion.sampler]
        walk = sampler(
            self._denoise if guide is None else self._guided(guide),
            self.schedule,
            self._start(request, init, count - 1),
            first_index=count - 1,
            eta=self._etas(request),
            noise=self._noise_source(request, "steps"),
        )
        with torch.no_grad():
            for done, step in enumerate(walk, start=1):
                denoised = step.denoised
                if on_step is not None:
                    on_step(done, count)
        self._report(request, [] if guide is None else guide.finite, denoised)
        return signed_to_frame(denoised)

    def _compute(self, call: Call) -> Call:
        return computing_in(self._precision, self.device, call)

    def _guided(self, guide: Guide) -> Denoise:
        """Return the denoiser bent by a guide, and held to the range where the network's own answers are."""
        bent = guided(self._denoise, self.schedule, guide, through=guide.through)
        return clamped(bent, self.schedule) if self.estimate == "clamped" else bent

    def _start(self, request: Request, init: Tensor | None, index: int) -> Tensor:
        """Return the state that the walk begins with."""
        noise = self._noise_source(request, "noise")()
        return noise if init is None else noised(init, noise, self.schedule, index)

    def _noise_source(self, request: Request, stage: str) -> Callable[[], Tensor]:
        """Return what draws noise of the picture's shape, afresh at each call."""
        generator = rng.generator(request.seed, request.frame, stage)
        shape = (1, 3, request.height, request.width)
        return lambda: torch.randn(shape, generator=generator).to(self.device, non_blocking=True)

    def _guide(self, request: Request, init: Tensor | None) -> Guide | None:
        """Return the guide of one frame, or None where no loss is asked for at any step."""
        positions = [schedule_position(self.schedule, index) for index in range(self.schedule.num_timesteps)]
        plan = [step_values(self.guidance, request.values, position) for position in positions]
        pulls = init is not None and request.init_scale > 0
        if not pulls and not any(_acts(values, bool(request.prompts)) for values in plan):
            return None
        return Guide(
            schedule=self.schedule,
            targets=self._targets(request),
            values=plan.__getitem__,
            generator=rng.generator(request.seed, request.frame, "cuts"),
            secondary=self._secondary,
            init=init,
            init_scale=request.init_scale,
            perceptual=self._perceptual,
            range_acts=self.guidance.compat != "disco-5",
        )

    def _targets(self, request: Request) -> list[Target]:
        """Return what each perceptor is to see; none without prompts."""
        if not request.prompts:
            return []
        texts = [prompt.text for prompt in request.prompts]
        weights = torch.tensor([prompt.weight for prompt in request.prompts], device=self.device)
        return [
            Target(
                name=name,
                size=perceptor.size,
                encode=perceptor.encode_images,
                embeds=self._text_embeds(name, perceptor, texts),
                weights=weights,
            )
            for name, perceptor in self.networks.perceptors.items()
        ]

    def _text_embeds(self, name: str, perceptor: Perceptor, texts: Sequence[str]) -> Tensor:
        """Return the embeddings of ``texts``, len(texts) x D, each text encoded once in the engine's life."""
        unknown = [text for text in dict.fromkeys(texts) if (name, text) not in self._embeds]
        if unknown:
            with torch.no_grad():
                embeds = perceptor.encode_text(unknown).float().to(self.device)
            self._embeds.update(((name, text), row) for text, row in zip(unknown, embeds, strict=True))
        return torch.stack([self._embeds[name, text] for text in texts])

    def _etas(self, request: Request) -> list[float]:
        """Return eta at each index of the schedule."""
        values = request.values.get("diffusion.eta")
        if values is not None:
            indices = range(self.schedule.num_timesteps)
            return [float(values[schedule_position(self.schedule, index)]) for index in indices]
        if not isinstance(self.diffusion.eta, (int, float)):
            raise ValueError(
                f"diffusion.eta is {self.diffusion.eta!r}, and the request has no schedule for it"
            )
        return [float(self.diffusion.eta)] * self.schedule.num_timesteps

    def _check_size(self, request: Request) -> None:
        multiple = self.networks.size_multiple
        width, height = request.width, request.height
        if width % multiple or height % multiple or min(width, height) < 1:
            fitting = " x ".join(str(max(side // multiple, 1) * multiple) for side in (width, height))
            raise UsageError(
                f"a picture of {width} x {height} pixels does not suit the network, "
                f"which needs multiples of {multiple}; use {fitting}"
            )
        if request.init is not None and tuple(request.init.shape) != (3, height, width):
            shape = " x ".join(str(side) for side in request.init.shape)
            raise UsageError(
                f"the init of frame {request.frame} is {shape}, it must be 3 x {height} x {width}"
            )

    def _report(self, request: Request, finite: Sequence[Tensor], denoised: Tensor) -> None:
        """Tell of values that are no numbers; the only time in a frame that the device is waited for."""
        lost = len(finite) - int(torch.stack(list(finite)).sum()) if finite else 0
        if lost:
            log.warning(
                "frame %d: guidance gave no finite gradient at %d of %d steps, which went unguided",
                request.frame, lost, len(finite),
            )  # fmt: skip
        if not bool(denoised.isfinite().all()):
            raise AnimatorError(
                f"frame {request.frame}: the diffusion gave values that are no numbers; "
                "try diffusion.precision: float32 or a smaller guidance.clamp_max"
            )


def secondary_name(diffusion: DiffusionOptions) -> str:
    """Return the registry's name of the secondary model that goes with a scene's diffusion model."""
    return BUNDLED if diffusion.model == BUNDLED else PUBLISHED_SECONDARY


def load_engine(
    diffusion: DiffusionOptions, guidance: GuidanceOptions, device: torch.device | str | None = None
) -> GuidedDiffusion:
    """Load the networks that a scene names and build the engine.

    Args:
        diffusion: the section ``diffusion``.
        guidance: the section ``guidance``.
        device: where to compute; None takes a GPU where there is one.

    Raises:
        UsageError: a name is unknown.
        WeightsError: weights are absent or damaged.
    """
    device = torch.device(device or ("cuda" if torch.cuda.is_available() else "cpu"))
    dtype = torch.bfloat16 if precision_for(diffusion.precision, device) == "bfloat16" else torch.float32
    denoiser, description = load_diffusion(diffusion.model, device)
    multiple, secondary = denoiser.config.size_multiple, None
    if diffusion.secondary:
        secondary = load_secondary(secondary_name(diffusion), device)
        multiple = math.lcm(multiple, SECONDARY_MULTIPLE)
    networks = Networks(
        denoiser=denoiser,
        perceptors={name: load_perceptor(name, device, dtype=dtype) for name in guidance.clip_models},
        estimate=description.estimate,
        size_multiple=multiple,
        secondary=secondary,
        perceptual=perceptual_loss(device, (cache_folder() / "perceptual",)),
    )
    return GuidedDiffusion(networks, diffusion, guidance, device)


def schedule_for(diffusion: DiffusionOptions, guidance: GuidanceOptions) -> NoiseSchedule:
    """Return even steps over the whole curve, or Disco Diffusion's where it is to be repeated."""
    return (disco_schedule if guidance.compat == "disco-5" else full_schedule)(diffusion.steps)


def _acts(values: StepValues, prompted: bool) -> bool:
    """Tell whether any loss without an init has a strength."""
    scales = (values.tv_scale, values.range_scale, values.sat_scale)
    return any(scales) or (prompted and values.clip_guidance_scale > 0)
