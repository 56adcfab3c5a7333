"""One scene over another: ``extends`` in a file, ``--set`` on the command line."""

from __future__ import annotations

import dataclasses
import os
import re
from collections.abc import Collection, Sequence
from pathlib import Path

from animator.errors import Problem, SceneError
from animator.scene.bases import extended_file, hint
from animator.scene.foreign_file import head_of, refuse_binary, refuse_foreign, refuse_unread
from animator.scene.nodes import Key, Node, Place, dotted
from animator.scene.presets import with_presets
from animator.scene.region_forms import drawn_as_set, drawn_once, merges
from animator.scene.rooted import rooted
from animator.scene.seeds import spelt_out
from animator.scene.source import NotYamlError, parse, read_text, resolve
from animator.scene.spellings import as_section, spelt_key, with_spellings
from animator.scene.words import found, short
from animator.settings.scene import Scene
from animator.system.file_names import file_fault

MAX_LAYERS = 16
COMMAND_LINE = "--set"
"""Stands for the file name in messages about values from the command line."""

KEYS = frozenset({*Scene.model_fields, "extends", "study"})
"""What a scene says at its top."""

LOOKS_LIKE_ONE = re.compile(rf"^(?:{'|'.join(sorted(KEYS))})\s*:", re.MULTILINE)
"""A text in which there is one of these."""

NO_SCENE = "is no scene: it has none of the keys of one, such as prompts"


def layer(base: Node, over: Node, sections: Collection[str], name: str = "") -> Node:
    """Return ``base`` with the values of ``over`` in their place.

    Sections merge key by key, and so do regions of the same name. Everything else is replaced whole, mappings
    such as `prompts`, `pictures` and the keys of a curve included. An empty value takes the one below away,
    so that the default holds again.

    Args:
        base: the tree below.
        over: the tree above.
        sections: dotted names of the sections.
        name: dotted name of the two trees.
    """
    both = isinstance(base.value, dict) and isinstance(over.value, dict)
    if not both or (name and name not in sections and not merges(name)):
        return dataclasses.replace(over, below=base) if name == SIZE else over
    members = dict(base.value)
    for key, child in over.value.items():
        members[key] = layer(members[key], child, sections, dotted(name, key)) if key in members else child
    return drawn_once(dataclasses.replace(over, value=members), over, name)


def read_layers(
    path: Path, file: str, sections: Collection[str], text: str | None = None
) -> tuple[Node, list[Problem]]:
    """Read a scene file and all that it extends: one file, or a list, of which later ones lie over earlier.

    Args:
        path: the scene file; paths in it are relative to its folder.
        file: its name in messages.
        sections: dotted names of the sections, which merge.
        text: the scene, where it is in no file; None to read it.

    Returns:
        The tree, in which every value knows its own file, and the faults found on the way.

    Raises:
        SceneError: a file cannot be read or is not YAML; the chain is circular, or there are too many files.
    """
    stack = _Stack(sections)
    return stack.read(path, file, Place(file), (), text), stack.problems


SIZE = "size"
"""The setting of which a layer keeps what it replaces: guidance grows with the pixels."""


