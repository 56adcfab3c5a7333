"""Files of the folder that the page was given, and of no other."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from animator.errors import UsageError

OWN = ".page"
"""The page's own folder in the one that it was given: what it started, the queue, picks."""

DEEPEST, MOST_FOLDERS, MOST = 8, 20_000, 5_000
"""Levels and folders that are looked through, and runs, studies or scenes that are listed of each kind."""

SCENES = (".yaml", ".yml")

KEYS = (b"prompts:", b"extends:", b"mode:", b"image_prompts:")
"""What a scene has at the beginning of a line; in a folder ``scenes`` every such file is one."""


class OutsideError(UsageError):
    """A path leads out of the folder that the page was given."""


@dataclass
class Found:
    """What is in a folder, by `name_of`.

    Attributes:
        runs: folders of runs.
        studies: folders of studies.
        scenes: scene files.
        all_seen: whether all of it was looked through.
    """

    runs: dict[str, Path] = field(default_factory=dict)
    studies: dict[str, Path] = field(default_factory=dict)
    scenes: dict[str, Path] = field(default_factory=dict)
    all_seen: bool = True


def inside(root: Path, *parts: str) -> Path:
    """Return a path in a folder, with every link resolved.

    Raises:
        OutsideError: it leads out of the folder, or cannot be a path.
    """
    try:
        path = Path(os.path.realpath(root.joinpath(*parts)))
    except ValueError as error:  # a null byte
        raise OutsideError("not a path") from error
    if path != root and root not in path.parents:
        raise OutsideError("this lies outside the folder that the page was opened for")
    return path


def own_folder(root: Path) -> Path:
    """Return the page's own folder in another; raises OutsideError where a link leads out from it."""
    own = root / OWN
    if own.is_symlink():
        raise OutsideError(f"{own}: is a link, and the page would write where it leads; delete it")
    return own


def name_of(root: Path, path: Path) -> str:
    """Return by what a run, a study or a scene is asked for: the same as long as it is in the same place."""
    return hashlib.sha256(os.fsencode(path.relative_to(root))).hexdigest()[:12]


def shown(root: Path, path: Path) -> str:
    """Return a path in the folder for a reader."""
    return path.relative_to(root).as_posix().encode(errors="replace").decode()


def look_through(root: Path) -> Found:
    """Return the runs, studies and scenes in a folder and below; links to folders are not followed."""
    found = Found()
    for seen, (folder, names, files) in enumerate(os.walk(root)):
        path = Path(folder)
        if seen > MOST_FOLDERS:
            found.all_seen = False
            break
        if "run.json" in files:
            names.clear()
            found.runs[name_of(root, path)] = path
        elif "study.json" in files:
            names.clear()
            found.studies[name_of(root, path)] = path
        else:
            deep = len(path.relative_to(root).parts) >= DEEPEST
            names[:] = [] if deep else sorted(one for one in names if not _passed_over(one))
            for scene in _scenes(path, sorted(files)):
                found.scenes[name_of(root, scene)] = scene
        if max(map(len, (found.runs, found.studies, found.scenes))) > MOST:
            found.all_seen = False
            break
    return found


def _passed_over(name: str) -> bool:
    return name.startswith(".") or name in ("node_modules", "__pycache__")


def _scenes(folder: Path, files: list[str]) -> Iterator[Path]:
    for name in files:
        path = folder / name
        if name.lower().endswith(SCENES) and not name.startswith(".") and path.is_file():
            if path.is_symlink():
                continue
            with path.open("rb") as file:
                head = file.read(1 << 14)
            if folder.name == "scenes" or any(line.startswith(KEYS) for line in head.splitlines()):
                yield path
