"""What ffmpeg reports about a film that somebody else made: its shape, its clock and its colours."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import ffmpeg

from animator.errors import UsageError
from animator.video.clock import FilmClock, own_clock, resampled
from animator.video.ffmpeg import command, start
from animator.video.hdr import CURVES, WIDE, Curve
from animator.video.safe_input import EXPLAINED, NOT_ALLOWED, safe_input
from animator.video.sound import Heard, find_heard
from animator.video.streams import PICTURES, kept_together

PICTURE_STREAM = re.compile(
    r"Video: (?P<codec>\w+)[^\n]*?, (?P<pix_fmt>[a-z]\w*)(?:\((?P<colours>[^\n]*?)\))?, \d+x\d+"
    r"(?P<rest>[^\n]*)"
)
"""What ffmpeg prints of a stream of pictures. Brackets are in brackets: ``top coded first (swapped)``."""

TURN = re.compile(r"rotation of (-?[\d.]+) degrees")

FLAGGED = {"mpeg1video", "mpeg2video", "mpeg4", "h264", "hevc", "vc1", "wmv3", "dvvideo", "prores", "dnxhd"}
"""Codecs whose every picture says whether it has fields; of others the container's word is all there is."""

HD_HEIGHT = 720
"""Rows from which on a film that does not say its colour matrix is taken to have BT.709's, below BT.601's."""

MATRICES = ("bt", "smpte", "fcc", "ycgco", "ictcp", "gbr", "chroma", "ipt")
"""How ffmpeg's names of colour matrices begin."""

LUMA_LAYOUTS = (
    "yuv",
    "yuyv",
    "yvyu",
    "uyvy",
    "uyyv",
    "nv",
    "p0",
    "p2",
    "p4",
    "y2",
    "v30",
    "v4",
    "vuy",
    "xv",
    "ayuv",
)
"""How ffmpeg's names of layouts begin that need a colour matrix to become RGB."""

ALPHA = re.compile(r"yuva|gbrap|rgba|bgra|argb|abgr|ya\d|pal8|vuya|ayuv")
"""How names of layouts begin that may be transparent."""

ALPHA_BESIDE = re.compile(r"^\s*alpha_mode\s*: 1", re.MULTILINE | re.IGNORECASE)
"""What ffmpeg prints of the metadata of WebM with transparent parts."""

WITH_ALPHA = {"vp8": "libvpx", "vp9": "libvpx-vp9"}
"""By a codec of WebM, the decoder that reads transparent parts."""

LAYERED = {"hevc"}
"""Codecs whose transparent parts are a layer of the same stream, of which its header says nothing."""

DECODED = re.compile(r"Video: wrapped_avframe, ([a-z]\w*)")
"""What ffmpeg prints of pictures as they were decoded."""

UNKNOWN_TIME = -(2**63)
"""The time stamp of a packet that has none."""

DISCARDED = 0x0004
"""The flag of a packet that the film itself says is not to be shown."""


@dataclass(frozen=True)
class SourceFilm:
    """The facts of a film.

    Its clock ticks from ``begin`` on; frame ``k`` is what is to be seen at tick ``k``.

    Attributes:
        width: pixels of a picture, upright and with square pixels.
        height: the same.
        clock: how fast it ticks, and how many frames that makes.
        pictures: how many pictures there are.
        begin: seconds from the start of the film, where its sound may begin, to its first picture.
        heard: which of its sounds can be heard.
        matrix: the colour matrix to read it by, ``bt709``, ``bt601`` or ``bt2020``; ``auto``: the film says
            so itself.
        pix_fmt: ffmpeg's name of the layout of its pixels.
        interlaced: whether the two halves of each picture may be of two moments: the film does not say
            otherwise.
        curve: of a film of high dynamic range; None is an ordinary one.
        primaries: ffmpeg's name of its primaries, empty where none are named.
        fields: ``tff`` or ``bff`` where all pictures have fields without saying so, else empty.
        turn: quarter turns, 0 to 3, against the clock by which ffmpeg turns its pictures upright.
        alpha: whether its pictures may have transparent parts.
        decoder: the decoder that reads these; empty where ffmpeg's own does.
    """

    width: int
    height: int
    clock: FilmClock
    pictures: int
    begin: Fraction
    heard: Heard
    matrix: str
    pix_fmt: str
    interlaced: bool
    curve: Curve | None
    primaries: str
    fields: str
    turn: int
    alpha: bool
    decoder: str

    @property
    def wide(self) -> bool:
        """Whether a film of ordinary range has primaries that reach farther than those of a screen."""
        return self.curve is None and self.primaries in WIDE


