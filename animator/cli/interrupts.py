"""Ctrl-C and its like: the first ends in order, further ones do not disturb that."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable
from types import FrameType

from animator.errors import INTERRUPTED
from animator.run.cancel import Cancel

PATIENCE = 0.5
"""Seconds after the first interrupt from which on another ends the program at once; no run is lost by it."""

_stops = [Cancel()]


def take_interrupts() -> None:
    """End in order at SIGINT, SIGTERM and SIGHUP: the first raises KeyboardInterrupt in the main thread."""
    _stops[:] = [Cancel()]
    handler = _handler()
    signal.signal(signal.SIGINT, handler)
    signal.signal(signal.SIGTERM, handler)
    hangup = getattr(signal, "SIGHUP", None)
    if hangup is not None and signal.getsignal(hangup) is not signal.SIG_IGN:  # nohup asks to continue
        signal.signal(hangup, handler)


def stop() -> Cancel:
    """Return what a render is to be given: an interrupt that Python lost, in a callback, stops it too."""
    return _stops[-1]


def _handler() -> Callable[[int, FrameType | None], None]:
    first: list[float] = []

    def interrupt(signum: int, where: FrameType | None) -> None:
        if not first:
            first.append(time.monotonic())
            stop().cancel()
            raise KeyboardInterrupt
        if time.monotonic() - first[0] > PATIENCE:
            os.write(2, b"interrupted\n")
            os._exit(INTERRUPTED)

    return interrupt
