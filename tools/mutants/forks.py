"""Processes forked from this one, which has imported what takes long, so many at a time."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

TOO_LONG = -1
"""What is told of a process that ran past its limit."""


@dataclass(frozen=True)
class Task:
    """Something to be done in a process of its own.

    Attributes:
        work: does it, and returns with what the process ends.
        done: told of that here, or of `TOO_LONG`.
        limit: seconds that it may take.
        log: file of what it prints.
    """

    work: Callable[[], int]
    done: Callable[[int], None]
    limit: float
    log: Path


def run_all(tasks: Iterable[Task], jobs: int) -> None:
    """Do every task, ``jobs`` at a time."""
    waiting, running = list(tasks), dict[int, tuple[Task, float]]()
    try:
        while waiting or running:
            while waiting and len(running) < jobs:
                task = waiting.pop(0)
                running[_started(task)] = task, time.monotonic() + task.limit
            for number, (task, until) in list(running.items()):
                ended, status = os.waitpid(number, os.WNOHANG)
                if not ended and time.monotonic() < until:
                    continue
                if not ended:
                    os.killpg(number, signal.SIGKILL)
                    os.waitpid(number, 0)
                del running[number]
                task.done(os.waitstatus_to_exitcode(status) if ended else TOO_LONG)
            time.sleep(0.01)
    finally:
        for number in running:
            os.killpg(number, signal.SIGKILL)
            os.waitpid(number, 0)


def _started(task: Task) -> int:
    """Fork, do the task in the child, and return the child's number."""
    number = os.fork()
    if number:
        os.setpgid(number, number)  # here too: it may be ended before it comes to do so itself
        return number
    code = 125
    try:
        os.setpgid(0, 0)
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        file = os.open(task.log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        os.dup2(file, 1)
        os.dup2(file, 2)
        code = task.work()
    finally:
        os._exit(code)
