"""Regions that prompts name by a picture: ``{text: a castle, region: left.png}``."""

from __future__ import annotations

import dataclasses
import os
import re
from collections.abc import Mapping

from animator.scene.nodes import Node
from animator.scene.regions import PICTURES

TRACKS = ("prompts", "image_prompts")


def with_regions(members: Mapping[str, Node]) -> dict[str, Node]:
    """Return what a scene says, in which the pictures that prompts name as regions are regions by name.

    A region is called after its file; the same file is one region.

    Args:
        members: what the scene says at its top.
    """
    found: dict[str, tuple[str, Node]] = {}
    own = members["regions"].value if "regions" in members else {}
    if not isinstance(own, dict):
        return dict(members)
    named = {track: _named(members[track], found, set(own)) for track in TRACKS if track in members}
    if not found:
        return dict(members)
    first = next(iter(found.values()))[1]
    drawn = {
        name: Node({"file": dataclasses.replace(node, value=path)}, node.place, node.key)
        for path, (name, node) in found.items()
    }
    regions = members.get("regions") or Node({}, first.place, first.key)
    return {**members, **named, "regions": dataclasses.replace(regions, value={**own, **drawn})}


def _named(node: Node, found: dict[str, tuple[str, Node]], taken: set[str]) -> Node:
    value = node.value
    if isinstance(value, list):
        return dataclasses.replace(node, value=[_named(child, found, taken) for child in value])
    if not isinstance(value, dict):
        return node
    region = value.get("region")
    if region is None or not isinstance(region.value, str):
        inside = {key: _named(child, found, taken) for key, child in value.items()}
        return dataclasses.replace(node, value=inside)
    path = region.value.strip()
    if path in taken or os.path.splitext(path)[1].lower() not in PICTURES:
        return node
    if path not in found:
        found[path] = (_free_name(path, taken | {name for name, _ in found.values()}), region)
    short = dataclasses.replace(region, value=found[path][0], raw=found[path][0], exact=False)
    return dataclasses.replace(node, value={**value, "region": short})


def _free_name(path: str, taken: set[str]) -> str:
    """Return a name for a region that is drawn by a file.

    >>> _free_name("masks/left side.png", {"left_side"})
    'left_side_2'
    """
    stem = re.sub(r"[^A-Za-z0-9_-]", "_", os.path.splitext(os.path.basename(path))[0]) or "region"
    stem = stem if re.match(r"[A-Za-z_]", stem) else f"_{stem}"
    names = (stem, *(f"{stem}_{number}" for number in range(2, len(taken) + 3)))
    return next(name for name in names if name not in taken)
