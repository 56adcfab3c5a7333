"""Frames of a run as they lie on the disk, or, where they were pruned, as its film shows them."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from animator.errors import RunError
from animator.runs import Entry, RunFolder
from animator.runs.folder import FRAMES
from animator.video.probe import read_frames as film_frames

log = logging.getLogger(__name__)


def read_frames(
    run: RunFolder,
    entries: Mapping[int, Entry],
    numbers: Iterable[int],
    folder: str = FRAMES,
    *,
    deep: bool = False,
) -> Iterator[np.ndarray]:
    """Yield frames, H x W x 3 RGB, in rising order.

    Args:
        run: the run.
        entries: the entries of its journal.
        numbers: which; rising, as films are read from the front.
        folder: which picture of them.
        deep: whether those of 16 bits come as uint16.

    Raises:
        RunError: a picture is missing or damaged, or the film that shows a pruned one is.
    """
    films: dict[str, _Film] = {}
    for number in numbers:
        name = film_with(run, entries.get(number), folder)
        if name is not None and name not in films:
            films[name] = _opened(run.path / name, deep)
            log.warning(
                "%s: frames that were pruned are read from it; they have been through the encoder once", name
            )
        if name is not None:
            yield films[name].frame(number)
        else:
            yield run.read_frame(number, folder, deep=deep)


def film_with(run: RunFolder, entry: Entry | None, folder: str) -> str | None:
    """Return the film in the run that has to be read for a frame, or None where its picture is there."""
    name = None if entry is None else entry.pruned.get(folder)
    return None if entry is None or run.frame_file(entry.frame, folder).is_file() else name


@dataclass
class _Film:
    """A film that is read from the front."""

    path: Path
    frames: Iterator[np.ndarray]
    at: int = -1

    def frame(self, number: int) -> np.ndarray:
        for pixels in self.frames:
            self.at += 1
            if self.at == number:
                return pixels
        raise RunError(f"{self.path}: has no frame {number}, which was pruned; restore the film")


def _opened(path: Path, deep: bool) -> _Film:
    if not path.is_file():
        raise RunError(
            f"{path}: no such file, but frames were pruned that only it shows; "
            "restore it, or render into another folder"
        )
    return _Film(path, film_frames(path, deep=deep))
