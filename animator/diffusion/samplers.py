"""Samplers: plain functions that take one step from noise towards an image, and the walk that calls them.

Each asks a `Denoise` and moves the state along the answer. None keeps anything: what a multistep solver
must remember, the prediction before, travels in the `Step`, so that a walk may change its solver on the
way, stop anywhere and go on later.

    symbol       here        Lu et al. 2022 (DPM-Solver++)   Song et al. 2021 (DDIM)
    alpha_bar    alpha_bar   alpha_t^2                       alpha_t
    log_snr      _log_snr    lambda_t                        -
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from torch import Tensor

from animator.diffusion.noise_schedule import NoiseSchedule
from animator.diffusion.prediction import Denoise, Prediction, denoised_from_eps
from animator.settings import samplers as settings

Noise = Callable[[int], Tensor]
"""Draws N x 3 x H x W of unit variance for the step at an index."""


@dataclass(frozen=True, eq=False)
class Step:
    """The state of a walk after one step.

    Attributes:
        index: the step that was just taken; 0 is the last one.
        x: the state after it, N x 3 x H x W; after index 0 the finished picture in about [-1, 1].
        prediction: what the step was taken by; `walk` takes it as ``before`` to go on from here.
    """

    index: int
    x: Tensor
    prediction: Prediction

    @property
    def denoised(self) -> Tensor:
        """The clean estimate, N x 3 x H x W."""
        return self.prediction.denoised


class Sampler(Protocol):
    """The form of every sampler in `SAMPLERS`."""

    def __call__(
        self,
        denoise: Denoise,
        schedule: NoiseSchedule,
        x: Tensor,
        index: int,
        before: Prediction | None,
        eta: float,
        noise: Noise | None,
    ) -> Step:
        """Take one step.

        Args:
            denoise: the network, with or without guidance.
            schedule: what the indices mean.
            x: the state at ``index``, N x 3 x H x W.
            index: where it is; the state that comes back is at the level before it.
            before: the prediction at ``index + 1``, or None at the beginning of a walk.
            eta: from -1 to 1, how much fresh noise the step takes; a deterministic sampler passes it over.
            noise: asked only where ``eta`` is not 0.
        """
        ...


def noised(init: Tensor, noise: Tensor, schedule: NoiseSchedule, index: int) -> Tensor:
    """Return ``init`` (N x 3 x H x W in [-1, 1]) with the noise of one index (Ho et al. 2020, eq. 4)."""
    alpha_bar = float(schedule.alpha_bar[index])
    return math.sqrt(alpha_bar) * init + math.sqrt(1 - alpha_bar) * noise


def begun(
    init: Tensor | None, noise: Tensor, schedule: NoiseSchedule, index: int, *, disco: bool = False
) -> Tensor:
    """Return what a walk begins with at one index: noise, over an init where there is one.

    Args:
        init: N x 3 x H x W in [-1, 1], or None.
        noise: of unit variance, same shape.
        schedule: what the indices mean.
        index: the first index.
        disco: whether steps that are skipped without an init count as an even grey one, as in Disco
            Diffusion: the noise is then weaker than the network expects of noise alone.
    """
    if init is None and disco and index < schedule.num_timesteps - 1:
        init = noise.new_zeros(noise.shape)
    return noise if init is None else noised(init, noise, schedule, index)


def walk(
    denoise: Denoise,
    schedule: NoiseSchedule,
    x: Tensor,
    samplers: str | Sequence[str] = "ddim",
    *,
    indices: range | None = None,
    eta: float | Sequence[float] = 0.0,
    noise: Noise | None = None,
    before: Prediction | None = None,
    alter: Callable[[Tensor, int], Tensor] | None = None,
) -> Iterator[Step]:
    """Walk down the indices of a schedule, yielding after every step.

    Args:
        denoise: the network, with or without guidance.
        schedule: what the indices mean.
        x: the state at the first index: noise of unit variance, `noised`, or the ``x`` of an earlier step.
        samplers: a name of `SAMPLERS`, or one an index of the schedule.
        indices: which steps to take, falling by 1; they begin lower where an init image stands for the rest.
            None: all of them.
        eta: one number, or one an index (``eta[index]``: ``eta[0]`` is the last step's); see `Sampler`.
        noise: see `Sampler`.
        before: the prediction of the step before the first, where a walk goes on.
        alter: given what belongs to an index before its step is taken, returns what to put in its place: the
            state, and both parts of the prediction that a multistep solver remembers.

    Raises:
        ValueError: an index off the schedule, an unknown sampler, an eta outside -1 to 1, or one other than 0
            without ``noise``.
    """
    names = _per_index(samplers, schedule, "samplers")
    etas = _per_index(eta, schedule, "eta")
    _check(names, etas, noise)
    for index in _indices(schedule, indices):
        if alter is not None:
            x = alter(x, index)
            before = before and Prediction(alter(before.denoised, index), alter(before.eps, index))
        step = SAMPLERS[names[index]](denoise, schedule, x, index, before, etas[index], noise)
        x, before = step.x, step.prediction
        yield step


def ddim(
    denoise: Denoise,
    schedule: NoiseSchedule,
    x: Tensor,
    index: int,
    before: Prediction | None = None,
    eta: float = 0.0,
    noise: Noise | None = None,
) -> Step:
    """Step by DDIM (Song et al. 2021, eq. 12); first order. Arguments as in `Sampler`.

    With eta 0 it is deterministic, with 1 it is DDPM; a negative eta turns the sign of the noise it takes.
    """
    prediction = _ask(denoise, x, index)
    alpha_bar, alpha_bar_prev = _levels(schedule, index)
    # Song et al. 2021, eq. 16; its square is the variance of the fresh noise.
    fresh = eta * math.sqrt((1 - alpha_bar_prev) / (1 - alpha_bar) * (1 - alpha_bar / alpha_bar_prev))
    x = _move(prediction, alpha_bar_prev, fresh**2)
    if noise is not None and fresh != 0:
        x = x + fresh * noise(index)
    return Step(index, x, prediction)


def plms(
    denoise: Denoise,
    schedule: NoiseSchedule,
    x: Tensor,
    index: int,
    before: Prediction | None = None,
    eta: float = 0.0,
    noise: Noise | None = None,
) -> Step:
    """Step by a pseudo linear multistep of order 2 (Liu et al. 2022, PNDM); arguments as in `Sampler`.

    The noise that a step moves by is extrapolated from two predictions, 3/2 of this one less 1/2 of the one
    before (Adams-Bashforth). The first step has none before it: it asks twice, at both its ends, and takes
    the mean (pseudo improved Euler). The last one goes to the clean estimate itself. Deterministic.
    """
    prediction = _ask(denoise, x, index)
    alpha_bar, alpha_bar_prev = _levels(schedule, index)
    if index == 0:
        return Step(index, prediction.denoised, prediction)
    if before is None:
        ahead = _ask(denoise, _move(prediction, alpha_bar_prev), index - 1)
        eps = (prediction.eps + ahead.eps) / 2
    else:
        eps = (3 * prediction.eps - before.eps) / 2
    moved = _move(Prediction(denoised_from_eps(x, eps, alpha_bar), eps), alpha_bar_prev)
    return Step(index, moved, prediction)


def dpmpp_2m_sde(
    denoise: Denoise,
    schedule: NoiseSchedule,
    x: Tensor,
    index: int,
    before: Prediction | None = None,
    eta: float = 1.0,
    noise: Noise | None = None,
) -> Step:
    """Step by SDE-DPM-Solver++(2M) (Lu et al. 2022, DPM-Solver++, eq. 22); arguments as in `Sampler`.

    The clean estimate is taken for linear in half the log of signal over noise, along the two last
    predictions, and the linear part of the equation is solved exactly. The first step has only one and is of
    first order; the last one goes to the clean estimate itself. ``eta`` scales the noise as it does in
    `ddim`'s limit of small steps: 0 is DPM-Solver++(2M), 1 the reverse SDE.
    """
    prediction = _ask(denoise, x, index)
    alpha_bar, alpha_bar_prev = _levels(schedule, index)
    if index == 0:
        return Step(index, prediction.denoised, prediction)
    length = _log_snr(alpha_bar_prev) - _log_snr(alpha_bar)
    estimate = prediction.denoised
    if before is not None:
        length_before = _log_snr(alpha_bar) - _log_snr(float(schedule.alpha_bar[index + 1]))
        estimate = estimate + length / (2 * length_before) * (estimate - before.denoised)
    kept = math.exp(-eta * eta * length)
    moved = math.sqrt((1 - alpha_bar_prev) / (1 - alpha_bar)) * kept * x
    moved = moved - math.sqrt(alpha_bar_prev) * math.expm1(-(1 + eta * eta) * length) * estimate
    if noise is not None and eta != 0:
        fresh = math.sqrt(-(1 - alpha_bar_prev) * math.expm1(-2 * eta * eta * length))
        moved = moved + math.copysign(fresh, eta) * noise(index)
    return Step(index, moved, prediction)


def dpmpp_2m(
    denoise: Denoise,
    schedule: NoiseSchedule,
    x: Tensor,
    index: int,
    before: Prediction | None = None,
    eta: float = 0.0,
    noise: Noise | None = None,
) -> Step:
    """Step by DPM-Solver++(2M) (Lu et al. 2022, DPM-Solver++, algorithm 2); second order, deterministic."""
    return dpmpp_2m_sde(denoise, schedule, x, index, before, 0.0, None)


SAMPLERS: Mapping[str, Sampler] = {name: globals()[name] for name in settings.SAMPLERS}
"""The function of every sampler by the name that a scene gives it; each name needs one to import this."""


def etas_taken(names: Sequence[str], etas: Sequence[float]) -> list[float]:
    """Return eta at each index, 0 where the sampler takes no noise."""
    return [
        eta if settings.SAMPLERS[name].takes_noise else 0.0 for name, eta in zip(names, etas, strict=True)
    ]


def _log_snr(alpha_bar: float) -> float:
    """Return half the log of signal over noise, log(sqrt(alpha_bar) / sqrt(1 - alpha_bar))."""
    return 0.5 * math.log(alpha_bar / (1 - alpha_bar))


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


def _indices(schedule: NoiseSchedule, indices: range | None) -> range:
    """Return the indices of a walk, the noisiest first."""
    top = schedule.num_timesteps - 1
    if indices is None:
        return range(top, -1, -1)
    if not indices or indices.step != -1 or not 0 <= indices[-1] <= indices[0] <= top:
        raise ValueError(f"indices fall by 1 within {top} to 0, not {indices}")
    return indices


def _per_index(value: object, schedule: NoiseSchedule, name: str) -> list[Any]:
    """Return one value an index."""
    count = schedule.num_timesteps
    values = list(value) if isinstance(value, Sequence) and not isinstance(value, str) else [value] * count
    if len(values) != count:
        raise ValueError(f"{name} has {len(values)} values for {count} steps")
    return values


def _check(names: Sequence[str], etas: Sequence[float], noise: Noise | None) -> None:
    if unknown := set(names) - set(SAMPLERS):
        raise ValueError(f"there is no sampler {min(unknown)!r}; there are {', '.join(SAMPLERS)}")
    if not all(-1 <= eta <= 1 for eta in etas):
        raise ValueError(f"eta is -1 to 1, not {min(etas)} to {max(etas)}")
    noisy = any(eta and settings.SAMPLERS[name].takes_noise for name, eta in zip(names, etas, strict=True))
    if noise is None and noisy:
        raise ValueError("an eta other than 0 needs a source of noise")
