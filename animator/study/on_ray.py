"""Paintings spread over the machines of a Ray cluster: one task each, whose folder comes back whole.

A task gets what is there of its folder already, paints what is missing in a folder of its own, and returns
that. A worker that is lost has its task done again from there by Ray, with the same result, for a picture
depends on its scene, its number and its seed alone. Ray is not installed with the program
(``pip install 'animator[ray]'``).
"""

from __future__ import annotations

import dataclasses
import io
import json
import logging
import math
import os
import re
import shutil
import sys
import tarfile
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import Any

import torch

from animator.errors import UsageError
from animator.memory.estimate import MemoryEstimate, estimate
from animator.memory.fitting import taken
from animator.memory.gpus import Gpu, gpu_named
from animator.run.cancel import Cancel
from animator.run.reporter import Reporter
from animator.runs.files import errors_in_one_line
from animator.scene.reading import LoadedScene
from animator.study.painters import Outcome, failure
from animator.study.painting import Painting, paint, scene_of
from animator.study.progress import StudyProgress
from animator.system.version import version_line
from animator.weights.shared import SharedNetworks

log = logging.getLogger(__name__)

RETRIES = 3
"""How often a task is done again whose worker was lost."""

WAIT = 0.2
"""Seconds between two looks at what the workers did."""

MISSING = "--on ray needs Ray, which is not installed: pip install 'animator[ray]'"

TOKEN = (
    "the cluster answers only who has its token: set RAY_AUTH_MODE=token, and copy ~/.ray/auth_token from "
    "the machine where it was started to the others"
)

LOCK = "run.lock"
"""Stays where it is: it is held by whoever asks for the painting."""


@dataclasses.dataclass(frozen=True)
class Order:
    """What a worker is sent.

    Attributes:
        painting: the piece of work; its folder is on the driver.
        packed: what is in its folder already.
        version: of the driver's program.
        threads: on which the driver's processor would compute; another number rounds otherwise.
    """

    painting: Painting
    packed: bytes
    version: str
    threads: int


def paint_on_ray(
    paintings: Sequence[Painting], progress: StudyProgress, cancel: Cancel, address: str = ""
) -> Iterator[Outcome]:
    """Paint on a Ray cluster; see `animator.study.painters.paint_here`, whose place this takes.

    Args:
        paintings: the pieces of work.
        progress: hears of all of them.
        cancel: stops it, from another thread.
        address: of the cluster (``host:6379``, ``ray://host:10001``); left out, that of ``RAY_ADDRESS``, or
            of a cluster that runs on this machine, or else one is started here for as long as this takes.

    Raises:
        UsageError: Ray is not installed, or there is no cluster.
        Interrupted: by the user or by ``cancel``.
        RunError: the disk refuses.
    """
    with connected(address) as ray:
        yield from _paint(ray, paintings, progress, cancel)


@contextmanager
def connected(address: str) -> Iterator[ModuleType]:
    """While it is open, Ray is connected to a cluster; see `paint_on_ray` for the address and the errors."""
    ray = ray_module()
    mine = not ray.is_initialized()
    if mine:
        _connect(ray, address)
    try:
        yield ray
    finally:
        if mine:
            ray.shutdown()


def ray_module() -> ModuleType:
    """Return Ray, set up as the program needs it; raises UsageError where it is not installed."""
    # Ray would hide every GPU from a task that asks for none, and with it what a scene's device names.
    os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    try:
        import ray
    except ImportError:
        raise UsageError(MISSING) from None
    worker = sys.modules.get("ray._private.worker")
    if hasattr(worker, "print_to_stdstream"):
        # Ray prints what a lost machine's log ends with on stdout, which is for paths and JSON.
        worker.print_to_stdstream = _into_log  # type: ignore[union-attr]
    module: ModuleType = ray
    return module


def _into_log(data: Mapping[str, Any], *_: object, **__: object) -> None:
    for lines in data.get("lines", ()):
        log.info("ray: %s", "\n".join(str(lines).splitlines()[:1]))


