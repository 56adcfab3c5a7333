"""Finished pictures as files of their own: graded stills, and the frames of a film for other programs."""

from __future__ import annotations

import hashlib
import itertools
import os
import shutil
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import cv2
import numpy as np

from animator.errors import RunError
from animator.film.layers import Layers, with_layers
from animator.run.footage import open_footage
from animator.run.frame_source import FrameSource
from animator.run.job import Job
from animator.run.mattes import alpha_decided, with_alpha
from animator.run.stages import Stage
from animator.runs import Entry
from animator.runs.folder import FRAMES
from animator.runs.hires import HIRES, large_entries
from animator.runs.png import encode_png, read_text
from animator.system.convert import frame_to_image, uint8_to_frame, uint16_to_frame
from animator.video.exr import write_exr
from animator.video.making import workshop

if TYPE_CHECKING:
    from animator.types import Frame

GRADED, SEQUENCE = "graded", "sequence"
"""Folders of stills with the look of the scene, and of a film's pictures for other programs."""


_TO_BGR = {3: cv2.COLOR_RGB2BGR, 4: cv2.COLOR_RGBA2BGRA}
"""By number of channels, what OpenCV is to make of them."""


def graded_stills(job: Job, entries: Mapping[int, Entry]) -> list[Stage]:
    """Return a stage for each still with its look, larger where it was painted again; none without a look."""
    if not job.grade.settings:
        return []
    large = large_entries(job.run) if job.loaded.scene.large_size else {}
    stages = []
    for number in job.numbers:
        folder, entry = (HIRES, large[number]) if number in large else (FRAMES, entries[number])
        name = f"{GRADED}/{job.run.frame_file(number).name}"
        settings = {"frame": entry.file, **job.grade.settings}
        stages.append(Stage(name, name, settings, partial(_write_graded, job, number, folder)))
    return stages


def sequence_of(source: FrameSource) -> list[Stage]:
    """Return the stage of a film's pictures for other programs, if the scene asks for them."""
    job, output = source.job, source.job.loaded.scene.output
    if output.sequence == "none":
        return []
    settings: dict[str, Any] = {"kind": output.sequence, "from": output.number_from, **source.settings}
    if output.sequence == "exr":  # as painted, with layers that follow from all that decides a frame
        inputs = hashlib.sha256("".join(job.inputs).encode()).hexdigest()
        settings |= {"inputs": inputs, "fps": str(job.fps)}
    else:
        settings |= alpha_decided(source)
    return [Stage(SEQUENCE, SEQUENCE, settings, partial(_write_sequence, source, output.sequence))]


def _write_graded(job: Job, number: int, folder: str) -> None:
    """Write a still with its look, and the texts that the still itself carries."""
    pixels = job.grade.one(job.run.read_frame(number, folder, deep=True), number)
    text = read_text(job.run.frame_file(number, folder).read_bytes())
    job.run.write(f"{GRADED}/{job.run.frame_file(number).name}", encode_png(pixels, text))


def _write_sequence(source: FrameSource, kind: Literal["png", "tiff", "exr"]) -> None:
    """Write all pictures into a folder that takes the place of the one before when it is whole."""
    target, first = source.job.run.path / SEQUENCE, source.job.loaded.scene.output.number_from
    digits = max(4, len(str(first + len(source.job.shown) - 1)))  # names sort as their numbers
    with workshop(target) as folder:
        for number, write in enumerate(_writers(source, kind), first):
            write(folder / f"{source.job.files.film.stem}.{number:0{digits}d}.{kind}")
        if target.exists():
            shutil.rmtree(target)
        os.replace(folder, target)


def _writers(source: FrameSource, kind: Literal["png", "tiff", "exr"]) -> Iterator[Callable[[Path], None]]:
    """Yield for each picture what writes it to a path."""
    if kind == "exr":
        for layers in itertools.islice(_layered(source), source.job.shown.start, source.job.shown.stop):
            yield partial(_write_layers, layers=layers, source=source)
        return
    for pixels in with_alpha(source, source.graded(map(_deep, source.blended()))):
        yield partial(_write_deep, pixels=pixels)


def _layered(source: FrameSource) -> Iterator[Layers]:
    """Yield all frames of a film with their layers; in footage, motion where its flow is known."""
    job = source.job
    pictures = (
        (uint8_to_frame if one.dtype == np.uint8 else uint16_to_frame)(one).to(job.tools.device)
        for one in source.saved()
    )
    if job.shot.mode == "video":
        yield from _footage_layers(job, pictures)
    else:
        yield from with_layers(pictures, job.loaded.timeline, job.shot, job.tools.depth)


def _footage_layers(job: Job, pictures: Iterator[Frame]) -> Iterator[Layers]:
    with open_footage(job) as footage:
        for number, picture in enumerate(pictures):
            if not number or footage.flows is None or number in footage.cuts:
                yield Layers(picture)
            else:
                _, backward = footage.flows(number, footage.frame(number - 1), footage.frame(number))
                yield Layers(picture, backward=backward)


def _write_layers(path: Path, layers: Layers, source: FrameSource) -> None:
    found: dict[str, np.ndarray] = {}
    if layers.depth is not None:
        found["Z"] = layers.depth.cpu().numpy()
    if layers.backward is not None:
        x, y = layers.backward.cpu().numpy()
        found |= {"backward.u": x, "backward.v": -y}
    if layers.uncovered is not None:
        found["uncovered.mask"] = layers.uncovered.cpu().numpy()
    write_exr(path, frame_to_image(layers.picture), found, source.job.fps)


def _deep(pixels: np.ndarray) -> np.ndarray:
    """Return pixels in 16 bits: 255 levels of 257 each."""
    return pixels if pixels.dtype == np.uint16 else pixels.astype(np.uint16) * 257


def _write_deep(path: Path, pixels: np.ndarray) -> None:
    done, data = cv2.imencode(path.suffix, cv2.cvtColor(pixels, _TO_BGR[pixels.shape[2]]))
    if not done:
        raise RunError(f"{path.name}: a picture of {pixels.shape} {pixels.dtype} cannot be written")
    path.write_bytes(data.tobytes())
