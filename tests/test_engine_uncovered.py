"""More noise in what a move uncovered."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from animator.diffusion.fake import fake_engine
from animator.diffusion.samplers import SAMPLERS
from animator.diffusion.uncovered import softened
from animator.settings.diffusion import DiffusionOptions
from animator.settings.guidance import CutOptions, GuidanceOptions
from animator.types import Frame, Prompt, Request

WIDTH, HEIGHT = 48, 32
HOLE = torch.zeros(HEIGHT, WIDTH, dtype=torch.bool)
HOLE[8:24, 30:42] = True
FAR = ~softened(HOLE)[0].bool()


def engine(**diffusion):
    options = {"steps": 20, "sampler": "ddim", "eta": 0.0, **diffusion}
    cuts = CutOptions(overview=1, innercut=1, ic_pow=1, icgray_p=0)
    guidance = GuidanceOptions(clip_models={"a": 1}, range_scale=0, cutn_batches=1, cuts=cuts, clamp_max=2)
    return fake_engine(DiffusionOptions(**options), guidance)


INIT = engine().paint(Request(frame=0, seed=77, width=WIDTH, height=HEIGHT, prompts=()))
"""A picture of the kind that the engine paints."""

REQUEST = Request(frame=3, seed=11, width=WIDTH, height=HEIGHT, prompts=(), init=INIT, keep=0.6)
HELD = {"uncovered": HOLE, "uncovered_keep": 0.2}


def change(one: Frame, other: Frame, where: torch.Tensor) -> float:
    return float((one - other)[:, where].square().mean().sqrt())


@pytest.mark.parametrize("eta", [0.0, 0.8])
@pytest.mark.parametrize("sampler", SAMPLERS)
def test_only_what_was_uncovered_becomes_something_else(sampler, eta):
    painter = engine(sampler=sampler, eta=eta)
    plain, grown = painter.paint(REQUEST), painter.paint(replace(REQUEST, **HELD))
    assert change(grown, plain, FAR) < 0.04
    assert change(grown, plain, HOLE) > 0.1
    assert change(grown, INIT, HOLE) > 1.5 * change(plain, INIT, HOLE)


@pytest.mark.parametrize(
    "same",
    [
        {"uncovered": torch.zeros_like(HOLE), "uncovered_keep": 0.2},
        {"uncovered": HOLE, "uncovered_keep": 0.6},
        {"uncovered": HOLE, "uncovered_keep": 0.9},
        {"uncovered": HOLE, "uncovered_keep": 0.59},
        {"uncovered": HOLE},
        {"uncovered_keep": 0.2},
    ],
)
def test_without_a_hole_or_with_no_more_noise_nothing_changes(same):
    painter = engine(eta=0.5)
    assert torch.equal(painter.paint(replace(REQUEST, **same)), painter.paint(REQUEST))


def test_the_cost_is_the_steps_between_the_two():
    done: list[int] = []
    engine().paint(replace(REQUEST, **HELD), lambda step: done.append(step.total))
    assert done == [16] * 16
    done.clear()
    engine().paint(REQUEST, lambda step: done.append(step.total))
    assert done == [8] * 8


@pytest.mark.parametrize("sampler", ["ddim", "dpmpp_2m_sde"])
@pytest.mark.parametrize("stop_at", [0.3, 0.5, 0.8])
def test_a_stopped_picture_goes_on_to_the_same_bytes(sampler, stop_at):
    painter, request = engine(sampler=sampler, eta=0.7), replace(REQUEST, **HELD)
    (part,) = painter.paint_together([request], stop_at=stop_at)
    (whole,) = painter.paint_together([request], unfinished=[part.unfinished])
    assert torch.equal(whole.picture, painter.paint(request))


def test_where_all_is_kept_only_the_hole_is_painted():
    painter = engine()
    grown = painter.paint(replace(REQUEST, keep=1.0, **HELD))
    assert torch.allclose(grown[:, FAR], INIT[:, FAR], atol=1e-6)
    assert change(grown, INIT, HOLE) > 0.05
    left_out = engine(skip_end_steps=4).paint(replace(REQUEST, keep=1.0, **HELD))
    assert torch.allclose(left_out[:, FAR], INIT[:, FAR], atol=1e-6)


def test_pictures_with_holes_are_painted_together_as_alone():
    painter = engine()
    other = torch.zeros_like(HOLE)
    other[:10] = True
    requests = [replace(REQUEST, **HELD), replace(REQUEST, seed=12, uncovered=other, uncovered_keep=0.2)]
    for painted, request in zip(painter.paint_together(requests), requests, strict=True):
        assert torch.allclose(painted.picture, painter.paint(request), atol=1e-4)
    with pytest.raises(ValueError, match="differ in more"):
        painter.paint_together([requests[0], replace(requests[1], uncovered_keep=0.3)])
    with pytest.raises(ValueError, match="differ in more"):
        painter.paint_together([requests[0], REQUEST])


def test_a_mask_of_another_size_is_refused():
    with pytest.raises(ValueError, match=r"uncovered of frame 3 is \(32, 40\), it must be \(32, 48\)"):
        engine().paint(replace(REQUEST, uncovered=HOLE[:, :40], uncovered_keep=0.2))


@pytest.mark.slow
def test_the_pull_towards_the_init_leaves_the_hole_alone():
    """A pull as strong as this holds everything else at the init."""
    pulled = replace(REQUEST, init_scale=3000.0, prompts=(Prompt("a"),))
    painter = engine()
    held, grown = painter.paint(pulled), painter.paint(replace(pulled, **HELD))
    assert change(grown, INIT, HOLE) > 1.5 * change(held, INIT, HOLE)
    free = painter.paint(replace(REQUEST, **HELD))
    assert change(grown, INIT, FAR) < 0.8 * change(free, INIT, FAR)


def test_a_hole_has_soft_surroundings():
    share = softened(HOLE)[0]
    assert (share[HOLE] == 1).all()
    assert 0 < share[16, 29] < 1
    assert share[16, 42] == share[16, 29]
    assert (share[:, :24] == 0).all()
