"""Studies with the engine that needs no networks: what is painted, found again, given up and said."""

from __future__ import annotations

import json
import random
import shutil
import signal
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

import animator.study.painters as painters
from animator.cli.main import app
from animator.errors import Interrupted, PaintError, RunError, UsageError
from animator.importing.short import short_text
from animator.run.cancel import Cancel
from animator.run.render import render_scene
from animator.run.reporter import Reporter
from animator.runs.png import decode_png
from animator.scene.carried import carried_text
from animator.scene.reading import read_scene, read_text_scene
from animator.study.cells import study_of
from animator.study.make import Made, in_order, make_study, resume_study
from animator.study.painting import Painting, paint, painting_of
from animator.study.place import scene_of_cell
from animator.study.results import DONE, FAILED, MISSING
from animator.weights.shared import SharedNetworks
from tests.test_kill import Dying

SCENE = """
models: fake
mode: still
size: [64, 64]
seed: 5
prompts: a red house
diffusion: {steps: 2, skip_steps: 0}
guidance: {cuts: {overview: 1, innercut: 1}}
"""
AXES = ("guidance.clip_guidance_scale=1000,5000,9000", "prompts=a red house,a blue sea")


class Heard(Reporter):
    """Notes what is painted; stops after so many pictures."""

    def __init__(self, stop_after: int = 10**9) -> None:
        self.begun: list[tuple[int, int]] = []
        self.left: list[int] = []
        self._stop_after = stop_after

    def begin(self, name: str, total: int, done: int) -> None:
        self.begun.append((total, done))

    def finished(self, frame: int, seconds: float, left: int) -> None:
        self.left.append(left)
        if len(self.left) == self._stop_after:
            raise KeyboardInterrupt


def made(scene: Path, *vary: str, heard: Heard | None = None, out: str = "study", **more: object) -> Made:
    return make_study(study_of(str(scene), vary=vary, **more), heard or Heard(), out=scene.parent / out)  # type: ignore[arg-type]


def states(of: Made) -> list[str]:
    return [one.state for one in of.results]


def pictures(of: Made) -> dict[str, bytes]:
    """The first picture of every cell, by its name."""
    return {one.name: (of.folder / one.pictures[0]).read_bytes() for one in of.results if one.pictures}


def pixels(png: bytes) -> list:
    decoded = decode_png(png)
    assert decoded is not None
    return decoded.tolist()


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Made:
    """A study of 3 x 2; it is only read."""
    scene = tmp_path_factory.mktemp("study") / "scene.yaml"
    scene.write_text(SCENE)
    return made(scene, *AXES)


@pytest.fixture
def scene(tmp_path: Path) -> Path:
    path = tmp_path / "scene.yaml"
    path.write_text(SCENE)
    return path


@pytest.fixture
def copied(whole: Made, scene: Path) -> Path:
    """The scene, beside a copy of its study."""
    shutil.copytree(whole.folder, scene.parent / "study")
    return scene


def test_every_cell_is_painted_as_a_render_paints_it(whole: Made, tmp_path: Path) -> None:
    assert states(whole) == [DONE] * 6
    assert whole.exit_status == 0
    assert len({one.name for one in whole.results}) == 6
    last = whole.results[-1]
    assert last.values == ("9000", "a blue sea")
    loaded = read_scene(whole.folder / "scenes" / f"{last.name}.yaml")
    assert (loaded.scene.guidance.clip_guidance_scale, loaded.scene.prompts) == (9000, "a blue sea")
    again = render_scene(loaded, Reporter(), out=tmp_path / "run", report=False)
    assert pixels((again / "000000.png").read_bytes()) == pixels(pictures(whole)[last.name])
    carried = read_text_scene(carried_text(whole.folder / last.pictures[0]), "picture").scene
    assert carried.guidance == loaded.scene.guidance
    assert carried.prompts == "a blue sea"


def test_what_is_left_on_the_disk(whole: Made) -> None:
    names = {path.name for path in whole.folder.iterdir()}
    assert names == {"cells", "scenes", "sheet.png", "study.csv", "study.html", "study.json", "study.lock"}
    table = pd.read_csv(whole.folder / "study.csv", dtype=str, keep_default_na=False)
    assert list(table.columns) == [
        "cell", "guidance.clip_guidance_scale", "prompts", "seed", "score", "judge", "state", "seconds",
        "path", "reason",
    ]  # fmt: skip
    assert list(table["prompts"]) == ["a red house"] * 3 + ["a blue sea"] * 3
    assert set(table["seed"]) == {"5"}
    assert [(whole.folder / path).is_file() for path in table["path"]] == [True] * 6
    assert not list(whole.folder.glob("cells/*/losses*"))
    assert not list(whole.folder.glob("cells/*/report*"))


