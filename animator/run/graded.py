"""The look of a scene, laid over the pictures of its films."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from animator.grade.cube import Lut, read_cube
from animator.grade.looks import Look, graded
from animator.keyframes.timeline import Timeline
from animator.run.stages import hash_of
from animator.scene.reading import LoadedScene
from animator.settings.grade import GradeOptions

LOOK = "grade"
"""The section, as the names of its settings begin."""

MOVING = ("brightness", "contrast", "saturation", "gamma", "lut_amount", "sharpen", "grain")
"""What may change over the frames."""


@dataclass(frozen=True)
class Grade:
    """The look of a film over its frames.

    Attributes:
        options: the settings.
        timeline: their values.
        seed: what the grain follows from.
    """

    options: GradeOptions
    timeline: Timeline
    seed: int

    @cached_property
    def settings(self) -> dict[str, Any]:
        """All that decides it, as a `Stage` takes it; empty where it leaves every picture as it is."""
        values = {name: self._column(name) for name in MOVING}
        plain = Look()
        if self.options.lut is None and all((values[n] == getattr(plain, n)).all() for n in MOVING):
            return {}
        digest = hashlib.sha256(b"".join(values[name].tobytes() for name in MOVING)).hexdigest()
        fixed = [self.options.sharpen_radius, self.options.grain_size, self.seed]
        lut = hash_of(Path(self.options.lut)) if self.options.lut else ""
        return {LOOK: [digest, lut, *fixed]}

    @cached_property
    def lut(self) -> Lut | None:
        """The table of colours, or None where the scene names none."""
        return read_cube(Path(self.options.lut)) if self.options.lut else None

    def at(self, moment: float) -> Look:
        """Return the look at a time in frames; between two frames it is between theirs."""
        numbers = self.timeline.table.index.to_numpy(np.float64)
        values = {name: float(np.interp(moment, numbers, self._column(name))) for name in MOVING}
        return Look(**values, radius=self.options.sharpen_radius, grain_size=self.options.grain_size)

    def over(
        self, pictures: Iterable[np.ndarray], first: int = 0, ratio: Fraction = Fraction(1)
    ) -> Iterator[np.ndarray]:
        """Yield pictures with the look.

        Args:
            pictures: H x W x 3.
            first: number of the frame that the first of them is.
            ratio: frames from one of them to the next; below 1 in a film at a higher rate.
        """
        for number, pixels in enumerate(pictures):
            yield self.one(pixels, first + number, float(first + number * ratio))

    def one(self, pixels: np.ndarray, number: int, moment: float | None = None) -> np.ndarray:
        """Return a picture with the look.

        Args:
            pixels: H x W x 3.
            number: of the picture, which its grain follows from.
            moment: its time in frames; its number when left out.
        """
        if not self.settings:
            return pixels
        return graded(pixels, self.at(number if moment is None else moment), self.lut, self.seed, number)

    def _column(self, name: str) -> np.ndarray:
        return np.asarray(self.timeline.table[f"{LOOK}.{name}"], np.float64)


def grade_of(loaded: LoadedScene) -> Grade:
    """Return the look that a scene gives its films."""
    return Grade(loaded.scene.grade, loaded.timeline, loaded.scene.first_seed)
