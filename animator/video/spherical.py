"""Telling players that a film has two eyes and fills half a sphere.

The boxes are those of Google's "Spherical Video V2" (spatial-media, docs/spherical-video-v2-rfc.md):
``st3d`` says how the two eyes are packed, ``sv3d`` what part of the sphere they show. Beside them are Apple's
(Apple Projected Media Profile; "Stereo Video ISOBMFF Extensions"): ``vexu`` with eyes, projection and
packing, and ``hfov``. All are in the sample entry of the picture track.
"""

from __future__ import annotations

import os
import struct
from pathlib import Path
from typing import BinaryIO, Literal

from animator.errors import FilmError
from animator.video.boxes import Box, box, boxes_of_file, changed, child, children, full_box

Stereo = Literal["left_right", "top_bottom"]

Vr180Layout = Literal["side_by_side", "top_bottom"]
"""How both eyes of a VR180 film are in one picture."""

VR180_NAMES: dict[Vr180Layout, str] = {"side_by_side": "180_LR", "top_bottom": "180_TB"}
"""How the name of a VR180 film or picture ends, by which players know where its eyes are."""

STEREO_MODES: dict[Stereo, int] = {"top_bottom": 1, "left_right": 2}

SOURCE = "animator"
"""What the films name as the program that wrote their metadata."""

QUARTER = 0x3FFFFFFF
"""What VR180 crops off the whole sphere at the left, and again at the right, in 1 / 2**32 of its width."""

BASELINE = 63_000
"""Distance of the eyes in micrometres, that of most people's."""

HALF_TURN = 180_000
"""Degrees of the horizon that the half sphere shows, in thousandths."""

BOTH_EYES, LEFT_FIRST = 0b11, 1
"""That there is a left and a right eye; that a player with one picture shows the left one."""

PACKINGS: dict[Stereo, bytes] = {"top_bottom": b"over", "left_right": b"side"}

REPLACED = (b"st3d", b"sv3d", b"vexu", b"hfov")
"""Boxes that would contradict the new ones."""

SPHERICAL_V1 = bytes.fromhex("ffcc8263f8554a938814587a02521fdd")
"""Name of the older metadata in XML, a box ``uuid`` in the track: it would contradict the new."""

SAMPLE_ENTRY = 78
"""Bytes of fixed fields in a visual sample entry (ISO/IEC 14496-12, 12.1.3)."""

MOST_MOOV = 1 << 30
"""Bytes of the largest index that is read: one of a real film has a few megabytes."""

CHUNK = 1 << 20


def write_vr180_metadata(source: Path, target: Path, *, stereo: Stereo, apple: bool = False) -> None:
    """Copy a film and mark the copy as VR180: two half equirectangular pictures in each frame.

    Nothing else changes: the pictures and the sound are copied byte by byte, and the places where they lie
    are corrected where the index grows before them. What the film said of its eyes and projection is
    replaced. The copy is whole or not there; it may replace its source.

    Args:
        source: an mp4 or mov file.
        target: the file to write.
        stereo: where the eyes are: the left one at the left, or on top.
        apple: whether Apple's boxes are put beside Google's. Its players take HEVC alone.

    Raises:
        FilmError: if the source is no mp4 or mov, has no picture track, is fragmented, encrypted or damaged,
            or if the disk refuses.
    """
    sphere = full_box(b"svhd", SOURCE.encode() + b"\0") + box(
        b"proj",
        full_box(b"prhd", struct.pack(">3i", 0, 0, 0))
        + full_box(b"equi", struct.pack(">4I", 0, 0, QUARTER, QUARTER)),
    )
    _rewrite(source, target, _eyes(stereo) + box(b"sv3d", sphere) + (_apples(stereo) if apple else b""))


def write_stereo_metadata(source: Path, target: Path, *, stereo: Stereo) -> None:
    """Copy a film and mark the copy as flat stereo, its eyes side by side or one above the other.

    Args:
        source: an mp4 or mov file.
        target: the file to write.
        stereo: where the eyes are: the left one at the left, or on top.

    Raises:
        FilmError: as `write_vr180_metadata`.
    """
    _rewrite(source, target, _eyes(stereo))


def _eyes(stereo: Stereo) -> bytes:
    if stereo not in STEREO_MODES:
        raise ValueError(f"stereo is {stereo!r}; it must be 'left_right' or 'top_bottom'")
    return full_box(b"st3d", bytes([STEREO_MODES[stereo]]))


def _apples(stereo: Stereo) -> bytes:
    """Return what Apple's players read of two eyes that each show half a sphere."""
    eyes = (
        full_box(b"stri", bytes([BOTH_EYES]))
        + full_box(b"hero", bytes([LEFT_FIRST]))
        + box(b"cams", full_box(b"blin", struct.pack(">I", BASELINE)))
    )
    usage = (
        box(b"eyes", eyes)
        + box(b"proj", full_box(b"prji", b"hequ"))
        + box(b"pack", full_box(b"pkin", PACKINGS[stereo]))
    )
    return box(b"vexu", usage) + box(b"hfov", struct.pack(">I", HALF_TURN))


