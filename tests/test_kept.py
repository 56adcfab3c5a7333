"""What a diffusion keeps from step to step: deep features and a gradient, and cuts that are spread evenly."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import Tensor

from animator.diffusion.cutouts import CutSettings, inner_squares, make_cuts
from animator.diffusion.engine import GuidedDiffusion, Networks
from animator.diffusion.guidance import Guide
from animator.diffusion.kept import Kept, Last, kept_of, reusing
from animator.diffusion.noise_schedule import full_schedule
from animator.diffusion.prediction import denoised_from_eps
from animator.diffusion.secondary import SecondaryModel
from animator.diffusion.spread import uniform
from animator.diffusion.unet import UNet, unet_config
from animator.engines.guided.memory import guided_memory
from tests.golden_files import fill, load_json
from tests.test_engine import DIFFUSION, GUIDANCE, REQUEST, Colours, exact_network, toy_engine

SMALL = replace(REQUEST, width=32, height=32)
X = torch.randn(1, 3, 32, 32, generator=torch.Generator().manual_seed(3))
T = torch.tensor([400.0])


@pytest.fixture(scope="module")
def network() -> UNet:
    return fill(UNet(unet_config(load_json("guidance")["unet"])), 0).requires_grad_(False)


class Counting:
    """The exact denoiser as a network with deep features, which are its answer; counts what it is asked."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    def __call__(self, x: Tensor, t: Tensor) -> Tensor:
        self.asked.append("plain")
        return exact_network(x, t)

    def with_deep(self, x: Tensor, t: Tensor) -> tuple[Tensor, Tensor]:
        self.asked.append("whole")
        return exact_network(x, t), exact_network(x, t)

    def from_deep(self, x: Tensor, t: Tensor, deep: Tensor) -> Tensor:
        self.asked.append("top")
        assert not deep.requires_grad
        return deep


def painter(network: object, secondary: SecondaryModel | None = None, **changes: object) -> GuidedDiffusion:
    options = {"diffusion": {}, "guidance": {}}
    for name, value in changes.items():
        section, _, key = name.partition("__")
        options[section][key] = value
    return GuidedDiffusion(
        Networks(network, {"colours": Colours()}, secondary=secondary),
        DIFFUSION.model_copy(update={"secondary": secondary is not None, **options["diffusion"]}),
        GUIDANCE.model_copy(update=options["guidance"]),
    )


@pytest.fixture(scope="module")
def secondary() -> SecondaryModel:
    return fill(SecondaryModel(8), 0).requires_grad_(False)


# Deep features


def test_deep_features_of_the_same_state_give_the_same_answer(network: UNet) -> None:
    with torch.no_grad():
        answer, deep = network.with_deep(X, T)
        assert torch.equal(answer, network(X, T))
        torch.testing.assert_close(network.from_deep(X, T, deep), answer)
        assert not torch.allclose(network.from_deep(X, T, deep + 1), answer)


def test_with_deep_features_only_the_largest_level_is_computed(network: UNet) -> None:
    ran: Counter[str] = Counter()
    watched = [module.register_forward_hook(_noting(ran, name)) for name, module in stages(network)]
    with torch.no_grad():
        _, deep = network.with_deep(X, T)
        everything, largest = len(ran), 2 * (network.config.res_blocks + 1)
        ran.clear()
        network.from_deep(X, T, deep)
    for one in watched:
        one.remove()
    assert deep.shape[-2:] == X.shape[-2:]
    assert everything > len(ran) == largest


def stages(network: UNet):
    for part in ("input_blocks", "output_blocks"):
        for number, module in enumerate(getattr(network, part)):
            yield f"{part}.{number}", module


def _noting(ran: Counter[str], name: str):
    return lambda *_: ran.update([name])


def test_deep_features_serve_so_many_steps() -> None:
    network, last = Counting(), Last()
    denoise = reusing(network, full_schedule(8), lambda index: 3 if index > 3 else 1, last)
    with torch.no_grad():
        for index in range(7, -1, -1):
            denoise(X, index)
    assert network.asked == ["whole", "top", "top", "whole", "whole", "whole", "whole", "whole"]


def test_a_step_that_is_differentiated_computes_all() -> None:
    network = Counting()
    denoise = reusing(network, full_schedule(8), lambda index: 8, Last())
    with torch.no_grad():
        denoise(X, 7)
    x = X.clone().requires_grad_()
    (gradient,) = torch.autograd.grad(denoise(x, 6).denoised.sum(), x)
    assert gradient.abs().sum() > 0
    with torch.no_grad():
        assert torch.equal(denoise(X, 5).denoised, _from_kept(X, 5))
    assert network.asked == ["whole", "whole", "top"]


