"""Finished pictures as files of their own: graded stills."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial

from animator.run.job import Job
from animator.run.stages import Stage
from animator.runs import Entry
from animator.runs.png import encode_png, read_text

GRADED = "graded"
"""Folder of stills with the look of the scene."""


def graded_stills(job: Job, entries: Mapping[int, Entry]) -> list[Stage]:
    """Return a stage for each still with its look; none where the scene gives none."""
    if not job.grade.settings:
        return []
    return [
        Stage(
            f"{GRADED} {number}",
            f"{GRADED}/{job.run.frame_file(number).name}",
            {"frame": entries[number].file, **job.grade.settings},
            partial(_write_graded, job, number),
        )
        for number in job.numbers
    ]


def _write_graded(job: Job, number: int) -> None:
    """Write a still with its look, and the texts that the still itself carries."""
    pixels = job.grade.one(job.run.read_frame(number, deep=True), number)
    text = read_text(job.run.frame_file(number).read_bytes())
    job.run.write(f"{GRADED}/{job.run.frame_file(number).name}", encode_png(pixels, text))
