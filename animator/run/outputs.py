"""What a scene asks to be made of its finished frames, each output as a `Stage`."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from fractions import Fraction
from functools import partial
from pathlib import Path

from animator.between.load import decided_by, load_maker
from animator.flow.load import load_flow
from animator.run.eyes import films_for_two_eyes, still_pairs
from animator.run.finished import finished_film, flicker_report
from animator.run.frame_source import Check, FrameSource, frames_of
from animator.run.hires_eyes import hires_eyes
from animator.run.job import Job
from animator.run.kept_frames import Told, untold
from animator.run.larger import large_digest
from animator.run.mattes import alpha_decided, alpha_film, with_alpha
from animator.run.sequences import graded_stills, sequence_of
from animator.run.sound import sound_of, sound_under
from animator.run.stages import Stage
from animator.run.upscaled import larger_eyes, larger_film, larger_packed, larger_stills
from animator.runs.hires import HIRES
from animator.video.formats import Codec, write_codec, write_gif, write_webp
from animator.video.interpolate import between, by_ffmpeg


def stages_of(job: Job, check: Check, told: Told = untold) -> list[Stage]:
    """Return all that a scene asks to be made of its frames, in order.

    Args:
        job: the scene, all of whose frames are finished.
        check: called at every frame that is read.
        told: receives how far a stage is.
    """
    entries = job.run.journal()
    if job.still:
        stills = [*graded_stills(job, entries), *still_pairs(job, entries)]
        return [*stills, *larger_stills(job, entries)]
    source, sound = frames_of(job, entries, check), sound_of(job)
    films = [*_films(source), *_smooth_film(source), *_main_film(source)]
    finished = finished_film(source, told)
    films += [*larger_film(source, told), *finished, *_large_film(source)]
    others = [*_every_nth(source), *_pictures(source), *sequence_of(source), *alpha_film(source)]
    eyes, packed = films_for_two_eyes(source, sound)
    eyes += larger_eyes(source, told)
    packed += larger_packed(source, sound, told)
    painted, painted_packed = hires_eyes(source, sound)
    eyes, packed = [*eyes, *painted], [*packed, *painted_packed]
    silent = {film.file: film for film in (*films, *eyes)}  # the last to write a file
    sounds = [sound_under(job, film, sound) for film in silent.values()] if sound else []
    reports = [report for film in finished for report in flicker_report(source, film)]
    return [*films, *others, *eyes, *sounds, *packed, *reports]


def _films(source: FrameSource) -> list[Stage]:
    """The film itself; where it shows the frames as they are, it grows with them and is made already."""
    film = source.job.files.film
    settings = {**source.settings, **source.encoder}
    return [Stage(f"film {film.name}", film.name, settings, partial(_write_film, source, film))]


def _smooth_film(source: FrameSource) -> list[Stage]:
    """The film at a higher frame rate."""
    job, film, path = source.job, source.job.files.film, source.job.files.smooth
    by, target = job.loaded.scene.output.interpolate_by, job.smooth_fps
    if path is None or target is None:
        return []
    loop = {"loop": True} if source.loops else {}
    settings = {**source.encoder, "target": str(target), "by": by, **loop}
    if by == "ffmpeg":
        make = partial(by_ffmpeg, film, path, target, **source.encoder, loop=source.loops)
        return [Stage(f"film {path.name}", path.name, settings, make, (f"film {film.name}",))]
    settings = {**settings, **source.settings, **decided_by(by, job.tools.flow_name or "dis")}
    return [Stage(f"film {path.name}", path.name, settings, partial(_write_smooth, source, path, target))]


def _main_film(source: FrameSource) -> list[Stage]:
    """The film in another codec, where the scene asks for one."""
    codec, path = source.job.loaded.scene.output.codec, source.job.files.main
    if codec == "h264":
        return []
    settings = {**source.settings, **source.encoder, "codec": codec}
    if codec == "prores-4444":
        settings |= alpha_decided(source)
    name, inputs = f"film {path.name}", tuple[str, ...]()
    if path == source.job.files.film:  # it takes the place of the film that grew
        name, inputs = f"{codec} {path.name}", (name,)
    return [Stage(name, path.name, settings, partial(_write_film, source, path, codec), inputs)]


def _large_film(source: FrameSource) -> list[Stage]:
    """The film of the frames that were painted again, larger."""
    job, path = source.job, source.job.files.large
    if path is None:
        return []
    codec = job.loaded.scene.output.codec
    settings = {**source.encoder, "fps": str(job.fps), "frames": large_digest(job), "codec": codec}
    settings |= source.looks
    return [Stage(f"film {path.name}", path.name, settings, partial(_write_large, source, path, codec))]


def _every_nth(source: FrameSource) -> list[Stage]:
    """The quick film of every n-th frame, which grows with them."""
    path, every = source.job.files.every, source.job.loaded.scene.output.film_every
    if path is None:
        return []
    settings = {**source.encoder, "fps": str(source.job.fps), "frames": source.frames, "every": every}
    return [Stage(f"film {path.name}", path.name, settings, partial(_write_every_nth, source, path, every))]


def _pictures(source: FrameSource) -> list[Stage]:
    """The film as animated pictures."""
    output, film = source.job.loaded.scene.output, source.job.files.film
    wanted = {".gif": (output.gif, write_gif), ".webp": (output.webp, write_webp)}
    paths = [(film.with_suffix(suffix), write) for suffix, (asked, write) in wanted.items() if asked]
    return [
        Stage(f"film {path.name}", path.name, source.settings, partial(_write_picture, source, path, write))
        for path, write in paths
    ]


def _write_film(source: FrameSource, path: Path, codec: Codec = "h264") -> None:
    frames = with_alpha(source, source.shown()) if codec == "prores-4444" else source.shown()
    write_codec(path, frames, source.job.fps, codec, **source.encoder)


def _write_large(source: FrameSource, path: Path, codec: Codec) -> None:
    frames = source.graded(source.saved(HIRES, source.job.shown))
    write_codec(path, frames, source.job.fps, codec, **source.encoder)


def _write_smooth(source: FrameSource, path: Path, target: Fraction) -> None:
    flow = source.job.tools.flow or load_flow("dis")
    maker = load_maker(source.job.loaded.scene.output.interpolate_by, flow, source.job.tools.device)
    rate = source.job.fps
    frames = between(source.blended(), rate, target, maker, loop=source.loops)
    write_codec(path, source.graded(frames, rate / target), target, "h264", **source.encoder)


def _write_every_nth(source: FrameSource, path: Path, every: int) -> None:
    frames = itertools.islice(source.saved(), 0, None, every)
    write_codec(path, frames, source.job.fps, "h264", **source.encoder)


def _write_picture(source: FrameSource, path: Path, write: Callable[..., None]) -> None:
    write(path, source.shown(), source.job.fps)
