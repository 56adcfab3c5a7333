"""Runs the command line in forks: ``python -m tests.command_server`` reads orders, one line of JSON each.

An order is one of

- ``argv``: arguments of ``animator``, run in a fork of this process, which has imported what takes seconds.
  ``out`` and ``err`` name the files that take stdout and stderr, ``cwd`` the working folder, ``env`` the
  environment. The answer is the fork's process number;
- ``wait``: such a number, ``seconds`` how long to wait at most; the answer is the exit status, negative for a
  signal, or null where it is still running then.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import time
from typing import Any

import animator.cli.look
import animator.diffusion.clip_library
import animator.look.dump
import animator.look.plot
import animator.look.preview  # noqa: F401
from animator.cli.main import main as command_line
from tests.warm import warmed


def be_the_command(order: dict[str, Any]) -> None:
    """Be ``animator`` with these arguments; does not return."""
    for handle, name in ((0, os.devnull), (1, order["out"]), (2, order["err"])):
        file = os.open(name, os.O_RDWR | os.O_CREAT, 0o644)
        os.dup2(file, handle)
        os.close(file)
    os.environ.clear()
    os.environ.update(order["env"])
    os.chdir(order["cwd"])
    sys.argv = ["animator", *order["argv"]]
    status = 0
    try:
        command_line()
    except SystemExit as end:
        status = end.code if isinstance(end.code, int) else int(end.code is not None)
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
    os._exit(status)  # at once: to take torch down takes longer than a render here


def wait_for(number: int, seconds: float) -> int | None:
    """Return how a fork ended, or None if it has not."""
    deadline = time.monotonic() + seconds
    while True:
        done, status = os.waitpid(number, os.WNOHANG)
        if done:
            return os.waitstatus_to_exitcode(status)
        if time.monotonic() >= deadline:
            return None
        time.sleep(0.005)


def main() -> None:
    answers = os.fdopen(os.dup(1), "w")
    warmed()
    signal.signal(signal.SIGINT, signal.default_int_handler)
    for line in sys.stdin:
        order = json.loads(line)
        if "wait" in order:
            answer = wait_for(order["wait"], order["seconds"])
        else:
            answer = os.fork()
            if not answer:
                answers.close()
                be_the_command(order)
        print(json.dumps(answer), file=answers, flush=True)


if __name__ == "__main__":
    main()
