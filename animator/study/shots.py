"""Several scenes painted at once on other machines, each into a run of its own.

A film is one piece of work, for its frames follow one another. Of a scene of stills every picture is one: it
is painted in a run of its own below ``parts/``, from which it moves into the run of the scene.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from animator.run.cancel import Cancel
from animator.run.job import wanted_numbers
from animator.run.render import RENDERS, render_scene
from animator.run.reporter import Reporter
from animator.runs import RunFolder, journal
from animator.runs.files import errors_in_one_line
from animator.scene.reading import LoadedScene
from animator.scene.resolved import resolved_text
from animator.study.painters import Painter
from animator.study.painting import Painting
from animator.study.progress import StudyProgress

PARTS = "parts"
"""Folder of a run for the runs of single pictures."""

MADE = ("frames", "state", "losses", "intermediates", "cuts", "left", "right")
"""What of a picture's own run belongs into that of its scene; all else is made of that."""


@dataclass
class _Shot:
    """A scene, its run, and what is painted of it elsewhere."""

    loaded: LoadedScene
    path: Path
    paintings: list[Painting] = field(default_factory=list)

    @property
    def split(self) -> bool:
        """Whether its pictures are painted one by one."""
        scene = self.loaded.scene
        return scene.mode == "still" and scene.keep_best is None and len(wanted_numbers(self.loaded)) > 1


def render_spread(
    scenes: Sequence[LoadedScene],
    reporter: Reporter,
    painter: Painter,
    *,
    out: Path | None = None,
    cancel: Cancel | None = None,
    say: Callable[[str], None],
) -> int:
    """Render scenes by a painter.

    Args:
        scenes: as they were read.
        reporter: receives the progress of all together.
        painter: paints them.
        out: the run folder of a single scene; left out, each has a new one under ``renders/``.
        cancel: stops it, from another thread.
        say: is called with the folder of each run, and with what failed.

    Returns:
        The exit status: 0, or that of the first that failed.

    Raises:
        Interrupted: by the user or by ``cancel``.
        RunError: a folder cannot be used.
    """
    cancel = cancel or Cancel()
    shots = [_shot(number, loaded, out) for number, loaded in enumerate(scenes)]
    left = {one.name: len(one.only) or shot.loaded.scene.count for shot, one in _all(shots)}
    progress = StudyProgress(reporter, ", ".join(one.name for one in scenes), sum(left.values()), left)
    failed: dict[str, int] = {}
    try:
        for outcome in painter([one for _, one in _all(shots)], progress, cancel):
            if outcome.reason:
                failed[outcome.name] = outcome.exit_status
                say(f"{outcome.name}: {outcome.reason}")
    finally:
        for shot in shots:
            _collect(shot)
    for shot in shots:
        if shot.split and not any(one.name in failed for one in shot.paintings):
            render_scene(shot.loaded, Reporter(), out=shot.path, cancel=cancel)
        say(str(shot.path))
    reporter.end()
    return next(iter(failed.values()), 0)


def _all(shots: Sequence[_Shot]) -> Iterator[tuple[_Shot, Painting]]:
    return ((shot, one) for shot in shots for one in shot.paintings)


def _shot(number: int, loaded: LoadedScene, out: Path | None) -> _Shot:
    """Make the run of a scene, or take the one that is there, and list what is to paint of it."""
    begun = out is not None and (out / "run.json").is_file()
    path = out if begun and out is not None else RunFolder.create(RENDERS, loaded.name, out=out).path
    shot = _Shot(loaded, path.resolve())
    name, text = f"{loaded.name} ({number + 1})", resolved_text(loaded.scene)
    if not shot.split:
        only = tuple(loaded.only)
        shot.paintings.append(
            Painting(name, text, loaded.name, only, str(shot.path), whole=True, report=True)
        )
        return shot
    there = RunFolder.open(shot.path).finished_frames()
    for picture in wanted_numbers(loaded):
        if picture not in there:
            part = shot.path / PARTS / str(picture)
            one = Painting(f"{name} #{picture}", text, loaded.name, (picture,), str(part), whole=True)
            shot.paintings.append(one)
    return shot


def _collect(shot: _Shot) -> None:
    """Move the pictures of a run's parts into it; raises RunError where the disk refuses."""
    parts, run = shot.path / PARTS, RunFolder.open(shot.path)
    with errors_in_one_line(parts):
        for part in sorted(parts.glob("*")):
            if not (part / "run.json").is_file():
                continue
            entries = RunFolder.open(part).finished_frames()
            for folder in MADE:
                for file in sorted((part / folder).glob("*")):
                    (shot.path / folder).mkdir(exist_ok=True)
                    file.replace(shot.path / folder / file.name)
            journal.append(run.path / "journal.jsonl", *entries.values())
            shutil.rmtree(part)
        if parts.is_dir() and not any(parts.iterdir()):
            parts.rmdir()
