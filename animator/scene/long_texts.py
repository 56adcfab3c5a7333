"""Curves with a key for every frame, taken out of a scene's text before it is parsed as YAML.

A parser looks at every letter of a quoted text; of these only digits and signs are letters, so that they can
be taken as they are.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

MAX_BYTES = 16 << 20
"""Bytes of a scene file with such curves."""

SHORTEST = 20_000
"""Letters from which on a curve is taken out."""

_MARK = "\ue000"
_LONG = re.compile(
    r"^(?P<head> *[A-Za-z_]\w*:[ ]+)(?P<quote>[\"'])"
    rf"(?P<text>(?:[a-z-]{{3,20}}; )?[-0-9:,()%eE.+ ]{{{SHORTEST},}})(?P=quote)"
    r"(?=[ \t]*\r?$)",
    re.MULTILINE,
)


def without_long_texts(text: str) -> tuple[str, Mapping[str, str]]:
    """Return a scene's text with a mark in the place of every long curve, and the curves by their marks.

    >>> without_long_texts("zoom: '0:1'")
    ("zoom: '0:1'", {})
    """
    if len(text) < SHORTEST or _MARK in text:
        return text, {}
    found: dict[str, str] = {}

    def mark(match: re.Match[str]) -> str:
        name = f"{_MARK}{len(found)}{_MARK}"
        found[name] = match["text"]
        return f"{match['head']}{match['quote']}{name}{match['quote']}"

    return _LONG.sub(mark, text), found
