"""Stages after the frames: what is up to date is left alone, what changed is made again, and nothing else."""

from __future__ import annotations

import json
import shutil
import wave
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from animator.run.render import render_scene, resume_run
from animator.run.reporter import Reporter
from animator.run.stages import RECORD, Stage, fingerprints, hash_of, make_stages
from animator.runs import RunFolder
from animator.runs.prune import prune_frames
from animator.scene.reading import read_scene
from tests.test_kill import files_of

SCENE = (
    "models: fake\nsize: [64, 64]\nprompts: a red house\nmode: 3d\nframes: 3\nseed: 5\nfps: 6\n"
    "diffusion: {steps: 2, skip_steps: 0}\ncamera: {translation_z: 8}\n"
    "vr: {layouts: [left_right, anaglyph]}\n"
    "output: {gif: true, webp: true, preset: ultrafast, losses: false, progress_image: false,\n"
    "  film_every: 2, interpolate_to: 12, interpolate_by: ffmpeg, audio: tone.wav, codec: hevc}\n"
)
FILMS = ("scene.mp4", "scene-12fps.mp4", "scene.mov", "scene-left.mp4", "scene-right.mp4")
WITH_SOUND = ("scene-12fps.mp4", "scene-left.mp4", "scene-right.mp4", "scene.mp4")

HALF = '{"stages": {"film scene.gif": ["scene.gif", "ab"]}, "files": {}}'
"""A record in which the hash of a file is missing."""


class Stages(Reporter):
    """Notes the stages that came after the frames."""

    def __init__(self) -> None:
        self.made: list[str] = []

    def stage(self, frame: int, name: str) -> None:
        if name.startswith(("film ", "sound ", "pair ")):
            self.made.append(name)


def tone(path: Path, hertz: float) -> None:
    with wave.open(str(path), "wb") as file:
        file.setparams((1, 2, 8000, 0, "NONE", "none"))
        file.writeframes((9000 * np.sin(np.arange(8000) / 8000 * hertz * 6.28)).astype(np.int16).tobytes())


@pytest.fixture(scope="module")
def rendered(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A folder with the scene and its run, and a copy of it as it was at first."""
    folder = tmp_path_factory.mktemp("rendered")
    (folder / "scene.yaml").write_text(SCENE)
    tone(folder / "tone.wav", 440)
    assert again(folder)
    return folder, shutil.copytree(folder, tmp_path_factory.mktemp("copied") / "copy")


@pytest.fixture
def run(rendered: tuple[Path, Path]) -> Path:
    """The finished run, in the folder in which it was made: the run's scene names the sound by its path."""
    folder, copy = rendered
    shutil.rmtree(folder)
    shutil.copytree(copy, folder)
    return folder / "run"


def again(folder: Path, *settings: str) -> list[str]:
    """Render the scene into its run; return which stages were run."""
    noted = Stages()
    render_scene(read_scene(folder / "scene.yaml", settings), noted, out=folder / "run")
    return sorted(noted.made)


@pytest.mark.vital
@pytest.mark.slow
def test_what_is_up_to_date_is_left_alone(run: Path) -> None:
    before, when = files_of(run), {path: path.stat().st_mtime_ns for path in run.glob("scene*.*")}
    assert again(run.parent) == []
    noted = Stages()
    resume_run(run, noted)
    assert noted.made == []
    assert files_of(run) == before
    for name in ("scene.mp4", "scene-every2.mp4", "scene-12fps.mp4", "scene.gif", "scene-anaglyph.mp4"):
        assert (run / name).stat().st_mtime_ns == when[run / name]


@pytest.mark.slow
def test_a_setting_makes_again_what_it_decides(run: Path) -> None:
    sounds = [f"sound of {name}" for name in WITH_SOUND]
    folder = run.parent
    assert again(folder, "output.gif=false") == []
    assert again(folder, "vr.layouts=[top_bottom,left_right]") == ["film scene-top-bottom.mp4"]
    tone(folder / "tone.wav", 330)
    made = again(folder)
    assert [name for name in made if name.startswith("sound ")] == sounds
    assert [name for name in made if name.startswith("film ")] == ["film scene-anaglyph.mp4"]
    made = again(folder, "output.interpolate_to=18")
    assert made == ["film scene-18fps.mp4", "sound of scene-18fps.mp4"]
    made = again(folder, "output.crf=30")
    assert "film scene.mp4" in made
    assert "sound of scene.mp4" in made
    assert "film scene.gif" not in made


@pytest.mark.slow
def test_without_sound_films_are_silent_again(run: Path) -> None:
    silent = run.parent / "silent"
    render_scene(read_scene(run.parent / "scene.yaml", ["output.audio=null"]), Reporter(), out=silent)
    assert (run / "scene.mp4").read_bytes() != (silent / "scene.mp4").read_bytes()
    made = again(run.parent, "output.audio=null")
    assert "film scene.mp4" in made
    assert "film scene.gif" not in made
    for name in ("scene.mp4", "scene-12fps.mp4", "scene-left.mp4", "scene-anaglyph.mp4"):
        assert (run / name).read_bytes() == (silent / name).read_bytes(), name


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "made"),
    [
        ("scene.gif", ["film scene.gif"]),
        ("scene-left.mp4", ["film scene-left.mp4", "sound of scene-left.mp4"]),
        ("scene.mp4", ["film scene.mp4", "sound of scene.mp4"]),
    ],
)
@pytest.mark.parametrize("harm", [Path.unlink, lambda path: path.write_bytes(b"torn")])
def test_a_lost_or_torn_output_is_made_again_alone(
    run: Path, name: str, made: list[str], harm: Callable[[Path], object]
) -> None:
    before = files_of(run)
    harm(run / name)
    assert again(run.parent) == made
    assert files_of(run) == before


