"""Pictures that a film passes through."""

from __future__ import annotations

import dataclasses
import hashlib
import itertools

import cv2
import numpy as np
import pytest
import torch

from animator.depth.plane import PlaneDepth
from animator.errors import SceneError
from animator.film.approach import approach
from animator.film.loop import film
from animator.film.pins import Pin, calmer, coming, drawn_to
from animator.film.state import LoopState
from animator.film.turbo import turbo_film
from animator.keyframes import Clock
from animator.run.fingerprint import hash_inputs
from animator.run.job import shot_of
from animator.run.sources import gather
from animator.scene.pins import frame_of, pinned_in
from animator.scene.reading import read_scene
from animator.types import Prompt
from tests.test_loop import Recorder
from tests.wiring import job

SIZE = 64
GREY = torch.full((3, 4, 4), 0.5)

BASE = """
version: 1
prompts: a sea
mode: 2d
frames: 13
size: [64, 64]
seed: 7
models: fake
coherence: {color_coherence: 0, detail_coherence: 0}
"""


def picture(seed: int) -> np.ndarray:
    coarse = np.random.default_rng(seed).integers(0, 256, (4, 4, 3)).astype(np.uint8)
    return cv2.resize(coarse, (SIZE, SIZE), interpolation=cv2.INTER_CUBIC)


@pytest.fixture
def folder(tmp_path):
    for seed, name in enumerate("abc"):
        cv2.imwrite(str(tmp_path / f"{name}.png"), picture(seed))
    return tmp_path


def scene(folder, text, *overrides):
    path = folder / "scene.yaml"
    path.write_text(BASE + text)
    return read_scene(path, overrides)


def made(folder, text, *overrides, turbo=False, change=0.3):
    loaded = scene(folder, text, *overrides)
    driven, engine = shot_of(loaded, gather(loaded)), Recorder(change)
    depth = PlaneDepth(90) if loaded.scene.mode == "3d" else None
    driver = turbo_film if turbo else film
    return list(driver(loaded.timeline, driven, engine, depth, LoopState())), engine.requests, driven


THREE = "pictures: {0: a.png, 6: b.png, end: {file: c.png, over: 4}}\ncamera: {zoom: 1.03}\n"


@pytest.mark.parametrize("mode", ["2d", "3d"])
@pytest.mark.parametrize("turbo", [False, True])
def test_a_film_shows_its_pictures_at_their_frames_and_comes_to_them_without_a_jump(folder, mode, turbo):
    extra = ("turbo={steps: 4, preroll: 0}",) if turbo else ()
    text = THREE if mode == "2d" else THREE.replace("zoom: 1.03", "translation_z: 4")
    frames, requests, driven = made(folder, text, f"mode={mode}", *extra, turbo=turbo, change=0.1)
    for pin in driven.pins:
        assert torch.equal(frames[pin.frame].picture, pin.picture)
        assert pin.frame not in [one.frame for one in requests]
    steps = [float((a.picture - b.picture).abs().mean()) for a, b in itertools.pairwise(frames)]
    assert max(steps) < 2 * float(np.median(steps))


def test_the_way_to_a_picture_is_the_picture_moved_back(folder):
    text = "pictures: {12: {file: b.png, over: 5}}\ncamera: {translation_x: 3}\n"
    loaded = scene(folder, text)
    driven = shot_of(loaded, gather(loaded))
    (pin,) = driven.pins
    shares = []
    for left in (0, 1, 3, 5):
        way = approach(driven.pins, loaded.timeline.row(12 - left), driven, lambda one: None)
        shift = 3 * left
        assert torch.allclose(way.picture[:, :, : SIZE - shift], pin.picture[:, :, shift:], atol=1e-4)
        shares.append(float(way.share[32, 32 - shift]))
    assert shares == pytest.approx([1, 1 / 2, 1 / 4, 1 / 6])
    assert approach(driven.pins, loaded.timeline.row(6), driven, lambda one: None) is None


def test_at_half_strength_half_of_it_shows(folder):
    frames, requests, driven = made(folder, "pictures: {12: {file: b.png, strength: 0.5, over: 5}}\n")
    last = requests[-1]
    assert last.frame == 12
    painted = Recorder(0.3).paint(last)
    half = torch.lerp(painted, driven.pins[0].picture, 0.5)
    assert torch.allclose(frames[12].picture, half, atol=1e-5)


def test_near_a_picture_less_is_painted_and_the_prompts_hear_of_it(folder):
    _, requests, _ = made(folder, "pictures: {6: {file: b.png, over: 4}}\n")
    keeps = {one.frame: one.keep for one in requests if one.init is not None}
    assert keeps[1] == pytest.approx(0.74)
    assert keeps[3] < keeps[4] < keeps[5] < 1
    assert keeps[7] == pytest.approx(keeps[5])
    assert keeps[7] > keeps[9]
    seen = {one.frame: [p.weight for p in one.prompts if p.image] for one in requests}
    assert seen[1] == []
    assert 0 < seen[3][0] < seen[5][0] < 0.5
    assert seen[8] == []
    assert all(sum(p.weight for p in one.prompts) == pytest.approx(1) for one in requests)


def test_without_pictures_nothing_is_said_of_them():
    assert calmer((), 3, 0.6) == 0.6
    prompts = (Prompt("sea", 1.0),)
    assert drawn_to((), 3, prompts) is prompts


