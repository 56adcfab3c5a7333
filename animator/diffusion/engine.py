"""Guided diffusion as an engine: requests in, frames out (steps 5 and 6 of a frame's way)."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial

import torch
from torch import Tensor

from animator.diffusion.beginning import beginning_of
from animator.diffusion.compiled import compiled
from animator.diffusion.disco_cuts import cut_for
from animator.diffusion.elsewhere import Elsewhere
from animator.diffusion.guidance import Guide, guided
from animator.diffusion.kept import Kept, kept_of, saving
from animator.diffusion.losses import PerceptualLoss, perceptual_loss
from animator.diffusion.memory_saving import Places, Recomputing, Thrift, networks_of, reported_once, tried
from animator.diffusion.noise_schedule import NoiseSchedule, disco_schedule, full_schedule
from animator.diffusion.notes import Notes
from animator.diffusion.perceptors import Perceptor
from animator.diffusion.precision import Call, computing_in, precision_for
from animator.diffusion.prediction import Denoise, Estimate, Network, Prediction, held, hold_for, relayed
from animator.diffusion.reading import Reader, reading_of, seeing_of
from animator.diffusion.requests import check_requests
from animator.diffusion.results import check_numbers, paint_step_of, painted_of
from animator.diffusion.samplers import Step, walk
from animator.diffusion.secondary import SecondaryModel, secondary_denoiser
from animator.diffusion.step_range import (
    Course,
    Unfinished,
    draws_of,
    mirror_indices,
    restart_draws,
    resumed,
    unfinished_of,
)
from animator.diffusion.step_values import StepValues, positions_of, step_values
from animator.diffusion.symmetry import mirrored
from animator.diffusion.targets import OpenImage, Targets, no_image
from animator.diffusion.tiles import in_tiles
from animator.diffusion.uncovered import Growth
from animator.diffusion.vdiffusion import VDiffusion
from animator.errors import MemoryShortage
from animator.settings.base import STILL
from animator.settings.diffusion import DiffusionOptions
from animator.settings.guidance import GuidanceOptions
from animator.types import Frame, OnStep, Painted, Request

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Networks:
    """What an engine is built from.

    Attributes:
        denoiser: predicts the noise, see `Network`.
        perceptors: the CLIP models, by their names in ``guidance.clip_models``.
        estimate: how the denoiser's clean estimate needs to be held to the range of a picture.
        size_multiple: pixels that width and height must be multiples of.
        secondary: the model to take the gradient of instead of the denoiser, or None.
        noisy: the model that answers in place of the denoiser where there is most noise, or None.
        noisy_above: the timestep above which it does, 0 to 1000.
        perceptual: how far from an init picture is measured, or None to take what the machine has.
        open_image: opens the pictures of image prompts, or None where there are none.
        reader: by what the denoiser, a `VDiffusion`, reads the prompts itself, or None.
    """

    denoiser: Network | VDiffusion
    perceptors: Mapping[str, Perceptor]
    estimate: Estimate = "free"
    size_multiple: int = 1
    secondary: SecondaryModel | None = None
    noisy: SecondaryModel | None = None
    noisy_above: float = 1000.0
    perceptual: PerceptualLoss | None = None
    open_image: OpenImage | None = None
    reader: Reader | None = None


class GuidedDiffusion:
    """CLIP-guided diffusion in pixels; a `StillEngine`.

    What a frame looks like depends on its request, the options and the networks, and on nothing painted
    before. On a CPU the same request gives the same bytes. Painted beside others a picture is computed the
    same, but in larger matrix products that round otherwise, and guidance makes much of small differences.

    Where the memory does not hold a picture, it is painted again with more `Thrift`, level by level; the
    level that suffices is kept. ``thrift`` says which one that is; ``elsewhere``, who is asked for tiles.

    Args:
        networks: what to compute with.
        diffusion: the section ``diffusion``.
        guidance: the section ``guidance``.
        device: where to compute.
        keep_cuts: whether steps show the cuts that the perceptors saw.
        mode: of the scene: how Disco Diffusion's cuts are augmented, where they are asked for.
    """

    def __init__(
        self,
        networks: Networks,
        diffusion: DiffusionOptions,
        guidance: GuidanceOptions,
        device: torch.device | str = "cpu",
        *,
        keep_cuts: bool = False,
        mode: str = STILL,
    ) -> None:
        self.networks = networks
        self.diffusion = diffusion
        self.guidance = guidance
        self.device = torch.device(device)
        self.keep_cuts = keep_cuts
        self.mode = mode
        self.disco = guidance.compat == "disco-5"
        self.schedule = schedule_for(diffusion, guidance)
        self._perceptual = networks.perceptual or perceptual_loss(self.device)
        predicting = networks_of(networks.denoiser, networks.secondary, networks.noisy)
        seeing = seeing_of(networks.perceptors, networks.reader)
        self._places = Places(self.device, predicting, seeing)
        shown = self.device, networks.open_image or no_image, self._places
        self._targets = Targets(networks.perceptors, *shown)
        for one in predicting:
            one.to(self.device)
        recomputing = isinstance(networks.denoiser, Recomputing) and networks.denoiser.use_checkpoint
        self.thrift = Thrift(together=self.device.type != "cpu", checkpoint=recomputing)
        self._precision = precision_for(diffusion.precision, self.device)
        self.estimate = networks.estimate if diffusion.estimate == "auto" else diffusion.estimate
        self._hold = hold_for(self.estimate, diffusion.threshold)
        whole: Network = networks.denoiser
        self._network = compiled(whole, self.device, first=True) if diffusion.compile else whole
        self.elsewhere: Elsewhere | None = None
        self._reading = reading_of(networks.denoiser, networks.reader, *shown)
        self._secondary: Denoise | None = None
        if networks.secondary is not None:
            self._secondary = self._compute(secondary_denoiser(networks.secondary, self.schedule))

    def paint(self, request: Request, on_step: OnStep | None = None) -> Frame:
        """Return the frame that ``request`` describes; see `paint_together`."""
        return self.paint_together([request], on_step)[0].picture

    def paint_together(
        self,
        requests: Sequence[Request],
        on_step: OnStep | None = None,
        *,
        stop_at: float = 1.0,
        unfinished: Sequence[Unfinished] | None = None,
    ) -> list[Painted]:
        """Paint requests that differ in their seeds, frames and inits only, all at once.

        Of the steps, ``keep`` times their number, rounded, are skipped: the init, with the noise of the first
        step that is left, stands for them; where a request says that the init was uncovered, for fewer (see
        `uncovered.Growth`). Without an init the walk begins with noise at that step; where
        nothing is left to do the inits themselves come back. The walk ends early by
        ``diffusion.skip_end_steps``, or stops at ``stop_at``.

        Args:
            requests: what to paint, at least one.
            on_step: called after each step.
            stop_at: share of the steps, 0 to 1, after which to stop; at least one step is taken.
            unfinished: of each request what an earlier call with a smaller ``stop_at`` left.

        Returns:
            A frame on the engine's device for each request, and where to go on if it was stopped.

        Raises:
            UsageError: the size does not suit the network, or an init has another size.
            PaintError: the networks gave values that are no numbers.
            MemoryShortage: one picture is too large for the memory whatever is done to save it.
            torch.OutOfMemoryError: several pictures are too many for the memory (on a CPU: RuntimeError, see
                `thrift.out_of_memory`); less memory is then not tried, so that fewer of them can be.
        """
        check_requests(requests, self.networks.size_multiple)
        attempt = partial(self._paint, requests, reported_once(on_step), stop_at, unfinished)
        if len(requests) > 1:
            return attempt()
        while (painted := tried(attempt)) is None:
            self._save_more(requests[0])
        return painted

    def _paint(
        self,
        requests: Sequence[Request],
        on_step: OnStep | None,
        stop_at: float,
        unfinished: Sequence[Unfinished] | None,
    ) -> list[Painted]:
        """Paint at the present level of thrift, see `paint_together`."""
        self._settle()
        request = requests[0]
        begin = beginning_of(requests, self.schedule, self.diffusion, self.device, stop_at, disco=self.disco)
        if begin is None:
            return [Painted(one.init.to(self.device).clone()) for one in requests if one.init is not None]
        course, growth, init, noise_of = begin.course, begin.growth, begin.init, begin.noise_of
        # What grows ahead draws from sources of its own, so that the others draw the same as without it.
        draws = [draws_of(one, "" if growth is None else "uncovered ") for one in requests]
        if unfinished is None:
            x, before = begin.noised(self.schedule, disco=self.disco), None
            first = course.first
        else:
            x, before, first = resumed(unfinished, draws, self.device)
        notes, plan = Notes(keep_cuts=self.keep_cuts), self._plan(request)
        kept = kept_of(unfinished or (), self.device)
        guide = self._guide(requests, plan, init, growth, [one.cuts for one in draws], notes, kept)
        indices = range(first, min(course.end, first) - 1, -1)
        denoise = self._denoiser(guide, plan, kept, request)

        def walking(x: Tensor, before: Prediction | None, indices: range) -> Iterator[Step]:
            if growth is not None and indices[0] == growth.joint:
                restart_draws(draws, requests)
            return walk(
                denoise,
                self.schedule,
                x,
                begin.samplers,
                indices=indices,
                eta=begin.etas,
                noise=lambda index: noise_of(f"step {index}", [one.steps for one in draws]),
                before=before,
                alter=self._mirror(course),
            )

        steps = (walking if growth is None else partial(growth.walk, walking))(x, before, indices)
        with torch.no_grad():
            for step in steps:
                if on_step is not None:
                    on_step(paint_step_of(step, course, notes))
        check_numbers(request.frame, notes.finite, step.denoised)
        last = step.denoised
        if step.index == course.last:
            return painted_of(last if growth is None else growth.finished(last, course.last, init))
        return painted_of(
            last,
            [{**unfinished_of(step, n, one), **kept.of(n), **notes.own(n)} for n, one in enumerate(draws)],
        )

    def in_float32(self) -> GuidedDiffusion:
        """Return an engine on the same networks that denoises in float32: this one, where it does."""
        if self._precision == "float32":
            return self
        networks = replace(self.networks, perceptual=self._perceptual)
        options = self.diffusion.model_copy(update={"precision": "float32"})
        how = {"keep_cuts": self.keep_cuts, "mode": self.mode}
        exact = GuidedDiffusion(networks, options, self.guidance, self.device, **how)  # type: ignore[arg-type]
        exact.thrift, exact.elsewhere = self.thrift, self.elsewhere
        return exact

    def _settle(self) -> None:
        """Set the networks up for the present level of thrift."""
        if isinstance(self.networks.denoiser, Recomputing):
            self.networks.denoiser.use_checkpoint = self.thrift.checkpoint
        self._places.apart = self.thrift.offload
        self._places.settle()

    def _save_more(self, request: Request) -> None:
        """Go to the next level of thrift, for this request and all that follow.

        Raises:
            MemoryShortage: there is none.
        """
        plan = self._plan(request)
        looks = max(values.cuts.overview + values.cuts.innercut for values in plan)
        most = Thrift(
            parts=max(looks, 1) if request.prompts else 1,
            checkpoint=isinstance(self.networks.denoiser, Recomputing),
            offload=self.device.type != "cpu",
        )
        alone = all(values.cutn_batches == 1 for values in plan)
        level = (replace(self.thrift, together=False) if alone else self.thrift).next(most)
        size = f"{request.width} x {request.height} pixels"
        if level is None:
            raise MemoryShortage(
                f"frame {request.frame}: {size} do not fit into the memory of the device {self.device.type} "
                f"(tried: {self.thrift}); use a smaller size, fewer or smaller guidance.clip_models, or "
                "diffusion.secondary: true"
            )
        log.warning(
            "frame %d: out of memory at %s; painted again from its beginning, from now on with %s",
            request.frame, size, level,
        )  # fmt: skip
        self.thrift = level

    def _compute(self, call: Call) -> Call:
        return computing_in(self._precision, self.device, call)

    def _asked(self, denoise: Denoise) -> Denoise:
        """Return the denoiser in its number format, relayed by the expert for noise if there is one."""
        networks, computing = self.networks, self._compute(denoise)
        if networks.noisy is None:
            return computing
        expert = self._compute(secondary_denoiser(networks.noisy, self.schedule))
        return relayed(expert, computing, self.schedule, networks.noisy_above)

    def _denoiser(
        self, guide: Guide | None, plan: Sequence[StepValues], kept: Kept, request: Request
    ) -> Denoise:
        """Return the denoiser, in tiles if asked for, bent by a guide if there is one, held to its range."""
        steps, whole, again = [one.reuse for one in plan], self.networks.denoiser, self.thrift.checkpoint
        tiled = partial(in_tiles, side=request.tiles, recompute=again, elsewhere=self.elsewhere)
        ask = saving(tiled(self._network), tiled(whole), self.schedule, steps, kept.deep)
        if self._reading is not None:
            ask = self._reading.denoiser(request, self.schedule, tiled)
        denoise = self._asked(ask)
        if guide is None:
            return held(denoise, self.schedule, self._hold)
        return guided(denoise, self.schedule, guide, through=guide.through, hold=self._hold)

    def _mirror(self, course: Course) -> Callable[[Tensor, int], Tensor] | None:
        """Return what makes the state symmetric at the moments that the scene names."""
        options = self.diffusion
        across, down = options.use_horizontal_symmetry, options.use_vertical_symmetry
        if not (across or down):
            return None
        indices = mirror_indices(self.schedule, options.transformation_percent, course, disco=self.disco)
        return lambda values, index: mirrored(values, across, down) if index in indices else values

    def _guide(
        self,
        requests: Sequence[Request],
        plan: Sequence[StepValues],
        init: Tensor | None,
        growth: Growth | None,
        generators: Sequence[torch.Generator],
        notes: Notes,
        kept: Kept,
    ) -> Guide | None:
        """Return the guide of some pictures, or None where no loss is asked for at any step."""
        request = requests[0]
        if not any(values.act(prompted=bool(request.prompts), init=init is not None) for values in plan):
            return None
        options = self.diffusion
        only_vertical = options.use_vertical_symmetry and not options.use_horizontal_symmetry
        return Guide(
            schedule=self.schedule,
            targets=self._targets.of(requests, fuzzy=any(values.rand_mag for values in plan)),
            values=plan.__getitem__,
            generators=generators,
            secondary=self._secondary,
            hold=self._hold,
            init=init,
            free=None if growth is None else growth.uncovered,
            perceptual=self._perceptual,
            mirrors=(not only_vertical, options.use_vertical_symmetry),
            disco=self.disco,
            cut=cut_for(self.guidance.compat, self.mode),
            notes=notes,
            together=self.thrift.together,
            parts=self.thrift.parts,
            places=self._places,
            last=kept.descent if any(values.every > 1 for values in plan) else None,
        )

    def _plan(self, request: Request) -> list[StepValues]:
        """Return the settings of guidance at each index of the schedule."""
        return [
            step_values(self.diffusion, self.guidance, request.values, position, request.init_scale)
            for position in positions_of(self.schedule)
        ]


def schedule_for(diffusion: DiffusionOptions, guidance: GuidanceOptions) -> NoiseSchedule:
    """Return even steps over the whole curve, or Disco Diffusion's where it is to be repeated."""
    return (disco_schedule if guidance.compat == "disco-5" else full_schedule)(diffusion.steps)