def _connect(ray: ModuleType, address: str) -> None:
    try:
        ray.init(
            address=address or None,
            log_to_driver=False,
            logging_level=logging.ERROR,
            include_dashboard=None if address else False,
        )
    except (ConnectionError, ValueError, RuntimeError, TimeoutError, ray.exceptions.RayError) as error:
        if re.search("auth.*token", f"{error} {error.__cause__}", re.IGNORECASE):
            raise UsageError(f"--on ray: {TOKEN}") from None
        first = (str(error).splitlines() or [type(error).__name__])[0]
        where = f"at {address}" if address else "here"
        raise UsageError(
            f"--on ray: no cluster {where} ({first}); start one with: ray start --head"
        ) from None


def _paint(
    ray: ModuleType, paintings: Sequence[Painting], progress: StudyProgress, cancel: Cancel
) -> Iterator[Outcome]:
    from ray.util.queue import Queue
    from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

    # On the driver's own machine: wherever else it is, it can be lost while the driver goes on.
    here = NodeAffinitySchedulingStrategy(ray.get_runtime_context().get_node_id(), soft=False)
    events = Queue(actor_options={"num_cpus": 0, "scheduling_strategy": here})
    resources = Resources([node["Resources"] for node in ray.nodes() if node["Alive"]])
    version, threads = version_line(), torch.get_num_threads()
    work = ray.remote(painted_there)
    waiting: dict[Any, Painting] = {}
    for painting in paintings:
        try:
            asked = resources.of(scene_of(painting))
        except Exception as error:
            yield failure(painting.name, error)
            continue
        order = Order(painting, packed(painting.path), version, threads)
        waiting[work.options(**asked, max_retries=RETRIES).remote(order, events)] = painting
    try:
        while waiting:
            done, _ = ray.wait(list(waiting), num_returns=1, timeout=WAIT)
            while not events.empty():
                progress.elsewhere(*events.get())
            cancel.check()
            for one in done:
                painting = waiting.pop(one)
                yield _brought_back(ray, one, painting)
    except BaseException:
        for one in waiting:
            ray.cancel(one, force=True)
        raise
    finally:
        events.shutdown()


def _brought_back(ray: ModuleType, one: Any, painting: Painting) -> Outcome:
    try:
        content, outcome = ray.get(one)
    except ray.exceptions.RayTaskError as error:
        return failure(painting.name, error.cause)
    except ray.exceptions.RayError as error:
        first = (str(error).splitlines() or [type(error).__name__])[0]
        return Outcome(painting.name, f"its worker was lost {RETRIES + 1} times: {first}", 1)
    if content:
        unpack(content, painting.path)
    found: Outcome = outcome
    return found


class Resources:
    """What a task asks of the cluster, from the memory that its scene takes.

    Args:
        machines: what each machine of the cluster has, as Ray counts it.
    """

    def __init__(self, machines: Sequence[Mapping[str, float]]) -> None:
        self._gpus, self._cpus, self._memory = (
            max((one.get(name, 0.0) for one in machines), default=0.0) for name in ("GPU", "CPU", "memory")
        )
        self._gpu = smallest_gpu([name for one in machines for name in one])
        self._known: dict[str, MemoryEstimate] = {}

    def of(self, loaded: LoadedScene) -> dict[str, float]:
        """Return ``num_gpus``, or ``num_cpus`` and ``memory``, of the task that paints a scene."""
        if self._gpus and loaded.scene.device != "cpu":
            return {"num_gpus": self._share(loaded)}
        threads = min(float(torch.get_num_threads()), self._cpus)
        # More than the largest machine has would wait for ever; the task may try there, alone.
        return {"num_cpus": threads, "memory": int(min(self._taken(loaded).total, self._memory))}

    def _share(self, loaded: LoadedScene) -> float:
        """Return the share of a GPU that a scene takes, in hundredths: several may run on one."""
        if self._gpu is None:
            return 1
        share = self._taken(loaded).total / self._gpu.room
        return min(1.0, max(1, math.ceil(share * 100)) / 100)

    def _taken(self, loaded: LoadedScene) -> MemoryEstimate:
        alike = loaded.scene.model_dump(mode="json", exclude={"prompts", "image_prompts", "seed", "output"})
        key = json.dumps(alike, sort_keys=True)
        if key not in self._known:
            gpu = None if loaded.scene.device == "cpu" else self._gpu
            self._known[key] = estimate(loaded, "cpu") if gpu is None else taken(loaded, gpu)
        return self._known[key]


