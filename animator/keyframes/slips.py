"""What people write in formulas that means something elsewhere, and what to write here."""

from __future__ import annotations

import difflib
import re
from collections.abc import Collection, Iterable
from dataclasses import dataclass

from animator.keyframes.easings import easing_name
from animator.keyframes.functions import CONSTANTS

NAMES = {
    **dict.fromkeys(("nan", "none", "null"), "every frame needs a number; leave the key out"),
    **dict.fromkeys(("inf", "infinity"), "write a number that is large enough"),
    **dict.fromkeys(
        ("frame", "frame_idx", "frame_number", "current_frame", "time", "x", "n", "i"), "write t"
    ),
    **dict.fromkeys(
        ("max_frames", "frames", "num_frames", "total_frames", "n_frames", "frame_count"), "write max_f + 1"
    ),
    **dict.fromkeys(("end", "last", "last_frame", "maxf"), "write max_f, the number of the last frame"),
    **dict.fromkeys(("start", "first", "begin"), "write 0"),
    "seed": "write s",
    "tau": "write 2 * pi",
    "fps": "write the number itself, or a position in seconds: 2.5s",
    "bpm": "write the number itself, or a position in beats: 4b",
    "true": "write 1",
    "false": "write 0",
}
"""Names of other languages, and what to write here."""

UNITS = ("deg", "degree", "degrees", "rad", "px", "pixel", "pixels", "steps", "percent", "pct")
"""Words that people write behind a number."""

CHARACTERS = {
    "\u03c0": "write pi",
    "\u00b2": "write **2",
    "\u00b3": "write **3",
    "\u221a": "write sqrt(...)",
    "\u221e": "write a number that is large enough",
    "\u00b0": "numbers have no unit here; leave it out",
    "\u2264": "write <=",
    "\u2265": "write >=",
    "\u2260": "write !=",
    "?": "write where(condition, yes, no)",
    "[": "brackets are round: ( )",
    "]": "brackets are round: ( )",
    "{": "keys have no braces in a text: 0: (1), 10: (2)",
    ";": "keys are separated by commas",
    "#": "a frame is its number alone",
}
"""Characters of other languages, and what to write here."""


@dataclass(frozen=True)
class Token:
    """A number, a name or a sign of a formula; ``offset`` is where it begins in the user's text."""

    kind: str
    text: str
    offset: int


def foreign_character(text: str, place: int) -> str:
    """Return what to say of a character that no formula has.

    >>> foreign_character("t\u00b2", 1), foreign_character("np.sin(t)", 2)
    ("unexpected character '\u00b2': write **2", "unexpected character '.': leave 'np.' out")
    """
    of = re.search(r"\b(np|numpy|math)$", text[:place], re.IGNORECASE)
    said = f"leave '{of[0]}.' out" if of else CHARACTERS.get(text[place], "")
    return f"unexpected character {text[place]!r}" + (f": {said}" if said else "")


def foreign_word(word: str, variables: Collection[str]) -> str:
    """Return what to say of a name that other languages know; an empty text where none does.

    Args:
        word: the name.
        variables: what the formula may read.
    """
    if (way := easing_name(word)) is not None:
        return f"'{word}' is a way between two keys: write 0: (1) {way}, 10: (2)"
    said = NAMES.get(word.lower(), "")
    return f"unknown name '{word}'; {said}" if said and (said != "write t" or "t" in variables) else ""


def two_values(first: Token, second: Token, functions: Collection[str], variables: Collection[str]) -> str:
    """Return what to say of a value right behind another one; an empty text where there are not two.

    >>> two_values(Token("number", "2", 0), Token("name", "t", 1), (), ["t"])
    'a product is written with a sign: 2 * t'
    """
    if second.kind != "name" and second.text != "(":
        return ""
    if first.kind not in ("number", "name") and first.text != ")":
        return ""
    if first.kind == "number" and second.kind == "name":
        digits = second.text.replace("_", "")
        if first.offset + len(first.text) == second.offset:
            if second.text.startswith("_") and digits.isdigit():
                return f"a number has no _ in it: write {first.text}{digits}"
            if second.text in ("k", "K"):
                return f"write {1000 * float(first.text):.15g} for {first.text}{second.text}"
            if first.text == "0" and second.text[:1] in ("x", "b", "o"):
                return "write the number in decimal digits"
        if second.text.lower() in UNITS:
            return f"numbers have no unit here: leave '{second.text}' out"
    if second.kind == "name" and second.text not in (*functions, *variables, *CONSTANTS):
        return ""
    left = first.text[:20] if first.text != ")" else "(...)"
    call = "(...)" if second.text in functions else ""
    right = second.text[:20] + call if second.text != "(" else "(...)"
    return f"a product is written with a sign: {left} * {right}"


def suggestion(word: str, choices: Iterable[str]) -> str:
    """Return ``; did you mean 'x'?`` for the nearest of ``choices``, or an empty string.

    >>> suggestion("linaer", ["linear", "step"]), suggestion("qqq", ["linear"])
    ("; did you mean 'linear'?", '')
    """
    near = difflib.get_close_matches(word[:40], list(choices), n=1)
    return f"; did you mean '{near[0]}'?" if near else ""
