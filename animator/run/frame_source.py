"""The finished frames of a run, as its films show them."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from animator.film.stylise import followed
from animator.run.film_files import EYES
from animator.run.footage import open_footage
from animator.run.job import Job
from animator.runs import Entry
from animator.runs.folder import FRAMES
from animator.runs.read_frames import read_frames
from animator.video.finishing import finished_film

if TYPE_CHECKING:
    from torch import Tensor

    from animator.types import Flow

Check = Callable[[], None]
"""Raises where the work is to stop; called at every frame."""


@dataclass(frozen=True)
class FrameSource:
    """The frames of a run as its film shows them.

    Attributes:
        job: the scene, all of whose frames are finished.
        entries: their entries in the journal.
        check: called at every frame.
        encoder: the settings of the films' encoder.
        frames: hash of all frames as they were saved.
        eyes: the same of what each eye sees, by its folder.
        settings: what decides the frames that the film shows, as a `Stage` takes it.
    """

    job: Job
    entries: Mapping[int, Entry]
    check: Check
    encoder: Mapping[str, Any]
    frames: str
    eyes: Mapping[str, str]
    settings: Mapping[str, Any]

    def saved(self, folder: str = FRAMES) -> Iterator[np.ndarray]:
        """Yield the frames as they were saved, H x W x 3, from the first on; those of the eyes in 8 bits."""
        job = self.job
        for pixels in read_frames(job.run, self.entries, job.numbers, folder, deep=folder == FRAMES):
            self.check()
            yield pixels

    def decided(self, folder: str = FRAMES) -> list[str]:
        """Return for each frame what decides how the film, or that of an eye, shows it."""
        if folder != FRAMES:
            return [self.entries[number].more[folder] for number in self.job.numbers]
        if self.job.shows_frames:
            return [self.entries[number].file for number in self.job.numbers]
        return [json.dumps([self.settings, number]) for number in self.job.numbers]

    def shown(self) -> Iterator[np.ndarray]:
        """Yield the frames as the film shows them: as they were saved, or blended along the footage."""
        video = self.job.loaded.scene.video
        if self.job.shows_frames:
            yield from self.saved()
            return
        with open_footage(self.job) as footage:

            def back(number: int) -> tuple[Flow, Tensor | None]:
                flows = footage.flows
                assert flows is not None
                forward, backward = flows(number, footage.frame(number - 1), footage.frame(number))
                return backward, followed(forward, backward, footage.trust)

            along_flow = video.finish == "flow" and footage.flows is not None
            how: Literal["linear", "flow"] = "flow" if along_flow else "linear"
            yield from finished_film(self.saved(), how, video.finish_blend, back, footage.cuts)


def frames_of(job: Job, entries: Mapping[int, Entry], check: Check) -> FrameSource:
    """Return the finished frames of a film.

    Args:
        job: the scene, all of whose frames are finished.
        entries: their entries in the journal.
        check: called at every frame that is read.
    """
    scene = job.loaded.scene
    lines = [entries[number] for number in job.numbers]
    frames = _digest([line.file for line in lines])
    eyes = {name: _digest([line.more[name] for line in lines]) for name in EYES if scene.vr.enabled}
    settings: dict[str, Any] = {"fps": str(job.fps), "frames": frames}
    if not job.shows_frames:
        video = scene.video.model_dump(mode="json", exclude={"init", "sound", "extract"})
        settings["blended"] = [video, job.sources.footage, job.tools.flow_name, scene.size]
    encoder = {"crf": scene.output.crf, "preset": scene.output.preset}
    return FrameSource(job, entries, check, encoder, frames, eyes, settings)


def _digest(hashes: list[str]) -> str:
    return hashlib.sha256("\n".join(hashes).encode()).hexdigest()
