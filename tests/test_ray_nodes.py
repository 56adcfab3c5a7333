"""A Ray cluster of two nodes, one of which is lost while it paints: nothing of the study is."""

from __future__ import annotations

import os
import re
import subprocess
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from animator.cli.main import app
from animator.diffusion.elsewhere import Answer, Question
from animator.run.cancel import Cancel
from animator.run.render import render_scene
from animator.run.reporter import Reporter
from animator.study import on_ray
from animator.study.progress import StudyProgress
from animator.study.tiles_on_ray import RayTiles, tiles_on_ray
from tests.wiring import scene

ray = pytest.importorskip("ray")

pytestmark = [pytest.mark.slow, pytest.mark.long, pytest.mark.timeout(900)]

SCENE = """version: 1
mode: still
images: 2
seed: 1
models: fake
size: [64, 64]
prompts: a red house
diffusion: {steps: 30}
output: {losses: false, progress_image: false, contact_sheet: false}
"""
VARIED = ("--vary", "seed=1,2", "--vary", "prompts=a red house,a blue sea")
CELLS = 4


@pytest.fixture
def nodes() -> Iterator[tuple[Any, Any]]:
    """A cluster, and the node of it that is no head; each has room for one task."""
    on_ray.ray_module()
    os.environ["RAY_worker_niceness"] = "0"  # noqa: SIM112, as Ray writes it
    from ray.cluster_utils import Cluster

    room = {"num_cpus": 1, "object_store_memory": 80_000_000}
    try:
        cluster = Cluster(initialize_head=True, head_node_args={**room, "include_dashboard": False})
    except Exception as error:
        pytest.skip(f"Ray does not start on this machine: {error}")
    yield cluster, cluster.add_node(**room)
    ray.shutdown()
    cluster.shutdown()


def parent(process: int) -> int:
    """Return the process that started another; workers are started by their node."""
    return int(subprocess.check_output(["ps", "-o", "ppid=", "-p", str(process)], text=True))


def pictures(study: Path) -> dict[str, bytes]:
    return {
        str(one.relative_to(study)): one.read_bytes() for one in sorted(study.rglob("cells/*/frames/*.png"))
    }


def test_a_study_survives_the_loss_of_a_node(nodes, one_thread, tmp_path: Path, monkeypatch) -> None:
    cluster, second = nodes
    monkeypatch.chdir(tmp_path)
    (tmp_path / "scene.yaml").write_text(SCENE)
    here = CliRunner().invoke(app, ["study", "scene.yaml", *VARIED, "--out", "here"])
    assert here.exit_code == 0, here.output

    raylet = second.all_processes["raylet"][0].process.pid
    begun: list[tuple[str, bool]] = []
    lost: list[str] = []
    heard = StudyProgress.elsewhere

    def elsewhere(self, name: str, process: int, frame: int, seconds: float, left: int) -> None:
        """Take the second node away as soon as it has begun a cell."""
        heard(self, name, process, frame, seconds, left)
        if frame < 0:
            begun.append((name, not lost and parent(process) == raylet))
            if begun[-1][1]:
                lost.append(name)
                cluster.remove_node(second, allow_graceful=False)

    monkeypatch.setattr(StudyProgress, "elsewhere", elsewhere)
    there = CliRunner().invoke(
        app, ["study", "scene.yaml", *VARIED, "--out", "there", "--on", f"ray:{cluster.address}"]
    )
    assert there.exit_code == 0, there.output
    assert len(lost) == 1
    names = [name for name, _ in begun]
    assert names.count(lost[0]) == 2, "it was not done again"
    assert len(set(names)) == CELLS
    assert pictures(tmp_path / "here") == pictures(tmp_path / "there")
    assert len(pictures(tmp_path / "there")) == 2 * CELLS
    assert "4 cells: 4 done" in there.output
    assert "Raylet is terminated" not in there.output


def test_a_picture_in_tiles_survives_it_too(nodes, one_thread, tmp_path: Path, caplog) -> None:
    cluster, second = nodes
    caplog.set_level("INFO", "animator")
    loaded = scene(tmp_path, "mode=still", "hires.scale=2", "hires.tiles=64", "diffusion.steps=8")
    render_scene(loaded, Reporter(), out=tmp_path / "here", report=False)
    raylet = second.all_processes["raylet"][0].process.pid
    removed: list[object] = []

    class Removing:
        """Takes the second node away as soon as one of its workers is ready."""

        def __init__(self, tiles: RayTiles) -> None:
            self.begin, self.tiles = tiles.begin, tiles

        def __call__(self, questions: Sequence[Question]) -> list[Answer]:
            workers = re.findall(r"ready on \S+ \(process (\d+)\)", caplog.text)
            there = [] if removed else [int(one) for one in workers if parent(int(one)) == raylet]
            if there:
                removed.append(second)
                cluster.remove_node(second, allow_graceful=False)
                until = time.monotonic() + 30  # what is left of it may answer for another second
                while any(Path(f"/proc/{one}").exists() for one in there) and time.monotonic() < until:
                    time.sleep(0.1)
            if not removed:
                time.sleep(1)
            return self.tiles(questions)

    with tiles_on_ray(loaded, Cancel(), cluster.address) as tiles:
        render_scene(loaded, Reporter(), out=tmp_path / "there", report=False, elsewhere=Removing(tiles))
    assert removed
    assert "a worker for tiles was lost" in caplog.text
    large = [(tmp_path / name / "hires" / "000000.png").read_bytes() for name in ("here", "there")]
    assert large[0] == large[1]
