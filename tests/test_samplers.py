"""Samplers against the published loops, and on a denoiser whose exact solution is known."""

from __future__ import annotations

import math
import re

import numpy as np
import pytest
import torch

from animator.diffusion.noise_schedule import NoiseSchedule, disco_schedule, full_schedule
from animator.diffusion.prediction import (
    Denoise,
    Prediction,
    denoised_from_eps,
    eps_from_denoised,
    network_denoiser,
)
from animator.diffusion.samplers import SAMPLERS, Step, ddim, noised, plms
from animator.diffusion.unet import UNet, unet_config
from tests.golden_files import fill, load_json, load_npz

SETUP = load_json("samplers")
FIGURES = load_npz("samplers")
CASES = sorted({key.rsplit("/", 1)[0] for key in FIGURES if "/" in key})
MEAN, SPREAD = 0.3, 0.5


def as_tensor(name: str) -> torch.Tensor:
    return torch.from_numpy(FIGURES[name])


def assert_close(found: torch.Tensor, name: str) -> None:
    expected = FIGURES[name]
    np.testing.assert_allclose(found.numpy(), expected, rtol=1e-4, atol=1e-4 * float(expected.std()))


@pytest.fixture(scope="module")
def network() -> UNet:
    return fill(UNet(unet_config(SETUP["unet"])), SETUP["salt"]).requires_grad_(False)


def pulled(denoise: Denoise, schedule: NoiseSchedule, target: torch.Tensor, strength: float) -> Denoise:
    """Guide by the gradient strength * (target - x) (Dhariwal & Nichol 2021, algorithm 2)."""

    def guided(x: torch.Tensor, index: int) -> Prediction:
        alpha_bar = float(schedule.alpha_bar[index])
        eps = denoise(x, index).eps - math.sqrt(1 - alpha_bar) * strength * (target - x)
        return Prediction(denoised_from_eps(x, eps, alpha_bar), eps)

    return guided


@pytest.mark.parametrize("case", CASES)
def test_sampler_walks_the_golden_loop(case: str, network: UNet) -> None:
    found = re.fullmatch(r"(\w+)/steps(\d+)_skip(\d+)_guided(\d)", case)
    assert found, f"not the name of a case: {case}"
    steps, skip, is_guided = (int(part) for part in found.groups()[1:])
    schedule = disco_schedule(steps)
    first = steps - 1 - skip
    unguided = network_denoiser(network, schedule, "clamped" if SETUP["clip_denoised"] else "free")
    estimates: dict[int, torch.Tensor] = {}

    def watched(x: torch.Tensor, index: int) -> Prediction:
        prediction = unguided(x, index)
        estimates[index] = prediction.denoised
        return prediction

    strength = float(SETUP["cond_fn"].split("*")[0])
    denoise = pulled(watched, schedule, as_tensor("target"), strength) if is_guided else watched
    noise = as_tensor("noise")
    x = noised(as_tensor("init"), noise, schedule, first) if skip else noise
    walk = list(SAMPLERS[found[1]](denoise, schedule, x, first_index=first, eta=SETUP["ddim_eta"]))

    assert [step.index for step in walk] == list(range(FIGURES[f"{case}/count"] - 1, -1, -1))
    assert_close(walk[5].x, f"{case}/sample_5")
    assert_close(walk[-1].x, f"{case}/sample_final")
    # The figures show the network's own clean estimate, before guidance.
    assert_close(estimates[0], f"{case}/pred_xstart_final")


def gaussian_denoiser(schedule: NoiseSchedule) -> Denoise:
    """Answer exactly for images whose every pixel is drawn from a normal of mean 0.3 and spread 0.5."""

    def denoise(x: torch.Tensor, index: int) -> Prediction:
        alpha_bar = float(schedule.alpha_bar[index])
        share = math.sqrt(alpha_bar) * SPREAD**2 / (alpha_bar * SPREAD**2 + 1 - alpha_bar)
        denoised = MEAN + share * (x - math.sqrt(alpha_bar) * MEAN)
        return Prediction(denoised, eps_from_denoised(x, denoised, alpha_bar))

    return denoise


