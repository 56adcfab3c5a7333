"""Suggested values of the settings that people turn, read from ``suggested.json``.

``python -m animator.scene.reference --values`` prints them as a page of the documentation.
"""

from __future__ import annotations

import functools
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

_FILE = Path(__file__).with_name("suggested.json")

NETWORKS: Mapping[str, str] = MappingProxyType({"all": "any", "bundled": "bundled", "large": "large"})
"""For which networks a value is meant, and what the page calls them."""

HEAD = """# Suggested values

What to try for the settings that people turn, beside default and range. Made from the program by
`python -m animator.scene.reference --values`; all settings are in [Settings](settings.md).

*Bundled* values are for the small networks that come with the program, at 192 x 128 pixels: where a figure
stands beside them it was measured, what `extends: pocket` has was looked at, the others are there to be
tried. *Large* ones are for networks of Disco Diffusion's size: they are what its notebook, ProgRock
Diffusion and users' guides have, and have not been looked at here, because no published weights could be
had where this is built. *Any* means that the value does not depend on the network.

Change one setting at a time and keep the seed.

- **Guidance grows with the picture.** Four times the pixels want about four times the
  `clip_guidance_scale`, and the same holds for `tv_scale`, `range_scale` and `sat_scale`.
- **Values of the guides for `tv_scale` and `sat_scale` (10000 and more) do not carry over.** In Disco
  Diffusion these two hardly act; here they do. Begin with the bundled values, and multiply with the pixels.
  `compat: disco-5` has the old behaviour.
- **Read a pair together.** `clip_guidance_scale` is how hard the prompts pull, `clamp_max` how far a step
  may go. Where the pull is stronger than the limit, which is often so, only `clamp_max` changes the
  picture.
"""


@dataclass(frozen=True)
class Suggestion:
    """A value of a setting that is worth a try.

    Attributes:
        value: as a scene has it.
        gives: what it does, in a few words.
        networks: a key of `NETWORKS`.
    """

    value: Any
    gives: str
    networks: str


@functools.cache
def suggestions() -> Mapping[str, tuple[Suggestion, ...]]:
    """Return what is suggested, by dotted names of settings."""
    found = {
        name: tuple(
            Suggestion(value, gives, networks)
            for networks, values in kinds.items()
            for value, gives in values
        )
        for name, kinds in json.loads(_FILE.read_text(encoding="utf-8")).items()
    }
    return MappingProxyType(found)


def as_written(value: Any) -> str:
    """Return a value as one writes it in a scene.

    >>> as_written("60%"), as_written([0.3, 0.4]), as_written("0: (1), 9: (2)")
    ('60%', '[0.3, 0.4]', '"0: (1), 9: (2)"')
    """
    if isinstance(value, str):
        return f'"{value}"' if any(sign in value for sign in ":[") else value
    return json.dumps(value)
