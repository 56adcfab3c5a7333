"""The films that grow with every frame of a run."""

from __future__ import annotations

from contextlib import ExitStack
from types import TracebackType

import numpy as np

from animator.run.job import Job
from animator.video.film import FilmWriter


class GrowingFilms:
    """Films to each of which frames are added as they are finished; none for stills.

    As a context manager it ends them whatever happens inside the block.

    Args:
        job: the scene.
        wanted: False for none at all, where no frame is to be made.

    Attributes:
        paths: the films.
        stages: names of the stages that they have made once they are finished; a film that is yet to be
            blended is not.
    """

    def __init__(self, job: Job, *, wanted: bool) -> None:
        self.paths = job.files.growing if wanted and not job.still else []
        self.stages = [f"film {one.name}" for one in self.paths if job.shows_frames or one != job.files.film]
        self._job = job
        self._stack = ExitStack()
        self._writers: list[tuple[FilmWriter, int]] = []

    def add(self, frame: int, pixels: np.ndarray) -> None:
        """Append a frame, H x W x 3, to each film in which it is."""
        for writer, every in self._writers:
            if frame % every == 0:
                writer.add(pixels)

    def finish(self) -> None:
        """End the films: all frames are in them."""
        self._stack.close()

    def __enter__(self) -> GrowingFilms:
        """Start the encoders."""
        job, output = self._job, self._job.loaded.scene.output
        with ExitStack() as stack:
            for path in self.paths:
                film = FilmWriter(
                    path,
                    job.shot.width,
                    job.shot.height,
                    job.fps,
                    crf=output.crf,
                    preset=output.preset,
                    ten_bits=output.ten_bits,
                )
                every = 1 if path == job.files.film else output.film_every
                self._writers.append((stack.enter_context(film), every))
            self._stack = stack.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Finish the films, or after an exception abort them."""
        self._stack.__exit__(kind, error, trace)