def gaussian_state(start: torch.Tensor, alpha_bar: float) -> torch.Tensor:
    """Return where the probability-flow ODE (Song et al. 2021, eq. 14) carries unit noise ``start``."""
    return math.sqrt(alpha_bar) * MEAN + math.sqrt(alpha_bar * SPREAD**2 + 1 - alpha_bar) * start


def error_halfway(sampler, steps: int) -> float:
    """Walk the noisier half of the curve from its exact start; return the error where it ends."""
    schedule = full_schedule(steps)
    start = torch.linspace(-2, 2, 12, dtype=torch.float64).view(1, 3, 2, 2)
    x = gaussian_state(start, float(schedule.alpha_bar[-1]))
    walk = sampler(gaussian_denoiser(schedule), schedule, x)
    for step in walk:
        if step.index == steps // 2:
            exact = gaussian_state(start, float(schedule.alpha_bar_prev[step.index]))
            return float((step.x - exact).abs().max())
    raise AssertionError("the walk never came halfway")


@pytest.mark.parametrize(("name", "order"), [("ddim", 1), ("plms", 2)])
def test_sampler_converges_at_its_order(name: str, order: int) -> None:
    coarse, fine = (error_halfway(SAMPLERS[name], steps) for steps in (250, 500))
    assert math.log2(coarse / fine) == pytest.approx(order, abs=0.15)


@pytest.mark.parametrize("name", SAMPLERS)
def test_sampler_reaches_the_exact_image(name: str) -> None:
    schedule = full_schedule(200)
    x = torch.linspace(-2, 2, 12, dtype=torch.float64).view(1, 3, 2, 2)
    *_, last = SAMPLERS[name](gaussian_denoiser(schedule), schedule, x)
    torch.testing.assert_close(last.x, gaussian_state(x, 1.0), rtol=0, atol=0.02)


@pytest.mark.parametrize("eta", [1.0, -1.0, "half"])
def test_fresh_noise_keeps_the_distribution(eta: float | str) -> None:
    schedule = full_schedule(500)
    random = torch.Generator().manual_seed(0)

    def noise() -> torch.Tensor:
        return torch.randn(1, 3, 64, 64, generator=random, dtype=torch.float64)

    etas = [0.5] * 250 + [0.0] * 250 if eta == "half" else eta
    *_, last = ddim(gaussian_denoiser(schedule), schedule, noise(), eta=etas, noise=noise)
    assert float(last.x.mean()) == pytest.approx(MEAN, abs=0.02)
    assert float(last.x.std()) == pytest.approx(SPREAD, abs=0.02)


def test_eta_belongs_to_the_index_it_stands_at() -> None:
    schedule = full_schedule(4)
    drawn: list[int] = []
    asked: list[int] = []
    gaussian = gaussian_denoiser(schedule)

    def denoise(x: torch.Tensor, index: int) -> Prediction:
        asked.append(index)
        return gaussian(x, index)

    def noise() -> torch.Tensor:
        drawn.append(asked[-1])
        return torch.zeros(1, 3, 2, 2)

    list(ddim(denoise, schedule, torch.zeros(1, 3, 2, 2), eta=[0.0, 0.5, 0.0, 0.5], noise=noise))
    assert drawn == [3, 1]


def test_negative_eta_turns_the_sign_of_the_noise() -> None:
    schedule = full_schedule(10)
    x = torch.zeros(1, 3, 2, 2)

    def last(eta: float, value: float) -> Step:
        *_, step = ddim(
            gaussian_denoiser(schedule), schedule, x, eta=eta, noise=lambda: torch.full_like(x, value)
        )
        return step

    torch.testing.assert_close(last(-0.7, 1.0).x, last(0.7, -1.0).x)
    assert not torch.allclose(last(-0.7, 1.0).x, last(0.7, 1.0).x)


