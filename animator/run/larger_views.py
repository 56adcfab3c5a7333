"""Films of what two eyes see, larger, however it was made so."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from animator.run.eyes import encoding_of, vr180_of
from animator.run.film_files import beside
from animator.run.frame_source import FrameSource
from animator.run.sound import Sound
from animator.run.stages import Stage
from animator.video.formats import write_codec
from animator.video.stereo_film import Encoding, Packing, write_packed, write_vr180

Pair = tuple[np.ndarray, np.ndarray]


@dataclass(frozen=True)
class Views:
    """What two eyes see of a film, larger.

    Attributes:
        word: what the names of their films have more, such as ``384x256``.
        settings: what decides them besides the frames, as a `Stage` takes it.
        eye: returns what an eye sees, with its look, by the name of its folder.
        pairs: returns what both see.
    """

    word: str
    settings: Mapping[str, Any]
    eye: Callable[[str], Iterator[np.ndarray]]
    pairs: Callable[[], Iterator[Pair]]


def films_of_views(source: FrameSource, views: Views) -> list[Stage]:
    """A film of each eye, yet without sound."""
    stages = []
    for eye, film in source.job.files.eyes.items():
        path = beside(film, views.word)
        settings = {**source.encoder, **views.settings, **source.looks}
        settings |= {"fps": str(source.job.fps), eye: source.eyes[eye]}
        make = partial(_write_eye, source, path, views, eye)
        stages.append(Stage(f"film {path.name}", path.name, settings, make))
    return stages


def films_of_both(source: FrameSource, sound: Sound | None, views: Views) -> list[Stage]:
    """The films of both eyes in one picture, with their sound; VR180 keeps its own size."""
    encoding, decided = encoding_of(source, sound)
    stages = []
    make: Callable[[], None]
    for layout, film in source.job.files.packed.items():
        settings = {**decided, **views.settings, "layout": layout}
        if layout == "vr180":
            # Players know VR180 by the end of its name.
            stem = source.job.files.film.stem
            path = film.with_name(film.name.replace(stem, f"{stem}-{views.word}", 1))
            sphere = vr180_of(source.job)
            settings |= {**sphere, "codec": encoding.codec}
            make = partial(_write_vr180, path, encoding, sphere, views)
        else:
            path = beside(film, views.word)
            make = partial(_write_packed, path, layout, encoding, views)
        stages.append(Stage(f"film {path.name}", path.name, settings, make))
    return stages


def _write_eye(source: FrameSource, path: Path, views: Views, eye: str) -> None:
    write_codec(path, views.eye(eye), source.job.fps, "h264", **source.encoder)


def _write_packed(path: Path, layout: Packing, encoding: Encoding, views: Views) -> None:
    write_packed(path, views.pairs(), layout, encoding)


def _write_vr180(path: Path, encoding: Encoding, sphere: dict[str, Any], views: Views) -> None:
    write_vr180(path, views.pairs(), encoding, **sphere)
