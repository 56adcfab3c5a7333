"""Several scenes painted at once on other machines, each into a run of its own."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from animator.run.cancel import Cancel
from animator.run.job import wanted_numbers
from animator.run.render import RENDERS
from animator.run.reporter import Reporter
from animator.runs import RunFolder
from animator.scene.reading import LoadedScene
from animator.scene.resolved import resolved_text
from animator.study.painters import Painter
from animator.study.painting import Painting
from animator.study.progress import StudyProgress


def render_spread(
    scenes: Sequence[LoadedScene],
    reporter: Reporter,
    painter: Painter,
    *,
    out: Path | None = None,
    cancel: Cancel | None = None,
    say: Callable[[str], None],
) -> int:
    """Render scenes by a painter, each as one piece of work: the frames of a film follow one another.

    Args:
        scenes: as they were read.
        reporter: receives the progress of all together.
        painter: paints them.
        out: the run folder of a single scene; left out, each has a new one under ``renders/``.
        cancel: stops it, from another thread.
        say: is told where each run is, and of those that failed.

    Returns:
        The exit status: 0, or that of the first that failed.

    Raises:
        Interrupted: by the user or by ``cancel``.
        RunError: a folder cannot be used.
    """
    paintings = []
    left = {}
    for number, loaded in enumerate(scenes):
        begun = out is not None and (out / "run.json").is_file()
        path = out if begun else RunFolder.create(RENDERS, loaded.name, out=out).path
        name = f"{number}:{loaded.name}"
        text = resolved_text(loaded.scene)
        paintings.append(Painting(name, text, loaded.name, tuple(loaded.only), str(path), whole=True))
        left[name] = len(wanted_numbers(loaded))
    progress = StudyProgress(reporter, ", ".join(one.name for one in scenes), sum(left.values()), left)
    status = 0
    for outcome in painter(paintings, progress, cancel or Cancel()):
        painting = next(one for one in paintings if one.name == outcome.name)
        if outcome.reason:
            say(f"{painting.title}: {outcome.reason}; resume it with: animator resume {painting.folder}")
            status = status or outcome.exit_status
        else:
            say(painting.folder)
    reporter.end()
    return status
