"""The journal: a line for every finished frame."""

from __future__ import annotations

import json
import math
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path

from animator.errors import RunError
from animator.runs.files import errors_in_one_line, open_own
from animator.system.json_text import parse_json

LONGEST_LINE = 1 << 16
"""Bytes at the end of a journal in which its last line is looked for; it is far shorter."""

MAX_NUMBER = 999_999
"""Largest number of a frame; names of files have six digits."""


@dataclass(frozen=True)
class Entry:
    """A finished frame.

    Attributes:
        frame: number of the frame.
        inputs: hash of all that decided it; as long as it is the same, the frame need not be made again.
        seed: seed of the frame.
        seconds: how long it took.
        file: SHA-256 of its PNG's bytes, in hexadecimal; `RunFolder.save_frame` fills it in.
        stopped: share of the diffusion after which a draft was stopped; 1 where it came to its end.
        stages: seconds of each step of its way, by the names of `animator.film.loop.STEPS`.
        notes: what happened to it that a user should know, such as that it was painted again.
        more: SHA-256 of the further pictures of the frame, by the names of their folders (``left``).
        pruned: for each folder whose picture was given up (``frames``, ``left``), the film in the run that
            still shows it.
        program: version of the program that made it; empty where that did not say.
    """

    frame: int
    inputs: str
    seed: int
    seconds: float
    file: str = ""
    stopped: float = 1.0
    stages: Mapping[str, float] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    more: Mapping[str, str] = field(default_factory=dict)
    pruned: Mapping[str, str] = field(default_factory=dict)
    program: str = ""


def append(path: Path, *entries: Entry) -> None:
    """Add lines to a journal; when this returns, they are on the disk. A torn last line is cut off first."""
    lines = b"".join(json.dumps(asdict(entry)).encode() + b"\n" for entry in entries)
    with errors_in_one_line(path), open(path, "ab+", opener=open_own) as file:
        begin = max(0, file.seek(0, os.SEEK_END) - LONGEST_LINE)
        file.seek(begin)
        file.truncate(begin + _end_of_sound_lines(file.read()))
        file.write(lines)
        file.flush()
        os.fsync(file.fileno())


def read(path: Path) -> dict[int, Entry]:
    """Return the entries of a journal by frame; of several for a frame, the last.

    A last line that is torn, as a kill in the middle of writing leaves it, is passed over. Without a file
    there are no entries.

    Raises:
        RunError: if another line is damaged.
    """
    with errors_in_one_line(path):
        data = path.read_bytes() if path.exists() else b""
    entries = {}
    for number, line in enumerate(data[: _end_of_sound_lines(data)].splitlines(), start=1):
        entry = _parse(line)
        if entry is None:
            raise RunError(f"{path}:{number}: not a line of a journal; delete it to make its frame again")
        entries[entry.frame] = entry
    return entries


def _end_of_sound_lines(data: bytes) -> int:
    """Return where the last line ends, not counting one that was torn, with or without its newline."""
    end = data.rfind(b"\n") + 1
    begin = data.rfind(b"\n", 0, max(0, end - 1)) + 1
    return end if _parse(data[begin:end]) else begin


def _parse(line: bytes) -> Entry | None:
    try:
        values = parse_json(line)
        frame, seconds = int(values["frame"]), float(values["seconds"])
        if not (0 <= frame <= MAX_NUMBER and math.isfinite(seconds)):
            return None
        return Entry(
            frame=frame,
            inputs=str(values["inputs"]),
            seed=int(values["seed"]),
            seconds=seconds,
            file=str(values["file"]),
            stopped=float(values.get("stopped", 1.0)),
            stages={str(name): float(part) for name, part in values.get("stages", {}).items()},
            notes=tuple(str(note) for note in values.get("notes", ())),
            more={str(name): str(file) for name, file in values.get("more", {}).items()},
            pruned={str(name): str(film) for name, film in values.get("pruned", {}).items()},
            program=str(values.get("program", "")),
        )
    except (ValueError, TypeError, KeyError, AttributeError, OverflowError):
        return None
