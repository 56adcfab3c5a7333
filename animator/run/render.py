"""A scene in, a run folder with a film or pictures out; and going on where a run was stopped."""

from __future__ import annotations

import dataclasses
import logging
import time
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path

import torch

from animator import __version__
from animator.errors import Interrupted, RunError, UsageError
from animator.film.loop import Finished, Listener
from animator.report import write_report
from animator.run.background import Aside
from animator.run.dispatch import remaining
from animator.run.job import Job, job_of, load_tools
from animator.run.outputs import GrowingFilms, film_path, make_outputs, make_still_pairs, shows_frames
from animator.run.persist import Lap, keep, write_head
from animator.run.reporter import Reporter
from animator.run.resume import Standing, film_stands, standing
from animator.run.sources import gather
from animator.runs import RunFolder
from animator.runs.folder import FILM, FRAMES
from animator.runs.log import LOG, log_levels, run_log
from animator.runs.read_frames import read_frames
from animator.scene.reading import LoadedScene, read_scene
from animator.types import PaintStep
from animator.watch import Watch

log = logging.getLogger(__name__)

RENDERS = Path("renders")
"""Where runs go when no folder is named."""


def render_scene(loaded: LoadedScene, reporter: Reporter, *, out: Path | None = None) -> Path:
    """Render a scene and return what a user will want to open: the film, or the folder of the pictures.

    Args:
        loaded: the scene.
        reporter: is told how far it is.
        out: the run folder; a run that is in it already is gone on with, as far as its frames still hold.
            Without it, a new folder under ``renders/<scene>/``.

    Raises:
        Interrupted: by the user; the message tells how to go on.
        UsageError: a picture that the scene names cannot be had.
        WeightsError: a network's weights are not there or damaged.
        RunError: the run folder cannot be used.
        FilmError: the encoder failed.
    """
    begun = out is not None and (out / "run.json").is_file()
    sources = gather(loaded, out if begun else None)
    tools = load_tools(loaded, sources)  # before the folder: what is missing leaves none behind
    run = RunFolder.open(out) if begun and out else RunFolder.create(RENDERS, loaded.name, out=out)
    return _make(job_of(run, loaded, sources, tools), reporter)


def resume_run(path: Path, reporter: Reporter) -> Path:
    """Go on with a run from its last finished frame; return what `render_scene` would have."""
    run, loaded = _opened(path)
    sources = gather(loaded, run.path)
    return _make(job_of(run, loaded, sources, load_tools(loaded, sources)), reporter)


def finish_run(path: Path, pictures: Sequence[int], reporter: Reporter) -> Path:
    """Finish drafts of stills that ``diffusion.stop_at`` left, and return the folder of the pictures.

    On a CPU they become what they would have become without stopping, to the bit where as many were painted
    at once.

    Args:
        path: the run folder.
        pictures: numbers of the drafts to finish; empty: all of them.
        reporter: is told how far it is.

    Raises:
        UsageError: one of them is no draft, or there is none.
    """
    run, loaded = _opened(path)
    drafts = [frame for frame, entry in run.finished_frames().items() if entry.stopped < 1]
    for number in pictures:
        if number not in drafts:
            shown = ", ".join(map(str, drafts)) or "none"
            raise UsageError(f"{path}: picture {number} is no draft; the drafts in this run are: {shown}")
    if not drafts:
        raise UsageError(f"{path}: holds no drafts; render a still with --set diffusion.stop_at=40% first")
    diffusion = loaded.scene.diffusion.model_copy(update={"stop_at": None})
    scene = loaded.scene.model_copy(update={"diffusion": diffusion})
    loaded = dataclasses.replace(loaded, scene=scene, only=tuple(pictures or drafts))
    sources = gather(loaded, run.path)
    # The run's scene.yaml keeps its stop_at: of the other drafts nothing more was asked.
    return _make(job_of(run, loaded, sources, load_tools(loaded, sources)), reporter, head=False)


def _opened(path: Path) -> tuple[RunFolder, LoadedScene]:
    """Return a run and its scene, with the pictures that were chosen from it."""
    run = RunFolder.open(path)
    if not run.scene_file.is_file():
        raise RunError(f"{path}: holds no scene.yaml, so nothing was begun; render the scene again")
    info = run.read_info()
    loaded = read_scene(run.scene_file)
    only = tuple(int(number) for number in info.get("only", ()))
    return run, dataclasses.replace(loaded, title=str(info.get("scene", "scene")), only=only)


