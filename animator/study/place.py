"""Where studies are, and what is asked of one that is there."""

from __future__ import annotations

import dataclasses
from pathlib import Path

from animator.errors import UsageError
from animator.scene.reading import PIPED, PIPED_NAME
from animator.scene.source import read_text
from animator.study.folder import DamagedPlanError, StudyFolder

RENDERS = Path("renders")
"""Where studies go when no folder is named."""

SHORTEST = 4
"""Letters of a cell's name that are enough to find it."""


def kept_seed(scene: Path, out: Path | None) -> int | None:
    """Return the seed that was drawn for the study of a scene; None where there is no study, or none was."""
    name = PIPED_NAME if str(scene) == PIPED else scene.stem
    folder = StudyFolder(out) if out is not None else StudyFolder.of(RENDERS, name)
    try:
        return folder.read_plan().seed if folder.begun else None
    except DamagedPlanError:  # it is written anew
        return None


def scene_of_cell(path: Path, cell: str) -> str:
    """Return the scene of a cell as a text.

    Args:
        path: the folder of the study.
        cell: the cell's name or its first letters; with ``@20%`` behind it, the scene of that picture on the
            way of its diffusion.

    Raises:
        UsageError: there is no such cell, or no such picture.
    """
    folder = StudyFolder(path)
    plan = folder.read_plan()
    begin, _, share = cell.strip().lower().partition("@")
    names = sorted({one.name for one in plan.cells if one.name})
    found = [name for name in names if name.startswith(begin)] if len(begin) >= SHORTEST else []
    if len(found) != 1:
        why = "is the beginning of several cells" if found else "is no cell of this study"
        raise UsageError(
            f"--scene-of: '{begin[:40]}' {why}; their names are in {path / 'study.csv'}, such as {names[0]}"
            if names
            else f"{path}: none of its cells has a scene that can be painted"
        )
    if not share:
        file = folder.scene(found[0])
        return read_text(file, str(file))
    return _of_picture(folder, found[0], share if share.endswith("%") else f"{share}%")


def _of_picture(folder: StudyFolder, name: str, share: str) -> str:
    from animator.importing.short import short_text
    from animator.scene.reading import read_scene

    pictures = sorted((folder.cell(name) / "at").glob(f"*-{share.rstrip('%')}.png"))
    if not pictures:
        raise UsageError(
            f"--scene-of: the cell {name} has no picture at {share}; it is not painted, or never was"
        )
    loaded = dataclasses.replace(read_scene(pictures[0]), only=())
    return short_text(loaded, [f"cell {name} at {share}"])
