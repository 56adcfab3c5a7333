"""The paths that a scene names, made absolute: each is relative to the file that it is written in."""

from __future__ import annotations

import dataclasses
import os
import re
from pathlib import Path

from animator.keyframes.expressions import NUMBER
from animator.scene.nodes import Node
from animator.scene.prompt_regions import with_regions
from animator.settings.pins import START
from animator.weights.checkpoint_names import is_path

PATHS = (
    ("diffusion", "model"),
    ("diffusion", "init_image"),
    ("camera", "path"),
    ("video", "init"),
    ("output", "audio"),
    ("grade", "lut"),
)
"""Sections with their keys that name a file."""

ADDRESSES = ("http://", "https://")
_WEIGHT = re.compile(rf":\s*[+-]?{NUMBER}\s*\Z", re.ASCII)


def rooted(root: Node, folder: Path) -> Node:
    """Return a layer in which the paths of files are absolute.

    These are the settings of `PATHS`, of which `diffusion.model` only where it names a checkpoint by its
    path, and the pictures of `image_prompts`. Addresses that begin with http:// or https:// stay. The texts
    of `prompts` and `modifiers`, which may name files in the middle, are told the folder instead.

    Args:
        root: the layer.
        folder: what the paths are relative to: where the file of the layer lies.
    """
    members = with_regions(root.value)
    for name, key in PATHS:
        section = members.get(name)
        if section is None or not isinstance(section.value, dict) or key not in section.value:
            continue
        inner = dict(section.value)
        if key != "model" or is_path(str(inner[key].value)):
            inner[key] = _absolute(inner[key], folder)
        members[name] = dataclasses.replace(section, value=inner)
    if "pictures" in members:
        members["pictures"] = _rooted_pins(members["pictures"], folder)
    if "regions" in members:
        members["regions"] = _rooted_masks(members["regions"], folder)
    if "latent" in members:
        members["latent"] = _rooted_weights(members["latent"], folder)
    if "image_prompts" in members:
        members["image_prompts"] = _rooted_pictures(members["image_prompts"], folder)
    for name in ("prompts", "modifiers"):
        if name in members:
            members[name] = _told_folder(members[name], folder)
    return dataclasses.replace(root, value=members)


def _rooted_weights(section: Node, folder: Path) -> Node:
    """Return the section `latent` with absolute paths of its ControlNet and its LoRAs, which are keys."""
    if not isinstance(section.value, dict):
        return section
    members = dict(section.value)
    loras, control = members.get("loras"), members.get("control")
    if loras is not None and isinstance(loras.value, dict):
        pairs = {
            _absolute_text(text, "", folder) if is_path(text := str(key)) else key: weight
            for key, weight in loras.value.items()
        }
        members["loras"] = dataclasses.replace(loras, value=pairs)
    if control is not None and isinstance(control.value, dict) and "model" in control.value:
        model = control.value["model"]
        if is_path(str(model.value)):
            inner = {**control.value, "model": _absolute(model, folder)}
            members["control"] = dataclasses.replace(control, value=inner)
    adapter = members.get("ip_adapter")
    if adapter is not None and isinstance(adapter.value, dict):
        keys = {"model", "encoder"} & adapter.value.keys()
        inner = {**adapter.value, **{key: _absolute(adapter.value[key], folder) for key in keys}}
        members["ip_adapter"] = dataclasses.replace(adapter, value=inner)
    return dataclasses.replace(section, value=members)


def _rooted_pins(node: Node, folder: Path) -> Node:
    """Return `pictures` with absolute paths; the word for the first one again stays."""
    value = node.value
    if isinstance(value, list):
        return dataclasses.replace(node, value=[_rooted_pins(child, folder) for child in value])
    if isinstance(value, dict):
        inside = {
            key: _rooted_pins(child, folder) if key == "file" or "file" not in value else child
            for key, child in value.items()
        }
        return dataclasses.replace(node, value=inside)
    return node if value == START else _absolute(node, folder)


def _rooted_masks(node: Node, folder: Path) -> Node:
    """Return `regions` with absolute paths."""
    if not isinstance(node.value, dict):
        return node
    regions = dict(node.value)
    for name, region in regions.items():
        if isinstance(region.value, dict):
            files = {
                key: _absolute(region.value[key], folder) for key in ("file", "alpha") if key in region.value
            }
            regions[name] = dataclasses.replace(region, value={**region.value, **files})
    return dataclasses.replace(node, value=regions)


def _told_folder(node: Node, folder: Path) -> Node:
    """Return texts that know what files in them are relative to, where they do not yet and name some."""
    value = node.value
    if isinstance(value, list):
        return dataclasses.replace(node, value=[_told_folder(child, folder) for child in value])
    if isinstance(value, dict):
        told = {key: _told_folder(child, folder) for key, child in value.items()}
        return dataclasses.replace(node, value=told)
    if node.folder is None and isinstance(value, str) and ("@" in value or "{" in value):
        return dataclasses.replace(node, folder=folder)
    return node


def _rooted_pictures(node: Node, folder: Path) -> Node:
    """Return the pictures of `image_prompts`, in any of the forms that it may have, with absolute paths."""
    value = node.value
    if isinstance(value, list):
        return dataclasses.replace(node, value=[_rooted_pictures(child, folder) for child in value])
    if isinstance(value, dict) and "image" in value:
        return dataclasses.replace(node, value={**value, "image": _absolute(value["image"], folder)})
    if isinstance(value, dict):
        rooted_ones = {key: _rooted_pictures(child, folder) for key, child in value.items()}
        return dataclasses.replace(node, value=rooted_ones)
    return _absolute(node, folder, _WEIGHT)


def _absolute(node: Node, folder: Path, end: re.Pattern[str] | None = None) -> Node:
    """Return a path made absolute; what is no path, or an address on the net, as it is.

    The text is then no longer the one in the file, so that a fault in it is placed at its beginning.

    Args:
        node: the path.
        folder: what it is relative to.
        end: what may follow the path and stays.
    """
    text = node.value
    if not isinstance(text, str) or not text.strip() or "\0" in text or text.lower().startswith(ADDRESSES):
        return node
    tail = match[0] if end and (match := end.search(text)) else ""
    path = text[: len(text) - len(tail)].strip()
    if not path:
        return node
    absolute = _absolute_text(path, tail, folder)
    return dataclasses.replace(node, value=absolute, raw=absolute, exact=False)


def _absolute_text(path: str, tail: str, folder: Path) -> str:
    return os.path.realpath(folder / os.path.expanduser(path)) + tail
