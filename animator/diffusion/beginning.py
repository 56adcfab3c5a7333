"""What a diffusion begins with: how far it goes, its noise, and what lies below the noise."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from animator.diffusion.grain_noise import noise_source
from animator.diffusion.init_filter import Steps, grounds
from animator.diffusion.noise_schedule import NoiseSchedule
from animator.diffusion.samplers import begun, etas_taken
from animator.diffusion.step_range import Course, course_of
from animator.diffusion.step_values import solvers_of
from animator.diffusion.uncovered import Growth, begins_at, ends_at, growth_of
from animator.settings.base import share
from animator.settings.diffusion import DiffusionOptions
from animator.system import rng
from animator.system.convert import frame_to_signed
from animator.types import Request


@dataclass(frozen=True)
class Beginning:
    """What the diffusion of some requests begins with.

    Attributes:
        course: its steps.
        samplers: the one of each index.
        etas: that of each index, as asked for.
        init: of each request, N x 3 x H x W in [-1, 1]; None where they have none.
        ground: the inits as they are noised, see `animator.diffusion.init_filter`.
        noise: that they are noised with, or begin with.
        noise_of: returns noise by its name, from a generator for each request.
        growth: how requests grow where less of them is kept, or None.
    """

    course: Course
    samplers: list[str]
    etas: list[float]
    init: Tensor | None
    ground: Tensor | None
    noise: Tensor
    noise_of: Callable[[str, Sequence[torch.Generator]], Tensor]
    growth: Growth | None

    def noised(self, schedule: NoiseSchedule, *, disco: bool) -> Tensor:
        """Return the state at the first step, N x 3 x H x W."""
        return begun(self.ground, self.noise, schedule, self.course.first, disco=disco)


def beginning_of(
    requests: Sequence[Request],
    schedule: NoiseSchedule,
    diffusion: DiffusionOptions,
    device: torch.device,
    stop_at: float = 1.0,
    *,
    disco: bool = False,
) -> Beginning | None:
    """Return what the diffusion of some requests begins with; None where no step is left to take.

    Args:
        requests: what is painted together.
        schedule: what the indices mean.
        diffusion: the settings.
        device: where it is painted.
        stop_at: share of the steps, 0 to 1, after which to stop.
        disco: whether skipped steps count as Disco Diffusion counts them.
    """
    request, skip_end = requests[0], share(diffusion.skip_end_steps, diffusion.steps)
    has_init = request.init is not None
    course = course_of(schedule, begins_at(request), has_init, skip_end, stop_at, disco=disco)
    if course.first < 0:
        return None
    inits = [frame_to_signed(one.init.to(device)) for one in requests if one.init is not None]
    init = torch.cat(inits) if inits else None
    starts = [rng.generator(one.seed, one.frame, "noise") for one in requests]
    noise_of = noise_source(requests, device, diffusion.noise_size)
    noise = noise_of("noise", starts)
    usual, joint = (
        course_of(schedule, keep, has_init, disco=disco).first for keep in (request.keep, ends_at(request))
    )
    samplers, etas = solvers_of(schedule, diffusion, request.values)
    taken = Steps(schedule, range(usual, course.last - 1, -1), etas_taken(samplers, etas))
    ground = grounds(requests, init, noise, lambda index: noise_of(f"step {index}", starts), taken)
    growth = growth_of(requests, schedule, ground, noise, course.first, joint)
    return Beginning(course, samplers, etas, init, ground, noise, noise_of, growth)
