"""Every setting of a scene as tables for the documentation.

``python -m animator.scene.reference`` prints the page of settings, with ``--values`` that of suggested
values; with ``--stills`` it renews the table of a still's controls in docs/stills.md.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterator, Sequence
from functools import cache
from pathlib import Path
from typing import Any

from animator.scene.presets import all_presets
from animator.scene.suggested import HEAD as VALUES_HEAD
from animator.scene.suggested import NETWORKS, as_written, suggestions
from animator.settings.base import BY_CLIP, EVERY_MODE, Declared, declared
from animator.settings.regions import RegionOptions
from animator.settings.scene import Scene
from animator.settings.sentences import described_schema

BEGIN, END = "<!-- controls -->", "<!-- /controls -->"
"""Between these lines of the page on stills is the table of controls."""

STILLS = Path(__file__).parents[2] / "docs" / "stills.md"

HEAD = """# Settings

Made from the program by `python -m animator.scene.reference`. *frames*: keyframes over the frames are
allowed, `"0: (1), 10: (1.05)"`; *diffusion*: a schedule over the diffusion, `"[12]*400+[4]*600"`. A setting
that is given where it has no effect is no fault: a notice says so. *Disco's units* are those of Disco
Diffusion's camera: 200 of them are one unit of depth.

`extends: other.yaml` lays a scene over another file, `extends: [one.yaml, two.yaml]` over several, of which
later ones lie over earlier ones. `study:` is no setting of a film: it names settings to try with several
values, see [a study](study.md#a-study).
"""

OF_A_STILL = (
    *("size", "images", "keep_best", "judge_at", "batch", "seed", "seed_mode"),
    *("prompts", "modifiers", "image_prompts"),
)
SECTIONS_OF_A_STILL = ("diffusion", "guidance", "grade", "hires", "output")

EACH = "NAME"
"""Stands for the names that a scene gives to the members of a mapping."""

Schema = dict[str, Any]


def settings_page() -> str:
    """Return the page as Markdown, a table a section."""
    settings = dict(_settings(described_schema()))
    parts = [HEAD, "## At the top of a scene\n", _page_table(settings, "")]
    for name, schema in settings.items():
        if "properties" in schema:
            idle = _idle(declarations()[name][-1])
            note = f" Has no effect {idle}." if idle else ""
            parts += [f"\n## `{name}`\n", schema.get("description", "") + f"{note}\n"]
            if name in all_presets():
                parts.append(_presets(name))
            parts.append(_page_table(settings, name))
    return "\n".join(parts) + "\n"


def controls_table() -> str:
    """Return the controls of a still as one Markdown table, a row a setting by its dotted name."""
    rows = ["| setting | unit | default | range | what it does |", "|---|---|---|---|---|"]
    for name, schema in _settings(described_schema()):
        section = name.partition(".")[0]
        if "properties" in schema or (name not in OF_A_STILL and section not in SECTIONS_OF_A_STILL):
            continue
        if not _acts_in_stills(name):
            continue
        cells = [f"`{name}`", _unit(name), _default(schema), _range(schema), _first_sentence(_text(schema))]
        rows.append(_row(cells))
    return "\n".join(rows)


def _acts_in_stills(name: str) -> bool:
    """Return whether a setting has an effect in mode still, by itself and by the settings that it needs."""
    said = declarations()[name]
    needed = [need.either for one in said for need in one.needs]
    return all("still" in one.modes for one in said) and all(
        any(_acts_in_stills(other) for other in either) for either in needed
    )


def values_page() -> str:
    """Return the page of suggested values as Markdown, a table a setting, in the order of the settings."""
    parts = [VALUES_HEAD]
    section = ""
    for name, schema in _settings(described_schema()):
        if name not in suggestions():
            continue
        above = name.rpartition(".")[0]
        if above != section:
            section = above
            parts.append(f"## `{section}`\n")
        elif len(parts) == 1:
            parts.append("## At the top of a scene\n")
        known = (("default", _default(schema)), ("range", _range(schema)), ("in", _unit(name)))
        facts = ", ".join(f"{word} {text}" for word, text in known if text)
        parts.append(f"### `{name}`\n\n{_first_sentence(_text(schema))} ({facts})\n")
        rows = ["| value | gives | networks |", "|---|---|---|"]
        for one in suggestions()[name]:
            rows.append(_row([f"`{as_written(one.value)}`", one.gives, NETWORKS[one.networks]]))
        parts.append("\n".join(rows) + "\n")
    return "\n".join(parts)


def with_controls(page: str) -> str:
    """Return the page on stills with the table of controls of this program between its two markers.

    Raises:
        ValueError: the markers are not there, each once and in order.
    """
    before, begin, rest = page.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end or BEGIN in after or END in after:
        raise ValueError(f"the page needs {BEGIN} and {END}, each once")
    return f"{before}{BEGIN}\n{controls_table()}\n{END}{after}"


def _settings(section: Schema, above: str = "") -> Iterator[tuple[str, Schema]]:
    """Yield (dotted name, schema) of every setting and section, a section before what is in it."""
    definitions = described_schema()["$defs"]
    for key, field in section["properties"].items():
        name = f"{above}{key}"
        target = field.get("$ref", "").rpartition("/")[2]
        if "properties" in definitions.get(target, {}):
            yield name, definitions[target]
            yield from _settings(definitions[target], f"{name}.")
        else:
            yield name, field
            yield from _settings_of_each(field, f"{name}.{EACH}")


def _settings_of_each(field: Schema, name: str) -> Iterator[tuple[str, Schema]]:
    """Yield the settings of the members of a mapping whose members are options, under one name for all."""
    members = field.get("additionalProperties")
    target = members.get("$ref", "").rpartition("/")[2] if isinstance(members, dict) else ""
    if target and "animated_parts" in field:
        definition = described_schema()["$defs"][target]
        yield name, definition
        yield from _settings(definition, f"{name}.")


def _page_table(settings: dict[str, Schema], section: str) -> str:
    """Return the table of one section, without the sections in it."""
    rows = [
        "| setting | unit | default | range | may change over | has no effect | |",
        "|---|---|---|---|---|---|---|",
    ]
    for name, schema in settings.items():
        above, _, key = name.rpartition(".")
        if above == section and "properties" not in schema:
            cells = [
                f"`{key}`",
                _unit(name),
                _default(schema),
                _range(schema),
                _clocks(schema),
                _idle(declarations()[name][-1]),
                _text(schema),
            ]
            rows.append(_row(cells))
    return "\n".join(rows)


@cache
def declarations() -> dict[str, tuple[Declared, ...]]:
    """Return what is declared of every setting of a scene, its sections before itself."""
    every = dict(declared(Scene))
    said = every["regions"]
    members = {f"regions.{EACH}": said, **dict(declared(RegionOptions, f"regions.{EACH}."))}
    return every | {name: (*said, *own) for name, own in members.items()}


def _unit(name: str) -> str:
    return declarations()[name][-1].unit or ""


def _idle(one: Declared) -> str:
    """Return where a setting or section has no effect, as far as its own declaration says."""
    without = [mode for mode in EVERY_MODE if mode not in one.modes]
    modes = f"in mode {', '.join(without)}" if without else ""
    modes += " without `vr.enabled`" if modes and one.eyes else ""
    return "; ".join(part for part in (_engines(one), modes, *(need.text() for need in one.needs)) if part)


def _engines(one: Declared) -> str:
    """Return which engines alone read a setting, if not all do."""
    if one.engine == BY_CLIP:
        return "with a latent network without `latent.clip_guidance`"
    return {"guided": "with a latent network", "latent": "with a network that is not latent"}.get(
        str(one.engine), ""
    )


def _row(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |"


def _presets(section: str) -> str:
    presets = all_presets()[section]
    names = ", ".join(f"`{name}`" for name in presets.values)
    key, example = section.rpartition(".")[2], list(presets.values)[-1]
    return f"`{key}: {example}` takes the published {presets.noun} of that name. There are {names}.\n"


def _default(schema: Schema) -> str:
    value = schema.get("default")
    return "" if value is None else f"`{json.dumps(value, ensure_ascii=False)}`"


def _rules(schema: Schema) -> Schema | None:
    return schema.get("animated") or schema.get("animated_each")


def _clocks(schema: Schema) -> str:
    """Return which notations a setting takes."""
    rules = _rules(schema) or {}
    return ", ".join(word for key, word in (("frames", "frames"), ("steps", "diffusion")) if rules.get(key))


def _range(schema: Schema) -> str:
    """Return the numbers or words that a setting may be; an empty text where there is no bound to tell."""
    if rules := _rules(schema):
        if rules.get("switch"):
            return "true, false"
        return _numbers({"minimum": rules["ge"], "maximum": rules["le"]})
    kind = schema.get("type")
    if "enum" in schema or "const" in schema:
        return ", ".join(f"`{word}`" for word in schema.get("enum", [schema.get("const")]))
    if kind == "boolean":
        return "true, false"
    if kind == "array":
        items = schema.get("items") or schema["prefixItems"][0]
        inner = _range(items)
        return f"each {inner}" if inner else ""
    if kind in ("integer", "number"):
        return _numbers(schema)
    if kind == "string" and "%" in schema.get("pattern", ""):
        return "0 % to 100 %"
    parts = [_range(part).removeprefix("each ") for part in schema.get("anyOf", [])]
    return " or ".join(dict.fromkeys(part for part in parts if part))


def _numbers(schema: Schema) -> str:
    low, above, high = schema.get("minimum"), schema.get("exclusiveMinimum"), schema.get("maximum")
    top = "" if high is None else f" to {high:.10g}"
    if above is not None:
        return f"above {above:.10g}{top}"
    if low is None:
        return top.strip()
    return f"{low:.10g}{top or ' and up'}"


def _text(schema: Schema) -> str:
    return " ".join(schema.get("description", "").split())


def _first_sentence(text: str) -> str:
    """Return a text up to its first full stop; a point in a number ends nothing.

    >>> _first_sentence("Strength, 0.5 for half. 0 is off.")
    'Strength, 0.5 for half.'
    """
    return re.split(r"(?<=\.)\s+", text, maxsplit=1)[0]


def main(words: Sequence[str]) -> int:
    """Print the page of settings or of values, or rewrite the table of controls; return the exit status."""
    if list(words) == ["--stills"]:
        STILLS.write_text(with_controls(STILLS.read_text(encoding="utf-8")), encoding="utf-8")
        return 0
    if list(words) == ["--values"]:
        print(values_page(), end="")
        return 0
    if words:
        print("usage: python -m animator.scene.reference [--values | --stills]", file=sys.stderr)
        return 2
    print(settings_page(), end="")
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