class _Stack:
    """Reads the files of one scene; ``problems`` collects the faults that do not stop the reading."""

    def __init__(self, sections: Collection[str]) -> None:
        self.sections = sections
        self.problems: list[Problem] = []
        self.files = 0

    def read(
        self, path: Path, file: str, asked: Place, above: tuple[Path, ...], text: str | None = None
    ) -> Node:
        """Return a file laid over those that it extends.

        Args:
            path: the file.
            file: its name in messages.
            asked: where it is named.
            above: the files that led here, absolute.
            text: what is in it; None to read it.
        """
        own_path = Path(
            os.path.realpath(path)
        )  # unlike `resolve`, it raises nothing where links go in a circle
        if own_path in above:
            chain = " -> ".join(earlier.name for earlier in [*above, path])
            raise SceneError([asked.problem("extends", f"goes round in a circle: {chain}")])
        if self.files == MAX_LAYERS:
            raise SceneError([asked.problem("extends", f"more than {MAX_LAYERS} scenes over one another")])
        self.files += 1
        own, below = self._own(path, file, text, asked if above else None)
        merged: Node | None = None
        for name in below:
            below_it = extended_file(name.value, path.parent)
            own_name = str(Path(file).parent / name.value)
            shown = own_name if below_it == path.parent / name.value else str(below_it)
            if not os.path.isfile(below_it):
                message = _missing(below_it, shown) + hint(name.value)
                raise SceneError([name.place.problem("extends", message)])
            base = self.read(below_it, shown, name.place, (*above, own_path))
            merged = base if merged is None else layer(merged, base, self.sections)
        return own if merged is None else layer(merged, own, self.sections)

    def _own(self, path: Path, file: str, text: str | None, asked: Place | None) -> tuple[Node, list[Node]]:
        """Return what one file says itself, and the names of those that it extends.

        Of a file that is named as ``extends``, at ``asked``, and is no scene, nothing is shown: a scene of a
        stranger may name any file.
        """
        given = text
        try:
            text = read_text(path, file) if given is None else given
            tree, faults = parse(text, file)
        except SceneError:
            if asked and not LOOKS_LIKE_ONE.search(head_of(path)):
                raise SceneError([*self.problems, asked.problem("extends", f"{file} {NO_SCENE}")]) from None
            if given is None:
                refuse_binary(path, file)
            refuse_unread(head_of(path) if given is None else given, file)
            raise
        refuse_foreign(tree, text, file)
        if asked and tree.value and not (isinstance(tree.value, dict) and KEYS & tree.value.keys()):
            raise SceneError([*self.problems, asked.problem("extends", f"{file} {NO_SCENE}")])
        self.problems += faults
        if not isinstance(tree.value, dict | None):
            message = f"a scene is a mapping such as prompts: a sea, found {found(tree)}"
            raise SceneError([*self.problems, tree.place.problem("", message)])
        if not tree.value:
            message = "is empty; a scene needs at least its prompts"
            raise SceneError([*self.problems, tree.place.problem("", message)])
        members = dict(tree.value)
        below = self._names(members.pop("extends", None))
        own, more = spelt(dataclasses.replace(tree, value=members))
        self.problems += more
        return rooted(own, path.parent), below

    def _names(self, extends: Node | None) -> list[Node]:
        """Return the names of files that ``extends`` holds, each a node with a text."""
        if extends is None or extends.value is None:
            return []
        names = extends.value if isinstance(extends.value, list) else [extends]
        for name in names:
            if not isinstance(name.value, str) or "\0" in name.value or not name.value.strip():
                message = f"expected the name of a scene file or a list of names, found {found(name)}"
                raise SceneError([*self.problems, name.place.problem("extends", message)])
        return names


def _missing(path: Path, file: str) -> str:
    """Return why a path is no file, with the file as the user named it."""
    fault = file_fault(os.path.abspath(path), net=False)
    return fault.replace(os.path.abspath(path), file)


def spelt(tree: Node) -> tuple[Node, list[Problem]]:
    """Return one layer with its short forms written out, and its values in the spelling of this program.

    Short forms are a word for a seed, the name of a cut schedule, true and false for a section.

    This is done before layers are laid over one another, so that the short form is replaced, and replaces,
    like what it stands for.
    """
    tree, problems = with_presets(with_spellings(tree))
    tree, more = spelt_out(tree)
    return with_eyes(tree), [*problems, *more]


def with_eyes(tree: Node) -> Node:
    """Return one layer in which a section `vr` that does not say whether it is enabled says so."""
    members = tree.value if isinstance(tree.value, dict) else {}
    section = members.get("vr")
    if section is None or not isinstance(section.value, dict) or "enabled" in section.value:
        return tree
    enabled = Node(True, section.place, section.key, "true")
    return dataclasses.replace(
        tree,
        value={**members, "vr": dataclasses.replace(section, value={**section.value, "enabled": enabled})},
    )


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
        root = drawn_as_set(with_spellings(_put_spelt(root, parts, value, place)), parts)
        root, unknown = with_presets(root)  # the next one may set one of its cuts
        problems += unknown
    root, more = spelt_out(root, COMMAND_LINE)
    return with_eyes(root), [*problems, *more]


def _command_value(written: str) -> tuple[Node, list[Problem]]:
    if not written:
        return Node(None), []
    try:
        value, faults = parse(written, COMMAND_LINE)
    except NotYamlError:
        return Node(written, raw=written), []
    if value.cut or written.startswith("#"):  # on the command line nothing is a comment
        return Node(written, raw=written), []
    if isinstance(value.value, dict) and not written.startswith("{"):
        return Node(written, raw=written), []
    return value, faults


def _put_spelt(root: Node, parts: list[str], value: Node, place: Place) -> Node:
    """Return ``root`` with ``value`` at the end of the path; true or false for a section is spelt out."""
    above, last = parts[:-1], parts[-1]
    meant = as_section(value, ".".join(parts))
    if meant is not value:
        for key, child in meant.value.items():
            root = _put(root, [*parts, str(key)], child, place)
        return root
    members = root
    for part in above:
        members = members.value.get(part, Node({})) if isinstance(members.value, dict) else Node({})
    there = members.value if isinstance(members.value, dict) else {}
    return _put(root, [*above, spelt_key(there, ".".join(above), last)], value, place)


def _put(node: Node, parts: list[str], value: Node, place: Place) -> Node:
    """Return ``node`` with ``value`` at the end of the path, as if it were all written at ``place``."""
    if not parts:
        return _placed(value, place)
    if parts == [SIZE] and isinstance(node.value, dict) and SIZE in node.value:
        value = dataclasses.replace(value, below=node.value[SIZE])
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
