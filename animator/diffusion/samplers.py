"""Samplers: plain generators that walk a state from noise to image by asking a `Denoise` at every step.

Each yields after every step, so that a caller may show, save or stop; none keeps anything between calls.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from torch import Tensor

from animator.diffusion.noise_schedule import NoiseSchedule
from animator.diffusion.prediction import Denoise, Prediction, denoised_from_eps


@dataclass(frozen=True, eq=False)
class Step:
    """Where a sampler stands after one step.

    Attributes:
        index: the step that was just taken; 0 is the last one.
        x: the state after it, N x 3 x H x W; after index 0 the finished picture in about [-1, 1].
        denoised: the clean estimate that the step was taken by, same shape.
    """

    index: int
    x: Tensor
    denoised: Tensor


class Sampler(Protocol):
    """The form of every sampler in `SAMPLERS`."""

    def __call__(
        self,
        denoise: Denoise,
        schedule: NoiseSchedule,
        x: Tensor,
        *,
        first_index: int | None = None,
        eta: float | Sequence[float] = 0.0,
        noise: Callable[[], Tensor] | None = None,
    ) -> Iterator[Step]:
        """Walk from ``first_index`` down to 0.

        Args:
            denoise: the network, with or without guidance.
            schedule: what the indices mean.
            x: the state at ``first_index``: noise of unit variance, or `noised`.
            first_index: where to begin, smaller where an init image stands for the rest; None: the noisiest.
            eta: from -1 to 1, how much fresh noise a step takes; one number, or one an index of the schedule
                (``eta[index]``: ``eta[0]`` is the last step's). A deterministic sampler passes it over.
            noise: draws N x 3 x H x W of unit variance; asked only where ``eta`` is not 0.
        """
        ...


def noised(init: Tensor, noise: Tensor, schedule: NoiseSchedule, index: int) -> Tensor:
    """Return ``init`` (N x 3 x H x W in [-1, 1]) with the noise of one index (Ho et al. 2020, eq. 4)."""
    alpha_bar = float(schedule.alpha_bar[index])
    return math.sqrt(alpha_bar) * init + math.sqrt(1 - alpha_bar) * noise


def ddim(
    denoise: Denoise,
    schedule: NoiseSchedule,
    x: Tensor,
    *,
    first_index: int | None = None,
    eta: float | Sequence[float] = 0.0,
    noise: Callable[[], Tensor] | None = None,
) -> Iterator[Step]:
    """Walk by DDIM (Song et al. 2021, eq. 12); first order. Arguments as in `Sampler`.

    With eta 0 it is deterministic, with 1 it is DDPM; a negative eta turns the sign of the noise it takes.

    Raises:
        ValueError: eta is outside -1 to 1 or not 0 without ``noise``; ``first_index`` is off the schedule.
    """
    etas = _per_index(eta, schedule)
    if noise is None and any(etas):
        raise ValueError("an eta other than 0 needs a source of noise")
    for index in _indices(schedule, first_index):
        prediction = _ask(denoise, x, index)
        alpha_bar, alpha_bar_prev = _levels(schedule, index)
        # Song et al. 2021, eq. 16; its square is the variance of the fresh noise.
        fresh = etas[index] * math.sqrt(
            (1 - alpha_bar_prev) / (1 - alpha_bar) * (1 - alpha_bar / alpha_bar_prev)
        )
        x = _move(prediction, alpha_bar_prev, fresh**2)
        if noise is not None and fresh != 0:
            x = x + fresh * noise()
        yield Step(index, x, prediction.denoised)


def plms(
    denoise: Denoise,
    schedule: NoiseSchedule,
    x: Tensor,
    *,
    first_index: int | None = None,
    eta: float | Sequence[float] = 0.0,
    noise: Callable[[], Tensor] | None = None,
) -> Iterator[Step]:
    """Walk by a pseudo linear multistep of order 2 (Liu et al. 2022, PNDM); arguments as in `Sampler`.

    The noise that a step moves by is extrapolated from two predictions, 3/2 of this one less 1/2 of the one
    before (Adams-Bashforth). The first step has none before it: it asks twice, at both its ends, and takes
    the mean (pseudo improved Euler). The last one goes to the clean estimate itself. Deterministic: ``eta``
    and ``noise`` play no part.

    Raises:
        ValueError: ``first_index`` is off the schedule.
    """
    before: Tensor | None = None
    for index in _indices(schedule, first_index):
        prediction = _ask(denoise, x, index)
        alpha_bar, alpha_bar_prev = _levels(schedule, index)
        if index == 0:
            moved = prediction.denoised
        else:
            if before is None:
                ahead = _ask(denoise, _move(prediction, alpha_bar_prev), index - 1)
                eps = (prediction.eps + ahead.eps) / 2
            else:
                eps = (3 * prediction.eps - before) / 2
            moved = _move(Prediction(denoised_from_eps(x, eps, alpha_bar), eps), alpha_bar_prev)
        x, before = moved, prediction.eps
        yield Step(index, x, prediction.denoised)


SAMPLERS: Mapping[str, Sampler] = {"ddim": ddim, "plms": plms}
"""Every sampler by the name that a scene gives it."""


def _move(prediction: Prediction, alpha_bar: float, fresh_variance: float = 0.0) -> Tensor:
    """Return the state of less noise that lies on the same line of image and noise."""
    direction = math.sqrt(max(1 - alpha_bar - fresh_variance, 0.0))
    return math.sqrt(alpha_bar) * prediction.denoised + direction * prediction.eps


def _ask(denoise: Denoise, x: Tensor, index: int) -> Prediction:
    """Ask, and let go of the gradients: a walk of hundreds of steps would hold every step's activations."""
    denoised, eps = denoise(x, index)
    return Prediction(denoised.detach(), eps.detach())


def _levels(schedule: NoiseSchedule, index: int) -> tuple[float, float]:
    """Return alpha_bar before and after the step at ``index``."""
    return float(schedule.alpha_bar[index]), float(schedule.alpha_bar_prev[index])


def _indices(schedule: NoiseSchedule, first_index: int | None) -> range:
    """Return the indices of a walk, the noisiest first."""
    first = schedule.num_timesteps - 1 if first_index is None else first_index
    if not 0 <= first < schedule.num_timesteps:
        raise ValueError(f"first_index is 0 to {schedule.num_timesteps - 1}, not {first}")
    return range(first, -1, -1)


def _per_index(eta: float | Sequence[float], schedule: NoiseSchedule) -> list[float]:
    """Return one eta an index."""
    etas = [float(eta)] * schedule.num_timesteps if isinstance(eta, (int, float)) else [float(e) for e in eta]
    if len(etas) != schedule.num_timesteps:
        raise ValueError(f"eta has {len(etas)} values for {schedule.num_timesteps} steps")
    if not all(-1 <= value <= 1 for value in etas):
        raise ValueError(f"eta is -1 to 1, not {min(etas)} to {max(etas)}")
    return etas
