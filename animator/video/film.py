"""Writing an mp4 that can be watched while it grows, and that survives being killed."""

from __future__ import annotations

import os
import struct
import subprocess
from contextlib import suppress
from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import Any

import ffmpeg
import numpy as np

from animator.errors import FilmError
from animator.system.disk import errors_in_one_line, printed_fault
from animator.video.faults import encoder_failure, printed_log
from animator.video.ffmpeg import QUIET, command, named, run, start
from animator.video.probe import probe

THREADS = 2
"""Threads of the encoder: a fixed number, because the bytes of a film depend on it."""

LOOKAHEAD = 8
"""Frames that the encoder looks ahead at most; more would hold back the growing film for longer."""


def to_bt709(layout: str) -> str:
    """Return filters from full-range RGB to the matrix and range that a film's tags name, so colours survive.

    Args:
        layout: ffmpeg's name of the film's pixel layout, such as ``yuv420p``.
    """
    return (
        "scale=in_range=pc:out_range=tv:out_color_matrix=bt709:flags=bicubic+accurate_rnd+full_chroma_int,"
        f"format={layout},"
        "setparams=range=tv:colorspace=bt709:color_primaries=bt709:color_trc=bt709"
    )


TO_BT709 = to_bt709("yuv420p")
"""Those of a film of 8 bits."""


def frame_rate(fps: float | str | Fraction) -> Fraction:
    """Return a frame rate as the exact fraction that is meant.

    >>> frame_rate(12), frame_rate(29.97), frame_rate("24000/1001"), frame_rate(12.5)
    (Fraction(12, 1), Fraction(30000, 1001), Fraction(24000, 1001), Fraction(25, 2))

    Raises:
        FilmError: if it is not a positive number.
    """
    try:
        rate = Fraction(fps)
    except (ValueError, OverflowError, ZeroDivisionError) as error:
        raise FilmError(f"fps is {fps!r}; it must be a positive number such as 12 or 29.97") from error
    if rate <= 0:
        raise FilmError(f"fps is {fps}; it must be a positive number such as 12 or 29.97")
    broadcast = Fraction(round(rate * 1001 / 1000) * 1000, 1001)
    if rate.denominator != 1 and broadcast and abs(rate - broadcast) < Fraction(1, 200):
        return broadcast
    # A picture in several minutes has a denominator of its own.
    return rate.limit_denominator(1001) or rate.limit_denominator(1_000_000)


def count_fragments(path: Path) -> int:
    """Return how many complete fragments, each of one frame, a growing film holds; 0 without a file."""
    if not path.exists():
        return 0
    complete = position = 0
    size = path.stat().st_size
    with path.open("rb") as file:
        while position + 8 <= size:
            file.seek(position)
            length, kind = struct.unpack(">I4s", file.read(8))
            if length < 8:
                break
            position += length
            complete += kind == b"mdat" and position <= size
    return complete


