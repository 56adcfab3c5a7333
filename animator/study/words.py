"""An axis of prompts with choices in them: every text that they may become is a value.

Importing this imports no torch.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable, Sequence
from typing import Any

from animator.errors import SceneError
from animator.scene.drawn_prompts import PROMPTS
from animator.scene.reading import LoadedScene
from animator.study.asked import Asked
from animator.study.axes import Axis, AxisError, Value, made_axis

ALL = "all"
"""The value that stands for every text that the scene's own prompts may become."""


def with_every_choice(
    asked: Asked, read: Callable[[Sequence[str]], LoadedScene], settings: Sequence[str]
) -> Asked:
    """Return what is asked with every choice in an axis of prompts written out.

    Args:
        asked: what a study varies.
        read: reads the scene with settings laid over it.
        settings: those of every cell.

    Raises:
        AxisError: there are too many, or all are asked for and the scene's prompts have no choices.
    """
    axes = [_written_out(one, read, settings) if one.names == (PROMPTS,) else one for one in asked.axes]
    return dataclasses.replace(asked, axes=tuple(axes))


def _written_out(axis: Axis, read: Callable[[Sequence[str]], LoadedScene], settings: Sequence[str]) -> Axis:
    values: list[Value] = []
    for value in axis.values:
        own = value.label.lower() == ALL
        if not own and "{" not in value.label:
            values.append(value)
            continue
        try:
            loaded = read([*settings, *([] if own else [f"{PROMPTS}={value.texts[0]}"])])
        except SceneError:
            if own:
                raise
            values.append(value)  # its cell says what is wrong with it
            continue
        if loaded.templates is None and own:
            raise AxisError(f"{PROMPTS}: all: the scene's prompts have no choices, such as {{red|blue}}")
        every = [] if loaded.templates is None else loaded.templates.every()
        values += [Value(_label(one), (json.dumps(one, ensure_ascii=False),)) for one in every] or [value]
    return made_axis(PROMPTS, values)


def _label(prompts: Any) -> str:
    """Return a value of `prompts` for a reader: its texts."""
    if isinstance(prompts, dict):
        return " / ".join(f"{key}: {_label(one)}" for key, one in prompts.items())
    return " | ".join(map(_label, prompts)) if isinstance(prompts, list) else str(prompts)
