"""What there is to paint for a study: independent pieces of work, each a scene and a folder.

A `Painting` is plain data: whoever has it and the networks can paint it, here or on another machine. What
comes of it lies in its folder, which is a run like any other (`animator.runs.folder`), with the pictures on
the way of its diffusion in ``at/``.
"""

from __future__ import annotations

import dataclasses
import json
import math
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from animator.report.measures import spread
from animator.run.cancel import Cancel
from animator.run.job import wanted_numbers
from animator.run.plan import plan_of
from animator.run.render import render_scene
from animator.run.reporter import Reporter
from animator.runs import RunFolder
from animator.runs.files import errors_in_one_line, write_atomic
from animator.runs.folder import FILM
from animator.runs.hires import finished_large
from animator.runs.png import decode_png, encode_png
from animator.scene.carried import NAME, NUMBER, SCENE
from animator.scene.reading import LoadedScene, read_text_scene
from animator.scene.resolved import resolved_text
from animator.study.identity import Painted
from animator.system.json_text import parse_json
from animator.watch.moments import intermediate_steps
from animator.weights.shared import SharedNetworks

FINISHED = "100%"
"""The share of the diffusion at which the picture is finished."""

FRAMES_SHOWN, STILLS_SHOWN = 3, 4
"""Of how many pictures a cell is shown at most: of a film the first, one in the middle and the last."""

PARTIAL = "at"
"""Folder of the pictures on the way, and of the list of them."""


@dataclass(frozen=True)
class Painting:
    """A piece of work.

    Attributes:
        name: of the cell.
        text: its scene, which extends no other and names files by their whole paths.
        title: name of the scene.
        only: numbers of the stills to paint; empty: all.
        folder: where it goes.
        at: shares of the diffusion, below 100 %, whose pictures are kept.
        whole: whether all its plots and sheets are made, as of a run of its own.
        report: whether its report is.
    """

    name: str
    text: str
    title: str
    only: tuple[int, ...]
    folder: str
    at: tuple[str, ...] = ()
    whole: bool = False
    report: bool = False

    @property
    def path(self) -> Path:
        """The folder."""
        return Path(self.folder)


def painting_of(
    name: str, text: str, title: str, only: tuple[int, ...], folder: Path, at: Sequence[str]
) -> Painting:
    """Return the piece of work that paints a scene; ``at`` may hold 100 % too."""
    return Painting(name, text, title, only, str(folder), tuple(share for share in at if share != FINISHED))


def scene_of(painting: Painting) -> LoadedScene:
    """Return the scene of a painting; raises SceneError where its file was damaged."""
    loaded = read_text_scene(painting.text, f"{painting.title}.yaml")
    return dataclasses.replace(loaded, title=painting.title, only=painting.only)


def shown_numbers(loaded: LoadedScene) -> list[int]:
    """Return which pictures of a cell are shown."""
    most = STILLS_SHOWN if loaded.scene.mode == "still" else FRAMES_SHOWN
    return spread(wanted_numbers(loaded), most)


def frames_done(painting: Painting, painted: Painted, *, still: bool) -> int:
    """Return how many frames of a painting are finished; every file is read.

    Raises:
        RunError: its folder is damaged.
    """
    if not (painting.path / "run.json").is_file():
        return 0
    run = RunFolder.open(painting.path)
    return len(plan_of(run, painted.numbers, painted.inputs, painted.stop, still=still).done)


def is_finished(painting: Painting, painted: Painted, *, still: bool) -> bool:
    """Return whether all of a painting is there: its frames, larger ones, film, and pictures on the way."""
    if frames_done(painting, painted, still=still) < len(painted.numbers):
        return False
    if painted.larger and len(finished_large(RunFolder.open(painting.path))) < painted.larger:
        return False
    film = "" if still else RunFolder.open(painting.path).read_info().get(FILM, "")
    has_film = still or bool(film and (painting.path / str(film)).is_file())
    return has_film and has_partials(painting)


def has_partials(painting: Painting) -> bool:
    """Return whether the pictures on the way are there, as far as the diffusion has any."""
    kept = partials(painting.path)
    files = [file for share in painting.at for file in kept.get(share, {}).values() if file]
    return all(share in kept for share in painting.at) and all(
        (painting.path / file).is_file() for file in files
    )


def partials(folder: Path) -> dict[str, dict[int, str]]:
    """Return the pictures on the way: by share and number the file, empty where the diffusion has none."""
    path = folder / PARTIAL / "at.json"
    if not path.is_file():
        return {}
    try:
        with errors_in_one_line(path):
            content = parse_json(path.read_bytes())
        return {
            str(share): {int(number): str(file) for number, file in files.items()}
            for share, files in content.items()
        }
    except (ValueError, TypeError, AttributeError):  # a torn file: they are painted again
        return {}


