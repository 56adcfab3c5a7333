"""Networks of other programs that are not here: why, and what is nearest, read from ``elsewhere.json``."""

from __future__ import annotations

import functools
import json
import re
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType


@functools.cache
def elsewhere() -> Mapping[str, tuple[tuple[re.Pattern[str], str], ...]]:
    """Return by kind of network the patterns of names, folded to letters and digits, each with a reason."""
    rows = json.loads(Path(__file__).with_suffix(".json").read_text(encoding="utf-8"))
    return MappingProxyType(
        {kind: tuple((re.compile(pattern), reason) for pattern, reason in of) for kind, of in rows.items()}
    )


def why_not_here(kind: str, name: str) -> str:
    """Return why a network is not here and what is nearest; an empty text where nothing is known of it.

    >>> why_not_here("diffusion", "512x512OpenAi").split("; ")[1]
    'the one without, of Disco Diffusion, is 512x512_diffusion_uncond_finetune_008100'
    """
    folded = re.sub(r"[^a-z0-9]", "", name.lower())
    return next((reason for one, reason in elsewhere().get(kind, ()) if one.fullmatch(folded)), "")
