"""A scene by its file, whichever program wrote it: what every verb reads."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Sequence
from pathlib import Path

from animator.errors import AnimatorError, Problem, SceneError
from animator.importing.convert import Imported, import_bytes, import_file, notices_of
from animator.importing.reading import UnreadableError
from animator.scene.foreign_file import ForeignFileError, head_of
from animator.scene.layers import LOOKS_LIKE_ONE
from animator.scene.reading import (
    PIPED,
    PIPED_NAME,
    LoadedScene,
    read_layered_text,
    read_scene,
    read_scene_made,
)
from animator.scene.source import NotYamlError, read_piped


def open_scene(path: str | os.PathLike[str], overrides: Sequence[str] = ()) -> LoadedScene:
    """Read a scene as `read_scene` does, or make one of another program's settings file.

    Args:
        path: the file, or ``-`` for the standard input.
        overrides: texts ``key.path=value`` that go over it.

    Returns:
        The scene; of another program's file its notices say what it is, what was guessed and what a person
        has to put in.

    Raises:
        SceneError: with every fault that was found; of a file that is no scene, one line.
    """
    file = os.fspath(path)
    if file == PIPED:
        text = read_piped(PIPED_NAME)
        try:
            return read_layered_text(text, PIPED_NAME, overrides)
        except SceneError as error:
            if not isinstance(error, ForeignFileError):
                raise
            return _made(import_bytes(text.encode(), PIPED_NAME), PIPED_NAME, overrides)
    try:
        return read_scene(file, overrides)
    except AnimatorError as error:
        if not _may_be_foreign(error, file):
            raise
        refused = error
    try:
        made = import_file(file)
    except (UnreadableError, OSError) as error:
        raise _said(refused, error, file) from None
    return _made(made, file, overrides)


def _may_be_foreign(error: AnimatorError, file: str) -> bool:
    """Return whether a file that is no scene may be another program's."""
    if not os.path.isfile(file):
        return False
    if isinstance(error, ForeignFileError):
        return error.problems[0].file == file
    if file.lower().endswith(".png"):
        return True
    one = isinstance(error, SceneError) and len(error.problems) == 1
    unread = isinstance(error, NotYamlError) or (one and "bytes" in str(error))
    return unread and not LOOKS_LIKE_ONE.search(head_of(Path(file)))


def _said(refused: AnimatorError, error: Exception, file: str) -> AnimatorError:
    """Return what to say of a file that is neither: why it is no scene, or why nothing can be had of it."""
    foreign = isinstance(refused, ForeignFileError) and "animator import" in str(refused)
    if foreign and isinstance(error, UnreadableError):
        return SceneError([Problem(str(error), "", file)])
    return refused


def _made(made: Imported, file: str, overrides: Sequence[str]) -> LoadedScene:
    loaded = read_scene_made(made.text, file, overrides) if overrides else made.loaded
    return dataclasses.replace(loaded, notices=(*notices_of(made, file), *loaded.notices))