def _rewrite(source: Path, target: Path, added: bytes) -> None:
    temporary = target.with_name(f".{target.name}.{os.getpid()}.tmp")
    try:
        with source.open("rb") as file, temporary.open("wb") as copy:
            boxes = boxes_of_file(file)
            index = _index(boxes)
            file.seek(index.start + index.header)
            moov = _grown(file.read(index.size - index.header), index, added)
            for one in boxes:
                if one is index:
                    copy.write(moov)
                else:
                    _copy(file, copy, one)
            copy.flush()
            os.fsync(copy.fileno())
        os.replace(temporary, target)
    except FilmError as error:
        raise FilmError(f"{source}: {error}") from error
    except OSError as error:
        place = error.filename or target
        raise FilmError(f"{place}: cannot mark the film as stereo: {error.strerror}") from error
    finally:
        temporary.unlink(missing_ok=True)


def _index(boxes: list[Box]) -> Box:
    """Return the box ``moov`` of a film whose chunks it lists."""
    index = next((one for one in boxes if one.kind == b"moov"), None)
    if index is None:
        raise FilmError("not an mp4 or mov file: it has no box 'moov'; convert it with ffmpeg first")
    if index.size > MOST_MOOV:
        raise FilmError(f"its index has {index.size} bytes; at most {MOST_MOOV} are read")
    return index


def _copy(file: BinaryIO, copy: BinaryIO, one: Box) -> None:
    file.seek(one.start)
    left = one.size
    while left:
        part = file.read(min(CHUNK, left))
        if not part:
            raise FilmError("the file became shorter while it was read")
        copy.write(part)
        left -= len(part)


def _grown(payload: bytes, index: Box, added: bytes) -> bytes:
    """Return the new box ``moov``.

    By how much it grows decides what the offsets become, and whether they still fit into 32 bits decides by
    how much it grows. It only ever grows from one round to the next, so the two soon agree.
    """
    track = _picture_track(payload)
    grown = 0
    while True:
        moov = _moov(payload, track, index, added, grown)
        if len(moov) - index.size == grown:
            return moov
        grown = len(moov) - index.size


def _picture_track(payload: bytes) -> int:
    """Return which of the tracks, counted from 0, is the first with pictures."""
    kinds = [kind for kind, _ in children(payload)]
    if b"mvex" in kinds:
        raise FilmError("the film is fragmented; copy it first: ffmpeg -i FILM -c copy -f mp4 PLAIN.mp4")
    tracks = [inside for kind, inside in children(payload) if kind == b"trak"]
    for number, inside in enumerate(tracks):
        handler = child(inside, b"mdia", b"hdlr")
        if handler is not None and handler[8:12] == b"vide":
            return number
    raise FilmError("the film has no picture track")


def _moov(payload: bytes, track: int, index: Box, added: bytes, grown: int) -> bytes:
    met = -1

    def one(kind: bytes, inside: bytes) -> bytes | None:
        nonlocal met
        if kind != b"trak":
            return None
        met += 1
        return box(kind, _track(inside, index.end, added if met == track else b"", grown))

    return box(b"moov", changed(payload, one), long=index.header == 16)


def _track(payload: bytes, end: int, added: bytes, grown: int) -> bytes:
    """Return a track with its offsets moved and, where there is something to add, its sample entries marked.

    Args:
        payload: the track.
        end: offset behind the index; what lies before it stays where it is.
        added: boxes for every sample entry.
        grown: bytes by which what lies behind the index moves.
    """

    def one(kind: bytes, inside: bytes) -> bytes | None:
        if kind in (b"mdia", b"minf", b"stbl"):
            return box(kind, changed(inside, one))
        if kind in (b"stco", b"co64"):
            return _offsets(kind, inside, end, grown)
        if kind == b"saio":
            raise FilmError("the film is encrypted; its boxes cannot be moved")
        if kind == b"stsd" and added:
            return box(kind, changed(inside, lambda name, entry: box(name, _marked(entry, added)), fixed=8))
        if kind == b"uuid" and added and inside[:16] == SPHERICAL_V1:
            return b""
        return None

    return changed(payload, one)


def _marked(entry: bytes, added: bytes) -> bytes:
    """Return a visual sample entry with the new boxes in place of those of their kind."""
    if len(entry) < SAMPLE_ENTRY:
        raise FilmError("the file is damaged: a sample entry is cut off")
    return changed(
        entry,
        lambda kind, _: b"" if kind in REPLACED else None,
        fixed=SAMPLE_ENTRY,
        added=added,
    )


def _offsets(kind: bytes, payload: bytes, end: int, grown: int) -> bytes:
    """Return a table of chunk offsets, with 64 bits each where 32 no longer hold them all."""
    count = int.from_bytes(payload[4:8], "big")
    width = 4 if kind == b"stco" else 8
    if len(payload) < 8 + count * width:
        raise FilmError("the file is damaged: its table of chunks is cut off")
    old = struct.unpack_from(f">{count}{'I' if width == 4 else 'Q'}", payload, 8)
    new = [offset + grown if offset >= end else offset for offset in old]
    letter = "I" if kind == b"stco" and max(new, default=0) < 1 << 32 else "Q"
    head = payload[:8]
    return box(b"stco" if letter == "I" else b"co64", head + struct.pack(f">{count}{letter}", *new))
