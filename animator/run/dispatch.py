"""Which driver makes the frames that a run has left to make."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from animator.engines.family import Family
from animator.engines.registry import family_of
from animator.film.guard import Make, guarded
from animator.film.loop import Finished, Listener, LoopState, film
from animator.film.stills import stills
from animator.film.stylise import stylise
from animator.film.turbo import turbo_film
from animator.run.footage import clip_of
from animator.run.job import Job
from animator.run.resume import broken_before, state_before
from animator.runs import Entry
from animator.types import StillEngine


def remaining(
    job: Job, left: Sequence[int], entries: Mapping[int, Entry], listener: Listener
) -> Iterator[Finished]:
    """Return the frames or pictures that are left, each made when it is asked for.

    A film goes on from the nearest kept state before each gap; frames on the way from there to the gap are
    made again and come too.

    Args:
        job: the scene with all that it needs.
        left: their numbers, in order.
        entries: what stands already.
        listener: told of every step.
    """
    if job.loaded.scene.mode == "still":
        return _stills(job, left, entries, listener)
    return _gaps(job, left, entries, listener)


def _gaps(
    job: Job, left: Sequence[int], entries: Mapping[int, Entry], listener: Listener
) -> Iterator[Finished]:
    """Return the frames of a film that are left, and those on the way to them."""
    running, at = None, -1
    for number in left:
        if running is None or at < number - 1:
            state = state_before(job, number, after=at)
            if running is None or state is not None:
                running = _film(job, state or LoopState(), entries, listener)
        for finished in running:
            at = finished.frame
            yield finished
            if at == number:
                break


def _film(job: Job, state: LoopState, entries: Mapping[int, Entry], listener: Listener) -> Iterator[Finished]:
    """Return the frames of a film from a state on, none of them bad."""
    broken = broken_before(entries, state.frame + 1)
    return _guarded(job, lambda engine, told: _driver(job, state, engine, told), listener, broken)


def _guarded(job: Job, driver: Make, listener: Listener, broken: int = 0) -> Iterator[Finished]:
    """Return the frames of a driver, looked at as the scene says; what no network painted is not judged."""
    scene, tools = job.loaded.scene, job.tools
    if scene.models == "fake":
        return driver(tools.engine, listener)
    return guarded(
        driver, tools.engine, scene.guard, listener, device=tools.device, broken=broken, family=_family(job)
    )


def _family(job: Job) -> Family:
    return family_of(job.loaded.scene.diffusion.model)


def _driver(job: Job, state: LoopState, engine: StillEngine, listener: Listener) -> Iterator[Finished]:
    """Return the driver of a film, from a state on."""
    scene, tools = job.loaded.scene, job.tools
    timeline, shot, depth = job.loaded.timeline, job.shot, tools.depth
    if scene.mode == "video":
        return _stylised(job, state, engine, listener)
    if scene.turbo.steps > 1:
        return turbo_film(timeline, shot, engine, depth, state, flow=tools.flow, listener=listener)
    return film(timeline, shot, engine, depth, state, listener=listener)


def _stylised(job: Job, state: LoopState, engine: StillEngine, listener: Listener) -> Iterator[Finished]:
    """Return the frames of stylised footage; it is open as long as they are made."""
    with clip_of(job) as clip:
        timeline, shot = job.loaded.timeline, job.shot
        yield from stylise(
            timeline, shot, engine, clip.frame, clip.flows, clip.cuts, clip.trust, state, listener=listener
        )


def _stills(
    job: Job, left: Sequence[int], entries: Mapping[int, Entry], listener: Listener
) -> Iterator[Finished]:
    """Return the stills that are left; drafts are gone on with."""
    drafts = {
        number: job.run.load_draft(number)
        for number in left
        if number in entries
        and entries[number].inputs == job.inputs[number]
        and job.run.draft_file(number).is_file()
    }
    # On a CPU several at once are no faster, and they are rounded otherwise, which grows with every step.
    batch = 1 if job.tools.device.type == "cpu" else job.loaded.scene.batch

    def driver(engine: StillEngine, told: Listener) -> Iterator[Finished]:
        timeline, shot = job.loaded.timeline, job.shot
        return stills(
            timeline,
            shot,
            engine,
            left,
            drafts,
            batch=batch,
            stop_at=job.stop_at,
            same_stop=_family(job).same_stop,
            listener=told,
        )

    return _guarded(job, driver, listener)
