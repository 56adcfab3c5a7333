"""Which words a small CLIP model was trained on; of the published ones every word is known."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache
from pathlib import Path

from animator.engines.guided.tokens import words_of
from animator.errors import UsageError
from animator.weights.registry import find, location

_ROWS = "token_embedding.rows"
"""What the file of a network holds whose table of tokens is stored by its trained rows alone."""


def unknown_words(text: str, models: Iterable[str]) -> list[str]:
    """Return the words of a text that none of some CLIP models was trained on, in their order.

    Args:
        text: a prompt.
        models: names of the CLIP models that it speaks to.
    """
    known = [trained_tokens(model) for model in models]
    if not known or any(tokens is None for tokens in known):
        return []
    every = frozenset().union(*(tokens for tokens in known if tokens is not None))
    return [word for word, tokens in words_of(text).items() if not every.issuperset(tokens)]


@cache
def trained_tokens(model: str) -> frozenset[int] | None:
    """Return the tokens that a CLIP model was trained on; None where that is all of them, or not known."""
    try:
        entry = find("clip", model)
    except UsageError:
        return None  # the check of the networks reports it
    return _rows(location(entry)) if entry.bundled else None


def _rows(path: Path) -> frozenset[int] | None:
    from safetensors import safe_open

    if not path.is_file():
        return None
    with safe_open(path, framework="numpy") as file:
        rows = file.get_tensor(_ROWS) if _ROWS in file.keys() else None  # noqa: SIM118 (no mapping)
    return None if rows is None else frozenset(map(int, rows))
