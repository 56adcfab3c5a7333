"""The wiring of a run's files: what is saved of a frame, and the films that are made of all of them."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from animator.run.sound import Sound, sound_of
from animator.run.stages import hash_of
from animator.runs import RunFolder
from tests.wiring import Desk, footage, job, scene

# What is saved of a frame


def test_frames_of_ten_bits_are_saved_with_more_than_eight(tmp_path: Path, monkeypatch) -> None:
    desk = Desk(monkeypatch)
    for words, kind in (((), np.uint8), (("output.ten_bits=true",), np.uint16)):
        run = tmp_path / f"run{len(words)}"
        desk.render(scene(tmp_path, "frames=1", *words), run)
        assert cv2.imread(str(run / "frames" / "000000.png"), cv2.IMREAD_UNCHANGED).dtype == kind


def test_two_eyes_see_two_pictures(tmp_path: Path, monkeypatch) -> None:
    found = Desk(monkeypatch).render(
        scene(tmp_path, "frames=1", "vr.enabled=true", "vr.ipd=90"), tmp_path / "run"
    )
    assert len({found[f"{name}/000000.png"] for name in ("frames", "left", "right")}) == 3


def test_the_journal_says_how_far_a_draft_was_painted_and_how_long_steps_took(tmp_path, monkeypatch) -> None:
    words = ("mode=still", "images=1", "diffusion.steps=5", "diffusion.stop_at=40%")
    Desk(monkeypatch).render(scene(tmp_path, *words), tmp_path / "run")
    (entry,) = RunFolder.open(tmp_path / "run").journal().values()
    assert entry.stopped == pytest.approx(0.4)
    assert "denoise" in entry.stages


# Outputs


def test_the_sound_of_a_film(tmp_path: Path) -> None:
    clip = footage(tmp_path)
    own = sound_of(job(tmp_path, "frames=3", "fps=6", f"output.audio={clip}", "output.audio_start=0.25"))
    assert own == Sound(clip, 0.25, 1.0, 0.5, hash_of(clip))
    film = ("mode=video", f"video.init={clip}", "frames=2", "video.start=0.1")
    of_footage = sound_of(job(tmp_path, *film))
    assert of_footage == Sound(clip, pytest.approx(0.1), 1.0, pytest.approx(0.2), hash_of(clip))
    assert sound_of(job(tmp_path, *film, "video.extract_nth_frame=2", "fps=10")).rate_change == 2
    assert sound_of(job(tmp_path, *film, "video.sound=false")) is None
    assert sound_of(job(tmp_path)) is None


def test_a_second_film_has_every_nth_frame(tmp_path: Path, monkeypatch) -> None:
    desk = Desk(monkeypatch)
    writers = []

    class Writer:
        def __init__(self, path, *given, **more) -> None:
            self.name, self.count = path.name, 0
            writers.append(self)

        def add(self, pixels) -> None:
            self.count += 1

        def __enter__(self):
            return self

        def __exit__(self, *error) -> None:
            pass

    monkeypatch.setattr("animator.run.growing.FilmWriter", Writer)
    desk.render(scene(tmp_path, "mode=2d", "frames=5", "output.film_every=2"), tmp_path / "run")
    assert {one.name: one.count for one in writers} == {"scene.mp4": 5, "scene-every2.mp4": 3}
