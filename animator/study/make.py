"""Painting a study: what is missing, cell by cell, then its table, sheet and page."""

from __future__ import annotations

import hashlib
import logging
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from animator.errors import AnimatorError, Interrupted, SceneError, UsageError, WeightsError
from animator.importing.short import short_text
from animator.run.cancel import Cancel
from animator.run.networks import needed
from animator.run.reporter import Reporter
from animator.scene.reading import LoadedScene, read_text_scene
from animator.scene.source import read_text
from animator.study.cells import Planned, Study
from animator.study.folder import CellPlan, StudyFolder, StudyPlan
from animator.study.grid import Grid, Place
from animator.study.identity import LETTERS, Painted, painted_by
from animator.study.painters import Painter, paint_here
from animator.study.painting import Painting, frames_done, is_finished, painting_of
from animator.study.place import RENDERS
from animator.study.progress import StudyProgress
from animator.study.results import Cell, Result, results_of
from animator.study.scores import Judge, usual_judge
from animator.study.shown import write_results

log = logging.getLogger(__name__)

RENEWED = 60.0
"""Seconds after which table, sheet and page are made anew while cells are painted, at least."""


@dataclass
class Work:
    """A study under way.

    Attributes:
        folder: where it goes.
        plan: its axes and cells.
        scenes: scene of each cell, by its name.
        texts: the same, as they are written down.
        painted: what each paints.
        done: names of the cells of which all is there.
        failed: why cells failed this time, by their names.
        statuses: exit statuses of what failed.
        judge: scores the cells.
    """

    folder: StudyFolder
    plan: StudyPlan
    scenes: dict[str, LoadedScene]
    texts: dict[str, str]
    painted: dict[str, Painted]
    judge: Judge
    done: set[str] = field(default_factory=set)
    failed: dict[str, str] = field(default_factory=dict)
    statuses: set[int] = field(default_factory=set)

    def cell(self, plan: CellPlan) -> Cell:
        """Return what is known of a cell."""
        reason = plan.reason or self.failed.get(plan.name, "")
        return Cell(plan.name, self.scenes.get(plan.name), plan.name in self.done, reason)

    @property
    def cells(self) -> dict[Place, Cell]:
        """What is known of every cell, by its place."""
        return {one.place: self.cell(one) for one in self.plan.cells}

    def painting(self, name: str) -> Painting:
        """Return the piece of work that paints a cell."""
        only, path = self.scenes[name].only, self.folder.cell(name)
        return painting_of(name, self.texts[name], self.plan.name, only, path, self.plan.grid.at)

    def results(self) -> list[Result]:
        """Return what became of every cell so far."""
        return results_of(self.folder, self.plan.grid, self.cells, self.folder.scores(), self.judge.name)


@dataclass(frozen=True)
class Made:
    """A study that was made.

    Attributes:
        folder: where it is.
        grid: its axes.
        results: what became of each cell.
        failed: names of the cells that were tried and failed.
        exit_status: 0; 2 where scenes of some cells are wrong, 1 where painting some failed.
    """

    folder: Path
    grid: Grid
    results: Sequence[Result]
    failed: Sequence[str]
    exit_status: int


def make_study(
    study: Study,
    reporter: Reporter,
    *,
    out: Path | None = None,
    judge: str = "",
    cancel: Cancel | None = None,
    say: Callable[[str], None] = log.warning,
    painter: Painter = paint_here,
) -> Made:
    """Paint what is missing of a study and make its table, sheet and page.

    Args:
        study: as it was read.
        reporter: receives the progress, pictures of all cells counted together.
        out: its folder; left out, ``renders/<scene>-study``.
        judge: the CLIP model that scores the cells; left out, the first that a cell's scene names.
        cancel: stops it, from another thread.
        say: is called with a line, before anything is painted, where weights or pictures are not there.
        painter: who paints the cells.

    Raises:
        Interrupted: by the user or by ``cancel``; the message says how to resume.
        RunError: the folder cannot be used.
        UsageError, WeightsError: no cell can be painted, or there is no such CLIP model.
    """
    folder = StudyFolder(out) if out is not None else StudyFolder.of(RENDERS, study.name)
    folder.make()
    plan = StudyPlan(study.name, study.source, study.seed, study.grid, ())
    with folder.lock():
        work = _work(folder, plan, [_written(one, study) for one in study.planned], judge, say)
        return _make(work, reporter, cancel or Cancel(), painter)


def resume_study(
    path: Path,
    reporter: Reporter,
    *,
    judge: str = "",
    cancel: Cancel | None = None,
    say: Callable[[str], None] = log.warning,
    painter: Painter = paint_here,
) -> Made:
    """Paint what is missing of a study that was begun; takes, returns and raises what `make_study` does."""
    folder = StudyFolder(path)
    plan = folder.read_plan()
    with folder.lock():
        work = _work(folder, plan, _read(folder, plan), judge, say)
        return _make(work, reporter, cancel or Cancel(), painter)


@dataclass(frozen=True)
class _Written:
    """A place of the grid with its scene; without one where it is wrong."""

    place: Place
    loaded: LoadedScene | None
    text: str
    reason: str


def _written(one: Planned, study: Study) -> _Written:
    """Return a cell with its scene as a short text."""
    if one.loaded is None:
        return _Written(one.place, None, "", one.reason)
    pairs = zip(study.grid.axes, study.grid.labels(one.place), strict=True)
    said = ", ".join(f"{axis.title}={label}" for axis, label in pairs)
    text = short_text(one.loaded, [f"{study.name}: {said}"])
    return _Written(one.place, replace(one.loaded, title=study.name), text, "")


