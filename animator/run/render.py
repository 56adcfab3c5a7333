"""A scene in, a run folder with a film or pictures out; and resuming a run that was stopped.

The way of a scene through a run, each step with its file:

1. `sources`: the pictures and the footage that it names are found and hashed;
2. `tools`: its networks are loaded;
3. `animator.runs.folder`: its run is made or opened;
4. `job`: all that decides its frames, as plain values, with their fingerprints;
5. `plan`: which frames are finished, and which are left to make;
6. `frames`: these are made and saved;
7. `larger`: they are painted again, larger, where the scene says so;
8. `outputs`: films, sound and pictures are made of all frames, as far as they are not up to date;
9. `animator.report`: the report.
"""

from __future__ import annotations

import dataclasses
import logging
from collections.abc import Sequence
from pathlib import Path

import torch

from animator import __version__
from animator.diffusion.elsewhere import Elsewhere
from animator.errors import AnimatorError, Interrupted, RunError, UsageError
from animator.report import write_report
from animator.run.best import report_saving, with_best
from animator.run.cancel import Cancel
from animator.run.frames import make_frames
from animator.run.growing import GrowingFilms
from animator.run.job import Job, job_of
from animator.run.larger import make_larger
from animator.run.outdated import edited, report_outdated
from animator.run.outputs import stages_of
from animator.run.plan import plan_of
from animator.run.reporter import Reporter
from animator.run.save import write_head
from animator.run.sources import gather
from animator.run.stages import make_stages
from animator.run.tools import load_tools
from animator.runs import RunFolder
from animator.runs.folder import FILM
from animator.runs.log import LOG, log_levels, run_log
from animator.scene.choosing import chooses
from animator.scene.reading import LoadedScene, read_scene
from animator.weights.shared import SharedNetworks

log = logging.getLogger(__name__)

RENDERS = Path("renders")
"""Where runs go when no folder is named."""


def render_scene(
    loaded: LoadedScene,
    reporter: Reporter,
    *,
    out: Path | None = None,
    cancel: Cancel | None = None,
    shared: SharedNetworks | None = None,
    report: bool = True,
    elsewhere: Elsewhere | None = None,
) -> Path:
    """Render a scene and return what a user will want to open: the film, or the folder of the pictures.

    Args:
        loaded: the scene.
        reporter: receives the progress.
        out: the run folder; a run that is in it already is resumed, as far as its frames are up to date.
            Without it, a new folder under ``renders/<scene>/``.
        cancel: stops it, from another thread.
        shared: networks that several scenes use; without it they are let go at the end.
        report: whether its pictures are measured at the end, for ``report.json`` and ``report.html``.
        elsewhere: other processes that are asked for the tiles of its larger pictures, or None.

    Raises:
        Interrupted: by the user or by ``cancel``; the message says how to resume.
        UsageError: a picture that the scene names cannot be had, or the device.
        WeightsError: a network's weights are not there or damaged.
        RunError: the run folder cannot be used.
        FilmError: the encoder failed.
    """
    begun = RunFolder.open(out) if out is not None and (out / "run.json").is_file() else None
    # All before the folder: what is missing or cannot be read leaves none behind.
    sources = gather(loaded, out if begun else None)
    sources.try_all()
    tools = load_tools(loaded, sources, shared, elsewhere)
    if begun is not None:
        keep = not edited(begun, loaded)
        job = job_of(begun, loaded, sources, tools)
        return _make(job, reporter, cancel or Cancel(), keep=keep, report=report)
    there = out is not None and out.exists()
    run = RunFolder.create(RENDERS, loaded.name, out=out)
    try:
        return _make(job_of(run, loaded, sources, tools), reporter, cancel or Cancel(), report=report)
    except AnimatorError as fault:
        # What the disk refuses can be resumed once it does not, and the message says so.
        if not isinstance(fault, (Interrupted, RunError)):
            run.remove_bare(keep_folder=there)
        raise


def resume_run(
    path: Path,
    reporter: Reporter,
    *,
    device: str | None = None,
    cancel: Cancel | None = None,
    elsewhere: Elsewhere | None = None,
) -> Path:
    """Resume a run from its last finished frame; return and raise what `render_scene` does.

    Args:
        path: the run folder.
        reporter: receives the progress.
        device: where the networks run from now on, in place of the scene's ``device``.
        cancel: stops it, from another thread.
        elsewhere: see `render_scene`.
    """
    run, loaded = opened_run(path, device)
    sources = gather(loaded, run.path)
    tools = load_tools(loaded, sources, None, elsewhere)
    return _make(job_of(run, loaded, sources, tools), reporter, cancel or Cancel())


