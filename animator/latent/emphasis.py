"""Emphasis in a prompt: ``a (sea:1.2) at night``; brackets alone are ``(sea)``, 1.1 times. No torch."""

from __future__ import annotations

import re
from collections.abc import Sequence

USUAL = 1.1
"""How much more brackets without a number stress what is in them."""

_PART = re.compile(r"\\[()\\]|\(|:\s*([+-]?(?:\d+\.?\d*|\.\d+))\s*\)|\)|[^\\():]+|:|\\")

Fragment = tuple[str, float]
"""A stretch of text, and how strongly it is stressed; 1 is as usual."""


def fragments(text: str) -> list[Fragment]:
    r"""Return the stretches of a prompt that are stressed alike; joined they are what is read.

    Brackets may be nested; their factors multiply. ``\(`` and ``\)`` are brackets to be read. A bracket
    that has no other half stresses nothing and is read.

    >>> fragments("a (red:1.5) sea")
    [('a ', 1.0), ('red', 1.5), (' sea', 1.0)]
    >>> fragments("16:9 (wide)")
    [('16:9 ', 1.0), ('wide', 1.1)]
    """
    found: list[list[object]] = []
    opened: list[int] = []
    for match in _PART.finditer(text):
        part, number = match[0], match[1]
        if part == "(":
            opened.append(len(found))
            found.append(["(", 1.0])
        elif (number is not None or part == ")") and opened:
            begin = opened.pop()
            factor = float(number) if number is not None else USUAL
            found[begin][0] = ""
            for one in found[begin + 1 :]:
                one[1] = float(one[1]) * factor  # type: ignore[arg-type]
        else:
            found.append([part[1:] if len(part) == 2 and part[0] == "\\" else part, 1.0])
    return _joined([(str(words), float(factor)) for words, factor in found])  # type: ignore[arg-type]


def _joined(parts: Sequence[Fragment]) -> list[Fragment]:
    """Return neighbours of the same stress as one."""
    joined: list[Fragment] = []
    for words, factor in parts:
        if not words:
            continue
        if joined and joined[-1][1] == factor:
            joined[-1] = (joined[-1][0] + words, factor)
        else:
            joined.append((words, factor))
    return joined
