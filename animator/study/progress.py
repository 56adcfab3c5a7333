"""The progress of all cells of a study as that of one render."""

from __future__ import annotations

from collections.abc import Mapping

from animator.run.reporter import Reporter


class StudyProgress(Reporter):
    """Hears of each cell's render in turn, and reports pictures of all cells together.

    Args:
        reporter: receives the progress.
        name: of the study.
        total: pictures of all cells.
        left: how many of each cell are to be painted, by its name.
    """

    def __init__(self, reporter: Reporter, name: str, total: int, left: Mapping[str, int]) -> None:
        self._reporter = reporter
        self._left = dict(left)
        self._cell = ""
        reporter.begin(name, total, total - sum(self._left.values()))

    def cell(self, name: str) -> None:
        """A cell is painted from now on; what is left of those before it is given up."""
        if self._cell:
            self._left[self._cell] = 0
        self._cell = name

    def begin(self, name: str, total: int, done: int) -> None:
        """Its render begins."""
        self._left[self._cell] = total - done

    def stage(self, frame: int, name: str) -> None:
        """A step of a frame's way begins."""
        self._reporter.stage(frame, name)

    def step(self, done: int, total: int) -> None:
        """A step of the diffusion is done."""
        self._reporter.step(done, total)

    def elsewhere(self, name: str, process: int, frame: int, seconds: float, left: int) -> None:
        """A cell that another process paints has begun, or saved a frame (-1: it has begun)."""
        del process
        self._left[name] = left
        if frame >= 0:
            self._reporter.finished(frame, seconds, sum(self._left.values()))

    def finished(self, frame: int, seconds: float, left: int) -> None:
        """A frame is saved."""
        self._left[self._cell] = left
        self._reporter.finished(frame, seconds, sum(self._left.values()))