def _from_kept(x: Tensor, index: int) -> Tensor:
    """Return the estimate from the noise that was predicted at index 6."""
    schedule = full_schedule(8)
    eps = exact_network(x, torch.tensor([float(schedule.network_t[6])]))
    return denoised_from_eps(x, eps, float(schedule.alpha_bar[index]))


def test_reuse_reaches_the_network_and_is_off_at_one(secondary: SecondaryModel) -> None:
    asked = {}
    for steps in (1, 2):
        network = Counting()
        asked[steps] = (painter(network, secondary, diffusion__reuse=steps).paint(SMALL), network.asked)
    assert asked[1][1] == ["plain"] * 8
    assert asked[2][1] == ["whole", "top"] * 4
    assert not torch.equal(asked[1][0], asked[2][0])


def test_reuse_over_the_diffusion(secondary: SecondaryModel) -> None:
    network = Counting()
    values = {"diffusion.reuse": np.repeat([1.0, 4.0], 500)}
    painter(network, secondary).paint(replace(SMALL, values=values))
    assert network.asked == ["whole"] * 4 + ["top"] * 3 + ["whole"]


def test_without_a_secondary_model_steps_between_gradients_reuse() -> None:
    network = Counting()
    painter(network, diffusion__reuse=2, guidance__every=2).paint(SMALL)
    assert network.asked == ["whole", "top"] * 4


# The gradient


def test_every_second_step_asks_for_the_gradient() -> None:
    seen = {}
    for every in (1, 2, 3):
        engine = painter(exact_network, guidance__every=every)
        engine.paint(REQUEST)
        seen[every] = engine.networks.perceptors["colours"].seen
    assert seen == {1: 8, 2: 4, 3: 3}


def test_every_over_the_diffusion() -> None:
    engine = painter(exact_network)
    engine.paint(replace(REQUEST, values={"guidance.every": np.repeat([1.0, 2.0], 500)}))
    assert engine.networks.perceptors["colours"].seen == 4 + 2


def test_a_step_between_moves_along_the_last_gradient_within_its_own_limit() -> None:
    noted = []

    class Noting(Guide):
        def __call__(self, *given):
            found = super().__call__(*given)
            noted.append((found, self.through(given[1])))
            return found

    monkeypatch = pytest.MonkeyPatch()
    monkeypatch.setattr("animator.diffusion.engine.Guide", Noting)
    limits = {"guidance.clamp_max": np.repeat([0.01, 0.005], 500), "guidance.every": np.full(1000, 8.0)}
    toy_engine().paint(replace(REQUEST, values=limits))
    monkeypatch.undo()
    sizes = [float(found.square().mean().sqrt()) for found, _ in noted]
    np.testing.assert_allclose(sizes, [0.01] * 4 + [0.005] * 4, rtol=1e-4)
    torch.testing.assert_close(noted[7][0], noted[0][0] / 2)
    # `through` is asked again here, after the step: each index is served by what was kept.
    assert not any(through for _, through in noted)


def test_losses_are_reported_at_every_step() -> None:
    noted: list[dict[str, Tensor]] = []
    engine = painter(exact_network, guidance__every=2, guidance__tv_scale=10.0)
    engine.paint(REQUEST, lambda step: noted.append(dict(step.losses)))
    clip, tv = (torch.stack([one[name] for one in noted]).flatten() for name in ("clip colours", "tv"))
    assert torch.equal(clip[0::2], clip[1::2])
    assert len(tv.unique()) == 8


# Resumed to the bit


@pytest.mark.parametrize("stop_at", [0.25, 0.375, 0.5, 0.875])
def test_a_resumed_diffusion_is_the_same(network: UNet, secondary: SecondaryModel, stop_at: float) -> None:
    engine = painter(network, secondary, diffusion__reuse=3, guidance__every=2)
    whole = engine.paint(SMALL)
    (draft,) = engine.paint_together([SMALL], stop_at=stop_at)
    assert {"deep", "deep_index", "descent", "descent_index"} <= draft.unfinished.keys()
    (again,) = engine.paint_together([SMALL], unfinished=[draft.unfinished])
    assert torch.equal(again.picture, whole)


def test_nothing_is_kept_where_each_step_computes_all() -> None:
    (draft,) = toy_engine().paint_together([REQUEST], stop_at=0.5)
    assert set(draft.unfinished) == {"x", "denoised", "eps", "steps", "cuts", "index", "own"}


