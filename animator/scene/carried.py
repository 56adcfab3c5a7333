"""The scene that a picture carries: every PNG of this program can be rendered again."""

from __future__ import annotations

import os

from animator.errors import Problem, RunError, SceneError
from animator.scene.picture_text import read_text
from animator.scene.source import parse
from animator.system.safe_read import read_plain

SCENE, NAME, NUMBER = "animator.scene", "scene", "frame"
"""Keywords under which a picture carries its scene in full, the scene's name, and its own number."""

MAX_BYTES = 200_000_000
"""Bytes of the largest picture that is looked into."""

TOLD = (NAME, NUMBER, "seed", "prompt")
"""Keywords of what a picture says about itself besides its scene."""


def carried(path: str | os.PathLike[str]) -> dict[str, str]:
    """Return the texts that a PNG carries by keyword, its scene among them.

    Raises:
        SceneError: it cannot be read, is no PNG, or carries no scene.
    """
    file = os.fspath(path)
    try:
        texts = read_text(read_plain(file, MAX_BYTES))
    except OSError as error:
        raise SceneError([Problem(f"cannot be read: {error.strerror}", "", file)]) from None
    except RunError as error:
        raise SceneError([Problem(f"{error}; name a picture that this program made", "", file)]) from None
    if SCENE not in texts:
        message = "carries no scene: another program made or saved it, and most of them leave it out"
        raise SceneError([Problem(f"{message}; name the scene file", "", file)])
    return texts


def carried_text(path: str | os.PathLike[str], *, everything: bool = False) -> str:
    """Return the scene that a PNG carries, as a text that reads as a scene.

    Args:
        path: the picture.
        everything: whether scene, number, seed and prompt of the picture come first, as comments.

    Raises:
        SceneError: there is no scene in it, or none that is YAML.
    """
    texts = carried(path)
    parse(texts[SCENE], os.fspath(path))  # nothing is shown that a terminal would act on
    lines = [f"# {key}: {_line(texts[key])}\n" for key in TOLD if key in texts] if everything else []
    return "".join([*lines, texts[SCENE].rstrip("\n") + "\n"])


def _line(text: str) -> str:
    return "".join(letter if letter.isprintable() else " " for letter in " ".join(text.split()))