def smallest_gpu(resources: Iterable[str]) -> Gpu | None:
    """Return the GPU of a cluster that has the least memory, by Ray's names; None where one is not known.

    >>> smallest_gpu(["GPU", "accelerator_type:A100", "accelerator_type:T4"]).name
    'T4'
    """
    kinds = [name.partition(":")[2] for name in resources if name.startswith("accelerator_type:")]
    try:
        return min(map(gpu_named, kinds), key=lambda gpu: gpu.gigabytes, default=None)
    except UsageError:
        return None


class _Events(Reporter):
    """Sends what a worker does to the driver."""

    def __init__(self, name: str, events: Any) -> None:
        self._name, self._events = name, events

    def begin(self, name: str, total: int, done: int) -> None:
        """A render begins."""
        self._events.put((self._name, os.getpid(), -1, 0.0, total - done))

    def finished(self, frame: int, seconds: float, left: int) -> None:
        """A frame is saved."""
        self._events.put((self._name, os.getpid(), frame, seconds, left))


_SHARED = SharedNetworks()
"""Networks that stay loaded in a worker from one task to the next."""


def other_version(asked: str) -> str:
    """Return on a worker why it does nothing for a program of another version; else an empty text."""
    here = version_line()
    return f"its worker runs {here}, this is {asked}" if here != asked else ""


def painted_there(order: Order, events: Any) -> tuple[bytes, Outcome]:
    """Paint on a worker; return the folder as it is then, and what came of it."""
    painting = order.painting
    if fault := other_version(order.version):
        return b"", Outcome(painting.name, fault, 1)
    torch.set_num_threads(order.threads)
    folder = Path(tempfile.mkdtemp(prefix="animator-"))
    try:
        unpack(order.packed, folder / "run")
        moved = dataclasses.replace(painting, folder=str(folder / "run"))
        try:
            paint(moved, _Events(painting.name, events), Cancel(), _SHARED)
            outcome = Outcome(painting.name)
        except Exception as error:
            outcome = failure(painting.name, error)
        return packed(moved.path), outcome
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def packed(folder: Path) -> bytes:
    """Return the files of a folder as a tar archive; empty where there is none."""
    if not folder.is_dir():
        return b""
    buffer = io.BytesIO()
    with errors_in_one_line(folder), tarfile.open(fileobj=buffer, mode="w") as archive:
        for path in sorted(folder.rglob("*")):
            if path.is_file() and path.name != LOCK:
                archive.add(path, str(path.relative_to(folder)), recursive=False)
    return buffer.getvalue()


def unpack(content: bytes, folder: Path) -> None:
    """Make a folder what an archive of `packed` holds; the lock in it stays.

    The new files lie beside the folder before they take the place of the old, so that nothing is lost if this
    is stopped.

    Raises:
        RunError: the disk refuses.
    """
    with errors_in_one_line(folder):
        folder.mkdir(parents=True, exist_ok=True)
        if not content:
            return
        with (
            tempfile.TemporaryDirectory(prefix=f".{folder.name}-", dir=folder.parent) as beside,
            tarfile.open(fileobj=io.BytesIO(content)) as archive,
        ):
            archive.extractall(beside, filter="data")
            new = {path.relative_to(beside) for path in Path(beside).rglob("*") if path.is_file()}
            for path in sorted(new):
                target = folder / path
                target.parent.mkdir(parents=True, exist_ok=True)
                os.replace(Path(beside) / path, target)
        for path in sorted(folder.rglob("*")):
            if path.is_file() and path.name != LOCK and path.relative_to(folder) not in new:
                path.unlink()