def test_what_is_kept_of_pictures_is_brought_together_again() -> None:
    kept = Kept()
    kept.descent.put(torch.arange(6.0).view(2, 3), 4)
    again = kept_of([kept.of(0), kept.of(1)], torch.device("cpu"))
    assert torch.equal(again.descent.value, kept.descent.value)
    assert (again.descent.index, again.deep.value) == (4, None)


# Cuts


def test_even_numbers_are_one_in_each_part_of_each_group() -> None:
    generator = torch.Generator().manual_seed(1)
    numbers = uniform(3, (4, 5), generator, even=True)
    assert (numbers[:, :4] * 4).floor().sort().values.tolist() == [[0, 1, 2, 3]] * 3
    assert (numbers[:, 4:] * 5).floor().sort().values.tolist() == [[0, 1, 2, 3, 4]] * 3
    assert uniform(2, (3, 0), generator, even=True).shape == (2, 3)


def test_random_numbers_are_those_of_torch() -> None:
    numbers = uniform(2, (3, 4), torch.Generator().manual_seed(1), even=False)
    assert torch.equal(numbers, torch.rand(2, 7, generator=torch.Generator().manual_seed(1)))


def test_even_numbers_are_uniform() -> None:
    generator = torch.Generator().manual_seed(2)
    drawn = torch.stack([uniform(1, (4,), generator, even=True)[0] for _ in range(2000)])
    assert drawn.mean(dim=0).sub(0.5).abs().max() < 0.03
    assert drawn.std(dim=0).sub(12**-0.5).abs().max() < 0.02
    assert torch.corrcoef(uniform(2, (4000,), generator, even=True))[0, 1].abs() < 0.06


def spread_of_means(count: int, *, even: bool) -> float:
    """Return the variance, over draws, of the mean colour and place that a perceptor sees in some cuts."""
    picture = torch.linspace(0, 1, 64).expand(1, 3, 64, 64).clone()
    picture[:, 1] = picture[:, 0].mT
    settings, generator = CutSettings(0, count, even=even), torch.Generator().manual_seed(4)
    means = torch.stack([make_cuts(picture, 16, settings, generator).mean(dim=(0, 2, 3)) for _ in range(200)])
    return float(means.var(dim=0).sum())


def test_half_as_many_even_cuts_vary_no_more() -> None:
    assert spread_of_means(4, even=True) < spread_of_means(8, even=False)


def test_even_squares_lie_everywhere_in_the_picture() -> None:
    generator = torch.Generator().manual_seed(5)
    sides, tops, lefts = inner_squares((128, 192), 64, 8, 1.0, generator, even=True)
    assert ((sides - 64) / 64 * 8).floor().sort().values.tolist() == list(range(8))
    assert (tops + sides <= 128).all()
    assert (lefts + sides <= 192).all()


def test_even_cuts_are_mirrored_half_of_the_time() -> None:
    slope = torch.linspace(0, 1, 64).expand(1, 3, 64, 64)
    cuts = make_cuts(slope, 32, CutSettings(8, 0, even=True), torch.Generator().manual_seed(6))
    falls = cuts[:, :, :, 24:].mean(dim=(1, 2, 3)) < cuts[:, :, :, :8].mean(dim=(1, 2, 3))
    assert int(falls.sum()) == 4


def test_even_cuts_reach_the_engine() -> None:
    assert not torch.equal(
        toy_engine(guidance={"even_cuts": True}).paint(REQUEST), toy_engine().paint(REQUEST)
    )


# What a scene says of it


@pytest.mark.slow
def test_the_memory_of_deep_features_is_counted(read) -> None:
    text = (
        "prompts: x\nmode: still\nsize: [192, 128]\n"
        "diffusion: {{precision: float32, secondary: true, reuse: {}}}\n"
    )
    peaks = []
    for reuse in (1, 2):
        loaded = read(text.format(reuse))
        peaks.append(sum(guided_memory(loaded.scene, loaded.timeline, "cpu").peak.values()))
    features = 4 * 32 * 192 * 128
    assert peaks[1] - peaks[0] == features


def test_reuse_without_a_secondary_model_is_noticed(read) -> None:
    base = "prompts: x\nmode: still\ndiffusion: {reuse: 2}\n"
    (notice,) = read(base).notices
    assert f"{notice.key}: {notice.message}" == (
        "diffusion.reuse: has no effect without secondary or guidance.every"
    )
    assert read(f"{base}guidance: {{every: 2}}\n").notices == ()
    assert read(base.replace("reuse: 2", "reuse: 2, secondary: true")).notices == ()
