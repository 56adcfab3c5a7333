"""What other tools would do with a part of a prompt, and this one paints as it is written."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from animator.keyframes.expressions import NUMBER
from animator.keyframes.schedules import meant_schedule
from animator.keyframes.signs import plain_signs
from animator.types import Prompt

LARGE = 50.0
"""Weights beyond this drown the other prompts."""


@dataclass(frozen=True)
class Syntax:
    """Something that another tool reads in a prompt.

    Attributes:
        pattern: how it is written.
        message: what it is, and our way to say it; ``{}`` is what was found.
    """

    pattern: re.Pattern[str]
    message: str


def _syntax(pattern: str, message: str, flags: int = 0) -> Syntax:
    return Syntax(re.compile(pattern, flags), message)


_AWAY = 'what to keep away from is a prompt of its own with a negative weight: ["...", "castle:-0.5"]'
_OWN = 'what matters more or less is a prompt of its own with a weight: ["...", "castle:1.3"]'
_FRAMES = "prompts that change are a mapping from frames: {0: a house, 24: a ruin}, with prompt_blend"
_CHOICES = "nothing is chosen there; write {red|blue}, from which the seed draws"
_PAINTED = "is painted as words"
_LIST = 'joins nothing here; prompts of one moment are a list: ["a:0.8", "b:0.2"]'
_NO_NETWORK = "loads no network here; leave it out"

SYNTAXES = (
    _syntax(r"(?<!\S)(?:--|[\u2013\u2014])(?:neg|no|negative)\b.*", f"{_PAINTED}; {_AWAY}", re.I | re.S),
    _syntax(r"(?i:\bnegative[ _]prompt\s*:).*", f"{_PAINTED}; {_AWAY}", re.S),
    _syntax(
        r"(?<!\S)(?:--[A-Za-z][\w-]*|[\u2013\u2014](?:ar|aspect|seed|stylize|chaos|niji|tile|iw|hd)\b)(?:\s+[\d.:]+)?",
        "is another tool's switch and painted as words; settings have lines of their own: size: [768, 512]",
    ),
    _syntax(
        r"<\s*(?:lora|lyco|locon|hypernet|ti|embedding)\s*:[^<>]*>",
        "loads no network here; leave it out",
        re.I,
    ),
    _syntax(r"<[^<>\s|:]{1,60}>", _NO_NETWORK),
    _syntax(r"\bembedding:\S+", _NO_NETWORK, re.I),
    _syntax(r"`[^`]*`", f"is not computed in a prompt; {_FRAMES}"),
    _syntax(r"<[^<>]*\|[^<>]*>", f"{_PAINTED}; {_CHOICES}"),
    _syntax(r"\[[^\[\]]*[:|][^\[\]]*\]", f"{_PAINTED}; {_FRAMES}"),
    _syntax(r"\([^()]*:\s*[+-]?[\d.]+\s*\)", f"{_PAINTED}; {_OWN}"),
    _syntax(
        r"\([^()]*\)(?:\d[\d.]*|\.\d+)|\([^()]*\)(?:\++|-+)(?!\w)|\b(?!C\+\+)\w+\+{2,}(?!\S)",
        f"{_PAINTED}; {_OWN}",
    ),
    _syntax(r"\(\(.*?\)\)|\[\[.*?\]\]|\{\{.*?\}\}", f"{_PAINTED}; {_OWN}", re.S),
    _syntax(
        r"\{[^{}|@]*\}",
        f"{_PAINTED}; {_OWN}; a list of words by that name is written under modifiers",
    ),
    _syntax(
        r"(?<!\w)_{1,2}[A-Za-z][\w /*-]*?_{1,2}(?!\w)",
        "is no list of words here; write {@artists.txt}, a line each",
    ),
    _syntax(
        r"(?<!\w)[$%][A-Za-z]\w*[$%]?",
        "is no variable here; write {colour} and modifiers: {colour: [red, blue]}",
    ),
    _syntax(
        r"(?<=[a-z\d).,]\s)AND(?:_SALT|_PERP)?(?=\s+[a-z\d(\"])",
        _LIST,
    ),
    _syntax(r"\sBREAK\s", _LIST),
    _syntax(r"\)?\.(?:and|blend|swap)\([^()]*\)", _LIST),
    _syntax(
        r"\s[|]{1,2}\s|::(?!\s*[+-]?[\d.]+\s*$)",
        _LIST,
    ),
)
"""In the order in which they are looked for; what one has found is not looked at again."""

_WEIGHT = re.compile(rf"(?P<before>\S?)(?P<blank>\s*):(?P<after>\s*)(?P<weight>[+-]?{NUMBER})\s*", re.ASCII)
_PLAIN = re.compile(r"[+-]?(?:\d{1,2}(?:\.\d+)?|\.\d+)", re.ASCII)
_NEARLY = re.compile(
    rf":\s*(?:(?P<number>[+-]?{NUMBER})\s*(?P<sign>%)|[(\[]\s*(?P<inner>[+-]?{NUMBER})\s*[)\]]|"
    rf"(?P<quoted>[+-]?{NUMBER})\s*\")\s*$",
    re.ASCII,
)
"""A number at the end that is dressed up: with a percent sign, in brackets, before a closing quote."""

_INSIDE = re.compile(rf"(?<=[^\W\d]):[+-]?(?:{NUMBER}(?=\s*[,;]\s*\S)|\d*\.\d+(?=[^\W\d]))")
"""A number behind a word and a colon inside a text: before a comma, or with a point and glued to a word."""

_COMMA = re.compile(r":\s*(?P<whole>[+-]?\d+),(?P<part>\d+)\s*$", re.ASCII)


def foreign_syntax(text: str) -> Iterator[tuple[int, str, str]]:
    """Yield where something of another tool's begins in a prompt, what it is, and what to say of it.

    Each kind is reported once.

    >>> [(at, found) for at, found, _ in foreign_syntax("a <red|blue> house --neg rain")]
    [(19, '--neg rain'), (2, '<red|blue>')]
    """
    said: set[str] = set()
    left = text
    for syntax in SYNTAXES:
        while match := syntax.pattern.search(left):
            if syntax.message not in said:
                said.add(syntax.message)
                start = match.start() + len(match[0]) - len(match[0].lstrip())
                yield start, _brief(match[0]), syntax.message
            left = left[: match.start()] + "\0" * len(match[0]) + left[match.end() :]


def without_syntax(text: str) -> str:
    """Return a prompt without what `foreign_syntax` finds in it."""
    for syntax in SYNTAXES:
        text = syntax.pattern.sub(" ", text)
    return text


def odd_weight(written: str, prompt: Prompt) -> str:
    """Return what to say of a number at the end of a prompt that may not be meant as a weight, or "".

    Args:
        written: the prompt as the scene has it.
        prompt: what was read.

    >>> odd_weight("dawn at 6:30", Prompt("dawn at 6", 30.0))
    '30 is read as its weight; if it belongs to the text, write {text: "dawn at 6:30"}'
    """
    if prompt.course:
        return ""
    if comma := _COMMA.search(written):
        number = f"{comma['whole']}.{comma['part']}"
        text = written[: comma.start()].strip()
        return f"'{comma[0].strip()}' is no weight but painted; write '{_brief(text)}:{number}'"
    plain = plain_signs(written)
    match = next((one for one in map(_WEIGHT.fullmatch, _tails(plain)) if one), None)
    if match is None:
        return _no_weight(plain)
    doubled = match["before"] == ":"
    after_digit = match["before"].isdigit() and not match["blank"]
    spaced = bool(match["after"]) and not _PLAIN.fullmatch(match["weight"])
    if not (abs(prompt.weight) > LARGE or doubled or after_digit or spaced):
        return _inside(plain)
    if doubled:
        before = plain.rstrip()[: -len(match["weight"])].rstrip(": ")
        plain = f"{before}:{match['weight']}"
        return f"the text keeps a colon; write one colon before a weight: '{_brief(plain)}'"
    whole = written.strip().replace('"', '\\"')
    return f'{prompt.weight:g} is read as its weight; if it belongs to the text, write {{text: "{whole}"}}'


def _tails(written: str) -> Iterator[str]:
    """Yield what follows the last colon of a text, with the colon and one sign before its blanks."""
    before, colon, after = written.rpartition(":")
    if colon:
        head = before.rstrip()
        yield (head[-1:] + before[len(head) :]) + colon + after


def _no_weight(plain: str) -> str:
    """Return what to say of a text that has something like a weight, which is painted; "" if it has none."""
    text, _, tail = plain.rpartition(":")
    if text and (meant := meant_schedule(tail)):
        return f"'{tail.strip()}' is no weight but painted; write '{_brief(text.strip())}:{meant}'"
    if mark := _NEARLY.search(plain):
        number = float(mark["number"] or mark["inner"] or mark["quoted"]) / (100 if mark["sign"] else 1)
        text = _brief(plain[: mark.start()].strip().strip('"'))
        return f"'{mark[0].strip()}' is no weight but painted; write '{text}:{number:g}'"
    if said := _inside(plain):
        return said
    if plain.strip()[:1] == '"' and plain.count('"') == 1:
        return "a quotation mark is never closed, and is painted; a scene takes the marks \" and ' alone"
    return ""


def _inside(plain: str) -> str:
    """Return what to say of a number inside a text that looks like a weight; "" if there is none."""
    mark = _INSIDE.search(plain)
    return (
        f"'{mark[0]}' is no weight but painted: only a number at the end is one; "
        'write a list of prompts, ["a:0.8", "b:0.2"]'
        if mark
        else ""
    )


def _brief(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= 40 else f"{line[:37]}..."
