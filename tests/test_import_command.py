"""``animator import``, and other programs' files in the place of a scene."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

import animator
from animator.cli.main import app
from animator.errors import SceneError
from animator.importing.opening import open_scene
from animator.importing.pages import PAGES, page_text
from animator.scene.reading import read_scene
from tests.import_files import DEFORUM, DISCO_57, LITERALS, WARP, files

ROOT = Path(__file__).parents[1]


def run(*words: str | Path):
    return CliRunner().invoke(app, [str(word) for word in words])


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "120")
    (tmp_path / "disco.txt").write_text(json.dumps(DISCO_57))
    (tmp_path / "deforum.txt").write_text(json.dumps({**DEFORUM, "max_frames": 4}))
    (tmp_path / "warp.txt").write_text(json.dumps(WARP))
    (tmp_path / "cut.json").write_text(json.dumps(LITERALS))
    return tmp_path


def test_a_scene_is_written_and_reported(folder: Path) -> None:
    done = run("import", "deforum.txt", "-o", "a.yaml")
    assert done.exit_code == 0
    assert done.stdout.splitlines()[-1] == "a.yaml"
    line = next(line for line in done.stdout.splitlines() if line.startswith("strength_schedule "))
    assert line.split()[1:3] == ["carried", "coherence.frames_skip_steps"]
    assert f"Deforum (JSON), {len(DEFORUM)} keys: " in done.stdout
    assert read_scene("a.yaml").scene.frames == 4
    assert run("check", "a.yaml").exit_code == 0


def test_without_a_name_the_scene_is_printed(folder: Path) -> None:
    done = run("import", "disco.txt")
    assert "extends: disco-5\nmode: still\n" in done.stdout
    assert "text_prompts" in done.stderr
    assert "text_prompts" not in done.stdout.replace("#   text_prompts", "")
    assert "note: guessed: mode still" in done.stderr


def test_as_json(folder: Path) -> None:
    tree = json.loads(run("import", "disco.txt", "--json", "--mode", "2d").stdout)
    assert (tree["program"], tree["written in"], tree["file"]) == ("Disco Diffusion", "JSON", "disco.txt")
    assert {row["key"] for row in tree["keys"]} >= set(DISCO_57)
    assert {row["fate"] for row in tree["keys"]} <= {"carried", "approximated", "dropped"}
    assert "mode: 2d" in tree["scene"]


def test_nothing_is_written_over(folder: Path) -> None:
    assert run("import", "disco.txt", "-o", "a.yaml").exit_code == 0
    assert run("import", "deforum.txt", "-o", "a.yaml").exit_code == 2
    assert "extends: disco-5" in (folder / "a.yaml").read_text()
    assert run("import", "deforum.txt", "-o", "a.yaml", "--force").exit_code == 0
    assert "extends" not in (folder / "a.yaml").read_text()


def test_footage_makes_a_video(folder: Path) -> None:
    (folder / "frames").mkdir()
    from PIL import Image

    for number in range(3):
        Image.new("RGB", (64, 64), (40 * number, 0, 0)).save(folder / "frames" / f"{number}.png")
    done = run("import", "warp.txt", "--footage", "frames", "-o", "a.yaml")
    assert done.exit_code == 0, done.output
    loaded = read_scene("a.yaml")
    scene = loaded.scene
    assert (scene.mode, scene.frames) == ("video", 3)
    assert loaded.timeline.row(1)["coherence.frames_skip_steps"] == pytest.approx(0.3)
    assert scene.video.init == str(folder / "frames")


@pytest.mark.parametrize("verb", ["check", pytest.param("plan", marks=pytest.mark.slow)])
def test_verbs_take_such_files(verb: str, folder: Path) -> None:
    done = run(verb, "disco.txt")
    assert done.exit_code == 0, done.output
    assert "disco.txt: is a settings file of Disco Diffusion: " in done.stderr
    assert "animator import lists them" in done.stderr
    assert run(verb, "cut.json").exit_code == 2
    assert "cut off at their first blank" in run(verb, "cut.json").stderr


def test_settings_go_over_such_a_file(folder: Path) -> None:
    scene = open_scene("disco.txt", ["diffusion.steps=90", "seed=4"]).scene
    assert (scene.diffusion.steps, scene.seed) == (90, 4)
    assert animator.load("disco.txt", {"diffusion.steps": 70}).scene.diffusion.steps == 70


def test_such_a_file_from_the_standard_input(folder: Path) -> None:
    done = CliRunner().invoke(app, ["check", "-"], input=json.dumps(DISCO_57))
    assert done.exit_code == 0, done.output
    assert "stdin: fine: still" in done.stdout


def test_a_scene_with_faults_stays_a_scene_with_faults(folder: Path) -> None:
    (folder / "a.yaml").write_text("prompts: a sea\nfps: many\nframes: none\n")
    with pytest.raises(SceneError) as refused:
        open_scene("a.yaml")
    assert len(refused.value.problems) >= 1
    assert refused.value.problems[0].line == 2


def test_a_scene_that_extends_such_a_file_is_refused(folder: Path) -> None:
    (folder / "a.yaml").write_text("extends: disco.txt\nprompts: a sea\n")
    with pytest.raises(SceneError, match=r"disco.txt is no scene|make one of it: animator import"):
        open_scene("a.yaml")


@pytest.mark.vital
@pytest.mark.slow
def test_a_film_is_rendered_of_such_a_file(folder: Path) -> None:
    over = ["models=fake", "size=[64, 64]", "diffusion.steps=4", "turbo.steps=1"]
    settings = [word for one in over for word in ("--set", one)]
    done = run("render", "deforum.txt", "--out", "made", *settings)
    assert done.exit_code == 0, done.output
    assert len(list((folder / "made" / "frames").glob("*.png"))) == 4


@pytest.mark.parametrize("name", PAGES)
def test_the_pages_are_what_the_program_makes(name: str) -> None:
    page = (ROOT / "docs" / f"from-{name}.md").read_text(encoding="utf-8")
    assert page == page_text(name), "run: python -m animator.importing.pages docs"


def test_the_page_has_every_option() -> None:
    page = (ROOT / "docs" / "import.md").read_text(encoding="utf-8")
    for option in ("--out", "--mode", "--from", "--prompt", "--footage", "--json", "--force"):
        assert f"`{option}" in page or f" {option}`" in page or f"`{option}`" in page


def test_every_file_made_for_the_tests_is_of_a_kind_of_its_own() -> None:
    assert len(files()) >= 25
