"""``animator edit``: several shots as one film."""

from __future__ import annotations

import sys
import time
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from animator.cli.shared import Debug, guarded, printable, say
from animator.errors import UsageError

if TYPE_CHECKING:
    from animator.edit.shots import Edit

LIST = ".otio"
"""Ending of an edit list."""

EVERY = 5.0
"""Seconds between two lines of progress."""


class Codec(str, Enum):
    """The codec of the film."""

    h264 = "h264"
    hevc = "hevc"
    prores = "prores"
    prores_4444 = "prores-4444"


@guarded
def edit(
    shots: Annotated[
        list[Path],
        typer.Argument(
            help="Films or run folders, in order; or one edit list, an .otio file.",
            metavar="SHOT...",
            show_default=False,
        ),
    ],
    out: Annotated[
        Path,
        typer.Option("--out", "-o", metavar="FILE", help="The film to write, or with .otio the edit list."),
    ],
    dissolve: Annotated[
        int, typer.Option("--dissolve", metavar="N", help="Frames over which each shot becomes the next.")
    ] = 0,
    audio: Annotated[
        Path | None,
        typer.Option("--audio", metavar="FILE", help="Sound in place of that of the shots."),
    ] = None,
    codec: Annotated[Codec, typer.Option("--codec", help="Codec of the film.")] = Codec.h264,
    crf: Annotated[int, typer.Option("--crf", help="Quality, 0 (lossless) to 51.")] = 17,
    force: Annotated[bool, typer.Option("--force", help="Write over a file that is there already.")] = False,
    debug: Debug = False,
) -> None:
    """Join shots to one film, by cuts and dissolves, with their sound."""
    from animator.edit.make import write_edit
    from animator.edit.otio import read_otio, write_otio
    from animator.edit.shots import checked
    from animator.video.formats import SUFFIX

    if not 0 <= crf <= 51:
        raise UsageError(f"--crf: expected 0 to 51, found {crf}")
    if audio is not None and not audio.is_file():
        raise UsageError(f"--audio: {audio}: there is no such file")
    writes_list = out.suffix.lower() == LIST
    ending = LIST if writes_list else SUFFIX[codec.value]
    if out.suffix.lower() != ending:
        raise UsageError(f"--out: {out}: must end in {ending}, or in {LIST} for an edit list alone")
    if out.resolve() in {shot.resolve() for shot in shots}:
        raise UsageError(f"--out: {out} is one of the shots")
    if out.exists() and not force:
        raise UsageError(f"{out}: is there already; write over it with --force, or name another with --out")
    if shots[0].suffix.lower() == LIST:
        if len(shots) > 1 or dissolve:
            raise UsageError("an edit list says its shots and dissolves itself; name it alone")
        whole = read_otio(shots[0])
    else:
        whole = _joined(shots, dissolve)
    if audio is not None:
        whole = _with_audio(whole, audio)
    if writes_list:
        checked(whole)
        write_otio(whole, out)
    else:
        write_edit(whole, out, codec=codec.value, crf=crf, seen=_Progress(whole.frames))
    print(printable(str(out)))


def _joined(shots: list[Path], dissolve: int) -> Edit:
    from animator.edit.make import film_at
    from animator.edit.shots import one_after_another

    if dissolve < 0:
        raise UsageError(f"--dissolve: expected 0 or more frames, found {dissolve}")
    return one_after_another([film_at(shot) for shot in shots], dissolve)


def _with_audio(whole: Edit, audio: Path) -> Edit:
    from dataclasses import replace

    return replace(whole, audio=audio)


class _Progress:
    """Says every few seconds how far the film is, and how long it will still take."""

    def __init__(self, frames: int) -> None:
        self._frames = frames
        self._began = self._said = time.monotonic()

    def __call__(self, frame: int) -> None:
        now = time.monotonic()
        if now - self._said < EVERY or not sys.stderr:
            return
        self._said = now
        left = (now - self._began) / (frame + 1) * (self._frames - frame - 1)
        say(f"frame {frame + 1}/{self._frames}, {left:.0f} s left")
