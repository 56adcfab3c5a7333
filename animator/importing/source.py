"""The bytes of a settings file."""

from __future__ import annotations

from pathlib import Path

from animator.importing.reading import UnreadableError
from animator.system.safe_read import read_plain

MAX_BYTES = 64 << 20
"""Bytes of the largest file that is looked at."""


def read_whole(path: Path) -> bytes:
    """Return the bytes of a file.

    Raises:
        UnreadableError: it is too large.
        OSError: it cannot be read.
    """
    if path.is_file() and path.stat().st_size > MAX_BYTES:
        raise UnreadableError(f"has more than {MAX_BYTES >> 20} MiB, which no settings file has")
    return read_plain(path, MAX_BYTES)
