"""Which streams of a film are read, and on which clock."""

from __future__ import annotations

from typing import Any

import ffmpeg

PICTURES = "V:0"
"""The first stream of moving pictures; ``V``, unlike ``v``, passes over the cover picture of a sound file."""

SOUNDS = "a?"
"""All streams of sound, if there are any."""


def kept_together(film: Any) -> Any:
    """Return an output of a film that takes nothing, but by which all that is read beside it has one clock.

    Of containers whose clocks may leap, as MPEG's, ffmpeg takes for the start of a film that of the streams
    which are read. So a packet of every stream is read along, whatever else is.

    Args:
        film: an input of a graph, with pictures, sound or both.
    """
    streams = [film[f"{PICTURES}?"], film[SOUNDS]]
    return ffmpeg.output(*streams, "-", c="copy", f="null", **{"frames:v": 1, "frames:a": 1})
