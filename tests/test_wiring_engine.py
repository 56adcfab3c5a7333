"""The wiring of the engine: what each setting, prompt and source of randomness does to a picture."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import Tensor

from animator.diffusion import engine as engine_module
from animator.diffusion.losses import asymmetry, spherical_distance, total_variation
from animator.diffusion.noise_schedule import full_schedule
from animator.diffusion.prediction import relayed
from animator.diffusion.results import painted_of
from animator.diffusion.step_range import Course, course_of, mirror_indices
from animator.diffusion.step_values import step_values
from animator.diffusion.target import Target
from animator.diffusion.targets import spoken_to
from animator.diffusion.uncovered import softened
from animator.settings.diffusion import DiffusionOptions
from animator.settings.guidance import GuidanceOptions
from animator.types import DIFFUSION_SCALE, Prompt, Request
from tests.test_engine import REQUEST, toy_engine

INIT = torch.rand(3, 16, 24, generator=torch.Generator().manual_seed(5))


def over(value: float) -> np.ndarray:
    return np.full(DIFFUSION_SCALE, value)


def falling(first: float, last: float) -> np.ndarray:
    return np.repeat([first, last], DIFFUSION_SCALE // 2)


# Settings at each moment


@pytest.mark.parametrize(
    ("name", "field"),
    [
        ("guidance.clip_guidance_scale", "clip_guidance_scale"),
        ("guidance.tv_scale", "tv_scale"),
        ("guidance.range_scale", "range_scale"),
        ("guidance.sat_scale", "sat_scale"),
        ("guidance.symmetry_loss_scale", "symmetry_loss_scale"),
        ("guidance.cutn_batches", "cutn_batches"),
        ("guidance.cuts.overview", "cuts.overview"),
        ("guidance.cuts.innercut", "cuts.innercut"),
        ("guidance.cuts.ic_pow", "cuts.ic_pow"),
        ("guidance.cuts.icgray_p", "cuts.icgray_p"),
        ("diffusion.secondary", "secondary"),
        ("diffusion.reuse", "reuse"),
        ("guidance.every", "every"),
        ("guidance.skip_augs", "cuts.skip_augs"),
        ("guidance.even_cuts", "cuts.even"),
    ],
)
def test_a_schedule_reaches_its_own_value_and_no_other(name: str, field: str) -> None:
    """The first entry holds at the noisiest moment."""
    plain = {
        "guidance.cuts.overview": over(3),
        "guidance.cuts.innercut": over(5),
        "guidance.cuts.ic_pow": over(1),
        "guidance.cuts.icgray_p": over(0),
    }
    counts = {"guidance.cutn_batches", "guidance.every", "diffusion.reuse"}
    changed = {**plain, name: falling(4.4, 2.6) if name in counts else falling(1, 0)}

    def at(values, position):
        found = step_values(DiffusionOptions(), GuidanceOptions(), values, position)
        flat = {**vars(found), **{f"cuts.{key}": one for key, one in vars(found.cuts).items()}}
        return {key: one for key, one in flat.items() if key not in ("cuts", "position")}

    first, last = (at(changed, position) for position in (100, 900))
    assert (first[field], last[field]) == ((4, 3) if name in counts else (1, 0))
    usual = at(plain, 100)
    assert {key for key in usual if first[key] != usual[key] or last[key] != usual[key]} == {field}


def test_switches_over_the_diffusion_decide_what_they_switch() -> None:
    values = {
        "guidance.clamp_grad": falling(1, 0),
        "guidance.clamp_max": over(0.3),
        "guidance.fuzzy_prompt": falling(0, 1),
        "guidance.rand_mag": over(0.2),
        "guidance.cuts.overview": over(1),
        "guidance.cuts.innercut": over(1),
        "guidance.cuts.ic_pow": over(1),
        "guidance.cuts.icgray_p": over(0),
    }
    first, last = (
        step_values(DiffusionOptions(), GuidanceOptions(), values, at, falling(7, 8)) for at in (0, 999)
    )
    assert (first.clamp_max, last.clamp_max) == (0.3, math.inf)
    assert (first.rand_mag, last.rand_mag) == (0.0, 0.2)
    assert (first.init_scale, last.init_scale) == (7, 8)


def test_schedules_hold_at_their_moments_in_a_walk() -> None:
    """A pull of the first half only bends the first half of the steps."""
    painter, noted = toy_engine(), []
    values = {"guidance.tv_scale": falling(1000, 0)}
    painter.paint(replace(REQUEST, values=values), lambda step: noted.append(dict(step.losses)))
    assert ["tv" in losses for losses in noted] == [True] * 4 + [False] * 4
    assert all("clip colours" in losses for losses in noted)


def test_eta_and_the_samplers_follow_the_request(monkeypatch) -> None:
    told = {}

    def noting(*given, eta, **more):
        told.update(samplers=given[3], eta=eta)
        return walk(*given, eta=eta, **more)

    walk = engine_module.walk
    monkeypatch.setattr(engine_module, "walk", noting)
    values = {"diffusion.eta": falling(0.75, 0.25)}
    toy_engine(diffusion={"sampler": "[plms]*500+[ddim]*500"}).paint(replace(REQUEST, values=values))
    # By index: 0 is the last step.
    assert told["eta"] == [0.25] * 4 + [0.75] * 4
    assert told["samplers"] == ["ddim"] * 4 + ["plms"] * 4


@pytest.mark.slow
def test_the_threshold_and_the_estimate_are_the_scenes() -> None:
    pictures = [
        toy_engine(diffusion=options).paint(REQUEST)
        for options in (
            {"estimate": "free"},
            {"estimate": "clamped"},
            {"estimate": "thresholded", "threshold": 0.5},
            {"estimate": "thresholded", "threshold": 0.9},
        )
    ]
    for number, one in enumerate(pictures):
        assert not any(torch.equal(one, other) for other in pictures[:number])


# Prompts


def test_a_negative_prompt_pushes_away() -> None:
    target = Target("a", 8, lambda x: x, torch.eye(2), torch.tensor([1.5, -0.5]))
    seen = torch.tensor([[[1.0, 0.0], [0.0, 1.0]]])
    apart = float(spherical_distance(torch.tensor([1.0, 0.0]), torch.tensor([0.0, 1.0])))
    found = target.distance(seen, 0.0)
    assert found.tolist() == [pytest.approx([-0.5 * apart, 1.5 * apart])]


@pytest.mark.parametrize("size", [0.01, 0.3])
def test_fuzzy_prompts_have_noise_of_their_size(size: float) -> None:
    fuzz = torch.randn(1, 1, 2000, 64, generator=torch.Generator().manual_seed(1))
    embeds = torch.nn.functional.normalize(
        torch.randn(1, 64, generator=torch.Generator().manual_seed(2)), dim=1
    )
    target = Target("a", 8, lambda x: x, embeds, torch.ones(1), fuzz)
    found = float(target.distance(embeds[None], size))
    # Seen as the prompt itself, the mean distance is half the square of the angle to a copy: its noise has
    # 63 directions across and the prompt's unit length along.
    angle = math.atan(size * math.sqrt(63))
    assert found == pytest.approx(angle**2 / 2, rel=0.1)
    assert float(target.distance(embeds[None], 0.0)) == pytest.approx(0, abs=1e-6)


def test_fuzzy_prompts_are_fuzzy_only_where_asked_and_other_for_each_model() -> None:
    perceptors = {"one": engine_colours(), "two": engine_colours()}
    painter = toy_engine()
    targets = engine_module.Targets(perceptors, torch.device("cpu"), lambda name: INIT, painter._places)
    first, second = targets.of([REQUEST], fuzzy=True)
    assert not torch.equal(first.fuzz, second.fuzz)
    assert all(one.fuzz is None for one in targets.of([REQUEST]))
    fuzzy = {"guidance.fuzzy_prompt": over(1), "guidance.rand_mag": over(0.5)}
    assert not torch.equal(painter.paint(replace(REQUEST, values=fuzzy)), painter.paint(REQUEST))


def engine_colours():
    from tests.test_engine import Colours

    return Colours()


def test_prompts_of_some_models_are_heard_by_them_alone_and_sum_to_one() -> None:
    prompts = [Prompt("sea", 0.25), Prompt("fog", 0.5, models=("RN50",)), Prompt("sun", 0.25)]
    assert [(one.text, one.weight) for one in spoken_to(prompts, "ViT-B-32")] == [("sea", 0.5), ("sun", 0.5)]
    assert [one.text for one in spoken_to(prompts, "RN50")] == ["sea", "fog", "sun"]


def test_a_picture_as_a_prompt_weighs_as_much_as_a_text() -> None:
    painter = toy_engine()
    targets = engine_module.Targets(
        {"colours": engine_colours()}, torch.device("cpu"), lambda name: INIT, painter._places
    )
    prompts = (Prompt("red", 0.5), Prompt("a.png", 0.5, image=True))
    (target,) = targets.of([replace(REQUEST, prompts=prompts)])
    assert len(target.weights) == 17
    assert float(target.weights[0]) == 0.5
    assert float(target.weights[1:].sum()) == pytest.approx(0.5)


# Guidance


def losses_of(name: str = "clip colours", **guidance) -> Tensor:
    noted = []
    toy_engine(guidance=guidance).paint(REQUEST, lambda step: noted.append(step.losses[name]))
    return torch.stack(noted)


def test_batches_and_cuts_refine_the_pull_and_do_not_strengthen_it() -> None:
    once = losses_of()[0]
    assert float(losses_of(cutn_batches=4)[0]) == pytest.approx(float(once), rel=0.3)


def test_losses_are_those_of_one_step() -> None:
    noted = losses_of()
    assert float(noted[-1]) < 2 * float(noted[0])


def test_weights_of_the_models_count() -> None:
    one, three = (losses_of(clip_models={"colours": weight})[0] for weight in (1, 3))
    assert float(three) == pytest.approx(3 * float(one), rel=1e-3)


@pytest.mark.slow
def test_each_loss_has_its_own_scale() -> None:
    noted = []
    guidance = {"tv_scale": 10.0, "sat_scale": 20.0, "symmetry_loss_scale": 40.0}
    toy_engine(guidance=guidance).paint(REQUEST, lambda step: noted.append(dict(step.losses)))
    doubled = []
    for name in guidance:
        more = {**guidance, name: 2 * guidance[name]}
        found: list[dict] = []
        toy_engine(guidance=more).paint(REQUEST, lambda step, found=found: found.append(dict(step.losses)))
        ratios = {key: float(found[0][key] / noted[0][key]) for key in ("tv", "sat", "symmetry")}
        doubled.append([key for key, ratio in ratios.items() if ratio == pytest.approx(2)])
    assert doubled == [["tv"], ["sat"], ["symmetry"]]


@pytest.mark.parametrize(
    ("options", "axes"),
    [
        ({}, (True, False)),
        ({"use_horizontal_symmetry": True}, (True, False)),
        ({"use_vertical_symmetry": True}, (False, True)),
        ({"use_horizontal_symmetry": True, "use_vertical_symmetry": True}, (True, True)),
    ],
)
def test_the_pull_towards_symmetry_is_along_the_axes_that_are_asked_for(options, axes, monkeypatch) -> None:
    noted = []

    def noting(x, horizontal, vertical):
        noted.append((horizontal, vertical))
        return asymmetry(x, horizontal, vertical)

    monkeypatch.setattr("animator.diffusion.losses.asymmetry", noting)
    toy_engine(diffusion=options, guidance={"symmetry_loss_scale": 10.0}).paint(REQUEST)
    assert set(noted) == {axes}


def test_asymmetry_knows_left_from_right_and_above_from_below() -> None:
    across = torch.linspace(-1, 1, 8).expand(1, 3, 6, 8)
    assert float(asymmetry(across, True, False)) > 0.5
    assert float(asymmetry(across, False, True)) == 0
    assert float(total_variation(across)) > 0
    assert float(total_variation(across.transpose(2, 3))) > 0


@pytest.mark.parametrize(
    ("options", "flipped"), [({"use_horizontal_symmetry": True}, -1), ({"use_vertical_symmetry": True}, -2)]
)
def test_forced_symmetry_is_of_the_axis_that_is_asked_for(options, flipped) -> None:
    moments = {"transformation_percent": (0.95,), "eta": 0.0}
    frame = toy_engine(diffusion={**options, **moments}).paint(replace(REQUEST, prompts=()))
    torch.testing.assert_close(frame, frame.flip(flipped), atol=1e-5, rtol=0)
    other = -3 - flipped
    assert not torch.allclose(frame, frame.flip(other), atol=0.05)


def test_moments_of_symmetry_are_counted_from_the_noise() -> None:
    schedule = full_schedule(10)
    assert mirror_indices(schedule, (0.0, 0.25, 0.9), Course(9, 0, 0)) == {9, 7, 0}
    early = toy_engine(
        diffusion={"use_horizontal_symmetry": True, "transformation_percent": (0.0,), "eta": 0.9}
    )
    frame = early.paint(REQUEST)
    assert not torch.allclose(frame, frame.flip(-1), atol=0.01)


def test_symmetry_is_forced_at_its_moments_alone() -> None:
    painter = toy_engine(diffusion={"use_vertical_symmetry": True, "transformation_percent": (0.0, 0.5)})
    mirror = painter._mirror(Course(7, 0, 0))
    at = [not torch.equal(mirror(INIT, index), INIT) for index in range(8)]
    assert at == [index in (7, 3) for index in range(8)]
    assert toy_engine()._mirror(Course(7, 0, 0)) is None


@pytest.mark.parametrize("compat", ["none", "disco-5"])
def test_disco_is_repeated_where_the_scene_says(compat: str, monkeypatch) -> None:
    noted = []
    guide = engine_module.Guide

    def noting(**parts):
        noted.append(parts["disco"])
        return guide(**parts)

    monkeypatch.setattr(engine_module, "Guide", noting)
    toy_engine(guidance={"compat": compat}).paint(REQUEST)
    assert noted == [compat == "disco-5"]


# The walk


def test_steps_are_rounded_to_the_nearest() -> None:
    schedule = full_schedule(10)
    assert course_of(schedule, 0.26, True).first == 6
    assert course_of(schedule, 0.24, True).first == 7
    assert course_of(schedule, 0.2, True, 0.1, 0.5) == Course(7, 1, 5)


@pytest.mark.parametrize(
    ("skip_end", "keep", "steps"), [(0, 0.0, 8), (2, 0.0, 6), ("50%", 0.25, 2), (2, 1.0, 0)]
)
def test_steps_at_both_ends_are_left_out(skip_end, keep: float, steps: int) -> None:
    noted: list[tuple[int, int]] = []
    painter = toy_engine(diffusion={"skip_end_steps": skip_end})
    painter.paint(request_of(keep=keep), lambda step: noted.append((step.done, step.total)))
    assert noted == [(number + 1, steps) for number in range(steps)]


def test_a_batch_has_as_many_sources_as_pictures() -> None:
    painter = toy_engine(diffusion={"eta": 0.9, "sampler": "ddim"})
    requests = [REQUEST, replace(REQUEST, seed=12)]
    for together, request in zip(painter.paint_together(requests), requests, strict=True):
        torch.testing.assert_close(together.picture, painter.paint(request), atol=1e-3, rtol=0)


def test_a_draft_goes_on_with_its_cuts() -> None:
    painter = toy_engine(diffusion={"eta": 0.9})
    (draft,) = painter.paint_together([REQUEST], stop_at=0.5)
    assert int(draft.unfinished["index"]) == 4
    done: list[int] = []
    (whole,) = painter.paint_together(
        [REQUEST], lambda step: done.append(step.done), unfinished=[draft.unfinished]
    )
    assert done == [5, 6, 7, 8]
    assert torch.equal(whole.picture, painter.paint(REQUEST))


def test_an_expert_answers_where_there_is_more_noise_than_its_border() -> None:
    schedule = full_schedule(4)
    chosen = relayed(lambda x, index: "noisy", lambda x, index: "clean", schedule, 600.0)
    assert [chosen(INIT, index) for index in range(4)] == ["clean", "clean", "noisy", "noisy"]


def test_how_far_a_picture_was_out_of_range_is_told() -> None:
    (one,) = painted_of(torch.full((1, 3, 4, 4), 2.0))
    assert one.beyond == pytest.approx(0.5)
    assert float(one.picture.max()) == 1


def test_cuts_are_shown_where_they_are_asked_for() -> None:
    for keep in (False, True):
        painter = toy_engine()
        painter.keep_cuts = keep
        shown = []
        painter.paint(REQUEST, lambda step, shown=shown: shown.append(bool(step.cuts)))
        assert shown == [keep] * 8


def test_around_a_hole_the_share_falls_softly() -> None:
    mask = torch.zeros(128, 128, dtype=torch.bool)
    mask[40:80, 40:80] = True
    beside = softened(mask)[0, 60, 80:90]
    assert (beside[:-1] >= beside[1:]).all()
    assert 0.3 < float(beside[0]) < 1
    assert float(beside[-1]) == 0


def request_of(**changes) -> Request:
    return replace(REQUEST, init=INIT, **changes)


def test_the_pull_towards_an_init_has_the_requests_strength() -> None:
    painter = toy_engine(guidance={"clip_guidance_scale": 0.0})
    free, held = (painter.paint(request_of(keep=0.1, init_scale=scale)) - INIT for scale in (0.0, 20000.0))
    assert float(held.square().mean()) < 0.97 * float(free.square().mean())
