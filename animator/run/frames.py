"""The frames of a run that are left to make, made one after another and saved."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from functools import partial

from animator.film.loop import Finished
from animator.run.background import BackgroundWorker
from animator.run.cancel import Cancel
from animator.run.dispatch import frames_left
from animator.run.growing import GrowingFilms
from animator.run.job import Job
from animator.run.plan import ResumePlan
from animator.run.progress import Progress
from animator.run.reporter import Reporter
from animator.run.save import Lap, save_frame
from animator.runs.read_frames import read_frames
from animator.watch import Watch

log = logging.getLogger(__name__)


def make_frames(job: Job, plan: ResumePlan, films: GrowingFilms, reporter: Reporter, cancel: Cancel) -> None:
    """Make the frames that are not up to date, in order, and put all frames into the films that grow.

    Args:
        job: the scene.
        plan: which frames are finished.
        films: are given every frame; none where nothing is to make.
        reporter: receives the progress.
        cancel: stops it.
    """
    run, loaded, numbers = job.run, job.loaded, plan.numbers
    with (
        Watch(run.path, loaded.scene.output, fps=loaded.scene.fps) as watch,
        films,
        BackgroundWorker() as worker,
    ):
        progress = Progress(reporter, watch, cancel)
        reporter.begin(loaded.name, len(numbers), len(plan.done))
        made = frames_left(job, plan, progress)
        saved = read_frames(run, plan.entries, sorted(plan.done) if films.paths else (), deep=True)
        left = len(plan.missing)
        for number in numbers:
            if number not in plan.done:
                finished = _next_made(made, number, progress, watch)
                lap = progress.lap
                worker.put(partial(_save, job, finished, lap, films))
                left -= 1
                reporter.finished(number, lap.seconds, left)
            elif films.paths:
                worker.put(partial(films.add, number, next(saved)))
        worker.finish()
        run.thin_states(job.states)
        seeds = {number: entry.seed for number, entry in run.journal().items()}
        watch.end(tuple(numbers) if job.still else (), run.read_frame, seeds)
        films.finish()


def _save(job: Job, finished: Finished, lap: Lap, films: GrowingFilms) -> None:
    """Step 7 of a frame's way, done while the next one is painted."""
    films.add(finished.frame, save_frame(job, finished, lap))
    log.info("frame %d saved after %.1f s (seed %d)", finished.frame, lap.seconds, finished.seed)


def _next_made(frames: Iterator[Finished], number: int, progress: Progress, watch: Watch) -> Finished:
    """Return a frame as the drivers make it; frames on the way to it are saved already and are let go."""
    for finished in frames:
        watch.finish()
        progress.next_lap()
        if finished.frame == number:
            return finished
    raise RuntimeError(f"frame {number} was not made")
