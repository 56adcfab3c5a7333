"""What became of each cell of a study: its state, score and pictures, for the sheet, the page and CSV."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from animator.errors import RunError
from animator.run.job import stop_of
from animator.runs import Entry, RunFolder
from animator.runs.folder import FILM, FRAMES
from animator.runs.hires import HIRES
from animator.scene.reading import LoadedScene
from animator.study.folder import StudyFolder
from animator.study.grid import Grid, Place
from animator.study.painting import FINISHED, partials, shown_numbers

DONE, MISSING, FAILED = "done", "missing", "failed"
"""States of a cell."""


@dataclass(frozen=True)
class Cell:
    """A painting of a study, as far as it is known.

    Attributes:
        name: of the cell; empty where its scene is wrong.
        loaded: its scene; None where it is wrong.
        done: whether all of it is there.
        reason: why it failed; empty where it did not.
    """

    name: str
    loaded: LoadedScene | None
    done: bool = False
    reason: str = ""


@dataclass(frozen=True)
class Result:
    """A cell of the sheet.

    Attributes:
        place: the numbers of its values.
        values: these for a reader, one for each axis.
        name: what ``--scene-of`` takes; empty where its scene is wrong.
        state: ``done``, ``missing`` or ``failed``.
        reason: why it failed.
        seed: of its first picture; None where it is not known.
        score: how well its pictures answer their prompts, -1 to 1; None where that is not known.
        seconds: how long it took, of all pictures of the painting.
        pictures: files that are shown, as paths in the study's folder.
        film: file of the film, as such a path; empty where there is none.
        size: width and height of each picture in pixels.
    """

    place: Place
    values: tuple[str, ...]
    name: str
    state: str
    reason: str = ""
    seed: int | None = None
    score: float | None = None
    seconds: float | None = None
    pictures: tuple[str, ...] = ()
    film: str = ""
    size: tuple[int, int] = (0, 0)


def results_of(
    folder: StudyFolder,
    grid: Grid,
    cells: Mapping[Place, Cell],
    scores: Mapping[str, Mapping[str, float]],
    judge: str,
) -> list[Result]:
    """Return what became of every cell of a grid, in the order of ``grid.cells``.

    Args:
        folder: of the study.
        grid: its axes.
        cells: what is painted, by its place.
        scores: by cell and `score_key`.
        judge: the CLIP model by which cells are compared; empty where there is none.
    """
    looked: dict[str, _Look] = {}
    found = []
    for place in grid.cells:
        cell = cells[place[: len(grid.axes)]]
        share = grid.at[place[-1]] if grid.at else FINISHED
        if cell.name and cell.name not in looked:
            looked[cell.name] = _look(folder, cell)
        score = scores.get(cell.name, {}).get(score_key(judge, share))
        found.append(_result(place, grid, cell, share, looked.get(cell.name), score))
    return found


def score_key(judge: str, share: str) -> str:
    """Return under what a score is kept: by which CLIP model, of the pictures at which share."""
    return f"{judge} at {share}"


def shown_files(folder: StudyFolder, cell: Cell, share: str) -> dict[int, str]:
    """Return the pictures that are shown of a finished cell at a share of the diffusion, by their number."""
    assert cell.loaded is not None
    if share != FINISHED:
        kept = partials(folder.cell(cell.name)).get(share, {})
        return {number: f"cells/{cell.name}/{file}" for number, file in sorted(kept.items()) if file}
    shown = HIRES if cell.loaded.scene.large_size is not None and stop_of(cell.loaded.scene) == 1 else FRAMES
    return {number: f"cells/{cell.name}/{shown}/{number:06d}.png" for number in shown_numbers(cell.loaded)}


@dataclass(frozen=True)
class _Look:
    """What a cell's folder says."""

    entries: Mapping[int, Entry]
    film: str
    pictures: Mapping[str, Mapping[int, str]]


def _look(folder: StudyFolder, cell: Cell) -> _Look:
    path = folder.cell(cell.name)
    if not cell.done or cell.loaded is None:
        return _Look({}, "", {})
    try:
        run = RunFolder(path)
        film = str(run.read_info().get(FILM, ""))
        entries = run.journal()
    except RunError:  # it was damaged since it was painted; what it says is not known
        return _Look({}, "", {})
    shares = [FINISHED, *partials(path)]
    pictures = {share: shown_files(folder, cell, share) for share in shares}
    there = bool(film) and (path / film).is_file()
    return _Look(entries, f"cells/{cell.name}/{film}" if there else "", pictures)


def _result(
    place: Place, grid: Grid, cell: Cell, share: str, look: _Look | None, score: float | None
) -> Result:
    values, size = grid.labels(place), cell.loaded.scene.size if cell.loaded else (0, 0)
    name = f"{cell.name}@{share}" if cell.name and share != FINISHED else cell.name
    if look is None or not cell.done:
        state = FAILED if cell.reason else MISSING
        return Result(place, values, name, state, cell.reason, size=size)
    pictures = tuple(look.pictures.get(share, {}).values())
    entries = [look.entries[number] for number in sorted(look.entries)]
    seed = entries[0].seed if entries else None
    seconds = round(sum(entry.seconds for entry in entries), 3) if entries else None
    if not pictures:
        reason = f"the diffusion has no step at {share}: it begins later, stops before, or nothing is painted"
        return Result(place, values, name, FAILED, reason, seed, None, seconds, size=size)
    return Result(place, values, name, DONE, "", seed, score, seconds, pictures, look.film, size)


def best_of(results: Sequence[Result]) -> Result | None:
    """Return the cell with the highest score; None where none is scored."""
    scored = [one for one in results if one.score is not None]
    return max(scored, key=lambda one: one.score or 0.0) if scored else None


def count_text(results: Sequence[Result]) -> str:
    """Return how many cells are in which state, for a reader.

    >>> count_text([Result((0,), ("1",), "a", "done"), Result((1,), ("2",), "b", "failed")])
    '2 cells: 1 done, 1 failed'
    """
    parts = [(state, sum(one.state == state for one in results)) for state in (DONE, MISSING, FAILED)]
    said = ", ".join(f"{count} {state}" for state, count in parts if count)
    return f"{len(results)} cells: {said}"
