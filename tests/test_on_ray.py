"""Pieces of work on a Ray cluster of two workers of this machine."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest

from animator.cli.spread import address_of
from animator.errors import UsageError
from animator.run.cancel import Cancel
from animator.run.reporter import Reporter
from animator.scene.reading import read_text_scene
from animator.study import on_ray
from animator.study.on_ray import MISSING, Resources, packed, painted_there, unpack
from animator.study.painters import paint_here
from animator.study.painting import Painting, scene_of
from animator.study.progress import StudyProgress

ray = pytest.importorskip("ray")

pytestmark = [pytest.mark.long, pytest.mark.timeout(900)]

SCENE = """version: 1
mode: still
images: 2
seed: %d
models: fake
size: [64, 64]
prompts: a red house
diffusion: {steps: 12}
output: {losses: false, progress_image: false, contact_sheet: false}
"""


def paintings(folder: Path, count: int = 3) -> list[Painting]:
    return [
        Painting(f"cell{number}", SCENE % number, "scene", (), str(folder / f"cell{number}"))
        for number in range(count)
    ]


class Progress(StudyProgress):
    """Kills the process of the first worker that begins, once."""

    def __init__(self, names: list[str], *, kill: bool = False) -> None:
        super().__init__(Reporter(), "study", 2 * len(names), dict.fromkeys(names, 2))
        self.kill = kill
        self.killed = 0
        self.seen: list[tuple[str, int]] = []

    def elsewhere(self, name: str, process: int, frame: int, seconds: float, left: int) -> None:
        super().elsewhere(name, process, frame, seconds, left)
        self.seen.append((name, frame))
        if self.kill and not self.killed:
            self.killed = process
            os.kill(process, signal.SIGKILL)


def pictures(folder: Path) -> dict[str, bytes]:
    return {str(one.relative_to(folder)): one.read_bytes() for one in sorted(folder.rglob("frames/*.png"))}


@pytest.mark.slow
def test_two_workers_make_the_same_bytes_also_if_one_is_killed(cluster, tmp_path: Path) -> None:
    here, there = tmp_path / "here", tmp_path / "there"
    names = [one.name for one in paintings(here)]
    assert [one.reason for one in paint_here(paintings(here), Progress(names), Cancel())] == [""] * 3
    progress = Progress(names, kill=True)
    outcomes = list(on_ray.paint_on_ray(paintings(there), progress, Cancel()))
    assert sorted(one.name for one in outcomes) == names
    assert [one.reason for one in outcomes] == [""] * 3
    assert progress.killed
    assert progress.killed != os.getpid()
    assert {frame for _, frame in progress.seen} == {-1, 0, 1}
    assert pictures(here) == pictures(there)
    assert len(pictures(there)) == 6


@pytest.mark.slow
def test_what_is_there_is_not_painted_again_and_a_failure_stops_nobody(cluster, tmp_path: Path) -> None:
    whole = paintings(tmp_path, 2)
    list(paint_here(whole[:1], Progress(["cell0"]), Cancel()))
    before = (tmp_path / "cell0" / "frames" / "000000.png").stat().st_mtime_ns
    broken = Painting("cell9", "mode: 9d\n", "scene", (), str(tmp_path / "cell9"))
    progress = Progress(["cell0", "cell1", "cell9"])
    outcomes = {one.name: one for one in on_ray.paint_on_ray([*whole, broken], progress, Cancel())}
    assert outcomes["cell9"].reason
    assert not outcomes["cell0"].reason
    assert not outcomes["cell1"].reason
    assert ("cell0", 0) not in progress.seen
    assert ("cell1", 0) in progress.seen
    assert (tmp_path / "cell0" / "frames" / "000000.png").stat().st_mtime_ns >= before - 1000  # as tar rounds


@pytest.mark.slow
def test_it_can_be_stopped(cluster, tmp_path: Path) -> None:
    cancel = Cancel()
    cancel.cancel()
    with pytest.raises(KeyboardInterrupt):
        list(on_ray.paint_on_ray(paintings(tmp_path, 1), Progress(["cell0"]), cancel))


def test_a_worker_of_another_version_paints_nothing(tmp_path: Path) -> None:
    order = on_ray.Order(paintings(tmp_path, 1)[0], b"", "animator 0.0.1, torch 1", 1)
    content, outcome = painted_there(order, None)
    assert content == b""
    assert "its worker runs animator" in outcome.reason


def test_a_folder_goes_there_and_back(tmp_path: Path) -> None:
    one, other = tmp_path / "one", tmp_path / "other"
    (one / "frames").mkdir(parents=True)
    (one / "frames" / "a.png").write_bytes(b"new")
    (one / "run.lock").write_text("held")
    (other / "frames").mkdir(parents=True)
    (other / "frames" / "a.png").write_bytes(b"old")
    (other / "frames" / "b.png").write_bytes(b"no more")
    (other / "run.lock").write_text("mine")
    unpack(packed(one), other)
    left = {str(path.relative_to(other)): path.read_text() for path in other.rglob("*") if path.is_file()}
    assert left == {"frames/a.png": "new", "run.lock": "mine"}
    assert packed(tmp_path / "none") == b""
    unpack(b"", tmp_path / "fresh")
    assert (tmp_path / "fresh").is_dir()


@pytest.mark.slow
def test_a_task_asks_for_what_its_scene_takes(tmp_path: Path) -> None:
    loaded = scene_of(paintings(tmp_path, 1)[0])
    larger = read_text_scene("mode: still\nseed: 1\nprompts: a sea\nsize: [512, 512]\n", "larger.yaml")
    assert Resources([{"GPU": 2.0, "CPU": 16.0}]).of(loaded) == {"num_gpus": 1}
    shared = Resources([{"GPU": 2.0, "accelerator_type:T4": 2.0}]).of(loaded)["num_gpus"]
    assert 0 < shared < Resources([{"GPU": 2.0, "accelerator_type:T4": 2.0}]).of(larger)["num_gpus"] <= 1
    asked = Resources([{"CPU": 16.0, "memory": 64e9}]).of(loaded)
    assert asked["num_cpus"] >= 1
    assert 0.5e9 < asked["memory"] < 8e9
    assert Resources([{"memory": 1e6, "CPU": 4.0}] * 9).of(loaded)["memory"] == 1e6


def test_ray_is_asked_for_where_it_is_missing(monkeypatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "ray", None)
    with pytest.raises(UsageError, match="animator\\[ray\\]"):
        on_ray.ray_module()
    assert "pip install" in MISSING


class Closed:
    """A Ray that cannot be connected."""

    exceptions = ray.exceptions

    def __init__(self, error: Exception, cause: str = "") -> None:
        self.error, self.cause = error, RuntimeError(cause)

    def init(self, **asked: object) -> None:
        raise self.error from self.cause


def test_what_a_cluster_wants_is_said() -> None:
    connection, at = ConnectionError("Failed to connect to Ray cluster"), "10.0.0.5:6379"
    wanted = [
        Closed(connection, "...\nRPC error: InvalidAuthToken: missing"),
        Closed(ray.exceptions.AuthenticationError("Token authentication is enabled but no token was found")),
    ]
    for one in wanted:
        with pytest.raises(UsageError, match=r"RAY_AUTH_MODE=token.*auth_token"):
            on_ray._connect(one, at)  # type: ignore[arg-type]
    with pytest.raises(UsageError, match=r"no cluster at 10.0.0.5:6379 \(Failed.*ray start --head"):
        on_ray._connect(Closed(connection, "timed out"), at)  # type: ignore[arg-type]


def test_what_ray_says_of_lost_machines_goes_to_the_log(cluster, capsys, caplog) -> None:
    caplog.set_level("INFO", "animator")
    on_ray.ray_module()
    from ray._private.worker import print_to_stdstream

    print_to_stdstream({"lines": ["Raylet is terminated.\nand a long log"], "pid": "raylet"}, True)
    assert capsys.readouterr() == ("", "")
    assert "Raylet is terminated." in caplog.text
    assert "long log" not in caplog.text


@pytest.mark.parametrize(
    ("on", "address"),
    [
        ("ray", ""),
        ("Ray: 10.0.0.5:6379 ", "10.0.0.5:6379"),
        ("ray://10.0.0.5:10001", "ray://10.0.0.5:10001"),
        ("ray:ray://10.0.0.5:10001", "ray://10.0.0.5:10001"),
    ],
)
def test_addresses_of_clusters(on: str, address: str) -> None:
    assert address_of(on) == address
