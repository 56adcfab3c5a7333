"""Stylised footage, driven by engines so simple and by motion so plain that every frame can be foretold."""

from __future__ import annotations

import builtins
import os
from collections.abc import Callable

import cv2
import numpy as np
import pytest
import torch
from torch import Tensor

from animator.film import colour
from animator.film.loop import FLOW, Listener
from animator.film.pins import Pin
from animator.film.shot import Shot
from animator.film.state import LoopState
from animator.film.stylise import Trust, followed, stylise
from animator.flow.dis import DisFlow
from animator.system import rng
from animator.types import Request
from animator.video.finishing import finished_film

WIDTH, HEIGHT, FRAMES, PACE = 96, 64, 6, 2
HARD = Trust(dilation=0, blur=0)
BEGIN = LoopState()


def texture(seed: int, width: int = WIDTH + FRAMES * PACE) -> Tensor:
    """Return soft blotches, as flow can follow them."""
    noise = torch.rand(HEIGHT, width, 3, generator=rng.generator(seed, 0, "noise")).numpy()
    soft = cv2.GaussianBlur(noise, (0, 0), 2)
    low, high = soft.min(), soft.max()
    return torch.from_numpy((soft - low) / (high - low)).permute(2, 0, 1).contiguous()


def footage(frame: int) -> Tensor:
    """Return a window that glides over a texture to the right, so that its things go to the left."""
    return texture(1)[:, :, PACE * frame : PACE * frame + WIDTH]


def shift(x: float) -> Tensor:
    return torch.stack([torch.full((HEIGHT, WIDTH), float(x)), torch.zeros(HEIGHT, WIDTH)])


def known_flow(frame: int, before: Tensor, here: Tensor) -> tuple[Tensor, Tensor]:
    return shift(-PACE), shift(PACE)


class Painter:
    """An engine that paints ``first`` where it is asked for frame 0, and else hands back what it got."""

    def __init__(self, first: Tensor | None = None, change: Callable[[Tensor], Tensor] = lambda x: x) -> None:
        self.requests: list[Request] = []
        self.first = first
        self.change = change

    def paint(self, request: Request, on_step=None) -> Tensor:
        self.requests.append(request)
        assert request.init is not None
        first = self.first is not None and len(self.requests) == 1
        return self.first if first else self.change(request.init)


@pytest.fixture
def film(read):
    """Stylise; more settings of the scene come as a text."""

    def of(
        engine, more="", *, flows=known_flow, cuts=(), trust=HARD, state=BEGIN, footage=footage, pins=(), **kw
    ):
        text = f"prompts: a sea\nmode: 2d\nframes: {FRAMES}\nseed: 7\n{more}"
        loaded = read(text if "coherence" in text else f"{text}\ncoherence: {{color_coherence: 0}}")
        shot = Shot("video", WIDTH, HEIGHT, FRAMES, 7, loaded.scene.seed_mode, pins=pins)
        return list(stylise(loaded.timeline, shot, engine, footage, flows, cuts, trust, state, **kw))

    return of


def test_what_was_painted_travels_with_the_footage(film):
    painted = texture(2, WIDTH)
    last = film(Painter(painted), "video: {flow_blend: 1}")[-1].picture
    gone = PACE * (FRAMES - 1)
    torch.testing.assert_close(last[:, :, :-gone], painted[:, :, gone:], atol=2e-4, rtol=0)
    # What came in from outside has no past: there the footage stands.
    torch.testing.assert_close(last[:, :, -gone:], footage(FRAMES - 1)[:, :, -gone:], atol=2e-4, rtol=0)


