"""Prompts of other programs: their sets over the frames, their weights, and signs with a meaning there."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from animator.errors import ExpressionError
from animator.importing.list_language import ScheduleError, read_list
from animator.importing.tool_keys import number_of
from animator.keyframes.prompts import LEAST_SUM, parse_prompt
from animator.scene.templates import as_written

MAX_PROMPT = 15_000
"""Letters of the longest prompt that is carried over."""

MAX_SETS = 5_000
"""Most sets of prompts over the frames."""

_ANGLE = re.compile(r"<[^<>]*>")
_TICKS = re.compile(r":?\s*`[^`]*`?")
_ROUND = re.compile(r"(?<!\\)\(([^()]*?)(?::\s*[-+]?[\d.]*\s*)?(?<!\\)\)")
_SQUARE = re.compile(r"(?<!\\)\[([^\[\]]*)(?<!\\)\]")
_FIRST = re.compile(r"^([^:|]+)(?:[:|].*)?$", re.DOTALL)
_CHOICE = re.compile(r"<(?:\^\^(\d)\|)?([^<>|]*(?:\|[^<>|]*)+)>")
_LISTED = re.compile(r"(?<!\w)_([a-z][a-z0-9-]*)_(?!\w)")
_COMMAS = re.compile(r"\s*,(?:\s*,)+")
_WEIGHT_LIKE = re.compile(r":\s*-?[\d.]+")
_INTEGER = re.compile(r"\d+")

Pair = tuple[str, float]
Sets = dict[int, list[Pair]]


@dataclass
class Found:
    """The prompts of a file.

    Attributes:
        sets: texts with weights, by the number of a frame or picture.
        notes: what differs, in words.
    """

    sets: Sets = field(default_factory=dict)
    notes: set[str] = field(default_factory=set)


def weighted(text: str) -> Pair:
    """Return a text and its weight as Disco Diffusion reads them: what follows the last colon is the weight.

    >>> weighted("fog:-0.5"), weighted(":.5:.5"), weighted("text-1"), weighted("<lora:x:y>")
    (('fog', -0.5), (':.5', 0.5), ('text-1', 1.0), ('<lora:x:y>', 1.0))
    """
    words, colon, number = text.rpartition(":")
    address = text.startswith(("http://", "https://")) and "//" in number
    if colon and not address:
        try:
            weight = float(number)
        except ValueError:
            return text.strip(), 1.0
        if math.isfinite(weight) and abs(weight) < 1e12:
            return words.strip(), weight
    return text.strip(), 1.0


def first_choice(text: str, notes: set[str]) -> str:
    """Return a prompt of ProgRock with the first of several words where that program draws one.

    >>> first_choice("a <castle|fort> by <^^2|A|B|C>, _artist_", set())
    'a castle by A, B, artist'
    """

    def first(match: re.Match[str]) -> str:
        words = match[2].split("|")
        return ", ".join(word.strip() for word in words[: int(match[1] or 1)])

    chosen = _CHOICE.sub(first, text)
    if chosen != text:
        notes.add("of words in <...|...>, which that program draws, the first are taken")
    plain = _LISTED.sub(r"\1", chosen)
    if plain != chosen:
        notes.add("_words_ that stand for a line of a list of that program are kept as they are")
    return plain


def numbered(key: Any) -> int | None:
    """Return the number of a frame or picture that a key is, or holds first; None where there is none."""
    number = number_of(key)
    if number is None:
        match = _INTEGER.search(str(key))
        number = float(match[0][:12]) if match else None
    return int(number) if number is not None and 0 <= number < 1e9 else None


def read_sets(
    value: Any, read: Callable[[str], list[Pair]], position: Callable[[Any], int | None] = numbered
) -> Found:
    """Return the sets of prompts in any of the forms that files have.

    Args:
        value: a text, a list of texts or of objects, an object by frames or pictures, of which each may be an
            object by steps, or DiscoArt's object of ``prompts``.
        read: what a text becomes: texts with weights.
        position: what a key becomes: the number of a frame.
    """
    found = Found()
    if isinstance(value, Mapping) and isinstance(value.get("prompts"), list | str):
        value = value["prompts"]
    if not isinstance(value, Mapping) or _is_prompt(value):
        value = {0: value}
    for key, entries in value.items():
        at = position(key)
        if at is None:
            if str(key) not in ("version",):
                found.notes.add(f"'{str(key)[:30]}' is no frame and is passed over")
            continue
        pairs = list(_pairs(entries, read, found))
        if pairs and (at in found.sets or len(found.sets) < MAX_SETS):
            found.sets[at] = pairs
        elif pairs:
            found.notes.add(f"only the first {MAX_SETS} sets are taken")
    found.sets = dict(sorted(found.sets.items()))
    return found


def _is_prompt(value: Mapping[Any, Any]) -> bool:
    return isinstance(value.get("text", value.get("prompt")), str)


def _pairs(entries: Any, read: Callable[[str], list[Pair]], found: Found, depth: int = 0) -> Iterator[Pair]:
    if depth > 6:
        return
    if isinstance(entries, Mapping) and _is_prompt(entries):
        yield _object(entries, found)
    elif isinstance(entries, Mapping) and entries and all(numbered(key) is not None for key in entries):
        first = min(entries, key=lambda key: numbered(key) or 0)
        if len(entries) > 1:
            found.notes.add("prompts do not change within a picture here: those of its first step are taken")
        yield from _pairs(entries[first], read, found, depth + 1)
    elif isinstance(entries, Mapping):
        for text, weight in entries.items():  # {"a sea": 1, "fog": -0.5}
            number = number_of(weight)
            if number is not None and isinstance(text, str) and text.strip():
                yield text.strip()[:MAX_PROMPT], number
    elif isinstance(entries, list | tuple):
        for entry in entries:
            yield from _pairs(entry, read, found, depth + 1)
    elif isinstance(entries, str) and entries.strip():
        if len(entries) > MAX_PROMPT:
            found.notes.add(f"a prompt of {len(entries)} letters is cut off")
        yield from ((text, weight) for text, weight in read(entries[:MAX_PROMPT]) if text)


def _object(entry: Mapping[Any, Any], found: Found) -> Pair:
    text = str(entry.get("text", entry.get("prompt"))).strip()[:MAX_PROMPT]
    weight = number_of(entry.get("weight", 1.0))
    if weight is None:
        weight, changes = _first_weight(str(entry.get("weight")))
        if changes:
            found.notes.add("the weight of a prompt does not change within a picture here: its first holds")
    if set(entry) - {"text", "prompt", "weight", "spellcheck"}:
        found.notes.add("schedules and models of single prompts are left out")
    return text, weight


def _first_weight(text: str) -> tuple[float, bool]:
    """Return the first value of a schedule, and whether there are others; 1 where it cannot be read."""
    try:
        items = read_list(text, lambda name: None)
    except ScheduleError:
        return 1.0, True
    return (items[0], min(items) != max(items)) if items else (1.0, True)


def written(pair: Pair) -> str | dict[str, Any]:
    """Return a prompt as a scene writes it, so that it is read back to the same.

    >>> written(("a sea", 1.0)), written(("fog", -0.5)), written(("ratio 16:9", 1.0))
    ('a sea', 'fog:-0.5', {'text': 'ratio 16:9', 'weight': 1})
    """
    text, weight = as_written(pair[0]), pair[1]  # those programs read braces as they are
    number = int(weight) if weight == int(weight) else weight
    short = text if weight == 1 else f"{text}:{number!r}"
    if weight != 1 and _WEIGHT_LIKE.search(text):  # of two weights, a reader would wonder which counts
        return {"text": text, "weight": number}
    try:
        read = parse_prompt(short)
    except ExpressionError:
        return {"text": text, "weight": number}
    return short if (read.text, read.weight) == (text, weight) else {"text": text, "weight": number}


def summed(pairs: list[Pair], negative: bool) -> tuple[list[Pair], str]:
    """Return prompts whose weights can be divided by their sum, and what was changed for it.

    Args:
        pairs: texts with weights.
        negative: whether a negative sum is allowed.
    """
    total = math.fsum(weight for _, weight in pairs)
    if total >= LEAST_SUM or (negative and total <= -LEAST_SUM):
        return pairs, ""
    pull = [(text, weight) for text, weight in pairs if weight > 0]
    push = [(text, weight) for text, weight in pairs if weight < 0]
    if pull:
        factor = 0.5 * math.fsum(weight for _, weight in pull) / -math.fsum(weight for _, weight in push)
        weaker = [(text, float(f"{weight * min(factor, 1):.6g}")) for text, weight in push]
        return [*pull, *weaker], "weights that push away were made weaker, for their sum must be positive"
    return [(text, 1.0) for text, _ in pairs], "weights with no positive sum became 1"


def plain_words(text: str) -> str:
    """Return a prompt without what only Stable Diffusion's programs understand, its words kept.

    >>> plain_words("(a sea:1.2), [fog:rain:0.5], <lora:x:1> ((storm))")
    'a sea, fog, storm'
    """
    text = _TICKS.sub("", _ANGLE.sub("", text)).replace(" BREAK ", ", ").replace(" AND ", ", ")
    for _ in range(12):
        before = text
        text = _ROUND.sub(r"\1", text)
        text = _SQUARE.sub(lambda found: _FIRST.sub(r"\1", found[1]), text)
        if text == before:
            break
    text = text.replace("\\(", "(").replace("\\)", ")").replace("\\[", "[").replace("\\]", "]")
    return _COMMAS.sub(",", " ".join(text.split())).strip(" ,;").strip()
