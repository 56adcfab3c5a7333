"""The samplers that a scene may name, and which of them is at work at each moment.

This is the one table of them: the functions in `animator.diffusion.samplers` are found by their names, what
is checked, shown and written about them follows from here. No network is needed to read it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from animator.types import DIFFUSION_SCALE


@dataclass(frozen=True)
class Sampler:
    """What is known of a sampler.

    Attributes:
        name: as a scene writes it; the function that takes its step has the same.
        order: with steps half as long, its error falls to about ``2 ** -order``.
        takes_noise: whether it adds noise where eta is not 0.
        sentence: what it is, to follow its name.
    """

    name: str
    order: int
    takes_noise: bool
    sentence: str


SAMPLERS: Mapping[str, Sampler] = MappingProxyType(
    {
        one.name: one
        for one in (
            Sampler("ddim", 1, True, "adds noise of strength `eta`"),
            Sampler("plms", 2, False, "(Disco's second-order multistep) adds none"),
            Sampler("dpmpp_2m", 2, False, "(DPM-Solver++, second order) adds none"),
            Sampler("dpmpp_2m_sde", 2, True, "adds noise of strength `eta`"),
        )
    }
)
"""Every sampler by its name."""

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


def adds_noise(text: str) -> bool:
    """Return whether any sampler of a text, as in `parse_sampler`, adds noise where eta is not 0.

    >>> adds_noise("plms"), adds_noise("[plms]*500+[ddim]*500")
    (False, True)
    """
    return any(SAMPLERS[name].takes_noise for name in parse_sampler(text))


def with_noise(takes_noise: bool) -> list[str]:
    """Return the names of the samplers that add noise where eta is not 0, or of the others."""
    return [one.name for one in SAMPLERS.values() if one.takes_noise == takes_noise]


def described() -> str:
    """Return a sentence about all samplers for the documentation.

    >>> described()[:52]
    '``ddim`` adds noise of strength `eta`, ``plms`` (Dis'
    """
    return ", ".join(f"``{one.name}`` {one.sentence}" for one in SAMPLERS.values())


def _known(name: str) -> str:
    if name not in SAMPLERS:
        raise ValueError(f"there is no sampler {name!r}; choose {', '.join(SAMPLERS)}")
    return name
