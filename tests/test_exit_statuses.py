"""The table of docs/exit-statuses.md, each row of it run: exit status and first line of what is said."""

from __future__ import annotations

import json
import re
import shlex
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner

from animator.cli.main import app
from animator.video.ffmpeg import executable

PAGE = Path(__file__).parents[1] / "docs" / "exit-statuses.md"
ROW = re.compile(r"^\| `animator (?P<words>.*?)` \| (?P<status>\d+) \| `(?P<told>.+)` \|$", re.MULTILINE)

HEAD = "version: 1\nmodels: fake\nsize: [64, 64]\nseed: 7\nprompts: a lighthouse by the sea\n"
STEPS = "diffusion: {steps: 10, skip_steps: 0}\n"
FILES = {
    "flight.yaml": HEAD + STEPS + "frames: 2\ncamera: {translation_z: 4}\n",
    "still.yaml": HEAD + STEPS + "mode: still\nimages: 2\n",
    "wrong.yaml": "version: 1\nprompts: a sea\nfps: many\n",
    "broken.yaml": "prompts: 'a sea\n",
    "empty.yaml": "",
    "latin.yaml": "prompts: größer".encode("latin-1"),
    "tag.yaml": "prompts: !!python/name:os.system x\n",
    "twice.yaml": "prompts: a\nfps: 3\nfps: 4\n",
    "circle.yaml": "prompts: a\nextends: circle.yaml\n",
    "formula.yaml": 'prompts: a\ncamera: {fov: "40 + sine(t)"}\n',
    "large.yaml": "#" * 2_000_000,
    "note.yaml": HEAD + STEPS + "frames: 2\ncamera: {zoom: 1.1}\n",
    "init.yaml": HEAD + "mode: still\ndiffusion: {steps: 10, skip_steps: 5, init_image: notes.txt}\n",
    "web.yaml": HEAD + "diffusion: {steps: 10, skip_steps: 5, init_image: 'http://127.0.0.1:9/a.png'}\n",
    "list.yaml": HEAD + "mode: video\nvideo: {init: list.m3u8}\n",
    "list.m3u8": "#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\nleft.mp4\n#EXT-X-ENDLIST\n",
    "notes.txt": "these are notes\n",
    "sound.yaml": HEAD + "mode: 2d\noutput: {audio: notes.txt}\n",
    "late.yaml": HEAD + "mode: 2d\nimage_prompts: {4: notes.txt}\n",
    "base.yaml": "prompts: a\nextends: notes.txt\n",
    "disco.txt": '{"text_prompts": {"0": ["a sea"]}, "width": 512, "height": 512, "cutn_batches": 4}',
    "cut.json": '{"text_prompts": "{0:", "width_height": "[512,", "cut_overview": "[12]*1000"}',
}


def prepare(folder: Path) -> None:
    """Put into a folder what the examples of the page stand on."""
    for name, content in FILES.items():
        (folder / name).write_bytes(content if isinstance(content, bytes) else content.encode())
    Image.fromarray(np.zeros((8, 8, 3), np.uint8)).save(folder / "photo.png")
    for name, size, frames in (("left.mp4", "32x32", 2), ("right.mp4", "32x32", 3)):
        film = ("-f", "lavfi", "-i", f"color=red:s={size}:r=10", "-frames:v", str(frames), folder / name)
        subprocess.run([executable(), "-loglevel", "error", *film], check=True, capture_output=True)
    runner = CliRunner()
    assert runner.invoke(app, ["render", "flight.yaml", "--out", "run"]).exit_code == 0
    drafts = ["render", "still.yaml", "--out", "drafts", "--set", "diffusion.stop_at=50%"]
    assert runner.invoke(app, drafts).exit_code == 0
    shutil.copytree(folder / "drafts", folder / "sketches")  # rows do not depend on one another
    for name in ("damaged", "begun", "journal", "full", "future"):
        (folder / name).mkdir()
    (folder / "damaged" / "run.json").write_text("{")
    (folder / "future" / "run.json").write_text('{"animator": "99.0"}')
    (folder / "damaged" / "scene.yaml").write_text("version: 1\n")
    (folder / "begun" / "run.json").write_text("{}")
    (folder / "full" / "letter.txt").write_text("dear")
    shutil.rmtree(folder / "journal")
    shutil.copytree(folder / "run", folder / "journal")
    lines = (folder / "journal" / "journal.jsonl").read_text()
    (folder / "journal" / "journal.jsonl").write_text("rubbish\n" + lines)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("exit")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(made)
        patch.setenv("ANIMATOR_CACHE", str(made / "cache"))
        prepare(made)
    return made