def test_nothing_is_painted_twice(copied: Path) -> None:
    heard = Heard()
    again = made(copied, *AXES, heard=heard)
    assert states(again) == [DONE] * 6
    assert (heard.begun, heard.left) == ([(6, 6)], [])
    resumed = resume_study(again.folder, Heard())
    assert [(one.name, one.state) for one in resumed.results] == [
        (one.name, one.state) for one in again.results
    ]


@pytest.mark.vital
@pytest.mark.slow
def test_a_study_that_grows_paints_what_is_new(copied: Path, whole: Made) -> None:
    heard = Heard()
    more = (AXES[0].replace("9000", "9000,500"), "prompts=a blue sea,a green wood,a red house")
    grown = made(copied, *more, heard=heard)
    assert states(grown) == [DONE] * 12
    assert len(heard.left) == 6
    before = pictures(whole)
    assert before.items() <= pictures(grown).items()
    assert len(list((grown.folder / "cells").iterdir())) == 12


@pytest.mark.slow
def test_a_new_axis_whose_default_was_painted_reuses_it(copied: Path, whole: Made) -> None:
    heard = Heard()
    grown = made(copied, *AXES, "seed=5,6", heard=heard)
    assert len(heard.left) == 6
    assert [one.name for one in grown.results[:6]] == [one.name for one in whole.results]
    assert (grown.folder / "sheet-02.png").is_file()
    assert not (grown.folder / "sheet.png").exists()
    smaller = made(copied, "guidance.clip_guidance_scale=1000,5000")
    assert states(smaller) == [DONE] * 2
    assert (smaller.folder / "sheet.png").is_file()
    assert not list(smaller.folder.glob("sheet-*"))


def test_cells_that_paint_the_same_are_painted_once(scene: Path) -> None:
    heard = Heard()
    same = made(scene, "output.crf=17,20", "seed=5,6", heard=heard)
    assert states(same) == [DONE] * 4
    assert len(heard.left) == 2
    assert same.results[0].name == same.results[1].name != same.results[2].name


def test_a_damaged_picture_is_painted_again(copied: Path, whole: Made) -> None:
    one = whole.results[1]
    picture = copied.parent / "study" / one.pictures[0]
    picture.write_bytes(picture.read_bytes()[:-20])
    heard = Heard()
    again = made(copied, *AXES, heard=heard)
    assert len(heard.left) == 1
    assert pictures(again) == pictures(whole)


@pytest.mark.slow
def test_stopped_and_continued_it_comes_to_the_same(scene: Path, whole: Made) -> None:
    with pytest.raises(
        Interrupted, match=r"stopped; 1 of 6 cells are painted; continue with: animator study"
    ):
        made(scene, *AXES, heard=Heard(stop_after=2))
    table = pd.read_csv(scene.parent / "study" / "study.csv")
    assert list(table["state"]) == [DONE] + [MISSING] * 5
    assert (scene.parent / "study" / "study.html").is_file()
    scene.unlink()  # the folder holds all that is needed
    heard = Heard()
    rest = resume_study(scene.parent / "study", heard)
    assert heard.begun == [(6, 2)]
    assert len(heard.left) == 4
    assert pictures(rest) == pictures(whole)


def test_cancelled_before_it_begins(scene: Path) -> None:
    cancel = Cancel()
    cancel.cancel()
    with pytest.raises(Interrupted, match="0 of 2"):
        make_study(study_of(str(scene), vary=["seed=1,2"]), Heard(), out=scene.parent / "s", cancel=cancel)


@pytest.fixture(scope="module")
def dying() -> Iterator[Dying]:
    process = Dying()
    yield process
    process.end()


