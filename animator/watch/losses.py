"""The losses of a diffusion and their pulls, a table a picture: a row a step, a column a loss."""

from __future__ import annotations

import io
import warnings
from collections.abc import Iterable, Mapping
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from animator.errors import RunError
from animator.runs.files import errors_in_one_line, write_atomic
from animator.types import PaintStep

PULLS = "-pulls"
"""Ends the name, without its ending, of a table of pulls: root-mean-squares of gradients on the picture."""


class LossRecord:
    """Holds the losses of one diffusion, where they are, until its tables are asked for.

    Args:
        pulls: whether it is the sizes of their gradients that it holds.
    """

    def __init__(self, pulls: bool = False) -> None:
        self._pulls = pulls
        self._total = 0
        self._first = 0
        self._values: dict[str, dict[int, Tensor]] = {}

    def add(self, step: PaintStep) -> None:
        """Keep the losses of a step; nothing is copied from the device."""
        self._total = step.total
        self._first = self._first or step.done
        for name, values in (step.pulls if self._pulls else step.losses).items():
            self._values.setdefault(name, {})[step.done] = values.detach()

    @property
    def first(self) -> int:
        """The first step that was seen; greater than 1 where a stopped diffusion was resumed."""
        return self._first

    def tables(self, pictures: int) -> list[pd.DataFrame]:
        """Return a table for each picture; none where there were no losses.

        The index ``step`` runs from 1 to the last step of the diffusion; what was not computed is NaN.
        """
        names = in_order(self._values)
        if not names:
            return []
        filled = np.full((pictures, self._total, len(names)), np.nan, np.float32)
        for column, name in enumerate(names):
            steps = np.array(list(self._values[name]))
            # One copy from the device for each loss, not for each step.
            values = torch.stack(list(self._values[name].values())).float().cpu().numpy()
            filled[:, steps - 1, column] = values.T
        index = pd.RangeIndex(1, self._total + 1, name="step")
        return [pd.DataFrame(one, index, names) for one in filled]


def in_order(names: Iterable[str]) -> list[str]:
    """Return names of losses, those of the perceptors first, otherwise as they came.

    >>> in_order(["tv", "clip RN50", "sat", "clip ViT-B-32"])
    ['clip RN50', 'clip ViT-B-32', 'tv', 'sat']
    """
    return sorted(dict.fromkeys(names), key=lambda name: not name.startswith("clip "))


def shares_of(pulls: Mapping[int, pd.DataFrame]) -> pd.DataFrame:
    """Return the share of each loss in the gradient at each step, 0 to 1, on average over the pictures.

    A loss's share is the size of its gradient on the picture, over the sum of those sizes.

    Args:
        pulls: tables of pulls by picture, at least one.

    Returns:
        A table whose index is the share of the diffusion, 0 to 1, in hundredths; steps without any are NaN.
    """
    grid = np.linspace(0.01, 1, 100)
    found = []
    for table in pulls.values():
        sizes = table.fillna(0.0)
        total = sizes.sum(axis=1)
        shares = sizes.div(total.where(total > 0), axis=0)
        steps = np.ceil(grid * len(table) - 1e-9).astype(int)
        found.append(shares.loc[steps].set_axis(grid, axis=0))
    names = in_order(name for one in found for name in one.columns)
    every = [one.reindex(columns=names, fill_value=0.0).to_numpy() for one in found]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # where no picture has a step
        mean = np.nanmean(np.stack(every), axis=0)
    return pd.DataFrame(mean, index=pd.Index(grid, name="share"), columns=names)


def write_table(path: Path, table: pd.DataFrame, first: int) -> None:
    """Write a picture's losses as CSV; the numbers read back to the same float32.

    Args:
        path: the file.
        table: see `LossRecord.tables`.
        first: the table's first step of its own; what the file holds of steps before it stays.

    Raises:
        RunError: if the disk refuses, or an earlier table there cannot be read.
    """
    if first > 1 and path.is_file():
        earlier = read_table(path)
        earlier = earlier[earlier.index < first]
        names = in_order([*earlier.columns, *table.columns])
        table = table.combine_first(earlier)[names]
    write_atomic(path, table.to_csv(lineterminator="\n").encode())


def read_table(path: Path) -> pd.DataFrame:
    """Return a table that `write_table` wrote.

    Raises:
        RunError: if it is not there or something else.
    """
    with errors_in_one_line(path):
        data = path.read_bytes()
    try:
        table = pd.read_csv(io.BytesIO(data), index_col="step")
        return table.astype(np.float32)
    except (ValueError, TypeError) as error:
        raise RunError(f"{path}: not a table of losses; remove it, then resume the run") from error


def read_tables(folder: Path, end: str = "") -> dict[int, pd.DataFrame]:
    """Return every table in a folder by the number of its picture, in their order.

    Args:
        folder: where they are.
        end: what follows the number in their names: nothing, or `PULLS`.
    """
    with errors_in_one_line(folder):
        stems = {path: path.stem.removesuffix(end) for path in folder.glob(f"*{end}.csv")}
        paths = {int(stem): path for path, stem in stems.items() if stem.isdecimal()}
    return {picture: read_table(paths[picture]) for picture in sorted(paths)}
