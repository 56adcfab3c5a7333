"""Each cell of a study as a scene of its own, read and checked, or what is wrong with it.

Importing this imports no torch.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from animator.errors import Problem, SceneError
from animator.importing.opening import open_scene
from animator.scene.draft import draft_of
from animator.scene.drawn_prompts import MODIFIERS, PROMPTS
from animator.scene.layers import COMMAND_LINE
from animator.scene.nodes import Place as Written
from animator.scene.reading import PIPED, PIPED_NAME, LoadedScene, read_layered_text, read_study
from animator.scene.source import read_piped
from animator.study.asked import VARY, Asked, asked_in_scene, asked_on_command_line
from animator.study.axes import AxisError
from animator.study.grid import Grid, Place, grid_of
from animator.study.words import with_every_choice

Read = Callable[[Sequence[str]], LoadedScene]
"""Reads the scene of a study with settings laid over it; raises SceneError."""


@dataclass(frozen=True)
class Planned:
    """What is painted for a place of the grid.

    Attributes:
        place: the numbers of its values.
        loaded: its scene; None where it is wrong.
        reason: why it is wrong, in one line; empty where it is not.
    """

    place: Place
    loaded: LoadedScene | None
    reason: str = ""


@dataclass(frozen=True)
class Study:
    """A study that was read.

    Attributes:
        name: what it is called, as its scene.
        source: the scene file as the user named it.
        grid: its axes.
        planned: what is painted, a scene for each place of ``grid.painted``.
        problems: what is wrong with some of the scenes.
        notices: what is not wrong but may not be meant.
        seed: the one that was drawn for all of them; None where the scenes give their own.
    """

    name: str
    source: str
    grid: Grid
    planned: tuple[Planned, ...]
    problems: tuple[Problem, ...] = ()
    notices: tuple[Problem, ...] = ()
    seed: int | None = None


def reader_of(file: str) -> tuple[Read, Asked, list[Problem]]:
    """Return what reads a scene again and again, what it asks for under ``study``, and the faults of that.

    The standard input is read once.
    """
    if file != PIPED:
        return lambda over: open_scene(file, over), *asked_in_scene(read_study(file))
    text = read_piped(PIPED_NAME)
    asked = asked_in_scene(read_study(PIPED_NAME, text))
    return lambda over: read_layered_text(text, PIPED_NAME, over), *asked


def study_of(
    file: str,
    settings: Sequence[str] = (),
    *,
    vary: Sequence[str] = (),
    zip_axes: bool = False,
    at: str = "",
    draft: bool = False,
    seed: int | None = None,
) -> Study:
    """Read a study: its scene, the axes that the scene and the command line name, and every cell.

    Args:
        file: the scene, or ``-`` for the standard input.
        settings: texts ``key.path=value`` that go over the scene in every cell.
        vary: axes as after ``--vary``; one takes the place of the scene's own of the same setting.
        zip_axes: whether the axes go together, the first value of one with the first of the others.
        at: shares of the diffusion, ``"20%,50%,100%"``.
        draft: whether every cell is a draft of its scene.
        seed: takes the place of one that would be drawn; None draws one for all cells.

    Raises:
        SceneError: the axes are wrong, or every cell is; with every fault that was found.
    """
    read, below, faults = reader_of(file)
    folders = [Path(file).parent, Path.cwd()]
    asked, problems = asked_on_command_line(vary, zip_axes, at, folders)
    asked = asked.over(below)
    if not (problems or faults):
        try:
            asked = with_every_choice(asked, read, settings)
        except AxisError as error:
            problems = [Written(VARY).problem("", str(error))]
    if not (asked.axes or problems or faults):
        read(settings)  # what is wrong with the scene comes before that nothing is varied
    written_out = any(axis.names == (PROMPTS,) for axis in asked.axes)
    grid = grid_of_all(asked, [*problems, *faults])
    planned: list[Planned] = []
    drawn = False
    found: dict[tuple[str, str], list[tuple[Place, Problem]]] = {}
    notices: dict[tuple[str, str], Problem] = {}
    for place in grid.painted:
        over = [*settings, *grid.settings(place)]
        try:
            loaded = read(over)
            if loaded.seed_drawn:
                drawn, seed = True, loaded.scene.first_seed if seed is None else seed
                loaded = _with_seed(read, over, seed, loaded)
            loaded = draft_of(loaded) if draft else loaded
        except SceneError as error:
            wrong = [named(one, grid) for one in error.problems]
            for one in wrong:
                found.setdefault((one.key, one.message), []).append((place, one))
            planned.append(Planned(place, None, _reason(wrong)))
            continue
        for notice in loaded.notices:
            if written_out and notice.key.startswith(f"{MODIFIERS}."):
                continue  # the lists are in the values of the axis
            notices.setdefault((notice.key, notice.message), named(notice, grid))
        planned.append(Planned(place, loaded))
    problems = [_of_cells(ones, grid) for ones in found.values()]
    if all(one.loaded is None for one in planned):
        raise SceneError(problems)
    scenes = [one.loaded for one in planned if one.loaded is not None]
    return Study(
        name=scenes[0].name,
        source=file,
        grid=grid,
        planned=tuple(planned),
        problems=tuple(problems),
        notices=tuple(notices.values()),
        seed=seed if drawn else None,
    )


def _with_seed(read: Read, over: Sequence[str], seed: int, drawn: LoadedScene) -> LoadedScene:
    """Return a cell whose scene gives no seed with the study's."""
    if drawn.scene.seed == seed:
        return drawn
    again = read([*over, f"seed={seed}", f"seed_mode={drawn.scene.seed_mode}"])
    return dataclasses.replace(again, notices=drawn.notices)


def grid_of_all(asked: Asked, problems: Sequence[Problem]) -> Grid:
    """Return the grid; raises SceneError with all that is wrong with the axes."""
    if problems:
        raise SceneError(problems)
    try:
        return grid_of(asked)
    except AxisError as error:
        raise SceneError([Problem(str(error), "", VARY)]) from None


def named(problem: Problem, grid: Grid) -> Problem:
    """Return a fault of a value from the command line as one of ``--vary``, where an axis gave it."""
    names = [name for axis in grid.axes for name in axis.names]
    ours = any(problem.key == name or problem.key.startswith(f"{name}.") for name in names)
    if problem.file != COMMAND_LINE or not ours:
        return problem
    return Written(VARY).problem(problem.key, problem.message)


def _reason(problems: Sequence[Problem]) -> str:
    """Return what is wrong with a cell in one line."""
    first = problems[0]
    more = f" (and {len(problems) - 1} more)" if len(problems) > 1 else ""
    return ": ".join(part for part in (first.key, first.message) if part) + more


def _of_cells(ones: Sequence[tuple[Place, Problem]], grid: Grid) -> Problem:
    """Return a fault with the cells that have it, unless all have."""
    (first, problem), count = ones[0], len(ones)
    if count == len(grid.painted):
        return problem
    where = " ".join(f"{axis.title}={axis.values[n].label}" for axis, n in zip(grid.axes, first, strict=True))
    cells = f"in the cell {where}" if count == 1 else f"in {count} cells, the first of them {where}"
    return dataclasses.replace(problem, message=f"{problem.message} ({cells})")


def size_text(study: Study) -> str:
    """Return how large a study is: ``3 x 3 = 9 cells``."""
    sizes = [len(axis.values) for axis in study.grid.shown]
    count = len(study.grid.cells)
    return f"{' x '.join(map(str, sizes))} = {count} cells" if len(sizes) > 1 else f"{count} cells"
