"""Bad frames: which pictures are taken for one, and what becomes of it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from functools import partial

import numpy as np
import pytest
import torch
from torch import Tensor

from animator.diffusion.engine import GuidedDiffusion
from animator.diffusion.fake import fake_engine
from animator.diffusion.load import load_engine
from animator.errors import PaintError
from animator.film.guard import KEPT, Guarded, guarded
from animator.film.judge import NO_NUMBERS, fault_of
from animator.film.loop import Finished, Listener, film
from animator.film.shot import Shot
from animator.film.state import LoopState
from animator.run.dispatch import broken_before
from animator.runs import Entry
from animator.settings.diffusion import DiffusionOptions
from animator.settings.guard import GuardOptions
from animator.settings.guidance import CutOptions, GuidanceOptions
from animator.system.convert import uint8_to_frame
from animator.types import Painted, Prompt, Request
from tools.pocket.world.draw import draw
from tools.pocket.world.spec import draw_spec

LIMITS = GuardOptions()
SIDE = 64


def world(seed: int, width: int = 96, height: int = 64) -> Tensor:
    return uint8_to_frame(draw(draw_spec(seed), width, height)[0])


GOOD = world(1, SIDE, SIDE)
BLACK = torch.zeros(3, SIDE, SIDE)


def noise(seed: int = 0) -> Tensor:
    return torch.rand(3, SIDE, SIDE, generator=drawn(seed))


def drawn(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def box_blurred(picture: Tensor) -> Tensor:
    return torch.nn.functional.avg_pool2d(picture[None], 9, stride=1, padding=4, count_include_pad=False)[0]


def with_spot(picture: Tensor, value: float) -> Tensor:
    picture = picture.clone()
    picture[1, 5, 6] = value
    return picture


def two_tones(dark: float, bright: float) -> Tensor:
    """A silhouette: a dark hill before a bright sky, nothing between them."""
    rows, columns = torch.meshgrid(torch.arange(SIDE), torch.arange(SIDE), indexing="ij")
    hill = rows > 40 + 12 * torch.sin(columns / 9)
    return torch.where(hill, dark, bright).expand(3, -1, -1).contiguous()


# What is bad and what is not.


@pytest.mark.slow
def test_no_drawn_landscape_is_taken_for_a_bad_frame():
    """Nights, fog, snow, inks and oils: neither as a first frame nor after any other of them.

    In this size a woodcut's lines are a pixel wide and look like grain; larger ones are held below.
    """
    pictures = [world(seed) for seed in range(150) if draw_spec(seed).style != "woodcut"]
    before = [None, *pictures]
    faults = [
        fault_of(one, None, LIMITS) or fault_of(one, old, LIMITS)
        for old, one in zip(before, pictures, strict=False)
    ]
    assert faults == [""] * len(pictures)


@pytest.mark.slow
def test_no_woodcut_is_taken_for_noise():
    seeds = [seed for seed in range(400) if draw_spec(seed).style == "woodcut"]
    assert len(seeds) > 20
    assert {fault_of(world(seed, 192, 128), None, LIMITS) for seed in seeds} == {""}


def sky() -> Tensor:
    """A clear sky, a little lighter below, and nothing else."""
    rows = torch.linspace(0.55, 0.65, SIDE)[:, None].expand(SIDE, SIDE)
    return torch.stack([rows * 0.7, rows * 0.85, rows])


def fog() -> Tensor:
    """Soft patches of nearly the same light grey."""
    return 0.7 + 0.02 * box_blurred(torch.randn(3, SIDE, SIDE, generator=drawn(1))) * 9


def night() -> Tensor:
    """A black sky with a small moon."""
    picture = torch.full((3, SIDE, SIDE), 0.03)
    picture[:, 9:14, 30:35] = 0.9
    return picture


def pixel_art(seed: int) -> Tensor:
    """A landscape of 16 x 16 large pixels in four levels a channel."""
    coarse = world(seed, 128, 128).unflatten(1, (16, 8)).unflatten(3, (16, 8)).mean(dim=(2, 4))
    return ((coarse * 3).round() / 3).repeat_interleave(4, 1).repeat_interleave(4, 2)


PLAIN = {
    "sky": sky(),
    "fog": fog(),
    "night": night(),
    "silhouette": two_tones(0.0, 1.0),
    "red silhouette": two_tones(0.0, 1.0) * torch.tensor([1.0, 0.3, 0.0])[:, None, None],
    "grey grain": noise()[:1].expand(3, -1, -1),
    **{f"pixel art {seed}": pixel_art(seed) for seed in range(11)},
}


@pytest.mark.parametrize("name", PLAIN)
def test_plain_and_harsh_pictures_are_none(name):
    assert fault_of(PLAIN[name], None, LIMITS) == ""


def orange() -> Tensor:
    picture = torch.tensor([0.9, 0.4, 0.1])[:, None, None].repeat(1, SIDE, SIDE)
    picture[:, 3, 5:20] = 0
    return picture


BAD = {
    "nan": (with_spot(GOOD, float("nan")), NO_NUMBERS),
    "infinite": (with_spot(GOOD, float("-inf")), NO_NUMBERS),
    "black": (BLACK, "all black"),
    "nearly black": (with_spot(BLACK + 0.01, 1.0), "all black"),
    "white": (torch.ones(3, SIDE, SIDE), "all white"),
    "grey": (torch.full((3, SIDE, SIDE), 0.5), "flat (standard deviation 0.0000)"),
    "faint": (0.5 + 0.03 * (noise() - 0.5), "flat (standard deviation 0.0087)"),
    "orange": (orange(), "one colour (99.6% of the pixels)"),
    "rainbow": (noise(), "coloured noise (grain 1.75)"),
}


@pytest.mark.parametrize("name", BAD)
@pytest.mark.parametrize("before", [None, GOOD], ids=["first", "next"])
def test_bad_pictures_are_told_by_what_is_wrong(name, before):
    picture, fault = BAD[name]
    assert fault_of(picture, before, LIMITS) == fault


def test_blown_out_colours():
    """By how far values were out of range, or by the many more that are cut off than before."""
    blown = two_tones(0.0, 1.0)
    assert fault_of(blown, None, LIMITS) == ""
    assert fault_of(blown, None, LIMITS, beyond=0.3) == "blown out colours (0.30 out of range on average)"
    assert fault_of(blown, GOOD, LIMITS) == "blown out colours (100% more of the values are cut off)"
    assert fault_of(blown, blown, LIMITS) == ""


def test_a_frame_is_measured_against_what_it_was_painted_over():
    """A fade to black, or what was coloured noise already, goes on."""
    assert fault_of(BLACK, BLACK, LIMITS) == ""
    assert fault_of(noise(1), noise(), LIMITS) == ""
    before, alarms = GOOD, []
    for _ in range(20):
        faded = before * 0.6
        alarms.append(fault_of(faded, before, LIMITS))
        before = faded
    assert alarms == [""] * 20


def test_limits_are_options():
    off = GuardOptions(flat=0, solid=1, grain=99, clipped=1, beyond=99)
    for name, (picture, fault) in BAD.items():
        assert fault_of(picture, GOOD, off, beyond=50) == (fault if fault == NO_NUMBERS else ""), name


def test_a_pattern_that_the_sample_meets_in_one_place_is_no_flat_picture():
    large = torch.full((3, 512, 512), 0.2)
    large[:, 1::2] = 0.8
    assert fault_of(large, None, LIMITS) == ""
    assert fault_of(torch.full((3, 512, 512), 0.2), None, LIMITS).startswith("flat")


@pytest.mark.slow
def test_coloured_noise_is_found_at_every_size():
    for times in (1, 4, 8):
        large = (0.2 + 0.6 * noise()).repeat_interleave(times, 1).repeat_interleave(times, 2)
        assert fault_of(large, None, LIMITS).startswith("coloured noise"), times
    assert [fault_of(world(seed, 640, 384), None, LIMITS) for seed in (36, 305, 439, 503)] == [""] * 4


# What becomes of a bad frame.


class Scripted:
    """An engine that gives what it is told, one answer a call, and remembers what it was asked."""

    def __init__(self, *answers: object) -> None:
        self.answers = iter(answers)
        self.asked: list[Request] = []
        self.twins = 0

    def in_float32(self) -> Scripted:
        self.twins += 1
        return self

    def paint(self, request, on_step=None):
        return self.paint_together([request], on_step)[0].picture

    def paint_together(self, requests, on_step=None, *, stop_at=1.0, unfinished=None):
        self.asked += requests
        answer = next(self.answers)
        if isinstance(answer, Exception):
            raise answer
        pictures = answer if isinstance(answer, list) else [answer]
        return [one if isinstance(one, Painted) else Painted(one) for one in pictures]


def request(init: Tensor | None = None, seed: int = 7, clamp: float = 0.4) -> Request:
    return Request(
        frame=0,
        seed=seed,
        width=SIDE,
        height=SIDE,
        prompts=(Prompt("a sea"),),
        init=init,
        values={"guidance.clamp_max": np.full(1000, clamp), "guidance.clamp_grad": np.zeros(1000)},
    )


def test_a_good_frame_is_the_very_same():
    engine = Scripted(GOOD)
    guard = Guarded(engine, LIMITS)
    wanted = request()
    assert guard.paint(wanted) is GOOD
    assert engine.asked == [wanted]
    assert engine.asked[0] is wanted
    assert guard.next_notes() == ()


def test_a_bad_frame_is_painted_again_from_another_seed_and_more_gently(caplog):
    engine = Scripted(BLACK, GOOD)
    guard = Guarded(engine, LIMITS)
    guard.numbers = [12]
    assert guard.paint(request()) is GOOD
    first, again = engine.asked
    assert again.seed != first.seed
    assert 0 <= again.seed < 2**32
    assert (again.values["guidance.clamp_max"] == 0.2).all()
    assert (again.values["guidance.clamp_grad"] == 1).all()
    assert (first.values["guidance.clamp_max"] == 0.4).all()
    assert replace(again, seed=7, values={}) == replace(first, values={})
    assert engine.twins == 0
    note = f"all black; painted again from seed {again.seed} with half of guidance.clamp_max"
    assert guard.next_notes() == (note,)
    assert guard.next_notes() == ()
    assert [(one.levelname, one.message) for one in caplog.records] == [("WARNING", f"frame 12: {note}")]


def test_then_in_float32_with_a_quarter_and_always_from_the_same_seeds():
    asked = []
    for _ in range(2):
        engine = Scripted(BLACK, PaintError("no numbers"), GOOD)
        guard = Guarded(engine, LIMITS)
        assert guard.paint(request()) is GOOD
        assert engine.twins == 1
        assert (engine.asked[2].values["guidance.clamp_max"] == 0.1).all()
        assert guard.next_notes()[1].startswith(
            f"{NO_NUMBERS}; painted again from seed {engine.asked[2].seed} in"
        )
        asked.append([one.seed for one in engine.asked])
    assert asked[0] == asked[1]
    assert len(set(asked[0])) == 3


def test_then_the_moved_frame_stands_and_the_third_in_a_row_stops():
    init = GOOD * 1.2 - 0.1  # as a warp may leave it
    guard = Guarded(Scripted(*[BLACK] * 9), LIMITS)
    for number in (20, 21):
        guard.numbers = [number]
        assert torch.equal(guard.paint(request(init)), init.clamp(0, 1))
        assert guard.next_notes()[2] == f"all black; {KEPT}"
    guard.numbers = [22]
    with pytest.raises(PaintError) as stop:
        guard.paint(request(init))
    assert str(stop.value) == (
        "frame 22: all black, also painted again from two other seeds with less of guidance.clamp_max and in "
        "float32, the last of 3 frames in a row that could not be painted; lower guidance.clamp_max or "
        "guidance.clip_guidance_scale, or set guard.policy: off if it is meant to look like this"
    )


def test_a_frame_that_can_be_painted_ends_the_row():
    guard = Guarded(Scripted(BLACK, BLACK, GOOD, BLACK, BLACK), GuardOptions(policy="keep"))
    kept = []
    for _ in range(5):
        guard.paint(request(GOOD))
        kept.append(bool(guard.next_notes()))
    assert kept == [True, True, False, True, True]


def test_without_anything_to_keep_it_stops_at_once():
    with pytest.raises(PaintError, match=r"^frame 0: all black, also painted again"):
        Guarded(Scripted(BLACK, BLACK, BLACK), LIMITS).paint(request())
    with pytest.raises(PaintError, match=f"^frame 0: {NO_NUMBERS}; lower"):
        Guarded(Scripted(PaintError("")), GuardOptions(policy="keep")).paint(
            request(with_spot(GOOD, float("nan")))
        )


def test_policies():
    with pytest.raises(PaintError, match=r"^frame 0: all black; lower"):
        Guarded(Scripted(BLACK), GuardOptions(policy="stop")).paint(request(GOOD))
    off = Guarded(Scripted(BLACK, PaintError("the engine's own words")), GuardOptions(policy="off"))
    assert off.paint(request(GOOD)) is BLACK
    assert off.next_notes() == ()
    with pytest.raises(PaintError, match="the engine's own words"):
        off.paint(request(GOOD))


def test_of_stills_painted_together_only_the_bad_one_is_painted_again():
    engine = Scripted(PaintError(""), GOOD, Painted(GOOD, beyond=0.9), world(2, SIDE, SIDE), GOOD)
    guard = Guarded(engine, LIMITS)
    guard.numbers = [3, 4, 5]
    made = guard.paint_together([request(seed=seed) for seed in (1, 2, 3)])
    assert [one.picture is GOOD for one in made] == [True, True, False] or made[2].picture is not GOOD
    seeds = [one.seed for one in engine.asked]
    assert seeds[:6] == [1, 2, 3, 1, 2, 3]
    assert len(seeds) == 7
    assert seeds[6] not in (1, 2, 3)
    assert [len(guard.next_notes()) for _ in range(3)] == [0, 1, 0]


def test_a_draft_is_no_picture_yet():
    draft = Painted(BLACK, unfinished={"x": BLACK})
    assert Guarded(Scripted(draft), LIMITS).paint_together([request()], stop_at=0.2) == [draft]


# With the drivers.


def frames(
    read, engine: object, last: int, listener: Listener, state: LoopState, broken: int
) -> list[Finished]:
    loaded = read(f"mode: 2d\nmodels: fake\nsize: [64, 64]\nframes: {last}\nseed: 1\nprompts: {{0: a sea}}\n")
    shot = Shot("2d", SIDE, SIDE, last, 1, "fixed")

    def driver(engine, listener) -> Iterator[Finished]:
        return film(loaded.timeline, shot, engine, None, state, listener=listener)

    return list(guarded(driver, engine, LIMITS, listener, broken=broken))


class Heard(Listener):
    def __init__(self) -> None:
        self.begun: list[int] = []

    def begin(self, numbers) -> None:
        self.begun += numbers


def test_a_film_carries_the_notes_of_each_frame_and_counts_on_after_a_resume(read, caplog):
    heard = Heard()
    made = frames(read, Scripted(GOOD, *[BLACK] * 3, GOOD, *[BLACK] * 6), 5, heard, LoopState(), 0)
    assert heard.begun == [0, 1, 2, 3, 4]
    assert [len(one.notes) for one in made] == [0, 3, 0, 3, 3]
    assert {one.message.split(":")[0] for one in caplog.records} == {"frame 1", "frame 3", "frame 4"}
    assert torch.equal(made[1].state.track.picture, made[1].picture)
    assert bool(made[1].picture.std() > 0.01)
    entries = {one.frame: Entry(one.frame, "", 1, 1.0, notes=one.notes) for one in made}
    assert [broken_before(entries, number) for number in range(6)] == [0, 0, 1, 0, 1, 2]
    with pytest.raises(PaintError, match=r"^frame 5: .* the last of 3 frames in a row"):
        frames(read, Scripted(*[BLACK] * 3), 6, heard, made[4].state, broken_before(entries, 5))


def test_frames_that_are_only_moved_do_not_end_the_row():
    stages = {0: {"denoise": 1.0}, 1: {"warp": 1.0}, 2: {"denoise": 1.0}, 3: {"warp": 1.0}}
    entries = {
        number: Entry(number, "", 1, 1.0, stages=parts, notes=(f"flat; {KEPT}",) * ("denoise" in parts))
        for number, parts in stages.items()
    }
    assert broken_before(entries, 4) == 2
    assert broken_before({**entries, 2: replace(entries[2], notes=())}, 4) == 0


# With real networks.

DIFFUSION = DiffusionOptions(steps=10, precision="float32")
GUIDANCE = GuidanceOptions(cuts=CutOptions(overview=2, innercut=2, ic_pow=1, icgray_p=0))


def asked(engine: GuidedDiffusion, **values: float) -> Painted:
    return engine.paint_together([real_request(**values)])[0]


def real_request(**values: float) -> Request:
    curves = {name.replace("_", ".", 1): np.full(1000, value) for name, value in values.items()}
    return Request(0, 3, SIDE, SIDE, (Prompt("a lighthouse by the sea"),), values=curves)


@pytest.fixture(scope="module")
def real() -> GuidedDiffusion:
    """The bundled networks."""
    return load_engine(DIFFUSION, GUIDANCE, "cpu")


@pytest.mark.vital
@pytest.mark.slow
def test_absurd_guidance_is_seen_and_painted_again(real):
    engine = GuidedDiffusion(replace(real.networks, estimate="free"), DIFFUSION, GUIDANCE)
    good = asked(engine)
    assert fault_of(good.picture, None, LIMITS, beyond=good.beyond) == ""
    assert good.beyond < 0.2
    wild = asked(engine, guidance_clamp_max=5)
    assert wild.beyond > 0.25
    assert "blown out" in fault_of(wild.picture, None, LIMITS, beyond=wild.beyond)
    guard = Guarded(engine, LIMITS)
    mended = guard.paint_together([real_request(guidance_clamp_grad=0, guidance_clip_guidance_scale=1e30)])[0]
    assert fault_of(mended.picture, None, LIMITS, beyond=mended.beyond) == ""
    assert guard.next_notes()[0].startswith(NO_NUMBERS)


@pytest.mark.slow
def test_absurd_guidance_of_a_held_network_is_coloured_noise(real):
    wild = asked(real, guidance_clamp_max=50, guidance_clip_guidance_scale=1e6)
    assert fault_of(wild.picture, None, LIMITS, beyond=wild.beyond).startswith("coloured noise")
    with pytest.raises(PaintError, match="no numbers"):
        asked(real, guidance_clamp_grad=0, guidance_clip_guidance_scale=1e30)


def test_the_twin_computes_in_float32_what_an_engine_in_float32_does():
    short = fake_engine(DIFFUSION, GUIDANCE.model_copy(update={"clip_models": {"fake": 1}}))
    assert short.in_float32() is short
    half = GuidedDiffusion(
        short.networks, DIFFUSION.model_copy(update={"precision": "bfloat16"}), short.guidance
    )
    twin = half.in_float32()
    one = partial(real_request, guidance_clip_guidance_scale=5000)
    assert twin is not half
    assert twin.networks.denoiser is half.networks.denoiser
    assert torch.equal(twin.paint(one()), short.paint(one()))
