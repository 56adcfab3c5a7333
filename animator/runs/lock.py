"""One program at a time in a run folder."""

from __future__ import annotations

import errno
import json
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from animator.errors import RunError
from animator.runs.files import errors_in_one_line, open_own
from animator.system.json_text import parse_json
from animator.system.locks import take

NO_LOCKS = (errno.ENOLCK, errno.ENOTSUP, errno.ENOSYS, errno.EINVAL)


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold a lock file inside the block.

    The lock is the operating system's, so it ends with the process that holds it, however that ends: a file
    that a killed program left behind is taken over by the next. Its text, process and host, is for people.

    Raises:
        RunError: if another process holds it; the message names that process. Or the disk keeps no locks.
    """
    with errors_in_one_line(path):
        handle = open_own(path, os.O_RDWR | os.O_CREAT)
    try:
        with errors_in_one_line(path):
            try:
                take(handle)
            except (BlockingIOError, PermissionError) as error:
                owner = owner_of(path)
                raise RunError(f"{path.parent}: in use by {owner}; wait for it or stop it") from error
            except OSError as error:
                if error.errno not in NO_LOCKS:
                    raise
                raise RunError(
                    f"{path}: {error.strerror}; this file system cannot keep a second program out: "
                    "choose a folder on another disk"
                ) from error
            os.ftruncate(handle, 0)
            os.lseek(handle, 0, os.SEEK_SET)
            os.write(handle, json.dumps({"pid": os.getpid(), "host": socket.gethostname()}).encode())
        yield
    finally:
        os.close(handle)


def owner_of(path: Path) -> str:
    """Return who holds a lock, as its file says."""
    try:
        owner = parse_json(path.read_text())
        return f"process {owner['pid']} on {owner['host']}"
    except (OSError, ValueError, TypeError, KeyError):
        return "another process"
