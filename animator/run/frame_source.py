"""The finished frames of a run, as its films show them."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from animator.film.stylise import followed
from animator.run.footage import open_footage
from animator.run.job import Job
from animator.run.networks import flow_of
from animator.runs import Entry, RunFolder
from animator.runs.folder import FRAMES
from animator.runs.read_frames import read_frames
from animator.scene.reading import LoadedScene
from animator.settings.scene import Scene
from animator.video.film import frame_rate
from animator.video.finishing import finished_film

if TYPE_CHECKING:
    from torch import Tensor

    from animator.types import Flow

Check = Callable[[], None]
"""Raises where the work is to stop; called at every frame."""


def film_path(run: RunFolder, loaded: LoadedScene) -> Path:
    """Return where the film of a run is."""
    return run.film_file(loaded.scene.output.film or loaded.name)


def shows_frames(scene: Scene) -> bool:
    """Tell whether the finished film of a scene shows the frames as they are, not blended."""
    return scene.mode != "video" or scene.video.finish == "none"


def beside(film: Path, word: str, suffix: str | None = None) -> Path:
    """Return the path of a film that is made beside another.

    >>> beside(Path("sea.mp4"), "60fps").name
    'sea-60fps.mp4'
    """
    return film.with_name(f"{film.stem}-{word}{suffix or film.suffix}")


class FrameSource:
    """The frames of a run as its film shows them.

    Args:
        job: the scene, all of whose frames are finished.
        entries: their entries in the journal.
        check: called at every frame.

    Attributes:
        film: the film.
        fps: its frames a second.
        encoder: the settings of its encoder.
        settings: what decides the frames, as a `Stage` takes it.
    """

    def __init__(self, job: Job, entries: Mapping[int, Entry], check: Check) -> None:
        scene = job.loaded.scene
        self.job = job
        self.film = film_path(job.run, job.loaded)
        self.fps = frame_rate(scene.fps)
        self.encoder: dict[str, Any] = {"crf": scene.output.crf, "preset": scene.output.preset}
        self._entries = entries
        self._check = check
        self.settings: dict[str, Any] = {"fps": str(self.fps), "frames": self.digest(FRAMES)}
        if not shows_frames(scene):
            video = scene.video.model_dump(mode="json", exclude={"init", "sound", "extract"})
            self.settings["blended"] = [video, job.sources.footage, flow_of(scene), scene.size]

    def digest(self, folder: str) -> str:
        """Return a hash of all pictures of a folder, as the journal has them."""
        hashes = [
            self._entries[number].file if folder == FRAMES else self._entries[number].more[folder]
            for number in self.job.numbers
        ]
        return hashlib.sha256("\n".join(hashes).encode()).hexdigest()

    def saved(self, folder: str = FRAMES) -> Iterator[np.ndarray]:
        """Yield the frames as they were saved, H x W x 3, from the first on; those of the eyes in 8 bits."""
        for pixels in read_frames(self.job.run, self.job.numbers, folder, deep=folder == FRAMES):
            self._check()
            yield pixels

    def shown(self) -> Iterator[np.ndarray]:
        """Yield the frames as the film shows them: as they were saved, or blended along the footage."""
        video = self.job.loaded.scene.video
        if shows_frames(self.job.loaded.scene):
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
