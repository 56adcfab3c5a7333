"""What need not be written, because the scene would have it anyway."""

from __future__ import annotations

import functools
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from pydantic import BaseModel
from ruamel.yaml import YAML

from animator.errors import ExpressionError
from animator.keyframes.schedules import is_schedule, parse_schedule
from animator.scene.bases import extended_file
from animator.settings.base import Options
from animator.settings.scene import Scene

ALWAYS = ("mode", "prompts", "size")
"""What is written in any case, because a person looks for it."""


def without_defaults(values: Mapping[str, Any], base: str) -> dict[str, Any]:
    """Return the values that differ from those of the scene below.

    Args:
        values: by dotted name.
        base: the bundled scene below, or empty.
    """
    below = known_values(base)
    return {
        place: value
        for place, value in values.items()
        if place in ALWAYS or place not in below or not same(value, below[place])
    }


def same(one: Any, other: Any) -> bool:
    """Return whether two values of a setting mean the same.

    >>> same("[1]*400+[1]*600", 1), same([1, 2], (1, 2)), same(True, 1)
    (True, True, False)
    """
    if isinstance(one, bool) != isinstance(other, bool):
        return False
    if isinstance(one, list | tuple) and isinstance(other, list | tuple):
        return list(one) == list(other)
    if one == other:
        return True
    texts = [value for value in (one, other) if isinstance(value, str)]
    if any(map(is_schedule, texts)) and all(
        isinstance(v, int | float) or is_schedule(str(v)) for v in (one, other)
    ):
        try:
            return bool((parse_schedule(one) == parse_schedule(other)).all())
        except ExpressionError:
            return False
    return False


@functools.cache
def known_values(base: str) -> Mapping[str, Any]:
    """Return every value that a scene has by default, those of a bundled scene over those of the program."""
    values = dict(_defaults(Scene, ""))
    if base:
        tree = YAML(typ="safe", pure=True).load(extended_file(base, Path()).read_text(encoding="utf-8"))
        values |= dict(_flat(tree, ""))
    return values


def _defaults(section: type[BaseModel], above: str) -> Iterator[tuple[str, Any]]:
    for key, field in section.model_fields.items():
        inner = field.annotation
        if isinstance(inner, type) and issubclass(inner, Options):
            yield from _defaults(inner, f"{above}{key}.")
        elif not field.is_required() and field.default_factory is None:
            yield f"{above}{key}", field.default


def _flat(tree: Mapping[str, Any], above: str) -> Iterator[tuple[str, Any]]:
    for key, value in tree.items():
        name = f"{above}{key}"
        if isinstance(value, Mapping) and name != "guidance.clip_models":
            yield from _flat(value, f"{name}.")
        else:
            yield name, value
