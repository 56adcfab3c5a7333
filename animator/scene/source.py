"""From the bytes of a YAML 1.2 file to a tree of nodes with places.

The text is taken from the parser event by event, so that depth and size are bounded before anything is
built, no tag is ever acted on, and a repeated key is seen instead of silently winning.
"""

from __future__ import annotations

import codecs
import dataclasses
import os
import re
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError
from ruamel.yaml.events import (
    AliasEvent,
    DocumentStartEvent,
    Event,
    MappingEndEvent,
    MappingStartEvent,
    NodeEvent,
    ScalarEvent,
    SequenceEndEvent,
    SequenceStartEvent,
)

from animator.errors import Problem, SceneError
from animator.scene import long_texts
from animator.scene.long_texts import without_long_texts
from animator.scene.nodes import Key, Node, Place, dotted
from animator.scene.yaml_words import plain_words

MAX_BYTES = 1 << 20
MAX_DEPTH = 24
MAX_VALUES = 50_000
"""Bounds of a scene file, long curves not counted; the last counts what aliases repeat."""
MAX_EVENTS = 2 * MAX_VALUES
"""Keys and values of a file, at which reading ends; how often aliases repeat them is known later."""

_CONTROL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x84\x86-\x9f\ud800-\udfff\ufffe\uffff]")
_NULL = re.compile(r"|~|null|Null|NULL")
_BOOL = re.compile(r"(true|True|TRUE)|false|False|FALSE")
_INT = re.compile(r"[-+]?[0-9]{1,40}")
_BASED = re.compile(r"0o[0-7]{1,40}|0x[0-9a-fA-F]{1,40}")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
_HASHTAG = re.compile(r"[ \t]*(?<=\s)(#\w[^\n]*)")
"""A comment that may be meant as part of the text before it."""
_NOTHING = re.compile(rf"[ \t]*:{_HASHTAG.pattern}")
"""What follows a key of which such a comment is all there is."""
_SPECIAL = re.compile(r"([-+]?)\.(inf|Inf|INF)|\.(nan|NaN|NAN)")


class NotYamlError(SceneError):
    """A text breaks the grammar of YAML."""


