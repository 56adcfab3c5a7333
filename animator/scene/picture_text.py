"""The texts that a PNG carries, read without decoding the picture.

Portable Network Graphics Specification (Third Edition), 5.3 (chunks) and 11.3.3 (textual information).
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator

from animator.errors import RunError

SIGNATURE = b"\x89PNG\r\n\x1a\n"
MAX_TEXT = 20 << 20
"""Bytes that all texts of a file may have together when they are inflated."""

_FRAME = 12
"""Bytes of a chunk besides its data: length, kind and checksum."""


def read_text(data: bytes) -> dict[str, str]:
    """Return the texts of a PNG by keyword; of two with one keyword, the first.

    Chunks of the kinds tEXt, zTXt and iTXt are read; the picture itself is not looked at.

    Args:
        data: the bytes of the file.

    Raises:
        RunError: not a PNG, torn, damaged, or texts of more than `MAX_TEXT` bytes.
    """
    if not data.startswith(SIGNATURE):
        raise RunError("not a PNG")
    texts: dict[str, str] = {}
    left = MAX_TEXT
    for kind, body in _chunks(data):
        if kind not in (b"tEXt", b"zTXt", b"iTXt"):
            continue
        keyword, text, size = _text(kind, body, left)
        left -= size
        texts.setdefault(keyword, text)
    return texts


def _chunks(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Yield (kind, data) of every chunk up to the end of the picture."""
    place = len(SIGNATURE)
    while True:
        if len(data) < place + _FRAME:
            raise RunError("an incomplete PNG: it ends before its last chunk")
        (size,) = struct.unpack_from(">I", data, place)
        end = place + _FRAME + size
        if end > len(data):
            raise RunError("an incomplete PNG: a chunk goes on beyond the end of the file")
        kind, body = data[place + 4 : place + 8], data[place + 8 : end - 4]
        (checksum,) = struct.unpack_from(">I", data, end - 4)
        if zlib.crc32(body, zlib.crc32(kind)) != checksum:
            raise RunError("a damaged PNG: a checksum is wrong")
        yield kind, body
        if kind == b"IEND":
            return
        place = end


def _text(kind: bytes, body: bytes, most: int) -> tuple[str, str, int]:
    """Return keyword, text and the text's number of bytes, of which there may be ``most``."""
    keyword, _, rest = body.partition(b"\0")
    coding = "latin-1"
    packed = kind == b"zTXt"
    if packed:
        if rest[:1] != b"\0":
            raise RunError("a damaged PNG: a text is compressed in a way that PNG does not have")
        rest = rest[1:]
    if kind == b"iTXt":
        coding = "utf-8"
        packed = rest[:1] == b"\1"
        if rest[:2] not in (b"\0\0", b"\0\1", b"\1\0"):  # where the first is 0, the second has no meaning
            raise RunError("a damaged PNG: a text is compressed in a way that PNG does not have")
        parts = rest[2:].split(b"\0", 2)  # language, translated keyword, text
        if len(parts) != 3:
            raise RunError("a damaged PNG: a text without its parts")
        rest = parts[2]
    if packed:
        rest = _inflated(rest, most)
    if len(rest) > most:
        raise RunError(f"a PNG with texts of more than {MAX_TEXT >> 20} MiB, which no scene has")
    try:
        return keyword.decode("latin-1"), rest.decode(coding), len(rest)
    except UnicodeDecodeError:
        raise RunError("a damaged PNG: a text is not UTF-8") from None


def _inflated(data: bytes, most: int) -> bytes:
    """Return what was compressed, at most one byte more than ``most``."""
    inflater = zlib.decompressobj()
    try:
        text = inflater.decompress(data, most + 1)
    except zlib.error:
        raise RunError("a damaged PNG: a text cannot be inflated") from None
    if len(text) <= most and not inflater.eof:
        raise RunError("a damaged PNG: a compressed text is cut off")
    return text
