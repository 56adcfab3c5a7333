"""Footage: a film or a folder of pictures, and the choice of its frames that a scene is made over."""

from __future__ import annotations

import hashlib
import math
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from animator.errors import FilmError, UsageError
from animator.video.film import frame_rate
from animator.video.film_pipe import FilmPipe, over, selection, to_rgb
from animator.video.hdr import to_bt709, to_sdr
from animator.video.source_film import SourceFilm, read_facts
from animator.video.source_pictures import pictures_of, upright_size

if TYPE_CHECKING:
    from typing import Literal, TypeAlias

    from animator.types import Frame

    Fit: TypeAlias = Literal["cover", "contain", "stretch"]
    Colour: TypeAlias = tuple[float, float, float]

BLACK = (0.0, 0.0, 0.0)

KEPT = 4
"""Frames that a reader keeps, where nothing else is said."""


@dataclass(frozen=True)
class Footage:
    """A choice of the frames of a film or of a folder of pictures.

    Attributes:
        path: the film, or the folder.
        width: pixels of a picture, upright and with square pixels; of a folder, of its first picture.
        height: the same.
        fps: frames a second *of the choice*: the source's rate divided by ``every``.
        frames: how many frames were chosen.
        start: seconds from the start of the source at which the first of them is shown; its sound from there
            to ``end`` belongs to the choice.
        end: seconds at which the last of them is over.
        every: one of how many frames of the source is taken.
        sound: whether the source has any that can be heard.
        first: number of the first of them among all frames of the source.
        source: the film's facts, or the folder's pictures in order.
    """

    path: Path
    width: int
    height: int
    fps: Fraction
    frames: int
    start: float
    end: float
    every: int
    sound: bool
    first: int
    source: SourceFilm | tuple[Path, ...]


def open_footage(
    path: Path | str,
    *,
    start: float = 0.0,
    end: float | None = None,
    every: int = 1,
    fps_of_pictures: float | Fraction = 12.0,
    fps: float | str | Fraction | None = None,
) -> Footage:
    """Find footage and choose from it. No picture is decoded.

    The frames of a range are those that are shown from ``start`` on and begin before ``end``, each time to
    half a frame; one of ``every`` of them is taken, the first one included. A film without a constant rate
    is read at one that shows each of its pictures at its time, so that its sound stays with it.

    Args:
        path: a film of any kind that ffmpeg reads, or a folder of pictures, which come in the order in which
            people number them (2 before 10).
        start: second of the source at which to begin.
        end: second at which to end; the source's end where it is None or later.
        every: one of how many frames is taken, from 1.
        fps_of_pictures: pictures of a folder in a second.
        fps: frames in a second at which a film is read, each showing what is to be seen at its moment, or
            pictures of a folder in a second; None is the film's own rate and ``fps_of_pictures``.

    Raises:
        UsageError: there is no such file, it has no pictures, or none in the range.
    """
    path = Path(path)
    facts: SourceFilm | tuple[Path, ...]
    if path.is_dir():
        facts = pictures_of(path)
        width, height = upright_size(facts[0])
        rate, frames, begin, sound = frame_rate(fps or fps_of_pictures), len(facts), Fraction(0), False
    elif path.is_file():
        facts = read_facts(path, frame_rate(fps_of_pictures), None if fps is None else frame_rate(fps))
        width, height, sound = facts.width, facts.height, facts.heard.stream is not None
        rate, frames, begin = facts.clock.fps, facts.clock.frames, facts.begin
    else:
        raise UsageError(f"{path}: no such file; name a film or a folder of pictures")
    first = max(0, _nearest((Fraction(start) - begin) * rate))
    beyond = frames if end is None else min(frames, _nearest((Fraction(end) - begin) * rate))
    if first >= beyond:
        lasts = float(begin + frames / rate)
        asked = f"from {start:g} s on" if end is None else f"from {start:g} s to {end:g} s"
        raise UsageError(
            f"{path}: has no frame {asked}; it lasts {lasts:.3f} s of {frames} frames: choose a range in it"
        )
    chosen = math.ceil((beyond - first) / every)
    return Footage(
        path=path,
        width=width,
        height=height,
        fps=rate / every,
        frames=chosen,
        start=float(begin + first / rate),
        end=float(begin + min(frames, first + chosen * every) / rate),
        every=every,
        sound=sound,
        first=first,
        source=facts,
    )


