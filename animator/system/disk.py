"""Faults of the disk, in one line: the file, the fault and what to do."""

from __future__ import annotations

import errno
import os
import shlex
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from animator.errors import AnimatorError, RunError

FULL = (errno.ENOSPC, errno.EDQUOT)
FORBIDDEN = (errno.EACCES, errno.EPERM, errno.EROFS)
IN_THE_WAY = (errno.ENOTDIR, errno.EISDIR, errno.EEXIST, errno.ELOOP)

TOLD_BY_OTHERS = (*FULL, errno.EROFS, errno.EFBIG, errno.EIO)
"""Faults that mean the disk, not the input, where another program prints them."""

ALMOST_NOTHING = 1 << 16
"""Free bytes below which a disk is full for all that is written here."""


@contextmanager
def errors_in_one_line(path: Path, kind: type[AnimatorError] = RunError) -> Iterator[None]:
    """Turn a fault of the disk inside the block into an error that names the file and a remedy.

    Args:
        path: what is written or read, named where the fault itself names nothing that a user knows.
        kind: of the error.
    """
    try:
        yield
    except OSError as error:
        raise kind(fault_line(error, path)) from error


def fault_line(error: OSError, path: Path, so: str = "") -> str:
    """Return the file, the fault, what it led to (``so``, where that is worth telling) and what to do."""
    place = Path(error.filename) if isinstance(error.filename, (str, os.PathLike)) else path
    if place.name.startswith(f".{path.name}."):  # the temporary name of the same file
        place = path
    return "; ".join(filter(None, (f"{place}: {error.strerror or error}", so, remedy(error.errno, place))))


def printed_fault(printed: str, path: Path) -> str | None:
    """Return the same line where another program's message is about the disk, else None.

    Args:
        printed: by a program that failed; nothing where it could not even print.
        path: what it was to write.
    """
    for number in TOLD_BY_OTHERS:
        if os.strerror(number) in printed:
            return f"{path}: {os.strerror(number)}; {remedy(number, path)}"
    if not printed and path.parent.is_dir() and shutil.disk_usage(path.parent).free < ALMOST_NOTHING:
        return f"{path}: {os.strerror(errno.ENOSPC)}; {remedy(errno.ENOSPC, path)}"
    return None


def remedy(number: int | None, path: Path) -> str:
    """Return what to do about a fault at a path."""
    again = _again(path)
    if number in FULL:
        return f"free some space, then {again}"
    if number in FORBIDDEN:
        return "choose a folder that you may write to, or have it made writable"
    if number == errno.ENOENT:
        return f"something removed or renamed it, or a folder above it; put it back, then {again}"
    if number in IN_THE_WAY:
        return f"something else is in its place; move that away, then {again}"
    if number == errno.ENAMETOOLONG:
        return "choose a shorter name"
    if number == errno.EFBIG:
        return (
            f"no file may grow so large here; lift the limit, or copy the run to another disk, then {again}"
        )
    return f"see that the disk is there and sound, then {again}"


def _again(path: Path) -> str:
    """Return how to resume the run in which a file lies."""
    for folder in path.parents[:3]:
        # A run of which the scene is not written yet has nothing to resume.
        if os.path.isfile(folder / "run.json") and os.path.isfile(folder / "scene.yaml"):
            return f"continue with: animator resume {shlex.quote(str(folder))}"
    return "give the same command again"
