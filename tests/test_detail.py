"""The detail of a film: how it is measured, held and followed, and where."""

from __future__ import annotations

import itertools
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from torch import Tensor

from animator.depth.plane import PlaneDepth
from animator.film import detail
from animator.film.inits import InitSettings
from animator.film.loop import film
from animator.film.pins import Pin
from animator.film.shot import Turbo
from animator.film.state import LoopState
from animator.film.turbo import turbo_film
from animator.run.job import shot_of
from animator.run.loop_state import restored, saved_state
from animator.run.sources import Sources
from animator.scene.reading import read_scene
from animator.system.convert import frame_to_image, image_to_frame
from animator.types import Request
from tests.test_loop import Recorder, scene, shot

SEED = 3


def picture() -> Tensor:
    """Return a colourful picture in the middle of the range, with detail of all sizes."""
    generator = torch.Generator().manual_seed(SEED)
    parts = [
        torch.nn.functional.interpolate(
            torch.randn(1, 3, 64 // size, 128 // size, generator=generator), (64, 128), mode="bilinear"
        )
        for size in (1, 2, 4, 8)
    ]
    return (0.5 + 0.04 * sum(parts)[0]).clamp(0.05, 0.95)


def blurred(frame: Tensor, sigma: float = 0.6) -> Tensor:
    return image_to_frame(cv2.GaussianBlur(frame_to_image(frame), (0, 0), sigma))


class Blurring(Recorder):
    """An engine that blurs what it paints over, as networks do."""

    def paint(self, request: Request, on_step=None) -> Tensor:
        if request.init is None:
            return blurred(picture(), 0.42)
        return blurred(super().paint(request), 0.42)


def test_a_blur_is_seen_in_the_fine_bands_most() -> None:
    shares = detail.measure(blurred(picture())) / detail.measure(picture())
    assert shares.tolist() == sorted(shares.tolist())
    assert float(shares[0]) < 0.75
    assert float(shares[2]) > 0.9


def test_a_wave_is_in_the_band_of_its_length() -> None:
    places = np.arange(128, dtype=np.float32)
    for length, band in ((3, 0), (8, 1), (16, 2)):
        wave = np.broadcast_to(0.5 + 0.2 * np.sin(2 * np.pi * places / length), (128, 128))
        strong = detail.measure(image_to_frame(np.stack([wave] * 3, axis=-1)))
        assert int(strong.argmax()) == band


def test_held_detail_is_as_strong_as_asked() -> None:
    wanted = detail.measure(picture())
    for frame in (blurred(picture(), 0.42), (picture() - 0.5) * 1.3 + 0.5):
        held = detail.hold(frame, wanted, 1)
        torch.testing.assert_close(detail.measure(held), wanted, rtol=0.1, atol=0)
        off = [float((detail.measure(one) / wanted - 1).abs().max()) for one in (frame, held)]
        assert off[1] < 0.4 * off[0]


def test_colours_and_large_shapes_stay() -> None:
    frame = blurred(picture())
    held = detail.hold(frame, detail.measure(picture()), 1)
    for one, other in itertools.combinations(range(3), 2):
        torch.testing.assert_close(held[one] - held[other], frame[one] - frame[other], atol=1e-5, rtol=0)
    coarse = [cv2.GaussianBlur(frame_to_image(one), (0, 0), 8) for one in (frame, held)]
    assert float(np.abs(coarse[0] - coarse[1]).max()) < 0.01


def test_what_matches_stays_to_the_bit_and_so_does_all_with_no_strength() -> None:
    frame = picture()
    assert torch.equal(detail.hold(frame, detail.measure(frame), 1), frame)
    assert detail.hold(frame, 2 * detail.measure(frame), 0) is frame


def test_half_a_hold_takes_the_root() -> None:
    frame = picture()
    wanted = detail.measure(frame) * 1.2
    added = [detail.hold(frame, wanted, strength) - frame for strength in (0.5, 1)]
    shares = (added[0] * added[1]).sum() / (added[1] * added[1]).sum()
    assert float(shares) == pytest.approx((1.2**0.5 - 1) / 0.2, rel=1e-3)


def test_the_noise_of_a_flat_frame_is_not_blown_up() -> None:
    flat = 0.5 + 0.001 * (picture() - 0.5)
    held = detail.hold(flat, detail.measure(picture()), 1)
    assert float((held - 0.5).abs().max()) < 1.6 * float((flat - 0.5).abs().max())


def lasting(tmp_path: Path, prompts: str, driver: str, strength: float) -> float:
    """Return how much fine detail of the first frame that is painted over another the last one has."""
    path = tmp_path / "scene.yaml"
    path.write_text(f"size: [128, 64]\nseed: 7\nmode: 2d\nframes: 13\nprompts: {prompts}\n")
    loaded = read_scene(path)
    turbo = Turbo(3, 0) if driver == "turbo" else Turbo()
    driven = shot(loaded, detail=strength, turbo=turbo)
    drive = turbo_film if driver == "turbo" else film
    engine = Blurring()
    frames = list(drive(loaded.timeline, driven, engine, PlaneDepth(2.0), LoopState()))
    begun = frames[3 if driver == "turbo" else 1]
    first, last = (detail.measure(one.state.track.picture)[0] for one in (begun, frames[-1]))
    return float(last / first)


@pytest.mark.parametrize("driver", ["film", "turbo"])
def test_a_film_keeps_its_detail(tmp_path: Path, driver: str) -> None:
    free, half, held = (lasting(tmp_path, "a sea", driver, strength) for strength in (0, 0.5, 1))
    assert free < half < held
    assert held > 0.75
    assert free < 0.7


class Drawing(Recorder):
    """An engine that draws fine lines stronger than it finds them, or weaker."""

    def __init__(self, factor: float) -> None:
        super().__init__()
        self.factor = factor

    def paint(self, request: Request, on_step=None) -> Tensor:
        if request.init is None:
            return picture()
        soft = blurred(request.init, 2)
        drawn = soft + (request.init - soft) * self.factor
        return drawn if request.keep_map is None else torch.where(request.keep_map == 1, request.init, drawn)


class Wavering(Recorder):
    """An engine whose frames are sharper and softer in turn."""

    def paint(self, request: Request, on_step=None) -> Tensor:
        return blurred(picture(), 0.4 + 0.2 * (request.frame % 2))


@pytest.mark.parametrize("factor", [1.15, 0.87])
def test_what_painting_adds_or_takes_does_not_stay(tmp_path: Path, factor: float) -> None:
    loaded = scene(tmp_path, "mode: 2d\nframes: 16\n")
    frames = list(
        film(loaded.timeline, shot(loaded, detail=1.0), Drawing(factor), PlaneDepth(2.0), LoopState())
    )
    wanted, came = (detail.measure(frames[number].picture)[:2] for number in (1, 15))
    assert float((came / wanted).log().abs().max()) < 0.15


def test_what_a_region_keeps_stays_as_it_is(tmp_path: Path) -> None:
    """Detail is held before what is kept is put back."""
    path = tmp_path / "scene.yaml"
    path.write_text(
        "size: [128, 64]\nseed: 7\nmode: 2d\nframes: 6\nprompts: a sea\n"
        "regions: {left: {formula: 'x < 0.5', keep: true, still: true}}\n"
        "coherence: {detail_coherence: 1, color_coherence: 0}\n"
    )
    loaded = read_scene(path)
    driven = shot_of(loaded, Sources({}))
    frames = list(film(loaded.timeline, driven, Drawing(1.15), PlaneDepth(2.0), LoopState()))
    assert torch.equal(frames[5].picture[:, :, :56], frames[0].picture[:, :, :56])
    assert not torch.equal(frames[5].picture[:, :, 72:], frames[0].picture[:, :, 72:])


@pytest.mark.parametrize("turbo", [Turbo(), Turbo(2, 0)])
def test_a_pinned_picture_is_not_the_films_detail(tmp_path: Path, turbo: Turbo) -> None:
    loaded = scene(tmp_path, "mode: 2d\nframes: 6\n")
    rough = torch.rand(3, 64, 128, generator=torch.Generator().manual_seed(1))
    first = 1 if turbo.steps == 1 else 2
    driven = shot(loaded, detail=1.0, turbo=turbo, pins=(Pin(first, rough, "p", 1.0, 0, 0),))
    drive = film if turbo.steps == 1 else turbo_film
    frames = list(drive(loaded.timeline, driven, Blurring(), PlaneDepth(2.0), LoopState()))
    assert torch.equal(frames[first].picture, rough)
    assert frames[first].state.detail is None
    assert frames[-1].state.detail is not None
    assert not torch.equal(frames[-1].state.detail, detail.measure(rough))


def test_frames_that_begin_each_afresh_are_left_alone(tmp_path: Path) -> None:
    """With ``init_frames: all`` no frame comes from the one before, and `check` says that nothing is held."""
    loaded = scene(tmp_path, "mode: 2d\nframes: 5\n")
    init = InitSettings(picture(), frames="all")
    free, held = (
        list(
            film(
                loaded.timeline,
                shot(loaded, detail=strength, init=init, keep=0.5),
                Wavering(),
                PlaneDepth(2.0),
                LoopState(),
            )
        )
        for strength in (0.0, 1.0)
    )
    for one, other in zip(free, held, strict=True):
        assert torch.equal(one.picture, other.picture)


def test_new_prompts_bring_their_own_detail(tmp_path: Path) -> None:
    """While prompts are new nothing is held; from 16 frames after them on the film has another detail."""
    assert lasting(tmp_path, "{0: a sea, 1: a wood}", "film", 1) == lasting(
        tmp_path, "{0: a sea, 1: a wood}", "film", 0
    )


def test_the_reference_stays_and_comes_back_from_its_state(tmp_path: Path) -> None:
    loaded = scene(tmp_path, "mode: 2d\nframes: 4\n")
    driven = shot(loaded, detail=0.5)
    frames = list(film(loaded.timeline, driven, Blurring(), PlaneDepth(2.0), LoopState()))
    assert frames[0].state.detail is None
    for frame in frames[1:]:
        assert torch.equal(frame.state.detail, detail.measure(frames[1].picture))
    back = restored(*saved_state(frames[1].state), torch.device("cpu"))
    rest = list(film(loaded.timeline, driven, Blurring(), PlaneDepth(2.0), back))
    assert torch.equal(rest[-1].picture, frames[-1].picture)
    assert torch.equal(rest[-1].state.detail, frames[-1].state.detail)


def test_it_follows_quickly_while_the_prompts_are_new(tmp_path: Path) -> None:
    path = tmp_path / "scene.yaml"
    path.write_text("size: [128, 64]\nseed: 7\nmode: 2d\nframes: 40\nprompts: {0: a sea, 2: a wood}\n")
    loaded = read_scene(path)
    frames = list(film(loaded.timeline, shot(loaded), Blurring(), PlaneDepth(2.0), LoopState()))
    for before, frame in itertools.pairwise(frames[1:]):
        held = 1.0 if frame.frame < 2 else min(1.0, max(0, frame.frame - 17) / 17)
        wanted = before.state.detail.lerp(detail.measure(frame.picture), 0.1 * (1 - held))
        torch.testing.assert_close(frame.state.detail, wanted)


def test_a_state_of_an_earlier_version_has_no_detail_and_goes_on(tmp_path: Path) -> None:
    loaded = scene(tmp_path, "mode: 2d\nframes: 4\n")
    driven = shot(loaded, detail=1.0)
    frames = list(film(loaded.timeline, driven, Blurring(), PlaneDepth(2.0), LoopState()))
    tensors, meta = saved_state(frames[1].state)
    del tensors["detail"]
    back = restored(tensors, meta, torch.device("cpu"))
    rest = list(film(loaded.timeline, driven, Blurring(), PlaneDepth(2.0), back))
    assert torch.equal(rest[0].state.detail, detail.measure(rest[0].picture))


@pytest.mark.parametrize(
    ("text", "strength"),
    [
        ("mode: 2d\nframes: 3\n", 1),
        ("mode: 3d\nframes: 3\ncoherence: {detail_coherence: 0.3}\n", 0.3),
        ("mode: 2d\nframes: 3\ncoherence: {noise: new}\n", 0),
        ("mode: 2d\nframes: 3\ncoherence: {noise: new, detail_coherence: 0.4}\n", 0.4),
        ("mode: 2d\nframes: 3\nguidance: {compat: disco-5}\n", 0),
        ("mode: still\nimages: 2\n", 0),
    ],
)
def test_left_out_detail_is_held_where_noise_moves(tmp_path: Path, text: str, strength: float) -> None:
    loaded = scene(tmp_path, text if "coherence" in text or "compat" in text else f"{text}coherence: {{}}\n")
    assert shot_of(loaded, Sources({})).detail == strength
