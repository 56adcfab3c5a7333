"""Which driver makes the frames that a run has left to make, and from which state on."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping
from functools import partial

from animator.engines.family import Family
from animator.engines.registry import family_of
from animator.errors import RunError
from animator.film.guard import KEPT, guarded
from animator.film.loop import Finished, Listener, film
from animator.film.state import LoopState
from animator.film.stills import stills
from animator.film.stylise import stylise
from animator.film.turbo import turbo_film
from animator.run.footage import open_footage
from animator.run.job import Job
from animator.run.loop_state import load_state
from animator.run.plan import Gap, ResumePlan
from animator.runs import Entry
from animator.types import StillEngine

log = logging.getLogger(__name__)


def frames_left(job: Job, plan: ResumePlan, listener: Listener) -> Iterator[Finished]:
    """Return the frames or pictures that are left, each made when it is asked for.

    A film is resumed from the nearest saved state before each gap; the frames between that state and the gap
    are made again and come too.

    Args:
        job: the scene with all that it needs.
        plan: which are left, and the states before them.
        listener: is called after every step.
    """
    if job.still:
        return judged(job, partial(_stills, job, plan), listener)
    return _gaps(job, plan, listener)


def _gaps(job: Job, plan: ResumePlan, listener: Listener) -> Iterator[Finished]:
    """Return the frames of a film that are left, and those on the way to them."""
    running, at = None, -1
    for gap in plan.gaps:
        state = _state_before(job, gap, at)
        if running is None or state is not None:
            running = _film(job, state or LoopState(), plan.entries, listener)
        for finished in running:
            at = finished.frame
            yield finished
            if at == gap.last:
                break


def _state_before(job: Job, gap: Gap, after: int) -> LoopState | None:
    """Return the nearest state before a gap, but after a frame, that is whole; or None."""
    for number in gap.states:
        if number <= after:
            return None
        try:
            return load_state(job.run, number + 1, job.tools.device)
        except RunError as fault:
            log.warning("%s; continuing from an earlier state", str(fault).partition(";")[0])
    return None


def _film(job: Job, state: LoopState, entries: Mapping[int, Entry], listener: Listener) -> Iterator[Finished]:
    """Return the frames of a film from a state on, none of them bad."""
    return judged(
        job, partial(_driver_of(job), job, state), listener, broken_before(entries, state.frame + 1)
    )


Driver = Callable[[Job, LoopState, StillEngine, Listener], Iterator[Finished]]
"""Makes the frames of a film, from a state on."""


def judged(
    job: Job,
    driver: Callable[[StillEngine, Listener], Iterator[Finished]],
    listener: Listener,
    broken: int = 0,
) -> Iterator[Finished]:
    """Return the frames of a driver, judged as the scene says; what no network painted is not judged."""
    scene, tools = job.loaded.scene, job.tools
    if scene.models == "fake":
        return driver(tools.engine, listener)
    return guarded(
        driver,
        tools.engine,
        scene.guard,
        listener,
        device=tools.device,
        broken=broken,
        family=family_of_job(job),
    )


def family_of_job(job: Job) -> Family:
    """Return the family of the engine that paints a scene."""
    return family_of(job.loaded.scene.diffusion.model)


def _driver_of(job: Job) -> Driver:
    """Return the driver of a film by its mode."""
    if job.shot.mode == "video":
        return _stylised
    return _turbo if job.shot.turbo.steps > 1 else _every_frame


def _every_frame(job: Job, state: LoopState, engine: StillEngine, listener: Listener) -> Iterator[Finished]:
    """Every frame is painted."""
    return film(job.loaded.timeline, job.shot, engine, job.tools.depth, state, listener=listener)


def _turbo(job: Job, state: LoopState, engine: StillEngine, listener: Listener) -> Iterator[Finished]:
    """Every n-th frame is painted."""
    timeline, tools = job.loaded.timeline, job.tools
    return turbo_film(timeline, job.shot, engine, tools.depth, state, flow=tools.flow, listener=listener)


def _stylised(job: Job, state: LoopState, engine: StillEngine, listener: Listener) -> Iterator[Finished]:
    """Footage is painted over; it is open as long as frames are made."""
    with open_footage(job) as footage:
        yield from stylise(
            job.loaded.timeline,
            job.shot,
            engine,
            footage.frame,
            footage.flows,
            footage.cuts,
            footage.trust,
            state,
            listener=listener,
        )


def _stills(job: Job, plan: ResumePlan, engine: StillEngine, listener: Listener) -> Iterator[Finished]:
    """Single pictures are painted, several at once on a GPU; drafts are painted from where they stopped."""
    left, entries = plan.missing, plan.entries
    drafts = {
        number: job.run.load_draft(number)
        for number in left
        if number in entries
        and entries[number].inputs == job.inputs[number]
        and job.run.draft_file(number).is_file()
    }
    # On a CPU several at once are no faster, and they are rounded otherwise, which grows with every step.
    batch = 1 if job.tools.device.type == "cpu" else job.loaded.scene.batch
    timeline, shot = job.loaded.timeline, job.shot
    return stills(
        timeline,
        shot,
        engine,
        left,
        drafts,
        batch=batch,
        stop_at=job.stop_at,
        same_stop=family_of_job(job).same_stop,
        listener=listener,
    )


def broken_before(entries: Mapping[int, Entry], frame: int) -> int:
    """Return how many painted frames in a row, up to the one before ``frame``, could not be painted.

    Frames that were only moved, as in turbo, are passed over.
    """
    count = 0
    for number in range(frame - 1, -1, -1):
        entry = entries.get(number)
        if entry is None:
            break
        if any(note.endswith(KEPT) for note in entry.notes):
            count += 1
        elif "denoise" in entry.stages or not entry.stages:
            break
    return count