def source(path: Path, decoder: str = "") -> Any:
    """Return a film as an input of a graph. Only files are opened, whatever the film refers to.

    Args:
        path: the film.
        decoder: of its pictures, where ffmpeg's own does not do.
    """
    how = {"c:v": decoder} if decoder else {}
    # Packets without a time stamp, as on DVDs, get one. Where a film changes its size half-way, as broadcasts
    # do, new filters would begin to count its frames from nothing.
    return safe_input(path, fflags="+genpts", reinit_filter=0, **how)


def read_facts(path: Path, fallback_fps: Fraction, fps: Fraction | None = None) -> SourceFilm:
    """Return the facts of a film. Every packet of its pictures is read; of HEVC the first one is decoded.

    Args:
        path: the film.
        fallback_fps: rate of a film of a single picture.
        fps: rate at which it is to be read, in place of its own.

    Raises:
        UsageError: ffmpeg cannot read it, or it has no pictures.
        FilmError: there is no ffmpeg.
    """
    film = source(path)
    listing = film[PICTURES].output("pipe:", c="copy", f="framecrc")
    graph = ffmpeg.merge_outputs(listing, kept_together(film))
    arguments = command(graph.global_args("-hide_banner", "-nostdin", "-nostats"))
    pipes = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    with start(arguments, **pipes) as process:
        listed, told = (text.decode(errors="replace") for text in process.communicate())
    if process.returncode != 0:
        raise UsageError(_fault(path, told))
    header = dict(re.findall(r"^#(\w+) 0: (.*)$", listed, re.MULTILINE))
    unit = Fraction(header.get("tb", "1/1"))
    times, end = _times(listed, unit)
    stream = _stream(told)
    layout = PICTURE_STREAM.search(stream)
    if not times or layout is None:
        raise UsageError(f"{path}: holds no picture that ffmpeg can read; name a film that plays")
    clock = own_clock(times, end, unit, layout["rest"], fallback_fps)
    if fps is not None:
        clock = resampled(times, end, unit, fps, clock.even)
    turn = _turn(stream)
    width, height = _upright(header, turn)
    colours = [word.strip() for word in (layout["colours"] or "").split(",")]
    pix_fmt, decoder = layout["pix_fmt"], ""
    if layout["codec"] in WITH_ALPHA and ALPHA_BESIDE.search(stream):
        # A second picture beside the first, which ffmpeg's own decoders do not read.
        pix_fmt, decoder = "yuva420p", WITH_ALPHA[layout["codec"]]
    elif layout["codec"] in LAYERED:
        pix_fmt = _decoded(path) or pix_fmt
    return SourceFilm(
        width=width,
        height=height,
        clock=clock,
        pictures=len(times),
        begin=times[0],
        heard=find_heard(path, told),
        matrix=_matrix(pix_fmt, colours, int(header["dimensions"].split("x")[1])),
        pix_fmt=pix_fmt,
        interlaced="progressive" not in colours,
        curve=_curve(colours),
        turn=turn,
        alpha=ALPHA.match(pix_fmt) is not None,
        decoder=decoder,
        primaries=next((word.split("/")[1] for word in colours if word.count("/") == 2), ""),
        fields=_fields(colours) if layout["codec"] not in FLAGGED else "",
    )


def _fault(path: Path, told: str) -> str:
    if NOT_ALLOWED in told:
        return f"{path}: {EXPLAINED}"
    if "matches no streams" in told:
        return f"{path}: has no pictures, only sound; name a film, or a folder of pictures"
    reasons = re.findall(r"^\[[^]]*\] (?:Error opening input: )?(?!.*misdetection)(.*)$", told, re.MULTILINE)
    said = f" ({reasons[0]})" if reasons else ""
    return f"{path}: not a film that ffmpeg can read{said}; name a film, or a folder of pictures"


