"""Films of diffusions, a frame a step, one for each picture that is painted."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from animator.runs.files import errors_in_one_line
from animator.video.film import FilmWriter, frame_rate


class DiffusionFilms:
    """The films of pictures that are painted together.

    Args:
        paths: of each picture its film.
        open_film: starts one, given its path, width and height.
        fps: steps a second.
    """

    def __init__(
        self, paths: Sequence[Path], open_film: Callable[[Path, int, int], FilmWriter], fps: float
    ) -> None:
        self._paths = paths
        self._open = open_film
        self._hold = round(frame_rate(fps))
        self._writers: list[FilmWriter] = []
        self._last: Sequence[np.ndarray] = ()

    def add(self, pictures: Sequence[np.ndarray]) -> None:
        """Append one frame to each film, H x W x 3 uint8 RGB.

        Raises:
            FilmError: if an encoder cannot be started or has stopped.
            RunError: if the disk refuses.
        """
        for place, (path, pixels) in enumerate(zip(self._paths, pictures, strict=True)):
            with errors_in_one_line(path):
                if place == len(self._writers):
                    height, width, _ = pixels.shape
                    self._writers.append(self._open(path, width, height))
                self._writers[place].add(pixels)
        self._last = pictures

    def finish(self) -> None:
        """Let the last frame stand for a second and end the films; without a frame there is none."""
        for _ in range(self._hold - 1):
            self.add(self._last)
        while self._writers:
            writer = self._writers[0]
            with errors_in_one_line(writer.path):
                writer.finish()
            self._writers.pop(0)

    def abort(self) -> None:
        """End the films early; what was encoded stays and can be watched."""
        while self._writers:
            writer = self._writers.pop()
            with errors_in_one_line(writer.path):
                writer.abort()
