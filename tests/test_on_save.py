"""`animator watch`: edit while it renders, without the page."""

from __future__ import annotations

import threading
import time
from pathlib import Path
from typing import Any

import pytest

from animator.errors import Interrupted, SceneError
from animator.run.cancel import Cancel
from animator.run.on_save import render_on_save
from animator.run.render import render_scene
from animator.run.reporter import Reporter
from animator.runs import RunFolder
from animator.scene.reading import read_scene
from tests.test_cancel import SCENE

pytestmark = pytest.mark.slow


class Saving(Reporter):
    """Saves another text of the scene at a frame, once, and waits until the render has noticed."""

    def __init__(self, path: Path, at: str, text: str) -> None:
        self.path, self.at, self.text = path, at, text
        self.begun: list[int] = []
        self.made: list[int] = []

    def begin(self, name: str, total: int, done: int) -> None:
        self.begun.append(done)

    def stage(self, frame: int, name: str) -> None:
        if f"{frame} {name}" == self.at:
            self.at = ""
            self.path.write_text(self.text)
            time.sleep(1.0)

    def finished(self, frame: int, seconds: float, left: int) -> None:
        self.made.append(frame)


def watched(path: Path, reporter: Reporter, **more: Any) -> tuple[Path, list[str]]:
    said: list[str] = []
    made = render_on_save(
        path, lambda over: read_scene(path, over), reporter,
        out=path.parent / "run", once=True, stop=more.get("stop", Cancel()), say=said.append,
        notice=lambda notices: None,
    )  # fmt: skip
    return made, said


@pytest.mark.vital
def test_a_save_stops_the_render_and_only_what_changed_is_made_again(tmp_path: Path) -> None:
    path = tmp_path / "scene.yaml"
    path.write_text(SCENE)
    changed = SCENE.replace("prompts: a red house", "prompts: {0: a red house, 2: a blue sea}")
    reporter = Saving(path, "3 warp", changed)
    film, said = watched(path, reporter)
    assert said == []
    assert reporter.begun == [0, 2]
    assert reporter.made == [0, 1, 2, 2, 3]
    line = RunFolder.open(render_scene(read_scene(path), Reporter(), out=tmp_path / "line").parent)
    run = RunFolder.open(film.parent)
    for number in range(4):  # a PNG also carries the scene of its time
        assert (run.read_frame(number) == line.read_frame(number)).all()
    for name in ("scene.mp4", "scene.gif", "scene.yaml"):
        assert (run.path / name).read_bytes() == (line.path / name).read_bytes()


def test_a_save_with_faults_is_said_and_the_render_goes_on(tmp_path: Path) -> None:
    path = tmp_path / "scene.yaml"
    path.write_text(SCENE)
    reporter = Saving(path, "1 warp", SCENE.replace("frames: 4", "frames: many"))
    _, said = watched(path, reporter)
    assert "frames: " in said[0]
    assert reporter.made == [0, 1, 2, 3]


def test_a_seed_that_was_drawn_stays(tmp_path: Path) -> None:
    path = tmp_path / "scene.yaml"
    text = SCENE.replace("seed: 5\n", "")
    path.write_text(text)
    reporter = Saving(path, "3 warp", text.replace("frames: 4", "frames: 5"))
    watched(path, reporter)
    assert reporter.begun[0] == 0
    assert reporter.begun[1] >= 3  # none of them is made again for another seed


def test_a_scene_with_faults_begins_nothing_and_the_user_ends_it(tmp_path: Path) -> None:
    path = tmp_path / "scene.yaml"
    path.write_text("prompts: a\nfps: x\n")
    with pytest.raises(SceneError):
        watched(path, Reporter())
    path.write_text(SCENE)
    stop = Cancel()
    threading.Timer(0.2, stop.cancel).start()

    class Slow(Reporter):
        def stage(self, frame: int, name: str) -> None:
            time.sleep(0.1)

    with pytest.raises(Interrupted, match="continue with: animator resume"):
        watched(path, Slow(), stop=stop)
