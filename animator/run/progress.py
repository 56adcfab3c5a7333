"""How far a render is: reports every step of the drivers, takes the time, and stops where that is asked."""

from __future__ import annotations

import time
from collections.abc import Sequence

from animator.film.loop import Listener
from animator.run.cancel import Cancel
from animator.run.reporter import Reporter
from animator.run.save import Lap
from animator.types import PaintStep
from animator.watch import Watch


class Progress(Listener):
    """Hears of every step of the drivers.

    Args:
        reporter: receives every stage and step.
        watch: draws what can be watched meanwhile.
        cancel: is checked at every stage and step.

    Attributes:
        lap: how long the last frame took.
    """

    def __init__(self, reporter: Reporter, watch: Watch, cancel: Cancel) -> None:
        self._reporter = reporter
        self._watch = watch
        self._cancel = cancel
        self._together = 1
        self._waiting = 0
        self.lap = Lap(0.0)
        self._stage = ""
        self._stages: dict[str, float] = {}
        self._last = self._began = time.monotonic()

    def stage(self, frame: int, name: str) -> None:
        """A step of a frame's way begins."""
        self._cancel.check()
        self._next_stage(name)
        self._reporter.stage(frame, name)

    def begin(self, frames: Sequence[int]) -> None:
        """These frames are painted at once from now on."""
        self._together = self._waiting = len(frames)
        self._watch.begin(frames)

    def step(self, step: PaintStep) -> None:
        """A step of their diffusion is done."""
        self._cancel.check()
        self._reporter.step(step.done, step.total)
        self._watch.step(step)

    def next_lap(self) -> None:
        """A frame is there: take the time, its share where several were painted at once."""
        self._next_stage("")
        now = time.monotonic()
        if self._waiting == self._together or not self._waiting:  # the first of them, or one not painted
            stages = {name: seconds / self._together for name, seconds in self._stages.items()}
            self.lap = Lap((now - self._last) / self._together, stages)
        self._waiting = max(self._waiting - 1, 0)
        if not self._waiting:
            self._together, self._stages = 1, {}
        self._last = now

    def _next_stage(self, name: str) -> None:
        now = time.monotonic()
        if self._stage:
            self._stages[self._stage] = self._stages.get(self._stage, 0.0) + now - self._began
        self._stage, self._began = name, now
