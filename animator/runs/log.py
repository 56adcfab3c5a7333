"""The log of a run: a line per event in ``log.txt``, and warnings on the terminal.

::

    2026-05-04T12:00:31Z INFO frame 3 kept after 1.2 s
    2026-05-04T12:00:33Z WARNING frame 4: all black; painted again from seed 7 with half of guidance.clamp_max

Times are UTC, so that a log reads the same on every machine and across a change of the clocks.
"""

from __future__ import annotations

import logging
import sys
import threading
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, nullcontext, suppress
from dataclasses import dataclass
from io import TextIOWrapper
from logging.handlers import RotatingFileHandler
from pathlib import Path
from types import TracebackType
from typing import TextIO

from animator.runs.files import open_own
from animator.system.disk import errors_in_one_line

LOG = "log.txt"
"""The log's file in a run folder; what was before the last `LARGEST` bytes or so is in ``log.txt.1``."""

LARGEST = 5_000_000
"""Bytes after which a new file is begun; there are two of them at most."""

PACKAGE = "animator"
"""Whose events are logged."""

log = logging.getLogger(__name__)


def log_levels() -> dict[str, int]:
    """Return what `run_log` is to write and show: everything where the package's own level asks for it."""
    if logging.getLogger(PACKAGE).level == logging.DEBUG:
        return {"level": logging.DEBUG, "shown": logging.DEBUG}
    return {"level": logging.INFO, "shown": logging.WARNING}


@contextmanager
def run_log(path: Path, level: int = logging.INFO, *, shown: int = logging.WARNING) -> Iterator[None]:
    """Write what the package logs inside the block into a log, added to what is there.

    Warnings of libraries go there too, and not to the terminal. Of an error that ends the block its line is
    written, at level DEBUG with its traceback. If the file cannot be written any more, the user
    hears of it once and the work continues.

    Where several runs are at work in one process, each in a thread of its own, each has only its own events
    in its log, and those of threads that have no log of their own.

    Args:
        path: the log's file.
        level: the least that is written.
        shown: the least that is shown on the terminal, a line each, on what `sys.stderr` is by then.

    Raises:
        RunError: the file cannot be opened.
    """
    package = logging.getLogger(PACKAGE)
    before = next((file.before for file in _files()), _Before(package.level, warnings.showwarning))
    with errors_in_one_line(path):
        file = _LogFile(path, level, before)
    terminal = _Terminal(shown)
    terminal.addFilter(file.is_mine)
    with ExitStack() as stack:
        stack.callback(file.close)
        stack.callback(_settle, before)
        for handler in (file, terminal):
            package.addHandler(handler)
            stack.callback(package.removeHandler, handler)
        _settle(before)
        stack.push(_ended)
        yield


@dataclass(frozen=True)
class _Before:
    """What was before the first of the logs that are open: the package's level, where warnings go."""

    level: int
    showwarning: Callable[..., None]


class _LogFile(RotatingFileHandler):
    """The file of one run; takes the events of the thread that opened it, and those that no other takes."""

    def __init__(self, path: Path, level: int, before: _Before) -> None:
        super().__init__(path, maxBytes=LARGEST, backupCount=1, encoding="utf-8", errors="backslashreplace")
        self.before = before
        self.owner = threading.get_ident()
        self.broken = False
        self.setLevel(level)
        self.setFormatter(_Line())
        self.addFilter(self.is_mine)

    def is_mine(self, record: logging.LogRecord) -> bool:
        """Return whether an event is of this run."""
        return record.thread == self.owner or record.thread not in _owners()

    def _open(self) -> TextIOWrapper:
        handle = open(self.baseFilename, "ab", opener=open_own)  # noqa: SIM115 (the handler closes it)
        return TextIOWrapper(handle, encoding=self.encoding, errors=self.errors)

    def handleError(self, record: logging.LogRecord) -> None:
        """Tell once that the log cannot be written; a run does not end for it."""
        fault = sys.exc_info()[1]
        if not self.broken:
            self.broken = True
            print(f"{self.baseFilename}: the log cannot be written: {fault}", file=sys.stderr, flush=True)

    def close(self) -> None:
        """Close the file; what a full disk did not take is tried once more, and reported already."""
        with suppress(OSError) if self.broken else nullcontext():
            super().close()


class _Terminal(logging.StreamHandler[TextIO]):
    """Shows an event's text, without a time, on what `sys.stderr` is at the moment: a live line bends it."""

    def __init__(self, level: int) -> None:
        super().__init__()
        self.setLevel(level)

    def emit(self, record: logging.LogRecord) -> None:
        """Show one event."""
        self.stream = sys.stderr
        super().emit(record)


class _Line(logging.Formatter):
    """Writes an event in a line; those of a traceback follow it, indented."""

    converter = staticmethod(time.gmtime)

    def __init__(self) -> None:
        super().__init__("%(asctime)s %(levelname)s %(message)s", "%Y-%m-%dT%H:%M:%SZ")

    def format(self, record: logging.LogRecord) -> str:
        """Return the text of one event."""
        return super().format(record).replace("\r", "").replace("\n", "\n    ")


def _files() -> list[_LogFile]:
    return [one for one in logging.getLogger(PACKAGE).handlers if isinstance(one, _LogFile)]


def _owners() -> set[int]:
    """Return the threads that have a log."""
    return {file.owner for file in _files()}


def _settle(before: _Before) -> None:
    """Let through what one of the open logs takes; with none, put everything back."""
    package = logging.getLogger(PACKAGE)
    ours = [one for one in package.handlers if isinstance(one, (_LogFile, _Terminal))]
    package.setLevel(min((one.level for one in ours), default=before.level))
    if ours:
        warnings.showwarning = _told
    else:
        warnings.showwarning = before.showwarning


def _told(
    message: Warning | str,
    category: type[Warning],
    filename: str,
    lineno: int,
    file: TextIO | None = None,
    line: str | None = None,
) -> None:
    """Log a warning of a library; takes what `warnings.showwarning` does."""
    log.info("%s: %s (%s:%d)", category.__name__, message, filename, lineno)


def _ended(
    kind: type[BaseException] | None, fault: BaseException | None, trace: TracebackType | None
) -> None:
    """Log the error that ends a run."""
    if fault is not None and not isinstance(fault, GeneratorExit):
        log.info("ended by %s", f"{type(fault).__name__}: {fault}".removesuffix(": "))
        log.debug("traceback", exc_info=fault)
