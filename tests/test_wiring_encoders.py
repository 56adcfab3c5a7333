"""What is made of finished frames, with the encoders replaced: what each film is made of, and how."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from animator.run import eyes, growing, outputs, sound
from animator.run.eyes import films_for_two_eyes, still_pairs
from animator.run.frame_source import FrameSource
from animator.run.growing import GrowingFilms
from animator.run.job import Job
from animator.run.sound import Sound, sound_of, sound_under
from animator.run.stages import Stage, hash_of
from animator.runs import Entry
from tests.test_wiring_films import BLENDED, EYES, FOOTAGE, LIGHT, SMOOTH, SOUND, source, stages
from tests.wiring import bare_job

# How films are made


class Made:
    """Notes what the writers of films are given."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.noted: list[tuple] = []
        monkeypatch.setattr(FrameSource, "shown", lambda self: iter(["shown 0", "shown 1", "shown 2"]))
        monkeypatch.setattr(
            FrameSource,
            "saved",
            lambda self, folder="frames", numbers=(): iter([f"{folder} {n}" for n in numbers or range(3)]),
        )
        monkeypatch.setattr(
            FrameSource, "blended", lambda self: iter(["blended 0", "blended 1", "blended 2"])
        )
        for module in (outputs, eyes):
            monkeypatch.setattr(module, "write_codec", self.writer("codec"))
        monkeypatch.setattr(outputs, "write_gif", self.writer("gif"))
        monkeypatch.setattr(outputs, "write_webp", self.writer("webp"))
        monkeypatch.setattr(eyes, "write_packed", self.writer("packed"))
        monkeypatch.setattr(eyes, "write_vr180", self.writer("vr180"))
        monkeypatch.setattr(outputs, "by_ffmpeg", self.writer("ffmpeg"))
        monkeypatch.setattr(
            outputs, "between", lambda frames, *words, loop: [*frames, *words, *(["loop"] if loop else [])]
        )
        monkeypatch.setattr(outputs, "load_flow", lambda name: f"flow {name}")
        monkeypatch.setattr(outputs, "load_maker", lambda by, flow, device: f"{by} along {flow} on {device}")
        monkeypatch.setattr(sound, "with_sound", self.writer("sound"))

    def writer(self, kind: str):
        def write(path: Path, frames: Any, *given: object, **more: object) -> None:
            shown = frames if isinstance(frames, Path) else list(frames)
            self.noted.append((kind, path.name, shown, given, more))

        return write

    def by(self, stage: Stage) -> tuple:
        self.noted.clear()
        stage.make()
        (only,) = self.noted
        return only


SHOWN = ["shown 0", "shown 1", "shown 2"]
ENCODER = {"crf": 11, "preset": "fast"}
OUTPUT = ("output.crf=11", "output.preset=fast", "fps=10")


def test_films_are_made_of_the_frames_as_they_are_shown(tmp_path: Path, monkeypatch) -> None:
    made = Made(monkeypatch)
    words = (*LIGHT, *OUTPUT, "output.film_every=2", "output.gif=true", "output.webp=true")
    found = stages(
        tmp_path, *words, "output.codec=prores", "output.interpolate_to=24", monkeypatch=monkeypatch
    )
    rate = Fraction(10)
    shown = ["blended 0", "blended 1", "blended 2"]
    flow = [*shown, rate, Fraction(24), "flow along flow dis on cpu"]
    assert [made.by(stage) for stage in found.values()] == [
        ("codec", "scene.mp4", SHOWN, (rate, "h264"), ENCODER),
        ("codec", "scene-24fps.mp4", flow, (Fraction(24), "h264"), ENCODER),
        ("codec", "scene.mov", SHOWN, (rate, "prores"), ENCODER),
        ("codec", "scene-every2.mp4", ["frames 0", "frames 2"], (rate, "h264"), ENCODER),
        ("gif", "scene.gif", SHOWN, (rate,), {}),
        ("webp", "scene.webp", SHOWN, (rate,), {}),
    ]


