"""The finished frames of a run, as its films show them."""

from __future__ import annotations

import hashlib
import itertools
import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
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
        looks: the part of it that holds for what the eyes see too: the look, and which frames are shown.
    """

    job: Job
    entries: Mapping[int, Entry]
    check: Check
    encoder: Mapping[str, Any]
    frames: str
    eyes: Mapping[str, str]
    settings: Mapping[str, Any]
    looks: Mapping[str, Any]

    @property
    def loops(self) -> bool:
        """Whether the first picture of the film follows its last."""
        return self.job.shot.loop > 0 and len(self.job.shown) == len(self.job.numbers)

    def saved(self, folder: str = FRAMES, numbers: Sequence[int] = ()) -> Iterator[np.ndarray]:
        """Yield frames as they were saved, H x W x 3; those of the eyes in 8 bits.

        Args:
            folder: which picture of them.
            numbers: which, rising; all when left out.
        """
        job = self.job
        deep = folder == FRAMES or folder not in (*EYES, "matte")
        for pixels in read_frames(job.run, self.entries, numbers or job.numbers, folder, deep=deep):
            self.check()
            yield pixels

    def decided(self, folder: str = FRAMES) -> list[str]:
        """Return for each frame that is shown what decides it, or what an eye sees, but for its look."""
        shown = self.job.shown
        if folder != FRAMES:
            return [self.entries[number].more[folder] for number in shown]
        if not self.job.blends:
            return [self.entries[number].file for number in shown]
        return [json.dumps([self.settings["blended"], self.frames, number]) for number in shown]

    def shown(self) -> Iterator[np.ndarray]:
        """Yield the frames that the film shows, as it does: blended along the footage, and graded."""
        return self.graded(self.blended())

    def eye(self, name: str) -> Iterator[np.ndarray]:
        """Yield what an eye sees as its films show it: graded, with the grain of the film."""
        return self.graded(self.saved(name, self.job.shown))

    def graded(self, pictures: Iterable[np.ndarray], ratio: Fraction = Fraction(1)) -> Iterator[np.ndarray]:
        """Yield pictures of a film with the look of the scene.

        Args:
            pictures: H x W x 3, from the first that the film shows on.
            ratio: frames from one of them to the next; below 1 in a film at a higher rate.
        """
        return self.job.grade.over(pictures, self.job.shown.start, ratio)

    def blended(self) -> Iterator[np.ndarray]:
        """Yield the frames that the film shows: as saved, or blended along the footage, but not graded."""
        video, shown = self.job.loaded.scene.video, self.job.shown
        if not self.job.blends:
            yield from self.saved(numbers=shown)
            return
        with open_footage(self.job) as footage:

            def back(number: int) -> tuple[Flow, Tensor | None]:
                flows = footage.flows
                assert flows is not None
                forward, backward = flows(number, footage.frame(number - 1), footage.frame(number))
                return backward, followed(forward, backward, footage.trust)

            along_flow = video.finish == "flow" and footage.flows is not None
            how: Literal["linear", "flow"] = "flow" if along_flow else "linear"
            every = finished_film(self.saved(), how, video.finish_blend, back, footage.cuts)
            yield from itertools.islice(every, shown.start, shown.stop)


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
    if job.blends:
        video = scene.video.model_dump(mode="json", exclude={"init", "sound", "extract"})
        settings["blended"] = [video, job.sources.footage, job.tools.flow_name, scene.size]
    looks = dict(job.grade.settings)
    if len(job.shown) < len(job.numbers):
        looks["shown"] = [job.shown.start, job.shown.stop]
    settings |= looks
    encoder = {"crf": scene.output.crf, "preset": scene.output.preset}
    return FrameSource(job, entries, check, encoder, frames, eyes, settings, looks)


def _digest(hashes: list[str]) -> str:
    return hashlib.sha256("\n".join(hashes).encode()).hexdigest()
