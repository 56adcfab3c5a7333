"""The boxes of which an mp4 or mov file is made (ISO/IEC 14496-12, section 4.2), read and put together."""

from __future__ import annotations

import io
import os
import struct
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import BinaryIO

from animator.errors import FilmError


@dataclass(frozen=True)
class Box:
    """Where a box lies.

    Attributes:
        kind: its four letters.
        start: offset of its first byte.
        header: bytes of its header: 8, or 16 with a 64-bit size.
        end: offset behind its last byte.
    """

    kind: bytes
    start: int
    header: int
    end: int

    @property
    def size(self) -> int:
        """Bytes of the whole box."""
        return self.end - self.start


def boxes_between(file: BinaryIO, start: int, end: int) -> Iterator[Box]:
    """Yield the boxes that lie one behind the other between two offsets.

    Fewer than eight zero bytes behind the last one are let pass: QuickTime ends some lists so.

    Raises:
        FilmError: if a box reaches beyond the end, or is smaller than its own header.
    """
    position = start
    while position < end:
        file.seek(position)
        head = file.read(min(8, end - position))
        if len(head) < 8:
            if any(head):
                raise FilmError(f"the file is damaged: half a box at byte {position}")
            return
        size, kind = struct.unpack(">I4s", head)
        header = 8
        if size == 1:
            header = 16
            long = file.read(8)
            size = struct.unpack(">Q", long)[0] if len(long) == 8 else 0
        elif size == 0:
            size = end - position
        if size < header or position + size > end:
            name = kind.decode("latin-1")
            raise FilmError(f"the file is damaged: the box {name!r} at byte {position} has {size} bytes")
        yield Box(kind, position, header, position + size)
        position += size


def boxes_of_file(file: BinaryIO) -> list[Box]:
    """Return the boxes of the file itself.

    Raises:
        FilmError: as `boxes_between`.
    """
    return list(boxes_between(file, 0, file.seek(0, os.SEEK_END)))


def box(kind: bytes, payload: bytes, *, long: bool = False) -> bytes:
    """Return a box; its size takes 64 bits where it must or where ``long`` asks for it."""
    size = len(payload) + 8
    if long or size >= 1 << 32:
        return struct.pack(">I4sQ", 1, kind, size + 8) + payload
    return struct.pack(">I4s", size, kind) + payload


def full_box(kind: bytes, payload: bytes) -> bytes:
    """Return a box of version 0 with no flags set."""
    return box(kind, bytes(4) + payload)


def children(payload: bytes, fixed: int = 0) -> list[tuple[bytes, bytes]]:
    """Return kind and payload of the boxes that follow the first ``fixed`` bytes of a payload.

    Raises:
        FilmError: as `boxes_between`.
    """
    found = boxes_between(io.BytesIO(payload), fixed, len(payload))
    return [(one.kind, payload[one.start + one.header : one.end]) for one in found]


def child(payload: bytes, *path: bytes) -> bytes | None:
    """Return the payload of the first box at a path of kinds, or None where there is none."""
    for kind in path:
        inside = next((inner for name, inner in children(payload) if name == kind), None)
        if inside is None:
            return None
        payload = inside
    return payload


def changed(
    payload: bytes,
    change: Callable[[bytes, bytes], bytes | None],
    *,
    fixed: int = 0,
    added: bytes = b"",
) -> bytes:
    """Return a payload with its boxes changed.

    Args:
        payload: what the boxes lie in.
        change: takes the kind and the payload of a box and returns the whole new box, an empty text to leave
            it out, or None to keep its bytes as they are.
        fixed: bytes before the first box, kept.
        added: boxes to put behind the last one.

    Raises:
        FilmError: as `boxes_between`.
    """
    parts = [payload[:fixed]]
    end = fixed
    for one in boxes_between(io.BytesIO(payload), fixed, len(payload)):
        new = change(one.kind, payload[one.start + one.header : one.end])
        parts.append(payload[one.start : one.end] if new is None else new)
        end = one.end
    return b"".join([*parts, added, payload[end:]])
