"""Regions under a latent diffusion: parts that stay, and prompts that act in parts."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
import torch

pytest.importorskip("diffusers")

from animator.latent.regions import to_fill
from animator.types import Prompt, Request
from tests.test_latent_equal import engine, picture, stock, words  # noqa: F401

SIDE = 64
LEFT = torch.zeros(SIDE, SIDE)
LEFT[:, : SIDE // 2] = 1
SEA, FIRE = (Prompt("a blue sea", 1.0), Prompt("a red fire", 1.0))


def painted(pipe: Any, *prompts: Prompt, **more: Any) -> torch.Tensor:
    return engine(pipe, "sd1").paint(Request(3, 11, SIDE, SIDE, prompts, written=prompts, **more))


@pytest.mark.slow
def test_what_is_kept_stays_and_the_rest_is_painted(stock: Callable[[str], Any]) -> None:  # noqa: F811
    init = picture()
    kept = torch.where(LEFT == 1, 1.0, 0.25)
    made = painted(stock("sd1"), SEA, init=init, keep=0.5, keep_map=kept)
    assert torch.allclose(made[:, :, :32], init[:, :, :32], atol=1e-6)
    assert (made - init)[:, :, 32:].abs().mean() > 0.05


@pytest.mark.slow
def test_a_prompt_acts_in_its_region_alone(stock: Callable[[str], Any]) -> None:  # noqa: F811
    pipe = stock("sd1")
    there = Prompt("a red fire", 1.0, region="left")
    alone = painted(pipe, SEA)
    both = painted(pipe, SEA, there, regions={"left": LEFT})
    everywhere = painted(pipe, SEA, FIRE)
    nowhere = painted(pipe, SEA, there)
    whole = painted(pipe, SEA, there, regions={"left": torch.ones(SIDE, SIDE)})
    change = (both - alone).abs().mean(dim=0)
    assert change[:, :24].mean() > 2 * change[:, 40:].mean()
    assert torch.equal(nowhere, alone)
    assert torch.allclose(whole, everywhere, atol=1e-4)


def test_a_network_that_fills_in_is_shown_what_is_kept() -> None:
    request = Request(0, 1, SIDE, SIDE, ())
    hole = torch.zeros(SIDE, SIDE, dtype=torch.bool)
    hole[3, 40] = True
    assert to_fill(request).all()
    assert torch.equal(to_fill(replace(request, uncovered=hole)), hole.float())
    assert torch.equal(to_fill(replace(request, keep_map=LEFT)), 1 - LEFT)
    hole[3, 4] = True
    both = to_fill(replace(request, keep_map=LEFT, uncovered=hole))
    assert [float(both[3, x]) for x in (4, 5, 50)] == [1, 0, 1]
    assert to_fill(replace(request, keep_map=LEFT / 2)).all()
