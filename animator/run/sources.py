"""The pictures and the footage that a scene names: found, or fetched, and hashed."""

from __future__ import annotations

import functools
import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from animator.errors import UsageError
from animator.scene.pins import pinned_in
from animator.scene.reading import LoadedScene
from animator.scene.regions import is_film
from animator.settings.scene import Scene
from animator.system.fetch import fetch, is_url
from animator.system.images import read_whole
from animator.video.footage import hash_footage
from animator.weights.registry import cache_folder

if TYPE_CHECKING:
    from animator.types import Frame

INIT, IMAGES = "diffusion.init_image", "image_prompts"
"""The settings that name pictures."""

FETCHED = "inputs"
"""Folder of a run in which it keeps what it fetched, so that it can be resumed without a connection."""


@dataclass(frozen=True)
class Sources:
    """The pictures that a scene names.

    Attributes:
        files: the file of each, by its path or address in the scene.
        footage: SHA-256 of the footage of mode video; empty in other modes.
        films: SHA-256 of each film of masks, by its path.
    """

    files: Mapping[str, Path]
    footage: str = ""
    films: Mapping[str, str] = field(default_factory=dict)

    def open(self, name: str) -> Frame:
        """Return a picture at its own size; raises UsageError where it cannot be read."""
        return read_whole(self.files[name])

    def try_all(self) -> None:
        """Read every picture once, so that one which cannot be read is found before anything is painted.

        Raises:
            UsageError: one of them cannot be read.
        """
        for name in self.files:
            self.open(name)

    @functools.cached_property
    def hashes(self) -> dict[str, str]:
        """SHA-256 of each file, by its path or address in the scene."""
        return {name: hashlib.sha256(path.read_bytes()).hexdigest() for name, path in self.files.items()}

    def fetched(self) -> dict[str, bytes]:
        """Return what came from the web, by the name under which a run keeps it."""
        return {path.name: path.read_bytes() for name, path in self.files.items() if is_url(name)}


def gather(loaded: LoadedScene, run: Path | None = None) -> Sources:
    """Return the pictures that a scene names; those on the web are fetched now, if they never were.

    Args:
        loaded: the scene.
        run: the folder of a run that is resumed and may hold them.

    Raises:
        UsageError: a picture cannot be had.
    """
    init = loaded.scene.diffusion.init_image
    named = {one.text: IMAGES for part in loaded.timeline.prompts.sets for one in part.prompts if one.image}
    named |= {init: INIT} if init else {}
    named |= {one.file: "pictures" for one in pinned_in(loaded.scene)}
    named |= {path: f"regions.{name}" for name, path in masks_in(loaded.scene) if not is_film(path)}
    clip = loaded.scene.video.init if loaded.scene.mode == "video" else None
    files = {name: _file_of(name, key, run) for name, key in named.items()}
    films = {path: hash_footage(Path(path)) for _, path in masks_in(loaded.scene) if is_film(path)}
    return Sources(files, hash_footage(Path(clip)) if clip else "", films)


def masks_in(scene: Scene) -> Iterator[tuple[str, str]]:
    """Yield the files from which regions are drawn, each with the name of its region."""
    for name, region in scene.regions.items():
        for path in (region.file, region.alpha):
            if path is not None:
                yield name, path


def _file_of(name: str, key: str, run: Path | None) -> Path:
    if not is_url(name):
        return Path(name)
    try:
        return fetch(name, cache_folder() / "pictures" if run is None else run / FETCHED)
    except UsageError as error:
        raise UsageError(f"{key}: {error}") from error