@pytest.mark.parametrize("name", SAMPLERS)
def test_sampler_holds_no_gradients(name: str) -> None:
    schedule = full_schedule(5)
    weight = torch.ones((), requires_grad=True)

    def denoise(x: torch.Tensor, index: int) -> Prediction:
        denoised = weight * x
        return Prediction(denoised, eps_from_denoised(x, denoised, float(schedule.alpha_bar[index])))

    for step in SAMPLERS[name](denoise, schedule, torch.ones(1, 3, 2, 2)):
        assert not step.x.requires_grad
        assert not step.denoised.requires_grad


@pytest.mark.parametrize("steps", [1, 2])
def test_plms_works_with_the_fewest_steps(steps: int) -> None:
    schedule = full_schedule(steps)
    walk = list(plms(gaussian_denoiser(schedule), schedule, torch.ones(1, 3, 2, 2)))
    assert [step.index for step in walk] == list(range(steps - 1, -1, -1))
    assert torch.isfinite(walk[-1].x).all()


def test_predictions_explain_the_state() -> None:
    random = torch.Generator().manual_seed(1)
    x, eps = (torch.randn(1, 3, 4, 4, generator=random, dtype=torch.float64) for _ in range(2))
    denoised = denoised_from_eps(x, eps, 0.2)
    torch.testing.assert_close(math.sqrt(0.2) * denoised + math.sqrt(0.8) * eps, x)
    torch.testing.assert_close(eps_from_denoised(x, denoised, 0.2), eps)


def test_clamped_estimate_is_held_and_still_explains_the_state() -> None:
    schedule = full_schedule(10)
    x = torch.full((1, 3, 4, 4), 3.0, requires_grad=True)
    seen: list[float] = []

    def network(x: torch.Tensor, t: torch.Tensor) -> torch.Tensor:
        seen.append(float(t))
        return torch.cat([0.1 * x, torch.full_like(x, math.nan)], dim=1)

    free = network_denoiser(network, schedule)(x, 2)
    clamped = network_denoiser(network, schedule, "clamped")(x, 2)
    alpha_bar = float(schedule.alpha_bar[2])
    assert seen == [schedule.network_t[2]] * 2
    assert float(free.denoised.detach().max()) > 1
    assert float(clamped.denoised.detach().max()) == 1
    again = math.sqrt(alpha_bar) * clamped.denoised + math.sqrt(1 - alpha_bar) * clamped.eps
    torch.testing.assert_close(again, x)
    assert torch.autograd.grad(free.denoised.sum(), x)[0].abs().min() > 0


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"eta": 1.5}, "eta is -1 to 1"),
        ({"eta": [0.0, 0.5]}, "eta has 2 values for 5 steps"),
        ({"eta": 0.5}, "needs a source of noise"),
        ({"first_index": 5}, "first_index is 0 to 4, not 5"),
        ({"first_index": -1}, "first_index is 0 to 4, not -1"),
    ],
)
def test_ddim_refuses_what_it_cannot_walk(options, message: str) -> None:
    schedule = full_schedule(5)
    with pytest.raises(ValueError, match=message):
        next(ddim(gaussian_denoiser(schedule), schedule, torch.zeros(1, 3, 2, 2), **options))


def test_an_unknown_estimate_is_refused() -> None:
    with pytest.raises(ValueError, match="'free' or 'clamped'"):
        network_denoiser(lambda x, t: x, full_schedule(2), "clamp")  # type: ignore[arg-type]


def test_half_precision_state_does_not_round_the_timestep() -> None:
    schedule = full_schedule(1000)
    seen: list[torch.Tensor] = []

    def network(x: torch.Tensor, t: torch.Tensor) -> torch.Tensor:
        seen.append(t)
        return x

    network_denoiser(network, schedule)(torch.zeros(2, 3, 2, 2, dtype=torch.bfloat16), 997)
    assert seen[0].tolist() == [997.0, 997.0]
