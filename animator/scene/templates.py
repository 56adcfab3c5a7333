r"""Choices inside of a text: ``{red|blue}``, ``{@artists.txt}`` and ``{artist}``; one is drawn, or all come.

Braces without a ``|`` that name no list are braces; ``\{``, ``\}`` and, between braces, ``\|`` are the
letters themselves.
"""

from __future__ import annotations

import difflib
import itertools
import math
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from animator.errors import ExpressionError
from animator.scene.word_lists import bundled_names, read_list

DEEPEST = 12
"""Levels to which choices may be nested, those that lists bring included."""

NAME = re.compile(r"\w[\w -]{0,59}")
"""Name of a list."""

Choose = Callable[[str, Sequence[str]], int]
"""Given the name of a list (empty for alternatives) and its texts, returns which of them is taken."""


@dataclass(frozen=True)
class WordList:
    """Texts of which one takes the place of a name in braces.

    Attributes:
        items: the texts, which may hold choices themselves.
        folder: what files that they name are relative to; None: nothing, they may name bundled lists only.
    """

    items: tuple[str, ...]
    folder: Path | None = None


@dataclass(frozen=True)
class Words:
    """The lists that a text may name.

    Attributes:
        named: those of a scene's `modifiers`.
    """

    named: Mapping[str, WordList] = field(default_factory=dict)
    _files: dict[tuple[str, Path | None], WordList] = field(default_factory=dict, repr=False, compare=False)

    def file(self, name: str, folder: Path | None) -> WordList:
        """Return the list in a file, a line each, or a bundled one; raises ExpressionError."""
        key = (name, folder)
        if key not in self._files:
            self._files[key] = WordList(read_list(name, folder), folder)
        return self._files[key]


@dataclass(frozen=True)
class Choice:
    """A place in a text where one of several texts goes.

    Attributes:
        name: of the list, with its ``@`` where it is a file; empty for alternatives.
        options: the texts as they are written.
        folder: what files in them are relative to.
        offset: where it begins in the text.
        starts: where each option begins in the text; empty for a list, whose texts are elsewhere.
    """

    name: str
    options: tuple[str, ...]
    folder: Path | None
    offset: int
    starts: tuple[int, ...] = ()


def parts_of(
    text: str, words: Words, folder: Path | None = None, *, inside: bool = False
) -> list[str | Choice]:
    r"""Return a text as plain parts and choices, in order.

    Args:
        text: as a user wrote it.
        words: the lists that it may name.
        folder: what files that it names are relative to.
        inside: whether it is an alternative itself, in which ``\|`` is a letter.

    Raises:
        ExpressionError: a brace is never closed, or a list is unknown or cannot be read.
    """
    parts: list[str | Choice] = []
    plain: list[str] = []
    at = 0
    escapes = "{}|" if inside else "{}"
    while at < len(text):
        letter, after = text[at], text[at + 1 : at + 2]
        if letter == "\\" and after and after in escapes:
            plain.append(after)
            at += 2
            continue
        choice = _choice(text, at, words, folder) if letter == "{" else None
        if choice is None:
            plain.append(letter)
            at += 1
            continue
        if plain:
            parts.append("".join(plain))
            plain = []
        parts.append(choice[0])
        at = choice[1]
    return [*parts, *(["".join(plain)] if plain else [])]


def _choice(text: str, at: int, words: Words, folder: Path | None) -> tuple[Choice, int] | None:
    """Return the choice that begins with a brace and where it ends; None where the brace is a letter."""
    bars, end = _bars(text, at)
    if end < 0:
        rest = text[at + 1 :]
        if "|" in rest or rest.lstrip().startswith("@"):
            message = "this { is never closed; write {red|blue}, or \\{ where a brace is meant"
            raise ExpressionError(message, at)
        return None
    if bars:
        starts = [at + 1, *(bar + 1 for bar in bars)]
        options = tuple(text[a:b] for a, b in zip(starts, [*bars, end], strict=True))
        return Choice("", options, folder, at, tuple(starts)), end + 1
    name = text[at + 1 : end].strip()
    if name.startswith("@"):
        try:
            found = words.file(name[1:].strip(), folder)
        except ExpressionError as error:
            raise ExpressionError(error.message, at) from None
        return Choice(name, found.items, found.folder, at), end + 1
    if name in words.named:
        found = words.named[name]
        return Choice(name, found.items, found.folder, at), end + 1
    if words.named and NAME.fullmatch(name):
        raise ExpressionError(_unknown(name, words), at)
    return None


