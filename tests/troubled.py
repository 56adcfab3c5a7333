"""Runs the command line in a world that misbehaves: ``python -m tests.troubled`` reads orders, one a line.

To be started under ``unshare -m``: what is mounted here is seen by nobody else and ends with this process. An
order is JSON, one of

- ``run``: a command of the system, such as ``mount``; the answer is its exit status;
- ``argv``: arguments of ``animator``, carried out in a fork of this process, which has imported what takes
  long. ``told`` names the file that takes stdout and stderr; ``when`` maps the name of a file to a shell
  command that is run right after a file of that name was renamed into place, with the fork's number as
  ``$PID``; ``name#2`` means the second time. ``full`` is such a name after which the disk is full, and
  ``ballast`` the file that fills it, for as long as the fork lives; ``uid`` is the user to be; ``world``
  names functions of this module that spoil something first. The answer is the fork's number;
- ``wait``: such a number; the answer is the wait status.
"""

from __future__ import annotations

import encodings.utf_8_sig  # noqa: F401 (imported here since another user may not read Python's own files)
import errno
import fcntl
import itertools
import json
import os
import subprocess
import sys
import tempfile
import time
from collections import Counter
from contextlib import suppress
from pathlib import Path
from typing import Any

from animator.cli.main import main as command_line
from tests.warm import warmed


def jumping_clock() -> None:
    """The clock of the wall jumps to and fro by days."""
    jumps = itertools.cycle((0.0, 86400.0, -86400.0))
    real = time.time
    time.time = lambda: real() + next(jumps)


def no_locks() -> None:
    """The file system knows no locks."""

    def refuse(*_: Any) -> None:
        raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))

    fcntl.flock = refuse


def no_streams() -> None:
    """Nobody has opened stdin, stdout and stderr."""
    for handle in (0, 1, 2):
        os.close(handle)
    sys.stdin = sys.stdout = sys.stderr = None  # type: ignore[assignment]


def reader_gone() -> None:
    """Who read stdout and stderr has gone."""
    reader, writer = os.pipe()
    os.close(reader)
    for handle in (1, 2):
        os.dup2(writer, handle)


def fresh_tempdir() -> None:
    """The folder for temporary files is looked for anew."""
    tempfile.tempdir = None


def no_tempdir() -> None:
    """No folder takes temporary files."""
    tempfile.tempdir = None
    tempfile._candidate_tempdir_list = lambda: ["/proc/none"]  # type: ignore[attr-defined]


def filled(ballast: str) -> None:
    """Write a file until its disk is full."""
    with open(ballast, "ab", buffering=0) as file, suppress(OSError):
        while file.write(bytes(1 << 16)):
            pass


def kept_full(ballast: str) -> None:
    """Fill a disk now, and again when the program frees something: in a race it may find room once more."""

    def refilling(real: Any) -> Any:
        def freeing(*args: Any, **options: Any) -> None:
            real(*args, **options)
            filled(ballast)

        return freeing

    filled(ballast)
    for name in ("unlink", "remove", "replace"):
        setattr(os, name, refilling(getattr(os, name)))


def watched(when: dict[str, str], full: str, ballast: str) -> None:
    """Run commands, or fill the disk, after files were renamed into place."""
    real, times = os.replace, Counter[str]()

    def replace(source: Any, target: Any) -> None:
        real(source, target)
        name = Path(target).name
        times[name] += 1
        event = f"{name}#{times[name]}" if times[name] > 1 else name
        command = when.get(event)
        if event == full:
            kept_full(ballast)
        if command:
            subprocess.run(["sh", "-c", command], env={**os.environ, "PID": str(os.getpid())}, check=True)

    os.replace = replace


def carry_out(order: dict[str, Any]) -> None:
    """Be the command line."""
    handle = os.open(order["told"], os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    os.dup2(handle, 1)
    os.dup2(handle, 2)
    os.close(handle)
    os.environ.update(order.get("env", {}))
    os.chdir(order.get("cwd", "."))
    for name in order.get("world", ()):
        globals()[name]()
    watched(order.get("when", {}), order.get("full", ""), order.get("ballast", ""))
    if "uid" in order:
        os.setgid(order["uid"])
        os.setuid(order["uid"])
    sys.argv = ["animator", *order["argv"]]
    try:
        command_line()
    except SystemExit as end:
        if {"no_streams", "reader_gone"} & set(order.get("world", ())):
            raise
        sys.stdout.flush()
        os._exit(int(end.code or 0))  # at once: to take torch down takes longer than a render here


def main() -> None:
    out = os.fdopen(os.dup(1), "w")
    warmed()
    for line in sys.stdin:
        order = json.loads(line)
        if "run" in order:
            answer = subprocess.run(order["run"], stdout=subprocess.DEVNULL).returncode
        elif "wait" in order:
            answer = os.waitpid(order["wait"], 0)[1]
        else:
            answer = os.fork()
            if not answer:
                out.close()
                carry_out(order)
                return
        print(answer, file=out, flush=True)
    os._exit(0)


if __name__ == "__main__":
    main()
