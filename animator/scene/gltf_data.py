"""The numbers in a glTF 2.0 file: its tree, its buffers, and what accessors point at in them."""

from __future__ import annotations

import base64
import binascii
import json
import struct
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import numpy as np

from animator.errors import UsageError
from animator.system.json_text import parse_json
from animator.system.safe_read import read_plain

MAGIC = b"glTF"
"""The beginning of a ``.glb``."""

MAX_BYTES = 500_000_000
"""Size of the largest file, and of the largest buffer beside it."""

MAX_KEYS = 1_000_000
"""Most entries of an accessor."""

JSON_CHUNK, BINARY_CHUNK = 0x4E4F534A, 0x004E4942

COMPONENTS: Mapping[int, np.dtype[Any]] = {
    number: np.dtype(name)
    for number, name in (
        *((5120, "<i1"), (5121, "<u1"), (5122, "<i2")),
        *((5123, "<u2"), (5125, "<u4"), (5126, "<f4")),
    )
}
WIDTHS: Mapping[str, int] = {"SCALAR": 1, "VEC2": 2, "VEC3": 3, "VEC4": 4}


@dataclass
class GltfFile:
    """A file that was read.

    Attributes:
        tree: its JSON.
        path: where it is.
        chunk: the binary part of a ``.glb``; empty of another.
        buffers: those that were looked at, by number.
    """

    tree: Mapping[str, Any]
    path: Path
    chunk: bytes = b""
    buffers: dict[int, bytes] = field(default_factory=dict)


def read_parts(data: bytes, path: Path) -> GltfFile:
    """Take a file apart.

    Raises:
        UsageError: it is no glTF 2.0, or is cut off.
    """
    text, chunk = (data, b"") if not data.startswith(MAGIC) else _chunks(data, path)
    try:
        tree = parse_json(text.decode("utf-8-sig"))
    except json.JSONDecodeError as error:
        raise UsageError(f"{path}: not JSON (line {error.lineno}: {error.msg}); export it again") from error
    except ValueError as error:
        raise UsageError(f"{path}: not a sound glTF file ({error}); export it again") from error
    version = tree.get("asset", {}).get("version", "") if isinstance(tree, dict) else ""
    if not str(version).startswith("2."):
        raise UsageError(f"{path}: is not glTF 2.0, which is read; export it again")
    return GltfFile(tree, path, chunk)


def _chunks(data: bytes, path: Path) -> tuple[bytes, bytes]:
    """Return the JSON and the binary part of a ``.glb``."""
    found: dict[int, bytes] = {}
    place = 12
    while place + 8 <= len(data):
        length, kind = struct.unpack_from("<II", data, place)
        place += 8
        if place + length > len(data):
            raise UsageError(f"{path}: is cut off; export it again")
        found.setdefault(kind, data[place : place + length])
        place += length
    if JSON_CHUNK not in found:
        raise UsageError(f"{path}: is cut off; export it again")
    return found[JSON_CHUNK], found.get(BINARY_CHUNK, b"")


def numbers(file: GltfFile, index: int) -> np.ndarray:
    """Return what an accessor points at, float64 of shape (count, width); whole numbers as shares of 1.

    Raises:
        UsageError: a buffer is not at hand.
        KeyError, IndexError, TypeError, ValueError: the file is not sound.
    """
    accessor = file.tree["accessors"][index]
    width, count = WIDTHS[accessor["type"]], int(accessor["count"])
    if not 0 < count <= MAX_KEYS:
        raise ValueError(f"an accessor of {count} entries")
    kind = COMPONENTS[accessor["componentType"]]
    if "bufferView" in accessor:
        offset = int(accessor.get("byteOffset", 0))
        found = _slice(file, accessor["bufferView"], offset, kind, count, width)
    else:
        found = np.zeros((count, width), kind)
    if "sparse" in accessor:
        found = _with_sparse(file, accessor["sparse"], found)
    if kind.kind == "f":
        return found.astype(np.float64)
    return np.maximum(found.astype(np.float64) / np.iinfo(kind).max, -1.0)


def _with_sparse(file: GltfFile, sparse: Mapping[str, Any], found: np.ndarray) -> np.ndarray:
    """Return entries of which some are replaced."""
    count = int(sparse["count"])
    if not 0 < count <= len(found):
        raise ValueError(f"an accessor with {count} other entries")
    places, values = sparse["indices"], sparse["values"]
    kind = COMPONENTS[places["componentType"]]
    start = int(places.get("byteOffset", 0))
    rows = _slice(file, places["bufferView"], start, kind, count, 1)[:, 0].astype(np.int64)
    start, width = int(values.get("byteOffset", 0)), found.shape[1]
    found = found.copy()
    found[rows] = _slice(file, values["bufferView"], start, found.dtype, count, width)
    return found


def _slice(
    file: GltfFile, view_index: int, offset: int, kind: np.dtype[Any], count: int, width: int
) -> np.ndarray:
    """Return entries from a place in a view of a buffer on."""
    view = file.tree["bufferViews"][view_index]
    data = _buffer(file, view["buffer"])
    item = kind.itemsize * width
    step = int(view.get("byteStride", item))
    start = int(view.get("byteOffset", 0)) + offset
    if start < 0 or step < item or start + (count - 1) * step + item > len(data):
        raise ValueError("an accessor beyond the end of its buffer")
    return np.ndarray((count, width), kind, data, start, (step, kind.itemsize))


def _buffer(file: GltfFile, index: int) -> bytes:
    if index not in file.buffers:
        file.buffers[index] = _read_buffer(file, file.tree["buffers"][index].get("uri"))
    return file.buffers[index]


def _read_buffer(file: GltfFile, uri: str | None) -> bytes:
    """Return the bytes of a buffer: the file's own, or those of a file beside it."""
    if uri is None:
        return file.chunk
    if uri.startswith("data:"):
        try:
            return base64.b64decode(uri.partition(",")[2], validate=True)
        except binascii.Error as error:
            raise ValueError(f"a buffer that is cut off ({error})") from error
    name = unquote(uri)
    if ":" in name or name.startswith(("/", "\\")) or ".." in name.replace("\\", "/").split("/"):
        raise UsageError(f"{file.path}: names the buffer {name[:60]}, which is not beside it; export a .glb")
    try:
        return read_plain(file.path.parent / name, MAX_BYTES)
    except OSError as error:
        where = f"{file.path}: its buffer {name[:60]}"
        raise UsageError(f"{where}: {error.strerror}; put it beside the file, or export a .glb") from error
