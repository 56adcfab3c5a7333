"""Compiled networks: the same answers and gradients."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from animator.diffusion.compiled import compiled
from animator.diffusion.load import load_engine
from animator.settings.diffusion import DiffusionOptions
from animator.settings.guidance import GuidanceOptions


@pytest.mark.slow
def test_a_compiled_network_gives_the_same_answers_and_gradients() -> None:
    torch.manual_seed(0)
    network = nn.Sequential(nn.Conv2d(3, 8, 3, padding=1), nn.GroupNorm(4, 8), nn.SiLU(), nn.Conv2d(8, 3, 1))
    fast = compiled(network, torch.device("cpu"), first=True, backend="aot_eager")
    for size in (8, 16, 8):
        x = torch.randn(1, 3, size, size, requires_grad=True)
        answers = [one(x) for one in (network, fast)]
        gradients = [torch.autograd.grad(answer.square().sum(), x)[0] for answer in answers]
        torch.testing.assert_close(*answers)
        torch.testing.assert_close(*gradients)


@pytest.mark.slow
def test_on_a_cpu_networks_are_not_compiled(caplog: pytest.LogCaptureFixture) -> None:
    """Where it gains nothing and may be wrong, it is left out, and the user is told."""
    engine = load_engine(DiffusionOptions(compile=True), GuidanceOptions(), "cpu")
    assert not engine.diffusion.compile
    assert "diffusion.compile is for GPUs" in caplog.text