def said(words: list[str]) -> tuple[int, list[str]]:
    """Return the exit status of a command and the lines that it said: its result, or its faults."""
    done = CliRunner().invoke(app, words)
    assert done.exception is None or isinstance(done.exception, SystemExit), done.exception
    assert "Traceback" not in done.output
    lines = [line for line in (done.stderr if done.exit_code else done.stdout).splitlines() if line.strip()]
    framed = [line.strip("│ ") for line in lines if line.startswith("│")]  # those of Typer
    return done.exit_code, [" ".join(framed)] if done.exit_code and framed else lines


def rows() -> list[tuple[str, int, str]]:
    text = PAGE.read_text(encoding="utf-8")
    return [(row["words"], int(row["status"]), row["told"].replace("\\|", "|")) for row in ROW.finditer(text)]


SLOW = ("render", "watch", "resume", "finish", "show", "plot", "frame", "schema")
"""Verbs that take longer than others where they succeed."""


@pytest.mark.parametrize(
    ("words", "status", "told"),
    [
        pytest.param(*row, id=row[0], marks=[pytest.mark.slow] * (not row[1] and row[0].startswith(SLOW)))
        for row in rows()
    ],
)
def test_a_row_of_the_table(
    words: str, status: int, told: str, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(folder)
    monkeypatch.setenv("ANIMATOR_CACHE", str(folder / "cache"))
    monkeypatch.setenv("COLUMNS", "200")
    found, lines = said(shlex.split(words))
    lines = [line.replace(str(folder.resolve()), "…") for line in lines]
    begin = told.removesuffix("…")
    assert found == status, lines
    assert any(line == told or (begin != told and line.startswith(begin)) for line in lines), lines


def test_the_table_has_every_verb_and_enough_rows() -> None:
    table = rows()
    assert len(table) >= 60
    assert len(table) == len(
        [line for line in PAGE.read_text(encoding="utf-8").splitlines() if "| `animator" in line]
    )
    verbs = {command.name or command.callback.__name__.rstrip("_") for command in app.registered_commands}
    verbs |= {f"models {command.name or command.callback.__name__}" for command in models_of()}
    told = {words for words, _, _ in table}
    assert {verb for verb in verbs if not any(words.startswith(verb) for words in told)} == set()
    assert {status for _, status, _ in table} == {0, 1, 2}


def models_of() -> list:
    return next(
        group for group in app.registered_groups if group.name == "models"
    ).typer_instance.registered_commands


@pytest.mark.slow
def test_a_traceback_only_where_it_is_asked_for(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(folder)
    for words in (
        ["check", "wrong.yaml"],
        ["resume", "nowhere"],
        ["resume", "damaged"],
        ["show", "photo.png"],
    ):
        plain = CliRunner().invoke(app, words)
        assert isinstance(plain.exception, SystemExit)
        debugged = CliRunner().invoke(app, [*words, "--debug"])
        assert debugged.exception is not None
        assert not isinstance(debugged.exception, SystemExit)  # which Python shows with a traceback


def test_an_interrupted_verb_ends_with_130(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def stopped(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.chdir(folder)
    monkeypatch.setattr("animator.scene.carried.carried_text", stopped)
    done = CliRunner().invoke(app, ["show", "photo.png"])
    assert (done.exit_code, done.stderr) == (130, "interrupted\n")


def test_the_resolved_scene_of_the_examples_is_sound(folder: Path) -> None:
    assert json.loads((folder / "run" / "run.json").read_text())
