"""A diffusion that is lost is given up on the way, and no other one."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import Tensor

from animator.diffusion.load import load_engine
from animator.film.guard import KEPT, Guarded
from animator.film.judge import NO_NUMBERS, fault_of
from animator.film.under_way import LOOKS
from animator.settings.diffusion import DiffusionOptions
from animator.settings.guard import GuardOptions
from animator.settings.guidance import CutOptions, GuidanceOptions
from animator.system.convert import uint8_to_frame
from animator.types import Painted, PaintStep, Prompt, Request
from tools.pocket.world.draw import draw
from tools.pocket.world.spec import draw_spec

SIDE, TOTAL = 64, 20
LIMITS = GuardOptions()

Course = Callable[[int], Tensor]
"""The clean estimate after a number of steps."""


def drawn(seed: int) -> Tensor:
    return torch.rand(3, SIDE, SIDE, generator=torch.Generator().manual_seed(seed))


GOOD = uint8_to_frame(draw(draw_spec(1), SIDE, SIDE)[0])
BLACK = torch.zeros(3, SIDE, SIDE)


def same(picture: Tensor) -> Course:
    return lambda done: picture


def blurred(done: int) -> Tensor:
    """The good picture, at first almost grey, then harsh, then itself: as the networks' estimates are."""
    share = done / TOTAL
    if share < 0.2:
        soft = torch.nn.functional.avg_pool2d(GOOD[None], 15, stride=1, padding=7)[0]
        return 0.5 + 0.1 * (soft - 0.5)
    return (0.5 + (GOOD - 0.5) * (1 + 8 * (1 - share))).clamp(0, 1)


def harsh(done: int) -> Tensor:
    """What strong guidance does: nearly all is cut off at first, and it finds back."""
    return drawn(4).round() if done < 0.3 * TOTAL else blurred(done)


class Stepping:
    """An engine whose estimates are given, a course for each picture that it is asked for."""

    def __init__(self, *courses: Course) -> None:
        self.courses = iter(courses)
        self.asked: list[Request] = []
        self.steps: list[int] = []
        self.looked = 0

    def in_float32(self) -> Stepping:
        return self

    def paint(self, request, on_step=None):
        return self.paint_together([request], on_step)[0].picture

    def paint_together(self, requests, on_step=None, *, stop_at=1.0, unfinished=None):
        self.asked += requests
        courses = [next(self.courses) for _ in requests]
        first = 0 if unfinished is None else int(unfinished[0]["index"])
        last = round(stop_at * TOTAL)
        self.steps.append(0)
        for done in range(first + 1, last + 1):
            self.steps[-1] += 1

            def pictures(done: int = done) -> list[Tensor]:
                self.looked += 1
                return [course(done) for course in courses]

            if on_step is not None:
                on_step(PaintStep(done, TOTAL, pictures))
        left = None if last == TOTAL else {"index": torch.tensor(last)}
        return [Painted(course(last), unfinished=left) for course in courses]


def request(init: Tensor | None = None, seed: int = 7) -> Request:
    values = {"guidance.clamp_max": np.full(1000, 0.4), "guidance.clamp_grad": np.ones(1000)}
    return Request(0, seed, SIDE, SIDE, (Prompt("a sea"),), init=init, values=values)


LOST = {
    "black": (BLACK, 3, "all black, given up at 15% of the steps"),
    "white": (BLACK + 1, 3, "all white, given up at 15% of the steps"),
    "grey": (BLACK + 0.5, 3, "flat (standard deviation 0.0000), given up at 15% of the steps"),
    "noise": (drawn(1), 6, "coloured noise (grain 1.76), given up at 30% of the steps"),
    "no numbers": (BLACK / 0, 3, f"{NO_NUMBERS}, given up at 15% of the steps"),
    "cut off": (
        drawn(1)[:, ::4, ::4].round().repeat_interleave(4, 1).repeat_interleave(4, 2),
        6,
        "coloured noise (grain 0.70), given up at 30% of the steps",
    ),
}


@pytest.mark.parametrize("name", LOST)
@pytest.mark.parametrize("init", [None, GOOD], ids=["first", "next"])
def test_what_is_lost_is_given_up_early_and_painted_again(name, init, caplog):
    picture, steps, fault = LOST[name]
    engine = Stepping(same(picture), same(GOOD))
    guard = Guarded(engine, LIMITS)
    guard.numbers = [12]
    assert guard.paint(request(init)) is GOOD
    assert engine.steps == [steps, TOTAL]
    first, again = engine.asked
    assert again.seed != first.seed
    note = f"{fault}; painted again from seed {again.seed} with half of guidance.clamp_max"
    assert guard.next_notes() == (note,)
    assert [one.message for one in caplog.records] == [f"frame 12: {note}"]


@pytest.mark.parametrize("course", [same(GOOD), blurred, harsh], ids=["good", "blurred", "harsh"])
@pytest.mark.parametrize("init", [None, GOOD], ids=["first", "next"])
def test_a_healthy_one_never_is_and_is_looked_at_four_times(course, init):
    engine = Stepping(course)
    guard = Guarded(engine, LIMITS)
    assert torch.equal(guard.paint(request(init)), course(TOTAL))
    assert engine.steps == [TOTAL]
    assert engine.looked == len(LOOKS) == 4
    assert guard.next_notes() == ()


def test_what_becomes_lost_later_is_given_up_at_the_next_look():
    engine = Stepping(lambda done: GOOD if done < 8 else BLACK, same(GOOD))
    Guarded(engine, LIMITS).paint(request())
    assert engine.steps == [10, TOTAL]


