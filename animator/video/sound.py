"""What a file sounds like: whether it has sound, and its samples."""

from __future__ import annotations

import math
import re
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import ffmpeg
import numpy as np

from animator.errors import FilmError, UsageError
from animator.video.ffmpeg import QUIET, command, last_lines_of, start
from animator.video.safe_input import EXPLAINED, NOT_ALLOWED, safe_input
from animator.video.streams import kept_together

SOUND_STREAM = re.compile(r"^\s*Stream #0:\d+[^\n]*: Audio: (\w+)", re.MULTILINE)


GAP = 0.02
"""Seconds from which on a gap between packets is silent; what is shorter is the coarseness of time stamps."""


@dataclass(frozen=True)
class Heard:
    """Which of a file's sounds can be heard.

    Attributes:
        stream: number of the first one that can be decoded, among its sounds; None where there is none.
        passed: codecs of those before it, or of all, which cannot.
    """

    stream: int | None
    passed: tuple[str, ...] = ()


def has_sound(path: Path) -> bool:
    """Return whether a file has a stream of sound that can be decoded.

    Raises:
        UsageError: it is no film, sound or picture at all.
    """
    return heard_in(path).stream is not None


def heard_in(path: Path) -> Heard:
    """Return which of a file's sounds can be heard.

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
    return find_heard(path, told)


def find_heard(path: Path, told: str) -> Heard:
    """Return which of a file's sounds can be heard, by decoding the beginning of each.

    Args:
        path: the file.
        told: what ffmpeg prints of its streams.
    """
    codecs = SOUND_STREAM.findall(re.split(r"^(?:Stream mapping:|Output #)", told, flags=re.MULTILINE)[0])
    for number in range(len(codecs)):
        if _decodes(path, number):
            return Heard(number, tuple(codecs[:number]))
    return Heard(None, tuple(codecs))


def lasts_to(path: Path, number: int, seconds: float) -> bool:
    """Return whether there is anything of a sound from a second on.

    Args:
        path: the file.
        number: which of its sounds.
        seconds: from when on.
    """
    return _decodes(path, number, ss=f"{seconds:.6f}")


def _decodes(path: Path, number: int, **where: Any) -> bool:
    """Return whether anything of a sound can be decoded; it is read up to there."""
    graph = safe_input(path, **where)[f"a:{number}"].output("pipe:", f="framecrc", **{"frames:a": 1})
    pipes = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.DEVNULL}
    with start(command(graph.global_args(*QUIET)), **pipes) as process:
        listed = process.communicate()[0]
    return any(not line.startswith(b"#") for line in listed.splitlines())


def unheard(heard: Heard) -> str:
    """Return why nothing is heard of a file, to follow its name."""
    codecs = ", ".join(dict.fromkeys(heard.passed))
    return f"its sound ({codecs}) cannot be decoded" if heard.passed else "has no sound"


def cut(film: Any, number: int, start_at: float, seconds: float | None) -> Any:
    """Return a sound of a graph's input from ``start_at`` on, ``seconds`` long or to its end.

    The time is that of the file: what begins later than the film beside it is silent until then, and gaps
    between packets are silent, if the film is `kept_together`. It is cut by decoding, to the sample, which
    seeking cannot.
    """
    silence = {"async": 1, "first_pts": 0, "min_hard_comp": GAP}
    sound = film[f"a:{number}"].filter("aresample", **silence)
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
    heard = heard_in(path)
    if heard.stream is None:
        raise UsageError(f"{path}: {unheard(heard)}; name a sound or a film with one")
    film = safe_input(path)
    part = cut(film, heard.stream, start_at, seconds)
    samples_out = part.output("pipe:", format="f32le", acodec="pcm_f32le", ac=1, ar=rate)
    graph = ffmpeg.merge_outputs(samples_out, kept_together(film))
    with tempfile.TemporaryFile() as log:
        pipes = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": log}
        with start(command(graph.global_args(*QUIET)), **pipes) as process:
            data, _ = process.communicate()
        if process.returncode != 0:
            raise FilmError(f"{path}: the sound cannot be read: {last_lines_of(log)}")
    samples = np.frombuffer(data, "<f4").astype(np.float32)
    return samples if seconds is None else samples[: math.ceil(seconds * rate)]