@pytest.mark.parametrize("strength", [1.0, 0.5])
def test_stylised_footage_passes_through_a_picture(film, strength):
    pin = Pin(3, texture(2, WIDTH), "a.png", strength, before=2, after=1)
    engine = Painter()
    frames = film(engine, "video: {flow_blend: 0}", pins=(pin,))
    away = [float((one.picture - footage(one.frame)).abs().mean()) for one in frames]
    whole = float((pin.picture - footage(3)).abs().mean())
    assert away[3] >= strength * whole
    assert away[0] == away[5] == 0
    assert 0 < away[1] < away[2] < away[3] > away[4] > 0
    if strength == 1:
        assert torch.equal(frames[3].picture, pin.picture)
        assert len(engine.requests) == FRAMES - 1


def test_it_travels_with_flow_that_was_found_in_the_footage(film):
    painted = texture(2, WIDTH)
    flow = DisFlow()
    film_ = film(
        Painter(painted), "video: {flow_blend: 1}", flows=lambda f, a, b: flow.both_ways(a, b), trust=Trust()
    )
    last = film_[-1].picture
    gone = PACE * (FRAMES - 1)
    inner = (slice(None), slice(8, -8), slice(8, WIDTH - gone - 16))
    error = (last[:, :, :-gone] - painted[:, :, gone:])[inner].abs().mean()
    still = (last - painted)[inner].abs().mean()
    assert error < 0.03
    assert still > 3 * error


@pytest.mark.parametrize("blend", [0.25, 0.6])
def test_the_blend_is_a_share_of_the_output_and_the_rest_is_footage(film, blend):
    still = texture(1, WIDTH)
    engine = Painter(texture(2, WIDTH))
    film(
        engine,
        f"video: {{flow_blend: {blend}}}",
        flows=lambda f, a, b: (shift(0), shift(0)),
        footage=lambda f: still,
    )
    expected = (1 - blend) * still + blend * engine.first
    torch.testing.assert_close(engine.requests[1].init, expected, atol=1e-6, rtol=0)
    torch.testing.assert_close(
        engine.requests[2].init, (1 - blend) * still + blend * expected, atol=1e-6, rtol=0
    )


