"""What a scene says about the film."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from animator.options import Options


class OutputOptions(Options):
    """How the finished frames become a film."""

    crf: int = Field(17, ge=0, le=51)
    """Quality of the H.264 film, 0 to 51: 0 loses nothing, 17 shows no loss, each 6 more halves the size."""

    preset: Literal[
        "ultrafast", "superfast", "veryfast", "faster", "fast", "medium", "slow", "slower", "veryslow"
    ] = "medium"
    """Effort of the x264 encoder: slower makes a smaller film of the same quality."""

    film: str | None = Field(
        None,
        pattern=r"^\w[\w .()+-]{0,119}$",
        json_schema_extra={
            "allowed": "a file name of letters, digits, blanks and . ( ) + -, without a folder"
        },
    )
    """Name of the film's file without its ending; the scene file's own name when left out."""
