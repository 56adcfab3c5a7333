"""Keeps and shows what a run's options ask for while its pictures are painted.

::

    progress.png                        the pictures that are painted now; gone at the end
    intermediates/000003_step040.png    a clean estimate on the way
    cuts/000003_step010_ViT-B-32.png    the cuts as a CLIP model saw them
    cuts/000003_looked_ViT-B-32.png     where they fell
    diffusion/000003.mp4                a film of the diffusion
    losses/000003.csv, losses.png       the losses of every step
    losses/000003-pulls.csv             the sizes of their gradients
    contact.png                         all stills on one sheet
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import TracebackType

import numpy as np

from animator.runs.files import errors_in_one_line, remove_leftovers, write_atomic
from animator.runs.png import encode_png
from animator.settings.output import OutputOptions
from animator.system.convert import frame_to_uint8
from animator.types import PaintStep
from animator.video.film import FilmWriter
from animator.watch.contact import contact_sheet
from animator.watch.cuts import cuts_sheet, file_names
from animator.watch.films import DiffusionFilms
from animator.watch.looked import LookedRecord
from animator.watch.losses import PULLS, LossRecord, read_tables, write_table
from animator.watch.moments import cut_steps, intermediate_steps
from animator.watch.plot import loss_plot
from animator.watch.sheet import pictures_sheet

PROGRESS_SECONDS = 2.0
"""Seconds between two versions of the progress image."""

PROGRESS_WIDTH = 1024
"""Pixels in width that the progress image has at most."""

PROGRESS_GAP = 4
"""Pixels between two pictures of the progress image."""


class Watch:
    """Watches the diffusions of a run: `begin`, a `step` after each step, `finish`; at last `end`.

    It changes nothing of what it sees and draws no random numbers. A step at which nothing is due costs a few
    microseconds: no picture is asked for, and no loss leaves its device before `finish`. As a context manager
    it ends the encoders of its films whatever happens inside the block.

    Every method raises `RunError` where the disk refuses and `FilmError` where an encoder fails.

    Args:
        folder: the run folder.
        output: what is asked for.
        fps: steps a second of a diffusion's film.
        clock: returns the seconds, for the pace of the progress image.
    """

    def __init__(
        self,
        folder: Path,
        output: OutputOptions,
        *,
        fps: float,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._folder = folder
        self._output = output
        self._fps = fps
        self._clock = clock
        self._shown: float | None = None
        self._frames: tuple[int, ...] = ()
        self._forget()
        self._films: DiffusionFilms | None = None
        self._ready: set[Path] = set()

    def begin(self, frames: Sequence[int]) -> None:
        """Take note of the numbers of the pictures that are painted from now on."""
        self.abort()
        self._frames = tuple(frames)
        self._forget()

    def step(self, step: PaintStep) -> None:
        """Keep and show what is due after a step."""
        if self._output.losses:
            self._losses.add(step)
            self._pulls.add(step)
        if self._output.show_cuts:
            self._looked.add(step)
            if step.done in cut_steps(step.total):
                self._keep_cuts(step)
        keeps = step.done in intermediate_steps(self._output.intermediates, step.total)
        shows = self._output.progress_image and self._is_time()
        if not (keeps or shows or self._output.diffusion_film):
            return
        pictures = [frame_to_uint8(picture) for picture in step.pictures()]
        if keeps:
            self._keep_pictures(step, pictures)
        if self._output.diffusion_film:
            self._film(step).add(pictures)
        if shows:
            progress = pictures_sheet(pictures, PROGRESS_WIDTH, PROGRESS_GAP)
            write_atomic(self._folder / "progress.png", encode_png(progress, _step_text(step)))
            # Counted from here, so that a slow disk never takes more than its share of the time.
            self._shown = self._clock()

    def finish(self) -> None:
        """Write the tables of the losses and end the films: the pictures are done.

        A diffusion that was stopped half-way and resumed adds to its table; its film begins at the
        first step that was made now. Called again before the next `begin`, this does nothing.
        """
        for record, end in ((self._losses, ""), (self._pulls, PULLS)):
            for frame, table in zip(self._frames, record.tables(len(self._frames)), strict=False):
                write_table(self._place("losses") / f"{frame:06d}{end}.csv", table, record.first)
        for number, frame in enumerate(self._frames):
            self._keep_maps(frame, self._looked.maps(number))
        self._forget()
        if self._films is not None:
            self._films.finish()
            self._films = None

    def end(self, stills: Sequence[int], read: Callable[[int], np.ndarray], seeds: Mapping[int, int]) -> None:
        """Write the plot of all losses and the contact sheet, and remove the progress image: the run is done.

        Args:
            stills: the numbers of all stills of the run, also of those made earlier; empty for a film.
            read: returns a finished still by its number, H x W x 3 uint8 RGB.
            seeds: seed of each still.
        """
        losses = self._folder / "losses"
        tables = read_tables(losses) if self._output.losses and losses.is_dir() else {}
        if tables:
            write_atomic(self._folder / "losses.png", loss_plot(tables, read_tables(losses, PULLS)))
        if self._output.contact_sheet and len(stills) > 1:
            sheet = contact_sheet(stills, read, seeds)
            write_atomic(self._folder / "contact.png", encode_png(sheet, {}))
        progress = self._folder / "progress.png"
        with errors_in_one_line(progress):
            progress.unlink(missing_ok=True)

    def abort(self) -> None:
        """End the films of pictures that were not finished; what was encoded can be watched."""
        if self._films is not None:
            films, self._films = self._films, None
            films.abort()

    def __enter__(self) -> Watch:
        """Return the watch itself."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End what is still open."""
        self.abort()

    def _forget(self) -> None:
        self._losses, self._pulls, self._looked = LossRecord(), LossRecord(pulls=True), LookedRecord()

    def _is_time(self) -> bool:
        return self._shown is None or self._clock() - self._shown >= PROGRESS_SECONDS

    def _keep_pictures(self, step: PaintStep, pictures: Sequence[np.ndarray]) -> None:
        folder = self._place("intermediates")
        for frame, pixels in zip(self._frames, pictures, strict=True):
            text = {"frame": str(frame), **_step_text(step)}
            write_atomic(folder / f"{frame:06d}_step{step.done:03d}.png", encode_png(pixels, text))

    def _keep_cuts(self, step: PaintStep) -> None:
        for perceptor, name in file_names(step.cuts).items():
            folder = self._place("cuts")
            for frame, cuts in zip(self._frames, step.cuts[perceptor], strict=True):
                sheet = cuts_sheet(cuts, perceptor, step.done, step.total)
                text = {"frame": str(frame), **_step_text(step), "perceptor": perceptor}
                path = folder / f"{frame:06d}_step{step.done:03d}_{name}.png"
                write_atomic(path, encode_png(sheet, text))

    def _keep_maps(self, frame: int, maps: Mapping[str, np.ndarray]) -> None:
        for perceptor, name in file_names(maps).items():
            path = self._place("cuts") / f"{frame:06d}_looked_{name}.png"
            write_atomic(path, encode_png(maps[perceptor], {"frame": str(frame), "perceptor": perceptor}))

    def _film(self, step: PaintStep) -> DiffusionFilms:
        """Return the films of these pictures, opened at the first step."""
        if self._films is None:
            folder = self._place("diffusion")
            # What goes on where an earlier part stopped must not take that part's place.
            ending = f"_from{step.done:03d}.mp4" if step.done > 1 else ".mp4"
            paths = [folder / f"{frame:06d}{ending}" for frame in self._frames]
            self._films = DiffusionFilms(paths, self._open_film, self._fps)
        return self._films

    def _open_film(self, path: Path, width: int, height: int) -> FilmWriter:
        return FilmWriter(path, width, height, self._fps, crf=self._output.crf, preset=self._output.preset)

    def _place(self, name: str) -> Path:
        """Return a folder of the run, made, and rid of what a kill left half-written, when first used."""
        folder = self._folder / name
        if folder not in self._ready:
            with errors_in_one_line(folder):
                folder.mkdir(exist_ok=True)
            remove_leftovers(folder)
            self._ready.add(folder)
        return folder


def _step_text(step: PaintStep) -> dict[str, str]:
    return {"step": str(step.done), "of": str(step.total)}
