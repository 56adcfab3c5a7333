"""A camera path as a table: a CSV with columns of the timeline, as programs and spreadsheets write it."""

from __future__ import annotations

import csv
import difflib
import io
import math
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from animator.errors import UsageError
from animator.settings.camera import CameraOptions

MAX_ROWS = 200_000
"""Most rows of a table, and the last frame that one may be for."""

MOVES = tuple(name for name in CameraOptions.model_fields if not name.startswith("path"))
"""What a column may be, by itself or after ``camera.``."""

SEPARATORS = (",", ";", "\t")
"""What may be between two cells; where a comma is not, it may be in a number (``1,5``)."""

_SEP = re.compile(r"sep=(.)[;,\t ]*\r?\n", re.IGNORECASE)
"""The first line by which a spreadsheet says what is between two cells."""

_COMMA = re.compile(r"[+-]?[0-9]*,[0-9]+([eE][+-]?[0-9]+)?")

Keys = list[tuple[int, float]]


def read_camera_table(text: str, file: str, frames: int) -> tuple[dict[str, np.ndarray], tuple[str, ...]]:
    """Read a CSV whose columns are moves of the camera, the values of each from frame to frame.

    A column ``frame`` says which frame a row is for; without it the rows are frame 0, 1, 2 and so on. Frames
    without a row, or with an empty cell, lie linearly between their neighbours; before the first and after
    the last the value holds. The other columns of ``animator plan --csv`` may be there and are not used.

    Cells are separated by commas, semicolons or tabs, whichever the head has most of. Beside semicolons and
    tabs a number may have a decimal comma.

    Args:
        text: the table, with a head.
        file: its name for messages.
        frames: length of the film.

    Returns:
        By dotted name, float64 of shape (frames,); and notices.

    Raises:
        UsageError: a column is unknown, a cell is no number, or two rows are for one frame.
    """
    text, separator = separated(text)
    rows = _rows(text, separator, file)
    head, body = rows[0][1], rows[1:]
    columns, passed = _columns(head, file)
    counter = head.index("frame") if "frame" in head else None
    keys: dict[str, Keys] = {name: [] for name in columns}
    taken: dict[int, int] = {}
    for number, (line, cells) in enumerate(body):
        where = f"{file}:{line}"
        if len(cells) != len(head):
            raise UsageError(f"{where}: has {len(cells)} cells, the head has {len(head)}")
        frame = number if counter is None else _frame(cells[counter], where)
        if frame in taken:
            raise UsageError(f"{where}: frame {frame} is in line {taken[frame]} already; keep one of them")
        taken[frame] = line
        for name, index in columns.items():
            if cells[index].strip():
                keys[name].append((frame, _value(cells[index], head[index], separator, where)))
    empty = [name for name, pairs in keys.items() if not pairs]
    if empty:
        raise UsageError(f"{file}: the column {empty[0]} has no number; fill it in or leave it out")
    notices = []
    if passed:
        shown = ", ".join(passed[:3]) + (f" and {len(passed) - 3} more" if len(passed) > 3 else "")
        notices.append(f"{file}: columns that are not the camera's are not used: {shown}")
    return _of_keys(keys, taken, notices, file, frames)


def read_camera_rows(
    rows: Sequence[Any], file: str, frames: int
) -> tuple[dict[str, np.ndarray], tuple[str, ...]]:
    """Read a table that is written as JSON: a list of objects with the moves, and perhaps ``frame``.

    An add-on of Blender for Parseq writes such a list. What is ``null`` is an empty cell; otherwise it reads
    as `read_camera_table` says.

    Raises:
        UsageError: an object has no move, a value is no number, or two objects are for one frame.
    """
    keys: dict[str, Keys] = {}
    taken: dict[int, int] = {}
    if len(rows) > MAX_ROWS:
        raise UsageError(f"{file}: more than {MAX_ROWS} rows")
    for number, row in enumerate(rows):
        where = f"{file}: row {number}"
        if not isinstance(row, Mapping):
            raise UsageError(f"{where}: expected an object such as {{frame: 0, translation_z: 5}}")
        frame = _frame(str(row.get("frame", number)), where)
        if frame in taken:
            raise UsageError(f"{where}: frame {frame} is in row {taken[frame]} already; keep one of them")
        taken[frame] = number
        for name in MOVES:
            value = row.get(name, row.get(f"camera.{name}"))
            if value is not None:
                pairs = keys.setdefault(f"camera.{name}", [])
                pairs.append((frame, _value(str(value), name, ",", where)))
    if not keys:
        raise UsageError(f"{file}: no row has a move of the camera; known are {', '.join(MOVES)}")
    return _of_keys(keys, taken, [], file, frames)


