"""What ffmpeg reports about a film that somebody else made: its shape, its clock and its colours."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

from animator.errors import UsageError
from animator.video.ffmpeg import command, start
from animator.video.film import frame_rate
from animator.video.safe_input import EXPLAINED, NOT_ALLOWED, safe_input

PICTURES = "0:V:0"
"""The first stream of moving pictures; ``V``, unlike ``v``, passes over the cover picture of a sound file."""

PICTURE_STREAM = re.compile(
    r"Video: [^\n]*?, (?P<pix_fmt>[a-z]\w*)(?:\((?P<colours>[^)\n]*)\))?, \d+x\d+(?P<rest>[^\n]*)"
)
TURN = re.compile(r"rotation of (-?[\d.]+) degrees")
NEAR = 0.4
"""Frames by which a time stamp may lie beside the clock of a film of one rate: containers round them."""

REGULAR = 0.95
"""Share of the ticks of a film of one rate that must have a frame, the others having been dropped."""

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

UNKNOWN_TIME = -(2**63)
"""The time stamp of a packet that has none."""

DISCARDED = 0x0004
"""The flag of a packet that the film itself says is not to be shown."""


@dataclass(frozen=True)
class SourceFilm:
    """The facts of a film.

    Its clock ticks at ``fps`` from ``begin`` on; frame ``k`` is what is to be seen at tick ``k``.

    Attributes:
        width: pixels of a picture, upright and with square pixels.
        height: the same.
        fps: frames a second; of a film without a constant rate, the average.
        frames: ticks that the film lasts.
        begin: seconds from the start of the film, where its sound may begin, to its first picture.
        sound: whether it has any.
        matrix: the colour matrix to read it by, ``bt709`` or ``bt601``; ``auto``: the film says so itself.
        pix_fmt: ffmpeg's name of the layout of its pixels.
        interlaced: whether the two halves of each picture are of two moments.
    """

    width: int
    height: int
    fps: Fraction
    frames: int
    begin: Fraction
    sound: bool
    matrix: str
    pix_fmt: str
    interlaced: bool


def source(path: Path) -> Any:
    """Return a film as an input of a graph. Only files are opened, whatever the film refers to."""
    # Packets without a time stamp, as on DVDs, get one. Where a film changes its size half-way, as broadcasts
    # do, new filters would begin to count its frames from nothing.
    return safe_input(path, fflags="+genpts", reinit_filter=0)


def read_facts(path: Path, fallback_fps: Fraction) -> SourceFilm:
    """Return the facts of a film. Every packet is read, none is decoded.

    Args:
        path: the film.
        fallback_fps: rate of a film of a single picture.

    Raises:
        UsageError: ffmpeg cannot read it, or it has no pictures.
        FilmError: there is no ffmpeg.
    """
    graph = source(path).output("pipe:", map=PICTURES, c="copy", f="framecrc")
    arguments = command(graph.global_args("-hide_banner", "-nostdin", "-nostats"))
    pipes = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    with start(arguments, **pipes) as process:
        listed, told = (text.decode(errors="replace") for text in process.communicate())
    if process.returncode != 0:
        raise UsageError(_fault(path, told))
    header = dict(re.findall(r"^#(\w+) 0: (.*)$", listed, re.MULTILINE))
    times, end = _times(listed, Fraction(header.get("tb", "1/1")))
    stream = _stream(told)
    layout = PICTURE_STREAM.search(stream)
    if not times or layout is None:
        raise UsageError(f"{path}: holds no picture that ffmpeg can read; name a film that plays")
    fps, frames = _clock(times, end, layout["rest"], fallback_fps)
    width, height = _upright(header, TURN.search(stream))
    colours = [word.strip() for word in (layout["colours"] or "").split(",")]
    return SourceFilm(
        width=width,
        height=height,
        fps=fps,
        frames=frames,
        begin=times[0],
        sound=": Audio: " in told.partition("Stream mapping:")[0],
        matrix=_matrix(layout["pix_fmt"], colours, int(header["dimensions"].split("x")[1])),
        pix_fmt=layout["pix_fmt"],
        interlaced=any(word.startswith(("top", "bottom")) for word in colours),
    )


def _fault(path: Path, told: str) -> str:
    if NOT_ALLOWED in told:
        return f"{path}: {EXPLAINED}"
    if "matches no streams" in told:
        return f"{path}: has no pictures, only sound; name a film, or a folder of pictures"
    reasons = re.findall(r"^\[[^]]*\] (?:Error opening input: )?(?!.*misdetection)(.*)$", told, re.MULTILINE)
    said = f" ({reasons[0]})" if reasons else ""
    return f"{path}: not a film that ffmpeg can read{said}; name a film, or a folder of pictures"


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
    end = max((times[column] + times[2] for times in shown), default=0)
    return [times[column] * unit for times in shown], end * unit


def _stream(told: str) -> str:
    """Return what ffmpeg printed of the stream of pictures, of all that are in the file."""
    streams, _, mapping = told.partition("Stream mapping:")
    chosen = re.search(r"Stream #0:(\d+) -> #0:0", mapping)
    parts = re.split(r"^\s*Stream #0:(\d+)", streams, flags=re.MULTILINE)
    by_number = dict(zip(parts[1::2], parts[2::2], strict=True))
    return by_number.get(chosen[1], "") if chosen else ""


def _clock(
    times: Sequence[Fraction], end: Fraction, told: str, fallback_fps: Fraction
) -> tuple[Fraction, int]:
    """Return the rate of a film and the ticks that it lasts.

    A film has a constant rate, the one it names, if its pictures lie at the ticks of that clock and nearly
    every tick has one. Else its pictures are shared out evenly over its length.
    """
    length = end - times[0]
    for word in ("tbr", "fps"):
        named = re.search(rf"([\d.]+)(k?) {word}\b", told)
        if named is None or not float(named[1]):
            continue
        rate = frame_rate(named[1]) * (1000 if named[2] else 1)
        ticks = _ticks(times, rate)
        if ticks:
            return rate, max(ticks, round(length * rate))
    if len(times) == 1 or not length:
        return fallback_fps, 1
    return (len(times) / length).limit_denominator(100_000), len(times)


def _ticks(times: Sequence[Fraction], rate: Fraction) -> int:
    """Return how many ticks of a clock a film's pictures fill; 0 if that is not their clock."""
    places = [float((time - times[0]) * rate) for time in times]
    ticks = {round(place) for place in places}
    last = round(places[-1]) + 1
    beside = sum(abs(place - round(place)) > NEAR for place in places)
    regular = len(ticks) >= REGULAR * max(last, len(times)) and beside <= (1 - REGULAR) * len(times)
    return last if regular else 0


def _upright(header: Mapping[str, str], turn: re.Match[str] | None) -> tuple[int, int]:
    """Return the width and height at which a film is to be seen."""
    width, height = map(int, header["dimensions"].split("x"))
    across, _, down = header.get("sar", "0/1").partition("/")
    if int(across) and int(down):
        width = max(1, round(width * Fraction(int(across), int(down))))
    quarter_turns = round(float(turn[1]) / 90) if turn else 0
    return (height, width) if quarter_turns % 2 else (width, height)


def _matrix(pix_fmt: str, colours: Sequence[str], height: int) -> str:
    """Return the colour matrix to read a film by; see `SourceFilm`."""
    if not pix_fmt.startswith(LUMA_LAYOUTS):
        return "auto"  # RGB or grey
    named = [word.partition("/")[0] for word in colours]
    if any(
        word.startswith(("bt", "smpte", "fcc", "ycgco", "ictcp", "gbr", "chroma", "ipt")) for word in named
    ):
        return "auto"
    return "bt709" if height >= HD_HEIGHT else "bt601"
