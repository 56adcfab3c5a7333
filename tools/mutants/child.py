"""What runs in a forked process: the tests of one file, or those that look for one fault."""

from __future__ import annotations

import importlib.abc
import importlib.machinery
import json
import os
import sys
import threading
from collections.abc import Iterable, Sequence
from importlib.machinery import ModuleSpec, SourceFileLoader
from pathlib import Path
from types import CodeType, FrameType, ModuleType

import pytest

KILLED, SURVIVED, BROKEN = 1, 0, 3
"""With what such a process ends."""

QUIETLY = (
    "-x",
    "-q",
    "-p",
    "no:cacheprovider",
    "--no-header",
    "--tb=line",
    "-W",
    "ignore::pytest.PytestWarning",
)


class _Planted(SourceFileLoader):
    """Loads a module from a text instead of its file."""

    def __init__(self, name: str, path: str, source: str) -> None:
        super().__init__(name, path)
        self.source = source

    def get_code(self, fullname: str) -> CodeType:
        return compile(self.source, self.path, "exec", dont_inherit=True)


class _Finder(importlib.abc.MetaPathFinder):
    """Finds one module with a fault in it."""

    def __init__(self, module: str, source: str) -> None:
        self.module, self.source = module, source

    def find_spec(
        self, name: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if name != self.module:
            return None
        spec = importlib.machinery.PathFinder.find_spec(name, path, target)
        assert spec is not None
        assert spec.origin is not None
        spec.loader = _Planted(name, spec.origin, self.source)
        return spec


class _Watch:
    """A plugin of pytest that notes how long each test takes and which functions of the program it calls."""

    def __init__(self, root: Path) -> None:
        self._root = f"{root}{os.sep}"
        self._seen: set[CodeType] = set()
        self.early: list[str] = []
        self.tests: dict[str, dict[str, object]] = {}
        self._start()

    def _start(self) -> None:
        self._seen = set()
        seen = self._seen

        def note(frame: FrameType, event: str, argument: object) -> None:
            if event == "call":
                seen.add(frame.f_code)

        threading.setprofile(note)
        sys.setprofile(note)

    def _functions(self) -> list[str]:
        sys.setprofile(None)
        names = {(code.co_filename, code.co_firstlineno) for code in self._seen}
        ours = f"{self._root}animator{os.sep}"
        return sorted(
            f"{name.removeprefix(self._root)}:{line}" for name, line in names if name.startswith(ours)
        )

    def pytest_collection_finish(self) -> None:
        """Functions that were called while the file was imported count for each of its tests."""
        self.early = self._functions()

    def pytest_runtest_logstart(self) -> None:
        """Watch one test, its fixtures included."""
        self._start()

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Add up a test's parts; one that fails or is skipped is left out by `learn`."""
        entry = self.tests.setdefault(report.nodeid, {"seconds": 0.0, "passed": True})
        entry["seconds"] = float(str(entry["seconds"])) + report.duration
        entry["passed"] = bool(entry["passed"]) and report.outcome == "passed"

    def pytest_runtest_logfinish(self, nodeid: str) -> None:
        """The test is over."""
        self.tests[nodeid]["calls"] = self._functions()


def learn(root: Path, file: str, answer: Path, basetemp: Path, *, usual: bool = False) -> int:
    """Run the tests of a file as they are; write what was learned of each to ``answer`` as JSON.

    With ``usual`` those are left out that ``make test`` leaves out.
    """
    watch, chosen = _Watch(root), ["-m", "not long"] if usual else []
    code = pytest.main([*QUIETLY[1:], *chosen, f"--basetemp={basetemp}", file], plugins=[watch])
    sys.setprofile(None)
    tests = {
        name: {"seconds": one["seconds"], "calls": sorted({*watch.early, *one["calls"]})}  # type: ignore[misc]
        for name, one in watch.tests.items()
        if one["passed"]
    }
    failed = [name for name, one in watch.tests.items() if not one["passed"]]
    answer.write_text(json.dumps({"tests": tests, "left_out": failed, "code": int(code)}))
    return SURVIVED


class _Killer:
    """A plugin of pytest that remembers the first test that failed."""

    name = ""

    def __init__(self, finder: _Finder) -> None:
        self._finder = finder

    def pytest_sessionstart(self) -> None:
        """Go before pytest's own finder, which reads the modules whose doctests run from their files."""
        sys.meta_path.remove(self._finder)
        sys.meta_path.insert(0, self._finder)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.failed and not self.name:
            self.name = report.nodeid

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        if report.failed and not self.name:
            self.name = f"{report.nodeid} (cannot be imported)"


def hunt(module: str, source: str, groups: Iterable[Sequence[str]], answer: Path, basetemp: Path) -> int:
    """Run tests with a fault planted, group by group, until one fails; write its name to ``answer``."""
    finder = _Finder(module, source)
    sys.meta_path.insert(0, finder)
    for number, chosen in enumerate(groups):
        killer = _Killer(finder)
        code = pytest.main([*QUIETLY, f"--basetemp={basetemp / str(number)}", *chosen], plugins=[killer])
        if code in (pytest.ExitCode.TESTS_FAILED, pytest.ExitCode.INTERRUPTED):
            answer.write_text(killer.name)
            return KILLED
        if code != pytest.ExitCode.OK:
            answer.write_text(f"pytest ended with {code!r}")
            return BROKEN
    return SURVIVED
