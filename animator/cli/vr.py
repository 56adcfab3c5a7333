"""``animator vr180``: two films that exist already, one for each eye, as a VR180 film."""

from __future__ import annotations

import re
import sys
import time
from collections.abc import Iterator
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TextIO

import typer

from animator.cli.shared import Debug, guarded
from animator.errors import FilmError, UsageError

if TYPE_CHECKING:
    import numpy as np

    from animator.video.probe import FilmInfo

EVERY = 5.0
"""Seconds between two lines of progress."""


class Edge(str, Enum):
    """What lies beyond the pictures' edges."""

    fade = "fade"
    stretch = "stretch"
    mirror = "mirror"


class Codec(str, Enum):
    """The codec of the film."""

    h264 = "h264"
    hevc = "hevc"


@guarded
def vr180(  # noqa: PLR0913 (each is an option of the command line)
    left: Annotated[Path, typer.Argument(help="The left eye's film.", metavar="LEFT", show_default=False)],
    right: Annotated[
        Path | None,
        typer.Argument(help="The right eye's film.", metavar="[RIGHT]", show_default=False),
    ] = None,
    packed: Annotated[
        bool, typer.Option("--packed", help="LEFT is one film with both eyes side by side; no RIGHT.")
    ] = False,
    out: Annotated[
        Path | None,
        typer.Option("--out", help="The film to write, in place of LEFT's name with _180_LR.mp4."),
    ] = None,
    fov: Annotated[
        float, typer.Option("--fov", help="Angle in degrees that the pictures' height fills, 1 to 179.")
    ] = 90.0,
    size: Annotated[
        int, typer.Option("--size", help="Pixels of each eye in width and height, even, 64 to 2880.")
    ] = 2880,
    edge: Annotated[Edge, typer.Option("--edge", help="What lies beyond the pictures' edges.")] = Edge.fade,
    codec: Annotated[
        Codec, typer.Option("--codec", help="HEVC makes smaller files, H.264 plays everywhere.")
    ] = Codec.h264,
    crf: Annotated[int, typer.Option("--crf", help="Quality, 0 (lossless) to 51.")] = 17,
    force: Annotated[bool, typer.Option("--force", help="Write over a film that is there.")] = False,
    debug: Debug = False,
) -> None:
    """Turn the films of two eyes into one for headsets, with LEFT's sound."""
    _check_numbers(fov, size, crf)
    if packed == (right is not None):
        raise UsageError("name two films, LEFT and RIGHT, or one with both eyes side by side and --packed")
    target = out or left.with_name(f"{_bare(left)}_180_LR.mp4")
    sources = [left] if right is None else [left, right]
    _check_target(target, sources, force)
    info = _facts(sources)
    from animator.video.stereo_film import Encoding, write_vr180

    encoding = Encoding(fps=info.fps, codec=codec.value, crf=crf, audio=left)
    pairs = _reported(_halves(left) if right is None else _both(left, right), info.frames, sys.stderr)
    write_vr180(target, pairs, encoding, fovs=fov, size=size, edge=edge.value)
    print(target)


def _check_numbers(fov: float, size: int, crf: int) -> None:
    if not 1 <= fov <= 179:
        raise UsageError(f"--fov: expected an angle of 1 to 179 degrees, found {fov:g}")
    if not 64 <= size <= 2880 or size % 2:
        raise UsageError(f"--size: expected an even number of pixels, 64 to 2880, found {size}")
    if not 0 <= crf <= 51:
        raise UsageError(f"--crf: expected 0 to 51, found {crf}")


def _check_target(target: Path, sources: list[Path], force: bool) -> None:
    if target.suffix.lower() != ".mp4":
        raise UsageError(f"--out: expected a name ending in .mp4, found '{target.name}'")
    if not target.parent.is_dir():
        raise UsageError(f"{target.parent}: no such folder; make it, or name another with --out")
    if any(one.exists() and target.exists() and target.samefile(one) for one in sources):
        raise UsageError(
            f"{target}: cannot write a film over the one it is made from; name another with --out"
        )
    if target.is_dir() or (target.exists() and not force):
        raise UsageError(
            f"{target}: is there already; write over it with --force, or name another with --out"
        )


def _bare(left: Path) -> str:
    """Return the name that both eyes' films have in common: ``flight`` of ``flight-left.mp4``."""
    return re.sub(r"(?i)[-_ .](left|l|sbs|side[-_]by[-_]side)$", "", left.stem)


def _facts(sources: list[Path]) -> FilmInfo:
    """Return what the films have in common; raise where they differ."""
    from animator.video.probe import probe

    infos = []
    for path in sources:
        if not path.is_file():
            raise UsageError(f"{path}: no such film")
        try:
            infos.append(probe(path))
        except FilmError as error:
            raise UsageError(f"{path}: not a film that ffmpeg reads: {error}") from error
    first, last = infos[0], infos[-1]
    if len(infos) == 1 and first.width % 2:
        raise UsageError(f"{sources[0]}: is {first.width} pixels wide, so no two eyes are side by side in it")
    for what, one, other in (
        ("frames", first.frames, last.frames),
        ("size", f"{first.width} x {first.height}", f"{last.width} x {last.height}"),
        ("frames a second", first.fps, last.fps),
    ):
        if one != other:
            raise UsageError(
                f"the films of the two eyes differ in {what}: {one} at the left, {other} at the right"
            )
    return first


def _both(left: Path, right: Path) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    from animator.video.probe import read_frames

    return zip(read_frames(left), read_frames(right), strict=True)


def _halves(path: Path) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    from animator.video.probe import read_frames

    for pixels in read_frames(path):
        middle = pixels.shape[1] // 2
        yield pixels[:, :middle], pixels[:, middle:]


def _reported(
    pairs: Iterator[tuple[np.ndarray, np.ndarray]], frames: int, stream: TextIO
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Pass pairs on and print a line now and then."""
    begun = last = time.monotonic()
    for number, pair in enumerate(pairs):
        now = time.monotonic()
        if number and now - last >= EVERY:
            last = now
            left = (frames - number) * (now - begun) / number
            print(f"frame {number} of {frames}, about {left:.0f} s left", file=stream, flush=True)
        yield pair
