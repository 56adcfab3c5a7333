"""The levels of noise of a latent network, from what its files say of its training.

The arrays hold what diffusers' schedulers compute, to the bit of their float32.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from animator.diffusion.noise_schedule import NoiseSchedule

LEAST = 2.0**-24
"""Smallest alpha_bar: networks trained down to pure noise would have 0, which nothing can be divided by."""

KARRAS = 7.0
"""Exponent of the spacing of Karras et al. 2022 (EDM), eq. 5."""

LCM_STEPS = 50
"""Steps of the diffusion that latent consistency models were distilled from, each a step they may take."""


@dataclass(frozen=True, eq=False)
class LatentSchedule(NoiseSchedule):
    """A `NoiseSchedule` that may end a little short of no noise.

    Attributes:
        final: alpha_bar after the last step.
    """

    final: float = 1.0

    @property
    def alpha_bar_prev(self) -> np.ndarray:
        """What ``alpha_bar`` is after the step at each index."""
        return np.concatenate([[self.final], self.alpha_bar[:-1]])


def trained_levels(trained: Mapping[str, Any]) -> np.ndarray:
    """Return alpha_bar at every step of the training, falling, float64.

    Args:
        trained: see `animator.latent.parts.Parts.schedule`.

    Raises:
        ValueError: the curve is of a kind that is not known.
    """
    steps = int(trained.get("num_train_timesteps", 1000))
    begin, end = float(trained.get("beta_start", 0.00085)), float(trained.get("beta_end", 0.012))
    curve = trained.get("beta_schedule", "scaled_linear")
    if curve == "scaled_linear":
        betas = torch.linspace(begin**0.5, end**0.5, steps, dtype=torch.float32) ** 2
    elif curve == "linear":
        betas = torch.linspace(begin, end, steps, dtype=torch.float32)
    else:
        raise ValueError(f"the network was trained with beta_schedule {curve!r}, which is not known here")
    alpha_bar = torch.cumprod(1 - betas, dim=0)
    if trained.get("rescale_betas_zero_snr"):
        # Lin et al. 2024 (Common Diffusion Noise Schedules and Sample Steps Are Flawed), algorithm 1.
        root = alpha_bar.sqrt()
        alpha_bar = ((root - root[-1]) * (root[0] / (root[0] - root[-1]))) ** 2
    return np.maximum(alpha_bar.numpy().astype(np.float64), LEAST)


def latent_schedule(
    trained: Mapping[str, Any], steps: int, spacing: str = "auto", few_steps: str = ""
) -> LatentSchedule:
    """Return the levels at which a picture is painted.

    Args:
        trained: see `animator.latent.parts.Parts.schedule`.
        steps: 1 to as many as the network was trained on.
        spacing: of `animator.settings.latent.LatentOptions`; ``auto`` takes what ``trained`` says.
        few_steps: ``lcm`` and ``turbo`` have levels of their own while the spacing is ``auto``.

    Raises:
        ValueError: the network has not as many steps.
    """
    alpha_bar = trained_levels(trained)
    base = len(alpha_bar)
    if spacing == "auto" and few_steps == "lcm" and steps <= min(LCM_STEPS, base):
        spacing = "lcm"
    elif spacing == "auto":
        spacing = "trailing" if few_steps else str(trained.get("timestep_spacing", "leading"))
    if not 1 <= steps <= base:
        raise ValueError(f"the network has 1 to {base} steps, not {steps}")
    final = 1.0 if few_steps or trained.get("set_alpha_to_one", True) else float(alpha_bar[0])
    if spacing == "karras":
        return _karras(alpha_bar, steps)
    places = _places(spacing, base, steps, int(trained.get("steps_offset", 0)))
    return _at(alpha_bar[places], places, final)


def _places(spacing: str, base: int, steps: int, offset: int) -> np.ndarray:
    """Return which steps of the training are taken, rising."""
    if spacing == "lcm":
        origin = (np.arange(1, LCM_STEPS + 1) * (base // LCM_STEPS) - 1)[::-1]
        chosen = np.floor(np.linspace(0, LCM_STEPS, num=steps, endpoint=False)).astype(np.int64)
        return origin[chosen][::-1].astype(np.int64)
    if spacing == "linspace":
        return np.linspace(0, base - 1, steps).round().astype(np.int64)
    if spacing == "trailing":
        return np.round(np.arange(base, 0, -base / steps)).astype(np.int64)[::-1] - 1
    return np.minimum(np.arange(steps) * (base // steps) + offset, base - 1).astype(np.int64)


def _karras(alpha_bar: np.ndarray, steps: int) -> LatentSchedule:
    """Return levels that are spaced as Karras et al. 2022 propose, from the most noise to the least."""
    sigmas = np.sqrt((1 - alpha_bar) / alpha_bar)
    ramp = np.linspace(0, 1, steps)
    low, high = sigmas[0] ** (1 / KARRAS), sigmas[-1] ** (1 / KARRAS)
    wanted = ((high + ramp * (low - high)) ** KARRAS)[::-1]
    places = np.interp(np.log(wanted), np.log(sigmas), np.arange(len(sigmas))).round().astype(np.int64)
    return _at(1 / (1 + wanted**2), places, 1.0)


def _at(alpha_bar: np.ndarray, places: np.ndarray, final: float) -> LatentSchedule:
    before = np.concatenate([[1.0], alpha_bar[:-1]])
    return LatentSchedule(places, 1 - alpha_bar / before, alpha_bar, places.astype(np.float64), final)