def _bars(text: str, at: int) -> tuple[list[int], int]:
    """Return where the bars of the braces that begin at ``at`` are, and their end, -1 if there is none."""
    bars: list[int] = []
    depth, place = 0, at
    while place < len(text):
        letter = text[place]
        if letter == "\\" and text[place + 1 : place + 2] in ("{", "}", "|"):
            place += 1
        elif letter == "{":
            depth += 1
        elif letter == "}":
            depth -= 1
            if depth == 0:
                return bars, place
        elif letter == "|" and depth == 1:
            bars.append(place)
        place += 1
    return bars, -1


def _unknown(name: str, words: Words) -> str:
    every = list(words.named)
    close = difflib.get_close_matches(name, [*every, *bundled_names()], 1, 0.6)
    known = f"modifiers has {', '.join(every)}"
    if close:
        meant = close[0] if close[0] in every else f"@{close[0]}"
        return f"there is no list '{name}'; did you mean {{{meant}}}? {known}"
    return f"there is no list '{name}'; {known}; write \\{{{name}\\}} where braces are meant"


def filled(
    text: str, words: Words, choose: Choose, folder: Path | None = None, above: tuple[str, ...] = ()
) -> str:
    """Return a text in which every choice is made; arguments as in `parts_of`.

    Args:
        text: as a user wrote it.
        words: the lists that it may name.
        choose: makes a choice.
        folder: what files that it names are relative to.
        above: the lists that led here, of which none may come again; one entry a level.
    """
    parts = parts_of(text, words, folder, inside=bool(above))
    made = []
    for part in parts:
        if isinstance(part, str):
            made.append(part)
            continue
        way = _deeper(part, above)
        option = part.options[choose(part.name, part.options)]
        made.append(filled(option, words, choose, part.folder, way))
    return "".join(made) if above else _tidied("".join(made), parts)


def expansions(
    text: str, words: Words, folder: Path | None = None, above: tuple[str, ...] = ()
) -> Iterator[str]:
    """Yield every text that `filled` can return, the last choice running fastest."""
    parts = parts_of(text, words, folder, inside=bool(above))
    ways: list[list[str]] = []
    for part in parts:
        if isinstance(part, str):
            ways.append([part])
            continue
        way = _deeper(part, above)
        options = (expansions(option, words, part.folder, way) for option in part.options)
        ways.append(list(itertools.chain.from_iterable(options)))
    for one in itertools.product(*ways):
        yield "".join(one) if above else _tidied("".join(one), parts)


def count(text: str, words: Words, folder: Path | None = None, above: tuple[str, ...] = ()) -> int:
    """Return how many texts `expansions` yields; every list and alternative is looked at.

    Raises:
        ExpressionError: see `parts_of`; lists name one another in a circle, or are nested too deep.
    """
    return math.prod(
        _options(part, words, above)
        for part in parts_of(text, words, folder, inside=bool(above))
        if not isinstance(part, str)
    )


def has_choice(text: str, words: Words, folder: Path | None = None) -> bool:
    """Return whether there is anything to choose in a text; raises as `parts_of`."""
    return not all(isinstance(part, str) for part in parts_of(text, words, folder))


def _options(choice: Choice, words: Words, above: tuple[str, ...]) -> int:
    way = _deeper(choice, above)
    total = 0
    for number, option in enumerate(choice.options):
        try:
            total += count(option, words, choice.folder, way) if "{" in option else 1
        except ExpressionError as error:
            if choice.starts:
                raise ExpressionError(error.message, choice.starts[number] + error.offset) from None
            message = f"in {{{choice.name}}}, '{option[:40]}': {error.message}"
            raise ExpressionError(message, choice.offset) from None
    return total


def _deeper(choice: Choice, above: tuple[str, ...]) -> tuple[str, ...]:
    if choice.name and choice.name in above:
        chain = " -> ".join(name for name in [*above, choice.name] if name)
        raise ExpressionError(f"the lists go round in a circle: {chain}", choice.offset)
    if len(above) == DEEPEST:
        raise ExpressionError(f"choices are nested more than {DEEPEST} levels deep", choice.offset)
    return (*above, choice.name)


def _tidied(text: str, parts: Sequence[str | Choice]) -> str:
    """Return a text in which a choice that was left empty leaves no second blank."""
    return text if all(isinstance(part, str) for part in parts) else " ".join(text.split())


def as_written(text: str) -> str:
    r"""Return how a text is written so that none of its braces is a choice.

    >>> as_written("a {red|blue} sea"), as_written("a {red} sea")
    ('a \\{red|blue\\} sea', 'a {red} sea')
    """
    choice = "{" in text and ("|" in text or "@" in text)
    if not choice and "\\{" not in text and "\\}" not in text:
        return text
    return text.replace("{", "\\{").replace("}", "\\}")