def torn(frame: int, before: Tensor, here: Tensor) -> tuple[Tensor, Tensor]:
    """Return flows that do not come back to where they started in the left half."""
    forward, back = shift(-PACE), shift(PACE)
    forward[0, :, : WIDTH // 2] = 9
    return forward, back


def test_the_footage_wins_where_the_flows_do_not_agree(film):
    engine = Painter(texture(2, WIDTH))
    film(engine, "video: {flow_blend: 1}", flows=torn)
    init, half = engine.requests[1].init, WIDTH // 2 - PACE
    assert torch.equal(init[:, :, : half - 1], footage(1)[:, :, : half - 1])
    moved = engine.first[:, :, half + PACE + 1 :]
    torch.testing.assert_close(init[:, :, half + 1 : -PACE], moved, atol=1e-4, rtol=0)


def test_disagreement_is_widened_and_blurred_or_ignored():
    flows = torn(1, footage(0), footage(1))
    hard = followed(*flows, HARD)
    wide = followed(*flows, Trust(dilation=4, blur=0))
    soft = followed(*flows, Trust(dilation=4, blur=2))
    row = HEIGHT // 2
    lost = [int((mask[row, : WIDTH - 10] == 0).sum()) for mask in (hard, wide)]
    assert lost[1] == lost[0] + 4
    assert 4 < len(soft[row, : WIDTH - 10].unique()) < 20
    assert torch.equal(followed(*flows, Trust(check_consistency=False)), torch.ones(HEIGHT, WIDTH))


def test_every_frame_has_an_init_and_its_share_of_the_diffusion(film):
    engine = Painter()
    more = 'coherence: {frames_skip_steps: "0: (40%), 2: (80%)", frames_scale: 900, color_coherence: 0}\n'
    made = film(engine, more, flows=None)
    assert [one.keep for one in engine.requests[:3]] == pytest.approx([0.4, 0.6, 0.8])
    assert all((one.init_scale == 900).all() for one in engine.requests)
    assert all(torch.equal(one.init, footage(f)) for f, one in enumerate(engine.requests))
    assert [one.frame for one in made] == list(range(FRAMES))
    assert engine.requests[0].prompts[0].text == "a sea"
    assert "guidance.clamp_max" in engine.requests[0].values


def test_a_cut_carries_nothing_over(film):
    asked = []

    def flows(frame, before, here):
        asked.append(frame)
        assert torch.equal(before, footage(frame - 1))
        assert torch.equal(here, footage(frame))
        return shift(-PACE), shift(PACE)

    engine = Painter(torch.zeros(3, HEIGHT, WIDTH))
    more = "video: {flow_blend: 1}\ncoherence: {color_coherence: 1}\n"
    made = film(engine, more, flows=flows, cuts={3})
    assert asked == [1, 2, 4, 5]
    assert torch.equal(engine.requests[3].init, footage(3))
    assert torch.equal(made[3].state.colours, colour.measure(footage(3)))
    assert engine.requests[2].init.mean() < 0.2


def test_without_a_share_no_flow_is_asked_for(film):
    asked = []

    def flows(frame, before, here):
        asked.append(frame)
        return known_flow(frame, before, here)

    engine = Painter(torch.zeros(3, HEIGHT, WIDTH))
    film(engine, "video: {flow_blend: '0: (0), 3: (0), 5: (1)'}", flows=flows)
    assert asked == [4, 5]
    assert torch.equal(engine.requests[3].init, footage(3))


def paler(picture: Tensor) -> Tensor:
    return (picture * 0.9 + 0.02).clamp(0, 1)


@pytest.mark.parametrize("flows", [known_flow, None])
@pytest.mark.parametrize("at", range(FRAMES))
def test_going_on_from_any_frame_is_the_same_film(film, at, flows):
    more = "coherence: {color_coherence: 0.5}\n"
    whole = film(Painter(change=paler), more, flows=flows, cuts={3}, trust=Trust())
    asked = []

    def read(frame):
        asked.append(frame)
        return footage(frame)

    state = whole[at].state
    rest = film(Painter(change=paler), more, flows=flows, cuts={3}, trust=Trust(), state=state, footage=read)
    assert [one.frame for one in rest] == list(range(at + 1, FRAMES))
    assert asked == list(range(at, FRAMES))
    for one in rest:
        assert torch.equal(one.picture, whole[one.frame].picture)
        assert torch.equal(one.state.colours, whole[one.frame].state.colours)


@pytest.mark.parametrize("flows", [known_flow, None])
def test_colours_are_held(film, flows):
    drift = {}
    still = texture(1, WIDTH)
    for strength in (0, 1):
        made = film(
            Painter(change=paler),
            f"coherence: {{color_coherence: {strength}}}\nvideo: {{flow_blend: 1}}\n",
            flows=(lambda f, a, b: (shift(0), shift(0))) if flows else None,
            footage=lambda f: still * (1 - 0.1 * f),
        )
        first, last = (colour.measure(one.picture) for one in (made[0], made[-1]))
        drift[strength] = float((first - last).abs().max())
    assert drift[1] < drift[0] / 2


@pytest.mark.parametrize(
    ("mode", "seeds", "frames"), [("step", [7, 8, 9], [0, 1, 2]), ("fixed", [7, 7, 7], [0, 0, 0])]
)
def test_a_fixed_seed_gives_every_frame_the_same_noise(film, mode, seeds, frames):
    engine = Painter()
    made = film(engine, f"seed_mode: {mode}\n")
    assert [one.seed for one in engine.requests[:3]] == seeds
    assert [one.frame for one in engine.requests[:3]] == frames
    assert [one.seed for one in made[:3]] == seeds


class Told(Listener):
    """Writes down the stages, and what they made."""

    def __init__(self) -> None:
        self.stages: list[tuple[int, str]] = []
        self.parts: dict[tuple[int, str], Tensor] = {}

    def stage(self, frame, name) -> None:
        self.stages.append((frame, name))

    def made(self, frame, name, value) -> None:
        self.parts[frame, name] = value


@pytest.mark.parametrize("mode", ["step", "fixed"])
def test_the_steps_come_in_their_order_and_show_what_they_made(film, mode):
    told = Told()
    more = f"seed_mode: {mode}\ncoherence: {{color_coherence: 1}}\n"
    film(Painter(change=paler), more, listener=told)
    steps = ["look up", FLOW, "warp", "colour", "noise", "denoise", "keep"]
    assert [name for frame, name in told.stages if frame == 2] == steps
    assert [name for frame, name in told.stages if frame == 0] == [steps[0], *steps[3:]]
    assert {name for frame, name in told.parts if frame == 0} == {"footage", "held", "init"}
    names = {"footage", "trust", "warped", "held", "init"}
    assert {name for frame, name in told.parts if frame == 2} == names
    assert told.parts[2, "trust"].shape == (HEIGHT, WIDTH)


def test_the_driver_opens_no_file(film, monkeypatch, capfd):
    more = "coherence: {color_coherence: 1}\n"

    def refuse(*args, **kwargs):
        raise AssertionError(f"the driver opened {args}")

    class Closing(Painter):
        def paint(self, request, on_step=None):
            monkeypatch.setattr(builtins, "open", refuse)
            monkeypatch.setattr(os, "open", refuse)
            return super().paint(request, on_step)

    film(Painter(), more)  # whatever is imported late is imported now
    made = film(Closing(), more)
    monkeypatch.undo()
    assert len(made) == FRAMES
    assert capfd.readouterr() == ("", "")


# The last pass.

LEVELS = [np.full((4, 6, 3), level, np.uint8) for level in (10, 20, 60, 200)]


def levels(frames) -> list[int]:
    return [int(frame[0, 0, 0]) for frame in frames]


def test_without_a_last_pass_the_frames_are_handed_on():
    assert all(a is b for a, b in zip(finished_film(LEVELS, "none"), LEVELS, strict=True))


def test_a_frame_is_mixed_with_the_painted_one_before_it():
    assert levels(finished_film(LEVELS, "linear", 0.75)) == [10, 18, 50, 165]  # 17.5 goes up
    assert levels(finished_film(LEVELS, "linear", 1)) == [10, 20, 60, 200]
    assert levels(finished_film(LEVELS, "linear", 0, cuts={2})) == [10, 10, 60, 60]


def test_the_last_pass_follows_the_flow():
    frames = [(footage(f).permute(1, 2, 0).numpy() * 255).round().astype(np.uint8) for f in range(3)]
    asked = []

    def back(number):
        asked.append(number)
        trust = torch.ones(HEIGHT, WIDTH)
        trust[:, -PACE:] = 0
        return shift(PACE), trust

    followed_ones = list(finished_film(frames, "flow", 0.5, back))
    assert asked == [1, 2]
    for one, frame in zip(followed_ones, frames, strict=True):
        assert abs(one.astype(int) - frame).max() <= 1
    mixed = list(finished_film(frames, "linear", 0.5))
    assert abs(mixed[1].astype(int) - frames[1]).max() > 10
    everywhere = list(finished_film(frames, "flow", 0.5, lambda number: (shift(PACE), None)))
    assert abs(everywhere[1].astype(int) - frames[1])[:, -PACE:].max() > 1


def test_the_last_pass_along_the_flow_needs_the_flow():
    with pytest.raises(ValueError, match="needs the flow of the footage"):
        list(finished_film(LEVELS, "flow"))


def test_the_last_pass_takes_frames_as_they_come():
    taken = []

    def frames():
        for number, frame in enumerate(LEVELS):
            taken.append(number)
            yield frame

    film_ = finished_film(frames(), "linear")
    assert taken == []
    next(film_)
    assert taken == [0]
