"""Samplers against the published loops, and on a denoiser whose exact solution is known."""

from __future__ import annotations

import importlib.util
import math
import re
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from animator.diffusion import samplers
from animator.diffusion.noise_schedule import NoiseSchedule, disco_schedule, full_schedule
from animator.diffusion.prediction import (
    Denoise,
    Prediction,
    denoised_from_eps,
    eps_from_denoised,
    hold_for,
    network_denoiser,
)
from animator.diffusion.samplers import SAMPLERS, Step, noised, walk
from animator.diffusion.unet import UNet, unet_config
from animator.settings import samplers as table
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


@pytest.mark.vital
@pytest.mark.slow
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
    indices = range(first, -1, -1)
    steps = list(walk(denoise, schedule, x, found[1], indices=indices, eta=SETUP["ddim_eta"]))

    assert [step.index for step in steps] == list(range(FIGURES[f"{case}/count"] - 1, -1, -1))
    assert_close(steps[5].x, f"{case}/sample_5")
    assert_close(steps[-1].x, f"{case}/sample_final")
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


def error_halfway(name: str, steps: int) -> float:
    """Walk the noisier half of the curve from its exact start; return the error where it ends."""
    schedule = full_schedule(steps)
    start = torch.linspace(-2, 2, 12, dtype=torch.float64).view(1, 3, 2, 2)
    x = gaussian_state(start, float(schedule.alpha_bar[-1]))
    half = range(steps - 1, steps // 2 - 1, -1)
    *_, last = walk(gaussian_denoiser(schedule), schedule, x, name, indices=half)
    exact = gaussian_state(start, float(schedule.alpha_bar_prev[last.index]))
    return float((last.x - exact).abs().max())


@pytest.mark.parametrize("name", SAMPLERS)
def test_sampler_converges_at_its_order(name: str) -> None:
    coarse, fine = (error_halfway(name, steps) for steps in (250, 500))
    assert math.log2(coarse / fine) == pytest.approx(table.SAMPLERS[name].order, abs=0.15)


def pulled_gaussian(schedule: NoiseSchedule) -> Denoise:
    """The exact answer, bent by a gradient whose flow is known: the score of a normal of mean 1, spread 0.7.

    The product of two normals is normal, so the guided distribution at each noise is one as well; the flow
    along it has no closed form, but a fine walk is a reference.
    """
    exact = gaussian_denoiser(schedule)
    return pulled(exact, schedule, torch.ones(1, dtype=torch.float64), 1 / 0.7**2)


@pytest.mark.parametrize("name", SAMPLERS)
def test_guidance_keeps_the_order(name: str) -> None:
    start = torch.linspace(-2, 2, 12, dtype=torch.float64).view(1, 3, 2, 2)

    def halfway(name: str, steps: int) -> torch.Tensor:
        schedule = full_schedule(steps)
        half = range(steps - 1, steps // 2 - 1, -1)
        *_, last = walk(pulled_gaussian(schedule), schedule, start, name, indices=half)
        return last.x

    # All walks begin at the same index of the base curve, 999, and end at the same level, 499.
    reference = halfway("plms", 1000)
    coarse, fine = (float((halfway(name, steps) - reference).abs().max()) for steps in (100, 200))
    assert math.log2(coarse / fine) == pytest.approx(table.SAMPLERS[name].order, abs=0.25)


def moments_halfway(steps: int, eta: float) -> tuple[float, float]:
    """Return the mean and variance that a walk of a linear denoiser with fresh noise has halfway, exactly.

    Everything is linear, so that the variance is the sum of the squares of what each single draw of noise
    comes to at the end.
    """
    schedule = full_schedule(steps)
    half = range(steps - 1, steps // 2 - 1, -1)

    def end(x: float, draws: list[float]) -> float:
        noise = iter(torch.tensor([value], dtype=torch.float64) for value in draws)
        state = torch.tensor([x], dtype=torch.float64)
        *_, last = walk(
            gaussian_denoiser(schedule), schedule, state, "dpmpp_2m_sde",
            indices=half, eta=eta, noise=lambda index: next(noise),
        )  # fmt: skip
        return float(last.x)

    nothing = [0.0] * len(half)
    top = float(schedule.alpha_bar[-1])
    mean = end(math.sqrt(top) * MEAN, nothing)
    base = end(0.0, nothing)
    spread = math.sqrt(top * SPREAD**2 + 1 - top)
    variance = (end(spread, nothing) - base) ** 2
    for place in range(len(half)):
        single = nothing.copy()
        single[place] = 1.0
        variance += (end(0.0, single) - base) ** 2
    return mean, variance


@pytest.mark.slow
@pytest.mark.parametrize("eta", [1.0, 0.5])
def test_the_stochastic_solver_has_the_right_mean_and_its_variance_to_second_order(eta: float) -> None:
    errors = []
    for steps in (40, 80):
        level = float(full_schedule(steps).alpha_bar_prev[steps // 2])
        mean, variance = moments_halfway(steps, eta)
        assert mean == pytest.approx(math.sqrt(level) * MEAN, abs=1e-12)
        errors.append(abs(variance - (level * SPREAD**2 + 1 - level)))
    assert math.log2(errors[0] / errors[1]) == pytest.approx(2, abs=0.2)


@pytest.mark.parametrize("name", SAMPLERS)
def test_sampler_reaches_the_exact_image(name: str) -> None:
    schedule = full_schedule(200)
    x = torch.linspace(-2, 2, 12, dtype=torch.float64).view(1, 3, 2, 2)
    *_, last = walk(gaussian_denoiser(schedule), schedule, x, name)
    torch.testing.assert_close(last.x, gaussian_state(x, 1.0), rtol=0, atol=0.02)


def test_a_modern_solver_needs_fewer_steps() -> None:
    """20 steps of DPM-Solver++ come nearer to the exact image than 60 of ddim."""
    x = torch.linspace(-2, 2, 12, dtype=torch.float64).view(1, 3, 2, 2)

    def error(name: str, steps: int) -> float:
        schedule = full_schedule(steps)
        *_, last = walk(gaussian_denoiser(schedule), schedule, x, name)
        return float((last.x - gaussian_state(x, 1.0)).abs().max())

    assert error("dpmpp_2m", 20) < error("ddim", 60)


@pytest.mark.parametrize("name", table.with_noise(True))
@pytest.mark.parametrize("eta", [1.0, -1.0, "half"])
def test_fresh_noise_keeps_the_distribution(eta: float | str, name: str) -> None:
    schedule = full_schedule(500)
    random = torch.Generator().manual_seed(0)

    def noise(index: int = 0) -> torch.Tensor:
        return torch.randn(1, 3, 64, 64, generator=random, dtype=torch.float64)

    etas = [0.5] * 250 + [0.0] * 250 if eta == "half" else eta
    *_, last = walk(gaussian_denoiser(schedule), schedule, noise(), name, eta=etas, noise=noise)
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

    def noise(index: int) -> torch.Tensor:
        assert index == asked[-1]
        drawn.append(index)
        return torch.zeros(1, 3, 2, 2)

    list(walk(denoise, schedule, torch.zeros(1, 3, 2, 2), eta=[0.0, 0.5, 0.0, 0.5], noise=noise))
    assert drawn == [3, 1]


@pytest.mark.parametrize("name", table.with_noise(True))
def test_negative_eta_turns_the_sign_of_the_noise(name: str) -> None:
    schedule = full_schedule(10)
    x = torch.zeros(1, 3, 2, 2)

    def last(eta: float, value: float) -> Step:
        draw = lambda index: torch.full_like(x, value)  # noqa: E731
        *_, step = walk(gaussian_denoiser(schedule), schedule, x, name, eta=eta, noise=draw)
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

    for step in walk(denoise, schedule, torch.ones(1, 3, 2, 2), name):
        assert not step.x.requires_grad
        assert not step.denoised.requires_grad


@pytest.mark.parametrize("name", SAMPLERS)
@pytest.mark.parametrize("steps", [1, 2])
def test_samplers_work_with_the_fewest_steps(steps: int, name: str) -> None:
    schedule = full_schedule(steps)
    taken = list(walk(gaussian_denoiser(schedule), schedule, torch.ones(1, 3, 2, 2), name))
    assert [step.index for step in taken] == list(range(steps - 1, -1, -1))
    assert torch.isfinite(taken[-1].x).all()


@pytest.mark.parametrize("name", SAMPLERS)
def test_a_walk_goes_on_where_it_stopped(name: str) -> None:
    schedule = full_schedule(9)
    x = torch.linspace(-2, 2, 12, dtype=torch.float64).view(1, 3, 2, 2)
    whole = list(walk(gaussian_denoiser(schedule), schedule, x, name))
    *_, stop = walk(gaussian_denoiser(schedule), schedule, x, name, indices=range(8, 4, -1))
    rest = walk(
        gaussian_denoiser(schedule), schedule, stop.x, name,
        indices=range(4, -1, -1), before=stop.prediction,
    )  # fmt: skip
    assert torch.equal(list(rest)[-1].x, whole[-1].x)


def test_a_walk_changes_its_sampler_on_the_way() -> None:
    schedule = full_schedule(10)
    x = torch.linspace(-2, 2, 12, dtype=torch.float64).view(1, 3, 2, 2)
    names = ["ddim"] * 5 + ["plms"] * 5  # by index: plms first
    mixed = list(walk(gaussian_denoiser(schedule), schedule, x, names))
    plms, ddim = (list(walk(gaussian_denoiser(schedule), schedule, x, name)) for name in ("plms", "ddim"))
    assert [torch.equal(one.x, other.x) for one, other in zip(mixed, plms, strict=True)] == [True] * 5 + [
        False
    ] * 5
    tail = list(walk(gaussian_denoiser(schedule), schedule, plms[4].x, "ddim", indices=range(4, -1, -1)))
    assert torch.equal(mixed[-1].x, tail[-1].x)
    assert not torch.equal(mixed[-1].x, ddim[-1].x)


def test_what_alters_the_state_alters_what_is_remembered() -> None:
    """A walk whose state is mirrored half-way goes on as if it had been that mirror image all the time."""
    schedule = full_schedule(8)
    x = torch.linspace(-2, 2, 12, dtype=torch.float64).view(1, 3, 2, 2)
    altered = list(
        walk(
            gaussian_denoiser(schedule), schedule, x, "dpmpp_2m",
            alter=lambda values, index: values.flip(-1) if index == 4 else values,
        )
    )  # fmt: skip
    plain = list(walk(gaussian_denoiser(schedule), schedule, x.flip(-1), "dpmpp_2m"))
    torch.testing.assert_close(altered[-1].x, plain[-1].x)


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
        ({"indices": range(5, -1, -1)}, "fall by 1 within 4 to 0"),
        ({"indices": range(0, 3)}, "fall by 1 within 4 to 0"),
        ({"indices": range(2, 2, -1)}, "fall by 1 within 4 to 0"),
        ({"samplers": "euler"}, "no sampler 'euler'; there are ddim"),
        ({"samplers": ["ddim"]}, "samplers has 1 values for 5 steps"),
    ],
)
def test_a_walk_refuses_what_it_cannot_walk(options, message: str) -> None:
    schedule = full_schedule(5)
    with pytest.raises(ValueError, match=message):
        next(walk(gaussian_denoiser(schedule), schedule, torch.zeros(1, 3, 2, 2), **options))


def test_an_unknown_estimate_is_refused() -> None:
    with pytest.raises(ValueError, match="'free', 'clamped' or"):
        network_denoiser(lambda x, t: x, full_schedule(2), "clamp")  # type: ignore[arg-type]


def test_a_thresholded_estimate_is_scaled_in_and_not_cut_off() -> None:
    hold = hold_for("thresholded", 0.9)
    loud = torch.linspace(-4, 4, 300).view(1, 3, 10, 10)
    quiet = loud / 8
    found = hold(torch.cat([loud, quiet]))
    limit = float(loud.abs().flatten().sort().values[269])
    torch.testing.assert_close(found[:1], loud.clamp(-limit, limit) / limit)
    assert float((found[0].abs() == 1).float().mean()) == pytest.approx(0.1, abs=0.02)
    assert torch.equal(found[1:], quiet)
    assert hold_for("free") is None


def test_half_precision_state_does_not_round_the_timestep() -> None:
    schedule = full_schedule(1000)
    seen: list[torch.Tensor] = []

    def network(x: torch.Tensor, t: torch.Tensor) -> torch.Tensor:
        seen.append(t)
        return x

    network_denoiser(network, schedule)(torch.zeros(2, 3, 2, 2, dtype=torch.bfloat16), 997)
    assert seen[0].tolist() == [997.0, 997.0]


def test_a_sampler_without_a_function_is_noticed_at_import(monkeypatch: pytest.MonkeyPatch) -> None:
    more = {**table.SAMPLERS, "euler": table.Sampler("euler", 1, False, "is not written yet")}
    monkeypatch.setattr(table, "SAMPLERS", more)
    path = Path(samplers.__file__)
    spec = importlib.util.spec_from_file_location("samplers_again", path)
    module = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, "samplers_again", module)
    with pytest.raises(KeyError, match="euler"):
        spec.loader.exec_module(module)


def test_every_sampler_is_described_and_in_the_docs() -> None:
    assert list(SAMPLERS) == list(table.SAMPLERS)
    rows = dict(re.findall(r"\| `(\w+)` \| (\d)", (Path(__file__).parents[1] / "docs/stills.md").read_text()))
    for name, one in table.SAMPLERS.items():
        assert one.name == name
        assert f"``{name}`` {one.sentence}" in table.described()
        assert int(rows[name]) == one.order


def test_only_those_that_say_so_take_noise() -> None:
    schedule, start = full_schedule(6), torch.zeros(1, 3, 2, 2, dtype=torch.float64)
    for name, one in table.SAMPLERS.items():
        drawn: list[torch.Tensor] = []

        def noise(index: int, drawn: list[torch.Tensor] = drawn) -> torch.Tensor:
            drawn.append(torch.ones_like(start))
            return drawn[-1]

        list(walk(gaussian_denoiser(schedule), schedule, start, name, eta=0.5, noise=noise))
        assert bool(drawn) == one.takes_noise
