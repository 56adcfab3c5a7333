"""What the page shows of a study: its axes and cells, as far as they are painted."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Any

from animator.page.runs import info_of
from animator.system.json_text import parse_json

MOST_PICTURES = 8
"""Pictures of a cell that are shown."""

_CELL = re.compile("[0-9a-f]{1,64}")


def study_of(folder: Path) -> dict[str, Any]:
    """Return the axes of a study, its cells in their order, and what became of each; empty: it is damaged."""
    try:
        plan = parse_json((folder / "study.json").read_bytes())
        axes = [
            {
                "title": " and ".join(map(str, axis["names"])),
                "values": [str(value["label"]) for value in axis["values"]],
            }
            for axis in plan["axes"]
        ]
        cells = [_cell(folder, row) for row in plan["cells"]]
        return {"name": str(plan["name"]), "axes": axes, "cells": cells, "scores": scores_of(folder)}
    except (OSError, ValueError, KeyError, TypeError):
        return {}


def _cell(folder: Path, row: dict[str, Any]) -> dict[str, Any]:
    name = str(row["cell"])
    if not _CELL.fullmatch(name):
        raise ValueError("no name of a cell")
    path = folder / "cells" / name
    pictures = [] if row.get("reason") else pictures_of(path)
    film = str(info_of(path).get("film", ""))
    whole = bool(film) and os.path.basename(film) == film and (path / film).is_file()
    return {
        "cell": name,
        "place": [int(number) for number in row["place"]],
        "reason": str(row.get("reason", "")),
        "pictures": pictures,
        "film": f"cells/{name}/{film}" if whole else "",
        "live": (path / "progress.png").is_file(),
    }


def pictures_of(path: Path) -> list[str]:
    """Return the pictures of a cell that are finished, as paths in the study, a few evenly spread."""
    for kind in ("hires", "frames"):
        try:
            names = sorted(one for one in os.listdir(path / kind) if re.fullmatch(r"[0-9]{6}\.png", one))
        except OSError:
            continue
        if names:
            few = min(len(names), MOST_PICTURES)
            chosen = [names[at * (len(names) - 1) // max(1, few - 1)] for at in range(few)]
            return [f"cells/{path.name}/{kind}/{name}" for name in chosen]
    return []


def scores_of(folder: Path) -> dict[str, float]:
    """Return the score of each cell that has one: that of its finished pictures."""
    try:
        content = parse_json((folder / "scores.json").read_bytes())
        return {
            str(cell): float(value)
            for cell, values in content.items()
            for what, value in values.items()
            if str(what).endswith(" at 100%")
        }
    except (OSError, ValueError, TypeError, AttributeError):
        return {}
