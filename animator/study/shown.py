"""What a reader gets of a study: ``study.csv``, the sheet and the page."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path

from animator.runs.files import errors_in_one_line
from animator.runs.names import folder_name
from animator.study.folder import StudyFolder, StudyPlan
from animator.study.page import page_of
from animator.study.results import Result, best_of
from animator.study.scores import Judge
from animator.study.sheet import page_names, reader, sheets_of
from animator.study.table import csv_of


def write_results(
    folder: StudyFolder,
    plan: StudyPlan,
    results: Sequence[Result],
    scenes: Mapping[str, str],
    judge: Judge,
) -> None:
    """Write the table, the pages of the sheet and the page.

    Args:
        folder: of the study.
        plan: its axes.
        results: what became of each cell.
        scenes: the scene of each cell as a text, by its name.
        judge: what scored them.

    Raises:
        RunError: the disk refuses.
    """
    best, read = best_of(results), reader(folder.path)
    folder.write("study.csv", csv_of(plan.grid, results, judge.name))
    foot = _foot(best, judge)
    sheets = sheets_of(plan.grid, results, title=plan.name, foot=foot, read=read)
    names = page_names(len(sheets))
    for name, data in zip(names, sheets, strict=True):
        folder.write(name, data)
    with errors_in_one_line(folder.path):
        for old in [*folder.path.glob("sheet.png"), *folder.path.glob("sheet-[0-9]*.png")]:
            if old.name not in names:
                old.unlink(missing_ok=True)
    page = page_of(
        plan.name,
        plan.grid,
        results,
        scenes,
        {one.name: command_of(folder.path, one.name) for one in results if one.name},
        file=folder_name(plan.name),
        judge=judge.name if best else "",
        note="" if best or not judge.skipped else f"no scores: {judge.skipped}",
        read=read,
    )
    folder.write("study.html", page)


def command_of(folder: Path, cell: str) -> str:
    """Return the command that prints the scene of a cell."""
    return shlex.join(["animator", "study", str(folder), "--scene-of", cell])


def _foot(best: Result | None, judge: Judge) -> str:
    if best is None:
        return f"no scores: {judge.skipped}" if judge.skipped else ""
    return f"below each cell how well it answers its own prompts: cosine similarity, by {judge.name}"
