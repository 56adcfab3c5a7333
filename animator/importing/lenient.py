"""JSON as people leave it behind, and literals of Python: read as far as they can be, never evaluated.

Comments, trailing and missing commas, ``None`` and ``True``, single quotes, words without quotes, quotes
inside of texts, a line before the first brace, a merge conflict and a missing end are all taken.
"""

from __future__ import annotations

import json
import re
from typing import Any

MAX_DEPTH = 60
"""Most brackets inside one another."""

_SPACE = re.compile(r"(?:[\s\ufeff]+|#[^\n]*|//[^\n]*|/\*.*?(?:\*/|\Z))*", re.DOTALL)
_NUMBER = re.compile(r"[+-]?(?:\d[\d_]*(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?(?=\s*(?:[,\]}):\n#\"']|//|\Z))")
_PREFIX = re.compile(r"[rRbBuUfF]{1,2}(?=[\"'])")
_KEY = re.compile(r"[^\s:=,{}\[\]\"']+")
_ESCAPE = re.compile(r"\\(u[0-9a-fA-F]{4}|x[0-9a-fA-F]{2}|\n|.)", re.DOTALL)
_CONFLICT = re.compile(
    r"^<{7}[^\n]*\n(.*?)^(?:\|{7}[^\n]*\n.*?^)?={7}[^\n]*\n.*?^>{7}[^\n]*\n?", re.DOTALL | re.MULTILINE
)
_SIMPLE = {"n": "\n", "t": "\t", "r": "\r", "b": "\b", "f": "\f", "\n": "", "0": ""}
_WORDS: dict[str, Any] = {
    **{"true": True, "false": False, "null": None, "none": None, "undefined": None},
    **{"nan": float("nan"), "infinity": float("inf"), "-infinity": float("-inf")},
}
_CLOSES = {"{": "}", "[": "]", "(": ")"}


class NoValueError(ValueError):
    """A text holds no value that could be read."""


class Source(str):
    """A text that is written without quotes: a word, a sentence, or an expression of Python."""

    __slots__ = ()


def read_json(text: str) -> Any:
    """Return what a JSON text holds, also where it is not quite one.

    Args:
        text: the text. What stands before its first brace or bracket is passed over; of a merge conflict the
            first side counts.

    Raises:
        NoValueError: there is no brace, or the text is nested too deeply.

    >>> read_json('v2 {a: [1, 2,], "b": None, // x')
    {'a': [1, 2], 'b': None}
    """
    try:
        return json.loads(text, strict=False)
    except (ValueError, RecursionError):
        text = without_conflict(text)
    start = re.search(r"[{\[]", text)
    if not start:
        raise NoValueError("there is no { in it")
    return Reader(text, start.start()).value()


def without_conflict(text: str) -> str:
    """Return a text in which of every merge conflict the first side is left."""
    return _CONFLICT.sub(r"\1", text) if "<<<<<<<" in text else text