class FilmWriter:
    """An H.264 film that grows with every frame.

    While it grows it is a fragmented mp4, a fragment a frame: whoever opens it sees all but the last dozen
    frames, and so does whoever finds it after the program was killed. `finish` rewrites it, without encoding
    again, as a plain mp4 that starts at once in a browser. The bytes depend on the frames and settings alone.

    A film that is already there stays until the new one has as many frames: until then the new one grows
    beside it as ``<name>.part.mp4``. To resume, open the film again and add the earlier frames again.

    It has no B-frames: they would delay the picture against the clock in a film that is cut off. A size that
    is odd is made even, as the pixel layout asks, by drawing out the last column or row.

    Used in a ``with`` block it finishes at the end; after an exception it keeps what can be watched.

    Args:
        path: the film, ending in ``.mp4``; its folder must exist.
        width: pixels of every frame.
        height: pixels of every frame.
        fps: frames a second, turned into the fraction that is meant (see `frame_rate`).
        crf: quality, 0 (lossless) to 51.
        preset: effort of the x264 encoder, such as ``medium``.
        ten_bits: whether frames are uint16, 0 to 65535, and the film has 10 bits a colour.

    Raises:
        FilmError: if the encoder cannot be started, or the disk refuses.
    """

    def __init__(
        self,
        path: Path,
        width: int,
        height: int,
        fps: float | str | Fraction,
        *,
        crf: int = 17,
        preset: str = "medium",
        ten_bits: bool = False,
    ) -> None:
        self.path = Path(path)
        self.frames = 0
        self._shape = (height, width, 3)
        self._type = np.dtype(np.uint16 if ten_bits else np.uint8)
        self._part = self.path.with_name(f"{self.path.stem}.part.mp4")
        self._old_frames = _frames_of(self.path)
        self._in_place = False
        with errors_in_one_line(self._part, FilmError):
            # An encoder that outlived a killed program may still hold the old file open; it keeps that one.
            self._part.unlink(missing_ok=True)
            self._part.touch()  # a disk that refuses is found here, not by the encoder
        even = (width + width % 2, height + height % 2)
        arguments = command(_encoding(self._part, even, frame_rate(fps), crf, preset, ten_bits))
        self._log = printed_log()
        self._encoder = start(arguments, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=self._log)

    @property
    def pid(self) -> int:
        """The encoder's process number."""
        return self._encoder.pid

    def add(self, pixels: np.ndarray) -> None:
        """Append one frame, H x W x 3 RGB, uint8 or, of a film of 10 bits, uint16.

        Raises:
            ValueError: if it has another size or type.
            FilmError: if the encoder has stopped, or the disk refuses.
        """
        if pixels.shape != self._shape or pixels.dtype != self._type:
            raise ValueError(
                f"a frame of {pixels.shape} {pixels.dtype}; the film takes {self._shape} {self._type}"
            )
        assert self._encoder.stdin is not None
        try:
            self._encoder.stdin.write(raw(pixels))
            self._encoder.stdin.flush()
        except OSError as error:
            raise self._failure() from error
        self.frames += 1
        self._put_in_place()

    def finish(self) -> None:
        """End the film and put the plain mp4 in its place.

        Raises:
            FilmError: if the film has no frames, the encoder fails or the disk refuses.
        """
        if self._close() != 0:
            raise self._failure()
        if not self.frames:
            raise FilmError(f"{self.path}: a film needs at least one frame")
        growing = self.path if self._in_place else self._part
        plain = self.path.with_name(f"{self.path.stem}.remux.mp4")
        with errors_in_one_line(self.path, FilmError):
            try:
                _remux(growing, plain, self.path)
                with plain.open("rb+") as file:
                    os.fsync(file.fileno())
                os.replace(plain, self.path)
            finally:
                plain.unlink(missing_ok=True)
            self._part.unlink(missing_ok=True)
        self._in_place = True
        self._log.close()

    def abort(self) -> None:
        """End early. What was encoded stays and can be watched, unless the film before it holds more.

        Raises:
            FilmError: if the disk refuses.
        """
        self._close()
        self._log.close()
        self._put_in_place()
        if not self._in_place:
            with errors_in_one_line(self._part, FilmError):
                self._part.unlink(missing_ok=True)

    def __enter__(self) -> FilmWriter:
        """Return the writer itself."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Finish the film, or after an exception abort it."""
        if error is None:
            try:
                self.finish()
            except FilmError:
                self._abort_quietly()
                raise
            return
        self._abort_quietly()

    def _abort_quietly(self) -> None:
        """Abort after a fault, which is reported; what follows from it on the same disk is not."""
        with suppress(FilmError):
            self.abort()

    def _put_in_place(self) -> None:
        """Let the new film take the old one's name once it holds as many frames on the disk.

        The encoder goes on writing into the renamed file. Windows cannot rename an open file: there the old
        film stays until the end.
        """
        if self._in_place or self.frames < self._old_frames:
            return
        if os.name == "nt" and self._encoder.poll() is None:
            return
        with errors_in_one_line(self.path, FilmError):
            if count_fragments(self._part) >= max(1, self._old_frames):
                os.replace(self._part, self.path)
                self._in_place = True

    def _close(self) -> int:
        """Let the encoder write out what it holds, and return its exit status."""
        assert self._encoder.stdin is not None
        try:
            self._encoder.stdin.close()
        except OSError:
            # The encoder is gone already: its status and its last lines say why.
            return self._encoder.wait() or 1
        return self._encoder.wait()

    def _failure(self) -> FilmError:
        return encoder_failure(self.path, self._close(), self._log)


def raw(pixels: np.ndarray, even: bool = True) -> memoryview:
    """Return the bytes that ffmpeg reads as a frame, ``rgb24`` or ``rgb48le``.

    Args:
        pixels: H x W x 3 RGB or H x W x 4 RGBA, uint8 or uint16.
        even: whether a size that is odd is made even by drawing out the last column or row.
    """
    height, width, _ = pixels.shape
    if even and (height % 2 or width % 2):
        pixels = np.pad(pixels, ((0, height % 2), (0, width % 2), (0, 0)), mode="edge")
    return np.ascontiguousarray(pixels, pixels.dtype.newbyteorder("<")).data


def _frames_of(path: Path) -> int:
    """Return how many frames a film holds; 0 where there is none or it cannot be read."""
    if not path.exists():
        return 0
    try:
        return probe(path).frames
    except FilmError:
        return 0


def _encoding(path: Path, size: tuple[int, int], fps: Fraction, crf: int, preset: str, ten_bits: bool) -> Any:
    """Return the graph from raw pictures on stdin to a growing film; see the class for the choices."""
    pictures = ffmpeg.input(
        "pipe:",
        format="rawvideo",
        pix_fmt="rgb48le" if ten_bits else "rgb24",
        video_size=size,
        framerate=str(fps),
        probesize=32,  # the input needs no guessing, which would hold back the first frames
        analyzeduration=0,
        fpsprobesize=0,
    )
    lookahead = min(LOOKAHEAD, max(0, int(fps) - THREADS - 1))
    film = pictures.output(
        named(path),
        vf=to_bt709("yuv420p10le") if ten_bits else TO_BT709,
        vcodec="libx264",
        preset=preset,
        crf=crf,
        threads=THREADS,
        g=max(1, round(fps)),
        bf=0,
        fps_mode="passthrough",
        movflags="frag_every_frame+empty_moov+default_base_moof",
        flush_packets=1,
        map_metadata=-1,
        bitexact=None,
        **{"x264-params": f"rc-lookahead={lookahead}:sync-lookahead=0"},
    )
    return film.global_args(*QUIET)


def _remux(growing: Path, plain: Path, film: Path) -> None:
    """Copy a growing film into a plain one; ``film`` is the name in a failure."""
    try:
        run(command(_remuxing(growing, plain)), film)
    except FilmError as error:
        fault = printed_fault(str(error), film)
        if fault is None:
            raise
        raise FilmError(fault) from error


def _remuxing(growing: Path, plain: Path) -> Any:
    """Return the graph that copies a growing film into a plain one with its index in front."""
    film = ffmpeg.input(named(growing)).output(
        named(plain), map="0:v:0", c="copy", movflags="faststart", map_metadata=-1, bitexact=None
    )
    return film.global_args(*QUIET)
