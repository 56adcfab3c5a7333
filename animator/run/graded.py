"""The look of a scene, laid over the pictures of its films."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from animator.film.regions import Region, masks_of, of_strength, resized
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
        region: the part of the picture that alone gets the look, or None.
        drawn_from: what its mask follows from besides its numbers.
    """

    options: GradeOptions
    timeline: Timeline
    seed: int
    region: Region | None = None
    drawn_from: str = ""

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
        return {LOOK: [digest, lut, *fixed, *self._decided_by_region()]}

    def _decided_by_region(self) -> list[str]:
        if self.region is None:
            return []
        numbers = self.timeline.table.filter(like=f"regions.{self.region.name}.").to_numpy(np.float64)
        return [self.drawn_from, hashlib.sha256(numbers.tobytes()).hexdigest()]

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
        time = float(number) if moment is None else moment
        made = graded(pixels, self.at(time), self.lut, self.seed, number)
        return made if self.region is None else self._inside(pixels, made, self.region, time)

    def _inside(self, pixels: np.ndarray, made: np.ndarray, region: Region, time: float) -> np.ndarray:
        """Return a picture with its look in a region alone, as the region is at a time in frames."""
        height, width = pixels.shape[:2]
        row = self.timeline.row(min(max(int(time), 0), self.timeline.frames - 1))
        assert region.drawn is not None
        scale = width / region.drawn(row.frame).shape[1]
        own = resized(region, width, height, scale)
        mask = of_strength(own, row, masks_of([own], row))
        if mask is None:
            return pixels
        share = mask.numpy()[..., None]
        mixed = pixels + (made.astype(np.float32) - pixels) * share
        result: np.ndarray = mixed.round().astype(pixels.dtype)
        return result

    def _column(self, name: str) -> np.ndarray:
        return np.asarray(self.timeline.table[f"{LOOK}.{name}"], np.float64)


def grade_of(loaded: LoadedScene, regions: Sequence[Region] = (), drawn_from: str = "") -> Grade:
    """Return the look that a scene gives its films.

    Args:
        loaded: the scene.
        regions: its regions.
        drawn_from: what the mask of the one that gets the look follows from, see `Grade`.
    """
    options = loaded.scene.grade
    region = next((one for one in regions if one.name == options.region), None)
    return Grade(options, loaded.timeline, loaded.scene.first_seed, region, drawn_from if region else "")
