"""Prompts over the frames: which texts pull at a frame, how strongly, and how one set becomes the next."""

from __future__ import annotations

import math
import re
from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from animator.errors import ExpressionError
from animator.keyframes.clock import Clock
from animator.keyframes.expressions import NUMBER, check_length
from animator.types import Prompt

LEAST_SUM = 1e-3
"""Smallest sum of a set's weights: they are divided by it."""

_WEIGHT = re.compile(rf"(?P<text>.*):\s*(?P<weight>[+-]?{NUMBER})\s*", re.ASCII | re.DOTALL)


def parse_prompt(text: str) -> Prompt:
    """Read ``"text"`` or ``"text:weight"``; only a number after the last colon is a weight.

    >>> parse_prompt("16:9 poster:0.5"), parse_prompt("https://example.org/a.png")
    (Prompt(text='16:9 poster', weight=0.5), Prompt(text='https://example.org/a.png', weight=1.0))
    """
    check_length(text)
    match = _WEIGHT.fullmatch(text)
    words, weight = (match["text"], float(match["weight"])) if match else (text, 1.0)
    if not words.strip():
        raise ExpressionError("the prompt has no text; write text or text:weight")
    if not math.isfinite(weight):
        raise ExpressionError("the weight is too large", len(words) + 1)
    return Prompt(words.strip(), weight)


@dataclass(frozen=True)
class PromptSet:
    """The prompts from one key on.

    Attributes:
        start: frame of the key.
        texts: the prompts as the user wrote them, weights included.
        prompts: the same, read, with weights that sum to 1.
    """

    start: int
    texts: tuple[str, ...]
    prompts: tuple[Prompt, ...]


@dataclass(frozen=True)
class PromptTrack:
    """The prompts of a film.

    Attributes:
        sets: by their start, at least one.
        blend: frames over which a set fades in, 0 for a hard cut.
    """

    sets: tuple[PromptSet, ...]
    blend: float = 0.0

    def texts(self, frame: int) -> tuple[str, ...]:
        """Return the prompts of the set in force, as they were written."""
        return self.sets[self._index(frame)].texts

    def at(self, frame: int) -> tuple[Prompt, ...]:
        """Return the prompts of a frame with weights that sum to 1; during a fade those of both sets.

        With a blend of n, the n frames from a key on hold 1/(n+1), 2/(n+1), … n/(n+1) of the new set, and the
        rest of what was before; the frame after them is the new set's alone. A text that stands in both sets
        is one prompt with the weights of both, so that it does not flicker.
        """
        weights: dict[str, float] = {}
        remaining = 1.0
        for index in range(self._index(frame), -1, -1):
            share = remaining * self._fade(index, frame)
            for prompt in self.sets[index].prompts:
                weights[prompt.text] = weights.get(prompt.text, 0.0) + share * prompt.weight
            remaining -= share
            if remaining <= 0:
                break
        return tuple(Prompt(text, weight) for text, weight in weights.items())

    def _index(self, frame: int) -> int:
        return max(0, bisect_right(self.sets, frame, key=lambda one: one.start) - 1)

    def _fade(self, index: int, frame: int) -> float:
        """Return how far the set has faded in, 0 to 1; the first one is always there."""
        if index == 0 or self.blend <= 0:
            return 1.0
        return min(1.0, (frame - self.sets[index].start + 1) / (self.blend + 1))


def parse_prompts(prompts: object, clock: Clock, blend: float = 0) -> PromptTrack:
    """Read the prompts of a scene.

    Args:
        prompts: a mapping from positions (frames, ``"8.5s"``, ``"16b"``) to a prompt or a list of prompts; or
            one prompt or list for the whole film. A set holds until the next key, the first also before it.
        clock: the film's length and pace.
        blend: frames over which one set becomes the next (`PromptTrack.at`); 0 is a hard cut.

    Raises:
        ExpressionError: a prompt, position or set cannot be used; two keys are at one frame; or the weights
            of a set sum to less than 0.001.

    >>> track = parse_prompts({0: "sea", 10: ["sea:3", "storm"]}, Clock(frames=20, fps=12), blend=1)
    >>> track.at(10)
    (Prompt(text='sea', weight=0.875), Prompt(text='storm', weight=0.125))
    """
    if not (math.isfinite(blend) and blend >= 0):
        raise ExpressionError(f"a blend of {blend} frames is not possible; write 0 or more")
    keys = prompts if isinstance(prompts, Mapping) else {0: prompts}
    if not keys:
        raise ExpressionError('there are no prompts; write for example {0: ["a lighthouse"]}')
    sets: dict[int, PromptSet] = {}
    for position, value in keys.items():
        if not isinstance(position, int | float | str):
            raise ExpressionError(f"{position!r} is not a position; write a frame, 2.5s or 4b")
        start = clock.key(position)
        if start in sets:
            raise ExpressionError(f"there are two sets of prompts at frame {start}; leave one of them out")
        sets[start] = _read_set(start, position, value)
    return PromptTrack(tuple(sets[start] for start in sorted(sets)), float(blend))


def _read_set(start: int, position: object, value: object) -> PromptSet:
    texts = [value] if isinstance(value, str) else value
    if not isinstance(texts, Sequence) or not texts:
        raise ExpressionError(f'the prompts at {position} are {value!r}; write a list: ["text", "text:2"]')
    for text in texts:
        if not isinstance(text, str):
            raise ExpressionError(f"the prompt {text!r} at {position} is not a text; put it in quotes")
    prompts = [parse_prompt(text) for text in texts]
    total = math.fsum(prompt.weight for prompt in prompts)
    if not math.isfinite(total) or total < LEAST_SUM:
        raise ExpressionError(
            f"the weights of the prompts at {position} sum to {total:g}, which must be at least "
            f"{LEAST_SUM}: give the prompts that pull more weight than those that push away"
        )
    return PromptSet(start, tuple(texts), tuple(Prompt(one.text, one.weight / total) for one in prompts))
