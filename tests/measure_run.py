"""Run by test_long_run.py in a process of its own: renders, and prints what a run takes as it goes on.

Arguments: a scene, a run folder, and after how many frames each line is printed. A line is JSON: the number
of finished frames, resident bytes, open files, and seconds of a frame outside the networks: the least of the
last eight, since each is delayed by what else the machine does.
"""

from __future__ import annotations

import ctypes
import gc
import json
import os
import sys
import time
from collections import deque
from pathlib import Path

from animator.run.render import render_scene
from animator.scene.reading import read_scene

LIBC = ctypes.CDLL(None)
NETWORKS = ("denoise", "depth", "flow")


def resident() -> int:
    """Return the bytes of this process that are in memory."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGESIZE")


class Measuring:
    """A reporter that measures."""

    def __init__(self, every: int) -> None:
        self._every = every
        self._frames = 0
        self._stage, self._began, self._outside = "", time.perf_counter(), 0.0
        self._last: deque[float] = deque(maxlen=8)

    def begin(self, name: str, total: int, done: int) -> None:
        self._next("")

    def stage(self, frame: int, name: str) -> None:
        self._next(name)

    def step(self, done: int, total: int) -> None:
        pass

    def finished(self, frame: int, seconds: float, left: int) -> None:
        self._next("")
        self._frames += 1
        self._last.append(self._outside)
        self._outside = 0.0
        if self._frames % self._every == 0:
            gc.collect()
            if hasattr(LIBC, "malloc_trim"):  # what is free already would hide what leaks
                LIBC.malloc_trim(0)
            files = len(os.listdir("/proc/self/fd"))
            print(json.dumps([self._frames, resident(), files, min(self._last)]), flush=True)
            self._next("")
            self._outside = 0.0

    def made(self, done: int, total: int, left: float | None) -> None:
        pass

    def end(self) -> None:
        pass

    def _next(self, name: str) -> None:
        now = time.perf_counter()
        if self._stage not in NETWORKS:
            self._outside += now - self._began
        self._stage, self._began = name, now


if __name__ == "__main__":
    scene, run, every = sys.argv[1:]
    render_scene(read_scene(Path(scene)), Measuring(int(every)), out=Path(run))
