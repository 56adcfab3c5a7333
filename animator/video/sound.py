"""What a file sounds like: whether it has sound, and its samples."""

from __future__ import annotations

import math
import re
import subprocess
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

from animator.errors import FilmError, UsageError
from animator.video.ffmpeg import QUIET, command, last_lines_of, start
from animator.video.safe_input import EXPLAINED, NOT_ALLOWED, safe_input

SOUND_STREAM = re.compile(r"^\s*Stream #0:\d+.*: Audio: ", re.MULTILINE)


def has_sound(path: Path) -> bool:
    """Return whether a file has a stream of sound.

    Raises:
        UsageError: it is no film, sound or picture at all.
    """
    # Its metadata can be written for every file, whatever its streams, which are printed on the way.
    graph = safe_input(path).output("pipe:", f="ffmetadata")
    arguments = command(graph.global_args("-hide_banner", "-nostdin", "-nostats"))
    pipes = {"stdin": subprocess.DEVNULL, "stdout": subprocess.DEVNULL, "stderr": subprocess.PIPE}
    with start(arguments, **pipes) as process:
        told = process.communicate()[1].decode(errors="replace")
    if process.returncode != 0:
        fault = "cannot be read as sound; name a sound or film that ffmpeg reads"
        raise UsageError(f"{path}: {EXPLAINED if NOT_ALLOWED in told else fault}")
    return SOUND_STREAM.search(told) is not None


def cut(stream: Any, start_at: float, seconds: float | None) -> Any:
    """Return a graph's first sound from ``start_at`` on, ``seconds`` long or to its end.

    The time is that of the file: what begins later than the film beside it is silent until then, and gaps
    between packets are silent. It is cut by decoding, to the sample, which seeking cannot.
    """
    sound = stream["a:0"].filter("aresample", **{"async": 1, "first_pts": 0})
    end = {} if seconds is None else {"end": f"{start_at + seconds:.9f}"}
    return sound.filter("atrim", start=f"{start_at:.9f}", **end).filter("asetpts", "PTS-STARTPTS")


def decode(
    path: Path, *, start_at: float = 0.0, seconds: float | None = None, rate: int = 22050
) -> np.ndarray:
    """Return the sound of a file as one channel.

    Args:
        path: any sound or film that ffmpeg reads.
        start_at: second of the sound at which the result begins.
        seconds: how much of it at most; None is all.
        rate: samples a second of the result.

    Returns:
        float32 of shape (n,), full scale is 1; shorter than asked where the sound ends earlier.

    Raises:
        UsageError: the file cannot be read or has no sound.
        FilmError: the sound is damaged.
    """
    if not has_sound(path):
        raise UsageError(f"{path}: has no sound; name a sound or a film with one")
    part = cut(safe_input(path), start_at, seconds)
    graph = part.output("pipe:", format="f32le", acodec="pcm_f32le", ac=1, ar=rate)
    with tempfile.TemporaryFile() as log:
        pipes = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": log}
        with start(command(graph.global_args(*QUIET)), **pipes) as process:
            data, _ = process.communicate()
        if process.returncode != 0:
            raise FilmError(f"{path}: the sound cannot be read: {last_lines_of(log)}")
    samples = np.frombuffer(data, "<f4").astype(np.float32)
    return samples if seconds is None else samples[: math.ceil(seconds * rate)]
