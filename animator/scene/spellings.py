"""Values in the spelling of other programs, written as this one has them: ``mode: 3D``, ``seed: -1``.

Only what can mean one thing is taken: words whatever their case, dashes and blanks; numbers in quotes; the
words of the table in ``foreign_names.json``; one value for a list of one; true and false for a section
that is switched on or off. Everything else stays, and is refused where the settings are looked at.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterable, Mapping
from typing import Any

from animator.scene.foreign import spellings
from animator.scene.measures import colour, rate, sides, with_percent_signs, without_unit
from animator.scene.nodes import Key, Node, dotted
from animator.scene.region_forms import NAME as REGIONS
from animator.scene.region_forms import written_out
from animator.scene.schema_parts import Schema, accepts, folded, parts_of, resolved, settings
from animator.settings.samplers import SAMPLERS
from animator.settings.scene import GROUNDS, scene_schema
from animator.weights.checkpoint_names import is_path
from animator.weights.clip_names import same_model
from animator.weights.registry import Kind, names

CLIP_MODELS = "guidance.clip_models"
SAMPLER = "diffusion.sampler"

FREE = frozenset({"prompts"})
"""Settings whose texts are never anything else."""

COUNTED = {"turbo": "steps"}
"""Sections that may be a number, and the setting that it is."""

BACKGROUND = "background"

PICTURES = frozenset({"image_prompts"})
"""Settings that name files in several forms, of which the word none is not one."""

NOTHING = frozenset({"", "none", "null"})

EACH = "*"
"""Stands for the name of a member of a mapping, whose options are no settings with names of their own."""

_INT = re.compile(r"\s*[-+]?[0-9]{1,15}\s*")
_FLOAT = re.compile(r"\s*[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]{1,3})?\s*")
_PERCENT = re.compile(r"\s*(\.[0-9]+|[0-9]+(\.[0-9]*)?)\s*%\s*")
_SPLIT = re.compile(r"\s*[,xX×*;]\s*|\s+")
_TAG = re.compile(r"\s*(openai|[a-z]\w*_\w+)\s*")
_MEMBER = re.compile(r"\[\s*([^\[\]]+?)\s*\]")


def with_spellings(tree: Node) -> Node:
    """Return a scene, or one layer of it, with its values in the spelling of this program.

    What is in it already stays, so that it may be done again.
    """
    return _section(tree, scene_schema(), "")


def as_section(value: Node, name: str) -> Node:
    """Return what a value means in the place of a section: ``vr: true`` is ``{enabled: true}``.

    Args:
        value: what is written there.
        name: dotted name of the section; of anything else the value is returned as it is.
    """
    schema = settings().get(name, {})
    if "properties" not in schema or isinstance(value.value, dict):
        return value
    word = value.value
    members = spellings().get(name, {}).get(folded(word))
    if members is None and name in COUNTED and _INT.fullmatch(str(word)):
        members = {COUNTED[name]: int(word)}
    if members is None and "enabled" in schema["properties"] and folded(word) in ("true", "false"):
        members = {"enabled": folded(word) == "true"}
    return _mapping(value, members) if isinstance(members, dict) else value


def spelt_key(members: Iterable[Key], name: str, part: str) -> str:
    """Return a key of a mapping that names the same as ``part``: the same CLIP model in another spelling.

    Args:
        members: the keys that are there.
        name: dotted name of the mapping.
        part: the key that is asked for.
    """
    if name != CLIP_MODELS:
        return part
    return next((str(key) for key in members if same_model(str(key), part)), part)


def _section(node: Node, schema: Schema, name: str) -> Node:
    node = as_section(node, name)
    if not isinstance(node.value, dict):
        return node
    members = {
        key: _value(child, schema["properties"][key], dotted(name, key))
        if key in schema["properties"]
        else child
        for key, child in node.value.items()
    }
    return dataclasses.replace(node, value=members)


def _value(node: Node, entry: Schema, name: str) -> Node:
    """Return the value of one setting, or a section, spelt as here."""
    schema = resolved(entry)
    if name in FREE or node.value is None:
        return node
    table = spellings().get(name, {})
    word = "" if isinstance(node.value, list | dict) else folded(node.value)
    if "properties" in schema:  # a word in its place is the name of a preset, or means its settings
        preset = table.get(word)
        return _changed(node, preset) if isinstance(preset, str) else _section(node, schema, name)
    if name == CLIP_MODELS:
        return _clip_models(node)
    if name == REGIONS:
        node = written_out(node)
    if name in PICTURES and _is_nothing(node.value):
        return _changed(node, None)
    if word in table and not isinstance(node.value, list | dict) and schema.get("type") != "array":
        return _changed(node, table[word])
    node = _measured(node, name)
    if name == SAMPLER and isinstance(node.value, str):
        return _changed(node, _sampler(node.value))
    if network := _network(node.value, name):
        return _changed(node, network)
    return _typed(node, schema, table)


def _measured(node: Node, name: str) -> Node:
    """Return a size, a colour, a rate or a number with its unit in the form of this program."""
    value = node.value
    if name == "size" and (both := sides(value)):
        nodes = [one if isinstance(one, Node) else dataclasses.replace(node, value=one) for one in both]
        return dataclasses.replace(node, value=nodes, size=3, exact=False)
    if name == BACKGROUND and isinstance(value, str | int) and not isinstance(value, bool):
        if folded(value) in GROUNDS or accepts([settings()[name]], value):
            return node if accepts([settings()[name]], value) else _changed(node, folded(value))
        written = node.raw if isinstance(value, int) and len(node.raw) in (3, 6) else str(value)
        return _changed(node, colour(written) or value)
    if not isinstance(value, str):
        return node
    if name == "fps" and (number := rate(value)):
        return _changed(node, number)
    if name == "video.fps" and rate(value):
        return _changed(node, "".join(value.split()))
    return _changed(node, without_unit(with_percent_signs(value), name))


def _typed(node: Node, schema: Schema, table: Mapping[str, Any]) -> Node:
    """Return a value as one of the types of its setting has it."""
    parts = parts_of(schema)
    lists = next((part for part in parts if part.get("type") == "array"), None)
    if lists is not None and (isinstance(node.value, list) or len(parts) == 1):
        return _list(node, lists, table)
    if isinstance(node.value, dict):
        return _members(node, next((part for part in parts if "additionalProperties" in part), {}), schema)
    return _changed(node, _scalar(node.value, schema, parts))


def _members(node: Node, part: Schema, schema: Schema) -> Node:
    """Return a mapping whose values are spelt as here; a curve, whose keys are compiled later, as it is."""
    each = part.get("additionalProperties")
    if "animated" in schema:
        texts = {
            key: _changed(child, with_percent_signs(child.value)) if isinstance(child.value, str) else child
            for key, child in node.value.items()
        }
        return node if texts == node.value else dataclasses.replace(node, value=texts)
    if not isinstance(each, dict):
        return node
    inner = {key: _member(child, each) for key, child in node.value.items()}
    return dataclasses.replace(node, value=inner)


def _member(node: Node, each: Schema) -> Node:
    """Return a member of a list or mapping, spelt as here: one value, or options by their names."""
    options = next((part for part in parts_of(each) if "properties" in part), None)
    if options is not None and isinstance(node.value, dict):
        return _section(node, options, EACH)
    return _typed(node, resolved(each), {})


def _scalar(value: Any, schema: Schema, parts: list[Schema]) -> Any:
    kinds = {part.get("type") for part in parts}
    if isinstance(value, bool | list | dict | None):
        return value
    if not isinstance(value, str):
        return bool(value) if kinds == {"boolean"} and value in (0, 1) else value
    if "animated" in schema:  # its texts are looked at where they are compiled
        return None if _is_nothing(value) else value
    word = _word(value, parts)
    if word is not None:
        return word
    if kinds & {"integer", "number"} or any("percentage" in str(part.get("allowed", "")) for part in parts):
        value = with_percent_signs(value)
    if _is_nothing(value) and (kinds == {"string", "null"} or not accepts(parts, value)):
        return value if takes_any_name(parts) else None
    if accepts(parts, value):
        return value
    return _number(value, parts, kinds)


def _number(value: str, parts: list[Schema], kinds: set[Any]) -> Any:
    """Return the number, or the true or false, that a text is; the text where it is none."""
    if "integer" in kinds and _INT.fullmatch(value):
        return int(value)
    if kinds & {"integer", "number"} and _FLOAT.fullmatch(value):
        return float(value)
    share = any(part.get("type") == "number" and part.get("maximum") == 1 for part in parts)
    if share and (percent := _PERCENT.fullmatch(value)):
        return float(percent[1]) / 100
    if "boolean" in kinds and folded(value) in ("true", "false"):
        return folded(value) == "true"
    return value


def _is_nothing(value: Any) -> bool:
    """Return whether a text says that there is nothing; blanks alone do not."""
    return isinstance(value, str) and (value == "" or (bool(value.strip()) and folded(value) in NOTHING))


def _word(value: str, parts: list[Schema]) -> str | None:
    """Return the one of a setting's words that a text is, whatever its case, dashes and blanks."""
    words = [word for part in parts for word in part.get("enum", ())]
    return next((word for word in words if folded(word) == folded(value)), None)


