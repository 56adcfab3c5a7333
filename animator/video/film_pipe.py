"""Pictures of a film as they come out of ffmpeg, through a pipe."""

from __future__ import annotations

import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from animator.video.ffmpeg import QUIET, command, last_lines_of, start
from animator.video.source_film import PICTURES, SourceFilm, source

TYPES: dict[str, np.dtype] = {"rgb24": np.dtype("u1"), "rgb48le": np.dtype("<u2")}
"""By the name of ffmpeg's layout, what a value of a pixel is."""


def selection(film: SourceFilm, first: int, every: int) -> list[str]:
    """Return the filters that let pass the frames ``first``, ``first + every``, … of a film's clock.

    Pictures are put at the ticks to which their own time stamps are nearest; a tick without one repeats the
    picture before it. Nothing is sought: what passes does not depend on where reading began.
    """
    begin, fps = film.begin, film.fps
    filters = ["bwdif=mode=send_frame:deint=interlaced"] if film.interlaced else []
    return [
        *filters,
        f"setpts=PTS-({begin.numerator}/{begin.denominator})/TB",
        f"fps=fps={fps.numerator}/{fps.denominator}:start_time=0:round=near:eof_action=pass",
        f"select='gte(n,{first})*not(mod(n-{first},{every}))'",
    ]


class FilmPipe:
    """A running decoder.

    Args:
        path: the film.
        filters: what is done to its upright pictures.
        pix_fmt: ``rgb24`` or ``rgb48le``.
        shape: H x W x 3 of what comes out of the filters.

    Raises:
        FilmError: there is no ffmpeg.
    """

    def __init__(self, path: Path, filters: Sequence[str], pix_fmt: str, shape: tuple[int, int, int]) -> None:
        self._shape = shape
        self._type = TYPES[pix_fmt]
        self._bytes = int(np.prod(shape)) * self._type.itemsize
        graph = source(path).output(
            "pipe:", map=PICTURES, vf=",".join(filters), f="rawvideo", pix_fmt=pix_fmt, fps_mode="passthrough"
        )
        # A file takes all that the decoder prints: it can never block on a full pipe.
        self._log = tempfile.TemporaryFile()  # noqa: SIM115 (it lives as long as the decoder)
        arguments = command(graph.global_args(*QUIET))
        pipes = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": self._log}
        self._process = start(arguments, **pipes)

    def read(self) -> np.ndarray | None:
        """Return the next picture, of the given shape, uint8 or uint16; None where the film ends."""
        assert self._process.stdout is not None
        data = self._process.stdout.read(self._bytes)
        if len(data) < self._bytes:
            return None
        return np.frombuffer(data, self._type).reshape(self._shape)

    def told(self) -> str:
        """Return the last lines that the decoder printed."""
        return last_lines_of(self._log)

    def close(self) -> None:
        """End the decoder."""
        assert self._process.stdout is not None
        self._process.stdout.close()
        self._process.kill()
        self._process.wait()
        self._log.close()
