"""The tiles of one large picture asked of the workers of a Ray cluster, at every step of its diffusion.

The picture is painted here, in an ordinary run. Each worker holds the diffusion network alone and answers for
one tile at a time (`animator.diffusion.elsewhere`); it keeps nothing between two tiles, so that one whose
worker is lost is asked of another, with the same answer. A worker in the place of a lost one is started, too.
"""

from __future__ import annotations

import logging
import os
import platform
import time
from collections import Counter, deque
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from types import ModuleType
from typing import Any

import torch

from animator.diffusion.elsewhere import Answer, Question, answered, weights_of
from animator.diffusion.precision import precision_for
from animator.diffusion.tiles import tiles_of
from animator.engines.registry import family_of
from animator.errors import AnimatorError, RunError, UsageError
from animator.memory.fitting import with_settings
from animator.run.cancel import Cancel
from animator.scene.larger import tile_side
from animator.scene.reading import LoadedScene
from animator.scene.resolved import resolved_text
from animator.settings.hires import HiresOptions
from animator.settings.scene import Scene
from animator.study.on_ray import RETRIES, WAIT, Resources, connected, other_version
from animator.study.painting import Painting, scene_of
from animator.system.deterministic import use_deterministic
from animator.system.devices import choose_device
from animator.system.version import version_line

log = logging.getLogger(__name__)

NOTICE = 15.0
PATIENCE = 900.0
"""Seconds without any worker after which that is said, and after which a render gives up."""

AGAIN = "continue with animator resume, here alone or with --on ray --spread tiles"

RAYS_NAMES = {"num_cpus": "CPU", "num_gpus": "GPU", "memory": "memory"}
"""What Ray calls what a worker asks for, in its list of machines."""


@dataclass(frozen=True)
class Order:
    """What a worker is told when it begins.

    Attributes:
        text: the scene, which names files by their whole paths.
        version: of the driver's program.
        threads: on which the driver's processor computes; another number rounds otherwise.
        deterministic: whether a GPU is to use only kernels whose results repeat.
    """

    text: str
    version: str
    threads: int
    deterministic: bool = False


@dataclass(frozen=True)
class Ready:
    """What a worker answers to that.

    Attributes:
        machine: its name.
        process: its number there.
        weights: a hash of those of its network, see `weights_of`.
        fault: why it cannot be asked; empty where it can.
    """

    machine: str
    process: int = 0
    weights: str = ""
    fault: str = ""


class TileWorker:
    """Answers for tiles; an actor of Ray."""

    def __init__(self) -> None:
        self._network: object = None
        self._device = torch.device("cpu")
        self._threads = 1

    def begin(self, order: Order) -> Ready:
        """Load the network."""
        machine = platform.node()
        if fault := other_version(order.version):
            return Ready(machine, fault=fault)
        self._threads = order.threads
        torch.set_num_threads(self._threads)
        if order.deterministic:
            use_deterministic()
        try:
            scene = scene_of(Painting("", order.text, "scene", (), "")).scene
            self._device = choose_device(scene.device)
            self._network = family_of(scene.diffusion.model).tile_network(scene, self._device)
        except AnimatorError as error:
            return Ready(machine, fault=_first_line(error))
        return Ready(machine, os.getpid(), weights_of(self._network))

    def answer(self, question: Question) -> Answer:
        """Answer for a tile."""
        torch.set_num_threads(self._threads)
        return answered(self._network, question, self._device)


def tiles_fault(loaded: LoadedScene) -> str:
    """Return why the tiles of a scene cannot be spread, and what to do; an empty text where they can."""
    scene, off = loaded.scene, "leave out --spread tiles"
    if scene.large_size is None:
        larger = "hires: {scale: 2}"
        return f"paints nothing in tiles: only pictures that are painted larger are ({larger}); {off}"
    if not family_of(scene.diffusion.model).spreads_tiles:
        return f"the tiles of {scene.diffusion.model} cannot be spread; {off}"
    if not tile_side(scene):
        width, height = scene.large_size
        return f"paints {width} x {height} as a whole; set hires.tiles to a smaller side, or {off}"
    return ""