def _of_keys(
    keys: Mapping[str, Keys], taken: Iterable[int], notices: list[str], file: str, frames: int
) -> tuple[dict[str, np.ndarray], tuple[str, ...]]:
    """Return moves at every frame, and notices with one more where the rows are not those of the film."""
    first, last = min(taken), max(taken)
    if last != frames - 1 or first != 0:
        notices = [*notices, f"{file}: has rows for frames {first} to {last}, the film has 0 to {frames - 1}"]
    return {name: _filled(pairs, frames) for name, pairs in keys.items()}, tuple(notices)


def separated(text: str) -> tuple[str, str]:
    r"""Return a table without a line such as ``sep=;``, and what is between its cells, of `SEPARATORS`.

    The line is left empty, so that the lines of messages count it.

    >>> separated("sep=;\nframe,zoom")
    ('\nframe,zoom', ';')
    >>> separated("frame;zoom\n0;1,5")[1]
    ';'
    """
    said = _SEP.match(text)
    if said and said[1] in SEPARATORS:
        return text[said.end() - 1 :], said[1]
    head = next((line for line in text.splitlines() if line.strip()), "")
    return text, max(SEPARATORS, key=head.count)


def _rows(text: str, separator: str, file: str) -> list[tuple[int, list[str]]]:
    """Return the rows that are not empty with their lines, the head first."""
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator, strict=True)
    rows = []
    try:
        for cells in reader:
            if any(cell.strip() for cell in cells):
                rows.append((reader.line_num, [cell.strip() for cell in cells]))
            if len(rows) > MAX_ROWS + 1:
                raise UsageError(f"{file}: more than {MAX_ROWS} rows")
    except csv.Error as error:
        raise UsageError(f"{file}:{reader.line_num}: not a CSV ({error})") from error
    if len(rows) < 2:
        raise UsageError(f"{file}: expected a head such as frame,translation_z and a row a frame")
    return rows


def _columns(head: Sequence[str], file: str) -> tuple[dict[str, int], list[str]]:
    """Return the index of each move by its dotted name, and the columns of other settings."""
    columns: dict[str, int] = {}
    passed = []
    for index, name in enumerate(head):
        move = name.removeprefix("camera.")
        if move in MOVES:
            if f"camera.{move}" in columns:
                raise UsageError(f"{file}: there are two columns for camera.{move}; leave one of them out")
            columns[f"camera.{move}"] = index
        elif name == "prompts" or ("." in name and not name.startswith("camera.")):
            passed.append(name)
        elif name != "frame":
            close = difflib.get_close_matches(move, MOVES, 1)
            hint = f"did you mean {close[0]}?" if close else f"known are frame, {', '.join(MOVES)}"
            raise UsageError(f"{file}: unknown column '{name[:40]}'; {hint}")
    if not columns:
        raise UsageError(f"{file}: no column is a move of the camera; known are {', '.join(MOVES)}")
    return columns, passed


def _frame(cell: str, where: str) -> int:
    if not (cell.isascii() and cell.isdecimal() and len(cell) < 10 and int(cell) <= MAX_ROWS):
        raise UsageError(f"{where}: frame is '{cell[:40]}', expected a whole number from 0 to {MAX_ROWS}")
    return int(cell)


def _value(cell: str, name: str, separator: str, where: str) -> float:
    written = cell.replace("\N{MINUS SIGN}", "-")
    if separator != "," and _COMMA.fullmatch(written):
        written = written.replace(",", ".")
    try:
        value = float(written)
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise UsageError(f"{where}: {name} is '{cell[:40]}', expected a number")
    return value


def _filled(pairs: Keys, frames: int) -> np.ndarray:
    at, values = np.array(sorted(pairs)).T
    result: np.ndarray = np.interp(np.arange(frames), at, values)
    return result
