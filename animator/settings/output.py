"""What a scene says about the film."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from animator.settings.base import FILMS, SLOWEST, STILL, Need, Options, given, on, setting
from animator.settings.finish import FinishOptions
from animator.settings.prompts import Position
from animator.settings.upscale import UpscaleOptions

STORAGE = r"^\s*[0-9]+(\.[0-9]+)?\s*[kMGT]?B\s*$"
"""A size on the disk, in decimal units."""


_FILM = Need(
    "without output.diffusion_film in mode still",
    {"mode": lambda mode: mode != STILL, "output.diffusion_film": on},
)

_SMOOTHER = Need(
    "without output.interpolate_to or output.finish.fps",
    {"output.interpolate_to": on, "output.finish.fps": on},
)

_SHARE = {"allowed": "a percentage such as 50%"}


class OutputOptions(Options):
    """What is written: the film, and what shows how a picture came about."""

    crf: int = setting(17, ge=0, le=51, unit="", needs=_FILM)
    """Quality of the H.264 film, 0 to 51: 0 loses nothing, 17 shows no loss, each 6 more halves the size."""

    preset: Literal[
        "ultrafast", "superfast", "veryfast", "faster", "fast", "medium", "slow", "slower", "veryslow"
    ] = setting("medium", needs=_FILM)
    """Effort of the x264 encoder: slower makes a smaller film of the same quality."""

    ten_bits: bool = setting(False, changes_frames=True)
    """Whether colours in the film have 10 bits instead of 8, so that smooth skies show no bands; the frames
    are then kept as 16-bit PNGs. H.264 of 10 bits does not play in QuickTime, Firefox and on phones; HEVC
    does (`codec: hevc`)."""

    codec: Literal["h264", "hevc", "prores", "prores-4444"] = setting("h264", modes=FILMS)
    """Codec of the film. H.264 of 8 bits plays everywhere; ProRes (a ``.mov``) is for editing and always has
    10 bits: ``prores`` is 422 HQ, ``prores-4444`` keeps every pixel's own colour. While the film grows it is
    H.264; the others are made of the frames at the end."""

    audio: str | None = setting(None, modes=FILMS)
    """Sound to put under the film, any file that ffmpeg reads, relative to the scene file. Formulas
    can follow it: ``audio(t)``, ``audio_low(t)`` and ``audio_high(t)``, 0 to 1."""

    audio_start: float = setting(0.0, ge=0, unit="seconds", needs=given("output.audio"))
    """Second of the sound at which the film begins."""

    gif: bool = setting(False, modes=FILMS)
    """Whether the film is also made as an animated GIF."""

    webp: bool = setting(False, modes=FILMS)
    """Whether the film is also made as an animated WebP."""

    interpolate_to: float | None = setting(None, ge=SLOWEST, le=240, unit="frames a second", modes=FILMS)
    """Frame rate of another, smoother film, ``<name>-60fps.mp4``, whose frames are made between those of the
    first."""

    interpolate_by: Literal["flow", "rife", "ffmpeg"] = setting("flow", needs=_SMOOTHER)
    """How frames between others are made: along the optical flow between two frames (``flow``), by the
    network RIFE (``rife``, fetched once), or by ffmpeg's ``minterpolate`` (``ffmpeg``)."""

    range: Annotated[list[Position], Field(min_length=2, max_length=2)] | None = setting(
        None,
        modes=FILMS,
        json_schema_extra={"allowed": "the first and the last frame, such as [24, 95] or [2s, 8s]"},
    )
    """First and last frame that the films show, both included: frames, seconds or beats; left out, all.
    Every frame is painted all the same, and the quick film of `film_every` shows all."""

    sequence: Literal["none", "png", "tiff", "exr"] = setting("none", modes=FILMS)
    """Pictures for compositing and editing, in ``sequence/``: PNG or TIFF of 16 bits as the film shows the
    frames, or OpenEXR as they were painted, in linear half floats, with depth, motion and what was uncovered
    as further layers. Set `ten_bits` too, or the frames have 8 bits to begin with."""

    number_from: int = setting(0, ge=0, le=9_999_999, unit="", needs=given("output.sequence"))
    """Number of the first file of the sequence, such as 1001."""

    alpha: str | None = setting(None, modes=FILMS)
    """Name of a region of `regions` that is the subject: what lies outside of it is transparent in a film
    ``<name>-alpha.webm``, with ``codec: prores-4444`` in the film itself, and in PNG and TIFF sequences."""

    upscale: UpscaleOptions = setting(UpscaleOptions())
    """Larger copies of what is made."""

    finish: FinishOptions = setting(FinishOptions())
    """A finished copy of the film."""

    film_every: int = setting(0, ge=0, le=10000, unit="frames", modes=FILMS)
    """While rendering, a second film of every n-th frame, ``<name>-every<n>.mp4``, to see the whole motion at
    a glance; 0 is none."""

    film: str | None = setting(
        None,
        pattern=r"^\w[\w .()+-]{0,119}$",
        json_schema_extra={
            "allowed": "a file name of letters, digits, blanks and . ( ) + -, without a folder"
        },
        modes=FILMS,
    )
    """Name of the film's file without its ending; the scene file's own name when left out."""

    intermediates: (
        int
        | list[
            Annotated[int, Field(ge=1)]
            | Annotated[str, Field(pattern=r"^\s*[0-9.]+\s*%\s*$", json_schema_extra=_SHARE)]
        ]
    ) = setting(0, unit="pictures, or steps, or % of them")
    """Clean estimates to keep on the way of each picture: how many, evenly spread (3), or after which steps
    ([5, 40]) or shares of them (["50%", "70%"]); 0 is none. They lie in ``intermediates/``."""

    progress_image: bool = True
    """Whether ``progress.png`` in the run folder shows the picture that is being painted, renewed every two
    seconds at most."""

    losses: bool = True
    """Whether the losses of every step are kept, as tables in ``losses/`` and, at the end, as the plot
    ``losses.png``."""

    show_cuts: bool = False
    """Whether sheets of the cuts as the CLIP models see them are kept in ``cuts/``, five for a picture."""

    contact_sheet: bool = setting(True, modes=(STILL,))
    """Whether several stills are also shown on one sheet, ``contact.png``."""

    keep_states: Annotated[int, Field(ge=0)] | Annotated[str, Field(pattern=STORAGE)] = setting(
        "1 GB",
        json_schema_extra={"allowed": 'a size such as "500 MB" or "2 GB", or a number of bytes; 0 keeps one'},
        unit="bytes",
    )
    """How much room the states of earlier frames may take, from which a film is resumed after an edit or
    where a frame was lost ("500 MB", "2 GB"); where they do not fit, every second stays, every fourth and so
    on. 0 keeps the newest alone."""

    diffusion_film: bool = False
    """Whether a film of each picture's diffusion is made, a frame a step, in ``diffusion/``."""
