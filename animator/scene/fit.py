"""Holding the tree of a scene file against the schema: every fault with its place, none hides another."""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from pydantic import ValidationError

from animator.errors import Problem, SceneError
from animator.scene.cut_notices import split_key
from animator.scene.hints import hint, section_hint
from animator.scene.json_schema import Error, validator_of
from animator.scene.names import misplaced, unknown_key
from animator.scene.nodes import Key, Node, Place, dotted, plain
from animator.scene.words import allowed, found, short
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
        faulty: dotted names of settings that have a fault; their defaults replace them.
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

    @cached_property
    def validator(self) -> Any:
        """What holds values to the schema or, by ``evolve``, to a part of it."""
        return validator_of(self.schema)

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
        fit.report(
            node, name, f"expected settings such as key: value, found {found(node)}{section_hint(node, name)}"
        )
        return {}
    data: dict[str, Any] = {}
    for key, child in node.value.items():
        full = dotted(name, key)
        entry = schema["properties"].get(key)
        if entry is None:
            message = unknown_key(full, list(schema["properties"]), fit.settings, child.value)
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
    before = {(one.file, one.line, one.column, one.key) for one in fit.problems if one.line}
    for fault in wrong:
        fit.faulty.add(name)
        place = fault.place
        if (place.file, place.line, place.column, fault.name) in before:
            continue  # such as a tag: what is left without it is no second fault
        fit.add(fault.place.problem(fault.name, fault.message + misplaced(name, node.value)))
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
    if "animated_each" in schema:
        each = {**schema["additionalProperties"], "animated": schema["animated_each"]}
        schema = {**schema, "additionalProperties": each}
    errors = fit.validator.evolve(schema=schema).iter_errors(plain(node))
    wrong = [fault for error in errors for fault in _faults_of(error, node, name, fit)]
    return list(dict.fromkeys(wrong))


def _faults_of(error: Error, root: Node, name: str, fit: Fit) -> list[Fault]:
    """Return what a complaint of JSON Schema means, each fault at its node."""
    node, full = root, name
    for key in error.absolute_path:
        node, full = node.value[key], dotted(full, key)
    if error.validator == "anyOf" and (closest := _closest(error, node, fit)):
        # The members of a list or mapping are named one by one.
        return [fault for one in closest for fault in _faults_of(one, root, name, fit)]
    known = list(error.schema.get("properties", ()))
    if error.validator == "required":
        if quoted := _unquoted_prompt(node, full):
            return [Fault(node.place, full, quoted)]
        missing = [key for key in error.validator_value if key not in node.value]
        parts = ", ".join(known)
        return [Fault(node.place, full, f"has no '{key}'; its parts are {parts}") for key in missing]
    if error.validator == "additionalProperties":
        if quoted := _unquoted_prompt(node, full):
            return [Fault(node.place, full, quoted)]
        unknown = [key for key in node.value if key not in known]
        names = {key: dotted(full, key) for key in unknown}
        return [Fault(node.value[k].key, names[k], unknown_key(names[k], known, {})) for k in unknown]
    if node.value is None and (split := split_key(full.rpartition(".")[2])):
        return [Fault(node.key, full, split)]
    whole = root if isinstance(node.value, int | float | None) else node
    if quoted := _unquoted_prompt(whole, name if whole is root else full):
        return [Fault(node.place, full, quoted)]
    expected = allowed(error.schema, fit.resolved)
    setting = full if full in fit.settings else name
    instead = hint(node, setting, expected)
    return [Fault(node.place, full, f"expected {expected}, found {found(node)}{instead}")]


def _unquoted_prompt(node: Node, name: str) -> str:
    """Return what to say where a prompt without quotes became a mapping at its colon, else ""."""
    if not name.startswith("prompts") or not isinstance(node.value, dict) or len(node.value) != 1:
        return ""
    (text, weight), *_ = node.value.items()
    if not isinstance(text, str) or text in ("text", "weight", "clip_models", "region") or _is_position(text):
        return ""
    if weight.value is None and "|" in text:
        return f'braces make a mapping in YAML; put the whole prompt in quotes: "{{{short(text)}}}"'
    if not isinstance(weight.value, int | float | str):
        return ""
    return (
        f'a colon in a prompt makes a mapping of it; put it in quotes: "{short(f"{text}: {weight.value}")}"'
    )


def _is_position(text: str) -> bool:
    """Return whether the key of a mapping is a frame, a time or a formula: ``2.5s``, ``max_f/2``."""
    return re.match(r"\s*[\d.+(-]|\s*max_f\b", text, re.ASCII) is not None


def _closest(error: Error, node: Node, fit: Fit) -> list[Error]:
    """Return the complaints of the one choice that a list or mapping was meant as, if there is one."""
    for index, choice in enumerate(error.validator_value):
        kind = {"array": list, "object": dict}.get(fit.resolved(choice).get("type", ""))
        wrong = [one for one in error.context if one.schema_path[0] == index]
        too_short = kind is list and wrong[0].absolute_path == error.absolute_path
        if kind is type(node.value) and not too_short:
            return wrong
    return []


def build_scene(data: dict[str, Any], fit: Fit, root: Node) -> Scene:
    """Return the scene of ``data``, in which defaults replace what is faulty.

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


def _keys(members: dict[Key, Node] | list[Node]) -> Collection[Key]:
    return range(len(members)) if isinstance(members, list) else members


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
    inner, full = node, name
    for part in loc[len(path) :]:
        if not isinstance(inner.value, dict | list) or part not in _keys(inner.value):
            break
        members: Any = inner.value
        inner, full = members[part], dotted(full, part)
    text = message.removeprefix("Value error, ")
    fit.report(inner, full, text[:1].lower() + text[1:], setting=name)
    for part_name in path[:-1]:
        section = section.get(part_name, {})
    if path:
        section.pop(path[-1], None)
    else:
        section.clear()
