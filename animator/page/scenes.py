"""Scene files of the page's folder: read, written only where nobody else wrote meanwhile, made anew."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path
from typing import Any

from animator.errors import UsageError
from animator.page.place import OWN, SCENES, inside, shown
from animator.page.runs import info_of
from animator.page.state import State
from animator.runs.files import write_atomic
from animator.runs.names import folder_name

MOST_BYTES = 4 << 20


class ChangedError(UsageError):
    """Another program has written the file since it was read."""


def read_scene_text(path: Path) -> str:
    """Return the text of a scene.

    Raises:
        UsageError: it cannot be read, is too large, or no UTF-8.
    """
    try:
        with path.open("rb") as file:
            data = file.read(MOST_BYTES + 1)
    except OSError as error:
        raise UsageError(f"{path.name}: {error.strerror}") from None
    if len(data) > MOST_BYTES:
        raise UsageError(f"{path.name}: is too large to be edited here")
    try:
        return data.decode()
    except UnicodeDecodeError:
        raise UsageError(f"{path.name}: is no UTF-8 text; save it as such") from None


def version_of(text: str) -> str:
    """Return what tells two versions of a text apart."""
    return hashlib.sha256(text.encode(errors="surrogatepass")).hexdigest()[:16]


def write_scene(path: Path, text: str, version: str) -> str:
    """Write a scene file that was read as a certain version; return its new version.

    Raises:
        ChangedError: it is another version by now.
        RunError: the disk refuses.
    """
    if path.is_file() and version_of(read_scene_text(path)) != version:
        raise ChangedError("another program has changed this file; load it again before you save")
    write_atomic(path, _bytes(text))
    return version_of(text)


def new_scene(root: Path, name: str, text: str) -> Path:
    """Write a new scene file, under the next free name where there is one already; return it.

    Args:
        root: the page's folder.
        name: path of the file in it; it ends in .yaml.
        text: the scene.

    Raises:
        UsageError: the name cannot be that of a scene.
        OutsideError: it lies elsewhere.
    """
    wanted = Path(name)
    if wanted.suffix.lower() not in SCENES or any(part.startswith(".") for part in wanted.parts):
        raise UsageError("name a file that ends in .yaml, such as scenes/castle.yaml")
    folder = inside(root, *wanted.parent.parts)
    data = _bytes(text)
    if folder != root and not folder.is_dir() and (folder.exists() or folder.parent != root):
        raise UsageError(f"{shown(root, folder)}: there is no such folder")
    folder.mkdir(exist_ok=True)
    stem = folder_name(wanted.stem)
    for number in range(1, 1000):
        path = folder / f"{stem}{'' if number == 1 else f'-{number}'}.yaml"
        try:
            with open(path, "xb", opener=_new) as file:
                file.write(data)
        except FileExistsError:
            continue
        except OSError as error:
            raise UsageError(f"{shown(root, path)}: {error.strerror}") from None
        return path
    raise UsageError("there are a thousand scenes of this name already")


def _new(path: str, flags: int) -> int:
    return os.open(path, flags | getattr(os, "O_NOFOLLOW", 0), 0o666)


def _bytes(text: str) -> bytes:
    try:
        return text.encode()
    except UnicodeEncodeError:
        raise UsageError("this text has letters that no file can hold (half a surrogate pair)") from None


def scene_of_run(state: State, run: Path) -> Path | None:
    """Return the scene file that a run was made of: what the page started, else the only one of its name."""
    known = state.catalog.look().scenes.values()
    job = state.renders.job_of(run)
    if job is not None:
        path = state.root / str(job["scene"])
        if path in known and OWN not in path.parts:
            return path
    name = str(info_of(run).get("scene", ""))
    same = [path for path in known if path.stem == name]
    return same[0] if len(same) == 1 else None


def listed(state: State) -> list[dict[str, Any]]:
    """Return all scene files, those that were changed last first."""
    found = []
    for name, path in state.catalog.look(now=True).scenes.items():
        try:
            changed = path.stat().st_mtime
        except OSError:
            continue
        found.append({"id": name, "file": shown(state.root, path), "modified": changed})
    return sorted(found, key=lambda one: -float(one["modified"]))
