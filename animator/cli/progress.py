"""How a long job reports its progress: a live line in a terminal, a plain line a frame elsewhere, or JSON."""

from __future__ import annotations

import json
import sys
import time
from collections import deque
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TextIO

from rich.console import Console
from rich.live import Live
from rich.text import Text

from animator.run.reporter import Reporter
from animator.system.plural import counted

PAUSE = 5.0
"""Seconds between two lines about a stage after the frames."""

LAPS = 12
"""Frames whose mean time is the pace."""

COUNTED = 0.1
"""Seconds of a frame from which on its pace is given by the hour."""


@dataclass
class Pace:
    """Frames an hour and the time left, from the frames that this process made.

    The time of a frame is the mean of the last frames, of so many that turbo, in which few are painted, does
    not make it jump.
    """

    _laps: deque[float] = field(default_factory=lambda: deque(maxlen=LAPS))
    _first: bool = True

    @property
    def seconds(self) -> float | None:
        """Seconds a frame, or None while nothing is known."""
        return sum(self._laps) / len(self._laps) if self._laps else None

    def lap(self, seconds: float) -> None:
        """A frame is done, which took so long."""
        # The first lap holds the whole first diffusion and the warming up: the second replaces it.
        if len(self._laps) == 1 and self._first:
            self._laps.clear()
            self._first = False
        self._laps.append(seconds)

    def text(self, left: int, unit: str = "frame") -> str:
        """Return ``"412 frames/h, 5:02 left"``, or an empty text while nothing is known.

        What takes less than `COUNTED` seconds is over before an hour means anything.
        """
        if not self.seconds:
            return ""
        rate = f"{3600 / self.seconds:.0f} {unit}s/h, " if self.seconds >= COUNTED else ""
        return f"{rate}{clock_text(self.seconds * left)} left"


def clock_text(seconds: float) -> str:
    """Write a time for a reader.

    >>> clock_text(62), clock_text(3720), clock_text(200000)
    ('1:02', '1:02:00', '2 d 7 h')
    """
    whole = round(seconds)
    if whole >= 48 * 3600:
        return f"{whole // 86400} d {whole % 86400 // 3600} h"
    hours, minutes, rest = whole // 3600, whole % 3600 // 60, whole % 60
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


class LineReporter(Reporter):
    """A plain line a frame, for logs and pipes.

    Args:
        stream: where the lines go.
    """

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._pace = Pace()
        self._total = 0
        self._stage = ""
        self._said, self._said_of = 0.0, ""

    def begin(self, name: str, total: int, done: int) -> None:
        """Say what is made and how much of it is up to date."""
        self._total, self._pace = total, Pace()
        finished = f", {done} of them are up to date" if done else ""
        self._print(f"{name}: {counted(total, self.unit)}{finished}")

    def finished(self, frame: int, seconds: float, left: int) -> None:
        """Print the frame's line."""
        self._pace.lap(seconds)
        pace = self._pace.text(left, self.unit)
        self._print(f"{self.unit} {self._total - left}/{self._total}  {seconds:.1f} s  {pace}".rstrip())

    def stage(self, frame: int, name: str) -> None:
        """Remember the stage."""
        self._stage, self._said = name, time.monotonic()

    def made(self, done: int, total: int, left: float | None) -> None:
        """Print a line now and then."""
        if time.monotonic() - self._said >= PAUSE or (done == total and self._said_of == self._stage):
            self._said, self._said_of = time.monotonic(), self._stage
            self._print(f"{self._stage}: {_made_text(done, total, left)}")

    def _print(self, text: str) -> None:
        with suppress(OSError):  # the reader has gone; the render continues
            # In one piece: what is said of an interrupt between two would be in the same line.
            print(f"{text}\n", end="", file=self._stream, flush=True)


