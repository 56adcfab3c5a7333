"""Films with transparency: what lies outside a region of the scene is transparent in them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from torch import Tensor

from animator.film.regions import Region, masks_of, of_strength
from animator.run.stages import Stage
from animator.video.formats import write_alpha_webm
from animator.video.making import begun

if TYPE_CHECKING:
    from animator.film.loop import Finished
    from animator.run.frame_source import FrameSource
    from animator.run.job import Job

MATTE = "matte"
"""Folder of the masks that follow from how a film was made, and are saved with its frames."""


def alpha_region(job: Job) -> Region | None:
    """Return the region outside of which the films are transparent, or None."""
    name = job.loaded.scene.output.alpha
    return next((one for one in job.shot.regions if one.name == name), None) if name else None


def saved_matte(job: Job, finished: Finished) -> dict[str, np.ndarray]:
    """Return the mask that has to be saved with a frame, by folder; nothing where it can be drawn again."""
    region = alpha_region(job)
    if region is None or not region.travels:
        return {}
    mask = of_strength(region, finished.row, finished.masks)
    if mask is None:
        height, width = finished.picture.shape[-2:]
        pixels = np.zeros((height, width), np.uint8)
    else:
        pixels = _bytes(mask)
    return {MATTE: np.repeat(pixels[..., None], 3, axis=2)}


def mattes(source: FrameSource, region: Region) -> Iterator[np.ndarray]:
    """Yield the mask of each frame that the film shows, H x W, uint8, 255 inside."""
    job = source.job
    if region.travels:
        yield from (pixels[..., 0] for pixels in source.saved(MATTE, job.shown))
        return
    for number in job.shown:
        row = job.loaded.timeline.row(number)
        mask = of_strength(region, row, masks_of([region], row))
        yield np.zeros((job.shot.height, job.shot.width), np.uint8) if mask is None else _bytes(mask)


def _bytes(mask: Tensor) -> np.ndarray:
    pixels: np.ndarray = (mask * 255).round().byte().cpu().numpy()
    return pixels


def with_alpha(source: FrameSource, frames: Iterable[np.ndarray]) -> Iterator[np.ndarray]:
    """Yield frames with the mask of the scene's region as their fourth channel, if it names one.

    Args:
        source: the film's frames.
        frames: H x W x 3, uint8 or uint16, those that the film shows.
    """
    region = alpha_region(source.job)
    if region is None:
        yield from frames
        return
    for pixels, matte in zip(frames, mattes(source, region), strict=True):
        alpha = matte.astype(np.uint16) * 257 if pixels.dtype == np.uint16 else matte
        yield np.dstack([pixels, alpha])


def alpha_decided(source: FrameSource) -> dict[str, object]:
    """Return what decides the masks, as part of a stage's settings; nothing without a region."""
    region, job = alpha_region(source.job), source.job
    if region is None:
        return {}
    if region.travels:
        return {"alpha": [source.entries[number].more.get(MATTE, "") for number in job.shown]}
    return {"alpha": [region.name, *(job.inputs[number] for number in job.shown)]}


def alpha_film(source: FrameSource) -> list[Stage]:
    """Return the stage of the film with transparency, if the scene asks for one."""
    film = source.job.files.film
    path = film.with_name(f"{film.stem}-alpha.webm")
    if alpha_region(source.job) is None:
        return []
    settings = {**source.settings, **alpha_decided(source)}
    return [Stage(f"film {path.name}", path.name, settings, partial(_write_film, source, path))]


def _write_film(source: FrameSource, path: Path) -> None:
    first, frames = begun(with_alpha(source, source.shown()), path)
    write_alpha_webm(path, first, frames, source.job.fps)