def test_a_fade_to_black_is_none():
    for init in (BLACK, GOOD * 0.02):
        engine = Stepping(same(init * 0.5))
        assert torch.equal(Guarded(engine, LIMITS).paint(request(init)), init * 0.5)
        assert engine.steps == [TOTAL]


def test_lost_each_time_it_is_kept_after_a_few_steps_of_each_attempt():
    engine = Stepping(*[same(BLACK)] * 3)
    guard = Guarded(engine, LIMITS)
    assert torch.equal(guard.paint(request(GOOD)), GOOD)
    assert engine.steps == [3, 3, 3]
    assert guard.next_notes()[2] == f"all black, given up at 15% of the steps; {KEPT}"


def test_settings_hold_on_the_way_too():
    engine = Stepping(same(BLACK), same(BLACK))
    assert Guarded(engine, GuardOptions(policy="off")).paint(request()) is BLACK
    assert Guarded(engine, GuardOptions(flat=0, solid=1)).paint(request()) is BLACK
    assert engine.steps == [TOTAL, TOTAL]
    noise = drawn(1).round()
    engine = Stepping(same(noise))
    assert Guarded(engine, GuardOptions(grain=99, clipped=1)).paint(request()) is noise


def test_steps_are_heard_as_before():
    heard = []
    Guarded(Stepping(same(GOOD)), LIMITS).paint(request(), lambda step: heard.append(step.done))
    assert heard == list(range(1, TOTAL + 1))


def test_a_draft_is_not_looked_at_but_its_end_is():
    engine = Stepping(same(BLACK), same(BLACK), same(GOOD))
    guard = Guarded(engine, LIMITS)
    draft = guard.paint_together([request()], stop_at=0.5)[0]
    assert engine.steps == [10]
    assert guard.paint_together([request()], unfinished=[draft.unfinished])[0].picture is GOOD
    assert engine.steps == [10, 1, TOTAL]


def test_pictures_together_go_on_while_one_of_them_may_become_one():
    engine = Stepping(same(BLACK), same(GOOD), same(GOOD))
    guard = Guarded(engine, LIMITS)
    made = guard.paint_together([request(seed=1), request(seed=2)])
    assert [one.picture is GOOD for one in made] == [True, True]
    assert engine.steps == [TOTAL, TOTAL]
    assert [len(guard.next_notes()) for _ in range(2)] == [1, 0]


def test_where_all_are_lost_or_one_is_no_numbers_they_are_stopped():
    engine = Stepping(same(BLACK), same(BLACK + 1), same(GOOD), same(GOOD))
    Guarded(engine, LIMITS).paint_together([request(seed=1), request(seed=2)])
    assert engine.steps == [3, TOTAL, TOTAL]
    engine = Stepping(same(BLACK / 0), same(GOOD), same(GOOD), same(GOOD))
    guard = Guarded(engine, LIMITS)
    guard.paint_together([request(seed=1), request(seed=2)])
    assert engine.steps == [3, TOTAL, TOTAL]
    assert [one.seed for one in engine.asked[:3]] == [1, 2, 2]
    assert [len(guard.next_notes()) for _ in range(2)] == [1, 0]


# With the networks that come along.

DIFFUSION = DiffusionOptions(steps=10, precision="float32")
GUIDANCE = GuidanceOptions(cuts=CutOptions(overview=2, innercut=2, ic_pow=1, icgray_p=0))
HOSTILE = {"guidance.clamp_grad": np.zeros(1000), "guidance.clip_guidance_scale": np.full(1000, 1e6)}


class Counting:
    """Counts the steps of an engine."""

    def __init__(self, engine) -> None:
        self.engine = engine
        self.steps: list[int] = []

    def paint_together(self, requests, on_step=None, **how):
        self.steps.append(0)

        def step(one: PaintStep) -> None:
            self.steps[-1] += 1
            if on_step is not None:
                on_step(one)

        return self.engine.paint_together(requests, step, **how)


@pytest.fixture(scope="module")
def networks():
    """Return an engine of the bundled networks, which keeps nothing from one picture to the next."""
    return load_engine(DIFFUSION, GUIDANCE, "cpu")


def asked(seed: int = 3, **values) -> Request:
    return replace(request(seed=seed), prompts=(Prompt("a lighthouse by the sea"),), values=values)


@pytest.mark.slow
def test_healthy_pictures_of_the_networks_are_painted_to_their_end(networks):
    engine = Counting(networks)
    guard = Guarded(engine, LIMITS)
    strong = {"guidance.clamp_max": np.full(1000, 0.6), "guidance.clip_guidance_scale": np.full(1000, 1e5)}
    for wanted in (asked(1), asked(2), asked(1, **strong)):
        guard.paint(wanted)
    assert engine.steps == [10] * 3


@pytest.mark.slow
def test_unclamped_guidance_is_given_up_and_gives_the_same_bytes_again_and_from_a_draft(networks):
    wanted, made = asked(**HOSTILE), []
    for _ in range(2):
        engine = Counting(networks)
        guard = Guarded(engine, LIMITS)
        made.append(guard.paint(wanted))
        assert engine.steps == [3, 10]
        assert "coloured noise" in guard.next_notes()[0]
    assert fault_of(made[0], None, LIMITS) == ""
    assert torch.equal(made[0], made[1])
    draft = guard.paint_together([wanted], stop_at=0.4)[0].unfinished
    finished = guard.paint_together([wanted], unfinished=[draft])[0].picture
    assert torch.equal(finished, made[0])
