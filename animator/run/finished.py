"""A film finished in one go: its flicker taken out, then larger, then smoother.

Larger comes before smoother: the networks then see only the frames that were painted, from 12 to 48 a second
a quarter of all, and the motion is found on clean pictures. What a network made is kept in ``finishing/``, so
that a run that is killed resumes where it was.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from fractions import Fraction
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from animator.between.load import decided_by, load_maker
from animator.flow.load import load_flow
from animator.flow.shrunk import ShrunkFlow
from animator.run.enlarging import Enlarging, enlarging
from animator.run.film_files import FINISHED, beside
from animator.run.frame_source import FrameSource
from animator.run.kept_frames import Told, kept_frames, key_of
from animator.run.stages import Stage
from animator.settings.upscale import target_of
from animator.video.deflicker import REACH, calmed, corrections
from animator.video.film import frame_rate
from animator.video.flicker import Flicker, flicker, shrunk
from animator.video.formats import write_codec
from animator.video.interpolate import between, by_ffmpeg
from animator.video.making import workshop
from animator.video.probe import read_frames

if TYPE_CHECKING:
    from animator.types import FlowEstimator

FINISHING = "finishing"
"""Folder of a run with the frames of its finished film that a network made larger."""

ALMOST_LOSSLESS = 4
"""Quality of a film that is only read again."""


@dataclass(frozen=True)
class Finish:
    """How a film is finished.

    Attributes:
        larger: how it is made larger, or None.
        fps: its frames a second.
        deflicker: how much of its flicker is taken out, 0 to 1.
        by: how frames are made between those that are there; empty where the rate stays.
    """

    larger: Enlarging | None
    fps: Fraction
    deflicker: float
    by: str


def finish_of(source: FrameSource) -> Finish | None:
    """Return how a scene asks for its film to be finished, or None where it does not."""
    scene, job = source.job.loaded.scene, source.job
    wanted = scene.output.finish
    target = target_of(wanted.to, wanted.scale, scene.size)
    if target is None and wanted.fps is None:
        return None
    larger = None if target is None else enlarging(scene, wanted.model, target, job.tools.device)
    fps = job.fps if wanted.fps is None else frame_rate(wanted.fps)
    return Finish(larger, fps, wanted.deflicker, scene.output.interpolate_by if fps != job.fps else "")


def finished_film(source: FrameSource, told: Told) -> list[Stage]:
    """The finished film."""
    how = finish_of(source)
    if how is None:
        return []
    job, path = source.job, finished_file(source)
    settings: dict[str, Any] = {**source.settings, **source.encoder, "codec": job.loaded.scene.output.codec}
    settings |= {"to_fps": str(how.fps), "deflicker": how.deflicker, "by": how.by}
    settings |= {} if how.larger is None else how.larger.settings
    flow = job.tools.flow_name or "dis"
    settings |= decided_by(how.by, flow) | ({"flow": flow} if how.deflicker else {})
    settings |= {"loop": True} if source.loops else {}
    return [Stage(f"film {path.name}", path.name, settings, partial(_write, source, how, path, told))]


def flicker_report(source: FrameSource, film: Stage) -> list[Stage]:
    """What the flicker of the film was before and is now, as ``<name>-finished.json``.

    Args:
        source: the finished frames.
        film: the stage of the finished film.
    """
    how, path = finish_of(source), source.job.run.path / film.file
    if how is None:
        return []
    name = path.with_suffix(".json").name
    make = partial(_write_report, source, how, path, name)
    return [Stage(f"flicker of {path.name}", name, {}, make, (film.name,))]


def finished_file(source: FrameSource) -> Path:
    """Return where the finished film is."""
    return beside(source.job.files.main, FINISHED)


def _write(source: FrameSource, how: Finish, path: Path, told: Told) -> None:
    codec = source.job.loaded.scene.output.codec
    flow = source.job.tools.flow or load_flow("dis")
    frames = _larger(source, how, flow, told)
    if how.by == "ffmpeg":
        # Its filter reads films, and what it makes is one.
        with workshop(path) as folder:
            film = folder / "larger.mp4"
            write_codec(film, frames, source.job.fps, "h264", crf=ALMOST_LOSSLESS)
            smooth = folder / "smooth.mp4"
            by_ffmpeg(film, smooth, how.fps, crf=ALMOST_LOSSLESS, loop=source.loops)
            frames = source.graded(read_frames(smooth, deep=True), source.job.fps / how.fps)
            write_codec(path, frames, how.fps, codec, **source.encoder)
        return
    if how.by:
        # On pictures that were made larger the motion is steadier as it was before.
        motion = ShrunkFlow(flow, source.job.loaded.scene.size)
        maker = load_maker(how.by, motion, source.job.tools.device)
        frames = between(frames, source.job.fps, how.fps, maker, loop=source.loops)
    frames = source.graded(frames, source.job.fps / how.fps)
    write_codec(path, _checked(source, frames), how.fps, codec, **source.encoder)


def _checked(source: FrameSource, frames: Iterable[np.ndarray]) -> Iterator[np.ndarray]:
    """Pass frames on, and stop where that is asked: between two frames of a run there may be many."""
    for pixels in frames:
        source.check()
        yield pixels


def _larger(source: FrameSource, how: Finish, flow: FlowEstimator, told: Told) -> Iterator[np.ndarray]:
    """Yield the frames without their flicker, and larger."""
    decided, frames, loop = source.decided(), source.blended(), source.loops
    if how.deflicker:
        frames = _calm(source, how.deflicker, flow, loop)
    make = how.larger.load() if how.larger else None
    if how.larger is None or make is None or not how.larger.networks:
        for number, pixels in enumerate(frames, start=1):
            yield make(pixels) if make else pixels
            told(number, len(decided), None)
        return
    # A frame follows from itself and its neighbours, and by the running mean from a few more.
    reach = REACH + 1 if how.deflicker else 0
    settings = [how.larger.settings, how.deflicker, source.job.tools.flow_name if how.deflicker else ""]
    keys = [key_of(*_around(decided, number, reach, loop), settings) for number in range(len(decided))]
    yield from kept_frames(source.job.run.path / FINISHING, keys, frames, make, told)


def _calm(source: FrameSource, strength: float, flow: FlowEstimator, loop: bool) -> Iterator[np.ndarray]:
    """Yield the frames without their flicker; they are read twice."""
    last: list[np.ndarray] = []

    def noted() -> Iterator[np.ndarray]:
        for pixels in source.blended():
            last[:] = [pixels]
            yield pixels

    made, cuts = corrections(noted(), strength, loop=loop)
    before = last[0] if loop and not cuts else None
    yield from calmed(source.blended(), made, cuts, strength, flow, last=before)


def _around(decided: list[str], number: int, reach: int, loop: bool) -> tuple[list[str], int]:
    """Return what decides a frame and those around it, and which of them it is."""
    if loop and reach:  # a cut anywhere in it ends the loop
        return decided, number
    return decided[max(0, number - reach) : number + reach + 1], min(number, reach)


def _write_report(source: FrameSource, how: Finish, film: Path, name: str) -> None:
    flow = source.job.tools.flow or load_flow("dis")
    size = source.job.loaded.scene.size
    before = flicker(source.shown(), flow)
    after = flicker(shrunk(_at_the_same_times(source, how, film), size), flow)
    source.job.run.write(name, json.dumps(report_of(before, after), indent=1) + "\n")


def report_of(before: Flicker, after: Flicker) -> dict[str, dict[str, float]]:
    """Return the flicker of a film before and after it was finished, as JSON holds it."""
    return {
        when: {name: round(value, 3) for name, value in asdict(one).items()}
        for when, one in (("before", before), ("after", after))
    }


def _at_the_same_times(source: FrameSource, how: Finish, film: Path) -> Iterator[np.ndarray]:
    """Yield of a finished film the pictures nearest to the times of the frames that it was made of."""
    wanted = [round(number * how.fps / source.job.fps) for number in range(len(source.job.shown))]
    shown = set(wanted)
    for number, pixels in enumerate(read_frames(film)):
        if number in shown:
            source.check()
            yield pixels
