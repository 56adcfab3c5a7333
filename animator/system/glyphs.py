"""Which letters can be drawn: matplotlib's own font has few scripts, the machine's others may have more."""

from __future__ import annotations

import unicodedata
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from matplotlib.font_manager import FontEntry

OWN = "DejaVu Sans"
"""The font that comes with matplotlib."""

GAP = "\N{WHITE SQUARE}"
"""What is shown for letters that no font has."""

BLANKS = ("last resort", "lastresort", "adobe blank", "adobeblank")
"""Fonts that have a box for every letter."""


@dataclass(frozen=True)
class Lettering:
    """How texts can be drawn.

    Attributes:
        families: fonts, each tried for the letters that those before it lack; the first is `OWN`.
        lacking: letters that none of them has.
    """

    families: tuple[str, ...]
    lacking: frozenset[str]

    def shown(self, text: str, mark: str) -> str:
        """Return a text of which every letter can be drawn.

        Args:
            text: any text in one line.
            mark: what is shown where half of its letters or more cannot be.

        >>> poor = Lettering((OWN,), frozenset("夜の"))
        >>> poor.shown("a sea, 夜の sky", "prompt 1"), poor.shown("夜の 1", "prompt 1")
        ('a sea, □ sky', 'prompt 1')
        """
        letters = [letter for letter in text if not self._mute(letter)]
        gaps = sum(letter in self.lacking for letter in letters)
        if 2 * gaps >= sum(not letter.isspace() for letter in letters) and gaps:
            return mark
        kept = "".join(GAP if letter in self.lacking else letter for letter in letters)
        while GAP * 2 in kept:
            kept = kept.replace(GAP * 2, GAP)
        return kept

    def _mute(self, letter: str) -> bool:
        """Return whether a letter is missed by nobody: it joins others or chooses among their forms."""
        return letter in self.lacking and unicodedata.category(letter) in ("Cf", "Mn")


def lettering(texts: Collection[str]) -> Lettering:
    """Return fonts of this machine for some texts: `OWN`, and those that have what it lacks.

    Fonts are looked for only where one is needed.
    """
    from matplotlib.font_manager import findfont

    wanted = set("".join(texts))
    families, lacking = [OWN], wanted - _had(str(findfont(OWN)), wanted)
    having = {entry: _had(entry.fname, lacking) for entry in _fonts()} if lacking else {}
    while lacking and having:
        best = max(having, key=lambda entry: len(having[entry] & lacking))
        new = having.pop(best) & lacking
        if not new:
            break
        # Of several files of one name matplotlib takes the one that it holds for the plainest.
        if findfont(best.name) == best.fname:
            families.append(best.name)
            lacking -= new
    return Lettering(tuple(families), frozenset(lacking))


def one_font(text: str) -> tuple[str, Lettering]:
    """Return the file of the font of this machine that has most letters of a text, and what it lacks.

    For what draws with one font at a time.
    """
    from matplotlib.font_manager import findfont

    wanted = set(text)
    chosen, name = str(findfont(OWN)), OWN
    had = _had(chosen, wanted)
    for entry in _fonts() if had < wanted else ():
        if len(more := _had(entry.fname, wanted)) > len(had):
            chosen, name, had = str(entry.fname), entry.name, more
    return chosen, Lettering((name,), frozenset(wanted - had))


def _fonts() -> Iterator[FontEntry]:
    """Return a file of every font, the plainest of those of one name."""
    from matplotlib.font_manager import fontManager

    plainest: dict[str, FontEntry] = {}
    for entry in sorted(fontManager.ttflist, key=_fanciness):
        if not entry.name.lower().lstrip(".").startswith(BLANKS):
            plainest.setdefault(entry.name, entry)
    yield from plainest.values()


def _fanciness(entry: FontEntry) -> tuple[bool, bool, int, bool, str]:
    weight = entry.weight if isinstance(entry.weight, int) else 400
    return (
        entry.style != "normal",
        entry.variant != "normal",
        abs(weight - 400),
        entry.stretch != "normal",
        entry.fname,
    )


def _had(path: str, letters: Collection[str]) -> set[str]:
    """Return which of some letters a font has; none where matplotlib cannot draw with it."""
    from matplotlib.ft2font import FT2Font

    try:
        font = FT2Font(path)
    except (OSError, RuntimeError):  # it was removed since matplotlib listed it, or has pictures as letters
        return set()
    return {letter for letter in letters if font.get_char_index(ord(letter))}
