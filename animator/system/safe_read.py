"""Reading a file that a stranger may have named: only a regular one, only so many bytes, never waiting."""

from __future__ import annotations

import errno
import os
import stat

MILLION = 10**6


def read_plain(path: str | os.PathLike[str], most: int) -> bytes:
    """Return the bytes of a regular file.

    A pipe that nobody writes to would be waited for, a device such as ``/dev/zero`` never ends: neither is
    read, whatever leads to it.

    Args:
        path: the file.
        most: bytes that it may have.

    Raises:
        OSError: it cannot be opened, is no regular file, or has more bytes; ``strerror`` says so in words.
    """
    with open(path, "rb", opener=_without_waiting) as file:
        if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
            raise OSError(errno.EINVAL, "not a regular file but a device or a pipe", os.fspath(path))
        data = file.read(most + 1)
    if len(data) > most:
        raise OSError(errno.EFBIG, f"has more than {most / MILLION:g} MB", os.fspath(path))
    return data


def _without_waiting(path: str, flags: int) -> int:
    return os.open(path, flags | getattr(os, "O_NONBLOCK", 0))
