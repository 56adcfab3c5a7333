"""What `status` and `prune` tell of a run."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import typer
from typer.testing import CliRunner

import animator.run.status
from animator.cli.runs import add_runs
from animator.errors import WeightsError
from animator.run.status import Gap, status_of
from animator.runs import Entry, RunFolder
from tests.test_kill import files_of
from tests.test_standing import render, write

TEXT = "mode: 2d\nframes: 8\nseed: {0: 5, 6: SEED}\n"
app = typer.Typer()
add_runs(app)


def said(*words: object) -> str:
    result = CliRunner().invoke(app, [str(word) for word in words])
    assert result.exit_code == 0, result.output
    return result.output


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("finished")
    render(write(folder, TEXT, SEED=7), folder / "run")
    return folder / "run"


@pytest.fixture
def run(finished: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(finished, tmp_path / "run"))


@pytest.mark.slow
def test_a_finished_run(run: Path) -> None:
    before = files_of(run)
    status = status_of(run)
    assert (status.scene, status.mode, status.frames, status.done) == ("scene", "2d", 8, 8)
    assert (status.outdated, status.damaged, status.missing, status.todo) == ((), (), (), ())
    assert status.states == 8
    assert (
        status.state_bytes
        == status.sizes["state"]
        == sum(f.stat().st_size for f in (run / "state").iterdir())
    )
    assert sum(status.sizes.values()) == sum(f.stat().st_size for f in run.rglob("*") if f.is_file())
    assert status.films == {"scene.mp4": (run / "scene.mp4").stat().st_size}
    assert status.owner == status.fault == ""
    assert files_of(run) == before
    text = said("status", run)
    assert "8 of 8 frames are up to date" in text
    assert "resume has no frames to make" in text


def test_what_is_wrong_with_a_run(run: Path) -> None:
    (run / "frames" / "000002.png").unlink()
    (run / "frames" / "000003.png").write_bytes(b"")
    (run / "state" / "000001.safetensors").unlink()
    scene = run / "scene.yaml"
    scene.write_text(scene.read_text().replace("6: 7", "6: 8"))
    lines = (run / "journal.jsonl").read_text().splitlines(keepends=True)
    entry = json.loads(lines[4]) | {"notes": ["painted again"]}
    (run / "journal.jsonl").write_text("".join([*lines[:4], json.dumps(entry) + "\n", *lines[5:7]]))
    status = status_of(run)
    assert (status.done, status.damaged, status.outdated, status.missing) == (5 - 1, (2, 3), (6,), (7,))
    assert status.todo == (Gap(2, 3, 0), Gap(6, 7, 5))
    assert status.notes == {4: ("painted again",)}
    text = said("status", run)
    for line in (
        "damaged or deleted: 2-3",
        "made by animator 0.1.0",
        "out of date, the scene, its pictures or a default changed: 6",
        "not made yet: 7",
        "frame 4: painted again",
        "resume makes 2-3, from the state of 0",
        "resume makes 6-7, from the state of 5",
    ):
        assert line in text
    found = json.loads(said("status", run, "--json"))
    assert found["damaged"] == [2, 3]
    assert found["todo"][1] == {"first": 6, "last": 7, "state": 5}


def test_who_is_at_work_is_told_and_nothing_is_pruned_then(run: Path) -> None:
    with RunFolder.open(run).lock():
        assert "at work: process " in said("status", run)
        result = CliRunner().invoke(app, ["prune", str(run)])
        assert result.exit_code == 1
        assert "in use by process" in result.output
    assert "at work" not in said("status", run)


def test_without_the_weights_the_journal_is_believed(run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(loaded: object) -> None:
        raise WeightsError("clip ViT-B-32: not there")

    monkeypatch.setattr(animator.run.status, "weights_of", refuse)
    assert status_of(run).done == 8
    assert "not compared with the scene: clip ViT-B-32: not there" in said("status", run)


def test_what_pruning_frees_is_told_and_seen(run: Path) -> None:
    assert "removed 7 states" in said("prune", run, "--states")
    assert "removed 6 pictures" in said("prune", run, "--keep-every", 4)
    status = status_of(run)
    assert (status.done, status.states) == (8, 1)
    assert status.pruned == (1, 2, 3, 5, 6, 7)
    assert status.sizes.get("pruned", 0) + status.sizes["."] < 2 * status.sizes["."]
    assert "pruned, only a film shows them: 1-3, 5-7" in said("status", run)
    assert "removed 0 pictures" in said("prune", run, "--keep-every", 4)


def test_drafts_are_told(tmp_path: Path) -> None:
    render(write(tmp_path, "mode: still\nimages: 2\nseed: 5\n"), tmp_path / "run")
    run = RunFolder.open(tmp_path / "run")
    old = run.journal()[1]
    run.save_frame(1, np.zeros((64, 64, 3), np.uint8), {}, Entry(1, old.inputs, old.seed, 1.0, stopped=0.5))
    status = status_of(run.path)
    assert status.drafts == (1,)
    assert status.todo == (Gap(1, 1, None),)
    assert "resume makes 1\n" in said("status", run.path)


def test_no_run_is_told(tmp_path: Path) -> None:
    result = CliRunner().invoke(app, ["status", str(tmp_path)])
    assert result.exit_code == 2
    assert "not a run" in result.output