def test_ffmpeg_smooths_the_film_that_is_there(tmp_path: Path, monkeypatch) -> None:
    made = Made(monkeypatch)
    found = stages(tmp_path, *SMOOTH, *OUTPUT, "output.interpolate_by=ffmpeg", monkeypatch=monkeypatch)
    kind, name, film, given, more = made.by(found["film scene-24fps.mp4"])
    assert (kind, name, film.name, given, more) == (
        "ffmpeg",
        "scene.mp4",
        "scene-24fps.mp4",
        (Fraction(24),),
        {**ENCODER, "loop": False},
    )


def test_films_of_two_eyes_are_made_of_what_each_sees(tmp_path: Path, monkeypatch) -> None:
    made = Made(monkeypatch)
    words = (*LIGHT, *OUTPUT, *EYES, "vr.vr180_codec=hevc", "vr.vr180_size=512", "vr.vr180_edge=mirror")
    of = source(tmp_path, *words, "camera.fov='0: (50), 1: (60)'")
    alone, packed = films_for_two_eyes(of, SOUND)
    left, right = ([f"{name} {number}" for number in range(2)] for name in ("left", "right"))
    assert [made.by(stage) for stage in alone] == [
        ("codec", "scene-left.mp4", left, (Fraction(10), "h264"), ENCODER),
        ("codec", "scene-right.mp4", right, (Fraction(10), "h264"), ENCODER),
    ]
    side, headset = (made.by(stage) for stage in packed)
    pairs = list(zip(left, right, strict=True))
    assert side[:3] == ("packed", "scene-side-by-side.mp4", pairs)
    assert headset[:3] == ("vr180", "scene_180_LR.mp4", pairs)
    layout, encoding = side[3]
    assert (layout, headset[3]) == ("side_by_side", (encoding,))
    assert (encoding.fps, encoding.codec, encoding.crf, encoding.preset) == (10, "hevc", 11, "fast")
    assert (encoding.audio, encoding.audio_start, encoding.rate_change) == (SOUND.path, 0.25, 2.0)
    assert headset[4] == {
        "fovs": [90.0, 90.0],
        "size": 512,
        "edge": "mirror",
        "layout": "side_by_side",
    }
    silent = made.by(films_for_two_eyes(of, None)[1][0])[3][1]
    assert (silent.audio, silent.audio_start, silent.rate_change) == (None, 0.0, 1.0)


@pytest.mark.parametrize(
    ("words", "fovs"),
    [
        (("warp.projection=pinhole",), [50.0, 60.0]),
        (("warp.projection=disco",), [90.0, 90.0]),
        (("warp.projection=pinhole", "vr.vr180_fov=77"), [77.0, 77.0]),
    ],
)
def test_a_headset_shows_the_angle_of_the_camera_unless_the_scene_says_another(tmp_path, words, fovs) -> None:
    job = bare_job(tmp_path, "frames=2", "camera.fov='0: (50), 1: (60)'", *words)
    assert eyes._fovs(job, [0, 1]) == fovs
    assert eyes._fovs(job, [1]) == fovs[1:]


