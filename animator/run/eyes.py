"""The films and pictures of a run for two eyes."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from animator.run.film_files import EYES
from animator.run.frame_source import FrameSource
from animator.run.job import Job
from animator.run.sound import Sound
from animator.run.stages import Stage
from animator.runs import Entry
from animator.runs.png import encode_png
from animator.video.formats import write_codec
from animator.video.spherical import VR180_NAMES
from animator.video.stereo_film import (
    Encoding,
    Packing,
    hemispheres,
    pack,
    write_packed,
    write_vr180,
)
from animator.video.vr_photo import vr180_photo

BOX_FOV = 90.0
"""Degrees before the eye that a picture of Disco's box space fills, which has no angle of its own."""


def films_for_two_eyes(source: FrameSource, sound: Sound | None) -> tuple[list[Stage], list[Stage]]:
    """Return the film of each eye, yet without sound, and the films of both eyes, with their sound."""
    return _films_of_eyes(source), _packed_films(source, sound)


def _films_of_eyes(source: FrameSource) -> list[Stage]:
    """A film for each eye."""
    look = source.looks
    return [
        Stage(
            f"film {path.name}",
            path.name,
            {**source.encoder, "fps": str(source.job.fps), name: source.eyes[name], **look},
            partial(_write_eye, source, path, name),
        )
        for name, path in source.job.files.eyes.items()
    ]


def _packed_films(source: FrameSource, sound: Sound | None) -> list[Stage]:
    """The films that show both eyes, with their sound."""
    job, vr = source.job, source.job.loaded.scene.vr
    encoding, decided = encoding_of(source, sound)
    stages = []
    make: Callable[[], None]
    for layout, path in job.files.packed.items():
        settings = {**decided, "layout": layout}
        if layout != "vr180":
            make = partial(_write_packed, source, path, layout, encoding)
        else:
            how = vr180_of(job)
            settings |= {**how, "codec": vr.vr180_codec} | (
                {"apple": True} if vr.vr180_codec == "hevc" else {}
            )
            make = partial(_write_vr180, source, path, encoding, how)
        stages.append(Stage(f"film {path.name}", path.name, settings, make))
    return stages


def encoding_of(source: FrameSource, sound: Sound | None) -> tuple[Encoding, dict[str, Any]]:
    """Return how films of both eyes are encoded, and what decides them besides their layout."""
    encoding = Encoding(
        fps=source.job.fps,
        codec=source.job.loaded.scene.vr.vr180_codec,
        **source.encoder,
        audio=sound.path if sound else None,
        audio_start=sound.start if sound else 0.0,
        rate_change=sound.rate_change if sound else 1.0,
    )
    heard = sound.settings if sound else {}
    return encoding, {"fps": str(source.job.fps), **source.eyes, **source.encoder, **heard, **source.looks}


def still_pairs(job: Job, entries: Mapping[int, Entry]) -> list[Stage]:
    """What two eyes see of each still in one picture, in a folder for each layout."""
    stages = []
    make: Callable[[], None]
    for layout in job.files.packed:
        for number in job.numbers:
            settings: dict[str, Any] = {**entries[number].more, "layout": layout, **job.grade.settings}
            name = f"{layout}/{number:06d}.png"
            if layout == "vr180":
                how = vr180_of(job, number)
                settings |= how
                name = f"{layout}/{number:06d}_{VR180_NAMES[how['layout']]}.png"
                make = partial(_write_vr180_still, job, name, number, how)
            else:
                make = partial(_write_pair, job, layout, number)
            stages.append(Stage(f"pair {name}", name, settings, make))
        if layout == "vr180" and job.loaded.scene.vr.vr180_photo:
            stages += [_photo(job, entries[number], number) for number in job.numbers]
    return stages


def _photo(job: Job, entry: Entry, number: int) -> Stage:
    """A VR180 photo of a still."""
    how = {**vr180_of(job, number), "layout": "side_by_side"}
    name, settings = f"vr180/{number:06d}.vr.jpg", {**entry.more, **how, **job.grade.settings}
    return Stage(f"photo {name}", name, settings, partial(_write_photo, job, name, number, how))


def vr180_of(job: Job, *numbers: int) -> dict[str, Any]:
    """Return how VR180 is made of some pictures, all where none are named, as `write_vr180` takes it."""
    vr = job.loaded.scene.vr
    fovs = _fovs(job, numbers or job.shown)
    return {"fovs": fovs, "size": vr.vr180_size, "edge": vr.vr180_edge, "layout": vr.vr180_eyes}


def _fovs(job: Job, numbers: Iterable[int]) -> list[float]:
    """Return the angle that each frame's height fills, in degrees."""
    vr, boxed = job.loaded.scene.vr, job.loaded.scene.warp.projection == "disco"
    rows = map(job.loaded.timeline.row, numbers)
    return [float(vr.vr180_fov or (BOX_FOV if boxed else row["camera.fov"])) for row in rows]


def _write_eye(source: FrameSource, path: Path, name: str) -> None:
    write_codec(path, source.eye(name), source.job.fps, "h264", **source.encoder)


def _write_packed(source: FrameSource, path: Path, layout: Packing, encoding: Encoding) -> None:
    write_packed(path, _pairs(source), layout, encoding)


def _write_vr180(source: FrameSource, path: Path, encoding: Encoding, how: dict[str, Any]) -> None:
    write_vr180(path, _pairs(source), encoding, **how)


def _pairs(source: FrameSource) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    return zip(source.eye(EYES[0]), source.eye(EYES[1]), strict=True)


def _write_pair(job: Job, layout: Packing, number: int) -> None:
    left, right = _still_eyes(job, number)
    job.run.write(f"{layout}/{job.run.frame_file(number).name}", encode_png(pack(left, right, layout), {}))


def _write_vr180_still(job: Job, name: str, number: int, how: Mapping[str, Any]) -> None:
    views = hemispheres(
        [_still_eyes(job, number)], iter(how["fovs"]), how["size"], how["edge"], how["layout"]
    )
    job.run.write(name, encode_png(next(views), {}))


def _still_eyes(job: Job, number: int) -> tuple[np.ndarray, np.ndarray]:
    """Return what both eyes see of a still, graded."""
    left, right = (job.grade.one(job.run.read_frame(number, eye), number) for eye in EYES)
    return left, right


def _write_photo(job: Job, name: str, number: int, how: Mapping[str, Any]) -> None:
    views = hemispheres([_still_eyes(job, number)], iter(how["fovs"]), how["size"], how["edge"])
    both, size = next(views), how["size"]
    job.run.write(name, vr180_photo(both[:, :size], both[:, size:]))