def test_the_next_picture_is_the_one_that_a_film_comes_to():
    pins = [Pin(4, GREY, "a", 1.0, 4, 4), Pin(8, GREY, "b", 1.0, 8, 4)]
    assert [coming(pins, frame) and coming(pins, frame).name for frame in (0, 4, 5, 8, 9)] == [
        "a",
        "a",
        "b",
        "b",
        None,
    ]


def test_places_and_lengths(folder):
    text = 'pictures: {0: a.png, "0.5s": {file: b.png, strength: 0.8, over: 0.25s}, end: start}\n'
    loaded = scene(folder, text)
    found = [
        (one.frame, one.file[-5:], one.strength, one.before, one.after) for one in pinned_in(loaded.scene)
    ]
    assert found == [(0, "a.png", 1, 0, 2), (6, "b.png", 0.8, 3, 3), (12, "a.png", 1, 5, 0)]
    assert frame_of("end", Clock(10, 12)) == 9


def test_a_folder_is_spread_over_the_film_and_over_stills(folder):
    for name in ("scene.yaml",):
        (folder / name).unlink(missing_ok=True)
    films = folder / "films"
    films.mkdir()
    path = films / "scene.yaml"
    path.write_text(BASE + f"pictures: {folder}\n")
    assert [one.frame for one in pinned_in(read_scene(path).scene)] == [0, 6, 12]
    path.write_text(BASE.replace("2d", "still") + f"images: 4\npictures: {folder}\n")
    assert [(one.frame, one.file[-5:]) for one in pinned_in(read_scene(path).scene)] == [
        (0, "a.png"),
        (1, "b.png"),
        (2, "c.png"),
    ]


@pytest.mark.parametrize(("count", "told"), [("frames=2", True), ("frames=3", False)])
def test_a_folder_of_more_pictures_than_frames_is_noticed(folder, count, told):
    loaded = scene(folder, f"pictures: {folder}\n", count)
    found = [one.message for one in loaded.notices if one.key == "pictures"]
    assert found == ["has 3 pictures for 2 frames, so that some are left out"] * told


def test_stills_begin_with_the_picture_of_their_number(folder):
    one = job(folder, "mode=still", "images=2", f"pictures={{1: {folder}/b.png}}", "diffusion.skip_steps=50%")
    from animator.film.requests import first_request

    inits = [first_request(one.loaded.timeline.row(n), one.shot, 0).init for n in (0, 1)]
    assert inits[0] is None
    assert torch.equal(inits[1], one.shot.pins[0].picture)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("pictures: {0: none.png}", "no such file"),
        ("pictures: {end: start}", "the first is 'start', which is the first again; name a file there"),
        ("pictures: {0: start, 4: a.png}", "the first is 'start'"),
        ("pictures: {40: a.png}", "is at frame 40, after the last, 12"),
        ("pictures: {0: a.png, 0.0s: b.png}", "there are two pictures at frame 0"),
        ("pictures: {soon: a.png}", "pictures.soon"),
        ("pictures: nowhere", "expected a folder of pictures"),
        ("pictures: {0: {file: a.png, strength: 3}}", "expected a number from 0 to 1"),
        ("pictures: {0: {file: a.png, over: soon}}", "soon"),
    ],
)
def test_a_fault_is_named(folder, text, told):
    with pytest.raises(SceneError) as caught:
        scene(folder, text + "\n")
    said = [f"{one.key}: {one.message}" for one in caught.value.problems]
    assert any(told in one for one in said), said


def inputs(folder, text):
    loaded = scene(folder, text)
    return hash_inputs(loaded, gather(loaded), {})


def test_a_picture_changes_the_frames_near_it_and_those_after(folder):
    plain, pinned = inputs(folder, ""), inputs(folder, "pictures: {8: {file: b.png, over: 3}}\n")
    first = [one == other for one, other in zip(plain, pinned, strict=True)].index(False)
    assert first == 5
    for other in ("{8: {file: c.png, over: 3}}", "{8: {file: b.png, over: 3, strength: 0.5}}"):
        assert inputs(folder, f"pictures: {other}\n")[5] != pinned[5]
    after = inputs(
        folder, "pictures: {8: {file: b.png, over: 3}}\ncamera: {zoom: '0: (1), 8: (1), 9: (1.1)'}\n"
    )
    assert after[:8] == inputs(folder, "pictures: {8: {file: b.png, over: 3}}\ncamera: {zoom: 1}\n")[:8]


def test_resumed_in_the_middle_of_the_way_a_film_is_the_same(folder):
    loaded = scene(folder, THREE)
    driven = shot_of(loaded, gather(loaded))
    whole = list(film(loaded.timeline, driven, Recorder(0.3), None, LoopState()))
    rest = list(film(loaded.timeline, driven, Recorder(0.3), None, whole[4].state))
    assert [_digest(one.picture) for one in rest] == [_digest(one.picture) for one in whole[5:]]


def _digest(frame: torch.Tensor) -> str:
    return hashlib.sha256(frame.numpy().tobytes()).hexdigest()


def test_pinned_frames_are_painted_in_turbo(folder):
    loaded = scene(folder, THREE, "turbo={steps: 4, preroll: 0}")
    assert shot_of(loaded, gather(loaded)).turbo.also == (0, 6, 12)
    assert dataclasses.replace(shot_of(loaded, gather(loaded)), pins=()).pins == ()
