"""Painting a study: what is missing, cell by cell, then its table, sheet and page."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path

from animator.diffusion.memory_saving import out_of_memory
from animator.errors import AnimatorError, Interrupted, RunError, SceneError, UsageError, WeightsError
from animator.importing.short import short_text
from animator.run.cancel import Cancel
from animator.run.networks import needed
from animator.run.reporter import Reporter
from animator.scene.reading import LoadedScene, read_text_scene
from animator.scene.source import read_text
from animator.study.cells import Study
from animator.study.folder import CellPlan, StudyFolder, StudyPlan
from animator.study.grid import Grid, Place
from animator.study.identity import Painted, painted_by
from animator.study.painting import Painting, frames_done, is_finished, paint, painting_of
from animator.study.place import RENDERS
from animator.study.progress import StudyProgress
from animator.study.results import Cell, Result, results_of
from animator.study.scores import Judge, usual_judge
from animator.study.shown import write_results
from animator.weights.shared import SharedNetworks

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
        exit_status: 0; 2 where scenes of some cells are wrong, 1 where painting some failed.
    """

    folder: Path
    grid: Grid
    results: Sequence[Result]
    exit_status: int


def make_study(
    study: Study,
    reporter: Reporter,
    *,
    out: Path | None = None,
    judge: str = "",
    cancel: Cancel | None = None,
) -> Made:
    """Paint what is missing of a study and make its table, sheet and page.

    Args:
        study: as it was read.
        reporter: receives the progress, pictures of all cells counted together.
        out: its folder; left out, ``renders/<scene>-study``.
        judge: the CLIP model that scores the cells; left out, the first that a cell's scene names.
        cancel: stops it, from another thread.

    Raises:
        Interrupted: by the user or by ``cancel``; the message says how to resume.
        RunError: the folder cannot be used.
        UsageError: there is no such device, or no such CLIP model.
    """
    folder = StudyFolder(out) if out is not None else StudyFolder.of(RENDERS, study.name)
    folder.make()
    with folder.lock():
        work = _planned(study, folder, judge)
        return _make(work, reporter, cancel or Cancel())


def resume_study(path: Path, reporter: Reporter, *, judge: str = "", cancel: Cancel | None = None) -> Made:
    """Paint what is missing of a study that was begun; return and raise what `make_study` does."""
    folder = StudyFolder(path)
    folder.read_plan()
    with folder.lock():
        return _make(begun(folder, judge), reporter, cancel or Cancel())


def begun(folder: StudyFolder, judge: str = "") -> Work:
    """Return a study as its folder holds it, without looking at what it painted."""
    plan, scenes, painted = folder.read_plan(), dict[str, LoadedScene](), dict[str, Painted]()
    cells, texts = [], dict[str, str]()
    for cell in plan.cells:
        if cell.name and cell.name not in scenes:
            file = str(folder.scene(cell.name))
            texts[cell.name] = read_text(Path(file), file)
            loaded = read_text_scene(texts[cell.name], file)
            loaded = replace(loaded, title=plan.name, only=cell.only)
            what, reason = _painted(loaded)
            scenes[cell.name] = loaded
            if what is not None:
                painted[cell.name] = what
            cell = replace(cell, reason=reason)
        cells.append(cell)
    plan = replace(plan, cells=tuple(cells))
    return Work(folder, plan, scenes, texts, painted, Judge(judge or usual_judge(scenes.values())))


def _planned(study: Study, folder: StudyFolder, judge: str) -> Work:
    """Write down a study: its axes, and the scene of every cell."""
    cells, scenes, painted = [], dict[str, LoadedScene](), dict[str, Painted]()
    texts: dict[str, str] = {}
    for one in study.planned:
        if one.loaded is None:
            cells.append(CellPlan(one.place, "", one.reason))
            continue
        what, reason = _painted(one.loaded)
        if what is None:
            cells.append(CellPlan(one.place, "", reason))
            continue
        if what.name not in scenes:
            labels = study.grid.labels(one.place)
            pairs = zip(study.grid.axes, labels, strict=True)
            said = ", ".join(f"{axis.title}={label}" for axis, label in pairs)
            head = [f"{study.name}, cell {what.name}: {said}"]
            texts[what.name] = short_text(one.loaded, head)
            folder.write(f"scenes/{what.name}.yaml", texts[what.name].encode())
            scenes[what.name], painted[what.name] = replace(one.loaded, title=study.name), what
        cells.append(CellPlan(one.place, what.name, "", one.loaded.only))
    plan = StudyPlan(study.name, study.source, study.seed, study.grid, tuple(cells))
    folder.write_plan(plan)
    return Work(folder, plan, scenes, texts, painted, Judge(judge or usual_judge(scenes.values())))


def _painted(loaded: LoadedScene) -> tuple[Painted | None, str]:
    """Return what a scene paints, or why that cannot be painted."""
    try:
        return painted_by(loaded), ""
    except (UsageError, WeightsError) as error:
        return None, str(error).splitlines()[0]


def _make(work: Work, reporter: Reporter, cancel: Cancel) -> Made:
    wrong = [cell for cell in work.plan.cells if cell.reason]
    work.statuses |= {2} if wrong else set()
    try:
        left = find_done(work)
        _paint_all(work, left, reporter, cancel)
        reporter.stage(0, "sheet")
        results = finish(work)
    except (Interrupted, KeyboardInterrupt):
        done, count = len(work.done), len(work.scenes)
        reporter.end()
        finish(work, score=False)
        raise Interrupted(
            f"stopped; {done} of {count} cells are painted; continue with: animator study {work.folder.path}"
        ) from None
    finally:
        reporter.end()
    return Made(work.folder.path, work.plan.grid, results, max(work.statuses, default=0))


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


def _paint_all(work: Work, names: Iterable[str], reporter: Reporter, cancel: Cancel) -> None:
    """Paint cells one after another; one that fails does not stop the others."""
    names = list(names)
    counts = {name: _left(work, name) for name in names}
    total = sum(len(one.numbers) for one in work.painted.values())
    progress = StudyProgress(reporter, work.plan.name, total, counts)
    shared, renew = SharedNetworks(), _Renewal(work)
    for name in names:
        cancel.check()
        progress.cell(name)
        reason, status = _tried(partial(paint, work.painting(name), progress, cancel, shared))
        if reason:
            work.failed[name] = reason
            work.statuses.add(status)
            log.warning("cell %s failed: %s", name, reason)
        else:
            work.done.add(name)
        renew()


def _left(work: Work, name: str) -> int:
    """Return how many pictures of a cell are left to paint."""
    painted, still = work.painted[name], work.scenes[name].scene.mode == "still"
    return len(painted.numbers) - frames_done(work.painting(name), painted, still=still)


def _tried(call: Callable[[], object]) -> tuple[str, int]:
    """Call; return why it failed and the exit status of that, or an empty text and 0."""
    try:
        call()
    except (Interrupted, RunError):  # of an interrupt, and of the disk, the other cells are no better off
        raise
    except SceneError as error:
        return str(error).splitlines()[0], 1
    except AnimatorError as error:
        return str(error).splitlines()[0], error.exit_status
    except (RuntimeError, MemoryError) as error:
        if out_of_memory(error):
            return "the memory does not hold it; try a smaller size or fewer cuts", 1
        return f"{type(error).__name__}: {(str(error).splitlines() or ['no message'])[0]}", 1
    return "", 0


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
