"""Pictures of a film as they come out of ffmpeg, through a pipe."""

from __future__ import annotations

import re
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path

import ffmpeg
import numpy as np

from animator.video.ffmpeg import QUIET, command, last_lines_of, start
from animator.video.source_film import SourceFilm, source
from animator.video.streams import PICTURES, kept_together

TYPES: dict[str, np.dtype] = {
    "rgb24": np.dtype("u1"),
    "rgb48le": np.dtype("<u2"),
    "rgba64le": np.dtype("<u2"),
}
"""By the name of ffmpeg's layout, what a value of a pixel is."""


SCALER = "bicubic+accurate_rnd+full_chroma_int+full_chroma_inp+bitexact"
"""How ffmpeg scales and converts: as well as it can, and alike on every processor."""

DEEP = re.compile(r"(?:9|1[0246]|48|64|f16|f32)(?:le|be)$")
"""How names of layouts of more than 8 bits end."""

PLANAR = re.compile(r"yuva?4\d\dp(?:(\d+)[lb]e)?$")

WOVEN = re.compile(r"(?:yuv[aj]?4|gbr|gray|rgb|bgr|argb|abgr)")
"""How names of layouts begin whose fields ffmpeg's filter parts without loss."""

TURNS: tuple[list[str], ...] = ([], ["transpose=cclock"], ["hflip", "vflip"], ["transpose=clock"])
"""Filters that turn pictures by so many quarter turns against the clock."""

NANOSECONDS = "settb=1/1000000000"

ZIMG_MATRICES = {"bt709": "709", "bt601": "170m", "bt2020": "2020_ncl"}


def selection(film: SourceFilm, first: int, every: int) -> list[str]:
    """Return the filters that let pass the frames ``first``, ``first + every``, … of a film's clock.

    Pictures are put at the ticks to which their own time stamps are nearest, or of a clock with a slack at
    the first ones after them; a tick without one repeats the picture before it. Nothing is sought: what
    passes does not depend on where reading began.
    """
    begin, clock = film.begin, film.clock
    filters = []
    if film.fields or (film.interlaced and WOVEN.match(film.pix_fmt)):
        # Pictures that say that they are whole pass as they are. A film may change its size, which this
        # filter does not see: all pictures get that of the first.
        named = [f"setfield={film.fields}"] if film.fields else []
        # Fields are every other row of the pictures as they were recorded, before they were turned upright.
        back, upright = TURNS[-film.turn % 4], TURNS[film.turn]
        filters = ["scale=iw:ih", *back, *named, "bwdif=mode=send_frame:deint=interlaced", *upright]
    rate = f"fps=fps={clock.fps.numerator}/{clock.fps.denominator}:start_time=0:eof_action=pass"
    if not clock.slack:
        # What follows the first picture at once is put off, so that the first frame is the first picture.
        since = f"PTS-({begin.numerator}/{begin.denominator})/TB"
        half = f"ceil({clock.fps.denominator}/({2 * clock.fps.numerator}*TB))"
        filters += [f"setpts='if(N,max({since},{half}),{since})'", f"{rate}:round=near"]
    else:
        until = begin + clock.slack
        since = f"round(PTS-({until.numerator}/{until.denominator})/TB)"
        filters += [NANOSECONDS, f"setpts='if(N,max({since},1),{since})'"]
        filters += [f"{rate}:round=up"]
    return [*filters, f"select='gte(n,{first})*not(mod(n-{first},{every}))'"]


def to_rgb(film: SourceFilm, width: int, height: int) -> tuple[list[str], str]:
    """Return the filters that scale a film's pictures and turn them into RGB of the film's precision.

    ffmpeg's own scaler is right for 8 bits; with 16 its white is 255/256, so that zimg takes its place there.

    Returns:
        The filters, and the layout that they give: ``rgb24``, ``rgb48le`` for more than 8 bits, or
        ``rgba64le`` where something may be transparent, whose hidden colours are mixed into no other.
    """
    if not DEEP.search(film.pix_fmt) and not film.curve and not film.alpha:
        return [
            f"scale={width}:{height}:in_color_matrix={film.matrix}:flags={SCALER}",
            "format=rgb24",
        ], "rgb24"
    filters = []
    if planar := PLANAR.match(film.pix_fmt):
        # zimg takes no coarser colour in odd sizes.
        kind, depth = "yuva" if film.alpha else "yuv", f"{planar[1]}le" if planar[1] else ""
        filters = [f"scale=flags={SCALER}", f"format={kind}444p{depth}"]
    matrix = "" if film.matrix == "auto" else f":matrixin={ZIMG_MATRICES[film.matrix]}"
    filters.append(f"zscale={width}:{height}:filter=bicubic:dither=none{matrix}")
    if film.alpha:
        return [*filters, "format=gbrap16le", "format=rgba64le"], "rgba64le"
    return [*filters, "format=gbrp16le", "format=rgb48le"], "rgb48le"


def over(pixels: np.ndarray, alpha: np.ndarray, ground: tuple[float, float, float]) -> np.ndarray:
    """Lay pixels over a colour.

    Args:
        pixels: H x W x 3 uint16.
        alpha: H x W x 1 uint16, how opaque they are; colours are not yet multiplied by it.
        ground: red, green and blue, 0 to 1.

    Returns:
        H x W x 3 uint16.
    """
    share = alpha.astype(np.float32) / 65535
    colour = np.array(ground, np.float32) * 65535
    result: np.ndarray = np.rint(pixels * share + colour * (1 - share)).astype(np.uint16)
    return result


class FilmPipe:
    """A running decoder.

    Args:
        facts: of the film.
        path: the film.
        filters: what is done to its upright pictures.
        pix_fmt: one of `TYPES`.
        size: height and width of what comes out of the filters.

    Raises:
        FilmError: there is no ffmpeg.
    """

    def __init__(
        self, facts: SourceFilm, path: Path, filters: Sequence[str], pix_fmt: str, size: tuple[int, int]
    ) -> None:
        self._shape = (*size, 4 if pix_fmt == "rgba64le" else 3)
        self._type = TYPES[pix_fmt]
        self._bytes = int(np.prod(self._shape)) * self._type.itemsize
        film = source(path, facts.decoder)
        how = {"vf": ",".join(filters), "f": "rawvideo", "pix_fmt": pix_fmt, "fps_mode": "passthrough"}
        graph = ffmpeg.merge_outputs(film[PICTURES].output("pipe:", **how), kept_together(film))
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
        return np.frombuffer(data, self._type).reshape(self._shape).copy()  # writable, as torch asks

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
