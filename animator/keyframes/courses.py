"""A prompt's weight over the diffusion, ``"a castle:[1]*500+[4]*500"``."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from itertools import accumulate, groupby

import numpy as np

from animator.types import DIFFUSION_SCALE, Prompt, Schedule


def over(prompt: Prompt) -> Schedule:
    """Return a prompt's weight over the diffusion, float64 of shape (1000,)."""
    if not prompt.course:
        return np.full(DIFFUSION_SCALE, prompt.weight)
    return np.repeat([value for value, _ in prompt.course], [count for _, count in prompt.course])


def weight_of(prompt: Prompt) -> float | Schedule:
    """Return the weight of a prompt: a number, or where it changes, float64 of shape (1000,)."""
    return over(prompt) if prompt.course else prompt.weight


def weighted(prompt: Prompt, weight: float | Schedule) -> Prompt:
    """Return a prompt with another weight: a number, or float64 of shape (1000,) over the diffusion.

    >>> weighted(Prompt("sea"), np.repeat([1.0, 4.0], 500)).course
    ((1.0, 500), (4.0, 500))
    """
    if not isinstance(weight, np.ndarray):
        return replace(prompt, weight=weight, course=())
    runs = tuple((value, len(list(run))) for value, run in groupby(weight.tolist()))
    if len(runs) == 1:
        return replace(prompt, weight=runs[0][0], course=())
    return replace(prompt, weight=float(weight.mean()), course=runs)


def parts(prompts: Iterable[Prompt]) -> Iterator[tuple[int, int]]:
    """Yield first and last entry of each part of the diffusion in which no weight changes."""
    ends = {DIFFUSION_SCALE}
    for prompt in prompts:
        ends.update(accumulate(count for _, count in prompt.course))
    first = 0
    for end in sorted(ends):
        yield first, end - 1
        first = end


def weight_text(prompt: Prompt) -> str:
    """Write a prompt's weight to six figures.

    >>> weight_text(Prompt("sea", 0.75)), weight_text(weighted(Prompt("sea"), np.repeat([1.0, 4.0], 500)))
    ('0.75', '[1]*500+[4]*500')
    """
    if not prompt.course:
        return f"{prompt.weight:.6g}"
    return "+".join(f"[{value:.6g}]*{count}" for value, count in prompt.course)
