"""What a scene asks to be made of its finished frames, each output as a `Stage`."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator
from functools import partial
from pathlib import Path

from animator.flow.load import load_flow
from animator.run.eyes import films_for_two_eyes, still_pairs
from animator.run.frame_source import Check, FrameSource, beside, film_path, shows_frames
from animator.run.job import Job
from animator.run.networks import flow_of
from animator.run.sound import sound_of, sound_under
from animator.run.stages import Stage
from animator.runs.folder import FRAMES
from animator.video.film import frame_rate
from animator.video.formats import SUFFIX, write_codec, write_gif, write_webp
from animator.video.interpolate import between, by_ffmpeg


def growing_films(job: Job) -> dict[Path, int]:
    """Return the films that grow with the frames, and every how many frames one is in each."""
    if job.still:
        return {}
    film, every = film_path(job.run, job.loaded), job.loaded.scene.output.film_every
    return {film: 1} | ({beside(film, f"every{every}"): every} if every > 1 else {})


def grown_stages(job: Job, growing: Iterable[Path]) -> list[str]:
    """Return the names of the stages that films which grew have made; one that is to be blended is not."""
    film = film_path(job.run, job.loaded)
    plain = shows_frames(job.loaded.scene)
    return [f"film {path.name}" for path in growing if plain or path != film]


def main_film(job: Job) -> Path:
    """Return the film that a user will want to open."""
    film, codec = film_path(job.run, job.loaded), job.loaded.scene.output.codec
    return film if codec == "h264" else film.with_suffix(SUFFIX[codec])


def stages_of(job: Job, check: Check) -> list[Stage]:
    """Return all that a scene asks to be made of its frames, in order.

    Args:
        job: the scene, all of whose frames are finished.
        check: called at every frame that is read.
    """
    entries = job.run.journal()
    if job.still:
        return still_pairs(job, entries)
    source = FrameSource(job, entries, check)
    silent = [*_films(source), *_smooth_film(source), *_main_film(source)]
    sound = sound_of(job)
    sounds = [sound_under(job, stage, sound) for stage in silent] if sound else []
    return [*silent, *_every_nth(source), *_pictures(source), *sounds, *films_for_two_eyes(source, sound)]


def _films(source: FrameSource) -> list[Stage]:
    """The film itself; where it shows the frames as they are, it grows with them and is made already."""
    film, encoder = source.film, source.encoder
    make = lambda: write_codec(film, source.shown(), source.fps, "h264", **encoder)  # noqa: E731
    return [Stage(f"film {film.name}", film.name, {**source.settings, **encoder}, make)]


def _every_nth(source: FrameSource) -> list[Stage]:
    """The quick film of every n-th frame, which grows with them."""
    every = source.job.loaded.scene.output.film_every
    if every <= 1:
        return []
    path = beside(source.film, f"every{every}")
    settings = {**source.encoder, "fps": str(source.fps), "frames": source.digest(FRAMES), "every": every}

    def make() -> None:
        frames = itertools.islice(source.saved(), 0, None, every)
        write_codec(path, frames, source.fps, "h264", **source.encoder)

    return [Stage(f"film {path.name}", path.name, settings, make)]


def _smooth_film(source: FrameSource) -> list[Stage]:
    """The film at a higher frame rate."""
    output, film = source.job.loaded.scene.output, source.film
    if output.interpolate_to is None:
        return []
    target = frame_rate(output.interpolate_to)
    path = beside(film, f"{output.interpolate_to:g}fps")
    settings = {**source.encoder, "target": str(target), "by": output.interpolate_by}

    def make() -> None:
        flow = source.job.tools.flow or load_flow("dis")
        frames = between(source.shown(), source.fps, target, flow)
        write_codec(path, frames, target, "h264", **source.encoder)

    if output.interpolate_by == "ffmpeg":
        make_roughly = partial(by_ffmpeg, film, path, target, **source.encoder)
        return [Stage(f"film {path.name}", path.name, settings, make_roughly, (f"film {film.name}",))]
    settings |= source.settings | {"flow": flow_of(source.job.loaded.scene) or "dis"}
    return [Stage(f"film {path.name}", path.name, settings, make)]


def _pictures(source: FrameSource) -> Iterator[Stage]:
    """The film as an animated picture."""
    output = source.job.loaded.scene.output
    for wanted, suffix, write in ((output.gif, ".gif", write_gif), (output.webp, ".webp", write_webp)):
        if wanted:
            path = source.film.with_suffix(suffix)
            make = lambda write=write, path=path: write(path, source.shown(), source.fps)  # noqa: E731
            yield Stage(f"film {path.name}", path.name, source.settings, make)


def _main_film(source: FrameSource) -> list[Stage]:
    """The film in another codec, where the scene asks for one."""
    codec, path = source.job.loaded.scene.output.codec, main_film(source.job)
    if codec == "h264":
        return []
    make = lambda: write_codec(path, source.shown(), source.fps, codec, **source.encoder)  # noqa: E731
    return [
        Stage(f"film {path.name}", path.name, {**source.settings, **source.encoder, "codec": codec}, make)
    ]
