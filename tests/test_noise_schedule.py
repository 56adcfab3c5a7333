"""Noise schedules against the published figures, and the properties of our own."""

from __future__ import annotations

import numpy as np
import pytest

from animator.diffusion.noise_schedule import disco_schedule, full_schedule, linear_alpha_bar
from animator.diffusion.step_values import schedule_position
from tests.golden_files import load_npz

FIGURES = load_npz("schedules")
CASES = sorted({int(key.split("/")[0]) for key in FIGURES})


@pytest.mark.parametrize("steps", CASES)
def test_disco_schedule_gives_the_golden_figures(steps: int) -> None:
    schedule = disco_schedule(steps)
    assert schedule.num_timesteps == FIGURES[f"{steps}/num_timesteps"]
    np.testing.assert_array_equal(schedule.timestep_map, FIGURES[f"{steps}/timestep_map"])
    np.testing.assert_allclose(schedule.betas, FIGURES[f"{steps}/betas"], rtol=0, atol=1e-10)
    np.testing.assert_allclose(schedule.alpha_bar, FIGURES[f"{steps}/alphas_cumprod"], rtol=0, atol=1e-10)
    np.testing.assert_allclose(schedule.network_t, FIGURES[f"{steps}/network_t"], rtol=0, atol=1e-10)


@pytest.mark.parametrize("steps", [1, 2, 3, 7, 15, 30, 260, 333, 501, 999, 1000])
def test_full_schedule_covers_the_whole_curve_evenly(steps: int) -> None:
    schedule = full_schedule(steps)
    gaps = np.diff(schedule.timestep_map, prepend=-1)
    assert schedule.num_timesteps == steps
    assert schedule.timestep_map[-1] == 999
    assert gaps.min() >= 1
    assert gaps.max() - gaps.min() <= 1
    np.testing.assert_array_equal(schedule.network_t, schedule.timestep_map)


@pytest.mark.parametrize("make", [disco_schedule, full_schedule])
def test_alpha_bar_is_the_product_of_what_each_step_leaves(make) -> None:
    schedule = make(37)
    np.testing.assert_allclose(schedule.alpha_bar, np.cumprod(1 - schedule.betas), rtol=1e-12)
    np.testing.assert_array_equal(schedule.alpha_bar_prev[1:], schedule.alpha_bar[:-1])
    assert schedule.alpha_bar_prev[0] == 1
    assert schedule.alpha_bar.dtype == np.float64


@pytest.mark.parametrize(("make", "steps"), [(disco_schedule, 0), (full_schedule, 0), (full_schedule, 1001)])
def test_a_number_of_steps_that_cannot_be_is_refused(make, steps: int) -> None:
    with pytest.raises(ValueError, match=f"step.*not {steps}"):
        make(steps)


@pytest.mark.parametrize("steps", [17, 50, 240, 250, 260, 350, 999])
def test_any_number_of_steps_covers_the_whole_of_a_schedule(steps: int) -> None:
    """The guides warn that 260 steps of Disco Diffusion never see the first 22 % of a schedule of cuts."""
    schedule = full_schedule(steps)
    positions = [schedule_position(schedule, index) for index in reversed(range(steps))]
    assert positions == sorted(positions)
    assert positions[0] == 0
    assert positions[-1] >= 1000 - np.ceil(1000 / steps)
    first = np.repeat([1.0, 0.0], [220, 780])
    assert np.mean([first[position] for position in positions]) == pytest.approx(0.22, abs=1 / steps)
    assert float(schedule.alpha_bar[-1]) == linear_alpha_bar(1000)[-1]
