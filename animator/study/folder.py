"""What a study leaves on the disk, usually ``renders/<scene>-study/``.

::

    study.json              the axes and the cells
    scenes/4f1c09ab2e.yaml  the scene of each cell
    cells/4f1c09ab2e/       what it painted, a run folder
    scores.json             how well the pictures answer their prompts
    study.csv               a row a cell
    sheet.png               the sheet; several pages are sheet-01.png, sheet-02.png ...
    study.html              the page
    study.lock              who is at work here

A cell is named by what it paints (`animator.study.identity`), not by its place, so that a study that grows
finds what is there. The files beside ``cells`` are made anew each time.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from animator.errors import RunError, UsageError
from animator.runs.files import errors_in_one_line, write_atomic
from animator.runs.lock import locked
from animator.runs.names import folder_name
from animator.study.axes import Axis, Value
from animator.study.grid import Grid, Place
from animator.system.json_text import parse_json

FORMAT = 1
"""Counts the changes of ``study.json`` that a reader of it must know of."""

PLAN = "study.json"


class DamagedPlanError(RunError):
    """``study.json`` cannot be read; the study's own command writes it anew."""


@dataclass(frozen=True)
class CellPlan:
    """A place of the grid and what is painted there.

    Attributes:
        place: the numbers of its values.
        name: of the cell; empty where its scene is wrong.
        reason: why it is wrong; empty where it is not.
        only: numbers of the stills to paint; empty: all.
    """

    place: Place
    name: str
    reason: str = ""
    only: tuple[int, ...] = ()


@dataclass(frozen=True)
class StudyPlan:
    """A study as it is written down.

    Attributes:
        name: what it is called.
        source: the scene file it was made of.
        seed: the seed that was drawn for it, or None where its scenes say their own.
        grid: its axes.
        cells: one for each place of ``grid.painted``.
    """

    name: str
    source: str
    seed: int | None
    grid: Grid
    cells: tuple[CellPlan, ...]


class StudyFolder:
    """A study's folder.

    Attributes:
        path: the folder.
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    @classmethod
    def of(cls, root: Path, name: str) -> StudyFolder:
        """Return the folder of a study of a scene, whether or not it is there."""
        return cls(root / f"{folder_name(name)}-study")

    @property
    def begun(self) -> bool:
        """Whether there is a study in it."""
        return (self.path / PLAN).is_file()

    def make(self) -> None:
        """Make the folder.

        Raises:
            RunError: there is something else in its place, or the disk refuses.
        """
        with errors_in_one_line(self.path):
            self.path.mkdir(parents=True, exist_ok=True)
            # A kill may come before there is a plan.
            ours = ("study.lock", "scenes", "cells")
            others = [one for one in self.path.iterdir() if one.name not in ours and one.suffix != ".tmp"]
            if others and not self.begun:
                raise RunError(f"{self.path}: is no study, but not empty either; choose another folder")
            for folder in ("scenes", "cells"):
                (self.path / folder).mkdir(exist_ok=True)

    @contextmanager
    def lock(self) -> Iterator[None]:
        """Keep every other process from painting here inside the block; see `animator.runs.lock`."""
        with locked(self.path / "study.lock"):
            for folder in (self.path, self.path / "scenes"):
                remove_leftovers_in(folder)
            yield

    def cell(self, name: str) -> Path:
        """Return the folder of a cell."""
        return self.path / "cells" / name

    def scene(self, name: str) -> Path:
        """Return the file of a cell's scene."""
        return self.path / "scenes" / f"{name}.yaml"

    def write(self, name: str, data: bytes) -> Path:
        """Write a file of the study, atomically; return its path."""
        write_atomic(self.path / name, data)
        return self.path / name

    def write_plan(self, plan: StudyPlan) -> None:
        """Write ``study.json``."""
        content = {
            "study": FORMAT,
            "name": plan.name,
            "scene": plan.source,
            "seed": plan.seed,
            "axes": [
                {
                    "names": list(axis.names),
                    "values": [{"label": value.label, "texts": list(value.texts)} for value in axis.values],
                }
                for axis in plan.grid.axes
            ],
            "at": list(plan.grid.at),
        }
        head = json.dumps(content, indent=1, ensure_ascii=False).removesuffix("\n}")
        rows = ",\n  ".join(json.dumps(_row(cell), ensure_ascii=False) for cell in plan.cells)
        text = f'{head},\n "cells": [\n  {rows}\n ]\n}}\n'
        self.write(PLAN, text.encode(errors="backslashreplace"))

    def read_plan(self) -> StudyPlan:
        """Return what ``study.json`` says.

        Raises:
            UsageError: there is no study.
            RunError: it is damaged, or a later version of the program wrote it.
        """
        path = self.path / PLAN
        if not self.begun:
            raise UsageError(f"{self.path}: there is no study in it (no {PLAN})")
        with errors_in_one_line(path):
            data = path.read_bytes()
        try:
            content = parse_json(data)
            later = int(content["study"]) > FORMAT
            plan = None if later else _plan(content)
        except (ValueError, TypeError, KeyError, IndexError, AttributeError) as error:
            remedy = "give the command that began the study again"
            raise DamagedPlanError(f"{path}: is damaged ({error}); {remedy}") from None
        if plan is None:
            raise RunError(f"{path}: a later version of this program wrote it; use that one")
        return plan

    def scores(self) -> dict[str, dict[str, float]]:
        """Return the scores that were found before, by cell and by what was scored how."""
        path = self.path / "scores.json"
        if not path.is_file():
            return {}
        try:
            with errors_in_one_line(path):
                content = parse_json(path.read_bytes())
            return {
                str(cell): {str(what): float(value) for what, value in values.items()}
                for cell, values in content.items()
            }
        except (ValueError, TypeError, AttributeError):  # they are found again
            return {}

    def write_scores(self, scores: Mapping[str, Mapping[str, float]]) -> None:
        """Write the scores."""
        self.write("scores.json", (json.dumps(scores, indent=1, sort_keys=True) + "\n").encode())


def remove_leftovers_in(folder: Path) -> None:
    """Remove what a kill in the middle of writing left in one folder."""
    with errors_in_one_line(folder):
        for path in folder.glob(".*.tmp"):
            path.unlink(missing_ok=True)


def _row(cell: CellPlan) -> dict[str, Any]:
    row: dict[str, Any] = {"place": list(cell.place), "cell": cell.name}
    if cell.reason:
        row["reason"] = cell.reason
    if cell.only:
        row["only"] = list(cell.only)
    return row


def _plan(content: Mapping[str, Any]) -> StudyPlan:
    axes = tuple(
        Axis(
            tuple(map(str, axis["names"])),
            tuple(Value(str(one["label"]), tuple(map(str, one["texts"]))) for one in axis["values"]),
        )
        for axis in content["axes"]
    )
    grid = Grid(axes, tuple(map(str, content["at"])))
    cells = tuple(_cell(one) for one in content["cells"])
    if [cell.place for cell in cells] != grid.painted:
        raise ValueError("its cells are not those of its axes")
    seed = content["seed"]
    return StudyPlan(
        str(content["name"]), str(content["scene"]), None if seed is None else int(seed), grid, cells
    )


def _cell(row: Mapping[str, Any]) -> CellPlan:
    name, only = str(row["cell"]), _numbers(row.get("only", ()))
    if not set(name) <= set("0123456789abcdef"):
        raise ValueError(f"'{name[:20]}' is no name of a cell")
    return CellPlan(_numbers(row["place"]), name, str(row.get("reason", "")), only)


def _numbers(values: Sequence[Any]) -> tuple[int, ...]:
    return tuple(int(one) for one in values)
