"""What the first bytes of a file say of the weights in it; read without torch, in no time."""

from __future__ import annotations

import zipfile
from pathlib import Path

UNPACKED = 4
"""How many times as large as its file an archive of weights may be when it is unpacked."""

SMALL = 1 << 20
"""Bytes that an archive may unpack to `UNPACKED` times of, however small it is."""

PICKLE, ARCHIVE = b"\x80", b"PK"


def head_fault(path: Path) -> str:
    """Return why a file holds no weights as far as its first bytes say, or an empty text.

    Raises:
        OSError: it cannot be read.
    """
    with path.open("rb") as file:
        head = file.read(64)
    if not head:
        return "the file is empty"
    if head.lstrip().startswith(b"<"):
        return "it is a web page"
    if head.startswith(b"version https://git-lfs"):
        return "it is a pointer of Git LFS, not the file itself"
    if head.startswith(ARCHIVE):
        return _archive_fault(path)
    if is_safetensors(path, head) or head.startswith(PICKLE) or _is_tar(path):
        return ""
    return "it is no file of weights"


def is_safetensors(path: Path, head: bytes) -> bool:
    """Return whether a file that begins with these bytes is to be read as safetensors."""
    return path.suffix == ".safetensors" or head[8:9] == b"{"


def _archive_fault(path: Path) -> str:
    """Return why an archive is none of torch's, which stores weights as they are, not packed."""
    try:
        with zipfile.ZipFile(path) as archive:
            unpacked = sum(entry.file_size for entry in archive.infolist())
    except zipfile.BadZipFile:
        return "it is cut off or damaged"
    size = path.stat().st_size
    if unpacked > UNPACKED * max(size, SMALL):
        return f"its {size / 1e6:.1f} MB unpack to {unpacked / 1e6:.0f} MB, which no weights do"
    return ""


def _is_tar(path: Path) -> bool:
    """Return whether a file is of the first versions of torch."""
    with path.open("rb") as file:
        file.seek(257)
        return file.read(5) == b"ustar"
