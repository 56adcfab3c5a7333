"""Stopping a render from another thread, and going on to the same bytes."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from animator.errors import Interrupted
from animator.run.cancel import Cancel
from animator.run.render import finish_run, render_scene, resume_run
from animator.run.reporter import Reporter
from animator.scene.reading import read_scene
from tests.test_kill import files_of

SCENE = (
    "models: fake\nsize: [64, 64]\nprompts: a red house\nmode: 3d\nframes: 4\nseed: 5\n"
    "diffusion: {steps: 3, skip_steps: 0}\ncamera: {translation_z: 8}\n"
    "output: {gif: true, preset: ultrafast, losses: false, progress_image: false}\n"
)


class At(Reporter):
    """Has another thread cancel the render at one of its stages or steps, and waits until it has."""

    def __init__(self, at: str) -> None:
        self.cancel, self.at, self.after = Cancel(), at, 0

    def stage(self, frame: int, name: str) -> None:
        self.event(f"{frame} {name}")

    def step(self, done: int, total: int) -> None:
        self.event(f"step {done}")

    def event(self, what: str) -> None:
        self.after += self.cancel.cancelled
        if what == self.at:
            thread = threading.Thread(target=self.cancel.cancel)
            thread.start()
            thread.join()


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of the scene that nobody cancelled, only to be read."""
    folder = tmp_path_factory.mktemp("whole")
    (folder / "scene.yaml").write_text(SCENE)
    render_scene(read_scene(folder / "scene.yaml"), Reporter(), out=folder / "run")
    return folder / "run"


@pytest.mark.slow
@pytest.mark.parametrize("at", ["0 look up", "step 1", "2 warp", "2 denoise", "3 keep", "3 film scene.gif"])
def test_a_cancelled_render_is_resumed_to_the_byte(tmp_path: Path, whole: Path, at: str) -> None:
    (tmp_path / "scene.yaml").write_text(SCENE)
    loaded = read_scene(tmp_path / "scene.yaml")
    stop = At(at)
    run = tmp_path / "run"
    with pytest.raises(Interrupted, match=rf"stopped; continue with: animator resume {run}"):
        render_scene(loaded, stop, out=run, cancel=stop.cancel)
    assert stop.after == 0  # nothing began after it
    assert files_of(run) != files_of(whole)
    again = At("3 look up")
    if at != "3 film scene.gif" and at != "3 keep":
        with pytest.raises(Interrupted):
            resume_run(run, again, cancel=again.cancel)
    resume_run(run, Reporter())
    assert files_of(run) == files_of(whole)


@pytest.mark.slow
def test_drafts_are_finished_after_a_cancel(tmp_path: Path) -> None:
    text = SCENE.replace("mode: 3d\nframes: 4", "mode: still\nimages: 2")
    (tmp_path / "scene.yaml").write_text(text)
    render_scene(
        read_scene(tmp_path / "scene.yaml", ["diffusion.stop_at=50%"]), Reporter(), out=tmp_path / "r"
    )
    render_scene(read_scene(tmp_path / "scene.yaml"), Reporter(), out=tmp_path / "whole")
    stop = At("1 denoise")
    with pytest.raises(Interrupted, match="continue with: animator finish"):
        finish_run(tmp_path / "r", (), stop, cancel=stop.cancel)
    finish_run(tmp_path / "r", (), Reporter())
    ours, theirs = (sorted((tmp_path / name / "frames").iterdir()) for name in ("r", "whole"))
    assert len(ours) == len(theirs) == 2


def test_no_cancel_no_stop() -> None:
    cancel = Cancel()
    cancel.check()
    cancel.cancel()
    assert cancel.cancelled
    with pytest.raises(KeyboardInterrupt):
        cancel.check()
