"""The ffmpeg program: which one, how it is run, and what is reported when it fails."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import IO, Any

import imageio_ffmpeg

from animator.errors import FilmError

VARIABLE = "ANIMATOR_FFMPEG"
"""Environment variable that names another ffmpeg than the one that comes with imageio-ffmpeg."""

QUIET = ("-hide_banner", "-nostdin", "-nostats", "-loglevel", "error")
"""Global options of every run whose output is not read for figures."""

LINES_TOLD = 3

ADDRESS = re.compile(r" @ 0x[0-9a-f]+")
"""What ffmpeg writes behind the name of each of its parts: where it lies in memory."""


_STAND_INS = {0xDC00 + byte: 0x10FF00 + byte for byte in range(0x80, 0x100)}
"""Bytes of a path that are no UTF-8, as Python has them, by what ffmpeg-python can take in their place."""

_MEANT = {other: letter for letter, other in _STAND_INS.items()}


def executable() -> str:
    """Return the path of the ffmpeg program.

    Raises:
        FilmError: if the environment names a program that is not there, or none came with imageio-ffmpeg.
    """
    named = os.environ.get(VARIABLE)
    if named:
        found = shutil.which(named)
        if found is None:
            raise FilmError(f"{VARIABLE} is {named!r}, which is not a program; name an ffmpeg or unset it")
        return found
    try:
        result: str = imageio_ffmpeg.get_ffmpeg_exe()
        return result
    except RuntimeError as error:
        raise FilmError(f"imageio-ffmpeg has no ffmpeg for this system; set {VARIABLE} to one") from error


def named(path: Path) -> str:
    """Return a file as ffmpeg is to take it: never as an address, an option or a pattern.

    >>> named(Path("2026-11-29T15:30/film.mp4"))
    'file:2026-11-29T15:30/film.mp4'
    """
    return f"file:{path}".translate(_STAND_INS)


def command(stream: Any) -> list[str]:
    """Return the command line of a graph that was put together with ffmpeg-python."""
    words: list[str] = stream.compile(cmd=executable(), overwrite_output=True)
    return [word.translate(_MEANT) for word in words]


def start(arguments: list[str], **pipes: Any) -> subprocess.Popen[bytes]:
    """Start ffmpeg in a session of its own: Ctrl-C reaches the program, which then ends the film in order.

    Raises:
        FilmError: if the program cannot be started.
    """
    try:
        return subprocess.Popen(arguments, start_new_session=True, **pipes)
    except OSError as error:
        raise FilmError(
            f"cannot start {arguments[0]}: {error.strerror}; set {VARIABLE} to an ffmpeg"
        ) from error


def run(arguments: list[str], about: object) -> tuple[str, str]:
    """Run ffmpeg to its end and return what it printed to stdout and stderr.

    Raises:
        FilmError: if it fails; ``about`` (the file in question) and its last lines are in the message.
    """
    pipes = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    with start(arguments, **pipes) as process:
        out, err = (text.decode(errors="replace") for text in process.communicate())
    if process.returncode != 0:
        raise FilmError(f"{about}: ffmpeg failed: {last_lines(err)}")
    return out, err


def last_lines(text: str) -> str:
    """Return the last lines of what ffmpeg printed, as one line."""
    lines = [ADDRESS.sub("", line.strip()) for line in text.splitlines() if line.strip()]
    return " | ".join(lines[-LINES_TOLD:]) or "it printed nothing"


def last_lines_of(log: IO[bytes]) -> str:
    """Return the last lines of a log that ffmpeg wrote into a file."""
    log.seek(0, os.SEEK_END)
    log.seek(max(0, log.tell() - 4096))
    return last_lines(log.read().decode(errors="replace"))
