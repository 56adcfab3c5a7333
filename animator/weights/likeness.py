"""How alike two names of networks are."""

from __future__ import annotations

import difflib
import re


def folded(name: str) -> str:
    """Return a name without what people write in several ways: case, dashes, blanks.

    >>> folded("Depth Anything_Small")
    'depthanythingsmall'
    """
    return re.sub(r"[^a-z0-9]", "", name.lower())


def likeness(written: str, name: str) -> float:
    """Return how alike two names are, 0 to 1; the beginning of a long name counts like the whole."""
    written, name = written.lower(), name.lower()
    return max(
        difflib.SequenceMatcher(None, written, candidate).ratio()
        for candidate in (name, name[: len(written)])
    )
