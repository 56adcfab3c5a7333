"""A scene written out in full, and the format written out for editors."""

from __future__ import annotations

import io
import re
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.representer import SafeRepresenter

from animator.scene.presets import all_presets
from animator.scene.seeds import WORDS
from animator.scene.spelling_schema import allow_spellings
from animator.settings.scene import Scene
from animator.settings.sentences import described_schema

_HEADER = "# Every value of this scene, defaults and the drawn seed included. It renders again as it is.\n"
_NAME = re.compile(r"[A-Za-z]\w*", re.ASCII)
_OWN_WORDS = frozenset({"allowed", "animated", "animated_each", "title"})
STUDY_SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {
        "vary": {
            "type": "object",
            "description": "Values of settings by dotted name: a list, a range such as 0.05..0.2 x4, or "
            "@file.txt for the lines of a file.",
        },
        "zip": {
            "type": "boolean",
            "description": "Whether the first value goes with the first of the others.",
        },
        "at": {
            "type": ["string", "number", "array"],
            "description": "Shares of the diffusion whose pictures are shown, such as 20%, 50%, 100%.",
        },
    },
    "additionalProperties": False,
    "description": "Which settings `animator study` varies, and with which values.",
}
"""The part of the format that `animator.study.asked` reads; to a render it means nothing."""

DIALECT = "https://json-schema.org/draft/2020-12/schema"


class _Representer(SafeRepresenter):
    """Writes texts other than names in double quotes, and numbers with all their digits."""


def _text(representer: SafeRepresenter, value: str) -> Any:
    style = None if _NAME.fullmatch(value) else '"'
    return representer.represent_scalar("tag:yaml.org,2002:str", value, style=style)


def _number(representer: SafeRepresenter, value: float) -> Any:
    return representer.represent_scalar("tag:yaml.org,2002:float", repr(value))


_Representer.add_representer(str, _text)
_Representer.add_representer(float, _number)


def resolved_text(scene: Scene) -> str:
    """Return a YAML text with every value of ``scene``, defaults included; it reads back to an equal scene.

    The same scene gives the same text. What is None, and so at its default of nothing, is left out.

    Args:
        scene: the scene; paths in it are absolute when it comes from `read_scene`.
    """
    yaml = YAML(typ="safe", pure=True)
    yaml.Representer = _Representer
    yaml.default_flow_style = False
    yaml.sort_base_mapping_type_on_output = False  # type: ignore[assignment]
    yaml.allow_unicode = True
    yaml.width = 10_000
    stream = io.StringIO()
    yaml.dump(_without_none(scene.model_dump(mode="python")), stream)
    return _HEADER + stream.getvalue()


def _without_none(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _without_none(part) for key, part in value.items() if part is not None}
    return [_without_none(part) for part in value] if isinstance(value, list | tuple) else value


def json_schema() -> dict[str, Any]:
    """Return the scene format as a JSON schema (draft 2020-12) with a sentence for every setting.

    Editors that know YAML offer completion and warnings from it. What is dealt with before the settings are
    looked at is part of it: ``extends``, words for a seed, names of presets, values in other spellings.
    """
    schema = _for_editors(described_schema())
    name = {"type": "string"}
    extends = {
        "anyOf": [name, {"type": "array", "items": name}],
        "description": "Scene file that this one is laid over, relative to this one; of several, later ones "
        "lie over earlier ones.",
    }
    schema["properties"] = {"extends": extends, **schema["properties"], "study": STUDY_SCHEMA}
    _short_forms(schema)
    allow_spellings(schema)
    schema["required"] = []  # a scene that extends another may leave out its prompts
    return {"$schema": DIALECT, "title": "animator scene", **schema}


def _short_forms(schema: dict[str, Any]) -> None:
    """Allow what may be written in the place of a value, in place."""
    seed = schema["properties"]["seed"]
    seed["anyOf"] = [*seed["anyOf"], {"enum": list(WORDS), "type": "string"}]
    for name, presets in all_presets().items():
        *above, last = name.split(".")
        section = schema
        for part in above:
            section = schema["$defs"][section["properties"][part]["$ref"].rpartition("/")[2]]
        entry = section["properties"][last]
        section["properties"][last] = {
            **{key: value for key, value in entry.items() if key != "$ref"},
            "anyOf": [{"$ref": entry["$ref"]}, {"enum": list(presets.values), "type": "string"}],
        }


def _for_editors(part: Any) -> Any:
    """Return a schema without our own words; an animated number gets its range and its notations."""
    if isinstance(part, list):
        return [_for_editors(member) for member in part]
    if not isinstance(part, dict):
        return part
    clean = {key: _for_editors(value) for key, value in part.items() if key not in _OWN_WORDS}
    rules = part.get("animated")
    if isinstance(rules, dict):
        clean["anyOf"] = _notations(rules)
    if isinstance(part.get("animated_each"), dict):
        clean["additionalProperties"] = {"anyOf": _notations(part["animated_each"])}
    return clean


def _notations(rules: dict[str, Any]) -> list[dict[str, Any]]:
    number: dict[str, Any] = {"type": "number"}
    if rules["ge"] is not None:
        number["minimum"] = rules["ge"]
    if rules["le"] is not None:
        number["maximum"] = rules["le"]
    texts = ['keyframes over the frames, "0: (1), 10: (1.05)"'] if rules["frames"] else []
    texts += ['a schedule over the diffusion, "[12]*400+[4]*600"'] if rules["steps"] else []
    values = {"anyOf": [{"type": "number"}, {"type": "string"}]}
    mapping = {"type": "object", "additionalProperties": values, "description": "position: value"}
    text = {"type": "string", "description": " or ".join(texts)}
    return [number, text, mapping] if rules["frames"] else [number, text]
