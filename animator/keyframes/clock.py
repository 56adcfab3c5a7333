"""Positions in a film: frames, seconds, beats and formulas of its length, all to frames."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass

import numpy as np

from animator.errors import ExpressionError
from animator.keyframes.expressions import NUMBER, as_float, parse_expression

MAX_FRAMES = 1_000_000
"""Most frames of a film (over nine hours at 30 a second); a curve has a number for each."""
MAX_POSITION = 100 * MAX_FRAMES
"""Last frame at which a key may be set; keys after the film's end shape the ramp towards them."""

SPAN = r"\s*(?:\d+\s*m(?:\s*(?:\d+(?:\.\d*)?|\.\d+)\s*s)?|(?:\d+(?:\.\d*)?|\.\d+)\s*[sb])\s*"
"""How a length of time is written, as a regular expression: ``20s``, ``1m30s``, ``8b``."""

_MINUTES = re.compile(rf"\s*(?P<minutes>\d+)\s*m(?:\s*(?P<seconds>{NUMBER})\s*s)?\s*", re.ASCII)
_POSITION = re.compile(rf"\s*(?P<number>[+-]?{NUMBER})\s*(?P<unit>[A-Za-z]*)\s*", re.ASCII)


@dataclass(frozen=True)
class Clock:
    """The length and pace of a film.

    Attributes:
        frames: how many frames it has, 1 or more.
        fps: frames a second, positive.
        bpm: beats a minute of its music, positive, or None where there are none.
    """

    frames: int
    fps: float
    bpm: float | None = None

    def __post_init__(self) -> None:
        if not 1 <= self.frames <= MAX_FRAMES:
            raise ValueError(f"frames is {self.frames}; it must be from 1 to {MAX_FRAMES}")
        if not (math.isfinite(self.fps) and self.fps > 0):
            raise ValueError(f"fps is {self.fps}; it must be a positive number")
        if self.bpm is not None and not (math.isfinite(self.bpm) and self.bpm > 0):
            raise ValueError(f"bpm is {self.bpm}; it must be a positive number")

    @property
    def max_f(self) -> int:
        """Number of the last frame: what ``max_f`` means in a formula, as in Deforum's web UI."""
        return self.frames - 1

    def frame(self, position: int | float | str, offset: int = 0) -> float:
        """Return the frame at ``position``, with its fraction; it may lie after the film's end.

        Args:
            position: a frame (``12`` or ``"12"``), seconds (``"2.5s"``, ``"1m30s"``), beats (``"4b"``), or a
                formula of ``max_f``, the number of the last frame (``"max_f/2"``; rounded down to a frame, as
                in Deforum).
            offset: where it begins in the text that the user wrote.

        Raises:
            ExpressionError: it is none of these, is negative, or counts beats and the film has none.

        >>> clock = Clock(frames=120, fps=12, bpm=90)
        >>> clock.frame(7), clock.frame("2.5s"), clock.frame("4b"), clock.frame("max_f/2")
        (7.0, 30.0, 32.0, 59.0)
        """
        frame = self._read(position, offset) if isinstance(position, str) else as_float(position)
        if isinstance(position, bool) or not math.isfinite(frame):
            raise ExpressionError(
                f"{str(position)[:40]!r} is not a position; write a frame, 2.5s or 4b", offset
            )
        if frame < 0:
            raise ExpressionError(
                f"the position {str(position)[:40]} is before the first frame, which is 0", offset
            )
        if frame > MAX_POSITION:
            raise ExpressionError(f"the position {str(position)[:40]} is beyond frame {MAX_POSITION}", offset)
        return frame

    def key(self, position: int | float | str, offset: int = 0) -> int:
        """Return the whole frame nearest to ``position`` (halves go up), where a key is set.

        >>> Clock(frames=100, fps=10, bpm=96).key("1b")  # 6.25
        6
        """
        return math.floor(self.frame(position, offset) + 0.5)

    def _read(self, text: str, offset: int) -> float:
        if long := _MINUTES.fullmatch(text):
            return (60 * int(long["minutes"]) + float(long["seconds"] or 0)) * self.fps
        match = _POSITION.fullmatch(text)
        if match is None or match["unit"] not in ("", "s", "b"):
            return self._formula(text, offset)
        number = float(match["number"])
        if match["unit"] == "s":
            return number * self.fps
        if match["unit"] == "b":
            if self.bpm is None:
                raise ExpressionError(f"{text.strip()} counts beats: the scene must say its bpm", offset)
            return number * 60 / self.bpm * self.fps
        return number

    def _formula(self, text: str, offset: int) -> float:
        formula = parse_expression(text, offset, variables=("max_f",))
        value = float(formula.evaluate(np.zeros(1), max_f=self.max_f)[0])
        return float(math.floor(value)) if math.isfinite(value) else value
