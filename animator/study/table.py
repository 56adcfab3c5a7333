"""A study as CSV: a row a cell."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pandas as pd

from animator.study.axes import AT, label_of
from animator.study.grid import Grid
from animator.study.results import Result

SEED = "seed"


def table_of(grid: Grid, results: Sequence[Result], judge: str) -> pd.DataFrame:
    """Return the cells of a study as a table.

    Columns are ``cell``, each setting that is varied by its dotted name, ``at`` (share of the diffusion)
    where that is, ``seed`` of the first picture, ``score``, ``judge``, ``state``, ``seconds``, ``path`` of
    the first picture in the study's folder, and ``reason``.
    """
    rows = [_row(grid, one, judge) for one in results]
    return pd.DataFrame(rows).astype({SEED: "string"})


def _row(grid: Grid, one: Result, judge: str) -> dict[str, Any]:
    values = {
        name: label_of(text)
        for axis, number in zip(grid.axes, one.place, strict=False)
        for name, text in zip(axis.names, axis.values[number].texts, strict=True)
    }
    if grid.at:
        values[AT] = grid.at[one.place[-1]]
    seed = values.get(SEED) if one.seed is None else str(one.seed)
    return {
        "cell": one.name,
        **values,
        SEED: seed,
        "score": one.score,
        "judge": judge if one.score is not None else "",
        "state": one.state,
        "seconds": one.seconds,
        "path": one.pictures[0] if one.pictures else "",
        "reason": one.reason,
    }


def csv_of(grid: Grid, results: Sequence[Result], judge: str) -> bytes:
    """Return the table as UTF-8 text."""
    text: str = table_of(grid, results, judge).to_csv(index=False, lineterminator="\n")
    return text.encode(errors="backslashreplace")