@pytest.mark.slow
def test_a_frame_that_changes_makes_all_again(run: Path) -> None:
    made = again(run.parent, "camera.translation_z=9")
    assert {"film scene.gif", "film scene-12fps.mp4", "film scene-anaglyph.mp4"} <= set(made)
    assert "film scene.mp4" not in made  # it grew with its frames
    fresh = run.parent / "fresh"
    render_scene(read_scene(run.parent / "scene.yaml", ["camera.translation_z=9"]), Reporter(), out=fresh)
    assert (run / "scene.mp4").read_bytes() == (fresh / "scene.mp4").read_bytes()


@pytest.mark.slow
def test_pruned_frames_do_not_go_through_the_encoder_again(run: Path) -> None:
    film = (run / "scene.mp4").read_bytes()
    prune_frames(run)
    assert again(run.parent) == []
    assert (run / "scene.mp4").read_bytes() == film


@pytest.mark.slow
def test_a_damaged_record_is_no_record(run: Path) -> None:
    before = files_of(run)
    (run / RECORD).write_text(HALF)
    assert "film scene.gif" in again(run.parent)
    assert files_of(run) == before


@pytest.mark.parametrize("text", ["{", "[]", '{"stages": 3}', '{"stages": {"a": 1}, "files": {}}', "", HALF])
def test_a_record_of_another_form_is_no_record(tmp_path: Path, text: str) -> None:
    bench = Bench(tmp_path)
    bench.go()
    whole = (bench.run.path / RECORD).read_text()
    (bench.run.path / RECORD).write_text(text.replace("film scene.gif", "first"))
    assert bench.go() == ["first", "second", "third"]
    assert (bench.run.path / RECORD).read_text() == whole


@pytest.mark.slow
def test_pairs_of_stills(tmp_path: Path) -> None:
    text = SCENE.replace("mode: 3d\nframes: 3", "mode: still\nimages: 2").replace(
        "left_right", "side_by_side"
    )
    (tmp_path / "scene.yaml").write_text(text)
    tone(tmp_path / "tone.wav", 440)
    names = [f"pair {kind}/00000{n}.png" for kind in ("anaglyph", "side_by_side") for n in (0, 1)]
    assert again(tmp_path) == names
    (tmp_path / "run" / "anaglyph" / "000001.png").unlink()
    assert again(tmp_path) == ["pair anaglyph/000001.png"]


class Bench:
    """A run with three stages: a file, a change of that file, and a folder made of the file."""

    def __init__(self, folder: Path) -> None:
        (folder / "run").mkdir()
        self.run, self.made = RunFolder(folder / "run"), list[str]()
        self.first, self.second, self.fault = "a", "b", ""
        self.wanted = ("first", "second", "third")

    def stages(self) -> list[Stage]:
        every = [
            Stage("first", "one.txt", {"is": self.first}, lambda: self.write("first", "one.txt", self.first)),
            Stage("second", "one.txt", {"is": self.second}, self.change, ("first",)),
            Stage("third", "three", {}, lambda: self.write("third", "three/0.txt", "c"), ("first",)),
            Stage("fourth", "one.txt", {}, lambda: self.add("fourth", "!"), ("second",)),
        ]
        return [stage for stage in every if stage.name in self.wanted]

    def add(self, name: str, mark: str) -> None:
        self.write(name, "one.txt", (self.run.path / "one.txt").read_text() + mark)

    def write(self, name: str, file: str, text: str) -> None:
        if name == self.fault:
            raise KeyboardInterrupt
        self.made.append(name)
        self.run.write(file, text)

    def change(self) -> None:
        self.write("second", "one.txt", (self.run.path / "one.txt").read_text()[:1] + self.second)

    def go(self, *made: str) -> list[str]:
        self.made.clear()
        make_stages(self.run, self.stages(), lambda name: None, made)
        return list(self.made)


