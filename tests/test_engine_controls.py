"""The controls of a still on an engine whose denoiser is known: each does what it says."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import Tensor

from animator.diffusion.engine import GuidedDiffusion, Networks
from animator.diffusion.samplers import SAMPLERS
from animator.diffusion.secondary import SecondaryPrediction
from animator.errors import UsageError
from animator.settings.guidance import CutOptions
from animator.types import Prompt
from tests.test_engine import (
    COLOURS,
    DIFFUSION,
    GUIDANCE,
    INIT,
    REQUEST,
    Colours,
    exact_network,
    redness,
    toy_engine,
)


def steps_of(engine: GuidedDiffusion, request=REQUEST, **options) -> list:
    told = []
    engine.paint_together([request], told.append, **options)
    return told


@pytest.mark.parametrize(("skip_end", "total"), [(0, 8), (3, 5), ("25%", 6), ("100%", 1)])
def test_the_clean_end_can_be_left_out(skip_end, total):
    engine = toy_engine(diffusion={"skip_end_steps": skip_end})
    told = steps_of(engine)
    assert [(step.done, step.total) for step in told] == [(n, total) for n in range(1, total + 1)]
    # What is left out is little: the picture is the last clean estimate.
    whole = toy_engine().paint(REQUEST)
    assert torch.equal(engine.paint(REQUEST), told[-1].pictures()[0])
    assert torch.equal(engine.paint(REQUEST), whole) is (skip_end == 0)


@pytest.mark.parametrize("sampler", SAMPLERS)
@pytest.mark.parametrize("axes", [(True, False), (False, True), (True, True)])
def test_symmetry_is_put_in_at_its_moment_with_every_sampler(sampler, axes):
    across, down = axes
    options = {"use_horizontal_symmetry": across, "use_vertical_symmetry": down, "eta": 0.0}
    request = replace(REQUEST, prompts=())

    def picture(**more) -> Tensor:
        return toy_engine(diffusion={"sampler": sampler, **options, **more}).paint(request)

    mirrored = picture(transformation_percent=(0.5,))
    for used, axis in ((across, -1), (down, -2)):
        alike = torch.allclose(mirrored, mirrored.flip(axis), atol=1e-5)
        assert alike is used
    plain = toy_engine(diffusion={"sampler": sampler, "eta": 0.0}).paint(request)
    assert torch.equal(picture(transformation_percent=()), plain)


def asymmetry(frame: Tensor, axis: int) -> float:
    return (frame - frame.flip(axis)).square().mean().item()


def test_the_symmetry_loss_makes_left_and_right_alike_until_it_is_let_go():
    request = replace(REQUEST, prompts=())
    plain = asymmetry(toy_engine().paint(request), -1)
    strong = {"symmetry_loss_scale": 50000}
    assert asymmetry(toy_engine(guidance=strong).paint(request), -1) < 0.5 * plain
    vertical = {"use_vertical_symmetry": True, "transformation_percent": ()}
    up_down = toy_engine(guidance=strong, diffusion=vertical)
    assert asymmetry(up_down.paint(request), -2) < 0.5 * asymmetry(toy_engine().paint(request), -2)
    until = np.r_[np.full(100, 50000.0), np.zeros(900)]
    let_go = toy_engine().paint(replace(request, values={"guidance.symmetry_loss_scale": until}))
    assert asymmetry(let_go, -1) > asymmetry(toy_engine(guidance=strong).paint(request), -1)


def test_a_prompt_speaks_to_the_models_that_it_names():
    guidance = GUIDANCE.model_copy(update={"clip_models": {"ViT-B-32": 1, "RN50": 1}})

    def painted(*prompts: Prompt) -> tuple[Tensor, Counter, Counter]:
        networks = Networks(exact_network, {"ViT-B-32": Colours(), "RN50": Colours()})
        frame = GuidedDiffusion(networks, DIFFUSION, guidance).paint(replace(REQUEST, prompts=prompts))
        return frame, *(perceptor.read for perceptor in networks.perceptors.values())

    both, first, second = painted(Prompt("red", 0.5), Prompt("blue", 0.5, models=("RN50/openai",)))
    assert first == {"red": 1}
    assert second == {"red": 1, "blue": 1}
    assert redness(both) < redness(painted(Prompt("red", 0.5), Prompt("blue", 0.5))[0])
    # A model that no prompt speaks to is not asked; the rest keep their whole strength.
    alone, _, silent = painted(Prompt("red", 1.0, models=("ViTB32",)))
    assert silent == {}
    assert redness(alone) < 0.5 * redness(toy_engine().paint(replace(REQUEST, prompts=())))


def test_an_image_prompt_pulls_towards_what_is_seen_in_it():
    opened = []

    def open_image(name: str) -> Tensor:
        opened.append(name)
        return torch.tensor(COLOURS["red"]).view(3, 1, 1).expand(3, 20, 30) - 0.1

    engine = toy_engine(open_image=open_image)
    image = replace(REQUEST, prompts=(Prompt("red.png", 1.0, image=True),))
    frame = engine.paint(image)
    assert redness(frame) < 0.5 * redness(toy_engine().paint(replace(REQUEST, prompts=())))
    engine.paint(replace(image, frame=8))
    assert opened == ["red.png"]
    assert torch.equal(engine.paint(image), frame)
    # As pictures are in [0, 1], the colours seen in one are those that the text stands for.
    torch.testing.assert_close(frame, toy_engine().paint(REQUEST), rtol=0, atol=0.05)
    with pytest.raises(UsageError, match=r"red\.png: .* no function that opens"):
        toy_engine().paint(image)


@pytest.mark.slow
def test_a_fuzzy_prompt_is_25_noisy_copies_of_itself():
    plain = toy_engine().paint(REQUEST)
    fuzzy = toy_engine(guidance={"fuzzy_prompt": True, "rand_mag": 0.5})
    assert not torch.equal(fuzzy.paint(REQUEST), plain)
    assert torch.equal(fuzzy.paint(REQUEST), fuzzy.paint(REQUEST))
    assert not torch.equal(fuzzy.paint(replace(REQUEST, seed=12)), fuzzy.paint(REQUEST))
    silent = toy_engine(guidance={"fuzzy_prompt": True, "rand_mag": 0.0})
    torch.testing.assert_close(silent.paint(REQUEST), plain)
    target = fuzzy._targets.of([REQUEST], fuzzy=True)[0]
    assert target.fuzz.shape == (1, 1, 25, 3)
    # Noise of both signs: an embedding's negative entries are not cut off.
    assert (target.embeds[:, None] + 0.5 * target.fuzz).min() < 0


def test_the_secondary_model_may_take_turns():
    asked = []

    class Secondary(torch.nn.Module):
        def forward(self, x: Tensor, t: Tensor):
            asked.append(float(t[0]))
            return SecondaryPrediction(x, 0.5 * x, x)

    engine = toy_engine(secondary=Secondary(), diffusion={"secondary": True})
    engine.paint(REQUEST)
    assert len(asked) == 8
    asked.clear()
    engine.paint(replace(REQUEST, values={"diffusion.secondary": np.r_[np.ones(500), np.zeros(500)]}))
    assert len(asked) == 4
    assert min(asked) > 0.5
    asked.clear()
    toy_engine(secondary=Secondary()).paint(REQUEST)
    assert asked == []


@pytest.mark.slow
def test_watchers_are_told_the_losses_and_shown_the_cuts():
    guidance = {"tv_scale": 10, "range_scale": 10, "sat_scale": 10, "symmetry_loss_scale": 10}
    told = steps_of(toy_engine(guidance=guidance), replace(REQUEST, init=INIT, init_scale=100.0))
    assert set(told[0].losses) == {"clip colours", "tv", "range", "sat", "symmetry", "init"}
    assert all(loss.shape == (1,) and loss.isfinite().all() for loss in told[-1].losses.values())
    clip = [float(step.losses["clip colours"]) for step in told]
    assert clip[-1] < 0.7 * clip[0]
    assert told[0].cuts == {}
    whole = toy_engine()
    showing = GuidedDiffusion(whole.networks, whole.diffusion, whole.guidance, keep_cuts=True)
    assert steps_of(showing)[3].cuts["colours"].shape == (1, 3, 3, 8, 8)
    assert torch.equal(showing.paint(REQUEST), whole.paint(REQUEST))


def test_the_number_of_models_and_batches_is_in_the_losses():
    """What is noted is what is differentiated: the mean over the looks, times scale and weight."""
    alike = {"skip_augs": True, "cuts": CutOptions(overview=1, innercut=0, ic_pow=1, icgray_p=0)}
    once = steps_of(toy_engine(guidance=alike))
    thrice = steps_of(toy_engine(guidance={**alike, "cutn_batches": 3}))
    torch.testing.assert_close(once[2].losses["clip colours"], thrice[2].losses["clip colours"])


def test_switches_may_be_schedules():
    augmented, plain = (toy_engine(guidance={"skip_augs": on}).paint(REQUEST) for on in (False, True))
    assert not torch.equal(augmented, plain)
    halves = np.r_[np.zeros(500), np.ones(500)]
    mixed = toy_engine().paint(replace(REQUEST, values={"guidance.skip_augs": halves}))
    assert not torch.equal(mixed, augmented)
    assert not torch.equal(mixed, plain)
    free = toy_engine(guidance={"clamp_max": 0.001}).paint(
        replace(REQUEST, values={"guidance.clamp_grad": np.zeros(1000)})
    )
    assert redness(free) < 0.5 * redness(toy_engine(guidance={"clamp_max": 0.001}).paint(REQUEST))


def test_thresholded_estimates_keep_their_contrast_within_the_range():
    def bold(x: Tensor, t: Tensor) -> Tensor:
        return 0.5 * x

    def painted(estimate: str) -> Tensor:
        diffusion = {"estimate": estimate, "eta": 0.0, "threshold": 0.9}
        return toy_engine(bold, diffusion).paint(replace(REQUEST, prompts=()))

    share_at_the_edge = {
        name: float(((painted(name) < 1e-3) | (painted(name) > 1 - 1e-3)).float().mean())
        for name in ("clamped", "thresholded")
    }
    assert share_at_the_edge["thresholded"] < 0.5 * share_at_the_edge["clamped"]
