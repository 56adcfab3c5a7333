"""What an engine makes of a map of noise levels, and of prompts with regions."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from animator.diffusion.guidance import Guide
from animator.diffusion.noise_schedule import full_schedule
from animator.diffusion.squares import CutSettings
from animator.diffusion.step_values import StepValues
from animator.diffusion.target import Target
from animator.diffusion.targets import by_region, spoken_to
from animator.types import Prompt
from tests.test_engine_uncovered import HEIGHT, HELD, HOLE, INIT, REQUEST, WIDTH, change, engine

RIGHT = torch.zeros(HEIGHT, WIDTH)
RIGHT[:, WIDTH // 2 :] = 1
INSIDE, OUTSIDE = RIGHT.bool(), ~RIGHT.bool()


def mapped(inside: float, outside: float) -> torch.Tensor:
    return torch.where(INSIDE, inside, outside)


@pytest.mark.parametrize("sampler", ["ddim", "dpmpp_2m", "dpmpp_2m_sde", "plms"])
def test_where_all_is_skipped_the_init_stays_to_the_bit(sampler):
    painted = engine(sampler=sampler, eta=0.5).paint(replace(REQUEST, keep_map=mapped(1.0, 0.2)))
    assert torch.equal(painted[:, INSIDE], INIT[:, INSIDE])
    assert change(painted, INIT, OUTSIDE) > 0.1


def test_three_levels_in_three_parts():
    levels = torch.full((HEIGHT, WIDTH), 0.9)
    levels[:, 16:32], levels[:, 32:] = 0.5, 0.1
    painted = engine().paint(replace(REQUEST, keep_map=levels))
    parts = [torch.zeros(HEIGHT, WIDTH, dtype=torch.bool) for _ in range(3)]
    for number, part in enumerate(parts):
        part[:, 16 * number + 4 : 16 * number + 12] = True
    changes = [change(painted, INIT, part) for part in parts]
    assert changes[0] < changes[1] < changes[2]


def test_an_even_map_is_the_number():
    even = replace(REQUEST, keep_map=torch.full((HEIGHT, WIDTH), REQUEST.keep))
    assert torch.equal(engine(eta=0.5).paint(even), engine(eta=0.5).paint(REQUEST))


def test_holes_in_a_region_get_no_more_than_holes_do():
    painter = engine()
    held = replace(REQUEST, keep_map=mapped(1.0, 0.6), **HELD)
    painted = painter.paint(held)
    assert change(painted, INIT, HOLE) > 0.1
    far = INSIDE.clone()
    far[6:26, 28:44] = False
    assert torch.equal(painted[:, far], INIT[:, far])


@pytest.mark.parametrize("stop_at", [0.3, 0.6, 0.9])
def test_a_stopped_picture_resumes_to_the_same_bytes(stop_at):
    painter, request = engine(eta=0.7), replace(REQUEST, keep_map=mapped(0.9, 0.3))
    (part,) = painter.paint_together([request], stop_at=stop_at)
    (whole,) = painter.paint_together([request], unfinished=[part.unfinished])
    assert torch.equal(whole.picture, painter.paint(request))


def test_a_map_of_another_size_is_refused():
    with pytest.raises(ValueError, match="keep_map of frame 3"):
        engine().paint(replace(REQUEST, keep_map=torch.ones(3, 3)))


# prompts


def test_prompts_share_their_weight_within_a_region_only():
    prompts = [Prompt("sea", 0.25), Prompt("fog", 0.25), Prompt("castle", 0.5, region="left")]
    groups = by_region(prompts)
    assert list(groups) == ["", "left"]
    everywhere, left = (spoken_to(groups[name], "RN50", apart=True) for name in groups)
    assert [one.weight for one in everywhere] == [0.5, 0.5]
    assert [(one.text, one.weight) for one in left] == [("castle", 1.0)]


def gradient(where: torch.Tensor | None) -> torch.Tensor:
    chance = torch.Generator().manual_seed(3)
    weights = torch.randn(3 * 8 * 8, 6, generator=chance)
    target = Target(
        "eye",
        8,
        lambda cuts: cuts.flatten(1) @ weights,
        torch.randn(1, 6, generator=chance),
        torch.ones(1),
        where=where,
    )
    seen = torch.rand(1, 3, HEIGHT, WIDTH, generator=chance).requires_grad_()
    settings = CutSettings(overview=0, innercut=6)
    guide = Guide(full_schedule(10), [target], lambda index: None, [torch.Generator().manual_seed(5)])
    loss = guide.prompt_loss(seen, target, StepValues(settings, {"eye": 1.0}, 1.0))
    return torch.autograd.grad(loss.sum(), seen)[0]


def test_a_prompt_pulls_at_its_region_alone():
    pull = gradient(RIGHT[None, None])
    assert (pull[..., OUTSIDE] == 0).all()
    assert pull[..., INSIDE].abs().sum() > 0


def test_a_region_that_is_everything_is_no_region():
    assert torch.allclose(gradient(torch.ones(1, 1, HEIGHT, WIDTH)), gradient(None), rtol=1e-4, atol=1e-8)


def test_cuts_count_as_much_as_they_show_of_the_region():
    chance = torch.Generator().manual_seed(5)
    guide = Guide(full_schedule(10), [], lambda index: None, [chance])
    target = Target("eye", 8, lambda cuts: cuts, torch.zeros(1, 1), torch.ones(1), where=RIGHT[None, None])
    settings = CutSettings(overview=0, innercut=12)
    states = [chance.get_state()]
    pictures = RIGHT.expand(1, 3, -1, -1)
    shown = guide._cut(pictures, target, replace(settings, skip_augs=True)).mean(dim=(2, 3, 4))
    counts = guide._covered(target, settings, states)
    assert torch.allclose(counts, shown.clamp(min=0) / shown.clamp(min=0).mean(), atol=1e-5)
    assert float(counts.mean()) == pytest.approx(1, abs=1e-5)
    assert counts.min() < 0.5 < 1.3 < counts.max()
