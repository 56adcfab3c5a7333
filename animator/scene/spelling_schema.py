"""What `animator.scene.spellings` takes, as parts of the JSON schema for editors."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterable

from PIL import ImageColor

from animator.scene.foreign import spellings
from animator.scene.measures import BETWEEN, HEX, PERCENT, SIDE, UNITS
from animator.scene.nodes import dotted
from animator.scene.presets import all_presets
from animator.scene.region_forms import NAME as REGIONS
from animator.scene.schema_parts import Schema, parts_of, settings
from animator.scene.spellings import (
    BACKGROUND,
    CLIP_MODELS,
    COUNTED,
    FREE,
    NOTHING,
    networks_of,
    takes_any_name,
)
from animator.settings.scene import GROUNDS

_INT = "[-+]?[0-9]{1,15}"
_FLOAT = r"[-+]?([.][0-9]+|[0-9]+([.][0-9]*)?)([eE][-+]?[0-9]{1,3})?"
_PERCENT = rf"([.][0-9]+|[0-9]+([.][0-9]*)?)\s*(%|{PERCENT})"
_BETWEEN = r"(\s*[,xX×*;]\s*|\s+)"
_KEPT = frozenset({"description", "default"})


def allow_spellings(schema: Schema) -> None:
    """Allow every spelling of a value that is taken, in place.

    Args:
        schema: the whole schema, with its sections under ``$defs``.
    """
    _allow(schema, schema, "")


def _allow(schema: Schema, section: Schema, name: str) -> None:
    for key, entry in section["properties"].items():
        full = dotted(name, key)
        if full not in settings() or full in FREE:  # extends, for one, is no setting
            continue
        if "properties" in settings()[full]:
            reference = next(part["$ref"] for part in entry.get("anyOf", [entry]) if "$ref" in part)
            _allow(schema, schema["$defs"][reference.rpartition("/")[2]], full)
        section["properties"][key] = _widened(entry, full)


def _widened(entry: Schema, name: str) -> Schema:
    """Return the schema of one setting with what else may be written there."""
    if name == CLIP_MODELS:
        values = entry["additionalProperties"]["anyOf"]
        core = {**entry, "additionalProperties": {"anyOf": [*values, {"type": "boolean"}]}}
        more: list[Schema] = [{"type": "string"}, {"type": "array", "items": {"type": "string"}}]
    else:
        core, more = entry, list(_more(settings()[name], name))
    if name == REGIONS:
        more.append(
            {
                "type": "object",
                "additionalProperties": {"anyOf": [entry["additionalProperties"], {"type": "string"}]},
            }
        )
    if not more:
        return entry
    kept = {key: core[key] for key in _KEPT & core.keys()}
    bare = {key: value for key, value in core.items() if key not in _KEPT}
    parts = bare["anyOf"] if bare.keys() == {"anyOf"} else [bare]
    return {**kept, "anyOf": [*parts, *more]}


def _more(schema: Schema, name: str) -> Iterable[Schema]:
    """Yield what else a setting or a section may be, beside what its own schema says."""
    table = spellings().get(name, {})
    words = set(table)
    yield from _measures(schema, name)
    if "properties" in schema:
        words |= {"true", "false"} if "enabled" in schema["properties"] else set()
        words |= set(all_presets()[name].values) if name in all_presets() else set()
        yield from _words(words)
        return
    if "animated" in schema:
        yield from _words(words)
        return
    parts = parts_of(schema)
    lists = [part for part in parts if part.get("type") == "array"]
    if lists and len(parts) == 1:
        yield from _of_list(lists[0], words)
        return
    yield from (_members(part, words)[0] for part in lists)
    for values in (part["additionalProperties"] for part in parts if part.get("additionalProperties")):
        more = {"anyOf": [values, *_one(parts_of(values))]}
        yield {"type": "object", "additionalProperties": more}
    words |= {word for part in parts for word in part.get("enum", ())} | set(networks_of(name))
    kinds = {part.get("type") for part in parts}
    yield from _words(words | ({"true", "false"} if "boolean" in kinds else set()))
    yield from _one(parts)
    if kinds & {"integer", "number", "boolean", "null"} and not takes_any_name(parts):
        yield {"type": "null"}
        yield _text([_any_case(word) for word in sorted(NOTHING)])


def _measures(schema: Schema, name: str) -> Iterable[Schema]:
    """Yield what `animator.scene.measures` takes, and the number that a section may be."""
    if name in COUNTED:
        yield {"type": "integer"}
        yield _text([_INT])
    if name in UNITS:
        yield _text([rf"{_FLOAT}\s*{UNITS[name]}"])
    if name in ("fps", "video.fps"):
        yield _text([r"[0-9]{1,7}\s*/\s*[1-9][0-9]{0,6}"])
    if name == BACKGROUND:
        names = [_any_case(word) for word in sorted({*ImageColor.colormap, *GROUNDS})]
        yield _text([HEX.pattern, r"(rgb|hsl|hsv)a?[(][-0-9.,%\s]+[)]", *names])
        yield {"type": "integer", "minimum": 0, "maximum": 999999}
    if name == "size":
        yield _text([rf"{SIDE}{BETWEEN}{SIDE}"])
        for first, second in itertools.product(("width", "w", "W"), ("height", "h", "H")):
            yield {"type": "object", "required": [first, second], "additionalProperties": True}
    if any("percentage" in str(part.get("allowed", "")) for part in parts_of(schema)):
        yield _text([_PERCENT])


def _words(words: Iterable[str]) -> Iterable[Schema]:
    """Yield what takes words whatever their case, and the values that are such a word."""
    words = sorted(words)
    if words:
        yield _text([_any_case(word) for word in words])
    if "true" in words:
        yield {"type": "boolean"}
    yield from ({"const": int(word)} for word in words if re.fullmatch("-?[0-9]+", word))


def _one(parts: Iterable[Schema]) -> Iterable[Schema]:
    """Yield what takes numbers, true and false as texts, and 0 and 1 for false and true."""
    for part in parts:
        if part.get("type") == "integer":
            yield _text([_INT])
        elif part.get("type") == "number":
            yield _text([_FLOAT, *([_PERCENT] if part.get("maximum") == 1 else [])])
        elif part.get("type") == "boolean":
            yield {"enum": [0, 1]}


def _of_list(schema: Schema, words: set[str]) -> Iterable[Schema]:
    """Yield a list of what else its members may be, one of them alone, and a text of several."""
    whole, texts = _members(schema, words)
    yield whole
    single = "prefixItems" not in schema
    if single:
        yield whole["items"]
    member = "|".join(texts)
    repeated = "*" if single else "{1}"
    yield _text([rf"\[?\s*({member})({_BETWEEN}({member})){repeated}\s*\]?"])


def _members(schema: Schema, words: set[str]) -> tuple[Schema, list[str]]:
    """Return a list of what else its members may be, and the patterns of those that are texts."""
    parts = parts_of(schema.get("items") or schema["prefixItems"][0])
    words = words | {word for part in parts for word in part.get("enum", ())}
    more = [*_words(words), *_one(parts)]
    if any("percentage" in str(part.get("allowed", "")) for part in parts):
        more.append(_text([_PERCENT]))
    bounds: Schema = {key: schema[key] for key in ("minItems", "maxItems") if key in schema}
    texts = [part["pattern"][1:-1] for part in more if "pattern" in part]
    return {"type": "array", "items": {"anyOf": [*parts, *more]}, **bounds}, texts


def _text(patterns: Iterable[str]) -> Schema:
    return {"type": "string", "pattern": rf"^\s*({'|'.join(patterns)})\s*$"}


def _any_case(word: str) -> str:
    """Return a pattern of a word whatever its case, and with dashes, underscores and blanks between letters.

    >>> _any_case("2d")
    '2[-_ ]*[dD]'
    """
    letters = [letter for letter in word if letter not in "-_ "] if not word.startswith("-") else list(word)
    return "[-_ ]*".join(_letter(letter) for letter in letters)


def _letter(letter: str) -> str:
    return f"[{letter.lower()}{letter.upper()}]" if letter.isalpha() else re.escape(letter)
