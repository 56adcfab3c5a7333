"""The forms in which a scene may write a prompt."""

from __future__ import annotations

from typing import Annotated

from pydantic import ConfigDict, Field, WithJsonSchema

from animator.settings.base import Options

_DESCRIBED = ConfigDict(use_attribute_docstrings=True)
"""The schema for editors copies these two from the plain schema, which must have their sentences."""

Weight = (
    float
    | Annotated[
        str,
        WithJsonSchema(
            {
                "type": "string",
                "pattern": r"^\s*\[",
                "allowed": 'a schedule over the diffusion, "[1]*500+[4]*500"',
            }
        ),
    ]
)
"""How strongly a prompt pulls: a number, or a schedule over the diffusion."""


class TextPrompt(Options):
    """A prompt with its parts named."""

    model_config = _DESCRIBED

    text: str
    """What to paint; a colon in it is a colon."""

    weight: Weight = 1.0
    """How strongly it pulls; negative pushes away. A number, or a schedule over the diffusion,
    ``"[1]*500+[4]*500"``."""

    clip_models: list[str] = Field(default_factory=list)
    """The CLIP models that it speaks to; empty: all of them."""

    region: str | None = None
    """Where it pulls: a region of `regions` by its name, or a picture that is white there; left out,
    everywhere."""


class ImagePrompt(Options):
    """A picture as a prompt, with its parts named."""

    model_config = _DESCRIBED

    image: str
    """Path, relative to the scene file, or http(s) address of the picture."""

    weight: Weight = 1.0
    """How strongly it pulls; negative pushes away. A number, or a schedule over the diffusion,
    ``"[1]*500+[4]*500"``."""

    clip_models: list[str] = Field(default_factory=list)
    """The CLIP models that it speaks to; empty: all of them."""

    region: str | None = None
    """Where it pulls: a region of `regions` by its name, or a picture that is white there; left out,
    everywhere."""


Position = int | float | str
TextPrompts = str | list[str | TextPrompt]
Pictures = str | list[str | ImagePrompt]
Prompts = TextPrompts | dict[Position, TextPrompts]
ImagePrompts = Pictures | dict[Position, Pictures]
