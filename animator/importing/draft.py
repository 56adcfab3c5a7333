"""A scene in the making: values by dotted name, and for every key of the file where it went."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

STAND_IN = "a landscape"
"""What is painted where a file names no prompt."""

CARRIED, DROPPED, APPROXIMATED = "carried", "dropped", "approximated"
"""What becomes of a key: the same here; nothing, as it cannot matter; or nearly the same."""


@dataclass(frozen=True)
class Row:
    """What became of one key of a file.

    Attributes:
        key: as the file writes it.
        fate: ``carried``, ``dropped`` or ``approximated``.
        place: dotted name of the setting that has the value now; empty where there is none.
        note: why it is dropped, what differs, or nothing.
    """

    key: str
    fate: str
    place: str = ""
    note: str = ""


@dataclass
class Draft:
    """What is known so far of the scene that a file becomes.

    Attributes:
        values: by dotted name, as YAML has them.
        rows: by key of the file.
        guesses: what the file does not say and was guessed, a sentence each.
        todo: what only a person can put in: dotted name to what belongs there.
        asleep: values by dotted name that count only once that is done.
        base: name of the bundled scene that is extended, or empty.
        mode: still, 2d, 3d or video.
        frames: length of the film; 1 for stills.
        seed: value of ``s`` in formulas.
        method: how numbers are joined: linear, quadratic or cubic.
    """

    values: dict[str, Any] = field(default_factory=dict)
    rows: dict[str, Row] = field(default_factory=dict)
    guesses: list[str] = field(default_factory=list)
    todo: dict[str, str] = field(default_factory=dict)
    asleep: dict[str, Any] = field(default_factory=dict)
    base: str = ""
    mode: str = "still"
    frames: int = 1
    seed: float = 0.0
    method: str = "linear"

    @property
    def film(self) -> bool:
        """Whether it is a film."""
        return self.mode != "still"

    def carry(self, key: str, place: str, value: Any, note: str = "", differs: bool = False) -> None:
        """Put the value of a key into a place; ``differs`` says that it is only nearly the same."""
        self.values[place] = value
        self.note(key, APPROXIMATED if differs else CARRIED, place, note)

    def drop(self, key: str, why: str) -> None:
        """Note that a key has no place here, and why."""
        self.note(key, DROPPED, "", why)

    def differ(self, key: str, place: str, note: str) -> None:
        """Note that a key has something like it here, and what differs."""
        self.note(key, APPROXIMATED, place, note)

    def note(self, key: str, fate: str, place: str, note: str) -> None:
        """Note what became of a key, beside what was noted of it before."""
        before = self.rows.get(key, Row(key, fate))
        notes = dict.fromkeys(part for part in (before.note, note) if part)
        near = APPROXIMATED in (before.fate, fate)
        self.rows[key] = Row(key, APPROXIMATED if near else fate, place or before.place, "; ".join(notes))

    def ask(self, key: str, place: str, value: str, what: str) -> None:
        """Note that a key names a file on another disk: nothing is read, a person puts the path in."""
        name = value.replace("\\", "/").rstrip("/").rpartition("/")[2] or value
        self.todo[place] = (
            f"{what}; the file says {short(value)}" if name != value else f"{what}: {short(value)}"
        )
        self.note(key, APPROXIMATED, place, f"not read: put the path of your {what} there")


def short(text: str, most: int = 100) -> str:
    r"""Return a text in one line of at most ``most`` letters.

    >>> short("a\nb", 10), short("abcdefgh", 5)
    ('a b', 'ab...')
    """
    line = " ".join(str(text).split())
    line = "".join(letter if letter.isprintable() else "?" for letter in line)
    return line if len(line) <= most else line[: most - 3] + "..."


def truth(value: Any) -> bool | None:
    """Return the yes or no that a value is, also as a number or a word; None where it is neither.

    >>> truth("True"), truth(0), truth("perhaps")
    (True, False, None)
    """
    if isinstance(value, bool | int | float):
        return bool(value)
    word = str(value).strip().strip("'\"").lower() if isinstance(value, str) else ""
    if word in ("true", "yes", "on", "1", "1.0"):
        return True
    if word in ("false", "no", "off", "0", "0.0", "none", "null", ""):
        return False if value is None or isinstance(value, str) else None
    return None


def is_nothing(value: Any) -> bool:
    """Return whether a value says that there is nothing: None, an empty text, list or object, or "None"."""
    if isinstance(value, str):
        return value.strip().lower() in ("", "none", "null", "n/a", "auto_none")
    return value is None or (isinstance(value, list | Mapping) and not value)
