"""The samplers by name, and which of them is at work at each moment; no network is needed to read it."""

from __future__ import annotations

import re

from animator.types import DIFFUSION_SCALE

SAMPLERS = ("ddim", "plms", "dpmpp_2m", "dpmpp_2m_sde")
"""What a scene may name."""

_PIECE = re.compile(r"\s*\[\s*(\w+)\s*\]\s*(?:\*\s*(\d{1,4})\s*)?(?:\+|$)", re.ASCII)


def parse_sampler(text: str) -> tuple[str, ...]:
    """Return the sampler at each of the 1000 moments of a diffusion, the noisiest first.

    Args:
        text: a name, or pieces like ``[plms]*500+[ddim]*500`` that make 1000.

    Raises:
        ValueError: the text is neither; the message says what is allowed.

    >>> parse_sampler("[plms]*500+[ddim]*500")[499:501]
    ('plms', 'ddim')
    """
    if not text.lstrip().startswith("["):
        return (_known(text.strip()),) * DIFFUSION_SCALE
    names: list[str] = []
    place = 0
    while place < len(text):
        match = _PIECE.match(text, place)
        if match is None:
            raise ValueError(f"expected a piece like [plms]*500 at '{text[place:][:20]}'")
        names += [_known(match[1])] * int(match[2] or 1)
        place = match.end()
    if text.rstrip().endswith("+") or len(names) != DIFFUSION_SCALE:
        raise ValueError(f"the pieces make {len(names)} values, {DIFFUSION_SCALE} are needed")
    return tuple(names)


def _known(name: str) -> str:
    if name not in SAMPLERS:
        raise ValueError(f"there is no sampler {name!r}; choose {', '.join(SAMPLERS)}")
    return name
