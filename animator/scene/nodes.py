"""The tree of a scene's values, each of which knows where it was written."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from animator.errors import Problem

Key = str | int | float


@dataclass(frozen=True)
class Place:
    """A point in a scene file; lines and columns count from 1, 0 where there are none (``--set``)."""

    file: str = ""
    line: int = 0
    column: int = 0

    def problem(self, key: str, message: str) -> Problem:
        """Return a fault that lies here."""
        return Problem(message, key, self.file, self.line, self.column)


@dataclass(frozen=True)
class Node:
    """A value of a scene: ``None``, a bool, number or text, a list of nodes, or a dict from keys to nodes.

    Attributes:
        value: the value; the members of lists and dicts are nodes.
        place: where the value begins.
        key: where the key of the value begins; equal to `place` without a key.
        raw: a scalar as it is written, without quotes.
        exact: whether `raw` is in the file letter by letter, on one line, one column a letter.
        quoted: whether a quotation mark precedes the first letter.
        size: number of values in this tree, itself included.
        cut: the comment behind a plain scalar where no blank follows the #, which may be part of the text.
        below: of the scene's `size`, the one that it replaced in a file that the scene extends.
        folder: of a text of `prompts` and `modifiers`, what files that it names are relative to.
    """

    value: Any
    place: Place = field(default_factory=Place)
    key: Place = field(default_factory=Place)
    raw: str = ""
    exact: bool = False
    quoted: bool = False
    size: int = 1
    cut: str = ""
    below: Node | None = None
    folder: Path | None = None

    def at(self, offset: int) -> Place:
        """Return the place of a letter of a scalar; the value's own for the first and where it is unknown."""
        if not offset or not self.exact or not self.place.line:
            return self.place
        column = self.place.column + min(offset, len(self.raw)) + self.quoted
        return dataclasses.replace(self.place, column=column)


def plain(node: Node) -> Any:
    """Return the values of a tree without their places."""
    if isinstance(node.value, dict):
        return {key: plain(child) for key, child in node.value.items()}
    if isinstance(node.value, list):
        return [plain(child) for child in node.value]
    return node.value


def dotted(parent: str, key: Any) -> str:
    """Return the dotted name of a key, as a user writes it after ``--set``.

    >>> dotted("", "camera"), dotted("camera", "fov"), dotted("prompts", 0)
    ('camera', 'camera.fov', 'prompts.0')
    """
    return f"{parent}.{key}" if parent else str(key)
