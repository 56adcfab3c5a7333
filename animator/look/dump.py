"""``animator frame SCENE N --dump DIR``: every step of one frame's way as files.

::

    01-row.json       the row of the timeline, prompts and seed
    02-depth.png      depth of the picture that is moved, 16 bits from nearest to farthest (see 02-depth.json)
    02-depth-colour.png
    03-warped.png     it after the camera's move
    03-uncovered.png  what the move uncovered, white
    03-region-sky.png the mask of each region, by its name, as strong as it acts
    04-held.png       after its colours were held
    05-init.png       what the diffusion begins over, if there is anything
    05-noised.png     that with the noise that the diffusion begins with, moved noise where that is set
    06-step-001.png   the clean estimate after each step
    07-frame.png      the frame

What a step did not do leaves no file. Where it did it twice, as turbo moves two pictures, the second file
ends in ``-2``.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
from torch import Tensor

from animator.engines.registry import family_of
from animator.errors import UsageError
from animator.film.loop import Finished, Listener
from animator.film.regions import of_strength
from animator.film.requests import seed_of
from animator.keyframes.courses import weight_text
from animator.run.dispatch import frames_left
from animator.run.job import Job, job_of
from animator.run.plan import ResumePlan, gaps_of
from animator.run.sources import gather
from animator.run.tools import load_tools
from animator.runs import RunFolder
from animator.runs.files import errors_in_one_line, write_atomic
from animator.runs.png import encode_png
from animator.scene.reading import LoadedScene
from animator.system.convert import frame_to_uint8
from animator.types import PaintStep, Request

STEP = {"depth": 2, "footage": 2, "held": 4, "init": 5, "noised": 5}
"""The number of the step that makes something, by its name; what else there is belongs to the third."""

Notify = Callable[[str], None]
"""Receives a line on the progress."""


class Dump(Listener):
    """Writes down what is made of one frame.

    Args:
        job: the scene with all that it needs.
        frame: which frame.
        folder: where to.
        notify: called at every step.
    """

    def __init__(self, job: Job, frame: int, folder: Path, notify: Notify) -> None:
        self._job, self._frame, self._folder, self._notify = job, frame, folder, notify
        self._written: Counter[str] = Counter()
        self._current = frame

    def stage(self, frame: int, name: str) -> None:
        """A step of a frame's way begins."""
        self._current = frame
        self._notify(f"frame {frame}: {name}")

    def made(self, frame: int, name: str, value: Tensor) -> None:
        """Write what a step of this frame made."""
        if frame != self._frame:
            return
        stem = self._stem(f"{STEP.get(name, 3):02}-{name}")
        if name == "depth":
            self._depth(stem, value)
        elif value.ndim == 3:
            self._picture(stem, value)
        else:
            self._mask(stem, value)

    def asked(self, request: Request) -> None:
        """Write what the diffusion of this frame begins with, where its family can show it."""
        if self._current != self._frame:
            return
        scene = self._job.loaded.scene
        begun = family_of(scene.diffusion.model).beginning(scene, request)
        if begun is not None:
            self._picture(self._stem("05-noised"), begun)

    def step(self, step: PaintStep) -> None:
        """Write the clean estimate after a step of this frame's diffusion."""
        if self._current != self._frame:
            return
        self._picture(f"06-step-{step.done:03}", step.pictures()[0])

    def row(self) -> None:
        """Write the frame's row of the timeline."""
        row = self._job.loaded.timeline.row(self._frame)
        timeline = self._job.loaded.timeline
        found = {
            "frame": self._frame,
            "seed": seed_of(self._job.shot, self._frame),
            "prompts": [
                {"text": one.text, "weight": one.weight, "image": one.image}
                | ({"course": weight_text(one)} if one.course else {})
                | ({"region": one.region} if one.region else {})
                for one in row.prompts
            ],
            "values": {name: row[name] for name in timeline.table.columns},
            "over the diffusion": {name: values.tolist() for name, values in timeline.schedules.items()},
        }
        self._json("01-row", found)

    def finished(self, finished: Finished) -> None:
        """Write the frame itself, and the masks of its regions."""
        for region in self._job.shot.regions:
            mask = of_strength(region, finished.row, finished.masks)
            if mask is not None:
                self._mask(f"03-region-{region.name}", mask)
        self._picture("07-frame", finished.picture)

    def _stem(self, stem: str) -> str:
        self._written[stem] += 1
        return stem if self._written[stem] == 1 else f"{stem}-{self._written[stem]}"

    def _depth(self, stem: str, depth: Tensor) -> None:
        values = depth.detach().float().cpu().numpy()
        low, high = float(values.min()), float(values.max())
        shares = (values - low) / max(high - low, 1e-9)
        levels = np.round(shares * 65535).astype(np.uint16)
        self._picture(stem, np.repeat(levels[..., None], 3, -1))
        self._picture(f"{stem}-colour", near_is_warm(shares))
        self._json(stem, {"nearest": low, "farthest": high})

    def _picture(self, stem: str, picture: Tensor | np.ndarray) -> None:
        pixels = frame_to_uint8(picture) if isinstance(picture, Tensor) else picture
        write_atomic(self._folder / f"{stem}.png", encode_png(pixels, {"frame": str(self._frame)}))

    def _mask(self, stem: str, mask: Tensor) -> None:
        shades = (mask.detach().float().cpu().clamp(0, 1) * 255).round().to(torch.uint8).numpy()
        self._picture(stem, np.repeat(shades[..., None], 3, -1))

    def _json(self, stem: str, found: dict[str, Any]) -> None:
        write_atomic(self._folder / f"{stem}.json", (json.dumps(found, indent=1) + "\n").encode())


