"""The sound under the films of a run."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from animator.run.job import Job
from animator.run.stages import Stage, hash_of
from animator.scene.footage_reading import open_footage_of
from animator.video.footage_notes import too_fast_for_sound
from animator.video.mux import with_sound

SAME_SPEED = 1e-5
"""Share by which the rates of a film and its footage may differ and be the same, rounded otherwise."""


@dataclass(frozen=True)
class Sound:
    """The sound of a film.

    Attributes:
        path: the file.
        start: second of it at which the film begins.
        rate_change: how many seconds of it one second of the film shows.
        seconds: length of the film.
        digest: SHA-256 of the file.
    """

    path: Path
    start: float
    rate_change: float
    seconds: float
    digest: str

    @property
    def settings(self) -> dict[str, Any]:
        """What decides it, as a `Stage` takes it."""
        return {"sound": self.digest, "at": [self.start, self.rate_change, self.seconds]}


def sound_of(job: Job) -> Sound | None:
    """Return the sound of a film, of its own or of its footage, or None."""
    scene = job.loaded.scene
    seconds, skipped = float(len(job.shown) / job.fps), float(job.shown.start / job.fps)
    if scene.output.audio is not None:
        path = Path(scene.output.audio)
        return Sound(path, scene.output.audio_start + skipped, 1.0, seconds, hash_of(path))
    if scene.mode != "video" or not scene.video.sound:
        return None
    footage = open_footage_of(scene)
    change = float(job.fps / footage.fps)
    if not footage.sound or too_fast_for_sound(change):
        return None
    if abs(change - 1) < SAME_SPEED:
        change = 1.0
    return Sound(footage.path, footage.start + skipped * change, change, seconds, job.sources.footage)


def sound_under(job: Job, film: Stage, sound: Sound) -> Stage:
    """Sound under a film that is there."""
    path = job.run.path / film.file
    make = partial(
        with_sound,
        path,
        sound.path,
        path,
        start_at=sound.start,
        seconds=sound.seconds,
        rate_change=sound.rate_change,
    )
    return Stage(f"sound of {film.file}", film.file, sound.settings, make, (film.name,))
