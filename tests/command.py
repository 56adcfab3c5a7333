"""The command line as tests start it: in forks of a process that has imported torch already.

Where there is no fork, each is a process of its own, which takes some ten seconds longer.
"""

from __future__ import annotations

import atexit
import itertools
import json
import os
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[1]


@dataclass
class Started:
    """A command that runs.

    Attributes:
        number: of its process.
        words: its arguments.
        out: the file of its stdout.
        err: the file of its stderr.
    """

    number: int
    words: list[str]
    out: Path
    err: Path

    def poll(self) -> int | None:
        """Return the exit status, negative for a signal, or None while it runs."""
        return _server().order(wait=self.number, seconds=0.0)

    def wait(self, timeout: float = 120) -> subprocess.CompletedProcess[str]:
        """Return how it ended and what it printed."""
        status = _server().order(wait=self.number, seconds=timeout)
        if status is None:
            os.kill(self.number, 9)
            _server().order(wait=self.number, seconds=10.0)
            raise subprocess.TimeoutExpired(self.words, timeout)
        return subprocess.CompletedProcess(
            self.words, status, self.out.read_text(encoding="utf-8"), self.err.read_text(encoding="utf-8")
        )


class _Server:
    def __init__(self) -> None:
        self.folder = tempfile.TemporaryDirectory()
        self.numbers = itertools.count()
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.command_server"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, "OMP_NUM_THREADS": "1"},
            cwd=ROOT,
        )
        atexit.register(self._process.kill)

    def order(self, **order: object) -> int | None:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        print(json.dumps(order), file=self._process.stdin, flush=True)
        return json.loads(self._process.stdout.readline())


@cache
def _server() -> _Server:
    return _Server()


def environment() -> dict[str, str]:
    """Return the environment of a command: one thread, and lines of a known width."""
    return {**os.environ, "OMP_NUM_THREADS": "1", "COLUMNS": "100"}


def started(*words: object, cwd: Path | None = None) -> Started:
    """Start ``animator`` with these arguments, and do not wait."""
    server, argv = _server(), [str(word) for word in words]
    printed = Path(server.folder.name) / f"{next(server.numbers):04d}"
    out, err = printed.with_suffix(".out"), printed.with_suffix(".err")
    number = server.order(
        argv=argv, out=str(out), err=str(err), cwd=str(cwd or Path.cwd()), env=environment()
    )
    assert number is not None
    return Started(number, argv, out, err)


def animator(
    *words: object, cwd: Path | None = None, timeout: float = 120
) -> subprocess.CompletedProcess[str]:
    """Run ``animator`` with these arguments; return its exit status and what it printed."""
    if hasattr(os, "fork"):
        return started(*words, cwd=cwd).wait(timeout)
    command = [sys.executable, "-m", "animator", *map(str, words)]
    return subprocess.run(
        command, capture_output=True, text=True, cwd=cwd, timeout=timeout, env=environment(), check=False
    )