def takes_any_name(parts: list[Schema]) -> bool:
    """Return whether a text is a name by a pattern, so that any word is one."""
    named = [part for part in parts if part.get("type") == "string" and "pattern" in part]
    return accepts(named, "none")


def _list(node: Node, schema: Schema, table: Mapping[str, Any]) -> Node:
    """Return a list whose members are spelt as here; of one value, or of a text such as 512x768, a list."""
    items = node.value
    if isinstance(items, dict):
        return node
    if not isinstance(items, list):
        items = [dataclasses.replace(node, value=part) for part in _split(items)]
    if not isinstance(node.value, list) and "prefixItems" in schema and len(items) != schema["minItems"]:
        return node
    each = schema.get("items") or schema["prefixItems"][0]
    spelt = []
    for item in items:
        known = not isinstance(item.value, list | dict) and folded(item.value) in table
        spelt.append(_changed(item, table[folded(item.value)]) if known else _member(item, each))
    if not isinstance(node.value, list) and not all(accepts(parts_of(each), one.value) for one in spelt):
        return node  # what it is not can be said better of the whole
    return dataclasses.replace(node, value=spelt, size=1 + len(spelt))


def _split(value: Any) -> list[Any]:
    """Return the members of a list that is written as one value."""
    if not isinstance(value, str):
        return [value]
    text = value.strip()
    if text.startswith("[") and text.endswith("]"):
        text = text[1:-1].strip()
    return [part.strip("'\"") for part in _SPLIT.split(text)]


