"""Files that are whole or not there."""

from __future__ import annotations

import errno
import fnmatch
import os
import shutil
from pathlib import Path

from animator.errors import RunError
from animator.system.disk import errors_in_one_line

__all__ = [
    "errors_in_one_line",
    "open_own",
    "refuse_strange",
    "remove_leftovers",
    "sync_folder",
    "write_atomic",
]

TEMPORARY, MAKING = ".*.tmp", ".*.making"
"""Names of files that are being written, and of folders in which a film is being made."""

ENDINGS = frozenset(
    [".json", ".jsonl", ".yaml", ".csv", ".txt", ".html", ".png", ".lock", ".mp4", ".mov", ".gif", ".webp"]
    + [".webm"]
)
"""How names of files in a run end; no folder of one has such a name."""

FOLDERS = frozenset(
    [
        "frames",
        "left",
        "right",
        "state",
        "drafts",
        "inputs",
        "losses",
        "flow",
        "pruned",
        "hires",
        "upscaled",
        "finishing",
        "graded",
        "sequence",
        "matte",
        "intermediates",
        "cuts",
        "diffusion",
        "side_by_side",
        "top_bottom",
        "anaglyph",
        "vr180",
    ]
)
"""Folders of a run."""

NO_SYNC = (errno.EINVAL, errno.ENOTSUP, errno.EACCES)
"""What is said where names cannot be put on the disk by hand: by network file systems, mostly."""


def write_atomic(path: Path, data: bytes) -> None:
    """Write a file so that, whatever happens, it holds either all of the new bytes or all of the old.

    The bytes go to a temporary name in the same folder and are on the disk before the file takes its name.

    Raises:
        RunError: if the disk refuses.
    """
    with errors_in_one_line(path):
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


def open_own(path: str | os.PathLike[str], flags: int) -> int:
    """Open a file of a run that is written in place, never through a link; an ``opener`` of `open`.

    A run folder may come from a stranger: what a link leads to is none of its business.

    Raises:
        OSError: the disk refuses, or it is a link.
    """
    return os.open(path, flags | getattr(os, "O_NOFOLLOW", 0), 0o666)


def sync_folder(folder: Path) -> None:
    """Put a folder's list of names on the disk, so that a renamed file survives a loss of power."""
    if os.name == "nt":
        return  # there a folder cannot be opened, and a rename is on the disk when it returns
    try:
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
    except OSError as error:
        # There a rename is as lasting as the file system makes it; the file itself is on the disk.
        if error.errno not in NO_SYNC:
            raise


def refuse_strange(folder: Path) -> None:
    """Refuse a run in which there are links, or folders and files in one another's place.

    What a link leads to is not the run's: a stranger may have put it there. And what is needed only at the
    end is looked at before anything is painted.

    Raises:
        RunError: there is such a thing; the message names it.
    """
    with errors_in_one_line(folder):
        for one in sorted(folder.iterdir()):
            if one.is_symlink() and (one.suffix in ENDINGS or one.name in FOLDERS):
                raise RunError(f"{one}: is a link; put what it leads to in its place, or remove it")
            folder_there = one.is_dir()
            if folder_there and one.suffix in ENDINGS:
                raise RunError(f"{one}: is a folder, and a run has a file there; move it away")
            if not folder_there and one.name in FOLDERS:
                raise RunError(f"{one}: is a file, and a run has a folder there; move it away")


def remove_leftovers(folder: Path) -> None:
    """Remove what a kill in the middle of `write_atomic`, or of the making of a film, left behind.

    Temporary files and folders are known by their names, in whatever folder below they are; links to folders
    are not followed.
    """
    with errors_in_one_line(folder):
        for place, folders, files in os.walk(folder):
            for name in fnmatch.filter(folders, MAKING):
                folders.remove(name)
                shutil.rmtree(Path(place, name))
            for name in fnmatch.filter(files, TEMPORARY):
                Path(place, name).unlink(missing_ok=True)
