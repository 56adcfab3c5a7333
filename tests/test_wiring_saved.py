"""The wiring of a run's files: what is saved of a frame, and the films that are made of all of them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

from animator import __version__
from animator.errors import Problem
from animator.film.loop import Finished
from animator.film.state import LoopState, Track
from animator.run import save
from animator.run.job import Job
from animator.run.save import Lap, eyes_of, save_frame, write_head
from animator.run.sound import Sound, sound_of
from animator.run.sources import Sources
from animator.run.stages import hash_of
from animator.run.tools import FAKE_DEPTH
from animator.runs import Entry, RunFolder
from animator.system.convert import frame_to_uint8, frame_to_uint16
from animator.types import Prompt
from tests.wiring import Desk, bare_job, footage, job, scene

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


class Chain:
    """A run folder that notes in which order a frame's parts are saved."""

    def __init__(self) -> None:
        self.noted: list[tuple[str, tuple, dict]] = []

    def __getattr__(self, name: str):
        return lambda *given, **more: self.noted.append((name, given, more))

    @property
    def order(self) -> list[str]:
        return [name for name, *_ in self.noted]


class TwoPrompts:
    """A row of the timeline with two prompts."""

    prompts = (Prompt("a sea", 0.25), Prompt("fog", 0.5))

    def __getitem__(self, name: str) -> float:
        return {"camera.fov": 55.0, "vr.ipd": 90.0}[name]


def finished(**changes) -> Finished:
    picture = torch.rand(3, 64, 64, generator=torch.Generator().manual_seed(1))
    return replace(Finished(1, picture, 77, TwoPrompts()), **changes)  # type: ignore[arg-type]


LAP = Lap(1.23456, {"denoise": 1.000049, "warp": 0.2})


def saved(folder: Path, *overrides: str, **changes) -> tuple[Job, Chain, np.ndarray]:
    chain = Chain()
    job = bare_job(folder, *overrides, run=chain, states=7, stop_at=0.4)
    return job, chain, save_frame(job, finished(**changes), LAP)


def test_a_frame_is_saved_with_its_line_and_what_it_carries(tmp_path: Path) -> None:
    job, chain, pixels = saved(tmp_path, notes=("painted again",))
    ((name, given, more),) = chain.noted
    assert (name, more) == ("save_frame", {"states": 7})
    number, written, text, entry, eyes = given
    assert (number, eyes) == (1, {})
    assert written is pixels
    assert np.array_equal(pixels, frame_to_uint8(finished().picture))
    carried = {"scene": "scene", "frame": "1", "seed": "77", "prompt": "a sea:0.25 | fog:0.5"}
    assert text == {**carried, "animator.scene": job.carried}
    stages = {"denoise": 1.0, "warp": 0.2}
    assert entry == Entry(
        1, job.inputs[1], 77, 1.235, stages=stages, notes=("painted again",), program=__version__
    )


def test_ten_bits_are_kept(tmp_path: Path) -> None:
    pixels = saved(tmp_path, "output.ten_bits=true")[2]
    assert np.array_equal(pixels, frame_to_uint16(finished().picture))


def test_a_state_is_saved_before_its_frame_and_says_whose_it_is(tmp_path: Path) -> None:
    state = LoopState(1, Track(torch.ones(3, 8, 8)))
    job, chain, _ = saved(tmp_path, state=state)
    assert chain.order == ["save_state", "save_frame"]
    number, tensors, meta = chain.noted[0][1]
    assert (number, list(tensors)) == (1, ["picture"])
    assert (meta["inputs"], meta["frame"]) == (job.inputs[1], 1)


def test_a_draft_is_saved_before_its_picture_and_says_where_it_stopped(tmp_path: Path) -> None:
    _, chain, _ = saved(tmp_path, "mode=still", "images=2", unfinished={"index": torch.tensor(3)})
    assert chain.order == ["save_draft", "save_frame"]
    assert chain.noted[0][1] == (1, {"index": torch.tensor(3)})
    assert chain.noted[1][1][3].stopped == 0.4


EYES = ("vr.enabled=true", "vr.eye_angle=1.5", "vr.bulge=-0.2", "warp.padding_mode=zeros")


@pytest.mark.parametrize("known", [False, True])
def test_both_eyes_look_as_the_scene_says(tmp_path: Path, monkeypatch, known: bool) -> None:
    asked: list[tuple] = []
    left, right = torch.zeros(3, 8, 8), torch.ones(3, 8, 8)
    monkeypatch.setattr(
        save, "stereo_eyes", lambda *given, **more: asked.append((given, more)) or (left, right)
    )
    depth = torch.full((64, 64), 3.0) if known else None
    one = finished(depth=depth)
    found = eyes_of(bare_job(tmp_path, *EYES, "warp.sampling_mode=nearest"), one)
    assert {name: int(picture.mean()) for name, picture in found.items()} == {"left": 0, "right": 255}
    (((picture, distance), more),) = asked
    assert picture is one.picture
    assert distance is depth if known else torch.equal(distance, FAKE_DEPTH(one.picture))
    look = {"eye_angle": 1.5, "ipd": 90.0, "fov": 55.0, "bulge": -0.2}
    assert more == {**look, "sampling": "nearest", "padding": "zeros"}
    assert eyes_of(bare_job(tmp_path), one) == {}


def test_the_head_of_a_run_is_all_that_made_it(tmp_path: Path, monkeypatch) -> None:
    picture = tmp_path / "0f3a.png"
    picture.write_bytes(b"a picture")
    job = bare_job(tmp_path, "device=cpu", "frames=3", weights={"clip pocket": "aa"})
    sources = Sources({"https://there.org/a.png": picture, "/home/b.png": picture})
    notices = (Problem("may be slow", "fps"), Problem("is dark"))
    job = replace(job, sources=sources, loaded=replace(job.loaded, only=(2, 4), notices=notices))
    write_head(job)
    run = job.run
    assert run.scene_file.read_text() == job.text
    assert [path.read_bytes() for path in (run.path / "inputs").iterdir()] == [b"a picture"]
    assert (run.path / "timeline.csv").read_text().count("\n") == 4
    info = run.read_info()
    assert (info["scene"], info["seed"], info["weights"]) == ("scene", 5, {"clip pocket": "aa"})
    assert (info["animator"], info["torch"], info["only"]) == (__version__, torch.__version__, [2, 4])
    assert info["deterministic"] is True
    assert info["notices"] == ["fps: may be slow", "is dark"]
    write_head(replace(job, loaded=replace(job.loaded, only=())))
    assert "only" not in run.read_info()


# Outputs


@pytest.mark.vital
@pytest.mark.slow
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