def _sampler(text: str) -> str:
    """Return a sampler, or pieces such as ``[PLMS]*500+[DDIM]*500``, in the names of this program."""
    known = {**{folded(name): name for name in SAMPLERS}, **spellings().get(SAMPLER, {})}
    if text.lstrip().startswith("["):
        return _MEMBER.sub(lambda found: f"[{known.get(folded(found[1]), found[1])}]", text)
    return str(known.get(folded(text), text))


def _network(value: Any, name: str) -> str | None:
    """Return the name of a network that a text is, whatever its case; None of another setting."""
    if not isinstance(value, str) or (name == "diffusion.model" and is_path(value)):
        return None
    return next((one for one in networks_of(name) if folded(one) == folded(value)), None)


def networks_of(name: str) -> list[str]:
    """Return the networks that a setting may name; none where it names no network, or any file."""
    kinds: Mapping[str, Kind] = {"depth.model": "depth", "diffusion.model": "diffusion"}
    return names(kinds[name]) if name in kinds else []


def _clip_models(node: Node) -> Node:
    """Return the CLIP models of a scene as a mapping to weights; what is switched off is left out."""
    value = node.value
    if isinstance(value, str):
        texts = [part for part in re.split(r"\s*[,;+]\s*", value) if part] if _several(value) else [value]
        value = [dataclasses.replace(node, value=text) for text in texts if text.strip()]
    if isinstance(value, list):
        if not all(isinstance(item.value, str) for item in value):
            return node
        value = {item.value: Node(True, item.place, item.place, item.raw) for item in value}
    if not isinstance(value, dict):
        return node
    members = {}
    for key, child in value.items():
        switch = folded(child.value) if isinstance(child.value, bool | str) else ""
        if switch not in ("true", "false", "none"):
            members[key] = child
        elif switch == "true":
            members[key] = dataclasses.replace(child, value=1, exact=False)
    return dataclasses.replace(node, value=members, size=1 + len(members))


def _several(text: str) -> bool:
    """Return whether a text names several models: one is written ``ViT-B-32,laion2b_e16`` as well."""
    tail = text.partition(",")[2]
    return bool(re.search(r"[;+]", text)) or (bool(tail) and not _TAG.fullmatch(tail))


def _mapping(node: Node, members: Mapping[str, Any]) -> Node:
    inner: dict[Key, Node] = {key: Node(one, node.place, node.key, node.raw) for key, one in members.items()}
    return dataclasses.replace(node, value=inner, exact=False, size=1 + len(inner))


def _changed(node: Node, value: Any) -> Node:
    """Return a node with another value; the node itself where it is the same."""
    same = type(value) is type(node.value) and value == node.value
    return node if same else dataclasses.replace(node, value=value, exact=False)
