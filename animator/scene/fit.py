"""Holding the tree of a scene file against the schema: every fault with its place, none hides another."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from pydantic import ValidationError

from animator.errors import Problem, SceneError
from animator.scene.names import unknown_key
from animator.scene.nodes import Key, Node, Place, dotted, plain
from animator.scene.words import allowed, found
from animator.settings.scene import Scene

Schema = dict[str, Any]
MAX_PROBLEMS = 100


@dataclass
class Fit:
    """What the schema found in a tree.

    Attributes:
        schema: the JSON schema of a scene.
        problems: the faults.
        nodes: the node of each setting that the file gives, by dotted name, faulty ones included.
        faulty: dotted names of settings that have a fault; their defaults stand in for them.
    """

    schema: Schema
    problems: list[Problem] = field(default_factory=list)
    nodes: dict[str, Node] = field(default_factory=dict)
    faulty: set[str] = field(default_factory=set)

    def add(self, problem: Problem) -> None:
        """Note a fault; raises SceneError with those so far where there are too many to be of use."""
        self.problems.append(problem)
        if len(self.problems) == MAX_PROBLEMS:
            end = Problem(f"{MAX_PROBLEMS} faults so far, the rest was not looked at", "", problem.file)
            raise SceneError([*self.problems, end])

    def report(self, node: Node, name: str, message: str, setting: str = "") -> None:
        """Note a fault of the value ``name``, which is or belongs to the setting ``setting``."""
        self.faulty.add(setting or name)
        self.add(node.place.problem(name, message))

    def resolved(self, schema: Schema) -> Schema:
        """Return what a schema refers to."""
        reference = schema.get("$ref")
        return self.schema["$defs"][reference.rpartition("/")[2]] if reference else schema

    @cached_property
    def settings(self) -> dict[str, Schema]:
        """The schema of every setting by dotted name, sections included."""
        return self._settings(self.schema, "")

    def _settings(self, schema: Schema, name: str) -> dict[str, Schema]:
        settings: dict[str, Schema] = {}
        for key, entry in schema["properties"].items():
            full = dotted(name, key)
            settings[full] = self.resolved(entry)
            if "properties" in settings[full]:
                settings |= self._settings(settings[full], full)
        return settings

    @property
    def sections(self) -> frozenset[str]:
        """Dotted names of the sections."""
        return frozenset(name for name, entry in self.settings.items() if "properties" in entry)


def fit_section(node: Node, schema: Schema, fit: Fit, name: str = "") -> dict[str, Any]:
    """Return the sound values of a section as plain data; note all faults in ``fit``."""
    if not isinstance(node.value, dict):
        fit.report(node, name, f"expected settings such as key: value, found {found(node)}")
        return {}
    data: dict[str, Any] = {}
    for key, child in node.value.items():
        full = dotted(name, key)
        entry = schema["properties"].get(key)
        if entry is None:
            message = unknown_key(full, list(schema["properties"]), fit.settings)
            fit.add(child.key.problem(full, message))
        elif child.value is not None:
            fit.nodes[full] = child
            section = fit.resolved(entry)
            if "properties" in section:
                data[key] = fit_section(child, section, fit, full)
            elif _fits(child, entry, fit, full):
                data[key] = plain(child)
    return data


def _fits(node: Node, entry: Schema, fit: Fit, name: str) -> bool:
    wrong = faults(node, entry, name, fit)
    for fault in wrong:
        fit.faulty.add(name)
        fit.add(fault.place.problem(fault.name, fault.message))
    return not wrong


@dataclass(frozen=True)
class Fault:
    """Where and how a tree departs from a schema."""

    place: Place
    name: str
    message: str


def faults(node: Node, schema: Schema, name: str, fit: Fit) -> list[Fault]:
    """Return every point at which a tree departs from a JSON schema, whose references ``fit`` knows."""
    schema = fit.resolved(schema)
    if "anyOf" in schema:
        return _faults_of_choice(node, schema, name, fit)
    value = node.value
    if isinstance(value, list) and schema.get("type") == "array":
        return _faults_of_list(node, schema, name, fit)
    if isinstance(value, dict) and "properties" in schema:
        return _faults_of_object(node, schema, name, fit)
    if isinstance(value, dict) and schema.get("type") == "object":
        return _faults_of_mapping(node, schema, name, fit)
    return [] if _fits_scalar(value, schema) else [_unexpected(node, schema, name, fit)]


def _unexpected(node: Node, schema: Schema, name: str, fit: Fit) -> Fault:
    return Fault(node.place, name, f"expected {allowed(schema, fit.resolved)}, found {found(node)}")


def _faults_of_choice(node: Node, schema: Schema, name: str, fit: Fit) -> list[Fault]:
    parts = [fit.resolved(part) for part in schema["anyOf"]]
    wrong = [faults(node, part, name, fit) for part in parts]
    if not all(wrong):
        fits = _in_range(node.value, schema.get("animated"))
        return [] if fits else [_unexpected(node, schema, name, fit)]
    kinds = {"array": list, "object": dict}
    for part, its_faults in zip(parts, wrong, strict=True):
        too_short = part.get("type") == "array" and its_faults[0].name == name
        if type(node.value) is kinds.get(part.get("type", "")) and not too_short:
            return its_faults  # the members of a list or mapping are named one by one
    return [_unexpected(node, schema, name, fit)]


def _in_range(value: Any, rules: Schema | None) -> bool:
    if not rules or not isinstance(value, int | float):
        return True
    return (rules["ge"] is None or value >= rules["ge"]) and (rules["le"] is None or value <= rules["le"])


def _faults_of_list(node: Node, schema: Schema, name: str, fit: Fit) -> list[Fault]:
    first = schema.get("prefixItems", [])
    if (first and len(node.value) != len(first)) or len(node.value) < schema.get("minItems", 0):
        return [_unexpected(node, schema, name, fit)]
    schemas = first or [schema.get("items", {})] * len(node.value)
    pairs = enumerate(zip(node.value, schemas, strict=True))
    return [fault for i, (child, part) in pairs for fault in faults(child, part, dotted(name, i), fit)]


def _faults_of_object(node: Node, schema: Schema, name: str, fit: Fit) -> list[Fault]:
    """Hold a mapping of named parts, such as a prompt's, against its schema."""
    known = list(schema["properties"])
    missing = [key for key in schema.get("required", []) if key not in node.value]
    wrong = [Fault(node.place, name, f"has no '{key}'; its parts are {', '.join(known)}") for key in missing]
    for key, child in node.value.items():
        full = dotted(name, key)
        if key in known:
            wrong += faults(child, schema["properties"][key], full, fit)
        else:
            wrong.append(Fault(child.key, full, unknown_key(full, known, {})))
    return wrong


