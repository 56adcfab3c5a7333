"""Several scenes spread over other machines; here this process takes their place."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from animator.run.cancel import Cancel
from animator.run.render import render_scene
from animator.run.reporter import Reporter
from animator.runs import RunFolder
from animator.scene.reading import LoadedScene, read_scene
from animator.study.painters import Outcome, paint_here
from animator.study.painting import Painting
from animator.study.progress import StudyProgress
from animator.study.shots import render_spread

STILLS = """version: 1
mode: still
images: 3
seed: 5
models: fake
size: [64, 64]
prompts: a red house
diffusion: {steps: 3}
"""
FILM = STILLS.replace("mode: still\nimages: 3", "mode: 2d\nframes: 2")

pytestmark = pytest.mark.slow


@pytest.fixture
def scenes(tmp_path: Path, monkeypatch) -> list[LoadedScene]:
    monkeypatch.chdir(tmp_path)
    for name, text in (("stills", STILLS), ("film", FILM)):
        (tmp_path / f"{name}.yaml").write_text(text)
    return [read_scene(Path(f"{name}.yaml")) for name in ("stills", "film")]


def pictures(run: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted((run / "frames").glob("*.png"))}


def test_stills_are_painted_one_by_one_and_come_into_one_run(scenes, tmp_path: Path) -> None:
    asked: list[Painting] = []
    said: list[str] = []

    def painter(paintings: Sequence[Painting], progress: StudyProgress, cancel: Cancel) -> Iterator[Outcome]:
        asked.extend(paintings)
        return paint_here(paintings, progress, cancel)

    assert render_spread(scenes, Reporter(), painter, say=said.append) == 0
    assert [one.only for one in asked] == [(0,), (1,), (2,), ()]
    runs = [tmp_path / "renders" / name / "001" for name in ("stills", "film")]
    assert said == [str(run) for run in runs]
    for loaded, run in zip(scenes, runs, strict=True):
        whole = tmp_path / f"whole-{loaded.name}"
        render_scene(loaded, Reporter(), out=whole)
        assert pictures(run) == pictures(whole) != {}
        usual = {path.name for path in whole.iterdir()} - {"log.txt"}
        assert usual <= {path.name for path in run.iterdir()}
        assert not (run / "parts").exists()
    assert sorted(RunFolder.open(runs[0]).finished_frames()) == [0, 1, 2]


def test_what_failed_is_painted_the_next_time(scenes, tmp_path: Path) -> None:
    said: list[str] = []
    only: list[tuple[int, ...]] = []

    def painter(paintings, progress, cancel):
        only.extend(one.only for one in paintings)
        for one in paintings:
            if one.only == (1,) and len(only) == 3:
                yield Outcome(one.name, "its worker was lost", 1)
            else:
                yield from paint_here([one], progress, cancel)

    out = tmp_path / "run"
    assert render_spread(scenes[:1], Reporter(), painter, out=out, say=said.append) == 1
    assert "its worker was lost" in said[0]
    assert sorted(pictures(out)) == ["000000.png", "000002.png"]
    assert render_spread(scenes[:1], Reporter(), painter, out=out, say=said.append) == 0
    assert only == [(0,), (1,), (2,), (1,)]
    assert len(pictures(out)) == 3
    assert (out / "contact.png").is_file()
