"""What the prompts of a frame say at each moment of its diffusion: what is wanted, and what is not."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache

from animator.keyframes.courses import over
from animator.latent.text import Meaning, Reader, blend
from animator.types import Prompt

Said = Callable[[int], tuple[Meaning, Meaning]]
"""Given a position of the diffusion, 0 to 999, returns what is wanted and what is not."""


def said_by(reader: Reader, prompts: Sequence[Prompt], negative_prompt: str) -> Said:
    """Return what prompts say over the diffusion.

    Wanted is the mean of the prompts with positive weights, by their weights. A prompt whose weight is
    negative is a share of what is not wanted, as large as its weight beside the positive ones together;
    ``negative_prompt`` has what is left of 1.

    Args:
        reader: reads the texts.
        prompts: with the weights that the scene gives; pictures among them are passed over.
        negative_prompt: what is not wanted where no prompt says so.
    """
    texts = [one for one in prompts if not one.image]
    courses = [over(one) if one.course else None for one in texts]
    chunks = max(reader.chunks(text) for text in ("", negative_prompt, *(one.text for one in texts)))
    read = {text: reader.read(text, chunks) for text in {"", negative_prompt, *(one.text for one in texts)}}

    @cache
    def by_weights(weights: tuple[float, ...]) -> tuple[Meaning, Meaning]:
        pairs = list(zip((one.text for one in texts), weights, strict=True))
        pull = sum(weight for weight in weights if weight > 0)
        wanted = [(read[text], weight / pull) for text, weight in pairs if weight > 0]
        against = [(read[text], -weight / (pull or 1.0)) for text, weight in pairs if weight < 0]
        total = sum(share for _, share in against)
        unwanted = [(meaning, share / max(total, 1.0)) for meaning, share in against]
        if total < 1:
            unwanted.append((read[negative_prompt], 1 - total))
        return blend(wanted or [(read[""], 1.0)]), blend(unwanted)

    def at(position: int) -> tuple[Meaning, Meaning]:
        pairs = zip(texts, courses, strict=True)
        return by_weights(
            tuple(one.weight if course is None else float(course[position]) for one, course in pairs)
        )

    return at
