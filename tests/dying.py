"""Renders scenes in processes that die: ``python -m tests.dying`` reads orders from stdin, JSON, one a line.

An order names a ``scene``, a run to ``resume`` or a scene to ``study``, and how to die: ``event`` at that
one of the calls that bring something to the disk (``fsync``, ``replace``, ``unlink``), with the file it
concerns ``torn`` or not; ``after`` so many seconds; or not at all. Each is carried out in a fork of this
process, which has imported what takes long (`tests.warm`); the answer is the fork's wait status.
"""

from __future__ import annotations

import json
import os
import signal
import stat
import sys
from pathlib import Path
from typing import Any

from animator.run.render import render_scene, resume_run
from animator.scene.reading import read_scene
from animator.study.cells import study_of
from animator.study.make import make_study
from tests.warm import Quiet, warmed


def die_at(event: int, torn: bool) -> None:
    """Have this process die at one of its calls that bring something to the disk."""
    left = event

    def counted(call: Any) -> Any:
        def wrapped(*args: Any, **kwargs: Any) -> Any:
            nonlocal left
            left -= 1
            if left <= 0:
                if torn and isinstance(args[0], int) and stat.S_ISREG(os.fstat(args[0]).st_mode):
                    os.ftruncate(args[0], max(0, os.fstat(args[0]).st_size - 9))
                os.kill(os.getpid(), signal.SIGKILL)
            return call(*args, **kwargs)

        return wrapped

    for name in ("fsync", "replace", "unlink"):
        setattr(os, name, counted(getattr(os, name)))


def carry_out(order: dict[str, Any]) -> None:
    """Render, and die if so ordered."""
    if "event" in order:
        die_at(order["event"], order.get("torn", False))
    if "after" in order:
        signal.setitimer(signal.ITIMER_REAL, order["after"])  # SIGALRM, of which a process dies
    if "study" in order:
        make_study(study_of(order["study"], vary=order["vary"]), Quiet(), out=Path(order["out"]))  # type: ignore[arg-type]
    elif "resume" in order:
        resume_run(Path(order["resume"]), Quiet())  # type: ignore[arg-type]
    else:
        loaded = read_scene(Path(order["scene"]), order.get("set", ()))
        render_scene(loaded, Quiet(), out=Path(order["out"]))  # type: ignore[arg-type]


def main() -> None:
    warmed()
    for line in sys.stdin:
        child = os.fork()
        if child == 0:
            try:
                carry_out(json.loads(line))
            except BaseException as error:
                print(f"{type(error).__name__}: {error}", file=sys.stderr, flush=True)
                os._exit(1)
            os._exit(0)
        print(os.waitpid(child, 0)[1], flush=True)
    os._exit(0)  # to take torch down takes seconds


if __name__ == "__main__":
    main()
