"""A settings file of another program in the place of a scene: one line that says so, not a fault a key."""

from __future__ import annotations

import os
import re
from collections.abc import Collection, Iterable, Iterator
from pathlib import Path
from typing import Any

from animator.errors import SceneError
from animator.scene.file_kinds import IMPORTED, YET, binary_kind, text_kind
from animator.scene.foreign import foreign_name, signs, tools
from animator.scene.nodes import Node, Place
from animator.scene.source import MAX_BYTES, encoding_of
from animator.settings.scene import Scene
from animator.system.json_text import parse_json


class ForeignFileError(SceneError):
    """A file is another program's, not a scene."""


READ = ("disco", "progrock", "discoart", "deforum", "warpfusion", "parseq", "a1111")
"""Programs of the table whose files ``animator import`` reads."""

HEIRS = {"forge": "deforum", "studio": "deforum"}
"""Programs whose files are those of another, with a few names more."""

ANY = "others"
"""The key of names that are no certain program's."""

ONLY_OURS = frozenset({"version", "extends"})
"""Keys that are in scenes alone."""

SMALL = 2
"""How many keys of a small JSON file must be another program's."""

HEAD = 1 << 16
"""How many bytes of a file tell what it is."""

FEW, MANY = (4, 0.6), (8, 0.8)
"""How many keys must be another program's, and which share of all: in general, and beside keys of a scene."""

_KEY = re.compile(r"""(?:^|[{,\["])\s*["']?([A-Za-z_][A-Za-z0-9_]{0,80})["']?\s*[:=](?!=)""", re.MULTILINE)
_ASSIGNED = re.compile(r"\b([A-Za-z_][A-Za-z0-9_]{0,80})\s*=(?!=)")
_SCENE = re.compile(
    rf"^({'|'.join(key for key in Scene.model_fields if not foreign_name(key))})\s*:", re.MULTILINE
)
"""The beginning of a line that is a scene's."""

_FORM = re.compile(r"#\s*(?:@param|@title|%%)")
"""What cells of a notebook have that was saved as Python."""

_NOTEBOOK = re.compile(r'"(?:nbformat|cell_type)"\s*:')


def refuse_foreign(tree: Node, text: str, file: str) -> None:
    """Raise what there is to say of a file that is read, if it is another program's.

    Args:
        tree: what is in the file.
        text: the file.
        file: its name in messages.

    Raises:
        ForeignFileError: with one fault: the file is a settings file of another program, or a notebook.
    """
    refuse_notebook(text, file)
    if isinstance(tree.value, dict):
        keys = [str(key) for key in tree.value]
        tool = tool_of(keys) or (_of_json(keys) if text.lstrip().startswith("{") else None)
        if tool is None and not _known(keys):
            tool = tool_of([str(key) for child in tree.value.values() for key in _keys_in(child)])
    elif isinstance(tree.value, list):
        tool = tool_of(list(dict.fromkeys(str(key) for child in tree.value for key in _keys_in(child))))
    else:
        refuse_unread(text, file)
        tool = None
    if tool is None and not _SCENE.search(text) and (kind := text_kind(text, file)):
        raise ForeignFileError([Place(file).problem("", kind)])
    if tool is not None:
        raise _refused(f"is a settings file of {tool}", file)


def refuse_unread(text: str, file: str) -> None:
    """Raise what there is to say of a text that is no YAML, if it is another program's.

    Args:
        text: the text, or its beginning.
        file: its name in messages.

    Raises:
        SceneError: as in `refuse_foreign`.
    """
    refuse_notebook(text, file)
    if _SCENE.search(text):
        return
    if tool := tool_of(_keys_of_text(text)):
        raise _refused(f"is a settings file of {tool}", file)
    if kind := text_kind(text, file):
        raise ForeignFileError([Place(file).problem("", kind)])


def refuse_binary(path: Path, file: str) -> None:
    """Raise what there is to say of a file that is no text.

    Args:
        path: where it lies.
        file: its name in messages.

    Raises:
        SceneError: with one fault: what the file is, and where it belongs.
    """
    if not os.path.isfile(path):
        return
    with path.open("rb") as stream:
        kind = binary_kind(stream.read(HEAD))
    if kind:
        raise ForeignFileError([Place(file).problem("", kind)])


