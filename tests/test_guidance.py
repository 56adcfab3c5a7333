"""Guidance against the published gradients, and on problems whose answers are known."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from animator.convert import signed_to_unit
from animator.diffusion import guidance, losses
from animator.diffusion.cutouts import CutSettings, make_cuts
from animator.diffusion.guidance import Guide, StepValues, Target, guided
from animator.diffusion.noise_schedule import disco_schedule, full_schedule
from animator.diffusion.options import CutOptions, GuidanceOptions
from animator.diffusion.prediction import Prediction, denoised_from_eps, eps_from_denoised, network_denoiser
from animator.diffusion.samplers import SAMPLERS, ddim
from animator.diffusion.secondary import SecondaryModel, secondary_denoiser
from animator.diffusion.unet import UNet, unet_config
from tests.golden_files import fill, load_json, load_npz

SETUP = load_json("guidance")
FIGURES = load_npz("guidance")


CLIP_MEAN = torch.tensor([0.48145466, 0.4578275, 0.40821073]).view(3, 1, 1)
CLIP_STD = torch.tensor([0.26862954, 0.26130258, 0.27577711]).view(3, 1, 1)


class Encoder(nn.Module):
    """The image encoder that the figures describe; it reads pictures as CLIP does."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 48, 8, stride=8)
        self.proj = nn.Linear(48, 64)

    def forward(self, pictures: Tensor) -> Tensor:
        return self.proj(nn.functional.gelu(self.conv((pictures - CLIP_MEAN) / CLIP_STD)).mean(dim=(2, 3)))


@pytest.fixture(scope="module")
def encoder() -> Encoder:
    encoder = fill(Encoder(), SETUP["salt"]).requires_grad_(False)
    encoder.conv.weight *= 3
    encoder.conv.bias *= 3
    return encoder


@pytest.fixture(scope="module")
def network() -> UNet:
    return fill(UNet(unet_config(SETUP["unet"])), SETUP["salt"]).requires_grad_(False)


@pytest.fixture(scope="module")
def secondary() -> SecondaryModel:
    return fill(SecondaryModel(), SETUP["salt"]).requires_grad_(False)


def assert_close(found: Tensor, expected: np.ndarray) -> None:
    np.testing.assert_allclose(
        found.detach().numpy(), expected, rtol=1e-4, atol=1e-4 * max(float(expected.std()), 1e-3)
    )


@pytest.mark.parametrize("case", SETUP["cases"], ids=lambda case: str(case["case"]))
def test_golden_gradient(case, encoder, network, secondary):
    schedule, index = disco_schedule(case["steps"]), case["index_t"]
    values = StepValues(
        cuts=CutSettings(overview=case["cut_overview"], skip_augs=True),
        clip_models={"encoder": 1.0},
        **{name: case[name] for name in ("clip_guidance_scale", "tv_scale", "range_scale", "sat_scale", "clamp_max")},
    )
    seen = []

    def encode(cuts: Tensor) -> Tensor:
        seen.append(cuts.detach())
        return encoder(cuts)

    guide = Guide(
        schedule=schedule,
        targets=[
            Target(
                name="encoder",
                size=64,
                encode=encode,
                embeds=torch.from_numpy(FIGURES["prompt_embeds"]),
                weights=torch.from_numpy(FIGURES["prompt_weights_normalised"]),
            )
        ],
        values=lambda index: values,
        generator=torch.Generator(),
        secondary=secondary_denoiser(secondary, schedule) if case["use_secondary_model"] else None,
        range_acts=False,
    )
    x = torch.from_numpy(FIGURES["x"]).requires_grad_(guide.through)
    prediction = network_denoiser(network, schedule)(x, index)
    name = str(case["case"])

    assert_close(guide.unlimited(x, index, prediction, values), FIGURES[f"{name}/gradient_before_clamp"])
    assert_close(seen[0], FIGURES[f"{name}/cuts"])
    prediction = network_denoiser(network, schedule)(x, index)
    assert_close(guide(x, index, prediction), FIGURES[f"{name}/gradient"])
    denoised = (guide.secondary(x, index) if guide.secondary else prediction).denoised
    share = math.sqrt(1 - schedule.alpha_bar[index])
    loss = guide.prompt_loss(denoised * share + x * (1 - share), guide.targets[0], values.cuts)
    assert_close(loss.reshape(1), FIGURES[f"{name}/clip_loss"])
