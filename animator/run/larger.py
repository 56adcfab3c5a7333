"""The larger pictures of a run: which are left to make, made and saved."""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import partial

from animator import __version__
from animator.film.larger import Larger, Saved, larger
from animator.film.loop import Finished, Listener
from animator.flow.load import load_flow
from animator.run.cancel import Cancel
from animator.run.dispatch import family_of_job, judged
from animator.run.job import Job
from animator.run.plan import ranges
from animator.run.progress import Progress
from animator.run.reporter import Reporter
from animator.run.save import Lap, picture_text, to_pixels
from animator.runs import Entry
from animator.runs.folder import FRAMES
from animator.runs.hires import HIRES, finished_large, large_entries, save_large
from animator.runs.read_frames import read_frames
from animator.scene.larger import tile_side
from animator.settings.scene import Scene
from animator.system.convert import pixels_to_frame
from animator.types import Frame, StillEngine
from animator.watch import Watch

log = logging.getLogger(__name__)

WAY = 1
"""Number of the way in which larger pictures are made. Raise it when the program makes others of the same
pictures and settings than before."""

FLOW = "dis"
"""Optical flow between frames of a film, see `animator.flow.load`: it needs no weights."""


def larger_of(scene: Scene) -> Larger | None:
    """Return how a scene's pictures are painted again; None where they are not."""
    if scene.large_size is None:
        return None
    hold = 0.0 if scene.mode == "still" else scene.hires.hold
    return Larger(*scene.large_size, scene.hires.keep(scene.diffusion.steps), tile_side(scene), hold)


def large_inputs(
    scene: Scene, numbers: Iterable[int], inputs: Sequence[str], entries: Mapping[int, Entry]
) -> dict[int, str]:
    """Return the fingerprint of each larger picture that a scene wants, by its number.

    It follows from the first picture, from all that decided that one (prompts, guidance, weights), and from
    the section `hires`; in a film also from the larger frames before it. Drafts have none, nor pictures that
    are not there.

    Args:
        scene: the scene.
        numbers: which pictures are wanted, in order.
        inputs: fingerprint of each picture of the first painting.
        entries: their entries in the journal.
    """
    how = larger_of(scene)
    if how is None:
        return {}
    decided = [WAY, how.width, how.height, how.keep, how.tiles, how.hold, scene.output.ten_bits]
    chain = hashlib.sha256(json.dumps(decided).encode()).hexdigest()
    found = {}
    for number in numbers:
        if number not in entries or entries[number].stopped < 1:
            continue
        parts = f"{chain} {inputs[number]} {entries[number].file}"
        found[number] = hashlib.sha256(parts.encode()).hexdigest()
        if how.hold:
            chain = found[number]
    return found


def make_larger(job: Job, reporter: Reporter, cancel: Cancel) -> None:
    """Make the larger pictures that are not up to date, in order; nothing where a scene wants none.

    Args:
        job: the scene, all of whose pictures are finished; its run is locked.
        reporter: receives the progress.
        cancel: stops it.

    Raises:
        MemoryShortage: not even the smallest tiles fit into the memory.
        PaintError: a picture is bad, whatever is tried.
        RunError: the disk refuses.
    """
    how, run, entries = larger_of(job.loaded.scene), job.run, job.run.journal()
    saved, scene = finished_large(job.run), job.loaded.scene
    wanted = large_inputs(scene, job.numbers, job.inputs, entries)
    missing = [n for n, inputs in wanted.items() if n not in saved or saved[n].inputs != inputs]
    if how is None or not missing:
        return
    name = f"{job.loaded.name} {how.width} x {how.height}"
    again = [number for number in missing if number in saved]
    if again:
        log.warning("%d larger pictures are made again (%s)", len(again), ranges(again))
    log.info("%s: %d of %d are up to date", name, len(wanted) - len(missing), len(wanted))

    drive = partial(_drive, job, how, missing, entries)
    # What is kept of the first painting must not be written over.
    nothing = {"losses": False, "show_cuts": False, "intermediates": 0, "diffusion_film": False}
    output = scene.output.model_copy(update=nothing)
    with Watch(run.path, output, fps=scene.fps) as watch:
        progress = Progress(reporter, watch, cancel)
        reporter.begin(name, len(wanted), len(wanted) - len(missing))
        for left, finished in zip(reversed(range(len(missing))), judged(job, drive, progress), strict=True):
            progress.next_lap()
            _save(job, finished, wanted[finished.frame], progress.lap)
            reporter.finished(finished.frame, progress.lap.seconds, left)
        watch.end((), run.read_frame, {})


def _drive(
    job: Job,
    how: Larger,
    missing: Sequence[int],
    entries: Mapping[int, Entry],
    engine: StillEngine,
    listener: Listener,
) -> Iterator[Finished]:
    """Return the larger pictures that are left, each made when it is asked for."""

    def read(number: int, folder: str, lines: Mapping[int, Entry]) -> Frame:
        return pixels_to_frame(next(read_frames(job.run, lines, [number], folder, deep=True)))

    saved = Saved(partial(read, folder=FRAMES, lines=entries), partial(read, folder=HIRES, lines={}))
    flow, family = load_flow(FLOW) if how.hold else None, family_of_job(job)
    timeline, shot = job.loaded.timeline, job.shot
    return larger(timeline, shot, how, engine, missing, saved, flow, family=family, listener=listener)


def _save(job: Job, finished: Finished, inputs: str, lap: Lap) -> None:
    """Write a larger picture and its line, before the next one, which may be painted over it, is made."""
    entry = Entry(
        finished.frame,
        inputs,
        finished.seed,
        round(lap.seconds, 3),
        stages={stage: round(part, 4) for stage, part in lap.stages.items()},
        notes=finished.notes,
        program=__version__,
    )
    save_large(job.run, to_pixels(job, finished.picture), picture_text(job, finished), entry)
    log.info("larger picture %d saved after %.1f s", finished.frame, lap.seconds)


def large_digest(job: Job) -> str:
    """Return a hash of all larger pictures of a film, as they were saved."""
    lines = large_entries(job.run)
    return hashlib.sha256("\n".join(lines[number].file for number in job.numbers).encode()).hexdigest()
