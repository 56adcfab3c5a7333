"""One scene over another: ``extends`` in a file, ``--set`` on the command line."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Collection, Sequence
from pathlib import Path

from animator.errors import Problem, SceneError
from animator.scene.nodes import Key, Node, Place, dotted
from animator.scene.source import NotYamlError, parse, read_text, resolve
from animator.scene.words import found, short

MAX_LAYERS = 16
COMMAND_LINE = "--set"
"""Stands for the file name in messages about values from the command line."""


def layer(base: Node, over: Node, sections: Collection[str], name: str = "") -> Node:
    """Return ``base`` with the values of ``over`` in their place.

    Sections merge key by key. Everything else is replaced whole, mappings such as `prompts` and the keys of
    a curve included. An empty value takes the one below away, so that the default holds again.

    Args:
        base: the tree below.
        over: the tree above.
        sections: dotted names of the sections.
        name: dotted name of the two trees.
    """
    both = isinstance(base.value, dict) and isinstance(over.value, dict)
    if not both or (name and name not in sections):
        return over
    members = dict(base.value)
    for key, child in over.value.items():
        members[key] = layer(members[key], child, sections, dotted(name, key)) if key in members else child
    return dataclasses.replace(over, value=members)


def read_layers(path: Path, file: str, sections: Collection[str]) -> tuple[Node, list[Problem]]:
    """Read a scene file and all that it extends.

    Args:
        path: the scene file.
        file: its name in messages.
        sections: dotted names of the sections, which merge.

    Returns:
        The tree, in which every value knows its own file, and the faults found on the way.

    Raises:
        SceneError: a file cannot be read or is not YAML; the chain is circular or too long.
    """
    problems: list[Problem] = []
    trees: list[Node] = []
    seen: list[Path] = []
    asked = Place(file)
    while True:
        if path.resolve() in seen:
            chain = " -> ".join(earlier.name for earlier in [*seen, path])
            raise SceneError([asked.problem("extends", f"goes round in a circle: {chain}")])
        if len(seen) == MAX_LAYERS:
            raise SceneError([asked.problem("extends", f"more than {MAX_LAYERS} scenes over one another")])
        if seen and not os.path.isfile(path):
            raise SceneError([asked.problem("extends", f"no such file: {file}")])
        seen.append(path.resolve())
        tree, faults = parse(read_text(path, file), file)
        problems += faults
        if not isinstance(tree.value, dict | None):
            message = f"a scene is a mapping such as mode: 3d, found {found(tree)}"
            raise SceneError([*problems, tree.place.problem("", message)])
        if not tree.value:
            raise SceneError(
                [*problems, tree.place.problem("", "is empty; a scene needs at least its prompts")]
            )
        members = dict(tree.value)
        below = members.pop("extends", None)
        trees.append(rooted(dataclasses.replace(tree, value=members), path.parent))
        if below is None or below.value is None:
            break
        if not isinstance(below.value, str) or "\0" in below.value or not below.value.strip():
            message = f"expected the name of a scene file, found {found(below)}"
            raise SceneError([*problems, below.place.problem("extends", message)])
        asked = below.place
        file = str(Path(file).parent / below.value)
        path = path.parent / below.value
    merged = trees.pop()
    while trees:
        merged = layer(merged, trees.pop(), sections)
    return merged, problems


def override(root: Node, texts: Sequence[str]) -> tuple[Node, list[Problem]]:
    """Return a tree with the values of ``key.path=value`` texts put in, and the faults of these texts.

    A path may lead into a mapping (``guidance.clip_models.RN50=1``, ``prompts.0=a lake``): only that key is
    replaced. The value is YAML, except that keyframes, schedules and prompts need no quotes of their own:
    what is not YAML, or is a mapping without braces, is a text.
    """
    problems: list[Problem] = []
    place = Place(COMMAND_LINE)
    for text in texts:
        name, sign, written = text.partition("=")
        parts = [part.strip() for part in name.split(".")]
        if not sign or not all(parts):
            message = f"expected key.path=value, found '{short(text)}'"
            problems.append(place.problem("", message))
            continue
        try:
            value, faults = _command_value(written.strip())
        except SceneError as error:
            problems += [place.problem(name.strip(), fault.message) for fault in error.problems]
            continue
        problems += [place.problem(name.strip(), fault.message) for fault in faults]
        root = _put(root, parts, value, place)
    return root, problems


def _command_value(written: str) -> tuple[Node, list[Problem]]:
    if not written:
        return Node(None), []
    try:
        value, faults = parse(written, COMMAND_LINE)
    except NotYamlError:
        return Node(written, raw=written), []
    if isinstance(value.value, dict) and not written.startswith("{"):
        return Node(written, raw=written), []
    return value, faults


def _put(node: Node, parts: list[str], value: Node, place: Place) -> Node:
    """Return ``node`` with ``value`` at the end of the path, as if it were all written at ``place``."""
    if not parts:
        return _placed(value, place)
    members = dict(node.value) if isinstance(node.value, dict) else {}
    key = _key(parts[0], members)
    below = members.get(key, Node({}, place))
    members[key] = dataclasses.replace(_put(below, parts[1:], value, place), key=place)
    return dataclasses.replace(node, value=members)


def _key(part: str, members: Collection[Key]) -> Key:
    """Return the key that a part of a path means: one that is there, or else what it would be in YAML."""
    for key in members:
        if str(key) == part:
            return key
    value = resolve(part)
    number = isinstance(value, int | float) and not isinstance(value, bool)
    return value if number else part


def _placed(node: Node, place: Place) -> Node:
    value = node.value
    if isinstance(value, dict):
        value = {key: _placed(child, place) for key, child in value.items()}
    elif isinstance(value, list):
        value = [_placed(child, place) for child in value]
    return dataclasses.replace(node, value=value, place=place, key=place)


def rooted(root: Node, folder: Path) -> Node:
    """Return a tree in which the paths of files are absolute; ``folder`` is the scene file's own."""
    section = root.value.get("diffusion")
    members = section.value if section is not None and isinstance(section.value, dict) else {}
    path = members.get("init_image")
    if path is None or not isinstance(path.value, str) or not path.value or "\0" in path.value:
        return root
    absolute = str((folder / path.value).resolve())
    inner = {**members, "init_image": dataclasses.replace(path, value=absolute)}
    assert section is not None
    outer = {**root.value, "diffusion": dataclasses.replace(section, value=inner)}
    return dataclasses.replace(root, value=outer)