def test_stages_run_again_where_they_or_their_inputs_changed(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    assert bench.go() == ["first", "second", "third"]
    assert bench.go() == []
    bench.second = "z"
    assert bench.go() == ["second"]
    assert (bench.run.path / "one.txt").read_text() == "az"
    bench.first = "q"
    assert bench.go() == ["first", "second", "third"]
    (bench.run.path / "three" / "0.txt").unlink()
    assert bench.go() == ["third"]
    (bench.run.path / "three" / "more.txt").write_text("")
    assert bench.go() == ["third"]


def test_what_grew_is_recorded_and_what_changes_it_is_run(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    bench.go()
    bench.run.write("one.txt", "a")
    assert bench.go("first") == ["second"]
    assert bench.go() == []


@pytest.mark.parametrize("fault", ["first", "second", "third"])
def test_a_stop_in_the_middle_leaves_no_claim(tmp_path: Path, fault: str) -> None:
    bench = Bench(tmp_path)
    bench.go()
    bench.first, bench.second, bench.fault = "x", "y", fault
    with pytest.raises(KeyboardInterrupt):
        bench.go()
    assert fault not in json.loads((bench.run.path / RECORD).read_text())["stages"]
    bench.fault = ""
    bench.go()
    assert (bench.run.path / "one.txt").read_text() == "xy"
    assert bench.go() == []


def test_a_stage_that_is_no_longer_wanted_leaves_no_mark(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    bench.go()
    bench.wanted = ("first", "third")
    assert bench.go() == ["first"]
    assert (bench.run.path / "one.txt").read_text() == "a"
    assert bench.go() == []


def test_a_change_of_a_file_that_is_stopped_is_not_claimed_nor_what_came_after_it(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    bench.wanted = ("first", "second", "third", "fourth")
    bench.go()
    assert (bench.run.path / "one.txt").read_text() == "ab!"
    bench.second, bench.fault = "y", "second"
    with pytest.raises(KeyboardInterrupt):
        bench.go()
    assert set(recorded(bench)) == {"first", "third"}
    bench.fault = ""
    assert bench.go() == ["second", "fourth"]
    assert (bench.run.path / "one.txt").read_text() == "ay!"
    assert bench.go() == []


def recorded(bench: Bench) -> dict:
    return json.loads((bench.run.path / RECORD).read_text())["stages"]


def test_what_is_about_to_be_made_is_struck_out_with_all_that_was_put_onto_it(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    bench.go()
    bench.first, bench.fault = "x", "first"
    with pytest.raises(KeyboardInterrupt):
        bench.go()
    assert set(recorded(bench)) == {"third"}


def test_what_was_recorded_before_it_grew_anew_is_struck_out(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    bench.go()
    bench.run.write("one.txt", "a")
    bench.fault = "second"
    with pytest.raises(KeyboardInterrupt):
        bench.go("first")
    assert set(recorded(bench)) == {"first", "third"}


def test_the_record_holds_fingerprints_and_hashes(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    bench.go()
    content = json.loads((bench.run.path / RECORD).read_text())
    files = {"first": "one.txt", "second": "one.txt", "third": "three"}
    wanted = fingerprints(bench.stages())
    assert content["stages"] == {name: [file, wanted[name]] for name, file in files.items()}
    assert content["files"] == {file: hash_of(bench.run.path / file) for file in files.values()}
    assert hash_of(bench.run.path / "none") == ""


def test_files_of_a_folder_count_by_name_and_content(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "0.txt").write_text("one")
    found = {hash_of(tmp_path / "a")}
    (tmp_path / "a" / "0.txt").write_text("two")
    found.add(hash_of(tmp_path / "a"))
    (tmp_path / "a" / "0.txt").rename(tmp_path / "a" / "1.txt")
    found.add(hash_of(tmp_path / "a"))
    assert len(found) == 3


@pytest.mark.parametrize("change", ["way", "name", "settings", "inputs"])
def test_all_that_is_said_of_a_stage_is_in_its_fingerprint(monkeypatch, change: str) -> None:
    def found(name: str = "film", inputs: tuple[str, ...] = ("a",), **settings: object) -> str:
        stages = [Stage(one, "f", {}, list) for one in ("a", "b")]
        return fingerprints([*stages, Stage(name, "f", settings, list, inputs)])[name]

    before = found()
    if change == "way":
        monkeypatch.setattr("animator.run.stages.WAY", 99)
    more: dict = {"name": {"name": "other"}, "settings": {"crf": 3}, "inputs": {"inputs": ("b",)}}.get(
        change, {}
    )
    assert found(**more) != before


def test_a_fingerprint_follows_its_inputs(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    one = fingerprints(bench.stages())
    bench.first = "other"
    other = fingerprints(bench.stages())
    assert all(one[name] != other[name] for name in one)
