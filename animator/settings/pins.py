"""Pictures that a film passes through at given frames."""

from __future__ import annotations

from typing import Annotated

from pydantic import ConfigDict, Field

from animator.settings.base import Options
from animator.settings.prompts import Position

START = "start"
"""In place of a file: the picture of the first position again."""

END = "end"
"""As a position: the last frame."""


class PinnedPicture(Options):
    """A picture with its parts named."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    file: str
    """The picture; relative to the scene file, or an http(s) address."""

    strength: Annotated[float, Field(ge=0, le=1)] = 1.0
    """How much of it the frame shows, 0 to 1; at 1 the frame is the picture."""

    over: int | float | str | None = None
    """Frames over which the film comes to it and leaves it, or a length such as 2s or 4b; left out, two
    seconds, but not beyond half the way to the next picture."""


Pictures = str | list[str | PinnedPicture] | dict[Position, str | PinnedPicture]
