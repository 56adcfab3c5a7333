"""The films that grow with every frame of a run."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType

import numpy as np

from animator.settings.scene import Scene
from animator.video.film import FilmWriter, frame_rate


class GrowingFilms:
    """Films to each of which frames are added as they are finished.

    As a context manager it ends them whatever happens inside the block.

    Args:
        every: for each film, every how many frames one is in it.
        scene: their size, frame rate, quality and bits.
    """

    def __init__(self, every: Mapping[Path, int], scene: Scene) -> None:
        self._every = every
        self._scene = scene
        self._stack = ExitStack()
        self._writers: list[tuple[FilmWriter, int]] = []

    @property
    def any(self) -> bool:
        """Whether there are any."""
        return bool(self._every)

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
        output = self._scene.output
        with ExitStack() as stack:
            for path, every in self._every.items():
                film = FilmWriter(
                    path,
                    *self._scene.size,
                    frame_rate(self._scene.fps),
                    crf=output.crf,
                    preset=output.preset,
                    ten_bits=output.ten_bits,
                )
                self._writers.append((stack.enter_context(film), every))
            self._stack = stack.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Finish the films, or after an exception abort them."""
        self._stack.__exit__(kind, error, trace)
