"""The command line as a user meets it: what is printed, where, and the exit status."""

from __future__ import annotations

import csv
import io
import json
import os
import signal
import time
from pathlib import Path

import pytest

from tests.command import Started, animator, started

SCENES = Path(__file__).parents[1] / "scenes"


@pytest.mark.slow
def test_help_names_every_verb() -> None:
    done = animator("--help")
    assert done.returncode == 0
    assert all(verb in done.stdout for verb in ("render", "resume", "check", "plan", "schema"))


def test_version() -> None:
    assert animator("--version").stdout.startswith("animator 0.")


@pytest.mark.slow
@pytest.mark.parametrize("name", sorted(path.name for path in SCENES.glob("*.yaml")))
def test_every_scene_of_the_project_is_fine(name: str) -> None:
    done = animator("check", SCENES / name)
    assert (done.returncode, done.stderr) == (0, "")
    assert ": fine: " in done.stdout


@pytest.mark.slow
def test_all_problems_of_all_scenes_at_once(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text("version: 1\nprompts: a sea\nguidance:\n  clip_guidence_scale: 4\n")
    (tmp_path / "b.yaml").write_text("version: 1\nprompts: a sea\nframes: many\n")
    for verb in ("check", "render"):
        done = animator(verb, "a.yaml", "b.yaml", "c.yaml", cwd=tmp_path)
        lines = done.stderr.splitlines()
        assert done.returncode == 2
        assert done.stdout == ""
        assert len(lines) == 3
        assert lines[0].startswith("a.yaml:4:3: guidance.clip_guidence_scale: unknown key; did you mean")
        assert lines[1].startswith("b.yaml:3:9: frames: ")
        assert lines[2].startswith("c.yaml: ")
    assert not (tmp_path / "renders").exists()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("words", "status", "said"),
    [
        (["rendre", "x.yaml"], 2, "rendre"),
        (["render"], 2, "SCENE"),
        (["render", "a.yaml", "--set", "nothing"], 2, "--set"),
        (["check", "a.yaml", "--set", "guidance.clamp_mex=1"], 2, "did you mean"),
        (["resume", "nowhere"], 2, "nowhere: no such folder"),
        (["resume", "."], 2, "not a run"),
        (["render", "a.yaml", "a.yaml", "--out", "x"], 2, "--out"),
        (["render", "a.yaml", "--set", "diffusion.model=poket"], 2, "pocket"),
    ],
)
def test_wrong_use_is_told_in_a_line(tmp_path: Path, words: list[str], status: int, said: str) -> None:
    (tmp_path / "a.yaml").write_text("version: 1\nprompts: a sea\n")
    done = animator(*words, cwd=tmp_path)
    assert done.returncode == status, done.stderr
    assert said in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.slow
