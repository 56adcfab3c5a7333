"""Odd things in a run folder, odd names and odd streams: ignored, or one line; nothing outside is touched."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
import zipfile
from pathlib import Path

import pytest

from animator.errors import RunError, SceneError, WeightsError
from animator.run.render import render_scene, resume_run
from animator.run.reporter import Reporter
from animator.run.status import status_of
from animator.runs import RunFolder
from animator.scene.reading import read_scene, read_text_scene
from animator.system.json_text import parse_json
from animator.video.probe import probe
from animator.weights.files import read_state

SCENE = "models: fake\nmode: 2d\nsize: [64, 64]\nframes: 3\nseed: 1\nprompts: a sea\ndiffusion: {steps: 2}\n"
QUIET = "output: {losses: false, preset: ultrafast}\n"


@pytest.fixture
def run(tmp_path: Path) -> Path:
    (tmp_path / "scene.yaml").write_text(SCENE + QUIET)
    render_scene(read_scene(tmp_path / "scene.yaml"), Reporter(), out=tmp_path / "run")
    return tmp_path / "run"


def test_copies_of_sync_programs_are_no_states(run: Path) -> None:
    state = run / "state" / "000001.safetensors"
    for name in ("000001 2", "000001 (conflicted copy)", "00x", "9" * 26, "0000001"):
        (run / "state" / f"{name}.safetensors").write_bytes(state.read_bytes())
    assert RunFolder.open(run).states() == [0, 1, 2]
    (run / "frames" / "000002.png").unlink()
    resume_run(run, Reporter())
    assert status_of(run).done == 3


def test_a_folder_of_states_that_is_missing_is_made_again(run: Path) -> None:
    (run / "frames" / "000002.png").unlink()
    for state in (run / "state").iterdir():
        state.unlink()
    (run / "state").rmdir()
    resume_run(run, Reporter())
    assert status_of(run).done == 3
    assert RunFolder.open(run).states()


@pytest.mark.skipif(not hasattr(os, "O_NOFOLLOW"), reason="this system opens links wherever they lead")
@pytest.mark.parametrize("name", ["run.lock", "journal.jsonl", "log.txt"])
def test_what_a_link_leads_to_is_left_alone(run: Path, tmp_path: Path, name: str) -> None:
    (tmp_path / "mine").write_text("precious\n")
    (run / "frames" / "000002.png").unlink()
    (run / name).unlink()
    (run / name).symlink_to(tmp_path / "mine")
    with pytest.raises(RunError) as fault:
        resume_run(run, Reporter())
    assert str(fault.value).startswith(str(run / name))
    assert "\n" not in str(fault.value)
    assert (tmp_path / "mine").read_text() == "precious\n"


LINKS = ["frames", "state", "losses", "graded", "sequence", "cuts", "vr180", "scene.mp4", "outputs.json"]


@pytest.mark.parametrize("name", LINKS)
def test_links_in_a_run_are_refused_before_anything_is_painted(run: Path, tmp_path: Path, name: str) -> None:
    (tmp_path / "mine").mkdir()
    (run / "frames" / "000002.png").unlink()
    (run / name).rename(tmp_path / "moved") if (run / name).exists() else None
    (run / name).symlink_to(tmp_path / "mine")
    with pytest.raises(RunError, match=f"{name}: is a link; put what it leads to in its place, or remove it"):
        resume_run(run, Reporter())
    assert list((tmp_path / "mine").iterdir()) == []


@pytest.mark.parametrize(("name", "folder"), [("outputs.json", True), ("scene.mp4", True), ("state", False)])
def test_folders_and_files_in_one_anothers_place(run: Path, tmp_path: Path, name: str, folder: bool) -> None:
    (run / "frames" / "000002.png").unlink()
    (run / name).rename(tmp_path / "moved")
    (run / name).mkdir() if folder else (run / name).touch()
    with pytest.raises(RunError, match=f"{name}: is a {'folder' if folder else 'file'}, and a run has a"):
        resume_run(run, Reporter())
    assert not (run / "frames" / "000002.png").exists()


def damaged_line(run: Path, **values: object) -> None:
    path = run / "journal.jsonl"
    first, *rest = path.read_text().splitlines(keepends=True)
    path.write_text(json.dumps(json.loads(first) | values) + "\n" + "".join(rest))


@pytest.mark.parametrize(
    "values", [{"seconds": float("inf")}, {"frame": float("nan")}, {"frame": 10**400}, {"frame": -1}]
)
def test_numbers_that_no_journal_has(run: Path, values: dict) -> None:
    before = {one.name: one.read_bytes() for one in run.iterdir() if one.is_file() and one.name != "run.lock"}
    damaged_line(run, **values)
    before["journal.jsonl"] = (run / "journal.jsonl").read_bytes()
    for verb in (status_of, lambda path: resume_run(path, Reporter())):
        with pytest.raises(RunError, match=r"journal\.jsonl:1: not a line of a journal; delete it"):
            verb(run)
    (run / "log.txt").write_bytes(before["log.txt"])
    assert all((run / name).read_bytes() == data for name, data in before.items())


@pytest.mark.parametrize("only", [5, "3", [1.5], ["x"], [10**400], [True], {"a": 1}, [-1]])
def test_a_run_that_says_odd_things_of_its_pictures(run: Path, only: object) -> None:
    info = json.loads((run / "run.json").read_text())
    (run / "run.json").write_text(json.dumps(info | {"only": only}))
    for verb in (status_of, lambda path: resume_run(path, Reporter())):
        with pytest.raises(RunError, match=r"run\.json: only: expected a list of numbers of stills"):
            verb(run)


@pytest.mark.parametrize("text", ["[" * 100_000, '{"a": Infinity}', '{"a": NaN}', "{", "9" * 5000])
def test_json_that_is_none_is_one_kind_of_fault(text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        parse_json(text)


@pytest.mark.parametrize("file", ["run.json", "journal.jsonl", "outputs.json"])
def test_deep_nesting_is_a_line_or_ignored(run: Path, file: str) -> None:
    (run / file).write_text("[" * 100_000 + "\n{}\n")
    if file == "outputs.json":
        resume_run(run, Reporter())
        assert status_of(run).done == 3
        return
    with pytest.raises(RunError) as fault:
        resume_run(run, Reporter())
    assert str(fault.value).startswith(str(run / file))


EVERY_FILM = (
    "vr: {enabled: true, layouts: [left_right, anaglyph]}\nframes: 2\n"
    "output: {losses: false, preset: ultrafast, gif: true, webp: true, codec: hevc, interpolate_to: 24, "
    "interpolate_by: ffmpeg}\n"
)
FILMS = {"s.mp4", "s-24fps.mp4", "s-left.mp4", "s-right.mp4", "s-anaglyph.mp4", "s.gif", "s.webp"}


@pytest.mark.slow
@pytest.mark.parametrize("name", ["2026-11-29T15:30", "http:x", "-dash", "a%03db", "concat:a|b", "r\udcffx"])
def test_a_folder_whose_name_ffmpeg_reads_otherwise(tmp_path: Path, monkeypatch, name: str) -> None:
    monkeypatch.chdir(tmp_path)
    Path("s.yaml").write_text(SCENE.replace("frames: 3\n", "") + EVERY_FILM)
    film = render_scene(read_scene("s.yaml"), Reporter(), out=Path(name))
    assert {one.name for one in Path(name).glob("s*") if one.is_file() and one.suffix != ".yaml"} == FILMS
    assert probe(film).frames == 2
    assert [one.name for one in tmp_path.iterdir() if one.name not in ("s.yaml", name)] == []


def test_a_scene_whose_name_is_no_utf8(tmp_path: Path) -> None:
    path = tmp_path / "s\udcff.yaml"
    path.write_text(SCENE + QUIET)
    loaded = read_scene(path)
    assert loaded.name == "s?"
    render_scene(loaded, Reporter(), out=tmp_path / "run")
    assert status_of(tmp_path / "run").done == 3


COMMAND = [sys.executable, "-m", "animator"]


@pytest.mark.slow
def test_a_working_folder_that_was_removed(tmp_path: Path) -> None:
    (tmp_path / "gone").mkdir()
    code = "import os, sys; os.rmdir(os.getcwd()); sys.path[:] = [one for one in sys.path if one]; "
    code += "sys.argv = ['animator', 'models', 'list']; import animator.start; animator.start.main()"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path / "gone", capture_output=True, text=True,
        check=False, env=os.environ | {"PYTHONPATH": str(Path(__file__).parents[1])},
    )  # fmt: skip
    said = "the current folder was removed; change to another one, then give the same command again\n"
    assert (done.returncode, done.stdout, done.stderr) == (2, "", said)


def test_an_interrupt_before_the_program_is_imported() -> None:
    code = (
        "import signal, sys, animator.start\n"
        "class Hit:\n"
        "    def find_spec(self, name, *more):\n"
        "        if name == 'animator.cli.main': signal.raise_signal(signal.SIGINT)\n"
        "sys.meta_path.insert(0, Hit())\n"
        "animator.start.main()\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (130, "", "interrupted\n")


@pytest.mark.slow
@pytest.mark.parametrize("seconds", [1.0, 2.0, 4.0])
def test_interrupts_in_a_row_end_in_order(tmp_path: Path, seconds: float) -> None:
    (tmp_path / "s.yaml").write_text(SCENE.replace("frames: 3", "frames: 400") + QUIET)
    words = [*COMMAND, "render", str(tmp_path / "s.yaml"), "--out", str(tmp_path / "run")]
    with subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        time.sleep(seconds)
        for _ in range(3):
            process.send_signal(signal.SIGINT)
            time.sleep(0.03)
        out, err = process.communicate(timeout=100)
    assert process.returncode == 130, err
    assert "Traceback" not in err
    assert out == ""


@pytest.mark.slow
def test_progress_goes_nowhere_where_stderr_is_closed(tmp_path: Path) -> None:
    (tmp_path / "s.yaml").write_text(SCENE + QUIET)
    words = " ".join([*COMMAND, "render", str(tmp_path / "s.yaml"), "--out", str(tmp_path / "run")])
    done = subprocess.run(["sh", "-c", f"{words} 2>&-"], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, f"{tmp_path / 'run' / 's.mp4'}\n")
    done = subprocess.run(["sh", "-c", f"{words} >&- 2>&- <&-"], capture_output=True, check=False)
    assert done.returncode == 0


def fault_of(path: Path) -> str:
    with pytest.raises(SceneError) as caught:
        read_scene(path)
    (problem,) = caught.value.problems
    return str(problem)


@pytest.mark.parametrize(
    "content",
    [
        *("root:x:0:0:secret\n", "secret: hunter2\nuser: bob\n", "- secret\n", "secret\n", "'secret'\n"),
        *("secret: 1\nsecret: 2\n", "secret: *secret\n", "a: !secret x\n", "PASS=secret\nb: [secret\n"),
    ],
)
def test_what_a_file_that_is_no_scene_holds_is_not_shown(tmp_path: Path, content: str) -> None:
    (tmp_path / "other").write_text(content)
    (tmp_path / "s.yaml").write_text("prompts: x\nextends: other\n")
    fault = fault_of(tmp_path / "s.yaml")
    assert fault.startswith(f"{tmp_path / 's.yaml'}:2:10: extends: ")
    assert "is no scene: it has none of the keys of one" in fault
    assert "secret" not in fault


@pytest.mark.parametrize("value", ["!foo 3", "!!set {a}", "!!omap [a: 1]", "!!python/object:os.system {}"])
def test_a_tag_is_one_fault(tmp_path: Path, value: str) -> None:
    (tmp_path / "s.yaml").write_text(f"prompts: {value}\n")
    assert "prompts: a scene has no tags such as" in fault_of(tmp_path / "s.yaml")


def test_a_picture_carries_no_more_than_a_scene_may_have() -> None:
    with pytest.raises(SceneError, match="has more than 1048576 bytes, which a scene may have"):
        read_text_scene("prompts: x\n" + "# more\n" * 160_000, "a.png")


@pytest.mark.parametrize(
    ("keys", "said"),
    [
        (
            "{50: x}",
            ["prompts.50: frame 50 lies after the last frame, 5; as the first of the prompts it"],
        ),
        ("{0: y, 50: x}", ["prompts.50: never shown: frame 50 lies after the last frame, 5"]),
        ("{50: x, 60: y}", ["prompts.50: frame 50 lies", "prompts.60: never shown: frame 60 lies"]),
        ("{2: x}", []),
    ],
)
def test_the_first_prompts_are_shown_however_late(tmp_path: Path, keys: str, said: list[str]) -> None:
    (tmp_path / "s.yaml").write_text(f"models: fake\nmode: 2d\nframes: 6\nprompts: {keys}\n")
    loaded = read_scene(tmp_path / "s.yaml")
    notices = [f"{one.key}: {one.message}" for one in loaded.notices]
    assert len(notices) == len(said)
    assert all(notice.startswith(start) for notice, start in zip(notices, said, strict=True))


@pytest.mark.parametrize("formula", ["1/t", "log(t)", "sqrt(t-1)", "2 + 1/t"])
def test_one_frame_without_a_value_is_bridged_whatever_the_reason(tmp_path: Path, formula: str) -> None:
    (tmp_path / "s.yaml").write_text(
        f"mode: 2d\nframes: 4\nprompts: x\ncamera: {{translation_x: '{formula}'}}\n"
    )
    loaded = read_scene(tmp_path / "s.yaml")
    assert [one.message for one in loaded.notices] == ["no finite value at frame 0: bridged linearly"]
    row = loaded.timeline.row
    assert row(0)["camera.translation_x"] == row(1)["camera.translation_x"]


def test_a_small_archive_that_unpacks_to_gigabytes_is_refused_at_once(tmp_path: Path) -> None:
    path = tmp_path / "bomb.pt"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("archive/data.pkl", bytes(50_000_000))
    with pytest.raises(WeightsError, match=r"its 0\.0 MB unpack to 50 MB, which no weights do"):
        read_state(path)


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"not weights", "it is no file of weights"),
        (b"<html>", "it is a web page"),
        (b"", "the file is empty"),
        (b"PK\x03\x04torn", "it is cut off or damaged"),
        (b"version https://git-lfs.github.com/spec/v1\n", "it is a pointer of Git LFS"),
    ],
)
def test_a_file_of_weights_that_is_none_is_found_with_its_line(tmp_path: Path, content, why) -> None:
    (tmp_path / "own.pt").write_bytes(content)
    (tmp_path / "s.yaml").write_text("prompts: x\ndiffusion: {model: own.pt}\n")
    fault = fault_of(tmp_path / "s.yaml")
    assert fault.startswith(f"{tmp_path / 's.yaml'}:2:20: diffusion.model: the weights at")
    assert why in fault