def finish_run(
    path: Path,
    pictures: Sequence[int],
    reporter: Reporter,
    *,
    device: str | None = None,
    cancel: Cancel | None = None,
) -> Path:
    """Finish drafts of stills that ``diffusion.stop_at`` left, and return the folder of the pictures.

    On a CPU they become what they would have become without stopping, to the bit where as many were painted
    at once.

    Args:
        path: the run folder.
        pictures: numbers of the drafts to finish; empty: all of them.
        reporter: receives the progress.
        device: where the networks run this time, in place of the scene's ``device``.
        cancel: stops it, from another thread.

    Raises:
        UsageError: one of them is no draft, or there is none.
    """
    run, loaded = opened_run(path, device)
    loaded = _without_stop(loaded, _drafts(run, pictures))
    sources = gather(loaded, run.path)
    tools = load_tools(loaded, sources)
    # The run's scene.yaml keeps its stop_at: of the other drafts nothing more was asked.
    return _make(job_of(run, loaded, sources, tools), reporter, cancel or Cancel(), resume_with="finish")


def _make(
    job: Job,
    reporter: Reporter,
    cancel: Cancel,
    *,
    resume_with: str = "resume",
    keep: bool = True,
    report: bool = True,
) -> Path:
    """Make the frames that are not up to date, and what is made of all of them.

    Args:
        job: the scene.
        reporter: receives the progress.
        cancel: stops it.
        resume_with: the verb that resumes it; after ``finish`` the run's own scene stays as it was.
        keep: whether finished frames that are to be made again are kept beside the new ones.
        report: whether the report is written.
    """
    run, reporter.unit = job.run, "picture" if job.still else "frame"
    try:
        with run.lock(), run_log(run.path / LOG, **log_levels()):
            if choosing := resume_with == "resume" and chooses(job.loaded.scene):
                write_head(job)
                job = with_best(job, reporter, cancel, keep=keep)
            plan = plan_of(run, job.numbers, job.inputs, job.stop_at, still=job.still)
            report_outdated(job, plan, keep=keep)
            log.info(
                "%s: animator %s, torch %s, on %s, %d of %d frames are up to date",
                job.loaded.name, __version__, torch.__version__, job.tools.device,
                len(plan.done), len(plan.numbers),
            )  # fmt: skip
            if resume_with == "resume":
                write_head(job)
            films = GrowingFilms(job, wanted=bool(plan.gaps))
            make_frames(job, plan, films, reporter, cancel)
            if choosing:
                report_saving(job)
            make_larger(job, reporter, cancel)

            def begin(stage: str) -> None:
                cancel.check()
                reporter.stage(plan.numbers[-1], stage)
                log.info("%s", stage)

            make_stages(run, stages_of(job, cancel.check, reporter.made), begin, films.stages)
            if not job.still and job.shows_frames:
                run.write_info({**run.read_info(), FILM: job.files.film.name})
            if report:
                reporter.stage(plan.numbers[-1], "report")
                write_report(run)
            log.info("done")
            return job.opened
    except KeyboardInterrupt as stop:
        raise Interrupted(f"stopped; continue with: animator {resume_with} {run.path}") from stop
    finally:
        reporter.end()


def opened_run(path: Path, device: str | None, settings: Sequence[str] = ()) -> tuple[RunFolder, LoadedScene]:
    """Return a run and its scene, with the pictures that were chosen from it.

    Args:
        path: the run folder.
        device: where networks run, in place of the scene's ``device``, or None.
        settings: ``KEY=VALUE``, over those of the scene.

    Raises:
        UsageError: there is no run.
        RunError: it has no scene.
        SceneError: a setting is wrong.
    """
    run = RunFolder.open(path)
    if not run.scene_file.is_file():
        raise RunError(f"{path}: has no scene.yaml: the run never started; render the scene again")
    info = run.read_info()
    loaded = read_scene(run.scene_file, settings)
    scene = loaded.scene if device is None else loaded.scene.model_copy(update={"device": device})
    only = tuple(int(number) for number in info.get("only", ()))
    return run, dataclasses.replace(loaded, scene=scene, title=str(info.get("scene", "scene")), only=only)


def _drafts(run: RunFolder, pictures: Sequence[int]) -> tuple[int, ...]:
    """Return the numbers of the drafts to finish; raises UsageError where one is no draft."""
    drafts = [frame for frame, entry in run.finished_frames().items() if entry.stopped < 1]
    for number in pictures:
        if number not in drafts:
            shown = ", ".join(map(str, drafts)) or "none"
            raise UsageError(f"{run.path}: picture {number} is no draft; the drafts in this run are: {shown}")
    if not drafts:
        raise UsageError(
            f"{run.path}: holds no drafts; render a still with --set diffusion.stop_at=40% first"
        )
    return tuple(pictures or drafts)


def _without_stop(loaded: LoadedScene, pictures: tuple[int, ...]) -> LoadedScene:
    """Return a scene of stills of which these are painted to the end."""
    diffusion = loaded.scene.diffusion.model_copy(update={"stop_at": None})
    scene = loaded.scene.model_copy(update={"diffusion": diffusion})
    return dataclasses.replace(loaded, scene=scene, only=pictures)
