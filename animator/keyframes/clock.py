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

_PLAIN = r"(?:\d+(?:\.\d*)?|\.\d+)"
_TIME = (  # in the order in which its parts stand
    (r"h(?:ours?|rs?)?", 3600.0),
    (r"m(?:in(?:ute)?s?)?", 60.0),
    (r"s(?:ec(?:ond)?s?)?", 1.0),
    (r"ms", 0.001),
)
_COUNTED = {"b": "beats", "beat": "beats", "beats": "beats", "s": "seconds", "": "frames"}
_COUNTED |= dict.fromkeys(("f", "frame", "frames"), "frames")

SPAN = (
    r"\s*(?:(?=[\d.])"
    + "".join(rf"(?:{_PLAIN}\s*{unit}\s*)?" for unit, _ in _TIME)
    + rf"|{_PLAIN}\s*(?:b(?:eats?)?|f(?:rames?)?))\s*"
)
"""How a length is written, as a regular expression: ``20s``, ``1m30s``, ``1s500ms``, ``8b``, ``24f``."""

_PARTS = re.compile(r"\s*(?=[\d.])" + "".join(rf"(?:({_PLAIN})\s*{unit}\s*)?" for unit, _ in _TIME), re.ASCII)
_SHARE = re.compile(rf"\s*({_PLAIN})\s*%\s*", re.ASCII)
_RANGE = re.compile(r"\s*\d+\s*-\s*\d+\s*", re.ASCII)
_OF_CLOCK = re.compile(r"\s*(?:(\d{1,2}):)?(\d{1,3}):([0-5]\d(?:\.\d+)?)\s*", re.ASCII)
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
            position: a frame (``12``, ``"12"`` or ``"12f"``), a time (``"2.5s"``, ``"1m30s"``,
                ``"1s500ms"``), beats (``"4b"``), a share of the film (``"50%"``, of the last frame's number),
                or a formula of ``max_f``, the number of the last frame (``"max_f/2"``; rounded down to a
                frame, as in Deforum).
            offset: where it begins in the text that the user wrote.

        Raises:
            ExpressionError: it is none of these, is negative, or counts beats and the film has none.

        >>> clock = Clock(frames=120, fps=12, bpm=90)
        >>> clock.frame(7), clock.frame("2.5s"), clock.frame("4b"), clock.frame("max_f/2")
        (7.0, 30.0, 32.0, 59.0)
        """
        frame = self._read(position, offset) if isinstance(position, str) else as_float(position)
        if frame < 0 and isinstance(position, str) and _RANGE.fullmatch(position):
            raise ExpressionError(
                f"{position.strip()} is a range; a key is one frame, from which on it counts", offset
            )
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
        if share := _SHARE.fullmatch(text):
            return float(share[1]) / 100 * self.max_f
        if parts := _PARTS.fullmatch(text):
            return self.fps * sum(
                float(part) * seconds
                for part, (_, seconds) in zip(parts.groups(), _TIME, strict=True)
                if part
            )
        match = _POSITION.fullmatch(text)
        unit = _COUNTED.get(match["unit"]) if match else None
        if match is None or unit is None:
            return self._formula(text, offset)
        number = float(match["number"])
        if unit == "seconds":
            return number * self.fps
        if unit == "beats":
            if self.bpm is None:
                raise ExpressionError(f"{text.strip()} counts beats: the scene must say its bpm", offset)
            return number * 60 / self.bpm * self.fps
        return number

    def _formula(self, text: str, offset: int) -> float:
        if time := _OF_CLOCK.fullmatch(text):
            parts = zip(time.groups(), "hms", strict=True)
            written = "".join(f"{float(part):g}{unit}" for part, unit in parts if part and float(part))
            raise ExpressionError(
                f"{text.strip()} is no position; a time is written {written or '0s'}", offset
            )
        formula = parse_expression(text, offset, variables=("max_f",))
        value = float(formula.evaluate(np.zeros(1), max_f=self.max_f)[0])
        return float(math.floor(value)) if math.isfinite(value) else value
