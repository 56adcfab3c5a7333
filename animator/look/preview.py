"""``animator preview``: the motion of a scene as a film, in seconds, without a network."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from animator.errors import UsageError
from animator.look.flight import flown
from animator.look.panel import Panel
from animator.look.regions import masks_in_motion, outlined
from animator.runs.names import folder_name
from animator.scene.footage_reading import open_footage_of
from animator.system.convert import frame_to_uint8
from animator.video.film import FilmWriter
from animator.video.footage import FootageReader

if TYPE_CHECKING:
    from animator.scene.reading import LoadedScene


def preview(
    loaded: LoadedScene, out: Path | None, width: int, progress: Callable[[int, int], None] | None = None
) -> Path:
    """Write the preview of a film: a test picture on the camera's path over prompts and curves.

    Args:
        loaded: the scene.
        out: the film to write; without it, ``<scene>-preview.mp4`` in the current folder.
        width: pixels of the picture.
        progress: is called with the number of frames that are done, and of all.

    Returns:
        The film.

    Raises:
        UsageError: the scene makes stills, or ``out`` is no mp4 in a folder that exists.
        FilmError: the encoder failed.
    """
    scene = loaded.scene
    if scene.mode == "still":
        raise UsageError(
            f"{loaded.source} makes stills (mode: still), in which nothing moves; render it instead"
        )
    path = out or Path(f"{folder_name(loaded.name)}-preview.mp4")
    if path.suffix.lower() != ".mp4" or not path.parent.is_dir():
        raise UsageError(f"--out: {path}: name a film that ends in .mp4, in a folder that exists")
    path.unlink(missing_ok=True)  # else the writer keeps a longer preview of before until this one is as long
    panel = Panel(loaded, width)
    height = max(1, round(scene.size[1] * width / scene.size[0]))
    with FilmWriter(path, width, height + panel.height, scene.fps, preset="fast") as film:
        for frame, picture in enumerate(_with_regions(loaded, width, height)):
            film.add(np.vstack((picture, panel.at(frame))))
            if progress is not None:
                progress(frame + 1, scene.count)
    return path


def _with_regions(loaded: LoadedScene, width: int, height: int) -> Iterator[np.ndarray]:
    """Return what is shown at each frame, with the outlines of the scene's regions over it."""
    names = {name: number for number, name in enumerate(loaded.scene.regions)}
    if not names:
        yield from _pictures(loaded, width, height)
        return
    every = masks_in_motion(loaded, width, height)
    for picture, masks in zip(_pictures(loaded, width, height), every, strict=True):
        yield outlined(picture, masks, names)


def _pictures(loaded: LoadedScene, width: int, height: int) -> Iterator[np.ndarray]:
    """Return what is shown at each frame, H x W x 3 uint8: the flight, or in mode video the footage."""
    video = loaded.scene.video
    if loaded.scene.mode != "video":
        yield from (frame_to_uint8(frame) for frame in flown(loaded, width))
        return
    if video.init is None:
        raise UsageError(f"{loaded.source}: mode is video, but video.init names no footage")
    with FootageReader(
        open_footage_of(loaded.scene), width, height, video.fit, ground=loaded.scene.ground
    ) as reader:
        yield from (frame_to_uint8(reader.frame(frame)) for frame in range(loaded.scene.count))
