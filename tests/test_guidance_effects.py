"""Every loss on colours and shapes acts: raising its scale lowers what it names."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
from torch import Tensor

from animator.diffusion import losses
from animator.diffusion.guidance import guided
from animator.diffusion.noise_schedule import full_schedule
from animator.diffusion.prediction import Prediction, eps_from_denoised, hold_for
from animator.diffusion.samplers import SAMPLERS, walk
from tests.test_guidance import VALUES, noise, toy_guide

WIDE = 1.2
"""Spread of pictures of which much lies beyond black and white."""


def wide_denoiser(schedule):
    """As `exact_denoiser`, of pictures with the spread `WIDE`."""

    def denoise(x: Tensor, index: int) -> Prediction:
        alpha_bar = float(schedule.alpha_bar[index])
        variance = alpha_bar * WIDE**2 + 1 - alpha_bar
        denoised = math.sqrt(alpha_bar) * WIDE**2 / variance * x
        return Prediction(denoised, eps_from_denoised(x, denoised, alpha_bar))

    return denoise


MEASURES = {
    "range_scale": losses.out_of_range,
    "sat_scale": losses.chroma,
    "tv_scale": losses.total_variation,
    "symmetry_loss_scale": lambda x: losses.asymmetry(x, True, False),
}


@pytest.mark.parametrize("name", MEASURES)
@pytest.mark.parametrize("with_secondary", [False, True], ids=["primary", "secondary"])
@pytest.mark.parametrize("sampler", SAMPLERS)
def test_raising_a_scale_lowers_what_it_names(name, with_secondary, sampler):
    """With the secondary model too: in Disco Diffusion the range loss never reaches the picture."""
    schedule = full_schedule(15)
    found = []
    for scale in (0.0, 300.0, 30000.0):
        values = replace(
            VALUES, clip_guidance_scale=0.0, secondary=with_secondary, clamp_max=1.0, **{name: scale}
        )
        guide = toy_guide(schedule, values, secondary=wide_denoiser(schedule))
        bent = guided(wide_denoiser(schedule), schedule, guide, through=guide.through)
        *_, last = walk(bent, schedule, noise(1), sampler)
        found.append(MEASURES[name](last.x).item())
    assert found[2] < 0.5 * found[0]
    assert found[2] < found[1] < found[0]


@pytest.mark.parametrize("name", ["range_scale"])
def test_colours_are_pulled_in_where_the_estimate_is_held_too(name):
    """A held estimate is never beyond the range; the network's own answer is what the losses look at."""
    schedule = full_schedule(15)
    edge = []
    for scale in (0.0, 30000.0):
        values = replace(VALUES, clip_guidance_scale=0.0, clamp_max=1.0, **{name: scale})
        hold = hold_for("clamped")
        guide = toy_guide(schedule, values, hold=hold)
        bent = guided(wide_denoiser(schedule), schedule, guide, through=guide.through, hold=hold)
        *_, last = walk(bent, schedule, noise(1))
        edge.append((last.denoised.abs() > 0.999).float().mean().item())
    assert edge[1] < 0.5 * edge[0]


def test_what_lies_far_beyond_the_range_is_no_colour():
    """Near pure noise a held network's own answer is off by many times the range: that is not pulled at."""
    schedule = full_schedule(15)
    hold = hold_for("clamped")
    x = noise(1).requires_grad_()
    values = replace(VALUES, clip_guidance_scale=0.0, range_scale=100.0)
    guide = toy_guide(schedule, values, hold=hold)
    far = Prediction(50 * x, x)
    assert guide.unlimited(x, 14, far, values).abs().max() < 100 * 2 * 50 * 2 / x.numel() * 1.01
    near_share = ((50 * x).abs() < 2).float().mean()
    pulled = (guide.unlimited(x, 14, Prediction(50 * x, x), values) != 0).float().mean()
    assert pulled <= near_share