def _decoded(path: Path) -> str:
    """Return ffmpeg's name of the layout of a film's first picture; empty where it cannot be decoded."""
    first = source(path)[PICTURES].output("pipe:", **{"frames:v": 1}, format="null")
    pipes = {"stdin": subprocess.DEVNULL, "stdout": subprocess.DEVNULL, "stderr": subprocess.PIPE}
    with start(command(first.global_args("-hide_banner", "-nostdin", "-nostats")), **pipes) as process:
        told = process.communicate()[1].decode(errors="replace")
    found = DECODED.search(told)
    return found[1] if found else ""


def _times(listed: str, unit: Fraction) -> tuple[list[Fraction], Fraction]:
    """Return when each picture is shown, in rising order, and when the last one ends, in seconds."""
    shown = []
    for line in listed.splitlines():
        if line.startswith("#"):
            continue
        _, dts, pts, length, _, _, *more = (field.strip() for field in line.split(","))
        flags = next((int(field[2:], 16) for field in more if field.startswith("F=")), 0)
        if not flags & DISCARDED:
            shown.append((int(pts), int(dts), int(length)))
    # Bare H.264 tells only when pictures are decoded, out of order: the same moments, shared out otherwise.
    column = 1 if any(pts == UNKNOWN_TIME for pts, _, _ in shown) else 0
    shown.sort(key=lambda times: times[column])
    if not shown:
        return [], Fraction(0)
    # An mp4 says how long a picture lasts until the one that is decoded next, which may be another than the
    # one that is shown next: only the sum is right. Where packets are missing the sum is too short.
    summed = shown[0][column] + sum(times[2] for times in shown)
    latest = max(times[column] + times[2] for times in shown)
    last = shown[-1]
    end = min(summed, latest) if summed > last[column] else last[column] + last[2]
    return [times[column] * unit for times in shown], end * unit


def _stream(told: str) -> str:
    """Return what ffmpeg printed of the stream of pictures, of all that are in the file."""
    streams, _, mapping = told.partition("Stream mapping:")
    chosen = re.search(r"Stream #0:(\d+) -> #0:0", mapping)
    parts = re.split(r"^\s*Stream #0:(\d+)", streams, flags=re.MULTILINE)
    by_number = dict(zip(parts[1::2], parts[2::2], strict=True))
    return by_number.get(chosen[1], "") if chosen else ""


def _turn(stream: str) -> int:
    """Return by how many quarter turns against the clock a film is to be turned."""
    turn = TURN.search(stream)
    return round(float(turn[1]) / 90) % 4 if turn else 0


def _upright(header: Mapping[str, str], turn: int) -> tuple[int, int]:
    """Return the width and height at which a film is to be seen."""
    width, height = map(int, header["dimensions"].split("x"))
    across, _, down = header.get("sar", "0/1").partition("/")
    if int(across) and int(down):
        width = max(1, round(width * Fraction(int(across), int(down))))
    return (height, width) if turn % 2 else (width, height)


def _curve(colours: Sequence[str]) -> Curve | None:
    """Return the curve of a film of high dynamic range."""
    words = (part for word in colours for part in word.split("/"))
    return next((CURVES[word] for word in words if word in CURVES), None)


def _fields(colours: Sequence[str]) -> str:
    """Return the order of a film's fields, as ffmpeg's filters call it; empty where none is named."""
    orders = (("top", "tff"), ("bottom", "bff"))
    return next((name for word, name in orders for said in colours if said.startswith(f"{word} ")), "")


def _matrix(pix_fmt: str, colours: Sequence[str], height: int) -> str:
    """Return the colour matrix to read a film by; see `SourceFilm`."""
    if not pix_fmt.startswith(LUMA_LAYOUTS):
        return "auto"  # RGB or grey
    named = [word.partition("/")[0] for word in colours]
    if any(word.startswith(MATRICES) for word in named):
        return "auto"
    if _curve(colours):
        return "bt2020"
    return "bt709" if height >= HD_HEIGHT else "bt601"
