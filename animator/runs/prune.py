"""Giving up what a run can do without: pictures that its film shows, and states of earlier frames."""

from __future__ import annotations

import hashlib
import os
import shutil
from dataclasses import dataclass, replace
from pathlib import Path

from animator.errors import RunError
from animator.runs import Entry, RunFolder
from animator.runs.files import errors_in_one_line, sync_folder
from animator.runs.folder import FILM, FRAMES
from animator.video.probe import probe

PRUNED = "pruned"
"""Folder of the films that show what was pruned; a film that is made again does not replace these."""


@dataclass(frozen=True)
class Freed:
    """What pruning removed.

    Attributes:
        files: how many.
        size: bytes of them.
        what: ``pictures`` or ``states``.
        left: further pictures that stay because no film shows them by themselves, by their folders.
    """

    files: int
    size: int
    what: str
    left: tuple[str, ...] = ()


def prune_states(path: Path, *, keep_every: int = 0) -> Freed:
    """Remove the states of a run, all but the newest.

    Args:
        path: the run folder.
        keep_every: the states of every so many frames stay too; 0 is none.

    Raises:
        RunError: a program is at work there, or the disk refuses.
    """
    run = RunFolder.open(path)
    with run.lock(), errors_in_one_line(path):
        dropped = [n for n in run.states()[:-1] if not (keep_every and n % keep_every == 0)]
        files = [run.state_file(number) for number in dropped]
        size = sum(file.stat().st_size for file in files)
        for file in files:
            file.unlink()
    return Freed(len(files), size, "states")


def prune_frames(path: Path, *, keep_every: int = 0) -> Freed:
    """Remove the pictures of a finished run that its film shows, and those of the eyes that have films.

    The film is also kept in a folder of its own, at no cost where the disk knows links: a film that is made
    again is made of that one, so no frame goes through the encoder more than twice.

    Args:
        path: the run folder.
        keep_every: every so many frames stay; 0 is none.

    Raises:
        RunError: there is no finished film, a program is at work there, or the disk refuses.
        FilmError: the film cannot be read.
    """
    run = RunFolder.open(path)
    with run.lock():
        film = _film_of(run)
        count = probe(film).frames
        entries = [
            entry
            for number, entry in run.finished_frames().items()
            if number < count and not (keep_every and number % keep_every == 0)
        ]
        eyes = {name: film.with_name(f"{film.stem}-{name}.mp4") for name in _more_of(entries)}
        shown = {name: eye for name, eye in eyes.items() if eye.is_file() and probe(eye).frames == count}
        pruned = {name: _kept(run, one) for name, one in {FRAMES: film, **shown}.items() if entries}
        lines, files = [], []
        for entry in entries:
            names = [name for name in pruned if run.frame_file(entry.frame, name).is_file()]
            if names:
                # What a kill left of an earlier pruning is of the film that was named then.
                films = {**pruned, **entry.pruned}
                lines.append(replace(entry, pruned=films))
                files += [run.frame_file(entry.frame, name) for name in names]
        with errors_in_one_line(path):
            size = sum(file.stat().st_size for file in files)
        if lines:
            run.give_up(lines)
    return Freed(len(files), size, "pictures", tuple(sorted(eyes.keys() - shown.keys())))


def _film_of(run: RunFolder) -> Path:
    name = run.read_info().get(FILM)
    film = run.path / name if isinstance(name, str) and Path(name).name == name else None
    if film is None or not film.is_file():
        raise RunError(
            f"{run.path}: has no finished film that shows its frames as they are, so none can be given up; "
            "resume the run first"
        )
    return film


def _more_of(entries: list[Entry]) -> list[str]:
    return sorted({name for entry in entries for name in entry.more})


def _kept(run: RunFolder, film: Path) -> str:
    """Keep a film under a name that its bytes decide; return its path in the run."""
    with errors_in_one_line(film):
        with film.open("rb") as file:
            digest = hashlib.sha256()
            while part := file.read(1 << 20):
                digest.update(part)
        kept = run.path / PRUNED / f"{digest.hexdigest()[:16]}.mp4"
        if not kept.exists():
            kept.parent.mkdir(exist_ok=True)
            temporary = kept.with_name(f".{kept.name}.{os.getpid()}.tmp")
            try:
                os.link(film, temporary)
            except OSError:  # a disk without links
                shutil.copyfile(film, temporary)
                with temporary.open("rb+") as file:
                    os.fsync(file.fileno())
            os.replace(temporary, kept)
            sync_folder(kept.parent)
            sync_folder(run.path)
    return f"{PRUNED}/{kept.name}"