@contextmanager
def tiles_on_ray(loaded: LoadedScene, cancel: Cancel, address: str = "") -> Iterator[RayTiles]:
    """While it is open, workers of a Ray cluster answer for the tiles of a scene's larger pictures.

    Args:
        loaded: the scene.
        cancel: stops the waiting, from another thread.
        address: of the cluster, see `animator.study.on_ray.paint_on_ray`.

    Raises:
        UsageError: the scene has no tiles, Ray is not installed, or there is no cluster.
    """
    if fault := tiles_fault(loaded):
        raise UsageError(f"{loaded.source}: {fault}")
    with connected(address) as ray:
        machines = [node["Resources"] for node in ray.nodes() if node["Alive"]]
        asked, count = workers_of(loaded, machines)
        order = Order(
            resolved_text(_as_precise(loaded.scene)),
            version_line(),
            torch.get_num_threads(),
            torch.are_deterministic_algorithms_enabled(),
        )
        tiles = RayTiles(ray, order, asked, count, cancel)
        try:
            yield tiles
        finally:
            tiles.end()


def _as_precise(scene: Scene) -> Scene:
    """Return a scene whose networks have the number format that they have on this machine."""
    precision = precision_for(scene.diffusion.precision, choose_device(scene.device))
    diffusion = scene.diffusion.model_copy(update={"precision": precision})
    return scene.model_copy(update={"diffusion": diffusion})


