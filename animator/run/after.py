"""What can be made of a run that is finished, without its networks: larger copies, a finished film."""

from __future__ import annotations

import logging
import math
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, cast

from animator.errors import Interrupted, UsageError
from animator.flow.load import load_flow
from animator.run.cancel import Cancel
from animator.run.film_files import film_files
from animator.run.finished import finished_film, flicker_report
from animator.run.frame_source import frames_of
from animator.run.job import Job, shot_of, stop_of, wanted_numbers
from animator.run.networks import flow_of
from animator.run.render import opened_run
from animator.run.reporter import Reporter
from animator.run.sound import sound_of, sound_under
from animator.run.sources import gather
from animator.run.stages import Stage, make_stages
from animator.run.tools import Tools
from animator.run.upscale_files import LARGER
from animator.run.upscaled import UPSCALED, larger_eyes, larger_film, larger_packed, larger_stills
from animator.runs import RunFolder
from animator.runs.log import LOG, log_levels, run_log
from animator.scene.reading import LoadedScene
from animator.system.devices import choose_device
from animator.video.film import frame_rate

if TYPE_CHECKING:
    from animator.types import StillEngine

log = logging.getLogger(__name__)

SMOOTH = 48
"""Frames a second that a finished film has where nobody says, or a little more."""

MOST_TIMES = 4
"""How many times as many frames a finished film has at most where nobody says."""


def upscale_run(
    path: Path,
    settings: Sequence[str],
    reporter: Reporter,
    *,
    device: str | None = None,
    cancel: Cancel | None = None,
) -> Path:
    """Make larger copies of what a finished run made, and return the film, or the folder of the pictures.

    Args:
        path: the run folder.
        settings: ``KEY=VALUE``, over those of the run's scene; where neither says how large, four times.
        reporter: receives the progress.
        device: where networks run, in place of the scene's ``device``.
        cancel: stops it, from another thread; what is there by then stays.

    Raises:
        UsageError: there is no such run, or it is not finished.
        WeightsError: weights of a network are not there.
        Interrupted: by the user or by ``cancel``.
    """
    run, loaded = opened_run(path, device, settings)
    wanted = loaded.scene.output.upscale
    if wanted.to is None and wanted.scale is None:
        run, loaded = opened_run(path, device, [*settings, f"output.upscale.scale={LARGER}"])
    cancel = cancel or Cancel()

    def stages(job: Job) -> list[Stage]:
        if job.still:
            return larger_stills(job, job.run.journal())
        source, sound = frames_of(job, job.run.journal(), cancel.check), sound_of(job)
        films = [*larger_film(source, reporter.made), *larger_eyes(source, reporter.made)]
        sounds = [sound_under(job, film, sound) for film in films] if sound else []
        return [*films, *sounds, *larger_packed(source, sound, reporter.made)]

    made = _make(run, loaded, stages, reporter, cancel, "upscale")
    return run.path / (UPSCALED if loaded.scene.mode == "still" else made[0].file)


def finish_film(
    path: Path,
    settings: Sequence[str],
    reporter: Reporter,
    *,
    device: str | None = None,
    cancel: Cancel | None = None,
) -> Path:
    """Make the finished film of a finished run, with its sound, and return it.

    Args:
        path: the run folder.
        settings: ``KEY=VALUE``, over those of the run's scene; where neither says how large, four times, and
            where neither says how fast, the first multiple of its frames a second from 48 on.
        reporter: receives the progress.
        device: where networks run, in place of the scene's ``device``.
        cancel: stops it, from another thread; what is there by then is not made again.

    Raises:
        UsageError: there is no such run, it has no film, or it is not finished.
        WeightsError: weights of a network are not there.
        Interrupted: by the user or by ``cancel``.
    """
    run, loaded = opened_run(path, device, settings)
    scene, wanted, more = loaded.scene, loaded.scene.output.finish, []
    if scene.mode == "still":
        raise UsageError(
            f"{path}: a run of stills has no film; make them larger with: animator upscale {path}"
        )
    if wanted.to is None and wanted.scale is None:
        more.append(f"output.finish.scale={LARGER}")
    if wanted.fps is None:
        more.append(f"output.finish.fps={_smooth(scene.fps):g}")
    if more:
        run, loaded = opened_run(path, device, [*settings, *more])
    cancel = cancel or Cancel()

    def stages(job: Job) -> list[Stage]:
        source, sound = frames_of(job, job.run.journal(), cancel.check), sound_of(job)
        (film,) = finished_film(source, reporter.made)
        sounds = [sound_under(job, film, sound)] if sound else []
        return [film, *sounds, *flicker_report(source, film)]

    return run.path / _make(run, loaded, stages, reporter, cancel, "finish-film")[0].file


def _make(
    run: RunFolder,
    loaded: LoadedScene,
    stages_of: Callable[[Job], list[Stage]],
    reporter: Reporter,
    cancel: Cancel,
    verb: str,
) -> list[Stage]:
    """Make stages of a run that is finished, as far as they are not up to date, and return all of them."""
    try:
        with run.lock(), run_log(run.path / LOG, **log_levels()):
            job = _job_of(run, loaded)
            reporter.begin(loaded.name, len(job.numbers), len(job.numbers))

            def begin(stage: str) -> None:
                cancel.check()
                reporter.stage(job.numbers[-1], stage)
                log.info("%s", stage)

            stages = stages_of(job)
            make_stages(run, stages, begin)
            return stages
    except KeyboardInterrupt as stop:
        raise Interrupted(f"stopped; the same command resumes it: animator {verb} {run.path}") from stop
    finally:
        reporter.end()


def _job_of(run: RunFolder, loaded: LoadedScene) -> Job:
    """Return what stages need to know of a run: all but the networks that paint."""
    scene, device = loaded.scene, choose_device(loaded.scene.device)
    entries, numbers = run.journal(), wanted_numbers(loaded)
    there = [number for number in numbers if number in entries]
    if scene.mode == "still" and there:
        numbers = there
    elif len(there) < len(numbers):
        raise UsageError(
            f"{run.path}: {len(there)} of {len(numbers)} frames are finished; finish it first: "
            f"animator resume {run.path}"
        )
    flow = flow_of(scene)
    flow = "dis" if flow and scene.models == "fake" else flow
    # Nothing is painted, so there is no engine.
    tools = Tools(cast("StillEngine", None), None, device, load_flow(flow, device) if flow else None, flow)
    sources = gather(loaded, run.path)
    return Job(
        run=run,
        loaded=loaded,
        sources=sources,
        tools=tools,
        weights={},
        inputs=(),
        numbers=numbers,
        shot=shot_of(loaded, sources),
        stop_at=stop_of(scene),
        states=0,
        text="",
        carried="",
        fps=frame_rate(scene.fps),
        smooth_fps=None,
        files=film_files(run, scene, loaded.name),
    )


def _smooth(fps: float) -> float:
    """Return the first whole multiple of a rate that is at least `SMOOTH`, at most four times the rate.

    >>> _smooth(12), _smooth(25), _smooth(60), _smooth(2)
    (48, 50, 60, 8)
    """
    return fps * min(MOST_TIMES, max(1, math.ceil(SMOOTH / fps)))
