"""The films and pictures of a run for two eyes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np

from animator.run.frame_source import FrameSource, beside
from animator.run.job import Job
from animator.run.save import EYES
from animator.run.sound import Sound, sound_under
from animator.run.stages import Stage
from animator.runs import Entry
from animator.runs.png import encode_png
from animator.video.formats import write_codec
from animator.video.stereo_film import Encoding, Packing, pack, write_packed, write_vr180

BOX_FOV = 90.0
"""Degrees before the eye that a picture of Disco's box space fills, which has no angle of its own."""


def films_for_two_eyes(source: FrameSource, sound: Sound | None) -> Iterator[Stage]:
    """The films for two eyes."""
    job, vr, film = source.job, source.job.loaded.scene.vr, source.film
    if not vr.enabled:
        return
    seen = {"fps": str(source.fps), **{name: source.digest(name) for name in EYES}}
    encoding = Encoding(
        fps=source.fps,
        codec=vr.vr180_codec,
        **source.encoder,
        audio=sound.path if sound else None,
        audio_start=sound.start if sound else 0.0,
        rate_change=sound.rate_change if sound else 1.0,
    )
    heard = sound.settings if sound else {}

    def pairs() -> Iterator[tuple[np.ndarray, np.ndarray]]:
        return zip(source.saved(EYES[0]), source.saved(EYES[1]), strict=True)

    for layout in dict.fromkeys(vr.layouts):
        if layout == "left_right":
            yield from _eyes(source, sound)
            continue
        path = beside(film, "180_LR" if layout == "vr180" else layout.replace("_", "-"))
        settings = {**seen, **heard, **source.encoder, "layout": layout, "codec": vr.vr180_codec}
        if layout == "vr180":
            boxed = job.loaded.scene.warp.projection == "disco"
            rows = map(job.loaded.timeline.row, job.numbers)
            fovs = [float(vr.vr180_fov or (BOX_FOV if boxed else row["camera.fov"])) for row in rows]
            settings |= {"fovs": fovs, "size": vr.vr180_size, "edge": vr.vr180_edge}

            def make(path: Path = path, fovs: list[float] = fovs) -> None:
                write_vr180(path, pairs(), encoding, fovs=fovs, size=vr.vr180_size, edge=vr.vr180_edge)

        else:

            def make(path: Path = path, layout: Packing = layout) -> None:  # type: ignore[misc]
                write_packed(path, pairs(), layout, encoding)

        yield Stage(f"film {path.name}", path.name, settings, make)


def _eyes(source: FrameSource, sound: Sound | None) -> Iterator[Stage]:
    """A film for each eye."""
    for name in EYES:
        path = beside(source.film, name)
        settings = {**source.encoder, "fps": str(source.fps), name: source.digest(name)}
        make = lambda name=name, path=path: write_codec(  # noqa: E731
            path, source.saved(name), source.fps, "h264", **source.encoder
        )
        stage = Stage(f"film {path.name}", path.name, settings, make)
        yield stage
        if sound:
            yield sound_under(source.job, stage, sound)


def still_pairs(job: Job, entries: Mapping[int, Entry]) -> list[Stage]:
    """What two eyes see of each still in one picture, in a folder for each layout that is a picture."""
    vr, run = job.loaded.scene.vr, job.run
    layouts = [one for one in dict.fromkeys(vr.layouts) if one != "left_right" and one != "vr180"]
    stages = []
    for layout in layouts if vr.enabled else ():
        for number in job.numbers:
            file = f"{layout}/{run.frame_file(number).name}"

            def make(layout: Packing = layout, number: int = number, file: str = file) -> None:
                left, right = (run.read_frame(number, name) for name in EYES)
                run.write(file, encode_png(pack(left, right, layout), {}))

            seen = dict(entries[number].more)
            stages.append(Stage(f"pair {file}", file, {**seen, "layout": layout}, make))
    return stages
