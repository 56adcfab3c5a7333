"""What a study is asked to vary: by the command line, and by a scene under ``study``.

Importing this imports no torch.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from animator.errors import Problem
from animator.scene.layers import override
from animator.scene.nodes import Node, Place, plain
from animator.scene.rooted import rooted
from animator.scene.written import yaml_text
from animator.study.axes import (
    Axis,
    AxisError,
    Value,
    axis_of,
    is_range,
    label_of,
    made_axis,
    parse_at,
    parse_axis,
    split_values,
    values_of,
    whole,
)

VARY = "--vary"
"""Takes the place of a file's name in messages about axes from the command line."""


@dataclass(frozen=True)
class Asked:
    """What a study is asked to vary.

    Attributes:
        axes: in their order; the first is shown along a row, the second down a column.
        zip: whether they are to be one axis.
        at: shares of the diffusion, as ``"20%"``; empty: the finished picture alone.
    """

    axes: tuple[Axis, ...] = ()
    zip: bool = False
    at: tuple[str, ...] = ()

    def over(self, below: Asked) -> Asked:
        """Return this laid over another: an axis takes the place of one with the same name."""
        mine = {axis.names: axis for axis in self.axes}
        kept = [mine.pop(axis.names, axis) for axis in below.axes]
        return Asked((*kept, *mine.values()), self.zip or below.zip, self.at or below.at)


def asked_on_command_line(
    vary: Sequence[str], zip_axes: bool, at: str, folders: Sequence[Path]
) -> tuple[Asked, list[Problem]]:
    """Return what ``--vary``, ``--zip`` and ``--at`` ask for, and what is wrong with them."""
    place, problems, axes = Place(VARY), list[Problem](), dict[tuple[str, ...], Axis]()
    for text in vary:
        try:
            axis = parse_axis(text, folders)
        except AxisError as error:
            problems.append(place.problem("", str(error)))
            continue
        if axis.names in axes:
            problems.append(place.problem(axis.title, "is varied twice; put all of its values into one"))
        axes[axis.names] = axis
    shares: tuple[str, ...] = ()
    try:
        shares = parse_at(split_values(at))
    except AxisError as error:
        problems.append(Place("--at").problem("", str(error)))
    return Asked(tuple(axes.values()), zip_axes, shares), problems


def asked_in_scene(study: Node | None) -> tuple[Asked, list[Problem]]:
    """Return what a scene's ``study`` asks for, and what is wrong with it.

    ``@file`` and pictures that a value names are relative to the folder of the file that says so.
    """
    if study is None or study.value is None:
        return Asked(), []
    if not isinstance(study.value, dict):
        message = "expected vary, zip and at, such as {vary: {seed: [1, 2, 3]}}"
        return Asked(), [study.place.problem("study", message)]
    problems = [
        child.key.problem(f"study.{key}", "unknown key; known here: vary, zip, at")
        for key, child in study.value.items()
        if key not in ("vary", "zip", "at")
    ]
    axes: list[Axis] = []
    for name, node in _members(study.value.get("vary"), problems):
        try:
            axes.append(_axis_of_node(name, node))
        except AxisError as error:
            problems.append(node.place.problem(f"study.vary.{name}", str(error)))
    together = study.value.get("zip", Node(False))
    if not isinstance(together.value, bool | None):
        problems.append(together.place.problem("study.zip", "expected true or false"))
    shares: tuple[str, ...] = ()
    if (at := study.value.get("at")) is not None and at.value is not None:
        pieces = at.value if isinstance(at.value, list) else [at]
        texts = [part for piece in pieces for part in str(piece.raw or piece.value).split(",")]
        try:
            shares = parse_at(texts)
        except AxisError as error:
            problems.append(at.place.problem("study.at", str(error)))
    return Asked(tuple(axes), together.value is True, shares), problems


def _members(node: Node | None, problems: list[Problem]) -> list[tuple[str, Node]]:
    """Return the axes that ``vary`` names; sections in it are as good as dots."""
    if node is None or node.value is None:
        return []
    if not isinstance(node.value, dict):
        message = "expected settings with values, such as {seed: [1, 2, 3]}"
        problems.append(node.place.problem("study.vary", message))
        return []
    found = []
    for name, child in node.value.items():
        if isinstance(child.value, dict):
            found += [(f"{name}.{below}", one) for below, one in _members(child, problems)]
        else:
            found.append((str(name), child))
    return found


def _axis_of_node(name: str, node: Node) -> Axis:
    """Return an axis as a scene writes it: a list of values, or one text as on the command line."""
    folder = Path(node.place.file).parent
    if isinstance(node.value, list):
        values = []
        for member in node.value:
            written = member.value.strip() if isinstance(member.value, str) else ""
            if written.startswith("@") or (written and is_range(written)):
                pieces = values_of(written, whole(name), [folder], inside=True)
                values += [_value_of(name, piece, folder) for piece in pieces]
            else:
                label = " ".join(member.value.split()) if isinstance(member.value, str) else ""
                values.append(_value_of(name, yaml_text(plain(member)), folder, label))
        if not values:
            raise AxisError("has no values; write some, such as [0.05, 0.1]")
        return made_axis(name, values)
    if node.value is None:
        raise AxisError("has no values; write some, such as [0.05, 0.1]")
    text = node.value if isinstance(node.value, str) else (node.raw or yaml_text(node.value))
    axis = axis_of(name, split_values(text), [folder], inside=True)
    return made_axis(name, [_value_of(name, value.texts[0], folder, value.label) for value in axis.values])


def _value_of(name: str, text: str, folder: Path, label: str = "") -> Value:
    """Return a value of a scene; a file that it names is found from wherever it is read."""
    return Value(label or label_of(text), (_from_anywhere(name, text, folder),))


def _from_anywhere(name: str, text: str, folder: Path) -> str:
    if name.partition(".")[0] not in _WITH_FILES:
        return text
    tree, faults = override(Node({}), [f"{name}={text}"])
    before, after = (_below(one, name) for one in (tree, rooted(tree, folder)))
    return text if faults or before == after else yaml_text(after)


def _below(tree: Node, name: str) -> Any:
    """Return the plain value of a setting in a tree that holds nothing else."""
    value = plain(tree)
    for part in name.split("."):
        value = next((one for key, one in value.items() if str(key) == part), None)
        if not isinstance(value, dict):
            break
    return value


_WITH_FILES = frozenset({"diffusion", "camera", "video", "output", "image_prompts", "latent"})
"""Sections with settings that name files, see `animator.scene.rooted.PATHS`."""
