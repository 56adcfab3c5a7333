"""The base of every section of a scene: typed options with a sentence under each field."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field


class Options(BaseModel):
    """A section of a scene. Unknown keys are refused and a value never changes after reading."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=False, use_attribute_docstrings=True)


Number = int | float
Animated = Annotated[
    int | float | str | dict[int | float | str, int | float | str],
    Field(union_mode="left_to_right"),
]
"""A number, keyframes over the frames (``"0: (1), 10: (1.05)"`` or a mapping) or a schedule over the
diffusion (``"[12]*400+[4]*600"``). The text is compiled by the scene, which knows its position."""


def animated(
    default: Number | str,
    *,
    frames: bool = True,
    steps: bool = False,
    ge: float | None = None,
    le: float | None = None,
) -> Any:
    """Declare an option of type `Animated`.

    Args:
        default: its value when the scene is silent; a text is compiled like one from the scene.
        frames: whether it may change over the frames.
        steps: whether it may change over the diffusion.
        ge: smallest value it may take anywhere, or None.
        le: largest value it may take anywhere, or None.
    """
    return Field(
        default,
        json_schema_extra={"animated": {"frames": frames, "steps": steps, "ge": ge, "le": le}},
    )


Switch = Annotated[
    bool | int | float | str | dict[int | float | str, bool | int | float | str],
    Field(union_mode="left_to_right"),
]
"""True or false, or a number as in `Animated`, which is true from 0.5 on: ``"[1]*500+[0]*500"``."""


def switch(default: bool) -> Any:
    """Declare an option of type `Switch`, which may change over the frames and over the diffusion."""
    return Field(
        default,
        json_schema_extra={"animated": {"frames": True, "steps": True, "ge": 0, "le": 1, "switch": True}},
    )


def share(value: int | str, steps: int) -> float:
    """Return a number of steps, or a percentage such as ``"40%"``, as a share of ``steps``, 0 to 1.

    >>> share(10, 50), share("40%", 50), share(99, 50)
    (0.2, 0.4, 1.0)
    """
    if isinstance(value, str):
        return float(value.strip().rstrip("%")) / 100
    return min(value / steps, 1.0)
