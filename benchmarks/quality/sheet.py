"""Pictures of several ways side by side."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image

from animator.watch.sheet import sheet
from benchmarks.quality.paint import Shelf, order
from benchmarks.quality.ways import Way


def write_sheet(
    path: Path, folder: Path, ways: Sequence[tuple[str, Way]], prompts: int, columns: int
) -> None:
    """Write the first seed of the first prompts that every way has, a way a row."""
    shelves = [Shelf(folder, name, way) for name, way in ways]
    there = [one for one in order(prompts) if all(shelf.has(one, 0) for shelf in shelves)][:columns]
    tiles = [shelf.get(prompt, 0).pixels for shelf in shelves for prompt in there]
    made: np.ndarray = sheet(tiles, len(tiles), len(there), 2)
    Image.fromarray(made).save(path)
