"""The parts of the schema of a scene that say what one setting may be."""

from __future__ import annotations

import functools
import re
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any

from animator.scene.json_schema import validator_of
from animator.scene.nodes import dotted
from animator.settings.scene import scene_schema

Schema = dict[str, Any]


def resolved(schema: Schema) -> Schema:
    """Return what a schema refers to."""
    reference = schema.get("$ref")
    return scene_schema()["$defs"][reference.rpartition("/")[2]] if reference else schema


def parts_of(schema: Schema) -> list[Schema]:
    """Return the alternatives of a schema: its own members, or it alone."""
    return [resolved(part) for part in schema.get("anyOf", [schema])]


def accepts(parts: Sequence[Schema], value: Any) -> bool:
    """Return whether one of several schemas takes a value."""
    return any(validator_of(part).is_valid(value) for part in parts)


LONGEST = 1000
"""Letters of the longest text that is taken for a word."""


def folded(value: Any) -> str:
    """Return a word without what people write in several ways: case, dashes, underscores and blanks.

    >>> folded("Video Input"), folded("side-by_side"), folded(True), folded(-1)
    ('videoinput', 'sidebyside', 'true', '-1')
    """
    if isinstance(value, int | float) and not isinstance(value, bool):
        return f"{value:.17g}"
    text = str(value).strip().lower()
    if len(text) > LONGEST:
        return text
    return text if re.fullmatch(r"-?[0-9.]+", text) else re.sub(r"[\s_-]+", "", text)


@functools.cache
def settings() -> Mapping[str, Schema]:
    """Return the schema of every setting by dotted name, sections included."""
    return MappingProxyType(_settings(scene_schema(), ""))


def _settings(schema: Schema, name: str) -> dict[str, Schema]:
    found: dict[str, Schema] = {}
    for key, entry in schema["properties"].items():
        full = dotted(name, key)
        found[full] = resolved(entry)
        if "properties" in found[full]:
            found |= _settings(found[full], full)
    return found
