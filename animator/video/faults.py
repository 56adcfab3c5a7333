"""What ffmpeg prints while it writes a film, and how its failure is reported."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import IO

from animator.errors import FilmError
from animator.system.disk import printed_fault
from animator.video.ffmpeg import last_lines_of


def printed_log() -> IO[bytes]:
    """Return a file without a name that takes all that ffmpeg prints, so that it never blocks on a full pipe.

    Raises:
        FilmError: no folder for temporary files can be written to.
    """
    try:
        return tempfile.TemporaryFile()
    except OSError as error:
        raise FilmError(
            f"{error.strerror or error}; free some space in one of them, or set TMPDIR to another folder"
        ) from error


def encoder_failure(path: Path, status: int, log: IO[bytes]) -> FilmError:
    """Return the error of an encoder that came to an end before its film did.

    Args:
        path: the film.
        status: the encoder's exit status, negative the signal that it was killed by.
        log: what it printed.
    """
    printed = last_lines_of(log) if log.seek(0, 2) else ""
    fault = printed_fault(printed, path)
    if fault is not None:
        return FilmError(fault)
    if not printed and status < 0:
        printed = f"it was killed by signal {-status}"
    return FilmError(f"{path}: the encoder stopped: {printed or 'it printed nothing'}")