def _make(job: Job, reporter: Reporter, *, head: bool = True) -> Path:
    """Make the frames that do not stand yet, and the films of all of them."""
    run = job.run
    try:
        with run.lock(), run_log(run.path / LOG, **log_levels()):
            there = standing(run, job.loaded, job.inputs)
            log.info(
                "%s: animator %s, torch %s, on %s, %d of %d frames stand",
                job.loaded.name, __version__, torch.__version__, job.tools.device,
                len(there.done), len(there.numbers),
            )  # fmt: skip
            if film_stands(job, there):
                return film_path(run, job.loaded)
            if head:
                write_head(job)
            _fill(job, there, reporter)
            made = _finished(job, there, reporter)
            reporter.stage(there.numbers[-1], "report")
            write_report(run)
            log.info("done")
            return made
    except KeyboardInterrupt as stop:
        verb = "resume" if head else "finish"
        raise Interrupted(f"stopped; go on with: animator {verb} {run.path}") from stop
    finally:
        reporter.end()


def _finished(job: Job, there: Standing, reporter: Reporter) -> Path:
    """Make what is made of finished frames; return what a user will want to open."""
    run = job.run
    if job.loaded.scene.mode == "still":
        make_still_pairs(job, there.numbers)
        return run.path / FRAMES

    def told(film: str) -> None:
        reporter.stage(there.numbers[-1], f"film {film}")
        log.info("film %s", film)

    made = make_outputs(job, told)
    if shows_frames(job.loaded):
        run.write_info({**run.read_info(), FILM: film_path(run, job.loaded).name})
    return made


def _fill(job: Job, there: Standing, reporter: Reporter) -> None:
    """Go through all frames in order: read those that stand, make the others, put each into the films."""
    run, loaded = job.run, job.loaded
    still = loaded.scene.mode == "still"
    with (
        Watch(run.path, loaded.scene.output, fps=loaded.scene.fps) as watch,
        GrowingFilms(run, loaded) as films,
        Aside() as aside,
    ):
        reporter.begin(loaded.name, len(there.numbers), len(there.done))
        following = _Following(reporter, watch)
        made = remaining(job, there.missing, there.entries, following)
        read = read_frames(run, [] if still else sorted(there.done), deep=True)
        left = len(there.missing)
        for number in there.numbers:
            if number not in there.done:
                finished, lap = _made(made, number, following, watch)
                aside.put(partial(_keep, job, finished, lap, films))
                left -= 1
                reporter.finished(number, lap.seconds, left)
            elif not still:
                aside.put(partial(films.add, number, next(read)))
        aside.finish()
        run.thin_states(job.states)
        shown = tuple(there.numbers) if still else ()
        seeds = {number: entry.seed for number, entry in run.journal().items()}
        watch.end(shown, run.read_frame, seeds)
        films.finish()


def _keep(job: Job, finished: Finished, lap: Lap, films: GrowingFilms) -> None:
    """Step 7 of a frame's way, done while the next one is painted."""
    films.add(finished.frame, keep(job, finished, lap))
    log.info("frame %d kept after %.1f s (seed %d)", finished.frame, lap.seconds, finished.seed)


def _made(
    frames: Iterator[Finished], number: int, following: _Following, watch: Watch
) -> tuple[Finished, Lap]:
    """Return a frame as the drivers make it; those on the way to it stand already and are let go."""
    for finished in frames:
        watch.finish()
        lap = following.lap()
        if finished.frame == number:
            return finished, lap
    raise RuntimeError(f"frame {number} was not made")


class _Following(Listener):
    """Hears of each step of the drivers, tells who watches, and takes the time."""

    def __init__(self, reporter: Reporter, watch: Watch) -> None:
        self._reporter = reporter
        self._watch = watch
        self._together = 1
        self._waiting = 0
        self._lap = Lap(0.0)
        self._stage = ""
        self._stages: dict[str, float] = {}
        self._last = self._began = time.monotonic()

    def stage(self, frame: int, name: str) -> None:
        """A step of a frame's way begins."""
        self._next_stage(name)
        self._reporter.stage(frame, name)

    def begin(self, frames: Sequence[int]) -> None:
        """These frames are painted at once from now on."""
        self._together = self._waiting = len(frames)
        self._watch.begin(frames)

    def step(self, step: PaintStep) -> None:
        """A step of their diffusion is done."""
        self._reporter.step(step.done, step.total)
        self._watch.step(step)

    def lap(self) -> Lap:
        """A frame is there; return the time it took, its share where several were painted at once."""
        self._next_stage("")
        now = time.monotonic()
        if self._waiting == self._together or not self._waiting:  # the first of them, or one not painted
            stages = {name: seconds / self._together for name, seconds in self._stages.items()}
            self._lap = Lap((now - self._last) / self._together, stages)
        self._waiting = max(self._waiting - 1, 0)
        if not self._waiting:
            self._together, self._stages = 1, {}
        self._last = now
        return self._lap

    def _next_stage(self, name: str) -> None:
        now = time.monotonic()
        if self._stage:
            self._stages[self._stage] = self._stages.get(self._stage, 0.0) + now - self._began
        self._stage, self._began = name, now
