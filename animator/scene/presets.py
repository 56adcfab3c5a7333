"""Sections that may be written as one word, the name of a preset: ``guidance.cuts: pixel-art``."""

from __future__ import annotations

import dataclasses
import difflib
from collections.abc import Mapping, Sequence

from animator.engines.family import Presets
from animator.engines.registry import known_families
from animator.errors import Problem
from animator.scene.nodes import Node
from animator.scene.schema_parts import folded
from animator.scene.words import short


def all_presets() -> Mapping[str, Presets]:
    """Return the presets of all families of engines, by the dotted name of their section."""
    return {name: presets for one in known_families() for name, presets in one.presets().items()}


def with_presets(tree: Node) -> tuple[Node, list[Problem]]:
    """Return one layer of a scene in which the name of a preset is replaced by its values.

    A preset gives every value of the section, so that nothing of a layer below shines through.

    Args:
        tree: the layer.

    Returns:
        The layer, and a fault where there is no preset of that name.
    """
    problems: list[Problem] = []
    for name, presets in all_presets().items():
        tree, more = _spelt_out(tree, name.split("."), name, presets)
        problems += more
    return tree, problems


def _spelt_out(node: Node, path: Sequence[str], name: str, presets: Presets) -> tuple[Node, list[Problem]]:
    """Return a node with the section at ``path`` below it spelt out, if that is a word."""
    if path:
        members = node.value if isinstance(node.value, dict) else {}
        if path[0] not in members:
            return node, []
        inner, problems = _spelt_out(members[path[0]], path[1:], name, presets)
        return dataclasses.replace(node, value={**members, path[0]: inner}), problems
    if not isinstance(node.value, str):
        return node, []
    known = {folded(word): values for word, values in presets.values.items()}
    preset = known.get(folded(node.value), {})
    problems = [] if preset else [node.place.problem(name, _unknown(node.value, presets))]
    values = {key: Node(value, node.place, node.key, value) for key, value in preset.items()}
    return dataclasses.replace(node, value=values, raw="", exact=False, size=1 + len(values)), problems


def _unknown(name: str, presets: Presets) -> str:
    names = list(presets.values)
    close = difflib.get_close_matches(name.strip().lower().replace("_", "-"), names, 1, 0.5)
    hint = f"did you mean '{close[0]}'? " if close else ""
    return (
        f"no {presets.noun} is called '{short(name)}'; {hint}known are {', '.join(names)}, or write the "
        f"values themselves: {presets.example}"
    )