def test_a_fault_of_ours_is_one_line_unless_debugging(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text("version: 1\nprompts: a sea\nmode: still\nsize: [64, 64]\n")
    (tmp_path / "renders").write_text("in the way")
    done = animator("render", "a.yaml", cwd=tmp_path)
    assert done.returncode == 1
    assert len([line for line in done.stderr.splitlines() if not line.startswith("note")]) == 1
    assert "Traceback" in animator("render", "a.yaml", "--debug", cwd=tmp_path).stderr


def test_plan_as_csv_is_the_timeline(tmp_path: Path) -> None:
    text = 'version: 1\nprompts: a sea\nframes: 5\ncamera: {translation_z: "0: (0), 4: (8)"}\n'
    (tmp_path / "a.yaml").write_text(text)
    done = animator("plan", "a.yaml", "--csv", cwd=tmp_path)
    rows = list(csv.DictReader(io.StringIO(done.stdout)))
    assert [float(row["camera.translation_z"]) for row in rows] == [0, 2, 4, 6, 8]
    assert rows[0]["prompts"] == "a sea:1"
    assert rows[0]["guidance.cuts.overview"] == "[12]*400+[4]*600"


@pytest.mark.slow
def test_plan_shows_what_changes() -> None:
    done = animator("plan", SCENES / "flight.yaml", "--set", "models=fake")
    assert done.returncode == 0
    assert "camera.translation_z" in done.stdout
    assert "camera.zoom" not in done.stdout


def test_schema_is_json_with_a_sentence_a_field() -> None:
    schema = json.loads(animator("schema").stdout)
    assert schema["$schema"].endswith("2020-12/schema")
    guidance = schema["$defs"]["GuidanceOptions"]["properties"]
    assert "clip_guidance_scale" in guidance
    assert all(field.get("description") or "$ref" in json.dumps(field) for field in guidance.values())


def small_scene(folder: Path, text: str) -> None:
    head = "version: 1\nsize: [64, 64]\nseed: 5\nprompts: a red sunset over the sea\n"
    cheap = "diffusion: {steps: 6, skip_steps: 0}\n"
    cheap += "guidance: {cutn_batches: 1, cuts: {overview: 1, innercut: 1}}\n"
    (folder / "small.yaml").write_text(head + cheap + "output: {losses: false}\n" + text)


def files_of(run: Path) -> dict[str, bytes]:
    """Everything of a run that must not depend on how often it was stopped."""
    names = ["scene.yaml", "timeline.csv", "small.mp4"]
    found = (
        [run / name for name in names]
        + sorted((run / "frames").iterdir())
        + sorted((run / "state").iterdir())
    )
    return {str(path.relative_to(run)): path.read_bytes() for path in found}


@pytest.mark.vital
@pytest.mark.slow
def test_a_killed_film_resumes_to_the_same_bytes(tmp_path: Path) -> None:
    """With the bundled networks; tests/test_kill.py kills every mode, many times, without them."""
    small_scene(tmp_path, "mode: 3d\nframes: 4\ncamera: {translation_z: 8, rotation_3d_y: 1}\n")
    whole = animator("render", "small.yaml", "--out", "whole", cwd=tmp_path)
    assert whole.returncode == 0, whole.stderr
    assert whole.stdout.strip() == "whole/small.mp4"
    lines = [line for line in whole.stderr.splitlines() if not line.startswith("note: ")]
    assert lines[0] == "small: 4 frames"
    assert sum(line.startswith("frame ") for line in lines) == 4

    words = ["render", "small.yaml", "--out", "killed"]
    for after, how in ((1, signal.SIGKILL), (2, signal.SIGINT)):
        process = started(*words, cwd=tmp_path)
        wait_for(tmp_path / "killed" / "journal.jsonl", after, process)
        os.kill(process.number, how)
        ended = process.wait(60)
        if how == signal.SIGINT:
            assert ended.returncode == 130
            assert "continue with: animator resume killed" in ended.stderr
        words = ["resume", "killed"]
    done = animator("resume", "killed", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "are up to date" in done.stderr
    ours, theirs = files_of(tmp_path / "killed"), files_of(tmp_path / "whole")
    assert ours.keys() == theirs.keys()
    assert [name for name in ours if ours[name] != theirs[name]] == []

    again = animator("render", "small.yaml", "--out", "killed", cwd=tmp_path)
    assert "4 of them are up to date" in again.stderr
    edited = animator("render", "small.yaml", "--out", "killed", "--set", "seed=6", cwd=tmp_path)
    assert "are up to date" not in edited.stderr
    assert files_of(tmp_path / "killed") != theirs


def wait_for(journal: Path, lines: int, process: Started) -> None:
    """Wait until a run has finished so many frames."""
    deadline = time.monotonic() + 100
    while time.monotonic() < deadline and process.poll() is None:
        if journal.exists() and journal.read_bytes().count(b"\n") >= lines:
            return
        time.sleep(0.02)
    raise AssertionError(f"no {lines} frames in time: {process.err.read_text()}")


@pytest.mark.slow
def test_stills_are_pictures_that_carry_their_prompt(tmp_path: Path) -> None:
    from PIL import Image

    small_scene(tmp_path, "mode: still\nimages: 2\n")
    done = animator("render", "small.yaml", "--json", cwd=tmp_path)
    events = [json.loads(line) for line in done.stdout.splitlines()[:-1]]
    kinds = [event["event"] for event in events]
    assert [kind for kind in kinds if kind not in ("stage", "step")] == ["begin", "frame", "frame", "end"]
    assert {"event": "stage", "frame": 1, "stage": "denoise"} in events
    assert kinds.count("step") > 2
    folder = tmp_path / done.stdout.splitlines()[-1]
    assert folder == tmp_path / "renders" / "small" / "001" / "frames"
    with Image.open(folder / "000001.png") as picture:
        assert picture.size == (64, 64)
        assert picture.text["prompt"] == "a red sunset over the sea:1"
        assert picture.text["seed"] == "6"
    assert not list(folder.parent.glob("*.mp4"))
    alone = animator(
        "render", "small.yaml", "--set", "seed=6", "--set", "images=1", "--out", "alone", cwd=tmp_path
    )
    assert alone.returncode == 0
    pixels = [
        Image.open(path).tobytes() for path in (tmp_path / "alone/frames/000000.png", folder / "000001.png")
    ]
    assert pixels[0] == pixels[1]


@pytest.mark.slow
def test_an_init_picture_is_stretched_and_kept(tmp_path: Path) -> None:
    import numpy as np
    from PIL import Image

    wide = np.zeros((32, 96, 3), np.uint8)
    wide[:, 48:] = (250, 120, 10)
    Image.fromarray(wide).save(tmp_path / "init.png")
    small_scene(tmp_path, "mode: still\n")
    words = ["--set", "diffusion.init_image=init.png", "--set", "diffusion.skip_steps=5", "--out", "run"]
    done = animator("render", "small.yaml", *words, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    with Image.open(tmp_path / "run/frames/000000.png") as picture:
        pixels = np.asarray(picture).astype(float)
    assert pixels[:, 40:].mean() > pixels[:, :24].mean() + 60
