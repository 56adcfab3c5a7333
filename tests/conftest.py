"""Options of the tests, and what several of them share."""

from __future__ import annotations

import gc
import os
import signal
import sys
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch

from animator.errors import SceneError
from animator.scene.reading import LoadedScene, read_scene
from tests import costs
from tests.slowness import computed

UNLISTED = 3.0
"""Seconds of a processor that a test without the mark `slow` may take before it is named in a warning."""

taken: dict[str, float] = {}
"""Seconds of each test so far, with ``--update-costs``."""

# What tests start is compiled once, not each time.
sys.dont_write_bytecode = False
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)

for number, usual in ((signal.SIGINT, signal.default_int_handler), (signal.SIGHUP, signal.SIG_DFL)):
    # A shell starts what it puts in the background, and nohup what it guards, with these ignored, and every
    # program that is started from there would ignore them too; the tests send them.
    if signal.getsignal(number) == signal.SIG_IGN:
        signal.signal(number, usual)


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--update-frames", action="store_true", help="write tests/frames anew; look at them before you commit"
    )
    parser.addoption(
        "--update-costs", action="store_true", help="write what tests cost anew; let nothing else run beside"
    )


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark tests by what they cost."""
    known = costs.known()
    for item in items:
        for name in costs.marks_of(item.nodeid, known, item.get_closest_marker("vital") is not None):
            item.add_marker(name)


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    """Note what a test takes; what several share is set up in one of them by chance, and not counted."""
    if report.when == "call" and report.passed:
        taken[report.nodeid] = report.duration


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Write what tests cost, where that is asked for; a worker leaves it to the process that started it."""
    if session.config.getoption("--update-costs") and not hasattr(session.config, "workerinput"):
        costs.write(taken.items())


def pytest_collection_finish() -> None:
    """Leave what is imported by now, and the tests themselves, out of every collection of garbage.

    Else each goes through millions of objects that stay, which takes half a second where a test needs none.
    """
    gc.collect()
    gc.freeze()


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Iterator[None]:
    """Name tests that are slow and not listed, so that ``make test-fast`` stays fast."""
    begun = computed()
    yield
    took = computed() - begun
    if took > UNLISTED and item.get_closest_marker("slow") is None:
        warnings.warn(f"{item.nodeid} took {took:.1f} s of a processor; see tests/costs.py", stacklevel=1)


@pytest.fixture(scope="module")
def cluster() -> Iterator[Any]:
    """Ray with two workers on this machine."""
    import ray

    from animator.study import on_ray

    on_ray.ray_module()
    # Ray makes its workers nice, so that beside other tests they would hardly run.
    os.environ["RAY_worker_niceness"] = "0"  # noqa: SIM112, as Ray writes it
    try:
        ray.init(
            "local", num_cpus=2, include_dashboard=False, object_store_memory=80_000_000, log_to_driver=False
        )
    except Exception as error:
        pytest.skip(f"Ray does not start on this machine: {error}")
    yield ray
    ray.shutdown()


@pytest.fixture
def one_thread() -> Iterator[None]:
    """Compute on one thread: small pictures beside other tests are slower on more, and bytes are alike."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture
def read(tmp_path: Path) -> Callable[..., LoadedScene]:
    """Read a text as a scene file; others, by their names, lie beside it."""

    def of(text: str, *overrides: str, **others: str) -> LoadedScene:
        for name, other in others.items():
            (tmp_path / f"{name}.yaml").write_text(other)
        path = tmp_path / "scene.yaml"
        path.write_text(text)
        return read_scene(path, overrides)

    return of


@pytest.fixture
def fault(read: Callable[..., LoadedScene], tmp_path: Path) -> Callable[[str], str]:
    """Return the only fault of a scene, without the name of its file and folder."""

    def of(text: str) -> str:
        with pytest.raises(SceneError) as caught:
            read(text)
        (only,) = caught.value.problems
        assert "\n" not in str(only)
        return str(only).removeprefix(f"{tmp_path / 'scene.yaml'}:").strip().replace(f"{tmp_path}/", "")

    return of
