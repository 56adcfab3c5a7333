"""Signs as word processors, guides and web pages write them, in place of those on a keyboard."""

from __future__ import annotations

_SIGNS = {
    **dict.fromkeys("\u2212\u2013\u2014\u2010\u2011\uff0d", "-"),  # minus, dashes, hyphens
    **dict.fromkeys("\u00d7\u22c5\u2217\u00b7", "*"),
    **dict.fromkeys("\u00f7\u2215\u2044", "/"),
    **dict.fromkeys("\u201c\u201d\u201e\u00ab\u00bb\u2033", '"'),
    **dict.fromkeys("\u2018\u2019\u201a\u2032", "'"),
    "\uff08": "(",
    "\uff09": ")",
    "\uff0c": ",",
    "\uff1a": ":",
    "\uff1b": ";",
    "\uff0b": "+",
    "\uff05": "%",
    "\u00a0": " ",
    "\u202f": " ",
    "\u2009": " ",
    "\u200b": " ",
    "\ufeff": " ",
}
_TABLE = str.maketrans(_SIGNS)


def plain_signs(text: str) -> str:
    """Return a text with typographic minus signs, quotes, blanks and brackets as a keyboard has them.

    Every letter keeps its place, so that messages point at the right one.

    >>> plain_signs("0: (\u22121.5), \u201cmax_f\u20132\u201d: (2)")
    '0: (-1.5), "max_f-2": (2)'
    """
    return text.translate(_TABLE)
