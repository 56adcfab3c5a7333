"""Cut schedules that were published under a name: ``guidance.cuts: pixel-art``."""

from __future__ import annotations

import dataclasses
import difflib
import functools
import json
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

from animator.errors import Problem
from animator.scene.nodes import Node
from animator.scene.words import short

_FILE = Path(__file__).with_name("cut_presets.json")


@functools.cache
def cut_presets() -> Mapping[str, Mapping[str, str]]:
    """Return the values of `guidance.cuts` of every preset, by its name."""
    presets = json.loads(_FILE.read_text(encoding="utf-8"))
    return MappingProxyType({name: MappingProxyType(preset["cuts"]) for name, preset in presets.items()})


def with_presets(tree: Node) -> tuple[Node, list[Problem]]:
    """Return one layer of a scene in which the name of a preset is replaced by its values.

    A preset gives every value of the section, so that nothing of a layer below shines through.

    Args:
        tree: the layer.

    Returns:
        The layer, and a fault where there is no preset of that name.
    """
    members = tree.value if isinstance(tree.value, dict) else {}
    guidance = members.get("guidance")
    inner = guidance.value if guidance is not None and isinstance(guidance.value, dict) else {}
    cuts = inner.get("cuts")
    if guidance is None or cuts is None or not isinstance(cuts.value, str):
        return tree, []
    preset = cut_presets().get(cuts.value.strip(), {})
    problems = [] if preset else [cuts.place.problem("guidance.cuts", _unknown(cuts.value))]
    values = {key: Node(value, cuts.place, cuts.key, value) for key, value in preset.items()}
    section = dataclasses.replace(cuts, value=values, raw="", exact=False, size=1 + len(values))
    guided = dataclasses.replace(guidance, value={**inner, "cuts": section})
    return dataclasses.replace(tree, value={**members, "guidance": guided}), problems


def _unknown(name: str) -> str:
    names = list(cut_presets())
    close = difflib.get_close_matches(name.strip().lower().replace("_", "-"), names, 1, 0.5)
    hint = f"did you mean '{close[0]}'? " if close else ""
    return (
        f"no cut schedule is called '{short(name)}'; {hint}known are {', '.join(names)}, or write the cuts "
        "themselves: {overview: 12, innercut: 4}"
    )
