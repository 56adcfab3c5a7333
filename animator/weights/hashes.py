"""The hashes of weights: those that were published, and that of the file that came, noted beside it.

The note, ``FILE.sha256``, has the form that ``sha256sum --check`` reads. Where no hash was published it is
what later shows that a file has changed since it came.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping
from pathlib import Path

from animator.weights.registry import Entry

ALGORITHMS = ("sha256", "sha512")


def file_hash(path: Path) -> str:
    """Return the SHA-256 of a file in hexadecimal."""
    return file_hashes(path, ("sha256",))["sha256"]


def file_hashes(path: Path, algorithms: tuple[str, ...] = ALGORITHMS) -> dict[str, str]:
    """Return hashes of a file in hexadecimal, by algorithm; it is read once."""
    digests = {name: hashlib.new(name) for name in algorithms}
    with path.open("rb") as file:
        while block := file.read(1 << 20):
            for digest in digests.values():
                digest.update(block)
    return {name: digest.hexdigest() for name, digest in digests.items()}


def published(entry: Entry) -> tuple[str, str] | None:
    """Return the algorithm and the digits, all or the first ones, of an entry's published hash, or None."""
    if digits := entry.sha256 or entry.sha256_start:
        return "sha256", digits
    return ("sha512", entry.sha512) if entry.sha512 else None


def fits(entry: Entry, hashes: Mapping[str, str]) -> bool | None:
    """Return whether hashes of a file are those of an entry; None where none was published.

    Args:
        entry: of the registry.
        hashes: from `file_hashes`, of all `ALGORITHMS`.
    """
    known = published(entry)
    return None if known is None else hashes[known[0]].startswith(known[1])


def note_file(path: Path) -> Path:
    """Return where the hash of a file is noted."""
    return path.with_name(path.name + ".sha256")


def write_note(path: Path, sha256: str) -> None:
    """Note the hash that a file had when it came; raises OSError where the disk refuses."""
    temporary = note_file(path).with_suffix(f".{os.getpid()}.tmp")
    try:
        temporary.write_text(f"{sha256}  {path.name}\n", encoding="utf-8")
        temporary.replace(note_file(path))
    finally:
        temporary.unlink(missing_ok=True)


def read_note(path: Path) -> str | None:
    """Return the hash that a file had when it came, or None where none was noted."""
    try:
        words = note_file(path).read_text(encoding="utf-8").split()
    except (OSError, UnicodeDecodeError):
        return None
    return words[0] if words else None


def write_folder_note(folder: Path) -> None:
    """Note the hashes that the files of a folder had when it came, in the form of `write_note`."""
    lines = [f"{digest}  {folder.name}/{name}\n" for name, digest in _folder_hashes(folder).items()]
    temporary = note_file(folder).with_suffix(f".{os.getpid()}.tmp")
    try:
        temporary.write_text("".join(lines), encoding="utf-8")
        temporary.replace(note_file(folder))
    finally:
        temporary.unlink(missing_ok=True)


def changed_in_folder(folder: Path, now: Path | None = None) -> list[str] | None:
    """Return the files of a folder that are other ones than when it came; None where nothing was noted.

    Args:
        folder: whose note is read.
        now: the folder that is held to the note, itself if left out.
    """
    try:
        lines = note_file(folder).read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError):
        return None
    rows = (line.partition("  ") for line in lines)
    noted = {name.partition("/")[2]: digest for digest, _, name in rows}
    found = _folder_hashes(now or folder)
    return sorted(name for name in noted.keys() | found.keys() if noted.get(name) != found.get(name))


def _folder_hashes(folder: Path) -> dict[str, str]:
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): file_hash(path) for path in files}
