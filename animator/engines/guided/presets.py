"""Cut schedules that were published under a name: ``guidance.cuts: pixel-art``."""

from __future__ import annotations

import functools
import json
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

_FILE = Path(__file__).with_name("cut_presets.json")


@functools.cache
def cut_presets() -> Mapping[str, Mapping[str, str]]:
    """Return the values of `guidance.cuts` of every preset, by its name."""
    presets = json.loads(_FILE.read_text(encoding="utf-8"))
    return MappingProxyType({name: MappingProxyType(preset["cuts"]) for name, preset in presets.items()})