def _read(folder: StudyFolder, plan: StudyPlan) -> list[_Written]:
    """Return the cells of a study as its folder holds them."""
    found, texts = [], dict[str, str]()
    for cell in plan.cells:
        if not cell.name:
            found.append(_Written(cell.place, None, "", cell.reason))
            continue
        file = str(folder.scene(cell.name))
        text = texts.setdefault(cell.name, read_text(Path(file), file))
        loaded = replace(read_text_scene(text, file), title=plan.name, only=cell.only)
        found.append(_Written(cell.place, loaded, text, ""))
    return found


def _work(
    folder: StudyFolder, plan: StudyPlan, cells: Sequence[_Written], judge: str, say: Callable[[str], None]
) -> Work:
    """Name every cell by what it paints, and write all of them down.

    A cell whose weights or pictures are not there is named by its scene, until they are.
    """
    work = Work(folder, plan, {}, {}, {}, Judge(""))
    rows: list[CellPlan] = []
    missing: dict[str, list[AnimatorError]] = {}
    for one in cells:
        if one.loaded is None:
            work.statuses.add(SceneError.exit_status)
            rows.append(CellPlan(one.place, "", one.reason))
            continue
        try:
            painted = painted_by(one.loaded)
        except (UsageError, WeightsError) as error:
            name, reason = hashlib.sha256(one.text.encode()).hexdigest()[:LETTERS], str(error).splitlines()[0]
            missing.setdefault(reason, []).append(error)
            work.statuses.add(error.exit_status)
        else:
            name, reason = painted.name, ""
            work.painted[name] = painted
        if name not in work.scenes:
            work.scenes[name], work.texts[name] = one.loaded, one.text
            folder.write(f"scenes/{name}.yaml", one.text.encode())
        rows.append(CellPlan(one.place, name, reason, one.loaded.only))
    if not work.painted:
        raise next(
            (errors[0] for errors in missing.values()), UsageError("no cell of the study can be painted")
        )
    for reason, errors in missing.items():
        say(f"{len(errors)} of {len(cells)} cells cannot be painted: {reason}")
    work.plan = replace(plan, cells=tuple(rows))
    folder.write_plan(work.plan)
    work.judge = Judge(judge or usual_judge(work.scenes.values()))
    return work


def _make(work: Work, reporter: Reporter, cancel: Cancel, painter: Painter) -> Made:
    try:
        left = find_done(work)
        _paint_all(work, left, reporter, cancel, painter)
        reporter.stage(0, "sheet")
        results = finish(work)
    except (Interrupted, KeyboardInterrupt):
        done, count = len(work.done), len(work.scenes)
        finish(work, score=False)
        raise Interrupted(
            f"stopped; {done} of {count} cells are painted; continue with: animator study {work.folder.path}"
        ) from None
    finally:
        reporter.end()
    status = max(work.statuses, default=0)
    return Made(work.folder.path, work.plan.grid, results, tuple(work.failed), status)


def find_done(work: Work) -> list[str]:
    """Note which cells are finished; return the others in the order in which they are painted.

    Cells that run on the same networks follow one another, so that these are loaded once.
    """
    left = []
    for name, painted in work.painted.items():
        still = work.scenes[name].scene.mode == "still"
        if is_finished(work.painting(name), painted, still=still):
            work.done.add(name)
        else:
            left.append(name)
    return in_order(left, work.scenes)


def in_order(names: Sequence[str], scenes: Mapping[str, LoadedScene]) -> list[str]:
    """Return cells so that those with the same networks follow one another, else in their order."""
    groups: dict[object, list[str]] = {}
    for name in names:
        groups.setdefault(_networks(scenes[name]), []).append(name)
    return [name for group in groups.values() for name in group]


def _networks(loaded: LoadedScene) -> object:
    scene = loaded.scene
    entries = tuple((entry.kind, entry.name) for entry in needed(scene))
    return entries, scene.models, scene.diffusion.model, scene.diffusion.precision, scene.device


def _paint_all(
    work: Work, names: Sequence[str], reporter: Reporter, cancel: Cancel, painter: Painter
) -> None:
    """Paint cells; one that fails does not stop the others."""
    counts = {name: _left(work, name) for name in names}
    total = sum(len(one.numbers) for one in work.painted.values())
    progress = StudyProgress(reporter, work.plan.name, total, counts)
    renew = _Renewal(work)
    for outcome in painter([work.painting(name) for name in names], progress, cancel):
        if outcome.reason:
            work.failed[outcome.name] = outcome.reason
            work.statuses.add(outcome.exit_status)
            log.warning("cell %s failed: %s", outcome.name, outcome.reason)
        else:
            work.done.add(outcome.name)
        renew()


def _left(work: Work, name: str) -> int:
    """Return how many pictures of a cell are left to paint."""
    painted, still = work.painted[name], work.scenes[name].scene.mode == "still"
    return len(painted.numbers) - frames_done(work.painting(name), painted, still=still)


class _Renewal:
    """Makes table, sheet and page anew from time to time."""

    def __init__(self, work: Work) -> None:
        self._work = work
        self._next = time.monotonic() + RENEWED

    def __call__(self) -> None:
        now = time.monotonic()
        if now >= self._next:
            finish(self._work)
            after = time.monotonic()
            self._next = after + max(RENEWED, 20 * (after - now))


def finish(work: Work, *, score: bool = True) -> list[Result]:
    """Score what is not scored yet, and write table, sheet and page; return what became of each cell."""
    if score:
        unique = {cell.name: cell for cell in work.cells.values() if cell.done}
        work.judge.score(work.folder, unique.values(), work.plan.grid.at)
    results = work.results()
    write_results(work.folder, work.plan, results, work.texts, work.judge)
    return results
