"""Tiles of a picture on two real workers of Ray on this machine: the same bytes, whoever is lost or stops."""

from __future__ import annotations

import logging
import os
import re
import signal
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from animator.diffusion.elsewhere import Answer, Question
from animator.errors import Interrupted
from animator.run.cancel import Cancel
from animator.run.render import render_scene, resume_run
from animator.run.reporter import Reporter
from animator.scene.reading import LoadedScene
from animator.study.tiles_on_ray import RayTiles, tiles_on_ray
from tests.wiring import scene

ray = pytest.importorskip("ray")

pytestmark = [pytest.mark.slow, pytest.mark.long, pytest.mark.timeout(600)]

LARGE = ("mode=still", "hires.scale=2", "hires.tiles=64")


def larger(run: Path) -> dict[str, bytes]:
    return {str(one.relative_to(run)): one.read_bytes() for one in sorted(run.rglob("*.png"))}


class Between:
    """Stands between a picture and those who are asked: does something before one of the questions."""

    def __init__(self, tiles: RayTiles, turn: int, act: Callable[[], None]) -> None:
        self.tiles, self.turn, self.act = tiles, turn, act
        self.turns = 0

    def begin(self, weights: str) -> None:
        self.tiles.begin(weights)

    def __call__(self, questions: Sequence[Question]) -> list[Answer]:
        self.turns += 1
        if self.turns == self.turn:
            self.act()
        return self.tiles(questions)


def painted(loaded: LoadedScene, run: Path, between: Callable[[RayTiles], Any], cancel: Cancel) -> None:
    with tiles_on_ray(loaded, cancel) as tiles:
        render_scene(loaded, Reporter(), out=run, cancel=cancel, report=False, elsewhere=between(tiles))


def test_the_picture_is_the_same_also_if_a_worker_is_killed(
    cluster, one_thread, tmp_path: Path, caplog
) -> None:
    caplog.set_level(logging.INFO, "animator")
    loaded = scene(tmp_path, *LARGE, "diffusion.steps=6")
    render_scene(loaded, Reporter(), out=tmp_path / "here", report=False)
    killed: list[int] = []

    def kill() -> None:
        workers = re.findall(r"ready on \S+ \(process (\d+)\)", caplog.text)
        killed.append(int(workers[0]))
        os.kill(killed[0], signal.SIGKILL)

    painted(loaded, tmp_path / "there", lambda tiles: Between(tiles, 3, kill), Cancel())
    assert killed
    assert killed[0] != os.getpid()
    assert "a worker for tiles was lost" in caplog.text
    assert larger(tmp_path / "here") == larger(tmp_path / "there")
    assert set(larger(tmp_path / "there")) == {"frames/000000.png", "hires/000000.png"}


def test_a_stopped_picture_is_resumed_without_ray_and_with_it(cluster, one_thread, tmp_path: Path) -> None:
    loaded = scene(tmp_path, *LARGE, "diffusion.steps=6", "images=2")
    render_scene(loaded, Reporter(), out=tmp_path / "here", report=False)
    cancel = Cancel()
    with pytest.raises(Interrupted, match="animator resume"):
        painted(loaded, tmp_path / "there", lambda tiles: Between(tiles, 6, cancel.cancel), cancel)
    assert set(larger(tmp_path / "there")) < set(larger(tmp_path / "here"))
    with tiles_on_ray(loaded, Cancel()) as tiles:
        asked = Between(tiles, 0, lambda: None)
        resume_run(tmp_path / "there", Reporter(), elsewhere=asked)
    assert asked.turns
    (tmp_path / "there" / "hires" / "000001.png").unlink()
    resume_run(tmp_path / "there", Reporter())
    assert larger(tmp_path / "here") == larger(tmp_path / "there")
