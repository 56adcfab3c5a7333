"""A run that one version of the program made, resumed by another: what is finished stays finished."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import pytest

from animator.errors import RunError
from animator.run import fingerprint
from animator.run.render import render_scene, resume_run
from animator.run.reporter import Reporter
from animator.run.status import status_of, status_text
from animator.runs import RunFolder
from animator.scene.reading import read_scene

SCENE = (
    "models: fake\nsize: [64, 64]\nprompts: a red house\nmode: 2d\nframes: 4\nseed: 5\n"
    "diffusion: {steps: 2, skip_steps: 0}\ncamera: {translation_x: 8}\nvr: {enabled: true}\n"
    "output: {preset: ultrafast, losses: false, progress_image: false}\n"
)


@pytest.fixture
def run(tmp_path: Path) -> Path:
    scene = tmp_path / "scene.yaml"
    scene.write_text(SCENE)
    render_scene(read_scene(scene), Reporter(), out=tmp_path / "run")
    return tmp_path / "run"


def pictures(run: Path) -> dict[str, bytes]:
    return {one.relative_to(run).as_posix(): one.read_bytes() for one in sorted(run.rglob("*.png"))}


def dates(run: Path) -> dict[str, int]:
    return {one.name: one.stat().st_mtime_ns for one in (run / "frames").iterdir()}


def later(monkeypatch, version: str = "99.0") -> None:
    for module in ("run.save", "run.render", "run.outdated", "runs.folder", "runs.program"):
        monkeypatch.setattr(f"animator.{module}.__version__", version)


def test_a_later_version_that_makes_the_same_frames_makes_none_again(run, monkeypatch, capsys) -> None:
    before, files = dates(run), (run / "outputs.json").read_bytes()
    later(monkeypatch)
    resume_run(run, Reporter())
    assert dates(run) == before
    assert (run / "outputs.json").read_bytes() == files
    assert "again" not in capsys.readouterr().err
    assert "made by animator 99.0" in status_text(status_of(run))
    assert {entry.program for entry in RunFolder.open(run).journal().values()} == {"0.1.0"}


def test_a_run_of_a_later_version_is_refused(run, monkeypatch) -> None:
    info = json.loads((run / "run.json").read_text())
    (run / "run.json").write_text(json.dumps(info | {"animator": "99.0"}))
    for verb in (RunFolder.open, status_of, lambda path: resume_run(path, Reporter())):
        with pytest.raises(RunError, match=r"made by animator 99\.0, this is 0\.1\.0; upgrade"):
            verb(run)
    (run / "run.json").write_text(json.dumps(info | {"animator": "of my own"}))
    assert status_of(run).done == 4


@pytest.mark.vital
def test_frames_that_a_version_makes_otherwise_are_kept_beside(run, monkeypatch, capsys) -> None:
    before = pictures(run)
    later(monkeypatch)
    monkeypatch.setattr(fingerprint, "RENDERINGS", {**fingerprint.RENDERINGS, 99: ("camera.translation_x",)})
    monkeypatch.setattr("animator.run.outdated.RENDERINGS", fingerprint.RENDERINGS)
    status = status_of(run)
    assert status.because == {"an earlier version made them differently": (0, 1, 2, 3)}
    assert "out of date, an earlier version made them differently: 0-3" in status_text(status)
    resume_run(run, Reporter())
    said = "4 of 4 finished frames are made again (0-3): an earlier version made them differently"
    assert f"{said}; the old ones are kept in frames.before-001/" in capsys.readouterr().err
    kept = pictures(run)
    assert {kept[f"{folder}.before-001/00000{n}.png"] for folder in ("frames", "left") for n in range(4)} == {
        before[f"{folder}/00000{n}.png"] for folder in ("frames", "left") for n in range(4)
    }
    assert status_of(run).done == 4
    resume_run(run, Reporter())
    assert not (run / "frames.before-002").exists()


def test_frames_of_other_weights_are_kept_beside_and_the_weights_named(run, monkeypatch, capsys) -> None:
    monkeypatch.setattr("animator.run.job.weights_of", lambda loaded: {"pocket": "other"})
    info = json.loads((run / "run.json").read_text())
    (run / "run.json").write_text(json.dumps(info | {"weights": {"pocket": "first"}}))
    resume_run(run, Reporter())
    assert (
        "the weights of pocket changed; the old ones are kept in frames.before-001/"
        in capsys.readouterr().err
    )


def test_who_edits_a_scene_hears_how_many_are_made_again(run, capsys) -> None:
    scene = run.parent / "scene.yaml"
    scene.write_text(SCENE.replace("translation_x: 8", "translation_x: {0: 8, 1: 8, 2: 9}"))
    render_scene(read_scene(scene), Reporter(), out=run)
    err = capsys.readouterr().err
    assert (
        "2 of 4 finished frames are made again (2-3): the scene, its pictures or a default changed\n" in err
    )
    assert not (run / "frames.before-001").exists()


def test_an_edited_scene_of_a_run_that_is_resumed_keeps_the_old_frames(run, capsys) -> None:
    own = run / "scene.yaml"
    own.write_text(own.read_text().replace("translation_x: 8", "translation_x: 9"))
    resume_run(run, Reporter())
    assert "4 of 4 finished frames are made again (0-3)" in capsys.readouterr().err
    assert len(list((run / "frames.before-001").iterdir())) == 4


def test_frames_of_a_program_that_did_not_say_which_it_was(run, capsys) -> None:
    lines = [json.loads(line) for line in (run / "journal.jsonl").read_text().splitlines()]
    old = [{**line, "inputs": "0" * 64} for line in lines]
    for line in old:
        del line["program"]
    (run / "journal.jsonl").write_text("".join(f"{json.dumps(line)}\n" for line in old))
    resume_run(run, Reporter())
    assert "an earlier version made them differently; the old ones are kept" in capsys.readouterr().err


def test_a_default_that_a_later_version_changed_is_no_edit(run, monkeypatch, capsys) -> None:
    """The run has the old default in its scene, and the user's scene says nothing: other frames are meant."""
    later(monkeypatch)
    scene = run.parent / "scene.yaml"
    scene.write_text(SCENE + "warp: {padding_mode: reflection}\n")
    render_scene(read_scene(scene), Reporter(), out=run)
    assert "the old ones are kept in frames.before-001/" in capsys.readouterr().err


def test_frames_that_nobody_asks_for_stay(tmp_path, monkeypatch, capsys) -> None:
    path = tmp_path / "still.yaml"
    path.write_text(
        "models: fake\nsize: [64, 64]\nprompts: x\nmode: still\nimages: 3\nseed: 1\ndiffusion: {steps: 2}\n"
    )
    loaded = read_scene(path)
    render_scene(loaded, Reporter(), out=tmp_path / "stills")
    later(monkeypatch)
    monkeypatch.setattr(fingerprint, "RENDERINGS", {**fingerprint.RENDERINGS, 99: ()})
    monkeypatch.setattr("animator.run.outdated.RENDERINGS", fingerprint.RENDERINGS)
    render_scene(dataclasses.replace(loaded, only=(1,)), Reporter(), out=tmp_path / "stills")
    assert "1 of 3 finished frames are made again (1)" in capsys.readouterr().err
    assert sorted(one.name for one in (tmp_path / "stills" / "frames").iterdir()) == [
        f"00000{number}.png" for number in range(3)
    ]
