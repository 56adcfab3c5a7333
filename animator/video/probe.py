"""What a film holds: its facts and its frames."""

from __future__ import annotations

import re
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import numpy as np

from animator.errors import FilmError
from animator.video.ffmpeg import QUIET, command, last_lines_of, run, start
from animator.video.safe_input import safe_input

PICTURE_STREAM = re.compile(r"Video: (?P<codec>\w+)(?: \([^)]*\))*, (?P<pix_fmt>\w+)")


@dataclass(frozen=True)
class FilmInfo:
    """The facts of a film.

    Attributes:
        codec: name of the codec, such as ``h264``.
        width: pixels.
        height: pixels.
        fps: frames a second on the average; exact for a film of one rate.
        frames: number of frames, counted, not taken from the header.
        pix_fmt: layout of the pixels, such as ``yuv420p``.
        duration: seconds.
    """

    codec: str
    width: int
    height: int
    fps: Fraction
    frames: int
    pix_fmt: str
    duration: float


def probe(path: Path) -> FilmInfo:
    """Return the facts of a film's first picture stream. Every packet is read, none is decoded.

    Raises:
        FilmError: if the file is not a film or holds no complete frame.
    """
    graph = safe_input(path).output("pipe:", map="0:v:0", c="copy", f="framecrc", copyts=None)
    out, err = run(command(graph.global_args("-hide_banner", "-nostdin", "-nostats")), path)
    header = dict(re.findall(r"^#(\w+) 0: (.*)$", out, re.MULTILINE))
    packets = [line.split(",") for line in out.splitlines() if line and not line.startswith("#")]
    layout = PICTURE_STREAM.search(err)
    if not packets or layout is None:
        raise FilmError(f"{path}: the film holds no complete frame")
    width, height = map(int, header["dimensions"].split("x"))
    times = sorted((int(pts), int(length)) for _, _, pts, length, *_ in packets)
    seconds = (times[-1][0] + times[-1][1] - times[0][0]) * Fraction(header["tb"])
    return FilmInfo(
        codec=header["codec_id"],
        width=width,
        height=height,
        fps=(len(packets) / seconds).limit_denominator(1001) if seconds else Fraction(0),
        frames=len(packets),
        pix_fmt=layout["pix_fmt"],
        duration=float(seconds),
    )


def read_frames(path: Path, *, deep: bool = False) -> Iterator[np.ndarray]:
    """Yield every frame of a film, H x W x 3 uint8 RGB, none left out and none repeated.

    Args:
        path: the film.
        deep: whether frames of a film of 10 bits a colour come as uint16.

    Raises:
        FilmError: if the file is not a film or ends in the middle of a frame.
    """
    info = probe(path)
    deep = deep and "10" in info.pix_fmt
    layout, kind = ("rgb48le", np.dtype("<u2")) if deep else ("rgb24", np.dtype("u1"))
    graph = safe_input(path).output(
        "pipe:",
        map="0:v:0",
        f="rawvideo",
        pix_fmt=layout,
        fps_mode="passthrough",
        sws_flags="bicubic+accurate_rnd+full_chroma_int+full_chroma_inp",
    )
    size = info.width * info.height * 3 * kind.itemsize
    with tempfile.TemporaryFile() as log:
        arguments = command(graph.global_args(*QUIET))
        process = start(arguments, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=log)
        assert process.stdout is not None
        try:
            while frame := process.stdout.read(size):
                if len(frame) < size:
                    raise FilmError(f"{path}: ends in the middle of a frame: {last_lines_of(log)}")
                yield np.frombuffer(frame, kind).reshape(info.height, info.width, 3)
            if process.wait() != 0:
                raise FilmError(f"{path}: ffmpeg failed: {last_lines_of(log)}")
        finally:
            process.stdout.close()
            process.kill()
            process.wait()