def workers_of(loaded: LoadedScene, machines: Sequence[Mapping[str, float]]) -> tuple[dict[str, float], int]:
    """Return what each worker asks of a cluster, and how many of them there is work and room for.

    Args:
        loaded: a scene with tiles.
        machines: what each machine has, as Ray counts it.
    """
    scene, side = loaded.scene, tile_side(loaded.scene)
    alone = with_settings(loaded, size=(side, side), hires=HiresOptions())
    asked = Resources(machines).of(alone)
    if "num_gpus" in asked:
        asked = {"num_gpus": 1}  # a GPU works on one tile at a time
    fits = sum(
        min(int(machine.get(RAYS_NAMES[name], 0.0) // need) for name, need in asked.items() if need)
        for machine in machines
    )
    width, height = scene.large_size or scene.size
    return asked, max(1, min(fits, len(tiles_of(height, width, side))))


@dataclass(frozen=True)
class _Worker:
    """A worker: Ray's handle of it, and the name of its machine."""

    actor: Any
    machine: str = "a machine"


class RayTiles:
    """Workers of a Ray cluster that answer for tiles; an `animator.diffusion.elsewhere.Elsewhere`.

    Args:
        ray: connected to a cluster.
        order: what they are told.
        asked: what each asks of the cluster.
        count: how many.
        cancel: stops the waiting.
        patience: seconds after which it is given up where there is none of them.
    """

    def __init__(
        self,
        ray: ModuleType,
        order: Order,
        asked: Mapping[str, float],
        count: int,
        cancel: Cancel,
        *,
        patience: float = PATIENCE,
    ) -> None:
        self._ray, self._order, self._cancel, self._patience = ray, ray.put(order), cancel, patience
        self._actor = ray.remote(TileWorker).options(**asked)
        self._weights: str | None = None
        self._starting: dict[Any, Any] = {}
        self._idle: deque[_Worker] = deque()
        self._busy: dict[Any, tuple[_Worker, object, int]] = {}
        self._fault, self._failed, self._met = "", 0, False
        self._alone, self._told = time.monotonic(), False
        self._turn = object()
        for _ in range(count):
            self._start()

    def begin(self, weights: str) -> None:
        """Wait until one of them is ready.

        Args:
            weights: a hash of those that all must have.

        Raises:
            UsageError: none can be asked.
            RunError: none came.
            Cancelled: the render was cancelled.
        """
        self._weights = weights
        while not self._idle:
            self._look()

    def __call__(self, questions: Sequence[Question]) -> list[Answer]:
        """Return the answers to questions, each asked of who is free.

        Raises:
            RunError: a tile's worker was lost again and again, or no worker is left.
            Cancelled: the render was cancelled.
        """
        self._turn, left, lost = object(), deque(range(len(questions))), Counter[int]()
        answers: dict[int, Answer] = {}
        while len(answers) < len(questions):
            while left and self._idle:
                worker, number = self._idle.popleft(), left.popleft()
                self._busy[worker.actor.answer.remote(questions[number])] = worker, self._turn, number
            for number, answer, reason in self._look():
                if answer is not None:
                    answers[number] = answer
                    continue
                lost[number] += 1
                if lost[number] > RETRIES:
                    raise RunError(f"a tile's worker was lost {lost[number]} times ({reason}); {AGAIN}")
                left.appendleft(number)
        return [answers[number] for number in range(len(questions))]

    def end(self) -> None:
        """Let all of them go."""
        known = [*self._idle, *(one for one, *_ in self._busy.values())]
        for actor in [*self._starting.values(), *(one.actor for one in known)]:
            self._ray.kill(actor)

    def _start(self) -> None:
        actor = self._actor.remote()
        self._starting[actor.begin.remote(self._order)] = actor

    def _look(self) -> list[tuple[int, Answer | None, str]]:
        """Wait a moment, and return the answers that came, by number; of a lost worker, None and why."""
        self._cancel.check()
        self._check_company()
        done, _ = self._ray.wait([*self._busy, *self._starting], num_returns=1, timeout=WAIT)
        found: list[tuple[int, Answer | None, str]] = []
        for one in done:
            if one in self._starting:
                self._begun(one, self._starting.pop(one))
                continue
            worker, turn, number = self._busy.pop(one)
            now, answer, reason = turn is self._turn, None, ""  # not so: of a picture that was given up
            try:
                answer = self._ray.get(one)
                self._idle.append(worker)
            except self._ray.exceptions.RayTaskError as error:
                self._idle.append(worker)
                if now:
                    raise error.cause from None
            except self._ray.exceptions.RayError as error:
                reason = _first_line(error)
                self._lost(worker, reason)
                self._start()
            if now:
                found.append((number, answer, reason))
        return found

    def _begun(self, one: Any, actor: Any) -> None:
        """Take a worker that has begun among those who can be asked, or let it go where it cannot.

        One that was lost while it began has another in its place, unless that happens again and again.
        """
        try:
            ready = self._ray.get(one)
        except self._ray.exceptions.RayTaskError as error:
            ready = Ready("a worker", fault=_first_line(error.cause))
        except self._ray.exceptions.RayError as error:
            self._lost(_Worker(actor), _first_line(error))
            self._failed += 1
            if self._failed <= RETRIES:
                self._start()
            self._fault = self._fault or "--on ray: workers for tiles end as soon as they start"
            return
        fault = ready.fault
        if not fault and ready.weights != self._weights:
            fault = "its weights are not those of this machine; copy the file there"
        if fault:
            self._ray.kill(actor)
            self._fault = f"--on ray: {ready.machine}: {fault}"
            log.warning("%s", self._fault)
            return
        log.info("a worker for tiles is ready on %s (process %d)", ready.machine, ready.process)
        self._failed, self._met = 0, True
        self._idle.append(_Worker(actor, ready.machine))

    def _lost(self, worker: _Worker, reason: str) -> None:
        log.warning("a worker for tiles was lost on %s; its tile is asked of another", worker.machine)
        log.info("ray: %s", reason)
        self._ray.kill(worker.actor)

    def _check_company(self) -> None:
        """Say so where there are no workers; raise an error where none can be hoped for, or for too long."""
        if self._idle or self._busy:
            self._alone, self._told = time.monotonic(), False
            return
        if not self._starting and self._met:
            raise RunError(f"{self._fault}; {AGAIN}")
        if not self._starting:
            raise UsageError(self._fault)
        since = time.monotonic() - self._alone
        if since > self._patience:
            raise RunError(f"no worker of the cluster was ready for tiles in {since:.0f} s; {AGAIN}")
        if since > NOTICE and not self._told:
            self._told = True
            log.warning("waiting for a worker of the cluster that can be asked for tiles")


def _first_line(error: BaseException) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0]
