"""Latent diffusion as an engine: requests in, frames out (steps 5 and 6 of a frame's way)."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import torch
from torch import Tensor

from animator.diffusion.elsewhere import Elsewhere
from animator.diffusion.guidance import guided
from animator.diffusion.init_filter import Steps, grounds
from animator.diffusion.kept import kept_of
from animator.diffusion.memory_saving import reported_once, tried
from animator.diffusion.notes import Notes
from animator.diffusion.prediction import Denoise, Prediction
from animator.diffusion.requests import check_requests
from animator.diffusion.results import check_numbers, paint_step_of, painted_of
from animator.diffusion.samplers import Step, begun, etas_taken, walk
from animator.diffusion.step_range import (
    Course,
    Unfinished,
    course_of,
    draws_of,
    restart_draws,
    resumed,
    unfinished_of,
)
from animator.diffusion.step_values import schedule_position, solvers_of, value_at
from animator.diffusion.targets import by_region
from animator.diffusion.uncovered import begins_at, ends_at, growth_of
from animator.errors import MemoryShortage
from animator.latent.asking import Asking, Control, renewing, usual_cfg
from animator.latent.clip_guidance import Pull
from animator.latent.codec import Codec, restored
from animator.latent.control import depth_picture
from animator.latent.noise import coarse, in_latents, latent_noise
from animator.latent.painting import Networks, Painting
from animator.latent.regions import asked_by_region, to_fill, with_kept
from animator.latent.said import said_by
from animator.latent.saving import Saving, Stage, slice_attention
from animator.latent.schedules import latent_schedule
from animator.latent.text import Reader
from animator.latent.told import Strengths
from animator.settings.base import share
from animator.settings.diffusion import DiffusionOptions
from animator.settings.latent import LatentOptions
from animator.system import rng
from animator.system.convert import frame_to_signed, signed_to_frames
from animator.types import Frame, OnStep, Painted, PaintStep, Request

log = logging.getLogger(__name__)

MOST_PARTS = 64
"""Passes in which perceptors look at what they look at, at most."""


class LatentDiffusion:
    """Latent diffusion by the parts of diffusers; a `StillEngine`.

    What a frame looks like depends on its request, the options and the networks, and on nothing painted
    before. On a CPU the same request gives the same bytes.

    Where the memory does not hold a picture, it is painted again with more `Saving`, level by level; the
    level that suffices is kept.

    Args:
        networks: what to compute with.
        diffusion: the section ``diffusion``.
        latent: the section ``latent``.
        device: where to compute.
    """

    def __init__(
        self,
        networks: Networks,
        diffusion: DiffusionOptions,
        latent: LatentOptions,
        device: torch.device | str = "cpu",
    ) -> None:
        self.networks = networks
        self.parts = networks.parts
        self.diffusion = diffusion
        self.latent = latent
        self.device = torch.device(device)
        self.few_steps = self.parts.few_steps if latent.few_steps == "auto" else latent.few_steps
        self.few_steps = "" if self.few_steps == "none" else self.few_steps
        self.schedule = latent_schedule(self.parts.schedule, diffusion.steps, latent.spacing, self.few_steps)
        self.codec = Codec(self.parts.vae)
        self.unet: Any = self.parts.unet
        self.held = networks.denoiser
        self.elsewhere: Elsewhere | None = None
        predicting = [self.unet, *([networks.control] if networks.control is not None else [])]
        self.stage = Stage(
            self.device,
            {
                "text": [tower.encoder for tower in self.parts.text],
                "vae": [self.codec.vae],
                "unet": predicting,
                "looking": [networks.adapter.encoder] if networks.adapter else [],
                "seeing": [self.codec.vae, *(networks.clip.networks if networks.clip else [])],
            },
        )
        for one in (*predicting, *(tower.encoder for tower in self.parts.text)):
            one.eval().requires_grad_(False)
        self.reader = Reader(self.parts.text, self.parts.kind == "sdxl", self.device)
        self.saving = Saving(together=True)

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

        Arguments, steps that are skipped and errors as in
        `animator.diffusion.engine.GuidedDiffusion.paint_together`.
        """
        check_requests(requests, self.size_multiple)
        attempt = partial(self._paint, requests, reported_once(on_step), stop_at, unfinished)
        if len(requests) > 1:
            return attempt()
        while (painted := tried(attempt)) is None:
            self._save_more(requests[0])
        return painted

    @property
    def size_multiple(self) -> int:
        """Pixels that width and height must be multiples of."""
        levels = len(self.unet.config.block_out_channels) - 1
        return int(self.codec.factor * 2**levels)

    def _paint(
        self,
        requests: Sequence[Request],
        on_step: OnStep | None,
        stop_at: float,
        unfinished: Sequence[Unfinished] | None,
    ) -> list[Painted]:
        """Paint at the present level of saving, see `paint_together`."""
        self._settle()
        request, skip_end = requests[0], share(self.diffusion.skip_end_steps, self.diffusion.steps)
        course = course_of(self.schedule, begins_at(request), request.init is not None, skip_end, stop_at)
        if course.first < 0:
            return [Painted(one.init.to(self.device).clone()) for one in requests if one.init is not None]
        pictures = self._inits(requests)
        with torch.no_grad():
            denoise = self._asking(requests, pictures, course.first)
            self.stage.call("vae")
            begin = None if pictures is None else self.codec.encode(pictures)
            painting = self._painting(requests, course, begin, unfinished)
            pull = self._pull(painting, pictures)
            if pull is not None:
                denoise = guided(denoise, self.schedule, pull)
            self.stage.call("unet")
            for step in self._walked(painting, denoise):
                if on_step is not None:
                    on_step(self._step_of(step, course, pull))
            return self._finished(painting, step, pictures)

    def _painting(
        self,
        requests: Sequence[Request],
        course: Course,
        begin: Tensor | None,
        unfinished: Sequence[Unfinished] | None,
    ) -> Painting:
        """Return what a walk begins with."""
        request = requests[0]
        coarser = [in_latents(one, self.codec.factor) for one in requests]
        usual, joint = (
            course_of(self.schedule, keep, begin is not None).first
            for keep in (request.keep, ends_at(coarser[0]))
        )
        starts = [rng.generator(one.seed, one.frame, "noise") for one in requests]
        channels = int(self.codec.vae.config.latent_channels)
        noise_of = latent_noise(requests, self.device, channels, self.codec.factor)
        noise = noise_of("noise", starts)
        samplers, etas = self._samplers(request)
        taken = Steps(self.schedule, range(usual, course.last - 1, -1), etas_taken(samplers, etas))
        ground = grounds(coarser, begin, noise, lambda index: noise_of(f"step {index}", starts), taken)
        growth = growth_of(coarser, self.schedule, ground, noise, course.first, joint)
        draws = [draws_of(one, "" if growth is None else "uncovered ") for one in requests]
        if unfinished is None:
            x, before, first = begun(ground, noise, self.schedule, course.first), None, course.first
        else:
            x, before, first = resumed(unfinished, draws, self.device)
        kept = kept_of(unfinished or (), self.device)
        return Painting(requests, course, x, before, first, samplers, etas, noise_of, draws, growth, kept)

    def _pull(self, painting: Painting, pictures: Tensor | None) -> Pull | None:
        """Return what guides a painting by CLIP, or None where nothing does."""
        if self.networks.clip is None:
            return None

        def decode(latents: Tensor) -> Tensor:
            self.stage.call("seeing")
            decoded = self.codec.decode(latents)
            self.stage.call("unet")
            return decoded

        self.stage.call("seeing")
        cuts = [one.cuts for one in painting.draws]
        return self.networks.clip.pull(
            painting.requests, self.schedule, decode, pictures, cuts, painting.kept, parts=self.saving.parts
        )

    def _walked(self, painting: Painting, denoise: Denoise) -> Iterator[Step]:
        """Take the steps of a walk."""
        growth = painting.growth

        def noise(index: int) -> Tensor:
            return painting.noise_of(f"step {index}", [one.steps for one in painting.draws])

        if self.few_steps == "lcm":
            denoise = renewing(denoise, noise)

        def walking(x: Tensor, before: Prediction | None, indices: range) -> Iterator[Step]:
            if growth is not None and indices[0] == growth.joint:
                restart_draws(painting.draws, painting.requests)
            return walk(
                denoise,
                self.schedule,
                x,
                painting.samplers,
                indices=indices,
                eta=painting.etas,
                noise=noise,
                before=before,
            )

        indices = range(painting.first, min(painting.course.end, painting.first) - 1, -1)
        steps = walking if growth is None else partial(growth.walk, walking)
        return steps(painting.x, painting.before, indices)

    def _finished(self, painting: Painting, step: Step, pictures: Tensor | None) -> list[Painted]:
        """Return what a walk came to as pictures."""
        check_numbers(painting.requests[0].frame, [], step.denoised)
        course, growth = painting.course, painting.growth
        ended = step.index == course.last
        last = step.x if ended and step.index == 0 else step.denoised
        if ended and growth is not None:
            last = growth.finished(last, course.last)
        self.stage.call("vae")
        signed = self.codec.decode(last)
        if pictures is not None and self.latent.hold_codec:
            signed = restored(signed, pictures, self.codec.decode(self.codec.encode(pictures)))
        if ended:
            return painted_of(with_kept(signed, pictures, painting.requests))
        left = [
            {**unfinished_of(step, n, one), **painting.kept.of(n)} for n, one in enumerate(painting.draws)
        ]
        return painted_of(signed, left)

    def _asking(self, requests: Sequence[Request], pictures: Tensor | None, first: int) -> Denoise:
        """Return how the network is asked for some requests, in a walk from the index ``first`` on."""
        request, latent = requests[0], self.latent
        self.stage.call("text")
        loras = self.networks.loras
        begin = schedule_position(self.schedule, first)
        if loras is not None and loras.read_with(self._weights(request, begin)):
            self.reader.forget()
        say = partial(said_by, self.reader, negative_prompt=latent.negative_prompt)
        usual = usual_cfg(self.parts, bool(self.few_steps))

        def cfg_scale(position: int) -> float:
            return value_at(request.values, "latent.cfg_scale", latent.cfg_scale, position) or usual

        asking = Asking(
            self.parts,
            self.held,
            self.schedule,
            say(by_region(request.written or request.prompts).get("", [])),
            cfg_scale,
            (request.height, request.width),
            beside=self._beside(requests, pictures),
            control=self._control(requests),
            consistency=self.few_steps == "lcm",
            together=self.saving.together,
            images=self._images(request),
            tiles=request.tiles,
            strengths=partial(self._strengths, request),
            elsewhere=self.elsewhere,
        )
        return asked_by_region(asking, requests, say, self.codec.factor)

    def _strengths(self, request: Request, position: int) -> Strengths:
        """Return how strongly what lies over the network acts at a position of the diffusion."""
        scale, written = 0.0, self.latent.ip_adapter.scale
        if any(one.image for one in request.prompts):
            scale = value_at(request.values, "latent.ip_adapter.scale", written, position)
        return Strengths(tuple(self._weights(request, position)), scale)

    def _images(self, request: Request) -> tuple[Tensor, Tensor] | None:
        """Return what the pictures among the prompts show, where an adapter reads them."""
        adapter = self.networks.adapter
        if adapter is None:
            return None
        self.stage.call("looking")
        found = adapter.seen(request.written or request.prompts, self.networks.open_image, self.device)
        return found or adapter.nothing(self.device)

    def _weights(self, request: Request, position: int) -> list[float]:
        """Return the strength of every LoRA at a position of the diffusion."""
        return [
            value_at(request.values, f"latent.loras.{path}", weight, position)
            for path, weight in self.latent.loras.items()
        ]

    def _beside(self, requests: Sequence[Request], pictures: Tensor | None) -> Tensor | None:
        """Return what a network that fills in is given: where to, and what is around; else None."""
        if int(self.unet.config.in_channels) == int(self.codec.vae.config.latent_channels):
            return None
        request = requests[0]
        masks = torch.stack([to_fill(one)[None].to(self.device) for one in requests])
        if pictures is None:
            pictures = torch.zeros(len(requests), 3, request.height, request.width, device=self.device)
        self.stage.call("vae")
        around = self.codec.encode(pictures * (masks < 0.5))
        small = torch.stack([coarse(one[0] > 0.5, self.codec.factor)[None] for one in masks]).to(around)
        return torch.cat([small, around], dim=1)

    def _control(self, requests: Sequence[Request]) -> Control | None:
        """Return the ControlNet and the depths that it is shown, or None where there is none to show."""
        depths = [one.depth for one in requests if one.depth is not None]
        if self.networks.control is None or len(depths) < len(requests):
            return None
        picture = torch.stack([depth_picture(one.to(self.device)) for one in depths])
        values, written = requests[0].values, self.latent.control.scale
        return Control(
            picture,
            lambda position: value_at(values, "latent.control.scale", written, position),
        )

    def _inits(self, requests: Sequence[Request]) -> Tensor | None:
        inits = [frame_to_signed(one.init.to(self.device)) for one in requests if one.init is not None]
        return torch.cat(inits) if inits else None

    def _step_of(self, step: Step, course: Course, pull: Pull | None) -> PaintStep:
        """Return what a watcher sees of a step; the estimate is decoded only if it is asked for."""

        def pictures() -> list[Frame]:
            with torch.no_grad():
                self.stage.call("vae")
                shown = signed_to_frames(self.codec.decode(step.denoised))
                self.stage.call("unet")
            return shown

        notes = Notes() if pull is None else pull.notes
        return replace(paint_step_of(step, course, notes), pictures=pictures)

    def _samplers(self, request: Request) -> tuple[list[str], list[float]]:
        """Return the sampler and eta at each index of the schedule."""
        if self.few_steps:
            count = self.schedule.num_timesteps
            # An ancestral step of Euler's is DDPM's. A consistency model's noise is renewed by `renewing`.
            return ["ddim"] * count, [float(self.few_steps == "turbo")] * count
        return solvers_of(self.schedule, self.diffusion, request.values)

    def _settle(self) -> None:
        """Set the networks up for the present level of saving."""
        self.stage.settle(self.saving)
        self.codec.in_tiles(self.saving.tiles)
        if self.networks.adapter is None:  # it has an attention of its own
            slice_attention(self.unet, self.saving.slices)

    def _save_more(self, request: Request) -> None:
        """Go to the next level of saving, for this request and all that follow.

        Raises:
            MemoryShortage: there is none.
        """
        level = self.saving.next(self.device, MOST_PARTS if self.networks.clip else 1)
        size = f"{request.width} x {request.height} pixels"
        if level is None:
            raise MemoryShortage(
                f"frame {request.frame}: {size} do not fit into the memory of the device {self.device.type} "
                f"(tried: {self.saving}); use a smaller size, or hires, which paints in tiles"
            )
        log.warning(
            "frame %d: out of memory at %s; painted again from its beginning, from now on with %s",
            request.frame, size, level,
        )  # fmt: skip
        self.saving = level
