"""Where the program starts: quick to import, so that an interrupt is taken in order from the beginning."""

from __future__ import annotations

import os
import signal
import sys
from types import FrameType
from typing import NoReturn

from animator.errors import INTERRUPTED


def main() -> None:
    """Run the command line."""
    open_streams()
    signal.signal(signal.SIGINT, _leave)
    # What Apple's GPUs cannot compute is then done on the CPU, with a warning; torch reads it at import.
    os.environ.setdefault("PYTORCH_ENABLE_MPS_FALLBACK", "1")
    from animator.cli.main import main as command_line  # takes some tenths of a second

    try:
        command_line()
    except SystemExit as end:
        if end.code == INTERRUPTED:  # Python would end by the signal where it broke off an import
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(INTERRUPTED)
        raise
    finally:
        # What is left is Python's own taking down, which an interrupt would end with another status.
        signal.signal(signal.SIGINT, signal.SIG_IGN)


def open_streams() -> None:
    """Open what was closed of stdin, stdout and stderr, to nowhere: the next file would take its place."""
    for handle, name in enumerate(("stdin", "stdout", "stderr")):
        try:
            os.fstat(handle)
        except OSError:
            # The lowest number that is free is taken: this one. Programs that are started have it, too.
            os.set_inheritable(os.open(os.devnull, os.O_RDWR), True)
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, "r" if handle == 0 else "w"))  # noqa: SIM115


def _leave(signum: int, where: FrameType | None) -> NoReturn:
    """End at once, before there is anything to save."""
    os.write(2, b"interrupted\n")
    os._exit(INTERRUPTED)
