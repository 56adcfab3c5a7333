"""The larger pictures of a run: ``hires/000000.png`` and its like, with a journal of their own beside them.

A picture is finished when its line is in ``hires/journal.jsonl``, which is written after its file.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from animator.runs import Entry, RunFolder, journal
from animator.runs.files import errors_in_one_line, write_atomic
from animator.runs.png import encode_png

HIRES = "hires"
"""Folder of the larger pictures."""

JOURNAL = "journal.jsonl"


def save_large(run: RunFolder, pixels: np.ndarray, text: Mapping[str, str], entry: Entry) -> Entry:
    """Write a larger picture, then its line.

    Args:
        run: the run; its lock is held.
        pixels: H x W x 3 RGB, uint8 or uint16.
        text: what the PNG carries, by keyword.
        entry: its line; the hash of the file is filled in here.
    """
    path = run.frame_file(entry.frame, HIRES)
    with errors_in_one_line(path):
        path.parent.mkdir(exist_ok=True)
    png = encode_png(pixels, text)
    write_atomic(path, png)
    entry = replace(entry, file=hashlib.sha256(png).hexdigest())
    journal.append(path.with_name(JOURNAL), entry)
    return entry


def large_entries(run: RunFolder) -> dict[int, Entry]:
    """Return the lines of the larger pictures by number, whether or not the files are still there."""
    return journal.read(run.path / HIRES / JOURNAL)


def finished_large(run: RunFolder) -> dict[int, Entry]:
    """Return the lines of the larger pictures whose files are there with the bytes that were written."""
    return {
        number: entry
        for number, entry in sorted(large_entries(run).items())
        if run.holds(run.frame_file(number, HIRES), entry.file)
    }