def head_of(path: Path) -> str:
    """Return the beginning of a file as text, whatever is in it; an empty text where it is no file."""
    if not os.path.isfile(path):  # of a name that is too long, Path.is_file raises
        return ""
    with path.open("rb") as stream:
        data = stream.read(MAX_BYTES)
    return data.decode(encoding_of(data), errors="replace")


def refuse_notebook(text: str, file: str) -> None:
    """Raise what there is to say of a notebook.

    Raises:
        SceneError: the text is a notebook.
    """
    is_one = text.lstrip().startswith("{") and _NOTEBOOK.search(text)
    if not is_one and (not _FORM.search(text) or _SCENE.search(text)):
        return
    names = [name for name in dict.fromkeys(_ASSIGNED.findall(text)) if foreign_name(name)]
    tool = _most(names)
    if not is_one and len(names) < FEW[0]:
        return
    raise _refused(f"is a notebook of {tool}" if tool else "is a notebook", file)


def tool_of(keys: Collection[str]) -> str | None:
    """Return what the program is called to which most keys of a file belong; None where it may be a scene.

    >>> tool_of(["text_prompts", "steps", "width_height", "cut_overview", "tv_scale"])
    'Disco Diffusion'
    >>> tool_of(["prompts", "steps", "width", "height"])
    """
    for key, tool in signs().items():
        if set(key.split()) <= set(keys):
            return tools()[tool]
    if not keys or ONLY_OURS & set(keys):
        return None
    foreign = [key for key in keys if key not in Scene.model_fields and _of_a_program(key)]
    number, share = MANY if _known(keys) else FEW
    same = [key for key in keys if key in Scene.model_fields and foreign_name(key)]  # in scenes as well
    if len(foreign) < number or len(foreign) < share * (len(keys) - len(same)):
        return None
    return _most([*foreign, *same])


def _of_json(keys: Collection[str]) -> str | None:
    """Return the program of a small JSON file, of which all keys are a program's and one is not a scene's."""
    foreign = [key for key in keys if key not in Scene.model_fields]
    if len(foreign) < SMALL or len(foreign) < len(keys) / 2 or ONLY_OURS & set(keys):
        return None
    return _most(keys) if all(foreign_name(key) for key in keys) else None


def _of_a_program(key: str) -> bool:
    """Return whether a key is that of a certain program, not a word that anyone would take."""
    known = foreign_name(key)
    return known is not None and ANY not in known.tools


def _known(keys: Iterable[str]) -> bool:
    """Return whether there are keys that a scene has and no other program."""
    return any(key in Scene.model_fields and not foreign_name(key) for key in keys)


def _most(keys: Iterable[str]) -> str | None:
    """Return what the program is called that has the most of some names; the first of several."""
    counts = dict.fromkeys(tools(), 0)
    for key in keys:
        known = foreign_name(key)
        for tool in {HEIRS.get(tool, tool) for tool in known.tools} if known else ():
            counts[tool] += 1
    best = max(counts, key=lambda tool: counts[tool])
    return tools()[best] if counts[best] else None


def _keys_of_text(text: str) -> list[str]:
    return list(dict.fromkeys(_KEY.findall(text)))


def _keys_in(node: Node) -> Iterator[Any]:
    """Yield the keys of a mapping; of a text that holds JSON, as in some files, its own."""
    if isinstance(node.value, dict):
        yield from node.value
    elif isinstance(node.value, str) and node.value.lstrip().startswith("{"):
        try:
            inner = parse_json(node.value)
        except (ValueError, RecursionError):  # a text with a brace is no JSON
            return
        yield from inner


def _refused(what: str, file: str) -> SceneError:
    read = any(what.endswith(f" of {tools()[tool]}") for tool in READ)
    return ForeignFileError(
        [Place(file).problem("", f"{what}, {IMPORTED.format(file=file) if read else YET}")]
    )