class _Heard(Reporter):
    """Passes a render's progress on, and notes how many steps each frame's diffusion has."""

    def __init__(self, reporter: Reporter) -> None:
        self._reporter = reporter
        self._frame = 0
        self.totals: dict[int, int] = {}

    def begin(self, name: str, total: int, done: int) -> None:
        """A render begins."""
        self._reporter.begin(name, total, done)

    def stage(self, frame: int, name: str) -> None:
        """A step of a frame's way begins."""
        self._frame = frame
        self._reporter.stage(frame, name)

    def step(self, done: int, total: int) -> None:
        """A step of the diffusion is done."""
        self.totals[self._frame] = total
        self._reporter.step(done, total)

    def finished(self, frame: int, seconds: float, left: int) -> None:
        """A frame is saved."""
        self._reporter.finished(frame, seconds, left)


def paint(painting: Painting, reporter: Reporter, cancel: Cancel, shared: SharedNetworks) -> None:
    """Paint what is missing of a painting.

    Args:
        painting: the piece of work.
        reporter: receives the progress, but not that it is over.
        cancel: stops it, from another thread.
        shared: networks that several of them use.

    Raises:
        AnimatorError: see `animator.run.render.render_scene`.
    """
    loaded = scene_of(painting)
    if not has_partials(painting):
        with errors_in_one_line(painting.path):  # what shows them is the whole diffusion, made again
            (painting.path / "journal.jsonl").unlink(missing_ok=True)
            shutil.rmtree(painting.path / PARTIAL, ignore_errors=True)
    heard = _Heard(reporter)
    scene = loaded if painting.whole else _as_painted(loaded, painting.at)
    render_scene(scene, heard, out=painting.path, cancel=cancel, shared=shared, report=painting.report)
    if painting.at and not has_partials(painting):
        _keep_partials(painting, loaded, heard.totals)


def _as_painted(loaded: LoadedScene, at: Sequence[str]) -> LoadedScene:
    """Return a scene that also keeps the clean estimates at some shares of its diffusion.

    Plots and sheets of a single cell take longer than the rest of it, and nobody looks at them.
    """
    output, steps = loaded.scene.output, loaded.scene.diffusion.steps
    wanted = output.intermediates
    asked = sorted(intermediate_steps(wanted, steps)) if isinstance(wanted, int) else list(wanted)
    kept = output.model_copy(
        update={
            **({"intermediates": [*asked, *at]} if at else {}),
            **{"losses": False, "contact_sheet": False, "progress_image": False},
        }
    )
    return dataclasses.replace(loaded, scene=loaded.scene.model_copy(update={"output": kept}))


def _keep_partials(painting: Painting, loaded: LoadedScene, totals: Mapping[int, int]) -> None:
    """Write the pictures on the way of those that are shown, each with the scene that paints it."""
    kept: dict[str, dict[str, str]] = {}
    usual = next(iter(totals.values()), 0)
    with errors_in_one_line(painting.path):
        (painting.path / PARTIAL).mkdir(exist_ok=True)
    for share in painting.at:
        kept[share] = {}
        for number in shown_numbers(loaded):
            (step,) = intermediate_steps([share], totals.get(number, usual)) or (0,)
            source = painting.path / "intermediates" / f"{number:06d}_step{step:03d}.png"
            file = f"{PARTIAL}/{number:06d}-{share.rstrip('%')}.png"
            found = _copied(source, painting.path / file, number, stopped(loaded, step, totals), painting)
            kept[share][str(number)] = file if found else ""
    write_atomic(painting.path / PARTIAL / "at.json", json.dumps(kept, indent=1).encode())


def _copied(source: Path, file: Path, number: int, scene: LoadedScene, painting: Painting) -> bool:
    with errors_in_one_line(source):
        pixels = decode_png(source.read_bytes()) if source.is_file() else None
    if pixels is None:
        return False
    anywhere = scene.scene.model_copy(update={"device": "auto"})
    text = {NAME: painting.title, NUMBER: str(number), SCENE: resolved_text(anywhere)}
    write_atomic(file, encode_png(pixels, text))
    return True


def stopped(loaded: LoadedScene, step: int, totals: Mapping[int, int]) -> LoadedScene:
    """Return the scene whose stills are as far as they are after a step; a film cannot be stopped there.

    Args:
        loaded: the scene.
        step: the number of a step, from 1.
        totals: steps of the diffusion of each picture, those that are skipped not counted.
    """
    scene = loaded.scene
    if scene.mode != "still":
        return loaded
    steps = scene.diffusion.steps
    skipped = math.floor(scene.diffusion.keep() * steps + 0.5)
    share = f"{(step + skipped) / steps * 100:.6g}%"
    diffusion = scene.diffusion.model_copy(update={"stop_at": share})
    return dataclasses.replace(loaded, scene=scene.model_copy(update={"diffusion": diffusion}))
