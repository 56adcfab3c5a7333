"""How much noise there is at each step of a diffusion.

Symbols: ``betas`` and ``alpha_bar`` are those of Ho et al. 2020 (DDPM), section 2: alpha_bar is the
cumulative product of 1 - beta, so that x = sqrt(alpha_bar) * image + sqrt(1 - alpha_bar) * noise. Arrays are
float64.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

BASE_STEPS = 1000
"""Steps of the curve that the published networks were trained on."""


@dataclass(frozen=True, eq=False)
class NoiseSchedule:
    """The levels of noise that a diffusion passes; index 0 is the cleanest, the last index the noisiest.

    Attributes:
        timestep_map: which step of the base curve each index is on, int64, rising.
        betas: share of variance that each step replaces by noise.
        alpha_bar: share of the image's variance that is left at each index, falling.
        network_t: the timestep that the network is given at each index, on the scale 0 to 1000, to the
            precision in which it is given: float32.
    """

    timestep_map: np.ndarray
    betas: np.ndarray
    alpha_bar: np.ndarray
    network_t: np.ndarray

    @property
    def num_timesteps(self) -> int:
        """Number of steps."""
        return len(self.timestep_map)

    @property
    def alpha_bar_prev(self) -> np.ndarray:
        """What ``alpha_bar`` is after the step at each index; after the last one, index 0, it is 1."""
        return np.concatenate([[1.0], self.alpha_bar[:-1]])


def linear_alpha_bar(base_steps: int) -> np.ndarray:
    """Return alpha_bar of the linear curve (Ho et al. 2020, section 4), scaled to any number of base steps.

    Betas rise from 0.0001 to 0.02 for 1000 base steps; fewer steps take proportionally larger ones.
    """
    scale = BASE_STEPS / base_steps
    return np.cumprod(1 - np.linspace(scale * 1e-4, scale * 0.02, base_steps, dtype=np.float64))


def respaced(timestep_map: np.ndarray, base_steps: int) -> NoiseSchedule:
    """Return the schedule on some steps only of a linear curve (Nichol & Dhariwal 2021, section 4).

    Args:
        timestep_map: rising steps of the base curve, each from 0 to ``base_steps`` - 1.
        base_steps: steps of the base curve.
    """
    alpha_bar = linear_alpha_bar(base_steps)[timestep_map]
    before = np.concatenate([[1.0], alpha_bar[:-1]])
    return NoiseSchedule(
        timestep_map=timestep_map,
        betas=1 - alpha_bar / before,
        alpha_bar=alpha_bar,
        network_t=(timestep_map.astype(np.float32) * np.float32(BASE_STEPS / base_steps)).astype(np.float64),
    )


def disco_schedule(steps: int) -> NoiseSchedule:
    """Return the schedule as Disco Diffusion sets it for a number of steps.

    Its base curve has the largest multiple of ``steps`` up to 1000 as its length, of which every k-th step is
    taken from 0 on. It begins up to one k short of pure noise: at 4 steps only three quarters up the curve.

    Raises:
        ValueError: fewer than one step.
    """
    if steps < 1:
        raise ValueError(f"a diffusion needs at least 1 step, not {steps}")
    stride = max(BASE_STEPS // steps, 1)
    base_steps = stride * steps
    return respaced(np.arange(0, base_steps, stride, dtype=np.int64), base_steps)


def full_schedule(steps: int) -> NoiseSchedule:
    """Return even steps over the whole curve, from its noisiest point, for any number from 1 to 1000.

    The spacing is the "trailing" one of Lin et al. 2024 (Common Diffusion Noise Schedules and Sample Steps
    Are Flawed), table 2: every gap is 1000 / steps, the one to the clean image too.

    Raises:
        ValueError: ``steps`` is outside 1 to 1000.

    >>> full_schedule(4).timestep_map.tolist()
    [249, 499, 749, 999]
    """
    if not 1 <= steps <= BASE_STEPS:
        raise ValueError(f"a diffusion has 1 to {BASE_STEPS} steps, not {steps}")
    ends = np.rint(np.arange(1, steps + 1) * (BASE_STEPS / steps)).astype(np.int64)
    return respaced(ends - 1, BASE_STEPS)