def dump_frame(
    loaded: LoadedScene, frame: int, folder: Path, scratch: Path, run: Path | None, notify: Notify
) -> None:
    """Make one frame and write every step of its way.

    Args:
        loaded: the scene.
        frame: number of the frame, or of the still.
        folder: where the files go; it is made, and must be empty if it is there.
        scratch: an empty folder for what is needed meanwhile.
        run: a run of the scene, whose saved state is used if it is of a frame before; else, and
            without a run, all frames are made from the first on.
        notify: receives the progress.

    Raises:
        UsageError: there is no such frame, or ``folder`` is not empty.
        WeightsError: a network's weights are not there or damaged.
        RunError: the run or the folder cannot be used.
    """
    pictures = loaded.scene.count
    if not 0 <= frame < pictures:
        raise UsageError(f"{loaded.source}: has no frame {frame}; its frames are 0 to {pictures - 1}")
    with errors_in_one_line(folder):
        folder.mkdir(parents=True, exist_ok=True)
        if any(folder.iterdir()):
            raise UsageError(f"--dump: {folder} is not empty; name a folder for this frame alone")
    kept = RunFolder.open(run) if run is not None else None
    sources = gather(loaded, run)
    job = job_of(kept or RunFolder(scratch), loaded, sources, load_tools(loaded, sources))
    start = 0 if kept is None else _start(job, kept, frame, notify)
    if not start:
        job = job_of(RunFolder(scratch), loaded, sources, job.tools)
    dump = Dump(job, frame, folder, notify)
    dump.row()
    numbers = [frame] if loaded.scene.mode == "still" else range(start, pictures)
    gaps = gaps_of(job.run, numbers, job.inputs, frozenset(), still=job.still)
    for finished in frames_left(job, ResumePlan(numbers, {}, frozenset(), gaps), dump):
        if finished.frame == frame:
            dump.finished(finished)
            break


def _start(job: Job, kept: RunFolder, frame: int, notify: Notify) -> int:
    """Return the frame from which to resume: after the last that was kept as the scene makes it now."""
    if job.loaded.scene.mode == "still":
        return 0
    entries = kept.finished_frames()
    whole = 0
    while whole < frame and whole in entries and entries[whole].inputs == job.inputs[whole]:
        whole += 1
    for done in range(whole, 0, -1):
        if kept.state_file(done - 1).is_file():
            notify(f"resumes after frame {done - 1} of {kept.path}")
            return done
    notify(f"{kept.path}: has no saved state of this scene before frame {frame}: starts at frame 0")
    return 0


def near_is_warm(shares: np.ndarray) -> np.ndarray:
    """Return depth as colours, H x W x 3 uint8 in RGB: 0, the nearest, is red, 1 is dark blue."""
    colours = cv2.applyColorMap(np.round((1 - shares) * 255).astype(np.uint8), cv2.COLORMAP_TURBO)
    return np.ascontiguousarray(colours[..., ::-1])
