"""Files that are whole or not there, and faults of the disk told in one line."""

from __future__ import annotations

import errno
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from animator.errors import RunError

REMEDIES = {
    errno.ENOSPC: "free some space, then resume the run",
    errno.EDQUOT: "free some space, then resume the run",
    errno.EACCES: "choose a folder that you may write to",
    errno.EPERM: "choose a folder that you may write to",
    errno.EROFS: "choose a folder that you may write to",
}


@contextmanager
def told_in_one_line(path: Path) -> Iterator[None]:
    """Turn a fault of the disk inside the block into a `RunError` that names the file and a remedy."""
    try:
        yield
    except OSError as error:
        place = error.filename or path
        fault = error.strerror or str(error)
        remedy = REMEDIES.get(error.errno or 0, "see that the disk is there and sound")
        raise RunError(f"{place}: {fault}; {remedy}") from error


def write_atomic(path: Path, data: bytes) -> None:
    """Write a file so that, whatever happens, it holds either all of the new bytes or all of the old.

    The bytes go to a temporary name in the same folder and are on the disk before the file takes its name.

    Raises:
        RunError: if the disk refuses.
    """
    with told_in_one_line(path):
        temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
        try:
            with temporary.open("wb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            os.replace(temporary, path)
        finally:
            temporary.unlink(missing_ok=True)
        sync_folder(path.parent)


def sync_folder(folder: Path) -> None:
    """Put a folder's list of names on the disk, so that a renamed file survives a loss of power."""
    if os.name == "nt":
        return  # there a folder cannot be opened, and a rename is on the disk when it returns
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def remove_leftovers(folder: Path) -> None:
    """Remove what a kill in the middle of `write_atomic`, or of the making of a film, left behind."""
    with told_in_one_line(folder):
        for path in folder.glob(".*.tmp"):
            path.unlink(missing_ok=True)
        for path in folder.glob(".*.making"):
            shutil.rmtree(path)
