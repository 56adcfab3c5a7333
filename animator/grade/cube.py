"""Look-up tables of colours in ``.cube`` files.

The format is that of Adobe's "Cube LUT Specification 1.0" (2013), with the two words that DaVinci Resolve
writes for a range (``LUT_1D_INPUT_RANGE``, ``LUT_3D_INPUT_RANGE``) and its files that hold both tables, of
which the one-dimensional comes first.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from animator.errors import UsageError
from animator.system.disk import fault_line

LARGEST_1D, LARGEST_3D = 65536, 256
"""Points along an axis of a table at most, as the specification says."""

MOST_BYTES = 1 << 30
_SIZES = {"LUT_1D_SIZE": LARGEST_1D, "LUT_3D_SIZE": LARGEST_3D}
_RANGES = ("DOMAIN_MIN", "DOMAIN_MAX", "LUT_1D_INPUT_RANGE", "LUT_3D_INPUT_RANGE")


@dataclass(frozen=True)
class Table:
    """A table of one kind.

    Attributes:
        values: N x 3 of one dimension, or N x N x N x 3 of three, blue first, red last.
        low: value of each colour at the first point, (3,).
        high: value of each colour at the last point, (3,).
    """

    values: np.ndarray
    low: np.ndarray
    high: np.ndarray

    def apply(self, frame: Tensor) -> Tensor:
        """Return a frame, 3 x H x W, through the table: linear between its points, held beyond its ends."""
        low, high = (torch.from_numpy(one.astype(np.float32))[:, None, None] for one in (self.low, self.high))
        share = ((frame - low) / (high - low)).clamp(0, 1)
        if self.values.ndim == 2:
            return torch.stack([self._curve(share[channel], channel) for channel in range(3)])
        volume = torch.from_numpy(self.values.astype(np.float32)).permute(3, 0, 1, 2)[None]
        # `grid_sample` takes (x, y, z) for the last, the middle and the first axis: red, green, blue.
        place = (share * 2 - 1).permute(1, 2, 0)[None, None]
        return F.grid_sample(volume, place, align_corners=True, padding_mode="border")[0, :, 0]

    def _curve(self, share: Tensor, channel: int) -> Tensor:
        points = np.linspace(0, 1, len(self.values))
        found = np.interp(share.numpy().astype(np.float64), points, self.values[:, channel])
        return torch.from_numpy(found.astype(np.float32))


@dataclass(frozen=True)
class Lut:
    """All tables of a file, in order."""

    tables: tuple[Table, ...]

    def apply(self, frame: Tensor) -> Tensor:
        """Return a frame, 3 x H x W from 0 to 1, through all tables; nothing is clamped after the last."""
        for table in self.tables:
            frame = table.apply(frame)
        return frame


def read_cube(path: Path) -> Lut:
    """Read a ``.cube`` file.

    Raises:
        UsageError: the file cannot be read or is no such table; the message names the line.
    """
    try:
        if path.stat().st_size > MOST_BYTES:
            raise UsageError(f"{path}: is too large for a .cube file ({MOST_BYTES >> 20} MiB)")
        text = path.read_bytes().decode("utf-8-sig", errors="replace")
    except OSError as error:
        raise UsageError(fault_line(error, path, "it cannot be read")) from error
    words, rows = _words_and_rows(text, path)
    sizes = {name: _size(words[name], most, path) for name, most in _SIZES.items() if name in words}
    if not sizes:
        raise UsageError(f"{path}: is no .cube file: it has neither LUT_1D_SIZE nor LUT_3D_SIZE")
    tables, at = [], 0
    for name, size in sizes.items():  # the one of one dimension comes first in a file of both
        solid = name == "LUT_3D_SIZE"
        count = size**3 if solid else size
        part = rows[at : at + count]
        at += count
        if len(part) == count:
            tables.append(_table(part, size, solid, words, path))
    if at != len(rows):
        shape = " and ".join(f"{name} {size}" for name, size in sizes.items())
        raise UsageError(f"{path}: has {len(rows)} rows of colours, and {shape} needs {at}")
    return Lut(tuple(tables))


def _words_and_rows(text: str, path: Path) -> tuple[dict[str, tuple[int, list[str]]], np.ndarray]:
    """Return the lines that begin with a word, by it and with their number, and those of three numbers."""
    words: dict[str, tuple[int, list[str]]] = {}
    rows: list[list[float]] = []
    for number, line in enumerate(text.splitlines(), 1):
        parts = line.split("#", 1)[0].split() if not line.lstrip().startswith("TITLE") else []
        if not parts:
            continue
        if parts[0] in _SIZES or parts[0] in _RANGES:
            words[parts[0]] = number, parts[1:]
        else:
            rows.append(_numbers(parts, number, path, (3,)))
    return words, np.asarray(rows, np.float64).reshape(-1, 3)


def _numbers(parts: list[str], line: int, path: Path, counts: tuple[int, ...]) -> list[float]:
    """Return the numbers of a line, of which there may be so many."""
    try:
        found = [float(part) for part in parts]
    except ValueError:
        found = []
    if len(found) not in counts or not all(map(math.isfinite, found)):
        shown = " ".join(parts)[:60]
        wanted = " or ".join(map(str, counts))
        raise UsageError(f"{path}:{line}: expected {wanted} numbers, found {shown!r}")
    return found


def _size(word: tuple[int, list[str]], most: int, path: Path) -> int:
    line, parts = word
    if len(parts) != 1 or not parts[0].isdecimal() or not 2 <= int(parts[0]) <= most:
        shown = " ".join(parts)[:60]
        raise UsageError(f"{path}:{line}: the size must be a whole number from 2 to {most}, found {shown!r}")
    return int(parts[0])


def _table(
    rows: np.ndarray, size: int, solid: bool, words: dict[str, tuple[int, list[str]]], path: Path
) -> Table:
    """Return the table of some rows, red fastest, with the range that the file gives."""
    low, high = np.zeros(3), np.ones(3)
    own = f"LUT_{3 if solid else 1}D_INPUT_RANGE"
    if own in words:
        line, parts = words[own]
        low[:], high[:] = _numbers(parts, line, path, (2,))
    for name, values in (("DOMAIN_MIN", low), ("DOMAIN_MAX", high)):
        if name in words:
            line, parts = words[name]
            values[:] = _numbers(parts, line, path, (3,))
    if not (low < high).all():
        raise UsageError(f"{path}: the lower end of its range is not below the upper one")
    return Table(rows.reshape(size, size, size, 3) if solid else rows, low, high)