@pytest.mark.slow
def test_killed_anywhere_only_what_is_missing_is_painted(dying: Dying, scene: Path, whole: Made) -> None:
    out, chance, deaths = scene.parent / "study", random.Random("study"), 0
    for turn in range(6):
        how = {"event": chance.randrange(1, 40), "torn": turn % 2 == 0}
        deaths += dying.order(study=str(scene), vary=AXES, out=str(out), **how) == signal.SIGKILL
    assert deaths >= 4, "it came to its end too soon for this test"
    assert dying.order(study=str(scene), vary=AXES, out=str(out)) == 0
    rest = resume_study(out, Heard())
    assert states(rest) == [DONE] * 6
    assert pictures(rest) == pictures(whole)


def test_bad_settings_fail_alone(scene: Path) -> None:
    study = made(scene, "diffusion.steps=2,0", "seed=5,6")
    assert states(study) == [DONE, FAILED] * 2
    assert study.exit_status == 2
    assert study.results[1].reason == "diffusion.steps: expected a whole number from 1 to 1000, found 0"
    assert study.results[1].name == ""
    again = resume_study(study.folder, Heard())
    assert (states(again), again.exit_status) == ([DONE, FAILED] * 2, 2)


def test_what_is_not_there_is_said_first_and_found_when_it_is(scene: Path) -> None:
    scene.write_text(SCENE.replace("skip_steps: 0", "skip_steps: 1"))
    said: list[str] = []
    names = ["a.png", "b.png"]
    for name in names:
        cv2.imwrite(str(scene.parent / name), np.full((64, 64, 3), 90, np.uint8))
    study = study_of(
        str(scene), vary=[f"diffusion.init_image={scene.parent / names[0]},{scene.parent / names[1]}"]
    )
    (scene.parent / "b.png").write_bytes(b"")
    made = make_study(study, Heard(), out=scene.parent / "study", say=said.append)
    assert states(made) == [DONE, FAILED]
    assert made.exit_status == 2
    assert len(said) == 1
    assert said[0].startswith("1 of 2 cells cannot be painted: ")
    shutil.copy(scene.parent / "a.png", scene.parent / "b.png")
    heard = Heard()
    whole = resume_study(made.folder, heard)
    assert (states(whole), whole.exit_status) == ([DONE, DONE], 0)
    assert whole.results[1].name != made.results[1].name


