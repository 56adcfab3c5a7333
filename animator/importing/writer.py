"""A scene as a person would write it: what differs from the defaults, in the order of the settings."""

from __future__ import annotations

import json
import re
import textwrap
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from animator.scene.long_texts import SHORTEST
from animator.settings.base import declared
from animator.settings.scene import Scene

WIDTH = 110
"""Letters of a line of comment."""

FLOW = 90
"""Letters of the longest list or mapping in one line."""

_PLAIN = re.compile(r"[A-Za-z][\w ./+-]*[\w.+-]|[A-Za-z]|[23]d|\d+(?:\.\d+)?%")
_CONTROL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x84\x86-\x9f\ud800-\udfff\ufffe\uffff]")
"""What cannot stand in a scene."""
_WORDS = {"true", "false", "null", "yes", "no", "on", "off", "y", "n", "none", "~"}
_ORDER = {name: number for number, (name, _) in enumerate(declared(Scene))}
_HEAD = ("extends", "mode", "prompts", "image_prompts")


def scene_text(
    values: Mapping[str, Any],
    *,
    base: str,
    head: Iterable[str],
    todo: Mapping[str, str],
    asleep: Mapping[str, Any],
) -> str:
    """Return a scene in YAML.

    Args:
        values: by dotted name.
        base: the scene that it extends, or empty.
        head: lines of comment at its top.
        todo: what a person has to put in, by dotted name: a commented line each.
        asleep: values that count once this is done: commented lines too.
    """
    lines = [part for line in head for part in (_comment(line) or ["#"])]
    lines += ["", "version: 1", *([f"extends: {base}"] if base else [])]
    tree: dict[str, Any] = {}
    leaves = {
        **{place: _Leaf(value, True, "") for place, value in asleep.items()},
        **{place: _Leaf(None, True, what) for place, what in todo.items()},
        **{place: _Leaf(value, False, "") for place, value in values.items()},
    }
    for place in sorted(leaves, key=_rank):
        node = tree
        *above, last = place.split(".")
        for part in above:
            node = node.setdefault(part, {})
        node[last] = leaves[place]
    for key, node in tree.items():
        lines += [*([""] if isinstance(node, dict) else []), *_lines(key, node, 0)]
    return "\n".join(lines) + "\n"


@dataclass(frozen=True)
class _Leaf:
    value: Any
    waits: bool
    wanted: str


def _rank(place: str) -> tuple[int, int, str]:
    top = place.split(".")[0]
    first = _HEAD.index(place) if place in _HEAD else len(_HEAD)
    name = place if place in _ORDER else ".".join(place.split(".")[:2])
    section = 1 if "." in place else 0
    return first, section * 10_000 + _ORDER.get(name, _ORDER.get(top, 9_999)), place


def _lines(key: str, node: Any, indent: int) -> list[str]:
    """Return the lines of one key; a section of which all waits for a person is a comment itself."""
    blank = "  " * indent
    if isinstance(node, dict):
        inner = [line for name, child in node.items() for line in _lines(name, child, indent + 1)]
        waiting = all(line.startswith("#") for line in inner)
        return [f"# {blank}{key}:" if waiting else f"{blank}{key}:", *inner]
    if node.wanted:
        return [f"# {blank}{key}: PATH   # {node.wanted}"]
    mark = "# " if node.waits else ""
    written = _flow(node.value)
    by_frame = isinstance(node.value, dict) and key in ("prompts", "seed") and len(node.value) > 1
    listed = isinstance(node.value, dict) or (isinstance(node.value, list) and any(map(_is_text, node.value)))
    if (len(written) + len(blank) + len(key) <= FLOW or not listed) and not by_frame:
        return [f"{mark}{blank}{key}: {written}"]
    if isinstance(node.value, dict):
        items = [f"{_key(name)}: {_flow(child)}" for name, child in node.value.items()]
    else:
        items = [f"- {_flow(item)}" for item in node.value]
    return [f"{mark}{blank}{key}:", *(f"{mark}{blank}  {item}" for item in items)]


def _is_text(item: Any) -> bool:
    return isinstance(item, str | dict)


def _key(name: Any) -> str:
    return str(name) if isinstance(name, int | float) else _scalar(str(name))


def _flow(value: Any) -> str:
    if isinstance(value, dict):
        return "{" + ", ".join(f"{_key(name)}: {_flow(child)}" for name, child in value.items()) + "}"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(map(_flow, value)) + "]"
    return _scalar(value)


def _scalar(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if value is None:
        return "null"
    if isinstance(value, int | float):
        return repr(value)
    text = _CONTROL.sub(" ", str(value))
    if len(text) > SHORTEST:
        return f"'{text}'" if "'" not in text else json.dumps(text)
    if _PLAIN.fullmatch(text) and text.lower() not in _WORDS and not text.endswith("."):
        return text
    if '"' in text and "'" not in text and "\\" not in text and text.isprintable():
        return f"'{text}'"
    quoted = json.dumps(text, ensure_ascii=False)
    if quoted.isprintable():
        return quoted
    return "".join(letter if letter.isprintable() else _escape(letter) for letter in quoted)


def _escape(letter: str) -> str:
    code = ord(letter)
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def _comment(text: str) -> list[str]:
    return [
        f"# {line}" for line in textwrap.wrap(text, WIDTH - 2, break_long_words=True, break_on_hyphens=False)
    ]
