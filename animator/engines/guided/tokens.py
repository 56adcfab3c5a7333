"""The tokens of a text as CLIP reads it, without loading any network.

CLIP reads 77 tokens, of which two mark the beginning and the end; what follows is never seen. The vocabulary
is the file that open_clip carries; the byte pair encoding is that of Sennrich et al. 2016, "Neural machine
translation of rare words with subword units", section 3.2, over bytes (Radford et al. 2019).
"""

from __future__ import annotations

import gzip
import importlib.util
from functools import lru_cache
from itertools import islice, pairwise
from pathlib import Path

CONTEXT = 77
ROOM = CONTEXT - 2
"""Tokens that are left for the words of a text."""

_MERGES = 49152 - 256 - 2
_WORDS = r"'s|'t|'re|'ve|'m|'ll|'d|\p{L}+|\p{N}|[^\s\p{L}\p{N}]+"


@lru_cache(maxsize=1)
def _ranks() -> dict[tuple[str, ...], int]:
    """Return the pairs that are merged, and which of them first; empty where open_clip is not installed."""
    package = importlib.util.find_spec("open_clip")
    if package is None or package.origin is None:
        return {}
    file = Path(package.origin).parent / "bpe_simple_vocab_16e6.txt.gz"
    with gzip.open(file, "rt", encoding="utf-8") as stream:
        lines = islice(stream, 1, _MERGES + 1)  # what follows in the file is not part of CLIP's vocabulary
        return {tuple(line.split()): rank for rank, line in enumerate(lines)}


@lru_cache(maxsize=1)
def _letters() -> dict[int, str]:
    """Return the printable letter that stands for each byte in the vocabulary."""
    printable = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    others = [byte for byte in range(256) if byte not in printable]
    return {byte: chr(byte) for byte in printable} | {byte: chr(256 + i) for i, byte in enumerate(others)}


def _pieces(word: str) -> list[str]:
    """Return the tokens of one word, as the vocabulary spells them."""
    ranks, letters = _ranks(), _letters()
    parts = [letters[byte] for byte in word.encode("utf-8")]
    parts[-1] += "</w>"
    while len(parts) > 1:
        pairs = list(pairwise(parts))
        best = min(pairs, key=lambda pair: ranks.get(pair, _MERGES))
        if best not in ranks:
            break
        merged: list[str] = []
        for part in parts:
            if merged and (merged[-1], part) == best:
                merged[-1] += part
            else:
                merged.append(part)
        parts = merged
    return parts


@lru_cache(maxsize=1)
def _numbers() -> dict[str, int]:
    """Return the number of every token: bytes, bytes that end a word, then the pairs in their order."""
    letters = list(_letters().values())
    spelt = [*letters, *(f"{letter}</w>" for letter in letters), *map("".join, _ranks())]
    return {token: number for number, token in enumerate(spelt)}


def words_of(text: str) -> dict[str, list[int]]:
    """Return the words of a text from two letters on, each with the numbers of its tokens.

    Empty where open_clip's vocabulary is not installed.

    >>> words_of("A lighthouse, 1900")
    {'lighthouse': [13717]}
    """
    if not _ranks():
        return {}
    import regex

    words = (match[0].lower() for match in regex.finditer(r"\p{L}{2,}", text))
    return {word: [_numbers()[piece] for piece in _pieces(word)] for word in words}


def lost(text: str, room: int = ROOM) -> tuple[int, int]:
    """Return (tokens that a text takes, index of the first letter that CLIP does not see or its length).

    A short text is not counted: a token covers at least one byte, so that as many bytes as tokens always fit.

    Args:
        text: a prompt.
        room: tokens that CLIP reads of its words.

    >>> lost("a lighthouse")
    (0, 12)
    """
    if len(text.encode("utf-8", "replace")) <= room or not _ranks():
        return 0, len(text)
    import regex

    count, end = 0, len(text)
    for match in regex.finditer(_WORDS, text, regex.IGNORECASE):
        count += len(_pieces(match[0].lower()))
        if count > room:
            end = min(end, match.start())
    return count, end
