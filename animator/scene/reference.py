"""Every setting of a scene as a table for the documentation: ``python -m animator.scene.reference``."""

from __future__ import annotations

import json
from typing import Any

from animator.scene.resolved import json_schema

HEAD = """# Settings

Made from the program by `python -m animator.scene.reference`. *frames*: keyframes over the frames may stand
there, `"0: (1), 10: (1.05)"`; *diffusion*: a schedule over the diffusion, `"[12]*400+[4]*600"`.
"""


def settings_page() -> str:
    """Return the page as Markdown, a table a section."""
    schema = json_schema()
    parts = [HEAD, "## At the top of a scene\n", _table(schema["properties"], schema["$defs"])]
    for name, definition in _sections(schema["properties"], schema["$defs"]):
        parts += [f"\n## `{name}`\n", definition.get("description", "") + "\n"]
        parts.append(_table(definition["properties"], schema["$defs"]))
    return "\n".join(parts) + "\n"


def _sections(fields: dict[str, Any], definitions: dict[str, Any], above: str = "") -> list[tuple[str, Any]]:
    found = []
    for name, field in fields.items():
        if definition := _definition(field, definitions):
            found.append((above + name, definition))
            found += _sections(definition["properties"], definitions, f"{above}{name}.")
    return found


def _definition(field: dict[str, Any], definitions: dict[str, Any]) -> dict[str, Any] | None:
    """Return the section that a field holds, if it holds one."""
    return definitions[field["$ref"].rsplit("/", 1)[1]] if "$ref" in field else None


def _table(fields: dict[str, Any], definitions: dict[str, Any]) -> str:
    rows = ["| setting | default | may change over | |", "|---|---|---|---|"]
    for name, field in fields.items():
        if _definition(field, definitions):
            continue
        default = f"`{json.dumps(field['default'], ensure_ascii=False)}`" if "default" in field else ""
        text = " ".join(field.get("description", "").split()).replace("|", "\\|")
        rows.append(f"| `{name}` | {default} | {_clocks(field)} | {text} |")
    return "\n".join(rows)


def _clocks(field: dict[str, Any]) -> str:
    """Return which notations a field takes, as its schema tells."""
    told = json.dumps(field)
    clocks = [("keyframes over the frames", "frames"), ("a schedule over the diffusion", "diffusion")]
    return ", ".join(word for words, word in clocks if words in told)


if __name__ == "__main__":
    print(settings_page(), end="")
