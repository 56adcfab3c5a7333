"""``animator vr180``: films or pictures that exist already, one for each eye, as VR180."""

from __future__ import annotations

import re
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack
from enum import Enum
from itertools import repeat
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TextIO

import typer

from animator.cli.shared import Debug, guarded, say
from animator.errors import UsageError

if TYPE_CHECKING:
    import numpy as np

    from animator.video.footage import Footage, FootageReader

EVERY = 5.0
"""Seconds between two lines of progress."""


class Edge(str, Enum):
    """What lies beyond the pictures' edges."""

    fade = "fade"
    stretch = "stretch"
    mirror = "mirror"


class Eyes(str, Enum):
    """Where the eyes are in the film."""

    side_by_side = "side_by_side"
    top_bottom = "top_bottom"


class Codec(str, Enum):
    """The codec of the film."""

    h264 = "h264"
    hevc = "hevc"


@guarded
def vr180(  # noqa: PLR0913 (each is an option of the command line)
    left: Annotated[Path, typer.Argument(help="The left eye's film.", metavar="LEFT", show_default=False)],
    right: Annotated[
        Path | None,
        typer.Argument(
            help="The right eye's film; none with --packed.", metavar="[RIGHT]", show_default=False
        ),
    ] = None,
    packed: Annotated[
        bool,
        typer.Option(
            "--packed", help="LEFT is one film with both eyes, side by side or one above the other."
        ),
    ] = False,
    packed_eyes: Annotated[
        Eyes | None,
        typer.Option(
            "--packed-eyes",
            help="Where the eyes are in such a film; left out, by its metadata, name or shape.",
            show_default=False,
        ),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(
            "--out",
            "-o",
            help="The film to write, in place of LEFT's name with _180_LR or _180_TB; of pictures a .png, "
            "or a photo for headsets' galleries, .vr.jpg.",
        ),
    ] = None,
    fov: Annotated[
        float, typer.Option("--fov", help="Angle in degrees that the pictures' height fills, 1 to 179.")
    ] = 90.0,
    size: Annotated[
        int, typer.Option("--size", help="Pixels of each eye in width and height, even, 64 to 2880.")
    ] = 2880,
    edge: Annotated[Edge, typer.Option("--edge", help="What lies beyond the pictures' edges.")] = Edge.fade,
    eyes: Annotated[
        Eyes, typer.Option("--eyes", help="Where the eyes are in the new film, the left one first.")
    ] = Eyes.side_by_side,
    codec: Annotated[
        Codec,
        typer.Option(
            "--codec", help="H.264 plays everywhere, HEVC is smaller and what Apple's players take."
        ),
    ] = Codec.h264,
    crf: Annotated[int, typer.Option("--crf", help="Quality, 0 (lossless) to 51.")] = 17,
    force: Annotated[bool, typer.Option("--force", help="Overwrite a film that exists.")] = False,
    debug: Debug = False,
) -> None:
    """Turn the films of two eyes, or two pictures, into one for headsets, with LEFT's sound."""
    _check_numbers(fov, size, crf)
    if (packed or packed_eyes is not None) == (right is not None):
        raise UsageError("name two films, LEFT and RIGHT, or one with both eyes and --packed")
    from animator.video.spherical import VR180_NAMES
    from animator.video.stereo_film import Encoding, hemispheres, write_vr180

    sources = [left] if right is None else [left, right]
    endings = (".png", ".jpg") if _is_picture(left) else (".mp4",)
    target = out or left.with_name(f"{_bare(left)}_{VR180_NAMES[eyes.value]}{endings[0]}")
    _check_target(target, sources, force, endings)
    films = _opened(sources)
    stacked = right is None and _stacked(left, films[0], packed_eyes)
    with ExitStack() as stack:
        pairs = _pairs([stack.enter_context(_reader(film)) for film in films], stacked)
        if target.suffix.lower() == ".jpg":
            from animator.video.vr_photo import vr180_photo

            both = next(hemispheres(pairs, repeat(fov), size, edge.value))
            target.write_bytes(vr180_photo(both[:, :size], both[:, size:]))
        elif target.suffix.lower() == ".png":
            from animator.runs.png import encode_png

            views = hemispheres(pairs, repeat(fov), size, edge.value, eyes.value)
            target.write_bytes(encode_png(next(views), {}))
        else:
            first = films[0]
            audio = left if first.sound else None
            encoding = Encoding(
                fps=first.fps, codec=codec.value, crf=crf, audio=audio, audio_start=first.start
            )
            told = _reported(pairs, first.frames, sys.stderr)
            write_vr180(target, told, encoding, fovs=fov, size=size, edge=edge.value, layout=eyes.value)
    print(target)