class _Builder:
    """Turns the events of one file into nodes; ``problems`` collects faults that do not stop the reading."""

    def __init__(self, file: str, text: str, long: Mapping[str, str]) -> None:
        self.file = file
        self.long = dict(long)
        self.text = text
        self.problems: list[Problem] = []
        self.anchors: dict[str, Node] = {}
        self.events = self._checked(YAML(typ="safe", pure=True).parse(text))

    def place(self, event: Event) -> Place:
        return Place(self.file, event.start_mark.line + 1, event.start_mark.column + 1)

    def stop(self, place: Place, message: str) -> SceneError:
        return SceneError([place.problem("", message)])

    def _checked(self, events: Iterator[Event]) -> Iterator[Event]:
        """Pass the events on; refuse a second document, too deep a nesting and too many values."""
        documents = depth = values = 0
        for event in events:
            documents += isinstance(event, DocumentStartEvent)
            depth += isinstance(event, MappingStartEvent | SequenceStartEvent)
            depth -= isinstance(event, MappingEndEvent | SequenceEndEvent)
            if documents > 1:
                raise self.stop(self.place(event), "a second document begins here, a scene file holds one")
            if depth > MAX_DEPTH:
                raise self.stop(self.place(event), f"nested more than {MAX_DEPTH} levels deep")
            values += isinstance(event, NodeEvent)
            if values > MAX_EVENTS:
                raise self.stop(self.place(event), f"more than {MAX_VALUES} values")
            if isinstance(event, NodeEvent | MappingEndEvent | SequenceEndEvent):
                yield event

    def build(self, event: Event, key: Place | None = None, name: str = "") -> Node:
        """Return the node that begins with ``event`` and is under the dotted ``name``."""
        place = self.place(event)
        key = key or place
        if isinstance(event, AliasEvent):
            if event.anchor not in self.anchors:
                quotes = "; a text that begins with * must be in quotes"
                raise self.stop(place, f"no anchor &{event.anchor} before the alias *{event.anchor}{quotes}")
            return dataclasses.replace(self.anchors[event.anchor], key=key)
        tag = getattr(event, "tag", None)
        if tag is not None:
            written = self.text[event.start_mark.index :].split(maxsplit=1)[0]
            message = (
                f"a scene has no tags such as {_short(written)}, write the value plainly, a text in quotes"
            )
            self.problems.append(place.problem(name, message))
        if isinstance(event, ScalarEvent):
            node = self._scalar(event, place, key)
        elif isinstance(event, SequenceStartEvent):
            node = self._list(place, key, name)
        else:
            node = self._mapping(place, key, name)
        if node.size > MAX_VALUES:
            raise self.stop(place, f"more than {MAX_VALUES} values, repeated aliases counted")
        anchor = getattr(event, "anchor", None)
        if anchor:
            self.anchors[anchor] = node
        return node

    def _scalar(self, event: ScalarEvent, place: Place, key: Place) -> Node:
        if _CONTROL.search(event.value):
            escape = "an escape in this text makes a character that is not allowed in a scene"
            raise self.stop(
                place, f"{escape}; for a path write / between folders, or put it in single quotes"
            )
        quoted = event.style in ("'", '"')
        length = event.end_mark.index - event.start_mark.index
        exact = event.style not in ("|", ">") and length == len(event.value) + 2 * quoted
        exact = exact and event.start_mark.line == event.end_mark.line
        as_text = event.style or event.tag == "tag:yaml.org,2002:str"
        value = event.value if as_text else resolve(event.value)
        if quoted and value in self.long:
            value = self.long.pop(value)
            return Node(value, place, key, value, exact, quoted)
        behind = None if event.style else _HASHTAG.match(self.text, event.end_mark.index)
        cut = behind[1].rstrip() if behind else ""
        return Node(value, place, key, event.value, exact, quoted, cut=cut)

    def _list(self, place: Place, key: Place, name: str) -> Node:
        members: list[Node] = []
        size = 1
        while not isinstance(event := next(self.events), SequenceEndEvent):
            members.append(self.build(event, None, dotted(name, len(members))))
            size += members[-1].size
        return Node(members, place, key, size=size)

    def _mapping(self, place: Place, key: Place, name: str) -> Node:
        members: dict[Key, Node] = {}
        size = 1
        while not isinstance(event := next(self.events), MappingEndEvent):
            label = self.build(event)
            full = dotted(name, label.raw)
            child = self.build(next(self.events), label.place, full)
            size += child.size
            if child.value is None and (behind := _NOTHING.match(self.text, event.end_mark.index)):
                child = dataclasses.replace(child, place=label.place, cut=behind[1].rstrip())
            if fault := _key_fault(label, members):
                self.problems.append(label.place.problem(full, fault))
            else:
                members[label.value] = child
        return Node(members, place, key, size=size)


def _key_fault(label: Node, members: dict[Key, Node]) -> str:
    """Return what is wrong with a key beside the ones before it, or an empty text."""
    if isinstance(label.value, bool) or not isinstance(label.value, str | int | float):
        return f"a key must be a name or a number, found {_short(label.raw) or 'a list or nothing'}"
    if label.value == "<<":
        return "YAML 1.2 has no merge key <<, use extends: other.yaml"
    if label.value in members:
        return f"given twice, first in line {members[label.value].key.line}; keep one of them"
    return ""


def _short(text: str) -> str:
    return text if len(text) <= 40 else text[:37] + "..."


def resolve(text: str) -> Any:
    """Return what a plain (unquoted) scalar means in the core schema of YAML 1.2.

    >>> [resolve(text) for text in ("1e-3", "off", "12:30", "0x10", "~", "true", "1_000")]
    [0.001, 'off', '12:30', 16, None, True, '1_000']
    """
    if _NULL.fullmatch(text):
        return None
    if match := _BOOL.fullmatch(text):
        return match[1] is not None
    if _INT.fullmatch(text):
        return int(text)
    if _BASED.fullmatch(text):
        return int(text, 0)
    if _FLOAT.fullmatch(text):
        return float(text)
    if match := _SPECIAL.fullmatch(text):
        return float("nan") if match[3] else float(f"{match[1]}inf")
    return text


def parse(text: str, file: str) -> tuple[Node, list[Problem]]:
    """Read one YAML document.

    Args:
        text: the document.
        file: its name in messages.

    Returns:
        The tree (an empty mapping for an empty text) and the faults that left it readable.

    Raises:
        SceneError: with one problem, where the text passes a bound; `NotYamlError` where it is not YAML.
    """
    if control := _CONTROL.search(text):
        before = text[: control.start()]
        place = Place(file, before.count("\n") + 1, len(before) - before.rfind("\n"))
        code = f"U+{ord(control[0]):04X}"
        raise SceneError([place.problem("", f"the character {code} is not allowed in a text file")])
    short, long = without_long_texts(text)
    return _parsed(short, file, long) or _parsed(text, file, {}) or (Node({}), [])