class FootageReader:
    """The frames of footage, brought to a size, in whatever order they are asked for.

    A film is decoded as a stream, without a file on the disk; going on is quick, going back or away begins
    again at the start of the film, because only then is a frame the same to the bit however it was reached.
    Films of more than 8 bits keep their precision.

    A film may break off before its own end. From there on its last whole picture is shown; `decodable` says
    where.

    Used in a ``with`` block, it ends the decoder with it.

    Args:
        footage: which frames.
        width: pixels of every frame.
        height: pixels of every frame.
        fit: how pictures of another shape come to that size: the middle of them (``cover``), all of them with
            black borders (``contain``), or distorted (``stretch``).
        ground: red, green and blue, 0 to 1, of what lies under transparent parts.
        keep: how many of the frames that it gave last are kept, from 1.

    Attributes:
        footage: as given.
        decodable: how many frames can be decoded, as far as is known.
    """

    def __init__(
        self,
        footage: Footage,
        width: int,
        height: int,
        fit: Fit = "cover",
        *,
        keep: int = KEPT,
        ground: Colour = BLACK,
    ) -> None:
        self.footage = footage
        self.decodable = footage.frames
        self._size = (width, height)
        self._fit = fit
        self._keeps = keep
        self._ground = ground
        self._kept: dict[int, Frame] = {}
        self._pipe: FilmPipe | None = None
        self._began = self._next = 0

    def __enter__(self) -> FootageReader:
        """Return the reader itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """End the decoder."""
        self.close()

    def close(self) -> None:
        """End the decoder. A later `frame` starts it again."""
        if self._pipe is not None:
            self._pipe.close()
            self._pipe = None

    def frame(self, index: int) -> Frame:
        """Return a frame: float32, 3 x height x width, [0, 1].

        Args:
            index: 0 to ``footage.frames - 1``; the last few frames are kept.

        Raises:
            IndexError: there is no such frame.
            UsageError: a picture of a folder cannot be read.
            FilmError: nothing of the film can be decoded.
        """
        if not 0 <= index < self.footage.frames:
            raise IndexError(f"frame {index} of footage of {self.footage.frames}")
        if min(index, self.decodable - 1) not in self._kept:
            source = self.footage.source
            if isinstance(source, SourceFilm):
                self._decode(source, min(index, self.decodable - 1))
            else:
                self._keep(index, self._picture(source[self.footage.first + index * self.footage.every]))
        return self._kept[min(index, self.decodable - 1)]

    def _decode(self, source: SourceFilm, index: int) -> None:
        """Decode up to a frame, or to the last one that can be, and keep it."""
        # Imported here because footage is looked at where torch shall not be loaded.
        from animator.system.convert import uint8_to_frame, uint16_to_frame

        if self._pipe is None or index < self._next:
            self._start(source, index)
        assert self._pipe is not None
        while self._next <= index:
            pixels = self._pipe.read()
            if pixels is None:
                self._broke_off(source, index)
                return
            if index - self._next < self._keeps:
                alpha, pixels = pixels[..., 3:], pixels[..., :3]
                if source.curve:
                    pixels = to_sdr(pixels, source.curve, source.primaries)
                elif source.wide:
                    pixels = to_bt709(pixels, source.primaries)
                if source.alpha:
                    pixels = over(pixels, alpha, self._ground)
                to_frame = uint8_to_frame if pixels.dtype == np.uint8 else uint16_to_frame
                self._keep(self._next, to_frame(pixels))
            self._next += 1

    def _broke_off(self, source: SourceFilm, index: int) -> None:
        """Find and keep the last frame that can be decoded, the decoder having ended before ``index``."""
        assert self._pipe is not None
        if self._next == self._began == 0:
            raise FilmError(
                f"{self.footage.path}: no frame of the choice can be decoded ({self._pipe.told()}); "
                "choose another range or film"
            )
        if self._next == self._began:
            self._start(source, 0)
            self._decode(source, index)
            return
        self.decodable = self._next
        if self.decodable - 1 not in self._kept:
            self._decode(source, self.decodable - 1)

    def _start(self, source: SourceFilm, index: int) -> None:
        """Start the decoder so that the next picture that it gives is that of a frame."""
        self.close()
        width, height = self._size
        first = self.footage.first + index * self.footage.every
        across, down = fitted((self.footage.width, self.footage.height), self._size, self._fit)
        scaling, layout = to_rgb(source, across, down)
        # Cropped and framed as RGB: the coarser colour of most films would allow even places only.
        if self._fit == "cover":
            scaling.append(f"crop={width}:{height}:{(across - width) // 2}:{(down - height) // 2}")
        if self._fit == "contain":
            scaling.append(f"pad={width}:{height}:{(width - across) // 2}:{(height - down) // 2}:black")
        filters = [*selection(source, first, self.footage.every), *scaling]
        self._pipe = FilmPipe(source, self.footage.path, filters, layout, (height, width))
        self._began = self._next = index

    def _picture(self, path: Path) -> Frame:
        from animator.system.images import read_picture  # as in `_decode`

        width, height = self._size
        if self._fit != "contain":
            return read_picture(path, width, height, self._fit, self._ground)
        across, down = fitted(upright_size(path), self._size, "contain")
        whole = read_picture(path, across, down, ground=self._ground)
        left, top = (width - across) // 2, (height - down) // 2
        framed = whole.new_zeros(3, height, width)
        framed[:, top : top + down, left : left + across] = whole
        return framed

    def _keep(self, index: int, frame: Frame) -> None:
        self._kept[index] = frame
        while len(self._kept) > self._keeps:
            del self._kept[next(iter(self._kept))]


def hash_footage(path: Path | str) -> str:
    """Return the SHA-256, in hexadecimal, of a film, or of the hashes of a folder's pictures in their order.

    Raises:
        UsageError: there is no such footage, or it cannot be read.
    """
    path = Path(path)
    try:
        if not path.is_dir():
            return _digest(path).hexdigest()
        whole = hashlib.sha256()
        for picture in pictures_of(path):
            whole.update(_digest(picture).digest())
        return whole.hexdigest()
    except OSError as error:
        raise UsageError(
            f"{error.filename or path}: {error.strerror}; name footage that can be read"
        ) from error


def fitted(size: tuple[int, int], target: tuple[int, int], fit: Fit) -> tuple[int, int]:
    """Return the size to which a picture is scaled before it is cropped or framed to its target.

    Args:
        size: width and height of the picture.
        target: width and height that are wanted.
        fit: ``cover``: no side gets smaller than that; ``contain``: no side larger; ``stretch``: as wanted.
    """
    if fit == "stretch":
        return target
    ratios = [Fraction(wanted, side) for wanted, side in zip(target, size, strict=True)]
    scale = max(ratios) if fit == "cover" else min(ratios)
    width, height = (max(1, round(side * scale)) for side in size)
    return width, height


def _nearest(number: Fraction) -> int:
    return math.floor(number + Fraction(1, 2))


def _digest(path: Path) -> hashlib._Hash:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(1 << 20):
            digest.update(block)
    return digest