def _check_numbers(fov: float, size: int, crf: int) -> None:
    if not 1 <= fov <= 179:
        raise UsageError(f"--fov: expected an angle of 1 to 179 degrees, found {fov:g}")
    if not 64 <= size <= 2880 or size % 2:
        raise UsageError(f"--size: expected an even number of pixels, 64 to 2880, found {size}")
    if not 0 <= crf <= 51:
        raise UsageError(f"--crf: expected 0 to 51, found {crf}")


def _check_target(target: Path, sources: list[Path], force: bool, endings: tuple[str, ...]) -> None:
    if target.suffix.lower() not in endings:
        raise UsageError(f"--out: expected a name ending in {' or '.join(endings)}, found '{target.name}'")
    if not target.parent.is_dir():
        raise UsageError(f"{target.parent}: no such folder; make it, or name another with --out")
    if any(one.exists() and target.exists() and target.samefile(one) for one in sources):
        raise UsageError(
            f"{target}: cannot write a film over the one it is made from; name another with --out"
        )
    if target.is_dir() or (target.exists() and not force):
        raise UsageError(f"{target}: exists already; overwrite it with --force, or name another with --out")


def _bare(left: Path) -> str:
    """Return the name that both eyes' films have in common: ``flight`` of ``flight-left.mp4``."""
    return re.sub(
        r"(?i)[-_ .](left|l|sbs|side[-_]by[-_]side|tb|ou|top[-_]bottom|over[-_]under)$", "", left.stem
    )


def _is_picture(path: Path) -> bool:
    from animator.video.source_pictures import PICTURE_ENDINGS

    return path.suffix.lower() in PICTURE_ENDINGS and path.is_file()


def _opened(sources: list[Path]) -> list[Footage]:
    """Return the films; raise where they differ in what they must have in common."""
    from animator.video.footage import open_footage
    from animator.video.footage_notes import note_of_sound, notes_of

    films = []
    for number, path in enumerate(sources):
        if not path.is_file():
            raise UsageError(f"{path}: no such film")
        film = open_footage(path)
        films.append(film)
        for note in (*notes_of(film), *([note_of_sound(film)] if number == 0 else [])):
            if note:
                say(f"note: {path}: {note.rpartition(';')[0]}")  # without what a scene can do about it
    first, last = films[0], films[-1]
    for what, one, other in (
        ("frames", first.frames, last.frames),
        ("size", f"{first.width} x {first.height}", f"{last.width} x {last.height}"),
        ("frames a second", first.fps, last.fps),
    ):
        if one != other:
            raise UsageError(
                f"the films of the two eyes differ in {what}: {one} at the left, {other} at the right"
            )
    return films


def _stacked(path: Path, film: Footage, said: Eyes | None) -> bool:
    """Return whether the eyes are one above the other in a film of both.

    Args:
        path: the film.
        film: what is known of it.
        said: where they are; None: as the film's box ``st3d`` says, else by its name, else by its shape.

    Raises:
        UsageError: the picture cannot be halved.
    """
    stacked = _said_stacked(path) if said is None else said is Eyes.top_bottom
    if stacked is None:
        stacked = film.height > film.width
    pixels, way, where = (
        (film.height, "high", "one above the other") if stacked else (film.width, "wide", "side by side")
    )
    if pixels % 2:
        raise UsageError(f"{path}: is {pixels} pixels {way}, so no two eyes are {where} in it")
    return stacked


def _said_stacked(path: Path) -> bool | None:
    """Return whether a film says that its eyes are one above the other; None where it says nothing."""
    from animator.errors import FilmError
    from animator.video.spherical_reader import read_spherical

    try:
        found = read_spherical(path)
    except FilmError:  # no mp4, which alone has such a box
        found = None
    if found is not None and found.stereo_mode in ("top_bottom", "left_right"):
        return found.stereo_mode == "top_bottom"
    if re.search(r"(?i)[-_ .](tb|ou|top[-_]bottom|over[-_]under|180_tb)$", path.stem):
        return True
    return False if re.search(r"(?i)[-_ .](sbs|lr|side[-_]by[-_]side)$", path.stem) else None


def _reader(film: Footage) -> FootageReader:
    """Return a film upright and in its own size."""
    from animator.video.footage import FootageReader

    return FootageReader(film, film.width, film.height, "stretch", keep=1)


def _pairs(readers: list[FootageReader], stacked: bool) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Yield what the left and the right eye see of each frame; of one film its two halves."""
    from animator.system.convert import frame_to_uint8

    for number in range(readers[0].footage.frames):
        pictures = [frame_to_uint8(reader.frame(number)) for reader in readers]
        if len(pictures) == 1:
            (both,) = pictures
            down, across = both.shape[0] // 2, both.shape[1] // 2
            halves = (both[:down], both[down:]) if stacked else (both[:, :across], both[:, across:])
            pictures = list(halves)
        yield pictures[0], pictures[1]


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