def _faults_of_mapping(node: Node, schema: Schema, name: str, fit: Fit) -> list[Fault]:
    each = schema.get("additionalProperties", {})
    if not isinstance(each, dict):
        return []
    if "animated_each" in schema:
        each = each | {"animated": schema["animated_each"]}
    items: list[tuple[Key, Node]] = list(node.value.items())
    return [fault for key, child in items for fault in faults(child, each, dotted(name, key), fit)]


def _fits_scalar(value: Any, schema: Schema) -> bool:
    if "const" in schema:
        return type(value) is type(schema["const"]) and value == schema["const"]
    if "enum" in schema:
        return isinstance(value, str) and value in schema["enum"]
    kind = schema.get("type")
    if kind == "boolean":
        return isinstance(value, bool)
    if kind == "null":
        return value is None
    if kind == "string":
        return isinstance(value, str) and bool(re.search(schema.get("pattern", ""), value))
    if kind in ("integer", "number"):
        return _fits_number(value, schema)
    return kind is None


def _fits_number(value: Any, schema: Schema) -> bool:
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        return False
    if schema["type"] == "integer" and value != int(value):
        return False
    low, high = schema.get("minimum", -math.inf), schema.get("maximum", math.inf)
    result: bool = low <= value <= high and value > schema.get("exclusiveMinimum", -math.inf)
    return result


def build_scene(data: dict[str, Any], fit: Fit, root: Node) -> Scene:
    """Return the scene of ``data``, in which defaults stand in for what is faulty.

    What pydantic still refuses (the options' own validators) is noted in ``fit``.

    Args:
        data: plain data from `fit_section`, which is altered.
        fit: where faults go.
        root: the tree, for the place of what is missing altogether.
    """
    while True:
        try:
            return Scene.model_validate(data)
        except ValidationError as errors:
            for error in errors.errors(include_url=False, include_input=False):
                _refuse(tuple(error["loc"]), error["msg"], data, fit, root)


def _refuse(loc: tuple[Key, ...], message: str, data: dict[str, Any], fit: Fit, root: Node) -> None:
    """Note one complaint of pydantic and take the setting that it names out of ``data``."""
    path: list[str] = []
    section: Any = data
    for part in loc:
        name = ".".join([*path, str(part)])
        if name not in fit.settings:
            break
        path.append(str(part))
    name = ".".join(path)
    if name == "prompts" and "prompts" not in data:
        if "prompts" not in fit.faulty:
            fit.report(root, name, 'missing: say what to paint, such as prompts: ["a lighthouse by the sea"]')
        data["prompts"] = "-"
        return
    node = fit.nodes.get(name, root)
    text = message.removeprefix("Value error, ")
    fit.report(node, name, text[:1].lower() + text[1:])
    for part_name in path[:-1]:
        section = section.get(part_name, {})
    if path:
        section.pop(path[-1], None)
    else:
        section.clear()
