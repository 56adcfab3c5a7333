"""The cache's disk: one process at a file, and its faults in one line."""

from __future__ import annotations

import errno
import os
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from animator.errors import WeightsError
from animator.system.locks import take

POLL = 0.2
"""Seconds between two looks at a lock that another process holds."""

SPARE = 64 * 2**20
"""Bytes that a download leaves free."""

ELSEWHERE = "choose a folder that you may write to with ANIMATOR_CACHE"
ROOM = "free some space, or choose another disk with ANIMATOR_CACHE"
REMEDIES = {
    errno.ENOSPC: ROOM,
    errno.EDQUOT: ROOM,
    errno.EACCES: ELSEWHERE,
    errno.EPERM: ELSEWHERE,
    errno.EROFS: ELSEWHERE,
    errno.ENOTDIR: ELSEWHERE,
    errno.EEXIST: ELSEWHERE,
}


@contextmanager
def errors_explained(path: Path) -> Iterator[None]:
    """Turn a fault of the disk inside the block into a `WeightsError` that names the file and a remedy."""
    try:
        yield
    except OSError as error:
        fault = error.strerror or str(error)
        remedy = REMEDIES.get(error.errno or 0, "see that the disk is there and sound")
        raise WeightsError(f"{error.filename or path}: {fault}; {remedy}") from error


@contextmanager
def alone(path: Path, on_wait: Callable[[str], None]) -> Iterator[None]:
    """Hold, inside the block, the lock of a file of the cache; where another process has it, wait for it.

    Args:
        path: the file, there or not; its folder is made. The lock file, hidden beside it, stays.
        on_wait: receives one line, once, where this waits.

    Raises:
        OSError: the folder or the lock file cannot be written.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    handle = os.open(path.with_name(f".{path.name}.lock"), os.O_RDWR | os.O_CREAT, 0o666)
    try:
        waiting = False
        while not _taken(handle):
            if not waiting:
                on_wait(f"{path.name}: another process is fetching it; waiting for it")
            waiting = True
            time.sleep(POLL)
        yield
    finally:
        os.close(handle)


def require_room(folder: Path, wanted: int) -> None:
    """Raise a WeightsError where a disk has no room for that many bytes more."""
    free = shutil.disk_usage(folder).free
    if free < wanted + SPARE:
        raise WeightsError(
            f"{folder}: {wanted / 1e6:.0f} MB are needed, {free / 1e6:.0f} MB are free "
            f"({SPARE / 1e6:.0f} MB of them are left alone); {ROOM}"
        )


def _taken(handle: int) -> bool:
    try:
        take(handle)
    except (BlockingIOError, PermissionError):
        return False
    return True