class Reader:
    """Reads values from a place in a text on; ``place`` is where the next one begins."""

    def __init__(self, text: str, place: int = 0, lines: bool = False) -> None:
        """Begin at ``place``; with ``lines`` a value outside of brackets ends with its line."""
        self.text = text
        self.place = place
        self.lines = lines
        self.depth = 0

    def value(self) -> Any:
        """Return the next value; None where there is nothing."""
        if not (self.lines and self.depth == 0):
            self._space()
        text, place = self.text, self.place
        if place >= len(text):
            return None
        if prefix := _PREFIX.match(text, place):
            self.place = place = prefix.end()
        sign = text[place]
        if sign == "(" and (end := _end_of_expression(text, place)):
            self.place = end
            return self._expression(place, Source(text[place:end]))
        if sign in "{[(":
            return self._expression(place, self._object() if sign == "{" else self._list())
        if sign in "\"'":
            return self._expression(place, self._text())
        if number := _NUMBER.match(text, place):
            self.place = number.end()
            return _number(number[0])
        return _word(self._raw())

    def _expression(self, start: int, value: Any) -> Any:
        """Return a value, or the text from ``start`` where an operator follows it."""
        if isinstance(value, list) and value and isinstance(value[0], Source) and " for " in value[0]:
            value = Source(self.text[start : self.place])
        place = self.place
        while place < len(self.text) and self.text[place] in " \t":
            place += 1
        if self.text[place : place + 1] not in ("*", "+", "%", ".") or isinstance(value, dict):
            return value
        if self.text.startswith("+ /", place):
            return value
        self._raw()
        return Source(self.text[start : self.place].strip())

    def _space(self) -> None:
        match = _SPACE.match(self.text, self.place)
        self.place = match.end() if match else self.place

    def _deeper(self) -> None:
        self.depth += 1
        if self.depth > MAX_DEPTH:
            raise NoValueError(f"its brackets are nested more than {MAX_DEPTH} deep")
        self.place += 1

    def _object(self) -> dict[str, Any]:
        self._deeper()
        members: dict[str, Any] = {}
        while True:
            self._space()
            sign = self.text[self.place : self.place + 1]
            if sign in ("", "}", "]", ")"):
                self.place += len(sign)
                break
            if sign == ",":
                self.place += 1
                continue
            key = self._key()
            self._space()
            if self.text[self.place : self.place + 1] in (":", "="):
                self.place += 1
                members[key] = self.value()
        self.depth -= 1
        return members

    def _key(self) -> str:
        if self.text[self.place] in "\"'":
            return self._text(":=")
        if match := _KEY.match(self.text, self.place):
            self.place = match.end()
            return match[0]
        self.place += 1  # a bracket or a sign where a name belongs
        return ""

    def _list(self) -> list[Any]:
        self._deeper()
        items: list[Any] = []
        while True:
            self._space()
            sign = self.text[self.place : self.place + 1]
            if sign in ("", "}", "]", ")"):
                self.place += len(sign)
                break
            if sign in ",:=":
                self.place += 1
                continue
            before = self.place
            items.append(self.value())
            self.place = max(self.place, before + 1)
        self.depth -= 1
        return items

    def _text(self, ends: str = "") -> str:
        """Return the text in quotes that begins here; a quote that nothing fitting follows is part of it."""
        quote = self.text[self.place]
        triple = self.text[self.place : self.place + 3] == quote * 3
        if triple:
            quote *= 3
        start = end = self.place + len(quote)
        while True:
            end = self.text.find(quote, end)
            if end < 0:
                line = self.text.find("\n", start)  # never closed: the text ends with its line
                end = line if line >= 0 and not triple else len(self.text)
                self.place = end
                return _unescaped(self.text[start:end].rstrip().rstrip(","))
            if not triple and _escaped(self.text, start, end):
                end += 1
                continue
            after = end + len(quote)
            if triple or self._ends(after, ends):
                self.place = after
                return _unescaped(self.text[start:end])
            end = after

    def _ends(self, place: int, ends: str) -> bool:
        """Return whether a text may end before ``place``, by what follows there."""
        match = _SPACE.match(self.text, place)
        after = match.end() if match else place
        sign = self.text[after : after + 1]
        if after > place and "\n" in self.text[place:after]:
            return True
        return not sign or sign in ",:=]})*+%.\"'" + ends

    def _raw(self) -> str:
        """Return the text up to the comma, closing bracket or line end that ends a value without quotes."""
        start, opened = self.place, 0
        while self.place < len(self.text):
            sign = self.text[self.place]
            if sign in "([{":
                opened += 1
            elif sign in ")]}":
                if not opened:
                    break
                opened -= 1
            elif sign in "\"'" and not self.text[self.place - 1].isalpha():
                close = self.text.find(sign, self.place + 1)
                line = self.text.find("\n", self.place)
                if close >= 0 and (line < 0 or close < line):
                    self.place = close
            elif not opened and (sign in ",\n" or (sign == "#" and self.text[self.place - 1] in " \t")):
                if not (sign == "," and self.lines and self.depth == 0):
                    break
            elif not opened and self.text.startswith("//", self.place):
                break
            self.place += 1
        return self.text[start : self.place].strip()


def _end_of_expression(text: str, start: int) -> int:
    """Return where the brackets end that begin at a place and are around an expression with a list in it.

    0 where they are not: where they are around a text, or around several values.
    """
    place, depth, lists = start, 0, False
    while place < len(text):
        sign = text[place]
        if sign == "#":
            place = text.find("\n", place)
            if place < 0:
                return 0
        elif sign in "([":
            depth += 1
            lists = lists or sign == "["
        elif sign in ")]":
            depth -= 1
            if depth == 0:
                return place + 1 if lists else 0
        elif sign in "\"'{}" or (sign == "," and depth == 1):
            return 0
        place += 1
    return 0


def _number(text: str) -> int | float:
    plain = text.replace("_", "")
    try:
        return int(plain) if len(plain) < 400 else float(plain)
    except ValueError:
        return float(plain)


def _word(raw: str) -> Any:
    low = raw.strip().rstrip(";").lower()
    if low in _WORDS:
        return _WORDS[low]
    return Source(raw)


def _escaped(text: str, start: int, quote: int) -> bool:
    """Return whether the quote at a place has an odd number of backslashes before it."""
    before = quote
    while before > start and text[before - 1] == "\\":
        before -= 1
    return (quote - before) % 2 == 1


def _unescaped(text: str) -> str:
    if "\\" not in text:
        return text
    plain = _ESCAPE.sub(_meant, text)
    if any("\ud800" <= sign <= "\udfff" for sign in plain):  # two halves of one letter
        plain = plain.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return plain


def _meant(match: re.Match[str]) -> str:
    sign = match[1]
    if sign[0] in "ux" and len(sign) > 1:
        return chr(int(sign[1:], 16))
    return _SIMPLE.get(sign, sign)
