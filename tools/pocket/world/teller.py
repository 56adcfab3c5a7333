"""The chooser of words behind a caption, and what it needs of grammar."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from tools.pocket.world.spec import Spec
from tools.pocket.world.words import Words

ROLLS = 128
"""More than the random numbers that one caption can use up."""

Extra = tuple[str, str]
"""One fact twice: as a phrase that follows a noun, and as an item of a list."""


class Teller:
    """Chooses words for one picture, and counts how many it took from those held back."""

    def __init__(self, spec: Spec, rng: np.random.Generator, unseen: bool) -> None:
        self.spec = spec
        self.unseen = unseen
        self.held = 0
        self._rolls = iter(rng.random(ROLLS).tolist())

    def chance(self, share: float) -> bool:
        """Return True in ``share`` of all cases."""
        result: bool = next(self._rolls) < share
        return result

    def form(self, *shares: float) -> int:
        """Return which of several forms to use; the last has what the others leave."""
        roll = next(self._rolls)
        for form, share in enumerate(shares):
            if roll < share:
                return form
            roll -= share
        return len(shares)

    def one_of(self, phrases: Sequence[str]) -> str:
        """Return one of the phrases, all alike likely."""
        return phrases[int(next(self._rolls) * len(phrases))]

    def word(self, seen: Sequence[str], held: Sequence[str]) -> str:
        """Return a phrase; where unseen captions are told, the first and half of the others are held ones."""
        if self.unseen and held and (self.chance(0.5) or not self.held):
            self.held += 1
            return self.one_of(held)
        return self.one_of(seen)

    def extra(self, words: Words) -> Extra:
        """Return one part of the picture as a phrase and as an item of a list."""
        return self.word(words.say, words.held), self.word(
            words.tag or words.say, words.held_tag or words.held
        )


def with_article(noun: str) -> str:
    """Return the noun with "a" or "an" before it."""
    return f"{'an' if noun[0] in 'aeiou' and not noun.startswith('8') else 'a'} {noun}"


def bare(noun: str) -> str:
    """Return a noun without its article, as in a list of words."""
    first, _, rest = noun.partition(" ")
    return rest if first in ("a", "an", "the") else noun
