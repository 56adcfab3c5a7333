"""What is allowed and what was found, in the words of a message."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from animator.scene.nodes import Node

_YES_NO = {"on", "off", "yes", "no", "y", "n"}


def short(text: str) -> str:
    r"""Return a text in one line of at most 60 letters.

    >>> short("a" * 100) == "a" * 57 + "...", short("two\nlines")
    (True, 'two lines')
    """
    line = "".join(letter if letter.isprintable() else " " for letter in " ".join(text.split()))
    return line if len(line) <= 60 else line[:57] + "..."


def found(node: Node) -> str:
    """Say what a value is: ``'many'``, ``12``, ``true``, ``a list of 2``."""
    value = node.value
    if value is None:
        return "nothing"
    if isinstance(value, list | dict):
        return f"a list of {len(value)}" if isinstance(value, list) else "a mapping"
    if not isinstance(value, str):
        return short(node.raw or str(value))
    if value.lower() in _YES_NO and not node.quoted:
        return f"'{value}', which is a text in YAML 1.2"
    return f"'{short(value)}'"


def _itself(schema: dict[str, Any]) -> dict[str, Any]:
    return schema


Resolve = Callable[[dict[str, Any]], dict[str, Any]]


def allowed(schema: dict[str, Any], resolved: Resolve = _itself) -> str:
    """Say what a JSON schema allows: ``a whole number from 1 to 1000``, ``one of wrap, reflect``.

    Args:
        schema: the schema.
        resolved: returns what a schema refers to.
    """
    schema = resolved(schema)
    if "allowed" in schema:
        return str(schema["allowed"])
    if "animated" in schema:
        return _animated(schema["animated"])
    if "animated_each" in schema:
        return "a mapping from names to numbers, such as {pocket: 1}"
    if "const" in schema:
        return str(schema["const"])
    if "enum" in schema:
        return "one of " + ", ".join(map(str, schema["enum"]))
    if "anyOf" in schema:
        kinds = [part.get("type") for part in schema["anyOf"]]
        hidden = {"null", "integer"} if "number" in kinds else {"null"}  # a whole number is a number
        parts = [allowed(part, resolved) for part in schema["anyOf"] if part.get("type") not in hidden]
        return " or ".join(dict.fromkeys(parts))
    return _of_type(schema, resolved)


def _of_type(schema: dict[str, Any], resolved: Resolve) -> str:
    kind = schema.get("type")
    if kind in ("integer", "number"):
        return ("a whole number" if kind == "integer" else "a number") + _range(schema)
    if kind == "array":
        items = schema.get("prefixItems") or []
        if items:
            return f"a list of {len(items)} values, each {allowed(items[0], resolved)}"
        return f"a list, each {allowed(schema.get('items', {}), resolved)}"
    if "properties" in schema:
        return "a mapping {" + ", ".join(f"{key}: ..." for key in schema["properties"]) + "}"
    return {"boolean": "true or false", "string": "a text", "object": "a mapping"}.get(str(kind), "a value")


def _range(schema: dict[str, Any]) -> str:
    low, high = schema.get("minimum"), schema.get("maximum")
    above = schema.get("exclusiveMinimum")
    top = "" if high is None else f" to {high:.10g}"
    if above is not None:
        return f" above {above:.10g}" + (f" and up{top}" if top else "")
    if low is not None:
        return f" from {low:.10g}{top}" if top else f" of at least {low:.10g}"
    return f" of at most {high:.10g}" if top else ""


def _animated(rules: dict[str, Any]) -> str:
    if rules.get("switch"):
        return 'true or false, keyframes such as "0: (1), 10: (0)" or a schedule such as "[1]*400+[0]*600"'
    kinds = ["a number" + _range({"minimum": rules["ge"], "maximum": rules["le"]})]
    if rules["frames"]:
        kinds.append('keyframes such as "0: (1), 10: (2)"')
    if rules["steps"]:
        kinds.append('a schedule such as "[1]*400+[2]*600"')
    return ", ".join(kinds[:-1]) + " or " + kinds[-1] if len(kinds) > 1 else kinds[0]
