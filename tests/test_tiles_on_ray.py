"""Tiles of a picture asked of the workers of a Ray cluster: who is asked, what is done where one is lost."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from typer.testing import CliRunner

from animator.cli.main import app
from animator.diffusion.elsewhere import Answer, Question, predicted
from animator.diffusion.fake import solvable_network
from animator.engines.family import Family
from animator.engines.guided import GUIDED
from animator.errors import RunError, UsageError
from animator.run.cancel import Cancel, Cancelled
from animator.scene.resolved import resolved_text
from animator.study.on_ray import RETRIES
from animator.study.tiles_on_ray import (
    Order,
    RayTiles,
    Ready,
    TileWorker,
    tiles_fault,
    tiles_on_ray,
    workers_of,
)
from animator.system.version import version_line
from tests.wiring import scene

LARGE = ("mode=still", "hires.scale=2", "hires.tiles=64")
QUESTIONS = [Question(predicted, torch.full((1,), float(n)), torch.ones(1)) for n in range(5)]


class LostError(Exception):
    """What Ray says of an actor that is gone."""


class TaskError(Exception):
    """What Ray says of a task that failed."""

    def __init__(self, cause: Exception) -> None:
        self.cause = cause


Does = Callable[[int], Any]
"""What a pretended worker does at its n-th question."""


@dataclass(frozen=True, eq=False)
class Reference:
    """What stands for an answer until it is asked for."""

    value: Callable[[], Any]


class Pretended:
    """A Ray in this process whose actors answer, refuse, or are lost, as a test says."""

    exceptions = SimpleNamespace(RayError=LostError, RayTaskError=TaskError)

    def __init__(self, begins: Does = lambda n: Ready("a", n, "w"), answers: Does = lambda n: None) -> None:
        self.begins, self.answers = begins, answers
        self.started = 0
        self.killed: list[int] = []
        self.asked: list[tuple[int, float]] = []
        self.wanted: dict[str, float] = {}

    def put(self, value: object) -> object:
        return value

    def remote(self, cls: type) -> Pretended:
        assert cls is TileWorker
        pretended = self

        class Actors:
            def options(self, **asked: float) -> Any:
                pretended.wanted = asked
                return SimpleNamespace(remote=pretended.actor)

        return Actors()  # type: ignore[return-value]

    def actor(self) -> Any:
        number = self.started
        self.started += 1

        def begin(order: Order) -> Any:
            return Reference(lambda: self.begins(number))

        def answer(question: Question) -> Any:
            self.asked.append((number, float(question.x)))
            count = len(self.asked) - 1

            def value() -> Answer:
                self.answers(count)
                return (question.x + 10,)

            return Reference(value)

        return SimpleNamespace(
            number=number, begin=SimpleNamespace(remote=begin), answer=SimpleNamespace(remote=answer)
        )

    def wait(self, references: list[Any], num_returns: int, timeout: float) -> tuple[list[Any], list[Any]]:
        return references[:num_returns], references[num_returns:]

    def get(self, reference: Any) -> Any:
        return reference.value()

    def kill(self, actor: Any) -> None:
        self.killed.append(actor.number)


def raising(error: Exception, when: Callable[[int], bool]) -> Does:
    def does(count: int) -> None:
        if when(count):
            raise error

    return does


def tiles_of_pretended(ray: Pretended, count: int = 2, **more: Any) -> RayTiles:
    order = Order("", version_line(), 1)
    return RayTiles(ray, order, {"num_cpus": 1}, count, more.pop("cancel", Cancel()), **more)  # type: ignore[arg-type]


def values(answers: Sequence[Answer]) -> list[float]:
    return [float(answer[0]) for answer in answers]


def test_answers_come_in_the_order_of_the_questions_from_all_workers() -> None:
    ray = Pretended()
    tiles = tiles_of_pretended(ray)
    tiles.begin("w")
    assert values(tiles(QUESTIONS)) == [10, 11, 12, 13, 14]
    assert values(tiles(QUESTIONS[:2])) == [10, 11]
    while len(tiles._idle) < 2:
        tiles._look()
    assert values(tiles(QUESTIONS)) == [10, 11, 12, 13, 14]
    assert {worker for worker, _ in ray.asked} == {0, 1}
    assert ray.wanted == {"num_cpus": 1}
    assert ray.killed == []
    tiles.end()
    assert sorted(ray.killed) == [0, 1]


def test_the_tile_of_a_lost_worker_is_asked_of_another(caplog) -> None:
    ray = Pretended(answers=raising(LostError("gone"), lambda count: count == 2))
    tiles = tiles_of_pretended(ray)
    tiles.begin("w")
    assert values(tiles(QUESTIONS)) == [10, 11, 12, 13, 14]
    assert len(ray.asked) == 6
    lost, question = ray.asked[2]
    again = [worker for worker, number in ray.asked[3:] if number == question]
    assert len(again) == 1
    assert again != [lost]
    assert ray.killed == [lost]
    assert ray.started == 3
    assert "lost on a" in caplog.text


def test_a_tile_that_costs_every_worker_its_life_ends_it() -> None:
    ray = Pretended(answers=raising(LostError("gone\nfar"), lambda count: True))
    tiles = tiles_of_pretended(ray, 1)
    tiles.begin("w")
    with pytest.raises(RunError, match=r"lost 4 times \(gone\); continue with animator resume"):
        tiles(QUESTIONS[:1])
    assert len(ray.asked) == RETRIES + 1


@pytest.mark.parametrize(
    ("ready", "fault"),
    [
        (Ready("there", fault="its worker runs 0.1, this is 0.2"), "there: its worker runs 0.1"),
        (Ready("there", 1, "other"), "there: its weights are not those of this machine"),
    ],
)
def test_workers_that_would_answer_otherwise_are_not_asked(ready: Ready, fault: str, caplog) -> None:
    ray = Pretended(lambda n: ready)
    with pytest.raises(UsageError, match=fault):
        tiles_of_pretended(ray).begin("w")
    assert sorted(ray.killed) == [0, 1]
    ray = Pretended(lambda n: ready if n == 0 else Ready("a", n, "w"))
    tiles = tiles_of_pretended(ray)
    tiles.begin("w")
    assert values(tiles(QUESTIONS)) == [10, 11, 12, 13, 14]
    assert {worker for worker, _ in ray.asked} == {1}
    assert fault in caplog.text


def test_workers_that_end_as_they_start_are_not_started_for_ever() -> None:
    def dies(n: int) -> Ready:
        raise LostError("killed")

    ray = Pretended(dies)
    with pytest.raises(UsageError, match="end as soon as they start"):
        tiles_of_pretended(ray, 1).begin("w")
    assert ray.started == RETRIES + 1
    ray = Pretended(
        lambda n: dies(n) if n else Ready("a", n, "w"), raising(LostError("killed"), lambda count: True)
    )
    tiles = tiles_of_pretended(ray, 1)
    tiles.begin("w")
    with pytest.raises(RunError, match=r"end as soon as they start.*animator resume"):
        tiles(QUESTIONS)


def test_one_that_cannot_load_says_why() -> None:
    ray = Pretended(raising(TaskError(RuntimeError("no driver\nfor it")), lambda n: True))
    with pytest.raises(UsageError, match=r"a worker: no driver$"):
        tiles_of_pretended(ray).begin("w")


def test_it_is_not_waited_for_ever(caplog, monkeypatch) -> None:
    monkeypatch.setattr("animator.study.tiles_on_ray.NOTICE", 0.02)

    class Empty(Pretended):
        def wait(self, references, num_returns, timeout):
            return [], references

    with pytest.raises(RunError, match=r"no worker of the cluster was ready .* animator resume"):
        tiles_of_pretended(Empty(), patience=0.05).begin("w")
    assert caplog.text.count("waiting for a worker") == 1
    cancel = Cancel()
    cancel.cancel()
    with pytest.raises(Cancelled):
        tiles_of_pretended(Empty(), cancel=cancel).begin("w")


def test_an_error_of_the_network_is_raised_here_and_late_answers_are_not_taken() -> None:
    ray = Pretended(answers=raising(TaskError(MemoryError("full")), lambda count: count == 0))
    tiles = tiles_of_pretended(ray)
    tiles.begin("w")
    while len(tiles._idle) < 2:
        tiles._look()
    with pytest.raises(MemoryError, match="full"):
        tiles(QUESTIONS)
    assert len(tiles._busy) == 1
    late = [Question(predicted, torch.full((1,), 70.0 + n), torch.ones(1)) for n in range(2)]
    assert values(tiles(late)) == [80, 81]


def test_a_worker_answers_as_the_network_does(tmp_path: Path, monkeypatch) -> None:
    used: list[int] = []
    monkeypatch.setattr(torch, "set_num_threads", used.append)
    loaded = scene(tmp_path, *LARGE)
    worker, threads = TileWorker(), 7
    ready = worker.begin(Order(resolved_text(loaded.scene), version_line(), threads))
    assert (ready.fault, ready.weights, ready.process) == ("", "", os.getpid())
    x = torch.randn(1, 3, 64, 64, generator=torch.Generator().manual_seed(1))
    t = torch.tensor([500.0])
    (answer,) = worker.answer(Question(predicted, x, t))
    assert torch.equal(answer, solvable_network(x, t))
    assert used == [7, 7]
    other = TileWorker().begin(Order("", "animator 0.0.1, torch 1", 1))
    assert "its worker runs animator" in other.fault
    wrong = resolved_text(loaded.scene).replace("models: fake", "models: real")
    missing = re.sub(r"(?m)^( *model: ).*$", r"\g<1>nowhere.pt", wrong, count=1)
    assert TileWorker().begin(Order(missing, version_line(), threads)).fault


def test_a_scene_without_tiles_is_told_so(tmp_path: Path, monkeypatch) -> None:
    assert tiles_fault(scene(tmp_path, *LARGE)) == ""
    assert tiles_fault(scene(tmp_path, "mode=2d", "hires.scale=2", "hires.tiles=64")) == ""
    assert "hires: {scale: 2}" in tiles_fault(scene(tmp_path, "mode=still"))
    assert "set hires.tiles to a smaller side" in tiles_fault(scene(tmp_path, *LARGE[:2], "hires.tiles=none"))
    assert "paints 128 x 128" in tiles_fault(scene(tmp_path, *LARGE[:2], "hires.tiles=128"))
    monkeypatch.setattr(type(GUIDED), "spreads_tiles", False)
    name = scene(tmp_path).scene.diffusion.model
    assert f"the tiles of {name} cannot be spread" in tiles_fault(scene(tmp_path, *LARGE))
    with pytest.raises(UsageError, match="other processes cannot"):
        Family.tile_network(GUIDED, scene(tmp_path, *LARGE).scene, torch.device("cpu"))
    with (
        pytest.raises(UsageError, match=r"scene.yaml: paints nothing in tiles"),
        tiles_on_ray(scene(tmp_path, "mode=still"), Cancel()),
    ):
        pass


def test_as_many_workers_as_there_is_room_and_work_for(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr(torch, "get_num_threads", lambda: 4)
    loaded = scene(tmp_path, *LARGE, "hires.scale=4")
    machine = {"CPU": 9.0, "memory": 64e9}
    asked, count = workers_of(loaded, [machine, {"CPU": 4.0, "memory": 64e9}, {"CPU": 3.0, "memory": 64e9}])
    assert asked["num_cpus"] == 4
    assert 0.9e9 < asked["memory"] < 4e9
    assert count == 3
    assert workers_of(loaded, [{"CPU": 64.0, "memory": 2.5e9}])[1] == int(2.5e9 // asked["memory"])
    assert workers_of(loaded, [{"CPU": 0.0, "memory": 1e9}])[1] == 1
    assert workers_of(loaded, [{"GPU": 2.0, "CPU": 8.0}] * 3) == ({"num_gpus": 1}, 6)
    # No more than there are tiles: 128 pixels in tiles of 64 are three along each side.
    assert workers_of(scene(tmp_path, *LARGE), [{"CPU": 4000.0, "memory": 1e15}])[1] == 9


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["render", "scene.yaml", "--spread", "tiles"], "say which"),
        (["render", "scene.yaml", "--on", "ray", "--spread", "rows"], "expected pictures or tiles"),
        (["render", "scene.yaml", "--on", "slurm", "--spread", "tiles"], "expected ray or ray:ADDRESS"),
        (["render", "scene.yaml", "--on", "ray", "--spread", "tiles"], "paints nothing in tiles"),
        (["resume", "run", "--on", "ray"], "--spread tiles"),
        (["resume", "run", "--spread", "tiles"], "say which"),
    ],
)
def test_what_cannot_be_spread_is_said_on_the_command_line(words, said, tmp_path: Path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    scene(tmp_path, "mode=still")
    result = CliRunner().invoke(app, words)
    assert result.exit_code == 2
    assert said in result.output
    assert not (tmp_path / "renders").exists()
