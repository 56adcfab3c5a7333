"""How regions are written: short forms, and what one scene says over another's.

``left: left.png``, ``sky: "y < 0.4"`` and ``near: "< 3"`` stand for a mapping with one part. A region lies
over one of the same name key by key; how it is drawn is one of these keys, whatever it is called.
"""

from __future__ import annotations

import dataclasses
import os
import re
from collections.abc import Mapping, Sequence

from animator.errors import ExpressionError
from animator.scene.nodes import Key, Node
from animator.settings.regions import EXAMPLE, SOURCES, depth_range, formula_of

NAME = "regions"

_ENDING = re.compile(r"\.[A-Za-z][A-Za-z0-9]{1,4}\s*\Z", re.ASCII)


def drawn_by(text: str) -> str | None:
    """Return which part of a region a text alone is; None where it may be several, or none.

    >>> drawn_by("left.png"), drawn_by("masks/"), drawn_by("y < 0.4"), drawn_by("2..5"), drawn_by("left")
    ('file', 'file', 'formula', 'depth', None)
    """
    try:
        depth_range(text)
    except ValueError:
        pass
    else:
        return "depth"
    if _ENDING.search(text) or text.rstrip().endswith(("/", os.sep)):
        return "file"
    try:
        return "formula" if {"x", "y"} & set(formula_of(text).variables) else None
    except ExpressionError:
        return None


def written_out(node: Node) -> Node:
    """Return regions, each of which is a mapping; a text whose meaning is not sure stays, and is refused."""
    if not isinstance(node.value, dict):
        return node
    return dataclasses.replace(node, value={name: _one(child) for name, child in node.value.items()})


def _one(node: Node) -> Node:
    part = drawn_by(node.value) if isinstance(node.value, str) else None
    return node if part is None else dataclasses.replace(node, value={part: node}, size=2, exact=False)


def long_form(value: object, whole: bool) -> str:
    """Return how a region is written that is refused.

    Args:
        value: what stands in its place.
        whole: whether it stands in the place of all regions.
    """
    if whole:
        name = f"{{file: {value}}}" if isinstance(value, str) and drawn_by(value) == "file" else "{...}"
        return f"a region has a name: {{left: {name}}}"
    return f"a region is written {EXAMPLE}"


def merges(name: str) -> bool:
    """Return whether a mapping of a scene, by its dotted name, lies over another's key by key."""
    return name.split(".")[0] == NAME and name.count(".") < 2


def drawn_once(region: Node, said: Node, name: str) -> Node:
    """Return a mapping that was laid over another; of a region, drawn as the upper one says, if it does.

    Args:
        region: the two as one.
        said: the upper one.
        name: dotted name of both.
    """
    own = said.value.keys() & set(SOURCES)
    if name == NAME or not merges(name) or not own:
        return region
    kept = {key: child for key, child in region.value.items() if key in own or key not in SOURCES}
    return dataclasses.replace(region, value=kept)


def drawn_as_set(root: Node, parts: Sequence[str]) -> Node:
    """Return a scene in which ``--set regions.NAME.file=...`` takes the place of another mask.

    Args:
        root: the scene, in which the value is already.
        parts: of the key's path.
    """
    if len(parts) != 3 or not merges(".".join(parts[:2])) or parts[2] not in SOURCES:
        return root
    regions = root.value[NAME]
    region = regions.value.get(parts[1])
    if region is None or not isinstance(region.value, dict):
        return root
    one = drawn_once(region, dataclasses.replace(region, value={parts[2]: region}), ".".join(parts[:2]))
    inner = dataclasses.replace(regions, value={**regions.value, parts[1]: one})
    return dataclasses.replace(root, value={**root.value, NAME: inner})


def without_emptied(root: Node) -> Node:
    """Return a scene without the regions, and the parts of them, that have no value: they are taken away."""
    regions = root.value.get(NAME)
    if regions is None or not isinstance(regions.value, dict):
        return root
    left = {
        name: dataclasses.replace(one, value=_full(one.value)) if isinstance(one.value, dict) else one
        for name, one in _full(regions.value).items()
    }
    return dataclasses.replace(root, value={**root.value, NAME: dataclasses.replace(regions, value=left)})


def _full(members: Mapping[Key, Node]) -> dict[Key, Node]:
    return {key: child for key, child in members.items() if child.value is not None}
