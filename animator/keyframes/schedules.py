"""Values over the diffusion, as Disco Diffusion writes them: ``"[12]*400+[4]*600"``."""

from __future__ import annotations

import re
from itertools import groupby

import numpy as np

from animator.errors import ExpressionError
from animator.keyframes.expressions import check_length, parse_expression
from animator.keyframes.signs import plain_signs
from animator.types import DIFFUSION_SCALE, Schedule

_PIECE = re.compile(r"\s*\[(?P<items>[^\[\]]*)\]\s*(?:\*\s*(?P<count>\d{1,18})\s*)?", re.ASCII)

_BARE = re.compile(
    r"\s*(?P<open>[(\[{]?)\s*(?P<value>[+-]?(?:\d+(?:\.\d*)?|\.\d+))\s*(?P<close>[)\]}]?)\s*[*x\u00d7]\s*"
    r"(?P<count>\d{1,4})\s*(?P<percent>%?)\s*[)\]}]?\s*",
    re.ASCII,
)
"""A piece with other brackets than its own, or with a percent sign behind its count."""

_MOST = 1000
"""Letters of the longest text that is looked at for pieces without their brackets."""

_DECIMAL_COMMA = re.compile(r"\s*([+-]?\d+),(\d+)\s*", re.ASCII)


def is_schedule(text: str) -> bool:
    """Return whether a text is meant as a value over the diffusion: it begins with a square bracket.

    >>> is_schedule("[12]*400+[4]*600"), is_schedule("0: (1)")
    (True, False)
    """
    return text.lstrip().startswith("[")


def meant_schedule(text: str) -> str:
    """Return the schedule that a text without its brackets is meant for; an empty text where it is none.

    It is one where it has several pieces whose counts make 1000, or 100 %.

    >>> meant_schedule("12*400+4*600"), meant_schedule("[12]*40%+[4]*60%"), meant_schedule("2*t+1*5")
    ('[12]*400+[4]*600', '[12]*400+[4]*600', '')
    """
    pieces = [_BARE.fullmatch(part) for part in plain_signs(text).split("+")] if len(text) <= _MOST else []
    found = [piece for piece in pieces if piece is not None]
    if len(found) < 2 or len(found) != len(pieces):
        return ""
    counts = [int(piece["count"]) * (DIFFUSION_SCALE // 100 if piece["percent"] else 1) for piece in found]
    meant = "+".join(f"[{piece['value']}]*{count}" for piece, count in zip(found, counts, strict=True))
    return meant if sum(counts) == DIFFUSION_SCALE and meant != re.sub(r"\s", "", text) else ""


def schedule_runs(text: str) -> list[tuple[float, int]]:
    """Read a schedule into its runs as they are written: (value, how many entries).

    Raises:
        ExpressionError: the text is not a sum of pieces like ``[12]*400``.

    >>> schedule_runs("[12]*400+[4]*600")
    [(12.0, 400), (4.0, 600)]
    """
    check_length(text)
    text = plain_signs(text)
    runs: list[tuple[float, int]] = []
    place = total = 0
    while True:
        match = _PIECE.match(text, place)
        if match is None:
            raise ExpressionError("expected a piece like [12]*400", place)
        items = _items(text, match)
        count = int(match["count"] or 1)
        total += count * len(items)
        if total > DIFFUSION_SCALE:
            message = f"the pieces up to here make {total} values, {DIFFUSION_SCALE} are needed"
            if comma := _DECIMAL_COMMA.fullmatch(match["items"]):
                number = f"{comma[1]}.{comma[2]}"
                message = f"a comma separates values; write {number} if this is a decimal comma"
            raise ExpressionError(message, match.start("items") - 1)
        runs += [(items[0], count)] if len(items) == 1 else [(item, 1) for item in items] * count
        place = match.end()
        if place == len(text):
            return runs
        if text[place] != "+":
            join = "; pieces are joined by +: [12]*400+[4]*600" if text[place] in ",;[" else ""
            raise ExpressionError(f"expected '+' or the end, found {text[place]!r}{join}", place)
        place += 1


def parse_schedule(text: str | int | float) -> Schedule:
    """Read a schedule into its 1000 entries; a number is the same all the way.

    Returns:
        float64 of shape (1000,), index 0 the first and noisiest moment.

    Raises:
        ExpressionError: the text is not a schedule, or its pieces do not make 1000 values.

    >>> parse_schedule("[12]*400+[4]*600")[[0, 399, 400, 999]].tolist()
    [12.0, 12.0, 4.0, 4.0]
    """
    if not isinstance(text, str):
        return np.full(DIFFUSION_SCALE, float(text))
    runs = schedule_runs(text)
    values = np.repeat([value for value, _ in runs], [count for _, count in runs])
    if len(values) != DIFFUSION_SCALE:
        raise ExpressionError(f"the pieces make {len(values)} values, {DIFFUSION_SCALE} are needed")
    return values.astype(np.float64)


def schedule_text(schedule: Schedule) -> str:
    """Write a schedule as compactly as its notation allows.

    >>> schedule_text(parse_schedule("[0.2]*300 + [0.2]*100 + [0]*600"))
    '[0.2]*400+[0]*600'
    """
    runs = ((value, len(list(run))) for value, run in groupby(schedule.tolist()))
    return "+".join(f"[{number_text(value)}]*{count}" for value, count in runs)


def number_text(value: float) -> str:
    """Write a number as briefly as reads back to the same.

    >>> number_text(4.0), number_text(0.1)
    ('4', '0.1')
    """
    return repr(int(value)) if value == int(value) and abs(value) < 1e15 else repr(float(value))


def _items(text: str, match: re.Match[str]) -> list[float]:
    """Return the values between one pair of square brackets; each may be a formula of numbers."""
    values = []
    place = match.start("items")
    for item in match["items"].split(","):
        value = float(parse_expression(item, place, variables=()).evaluate(np.zeros(1))[0])
        if not np.isfinite(value):
            raise ExpressionError(f"'{item.strip()[:40]}' has no finite value", place)
        values.append(value)
        place += len(item) + 1
    return values