class JsonReporter(Reporter):
    """A JSON object a line, for programs: ``event`` is begin, stage, step, frame or end.

    Args:
        stream: where the lines go.
    """

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._pace = Pace()
        self._total = 0

    def begin(self, name: str, total: int, done: int) -> None:
        """Return what is made."""
        self._total, self._pace = total, Pace()
        self._tell(event="begin", scene=name, frames=total, done=done)

    def stage(self, frame: int, name: str) -> None:
        """Report that a step of a frame's way begins, or one of those after all frames."""
        self._tell(event="stage", frame=frame, stage=name)

    def step(self, done: int, total: int) -> None:
        """Report how many steps of the diffusion are done."""
        self._tell(event="step", done=done, of=total)

    def finished(self, frame: int, seconds: float, left: int) -> None:
        """Tell a frame's number, its seconds and the estimate of what is left."""
        self._pace.lap(seconds)
        wait = round((self._pace.seconds or seconds) * left, 1)
        self._tell(event="frame", frame=frame, frames=self._total, seconds=round(seconds, 3), left=wait)

    def made(self, done: int, total: int, left: float | None) -> None:
        """Tell how far a stage after the frames is."""
        self._tell(event="made", done=done, of=total, left=None if left is None else round(left, 1))

    def end(self) -> None:
        """Tell that this is all."""
        self._tell(event="end")

    def _tell(self, **what: object) -> None:
        with suppress(OSError):  # the reader has gone; the render continues
            print(f"{json.dumps(what)}\n", end="", file=self._stream, flush=True)


class LiveReporter(Reporter):
    """One line of a terminal that is always up to date.

    Args:
        console: the terminal.
    """

    def __init__(self, console: Console) -> None:
        self._console = console
        self._pace = Pace()
        self._name, self._total, self._done = "", 0, 0
        self._stage, self._steps, self._made = "", (0, 0), ""
        self._live: Live | None = None

    def begin(self, name: str, total: int, done: int) -> None:
        """Draw the line for the first time."""
        self.end()  # of the pass before
        self._name, self._total, self._done, self._pace = name, total, done, Pace()
        self._live = Live(
            console=self._console, get_renderable=self._line, refresh_per_second=6, transient=True
        )
        self._live.start()

    def stage(self, frame: int, name: str) -> None:
        """Show the step that begins."""
        self._stage, self._steps, self._made = name, (0, 0), ""

    def step(self, done: int, total: int) -> None:
        """Show the steps of the diffusion."""
        self._steps = (done, total)

    def made(self, done: int, total: int, left: float | None) -> None:
        """Show how far a stage after the frames is."""
        self._made = f" {_made_text(done, total, left)}"

    def finished(self, frame: int, seconds: float, left: int) -> None:
        """Count the frame."""
        self._pace.lap(seconds)
        self._done = self._total - left

    def end(self) -> None:
        """Wipe the line; what the program says last stays."""
        if self._live is not None:
            self._live.stop()
            self._live = None

    def _line(self) -> Text:
        done = min(self._done, self._total)
        width = 24
        steps, of = self._steps
        part = done + (steps / of if of else 0)
        filled = round(width * part / self._total) if self._total else 0
        bar = "━" * filled + "╌" * (width - filled)
        step = f" step {steps}/{of}" if of else ""
        shown = min(done + 1, self._total)
        text = f"{self._name} {bar} {self.unit} {shown}/{self._total} {self._stage}{self._made}{step}"
        pace = self._pace.text(self._total - done, self.unit)
        return Text(f"{text}  {pace}", no_wrap=True, overflow="ellipsis")


def _made_text(done: int, total: int, left: float | None) -> str:
    """Return how far a stage is.

    >>> _made_text(3, 36, 62.0), _made_text(3, 36, None)
    ('3/36, 1:02 left', '3/36')
    """
    return f"{done}/{total}" + (f", {clock_text(left)} left" if left and done < total else "")


def reporter_for(as_json: bool) -> Reporter:
    """Choose how progress is shown."""
    if as_json:
        return JsonReporter(sys.stdout)
    console = Console(stderr=True)
    return LiveReporter(console) if console.is_terminal else LineReporter(sys.stderr)
