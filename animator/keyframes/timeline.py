"""The timeline: what every setting of a scene is at every frame, as one table."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping
from dataclasses import dataclass
from os import PathLike
from pathlib import Path
from typing import TextIO

import numpy as np
import pandas as pd

from animator.keyframes.clock import Clock
from animator.keyframes.courses import weight_text
from animator.keyframes.curves import Curve
from animator.keyframes.prompts import PromptTrack
from animator.keyframes.schedules import number_text, schedule_text
from animator.types import DIFFUSION_SCALE, Prompt, Schedule


@dataclass(frozen=True, eq=False)
class Timeline:
    """Everything that changes in a film, and everything that could.

    Attributes:
        table: a row a frame (index ``frame``), a float64 column a setting, by its dotted name.
        schedules: settings that are a value over the diffusion instead, the same at every frame.
        prompts: the prompts.
    """

    table: pd.DataFrame
    schedules: Mapping[str, Schedule]
    prompts: PromptTrack

    @property
    def frames(self) -> int:
        """How many frames the film has."""
        return len(self.table)

    def row(self, frame: int) -> Row:
        """Return one frame of the film; raises IndexError outside it."""
        if not 0 <= frame < self.frames:
            raise IndexError(f"frame {frame} is outside the film, which has {self.frames} frames")
        return Row(self, frame)

    def to_csv(self, target: str | PathLike[str] | TextIO) -> None:
        """Write the table with the schedules (as their texts) and the prompts as further columns.

        The same timeline gives the same bytes; every number reads back to the same float64.

        Args:
            target: a path, or something to write text to.
        """
        if isinstance(target, str | PathLike):
            buffer = io.StringIO(newline="")
            self.to_csv(buffer)
            Path(target).write_text(buffer.getvalue(), encoding="utf-8", newline="")
            return
        texts = [schedule_text(schedule) for schedule in self.schedules.values()]
        numbers = self.table.to_numpy()
        writer = csv.writer(target, lineterminator="\n")
        writer.writerow(["frame", *self.table.columns, *self.schedules, "prompts"])
        for frame in range(self.frames):
            values = (number_text(value) for value in numbers[frame].tolist())
            writer.writerow([frame, *values, *texts, prompts_text(self.prompts.at(frame))])


@dataclass(frozen=True)
class Row:
    """One frame of a timeline.

    Attributes:
        timeline: what it is a row of.
        frame: its number.
    """

    timeline: Timeline
    frame: int

    def __getitem__(self, name: str) -> float:
        """Return the number that a setting is at this frame; raises KeyError if it is not a number."""
        if name in self.timeline.schedules:
            raise KeyError(f"{name} is a schedule over the diffusion, not a number; use Row.schedule")
        return float(self.timeline.table.at[self.frame, name])

    def schedule(self, name: str) -> Schedule:
        """Return a setting over the diffusion, float64 of shape (1000,).

        That is its schedule, or its number at this frame throughout.
        """
        if name in self.timeline.schedules:
            return self.timeline.schedules[name]
        return np.full(DIFFUSION_SCALE, self[name])

    @property
    def prompts(self) -> tuple[Prompt, ...]:
        """The prompts of this frame, with weights that sum to 1."""
        return self.timeline.prompts.at(self.frame)

    @property
    def written(self) -> tuple[Prompt, ...]:
        """The same with the weights that the scene gives them."""
        return self.timeline.prompts.written_at(self.frame)

    @property
    def names(self) -> tuple[str, ...]:
        """Names of all settings, numbers first."""
        return (*self.timeline.table.columns, *self.timeline.schedules)


def build_timeline(values: Mapping[str, Curve | Schedule], prompts: PromptTrack, clock: Clock) -> Timeline:
    """Put the curves and schedules of a scene together.

    Args:
        values: by dotted name, what `compile_value` made.
        prompts: what `parse_prompts` made.
        clock: the clock that both were made with.

    Raises:
        ValueError: a curve is not of the film's length, or a schedule not of 1000 entries.
    """
    columns: dict[str, np.ndarray] = {}
    schedules: dict[str, Schedule] = {}
    for name, value in values.items():
        target, entries, length = (
            (columns, value.values, clock.frames)
            if isinstance(value, Curve)
            else (schedules, np.asarray(value, np.float64), DIFFUSION_SCALE)
        )
        if entries.shape != (length,):
            raise ValueError(f"{name} has the shape {entries.shape}, ({length},) is needed")
        target[name] = entries
    index = pd.RangeIndex(clock.frames, name="frame")
    return Timeline(pd.DataFrame(columns, index=index, dtype=np.float64), schedules, prompts)


def prompts_text(prompts: tuple[Prompt, ...]) -> str:
    """Write prompts for a reader, the weights to six figures.

    >>> prompts_text((Prompt("sea", 0.75), Prompt("a.png", 0.25, image=True, models=("RN50",))))
    'sea:0.75 | image a.png:0.25 for RN50'
    """
    return " | ".join(map(_prompt_text, prompts))


def _prompt_text(prompt: Prompt) -> str:
    models = f" for {', '.join(prompt.models)}" if prompt.models else ""
    return f"{'image ' if prompt.image else ''}{prompt.text}:{weight_text(prompt)}{models}"
