"""Which family of engines a scene belongs to."""

from __future__ import annotations

from functools import cache
from importlib.metadata import entry_points

from animator.engines.family import Family
from animator.engines.guided import GUIDED
from animator.engines.latent import LATENT
from animator.errors import UsageError

GROUP = "animator.engines"
"""Entry points under which other packages offer a `Family`."""

FAMILIES: dict[str, Family] = {GUIDED.name: GUIDED, LATENT.name: LATENT}
"""The families that come with the program, by name; those of other packages are asked before them."""


def known_families() -> list[Family]:
    """Return all families, those of other packages last.

    Raises:
        UsageError: a package offers a family under a name that is taken.
    """
    return list({**FAMILIES, **_offered()}.values())


def family_of(model: str) -> Family:
    """Return the family that a `diffusion.model` belongs to; a name that none knows is guided diffusion's.

    Raises:
        UsageError: a package offers a family under a name that is taken.
    """
    others = [family for family in known_families() if family.name != GUIDED.name]
    return next((family for family in others if family.takes(model)), GUIDED)


@cache
def _offered() -> dict[str, Family]:
    """Return the families of other packages by name."""
    found: dict[str, Family] = {}
    for point in entry_points(group=GROUP):
        family: Family = point.load()
        if family.name in FAMILIES or family.name in found:
            raise UsageError(f"{point.value} offers engines as {family.name!r}, which is taken; remove it")
        found[family.name] = family
    return found
