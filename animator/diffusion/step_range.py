"""The course of a walk: where it begins and ends, where it was stopped, and how it is resumed."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from animator.diffusion.noise_schedule import NoiseSchedule
from animator.diffusion.prediction import Prediction
from animator.diffusion.samplers import Step
from animator.system import rng
from animator.types import Request

Unfinished = Mapping[str, Tensor]
"""Where the walk of one picture was stopped, as tensors on the CPU: the state ``x``, the prediction before it
(``denoised``, ``eps``), the ``index`` of the last step, and the states of two generators (`Draws`)."""


@dataclass(frozen=True)
class Draws:
    """The sources of randomness of one picture that its walk uses up.

    Attributes:
        steps: the noise that a sampler adds.
        cuts: the places and augmentations of the cuts.
    """

    steps: torch.Generator
    cuts: torch.Generator


def draws_of(request: Request, ahead: str = "") -> Draws:
    """Return fresh generators for one picture; ``ahead`` names others, for steps that come before its own."""
    stages = (f"{ahead}steps", f"{ahead}cuts")
    return Draws(*(rng.generator(request.seed, request.frame, stage) for stage in stages))


def restart_draws(draws: Sequence[Draws], requests: Sequence[Request]) -> None:
    """Set generators to the beginning of each picture's own."""
    for one, request in zip(draws, requests, strict=True):
        fresh = draws_of(request)
        one.steps.set_state(fresh.steps.get_state())
        one.cuts.set_state(fresh.cuts.get_state())


@dataclass(frozen=True)
class Course:
    """The indices of a walk, which falls from ``first`` to ``last``.

    Attributes:
        first: where the picture begins; -1 where its init stands for all of it.
        last: where it is finished: 0, or more where the clean end is left out.
        end: where it is stopped this time, from ``first`` to ``last``.
    """

    first: int
    last: int
    end: int

    @property
    def total(self) -> int:
        """Steps of the whole picture."""
        return self.first - self.last + 1


def course_of(
    schedule: NoiseSchedule,
    keep: float,
    has_init: bool,
    skip_end: float = 0.0,
    stop_at: float = 1.0,
    *,
    disco: bool = False,
) -> Course:
    """Return the course of a picture.

    Args:
        schedule: what the indices mean.
        keep: share of the steps left out at the noisy end, 0 to 1; rounded to steps. Without an init at least
            one step is taken.
        has_init: whether an init picture stands for them.
        skip_end: share of the steps left out at the clean end, 0 to 1; at least one is taken.
        stop_at: share of all steps after which to stop, 0 to 1; at least one is taken.
        disco: whether ``keep`` is rounded down to steps, as in Disco Diffusion.
    """
    total = schedule.num_timesteps
    # A count of steps that became a share may come back a hair below itself.
    skipped = math.floor(keep * total + 1e-9) if disco else _rounded(keep * total)
    first = total - skipped - 1
    if not has_init:
        first = max(first, 0)
    last = max(min(_rounded(skip_end * total), first), 0)
    end = min(max(total - _rounded(stop_at * total), last), max(first, 0))
    return Course(first, last, end)


def _rounded(number: float) -> int:
    return math.floor(number + 0.5)


def mirror_indices(
    schedule: NoiseSchedule, shares: Sequence[float], course: Course, *, disco: bool = False
) -> frozenset[int]:
    """Return before which steps a picture is mirrored.

    Args:
        schedule: what the indices mean.
        shares: when, as shares of the diffusion, 0 to 1; one outside the course counts at its nearer end.
        course: of the picture.
        disco: whether the shares are of the steps that are not skipped, as in Disco Diffusion; there 0 is no
            moment at all.
    """
    if disco:
        steps = course.first + 1
        return frozenset(int(steps * (1 - share)) for share in shares)
    total = schedule.num_timesteps
    wanted = (total - 1 - math.floor(share * total) for share in shares)
    return frozenset(min(max(index, course.last), course.first) for index in wanted)


def unfinished_of(step: Step, picture: int, draws: Draws) -> dict[str, Tensor]:
    """Return all that is needed to go on with one picture of a walk after ``step``."""
    parts = {"x": step.x, "denoised": step.prediction.denoised, "eps": step.prediction.eps}
    kept = {name: part[picture].detach().cpu().clone() for name, part in parts.items()}
    states = {"steps": draws.steps.get_state(), "cuts": draws.cuts.get_state()}
    return {**kept, **states, "index": torch.tensor(step.index)}


def resumed(
    unfinished: Sequence[Unfinished], draws: Sequence[Draws], device: torch.device
) -> tuple[Tensor, Prediction, int]:
    """Return the state, the prediction before it and the index of the next step; set the generators.

    Args:
        unfinished: of each picture where it was stopped, all at the same step.
        draws: the generators of each picture.
        device: where the walk goes on.

    Raises:
        ValueError: the pictures were not stopped at the same step.
    """
    indices = {int(one["index"]) for one in unfinished}
    if len(indices) != 1:
        raise ValueError(
            f"pictures that continue together were stopped at different steps: {sorted(indices)}"
        )
    for one, draw in zip(unfinished, draws, strict=True):
        draw.steps.set_state(one["steps"])
        draw.cuts.set_state(one["cuts"])
    x, denoised, eps = (
        torch.stack([one[name] for one in unfinished]).to(device) for name in ("x", "denoised", "eps")
    )
    return x, Prediction(denoised, eps), indices.pop() - 1
