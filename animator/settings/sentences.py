"""The sentence under each setting, read from the source where documentation asks for it.

pydantic can read them itself (``use_attribute_docstrings``), but does so whenever the classes are made, a
fifth of the time that every command took to start.
"""

from __future__ import annotations

import ast
import inspect
from collections.abc import Iterator
from functools import cache
from itertools import pairwise
from textwrap import dedent
from typing import Any

from animator.settings.base import Options
from animator.settings.scene import Scene, scene_schema


def sentences(section: type[Options]) -> dict[str, str]:
    """Return what is written under each field of a section, by the field's name.

    >>> from animator.settings.prompts import TextPrompt
    >>> sentences(TextPrompt)["text"]
    'What to paint; a colon in it is a colon.'
    """
    (body,) = ast.parse(dedent(inspect.getsource(section))).body
    assert isinstance(body, ast.ClassDef)
    return {
        field.target.id: inspect.cleandoc(under.value.value)
        for field, under in pairwise(body.body)
        if isinstance(field, ast.AnnAssign)
        and isinstance(field.target, ast.Name)
        and isinstance(under, ast.Expr)
        and isinstance(under.value, ast.Constant)
        and isinstance(under.value.value, str)
    }


@cache
def described_schema() -> dict[str, Any]:
    """Return the JSON schema of a scene with a description of every setting; not to be altered."""
    schema = _described(scene_schema(), Scene)
    own = {section.__name__: section for section in _sections(Options)}
    parts = {
        name: _described(part, own[name]) if name in own else part for name, part in schema["$defs"].items()
    }
    return schema | {"$defs": parts}


def _sections(base: type[Options]) -> Iterator[type[Options]]:
    for section in base.__subclasses__():
        yield section
        yield from _sections(section)


def _described(schema: dict[str, Any], section: type[Options]) -> dict[str, Any]:
    written = sentences(section)
    fields = {
        name: dict(sorted({**field, "description": written[name]}.items())) if name in written else field
        for name, field in schema["properties"].items()
    }
    return schema | {"properties": fields}