def test_a_pair_shows_the_left_eye_first(tmp_path: Path) -> None:
    job = bare_job(tmp_path, "mode=still", "vr.enabled=true", "vr.layouts=[side_by_side]")
    dark, light = np.full((8, 8, 3), 10, np.uint8), np.full((8, 8, 3), 200, np.uint8)
    line = job.run.save_frame(0, dark, {}, Entry(0, "", 1, 1.0), {"left": dark, "right": light})
    (pair,) = still_pairs(job, {0: line})
    pair.make()
    seen = job.run.read_frame(0, "side_by_side")
    assert seen[:, : seen.shape[1] // 2].mean() < 20 < 190 < seen[:, seen.shape[1] // 2 :].mean()


# Sound


def test_sound_is_put_under_the_film_as_it_is_placed(tmp_path: Path, monkeypatch) -> None:
    made = Made(monkeypatch)
    of = source(tmp_path, *LIGHT)
    stage = sound_under(of.job, outputs._films(of)[0], SOUND)
    path = of.job.run.path / "scene.mp4"
    placed = {"start_at": 0.25, "seconds": 3.0, "rate_change": 2.0}
    assert made.by(stage) == ("sound", "scene.mp4", SOUND.path, (path,), placed)


def test_the_sound_of_a_file_begins_where_the_scene_says(tmp_path: Path) -> None:
    path = tmp_path / "tone.wav"
    path.write_bytes(b"tone")
    settings = {"output.audio": str(path), "output.audio_start": 1.5}
    found = sound_of(bare_job(tmp_path, "frames=3", "fps=6", settings=settings))
    assert found == Sound(path, 1.5, 1.0, 0.5, hash_of(path))
    # It goes before the sound of footage.
    assert sound_of(bare_job(tmp_path, "frames=3", "fps=6", settings={**settings, **FOOTAGE})) == found


@pytest.mark.parametrize(
    ("settings", "heard", "found"),
    [
        ({}, True, False),
        (FOOTAGE, True, True),
        (FOOTAGE, False, False),
        ({**FOOTAGE, "video.sound": False}, True, False),
    ],
)
def test_footage_is_heard_from_its_start_at_the_films_speed(
    tmp_path, monkeypatch, settings, heard, found
) -> None:
    clip = SimpleNamespace(path=Path("clip.mp4"), start=2.5, fps=Fraction(4), sound=heard)
    monkeypatch.setattr(sound, "open_footage_of", lambda scene: clip)
    job = bare_job(tmp_path, "frames=3", "fps=6", settings=settings)
    job = replace(job, sources=replace(job.sources, footage="hash of the clip"))
    wanted = Sound(Path("clip.mp4"), 2.5, 1.5, 0.5, "hash of the clip")
    assert sound_of(job) == (wanted if found else None)


# Films that grow


class Writer:
    """Notes how it was made and which frames it was given."""

    made: list[Writer]

    def __init__(self, path: Path, *given: object, **more: object) -> None:
        self.path, self.given, self.more = path, given, more
        self.frames: list[int] = []
        self.ended = False
        Writer.made.append(self)

    def add(self, pixels: Any) -> None:
        self.frames.append(pixels)

    def __enter__(self) -> Writer:
        return self

    def __exit__(self, *error: object) -> None:
        self.ended = True


@pytest.fixture
def writers(monkeypatch: pytest.MonkeyPatch) -> list[Writer]:
    Writer.made = []
    monkeypatch.setattr(growing, "FilmWriter", Writer)
    return Writer.made


def grown(job: Job) -> GrowingFilms:
    with GrowingFilms(job, wanted=True) as films:
        for number in range(5):
            films.add(number, number)  # type: ignore[arg-type]
        films.finish()
        assert all(one.ended for one in Writer.made)
    return films


def test_every_frame_goes_into_the_film_and_every_nth_into_the_second(tmp_path: Path, writers) -> None:
    words = (*LIGHT, *OUTPUT, "output.ten_bits=true", "output.film_every=2", "size=[128, 64]")
    films = grown(bare_job(tmp_path, *words))
    assert [(one.path.name, one.frames) for one in writers] == [
        ("scene.mp4", [0, 1, 2, 3, 4]),
        ("scene-every2.mp4", [0, 2, 4]),
    ]
    for one in writers:
        assert one.given == (128, 64, Fraction(10))
        assert one.more == {"crf": 11, "preset": "fast", "ten_bits": True}
    assert films.stages == ["film scene.mp4", "film scene-every2.mp4"]


def test_a_film_that_is_yet_to_be_blended_is_not_made(tmp_path: Path, writers) -> None:
    films = grown(bare_job(tmp_path, *LIGHT, "output.film_every=2", settings=BLENDED))
    assert [one.path.name for one in writers] == ["scene.mp4", "scene-every2.mp4"]
    assert films.stages == ["film scene-every2.mp4"]
    assert not any(one.more["ten_bits"] for one in writers)


@pytest.mark.parametrize(("words", "wanted"), [(("mode=still",), True), (LIGHT, False)])
def test_stills_and_finished_films_do_not_grow(tmp_path: Path, writers, words, wanted: bool) -> None:
    films = GrowingFilms(bare_job(tmp_path, *words), wanted=wanted)
    assert (films.paths, films.stages) == ([], [])
    with films:
        films.add(0, np.zeros((8, 8, 3), np.uint8))
    assert writers == []


def test_a_job_has_the_rates_of_its_films(tmp_path: Path) -> None:
    job = bare_job(tmp_path, *LIGHT, "fps=12.5", "output.interpolate_to=29.97")
    assert (job.fps, job.smooth_fps) == (Fraction(25, 2), Fraction(30000, 1001))
    assert bare_job(tmp_path, *LIGHT).smooth_fps is None
