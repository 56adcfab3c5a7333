"""What the oldest Python that is supported, 3.10, does not know; tests run on newer ones."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1] / "animator"
REGULAR = {"compile", "match", "search", "fullmatch", "sub", "split", "findall", "finditer"}
_SET = re.compile(r"\[\^?\]?(?:\\.|[^\]\\])*\]")
_HINT = re.compile(r"[*+?}]\+|\(\?>")
_NEWER = re.compile(r"(?<!\\)(?:[*+?]|\{\d*,?\d*\})\+|\(\?>")


def patterns(tree: ast.AST) -> Iterator[str]:
    """Yield the texts of regular expressions, those in pieces of formats too."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in REGULAR:
            for part in ast.walk(node.args[0]) if node.args else ():
                if isinstance(part, ast.Constant) and isinstance(part.value, str):
                    yield part.value


def newer(pattern: str) -> bool:
    """Return whether a regular expression has possessive quantifiers or atomic groups, new in 3.11."""
    return _NEWER.search(_SET.sub("S", re.sub(r"\\.", "x", pattern))) is not None


@pytest.mark.parametrize("pattern", ["(?:a,)*+b", "a++", "[ab]?+c", "x{2,3}+", "(?>a|b)"])
def test_the_check_sees_what_is_newer(pattern: str) -> None:
    assert newer(pattern)
    assert not newer(r"[*+]a+\*+(?:b|[+?]+)*")


def test_no_regular_expression_needs_a_newer_python() -> None:
    found = []
    for path in sorted(ROOT.rglob("*.py")):
        text = path.read_text(encoding="utf-8")
        if _HINT.search(text):  # most files need not be read further
            found += [f"{path.name}: {one[:60]}" for one in patterns(ast.parse(text)) if newer(one)]
    assert found == []
