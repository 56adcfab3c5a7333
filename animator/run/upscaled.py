"""Larger copies of what a run has made: a film, the films of both eyes, stills."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import partial
from pathlib import Path

import numpy as np

from animator.run.enlarging import Enlarging, enlarging
from animator.run.film_files import EYES, beside
from animator.run.frame_source import FrameSource
from animator.run.job import Job
from animator.run.kept_frames import Told, kept_frames, key_of
from animator.run.larger_views import Views, films_of_both, films_of_views
from animator.run.sound import Sound
from animator.run.stages import Stage
from animator.runs import Entry
from animator.runs.files import errors_in_one_line, write_atomic
from animator.runs.folder import FRAMES
from animator.runs.png import encode_png, read_text
from animator.settings.upscale import target_of
from animator.video.formats import write_codec

UPSCALED = "upscaled"
"""Folder of a run with pictures that were made larger; those of the eyes are in folders in it."""


def asked(job: Job) -> Enlarging | None:
    """Return how a scene asks for larger copies, or None where it does not."""
    scene, wanted = job.loaded.scene, job.loaded.scene.output.upscale
    target = target_of(wanted.to, wanted.scale, scene.size)
    return None if target is None else enlarging(scene, wanted.model, target, job.tools.device)


def larger_film(source: FrameSource, told: Told) -> list[Stage]:
    """The film once more, larger."""
    how = asked(source.job)
    if how is None:
        return []
    output, path = source.job.loaded.scene.output, beside(source.job.files.main, how.word)
    settings = {**source.settings, **source.encoder, **how.settings, "codec": output.codec}
    return [Stage(f"film {path.name}", path.name, settings, partial(_write, source, path, how, told))]


def larger_eyes(source: FrameSource, told: Told) -> list[Stage]:
    """The film of each eye once more, larger."""
    how = asked(source.job)
    return [] if how is None else films_of_views(source, _views(source, how, told))


def larger_packed(source: FrameSource, sound: Sound | None, told: Told) -> list[Stage]:
    """The films of both eyes in one picture once more, of larger pictures; VR180 keeps its own size."""
    how = asked(source.job)
    return [] if how is None else films_of_both(source, sound, _views(source, how, told))


def _views(source: FrameSource, how: Enlarging, told: Told) -> Views:
    return Views(
        how.word,
        how.settings,
        partial(larger_frames, source, how, told),
        partial(_pairs, source, how, told),
    )


def larger_stills(job: Job, entries: Mapping[int, Entry]) -> list[Stage]:
    """Each still once more, larger, and what each eye sees of it."""
    how = asked(job)
    stages = []
    make = how.load() if how else None
    for number in job.numbers:
        pictures = {FRAMES: entries[number].file, **entries[number].more}
        for folder, digest in pictures.items():
            if how is None or make is None or folder not in (FRAMES, *EYES):
                continue
            below = UPSCALED if folder == FRAMES else f"{UPSCALED}/{folder}"
            name = f"{below}/{number:06d}.png"
            write = partial(_write_still, job, name, number, folder, make)
            settings = {**how.settings, **job.grade.settings, "picture": digest}
            stages.append(Stage(f"larger {name}", name, settings, write))
    return stages


def larger_frames(
    source: FrameSource, how: Enlarging, told: Told, folder: str = FRAMES
) -> Iterator[np.ndarray]:
    """Yield the frames of a run's film, or of an eye, larger and with their look.

    What a network made is kept in the run, without its look.

    Args:
        source: the finished frames.
        how: how they are made larger.
        told: receives the progress.
        folder: of the eye, or of the frames.
    """
    yield from source.graded(_larger(source, how, told, folder))


def _larger(source: FrameSource, how: Enlarging, told: Told, folder: str) -> Iterator[np.ndarray]:
    frames = source.blended() if folder == FRAMES else source.saved(folder, source.job.shown)
    make = how.load()
    if not how.networks:  # a filter is quicker than reading what it made
        for number, pixels in enumerate(frames, start=1):
            yield make(pixels)
            told(number, len(source.job.shown), None)
        return
    place = source.job.run.path / UPSCALED / ("" if folder == FRAMES else folder)
    keys = [key_of(decided, how.settings) for decided in source.decided(folder)]
    yield from kept_frames(place, keys, frames, make, told)


def _write(source: FrameSource, path: Path, how: Enlarging, told: Told) -> None:
    codec = source.job.loaded.scene.output.codec
    write_codec(path, larger_frames(source, how, told), source.job.fps, codec, **source.encoder)


def _pairs(source: FrameSource, how: Enlarging, told: Told) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    left, right = (larger_frames(source, how, told, eye) for eye in EYES)
    return zip(left, right, strict=True)


def _write_still(
    job: Job, name: str, number: int, folder: str, make: Callable[[np.ndarray], np.ndarray]
) -> None:
    pixels = job.run.read_frame(number, folder, deep=folder == FRAMES)
    path, texts = job.run.path / name, read_text(job.run.frame_file(number, folder).read_bytes())
    with errors_in_one_line(path):
        path.parent.mkdir(parents=True, exist_ok=True)
    write_atomic(path, encode_png(job.grade.one(make(pixels), number), texts))
