"""Where a setting does not count in a frame's fingerprint: at the value that it had before it was there.

A finished frame stays finished under a later version of the program, as long as that makes the same frame. A
later version knows settings that an earlier one did not have; at their defaults they change nothing, so what
is at its default is left out of fingerprints. Where a version changes a default, runs of the earlier versions
have the old value in their scenes: it stays the neutral one, in `FORMER`.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping
from typing import Any

import numpy as np
from pydantic import BaseModel
from pydantic_core import to_jsonable_python

from animator.keyframes import Clock, Curve, compile_value
from animator.keyframes.compile import switch_numbers
from animator.settings.base import EVERY_MODE, counts_in, declared
from animator.settings.coherence import without_percent
from animator.types import DIFFUSION_SCALE, Schedule

FORMER: Mapping[str, Any] = {"coherence.noise": "new", "coherence.frames_skip_steps": "60%"}
"""By the dotted name of a setting whose default changed, the default that it had first, as JSON holds it."""


@functools.cache
def neutral_values(scene: type[BaseModel]) -> dict[str, Any]:
    """Return the value at which each setting does not count, by dotted name, as JSON holds it.

    Settings that every scene must give have none, and those on which no frame depends.

    Args:
        scene: the class of scenes.
    """
    found: dict[str, Any] = {}
    for name, said in declared(scene):
        if not any(counts_in(mode, said) for mode in EVERY_MODE):
            continue  # no fingerprint has it; the seed has another default in every scene
        *sections, key = name.split(".")
        section: Any = scene
        for part in sections:
            section = section.model_fields[part].annotation
        field = section.model_fields[key]
        if not field.is_required():
            value = field.get_default(call_default_factory=True, validated_data={})
            if not isinstance(value, BaseModel):  # which is a section, whose settings follow
                found[name] = to_jsonable_python(value)
    return found | {name: value for name, value in FORMER.items() if name in found}


def neutral_schedule(scene: type[BaseModel], name: str) -> Schedule | None:
    """Return an animated setting at its neutral value over the diffusion, float64 of shape (1000,).

    None for a setting that has no such value: one of a mapping, such as the weight of a CLIP model.
    """
    value = neutral_values(scene).get(name)
    return None if value is None else _compiled(value)


@functools.cache
def _compiled(value: float | bool | str) -> Schedule:
    """Return a default compiled; one with a percent sign is a share from 0 to 1."""
    number, percent = without_percent(value)
    compiled = compile_value(
        switch_numbers(number), Clock(1, 1.0), seed=0, method="linear", frames=True, steps=True, switch=False
    )
    schedule = np.full(DIFFUSION_SCALE, compiled.values[0]) if isinstance(compiled, Curve) else compiled
    return schedule / 100 if percent else schedule
