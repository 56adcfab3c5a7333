"""Reading what a film says of its eyes and its projection.

This shares no code with the writer, so that a misreading of the format in one cannot hide in the other.
"""

from __future__ import annotations

import os
import struct
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

from animator.errors import FilmError

STEREO_MODES = {0: "mono", 1: "top_bottom", 2: "left_right", 3: "custom", 4: "right_left"}
PROJECTIONS = {b"equi": "equirectangular", b"cbmp": "cubemap", b"mshp": "mesh"}
SAMPLE_ENTRY = 8 + 78
"""Bytes of a visual sample entry before its first child, header included (ISO/IEC 14496-12, 12.1.3)."""


@dataclass(frozen=True)
class Apple:
    """What Apple's boxes say of a film's eyes and projection; None for what they do not say.

    Attributes:
        eyes: which there are: ``left``, ``right``, or both.
        first: the eye that a flat player shows.
        baseline: distance of the eyes in micrometres.
        projection: its four letters: ``rect``, ``equi``, ``hequ`` (half equirectangular), ``fish``.
        packing: its four letters: ``side`` or ``over``.
        degrees: of the horizon that are shown.
    """

    eyes: tuple[str, ...] = ()
    first: str | None = None
    baseline: int | None = None
    projection: str | None = None
    packing: str | None = None
    degrees: float | None = None


@dataclass(frozen=True)
class Spherical:
    """What a film's boxes ``st3d`` and ``sv3d`` hold (Google's Spherical Video V2), and Apple's ``vexu``.

    Attributes:
        stereo_mode: ``mono``, ``top_bottom``, ``left_right``, ``custom``, ``right_left``, or the number of
            another mode; None without ``st3d``.
        source: the program that says it wrote ``sv3d``.
        projection: ``equirectangular``, ``cubemap``, ``mesh`` or None.
        pose: yaw, pitch and roll in degrees.
        bounds: what is cropped off the whole sphere at top, bottom, left and right, in 1 / 2**32 of it; None
            where the projection is not equirectangular.
        apple: what ``vexu`` and ``hfov`` hold; None without ``vexu``.
    """

    stereo_mode: str | None = None
    source: str | None = None
    projection: str | None = None
    pose: tuple[float, float, float] | None = None
    bounds: tuple[int, int, int, int] | None = None
    apple: Apple | None = None


def read_spherical(path: Path) -> Spherical | None:
    """Return what the first picture track says of its eyes and projection, or None if it says nothing.

    Raises:
        FilmError: if the file cannot be read or is no mp4 or mov.
    """
    try:
        with Path(path).open("rb") as file:
            length = file.seek(0, os.SEEK_END)
            movie = _find(file, (0, length), b"moov")
            if movie is None:
                raise FilmError(f"{path}: not an mp4 or mov file: it has no box 'moov'")
            entry = _picture_entry(file, movie)
            return None if entry is None else _read(file, entry)
    except struct.error as error:
        raise FilmError(f"{path}: the file is damaged: a box is cut off") from error
    except OSError as error:
        raise FilmError(f"{path}: cannot read the film: {error.strerror}") from error


def _find_all(file: BinaryIO, span: tuple[int, int], kind: bytes) -> list[tuple[int, int]]:
    """Return the contents, first and last offset, of every box of a kind inside a span."""
    position, end = span
    found = []
    while position + 8 <= end:
        length, name = _unpack(file, position, ">I4s")
        inner = position + 8
        if length == 1:
            (length,) = _unpack(file, inner, ">Q")
            inner += 8
        stop = end if length == 0 else position + length
        if stop < inner or stop > end:
            break
        if name == kind:
            found.append((inner, stop))
        position = stop
    return found


def _find(file: BinaryIO, span: tuple[int, int], *path: bytes) -> tuple[int, int] | None:
    for kind in path:
        found = _find_all(file, span, kind)
        if not found:
            return None
        span = found[0]
    return span


def _unpack(file: BinaryIO, position: int, layout: str) -> tuple[Any, ...]:
    file.seek(position)
    return struct.unpack(layout, file.read(struct.calcsize(layout)))


def _picture_entry(file: BinaryIO, movie: tuple[int, int]) -> tuple[int, int] | None:
    """Return the children of the first sample entry of the first picture track."""
    for track in _find_all(file, movie, b"trak"):
        handler = _find(file, track, b"mdia", b"hdlr")
        table = _find(file, track, b"mdia", b"minf", b"stbl", b"stsd")
        if handler is None or table is None or _unpack(file, handler[0] + 8, ">4s") != (b"vide",):
            continue
        first = table[0] + 8
        (length,) = _unpack(file, first, ">I")
        return first + SAMPLE_ENTRY, first + length
    return None


def _read(file: BinaryIO, entry: tuple[int, int]) -> Spherical | None:
    eyes = _find(file, entry, b"st3d")
    sphere = _find(file, entry, b"sv3d")
    usage = _find(file, entry, b"vexu")
    if eyes is None and sphere is None and usage is None:
        return None
    mode = source = projection = pose = bounds = None
    if eyes is not None:
        (number,) = _unpack(file, eyes[0] + 4, ">B")
        mode = STEREO_MODES.get(number, str(number))
    if sphere is not None:
        source = _text(file, _find(file, sphere, b"svhd"))
        pose = _pose(file, _find(file, sphere, b"proj", b"prhd"))
        for kind, name in PROJECTIONS.items():
            if (shape := _find(file, sphere, b"proj", kind)) is not None:
                projection = name
                bounds = _unpack(file, shape[0] + 4, ">4I") if kind == b"equi" else None
    apple = None if usage is None else _apple(file, usage, _find(file, entry, b"hfov"))
    return Spherical(mode, source, projection, pose, bounds, apple)


def _apple(file: BinaryIO, usage: tuple[int, int], view: tuple[int, int] | None) -> Apple:
    def value(layout: str, *path: bytes) -> Any:
        found = _find(file, usage, *path)
        return None if found is None else _unpack(file, found[0] + 4, layout)[0]

    def letters(*path: bytes) -> str | None:
        found = value(">4s", *path)
        return None if found is None else found.decode("latin-1")

    eyes = value(">B", b"eyes", b"stri") or 0
    first = value(">B", b"eyes", b"hero")
    return Apple(
        eyes=tuple(name for bit, name in ((1, "left"), (2, "right")) if eyes & bit),
        first=None if first is None else {1: "left", 2: "right"}.get(first),
        baseline=value(">I", b"eyes", b"cams", b"blin"),
        projection=letters(b"proj", b"prji"),
        packing=letters(b"pack", b"pkin"),
        degrees=None if view is None else _unpack(file, view[0], ">I")[0] / 1000,
    )


def _text(file: BinaryIO, span: tuple[int, int] | None) -> str | None:
    """Return the text that ends with a zero byte, behind version and flags."""
    if span is None:
        return None
    file.seek(span[0] + 4)
    return file.read(span[1] - span[0] - 4).split(b"\0")[0].decode("utf-8", "replace")


def _pose(file: BinaryIO, span: tuple[int, int] | None) -> tuple[float, float, float] | None:
    if span is None:
        return None
    yaw, pitch, roll = _unpack(file, span[0] + 4, ">3i")
    return yaw / 65536, pitch / 65536, roll / 65536