@pytest.mark.slow
def test_a_cell_that_cannot_be_painted_does_not_stop_the_others(
    scene: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = painters.paint
    failing: list[Exception] = [
        PaintError("values that are no numbers\nmore"),
        RuntimeError("sizes do not fit"),
    ]
    failing.append(RuntimeError("CUDA out of memory. Tried to allocate"))

    def painted(painting: Painting, *rest: object) -> None:
        if "seed: 6" in painting.text and failing:
            raise failing[0]
        real(painting, *rest)  # type: ignore[arg-type]

    monkeypatch.setattr(painters, "paint", painted)
    for reason in (
        "values that are no numbers",
        "RuntimeError: sizes do not fit",
        "the memory does not hold it",
    ):
        study = made(scene, "seed=5,6,7")
        assert states(study) == [DONE, FAILED, DONE]
        assert study.exit_status == 1
        assert study.results[1].reason.startswith(reason)
        failing.pop(0)
    study = made(scene, "seed=5,6,7")
    assert (states(study), study.exit_status) == ([DONE] * 3, 0)
    failing.append(RunError("the disk is full"))
    with pytest.raises(RunError, match="the disk is full"):
        made(scene, "seed=5,6,7,8", "prompts=a sea")


@pytest.mark.slow
def test_pictures_on_the_way_come_of_one_painting(scene: Path) -> None:
    heard = Heard()
    over = ["diffusion.steps=10", "diffusion.skip_steps=20%"]
    study = made(scene, "seed=5,6", at="25%,50%,100%", settings=over, heard=heard)
    assert len(heard.left) == 2
    assert [one.values for one in study.results] == [
        (seed, share) for share in ("25%", "50%", "100%") for seed in ("5", "6")
    ]
    assert len(set(pictures(study).values())) == 6
    partial = study.results[2]
    assert partial.name.endswith("@50%")
    kept = Path(study.folder / partial.pictures[0])
    loaded = read_scene(kept)  # of 8 steps after 2 that are skipped, four
    assert (loaded.scene.diffusion.stop_at, loaded.only) == ("60%", (0,))
    drawn = render_scene(loaded, Reporter(), out=scene.parent / "draft", report=False)
    assert pixels((drawn / "000000.png").read_bytes()) == pixels(kept.read_bytes())
    said = read_text_scene(scene_of_cell(study.folder, partial.name), "said").scene
    assert said.model_copy(update={"output": loaded.scene.output}) == loaded.scene
    with pytest.raises(UsageError, match="has no picture at 30%"):
        scene_of_cell(study.folder, f"{partial.name[:6]}@30%")
    again, heard = pictures(study), Heard()
    assert pictures(made(scene, "seed=5,6", at="25%,50%,100%", settings=over, heard=heard)) == again
    assert heard.left == []


@pytest.mark.slow
def test_a_new_share_repaints_and_none_does_not(scene: Path) -> None:
    first = made(scene, "seed=5,6")
    heard = Heard()
    more = made(scene, "seed=5,6", at="50%,100%", heard=heard)
    assert len(heard.left) == 2
    assert pictures(first).items() <= pictures(more).items()
    heard = Heard()
    assert states(made(scene, "seed=5,6,7", heard=heard)) == [DONE] * 3
    assert len(heard.left) == 1


def test_a_share_at_which_nothing_is_painted_says_so(scene: Path) -> None:
    study = made(scene, "seed=5,6", at="50%,100%", settings=["diffusion.stop_at=40%", "diffusion.steps=10"])
    assert states(study) == [FAILED, FAILED, DONE, DONE]
    assert study.results[0].reason.startswith("the diffusion has no step at 50%")
    heard = Heard()
    resume_study(study.folder, heard)
    assert heard.left == []


@pytest.mark.slow
def test_short_films(scene: Path) -> None:
    film = ["mode=2d", "frames=5", "camera.zoom=1.1"]
    heard = Heard()
    study = made(scene, "camera.angle=0,8", "fps=6,12", settings=film, heard=heard)
    assert states(study) == [DONE] * 4
    assert heard.left == list(reversed(range(20)))
    first = study.results[0]
    numbers = [Path(path).stem for path in first.pictures]
    assert numbers == ["000000", "000002", "000004"]
    assert (study.folder / first.film).suffix == ".mp4"
    assert (study.folder / first.film).is_file()
    (study.folder / first.film).unlink()
    heard = Heard()
    again = resume_study(study.folder, heard)
    assert heard.left == []
    assert (again.folder / first.film).is_file()


@pytest.mark.slow
def test_drafts_and_zipped_axes(scene: Path) -> None:
    scene.write_text(SCENE.replace("[64, 64]", "[128, 128]").replace("steps: 2,", "steps: 20,"))
    study = made(scene, "seed=5,6", "prompts=a sea,a wood", zip_axes=True, draft=True)
    assert [one.values for one in study.results] == [("5, a sea",), ("6, a wood",)]
    assert {one.size for one in study.results} == {(64, 64)}
    table = pd.read_csv(study.folder / "study.csv")
    assert list(table["prompts"]) == ["a sea", "a wood"]
    assert list(table["seed"]) == [5, 6]


def test_cells_with_the_same_networks_follow_one_another() -> None:
    scenes = {
        f"{model} {seed}": read_text_scene(
            f"prompts: a\nseed: {seed}\nmode: still\nguidance: {{clip_models: {{{model}: 1}}}}\n", "scene"
        )
        for seed in (1, 2)
        for model in ("pocket", "RN50")
    }
    assert in_order(list(scenes), scenes) == ["pocket 1", "pocket 2", "RN50 1", "RN50 2"]


def test_networks_stay_from_cell_to_cell(scene: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    held: list[SharedNetworks] = []

    def painted(painting: Painting, progress: Reporter, cancel: Cancel, shared: SharedNetworks) -> None:
        held.append(shared)

    monkeypatch.setattr(painters, "paint", painted)
    made(scene, "seed=5,6,7")
    assert len(held) == 3
    assert held[0] is held[1] is held[2]


def test_a_painting_is_plain_data(scene: Path, tmp_path: Path) -> None:
    """Another machine needs nothing else."""
    study = study_of(str(scene), vary=["seed=5,6"])
    loaded = study.planned[1].loaded
    assert loaded is not None
    work = painting_of("abc", short_text(loaded), "scene", (), tmp_path / "cell", ("50%", "100%"))
    sent = Painting(**json.loads(json.dumps(work.__dict__)))
    paint(sent, Reporter(), Cancel(), SharedNetworks())
    here = made(scene, "seed=5,6", at="50%,100%")
    there = [(tmp_path / "cell" / name).read_bytes() for name in ("at/000000-50.png", "frames/000000.png")]
    assert there == [pictures(here)[here.results[place].name] for place in (1, 3)]


def test_folders_that_are_no_studies(scene: Path, whole: Made) -> None:
    (scene.parent / "full").mkdir()
    (scene.parent / "full" / "letter.txt").write_text("dear")
    with pytest.raises(RunError, match="is no study, but not empty either"):
        made(scene, "seed=5,6", out="full")
    with pytest.raises(UsageError, match="there is no study in it"):
        resume_study(scene.parent / "full", Heard())
    with pytest.raises(UsageError, match="is no cell of this study; their names are in"):
        scene_of_cell(whole.folder, "zzzz")
    damaged = scene.parent / "damaged"
    damaged.mkdir()
    for text, said in (
        ("{", "is damaged"),
        ('{"study": 99}', "a later version"),
        ('{"study": 1}', "is damaged"),
        (
            (whole.folder / "study.json").read_text().replace('"cell": "', '"cell": "../'),
            "is no name of a cell",
        ),
        (
            (whole.folder / "study.json").read_text().replace('"place": [0, 0]', '"place": [9]'),
            "not those of its",
        ),
    ):
        (damaged / "study.json").write_text(text)
        with pytest.raises(RunError, match=said):
            resume_study(damaged, Heard())


@pytest.mark.slow
def test_the_command_line(copied: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(copied.parent)
    words = ["study", "scene.yaml", "--out", "study"]
    for axis in AXES:
        words += ["--vary", axis]
    run = CliRunner().invoke(app, words)
    assert (run.exit_code, run.stdout) == (0, "study\n")
    assert "6 cells: 6 done; browse study/study.html" in run.stderr
    Path("study/study.json").write_text("{")
    assert CliRunner().invoke(app, ["study", "study"]).exit_code == 1
    assert CliRunner().invoke(app, words).exit_code == 0
    checked = CliRunner().invoke(app, [*words, "--check"])
    assert (checked.exit_code, checked.stdout) == (0, "scene.yaml: fine: 3 x 2 = 6 cells\n")
    name = pd.read_csv("study/study.csv")["cell"][4]
    said = CliRunner().invoke(app, ["study", "study", "--scene-of", str(name)[:5]])
    assert said.exit_code == 0
    assert read_text_scene(said.stdout, "said").scene.guidance.clip_guidance_scale == 5000
    wrong = CliRunner().invoke(
        app, ["study", "scene.yaml", "--vary", "diffusion.steps=2,0", "--out", "other"]
    )
    assert wrong.exit_code == 2
    assert "2 cells: 1 done, 1 failed" in wrong.stderr
    assert wrong.stdout == "other\n"
    for refused in (
        ["study", "study", "--vary", "seed=1,2"],
        ["study", "scene.yaml"],
        ["study", "scene.yaml", "--scene-of", "abcd"],
        ["study", "scene.yaml", "--vary", "diffusion.steps=-1,-2"],
        ["study", "scene.yaml", "--vary", "diffusion.steps=1,-2", "--check"],
        ["study", "absent.yaml", "--vary", "seed=1,2"],
    ):
        assert CliRunner().invoke(app, refused).exit_code == 2, refused


def test_check_reads_the_study_of_a_scene(scene: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(scene.parent)
    scene.write_text(f"{SCENE}study:\n  vary: {{seed: [1, 2], guidance.clamp_max: [0.1, -1]}}\n")
    run = CliRunner().invoke(app, ["check", "scene.yaml"])
    assert run.exit_code == 2
    assert "guidance.clamp_max: expected" in run.stderr
    assert "in 2 cells, the first of them seed=1 guidance.clamp_max=-1" in run.stderr
    scene.write_text(f"{SCENE}study:\n  vary: {{seed: [1, 2]}}\n  at: 50%, 100%\n")
    run = CliRunner().invoke(app, ["check", "scene.yaml"])
    assert run.stdout.endswith("2 steps; study of 2 x 2 = 4 cells\n")
    run = CliRunner().invoke(app, ["check", "-"], input=scene.read_text())
    assert "its study was not looked at" in run.stdout
    run = CliRunner().invoke(app, ["study", "-", "--check"], input=scene.read_text())
    assert run.stdout == "-: fine: 2 x 2 = 4 cells\n"
    assert read_scene(scene).study is not None  # to a render it means nothing