def _parsed(text: str, file: str, long: Mapping[str, str]) -> tuple[Node, list[Problem]] | None:
    """Return what `parse` does; None where a mark of a long curve is part of another text."""
    builder = _Builder(file, text, long)
    try:
        first = next(builder.events, None)
        node = Node({}, Place(file, 1, 1)) if first is None else builder.build(first)
        for _ in builder.events:  # a second document, if any, is found by going on
            pass
    except MarkedYAMLError as error:
        line, column, message = plain_words(error)
        if "not closed" in message and (tag := _HASHTAG.search(_line(text, line))):
            message += f"; '{_short(tag[1].strip())}' is a comment, for # after a blank begins one"
        raise NotYamlError([Place(file, line, column).problem("", message)]) from None
    except (OverflowError, ValueError):  # from an escape such as "\\U00110000", which names no character
        message = "an escape \\U in a quoted text names no character"
        raise SceneError([Place(file).problem("", message)]) from None
    return (node, builder.problems) if not builder.long else None


def _line(text: str, number: int) -> str:
    return next(iter(text.splitlines()[number - 1 : number]), "")


def read_text(path: Path, file: str) -> str:
    """Return the text of a scene file.

    Args:
        path: where it lies.
        file: its name in messages.

    Raises:
        SceneError: the file is absent, not a file, too large or not UTF-8.
    """
    place = Place(file)
    if os.path.isdir(path):
        raise SceneError([place.problem("", "is a folder, expected a scene file")])
    if not os.path.exists(path):
        raise SceneError([place.problem("", "no such file")])
    if not os.path.isfile(path):
        raise SceneError([place.problem("", "is not a regular file")])
    try:
        with path.open("rb") as stream:
            data = stream.read(long_texts.MAX_BYTES + 1)
    except OSError as error:
        raise SceneError([place.problem("", f"cannot be read: {error.strerror}")]) from None
    if too_large(data):
        size = path.stat().st_size
        message = f"has {size} bytes, a scene file may have {MAX_BYTES}; is this the right file?"
        raise SceneError([place.problem("", message)])
    return _decoded(data, file)


def too_large(data: bytes) -> bool:
    """Return whether a scene has more than `MAX_BYTES`, long curves not counted, or too many with them."""
    if len(data) <= MAX_BYTES or len(data) > long_texts.MAX_BYTES:
        return len(data) > MAX_BYTES
    short, long = without_long_texts(data.decode("utf-8", errors="replace"))
    return not long or len(short.encode(errors="replace")) > MAX_BYTES


def read_piped(name: str) -> str:
    """Return the text of a scene that is written to the standard input.

    Args:
        name: stands for the file in messages.

    Raises:
        SceneError: it cannot be read, is too large or not UTF-8.
    """
    place = Place(name)
    try:
        data = sys.stdin.buffer.read(long_texts.MAX_BYTES + 1)
    except OSError as error:
        raise SceneError([place.problem("", f"cannot be read: {error.strerror}")]) from None
    if too_large(data):
        message = f"has more than {MAX_BYTES} bytes, which a scene may have; is this the right file?"
        raise SceneError([place.problem("", message)])
    return _decoded(data, name)


def encoding_of(data: bytes) -> str:
    r"""Return how the letters of a text are written: UTF-16, as some Windows programs save, or UTF-8.

    >>> encoding_of("prompts: x".encode("utf-16")), encoding_of(b"p\0r\0"), encoding_of(b"prompts: x")
    ('utf-16', 'utf-16-le', 'utf-8-sig')
    """
    if data[:2] in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE):
        return "utf-16"
    wide = len(data) > 3 and data[0] and data[2] and not data[1] and not data[3]
    return "utf-16-le" if wide else "utf-8-sig"


def _decoded(data: bytes, file: str) -> str:
    encoding = encoding_of(data)
    try:
        return data.decode(encoding)
    except UnicodeDecodeError as error:
        if encoding != "utf-8-sig":
            message = "is no whole UTF-16 text; save the scene as UTF-8 text"
            raise SceneError([Place(file).problem("", message)]) from None
        before = data[: error.start]
        where = Place(file, before.count(b"\n") + 1, len(before) - before.rfind(b"\n"))
        message = f"the byte 0x{data[error.start]:02X} is not UTF-8; save the scene as UTF-8 text"
        raise SceneError([where.problem("", message)]) from None
