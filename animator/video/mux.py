"""Putting sound under a film."""

from __future__ import annotations

import logging
import shutil
from pathlib import Path
from typing import Any

import ffmpeg

from animator.errors import FilmError
from animator.system.disk import printed_fault
from animator.video.ffmpeg import QUIET, command, named, run
from animator.video.making import replacing
from animator.video.safe_input import safe_input
from animator.video.sound import cut, heard_in
from animator.video.streams import kept_together

RATE = 48000
"""Samples a second of a film's sound."""

CODECS: dict[str, dict[str, Any]] = {
    ".mp4": {"acodec": "aac", "audio_bitrate": "192k", "movflags": "faststart"},
    ".mov": {"acodec": "pcm_s16le", "movflags": "faststart"},
}
"""How the sound is kept, by the film's ending: a ``.mov`` is for cutting, so there nothing is lost."""

SLOWEST, FASTEST = 0.5, 100.0
"""The slowest and the fastest change of tempo that ffmpeg's filter makes in one go."""

log = logging.getLogger(__name__)


def with_sound(
    film: Path, sound: Path, target: Path, *, start_at: float, seconds: float, rate_change: float = 1.0
) -> bool:
    """Put a part of a sound under a film.

    The film's pictures are copied as they are. The sound begins with the first of them, to the sample: the
    encoder's own delay is taken back by the edit list of the mp4. It has one or two channels, and as long as
    the sound ends before the film it goes on in silence. The same files give the same bytes.

    Args:
        film: an mp4 or mov; sound that it has already is left out.
        sound: any sound or film that ffmpeg reads.
        target: the film with sound, of the same ending; may be ``film`` itself, which is then replaced.
        start_at: second of the sound at which the film begins.
        seconds: length of the film, and so of its sound.
        rate_change: how many seconds of the sound one second of the film shows; at 2 the sound is played
            twice as fast at the same pitch, in time to a few hundredths of a second of the sound.

    Returns:
        Whether there is sound now: False where ``sound`` has none, or none that can be put there, of which
        the log warns; ``target`` is then the film as it was.

    Raises:
        UsageError: ``sound`` is no film, sound or picture.
        FilmError: the disk refuses.
    """
    with replacing(target) as part:
        number = heard_in(sound).stream
        if number is not None:
            graph = _graph(film, sound, number, part, start_at, seconds, rate_change)
            try:
                run(command(graph), target)
                return True
            except FilmError as error:
                if printed_fault(str(error), target) is not None:
                    raise
                # A film that took hours is not lost because of its sound.
                log.warning("%s: has no sound: that of %s cannot be added (%s)", target, sound, error)
        shutil.copyfile(film, part)
    return False


def _graph(
    film: Path, sound: Path, number: int, part: Path, start_at: float, seconds: float, rate_change: float
) -> Any:
    source = safe_input(sound)
    heard = cut(source, number, start_at, seconds * rate_change)
    for factor in _tempos(rate_change):
        heard = heard.filter("atempo", f"{factor:.9f}")
    samples = round(seconds * RATE)
    # Silence is added before the end is cut: what is left has exactly the film's length.
    heard = heard.filter("aresample", RATE).filter("apad", whole_len=samples)
    heard = heard.filter("atrim", end_sample=samples).filter("aformat", channel_layouts="stereo|mono")
    pictures = ffmpeg.input(named(film))["v:0"]
    how = CODECS[part.suffix.lower()]
    joined = ffmpeg.output(
        pictures, heard, named(part), vcodec="copy", map_metadata=-1, map_chapters=-1, bitexact=None, **how
    )
    return ffmpeg.merge_outputs(joined, kept_together(source)).global_args(*QUIET)


def _tempos(change: float) -> list[float]:
    """Return the factors, none beyond `SLOWEST` and `FASTEST`, that make up a change; none for 1."""
    factors = []
    while change > FASTEST:
        factors.append(FASTEST)
        change /= FASTEST
    while change < SLOWEST:
        factors.append(SLOWEST)
        change /= SLOWEST
    return factors if change == 1 else [*factors, change]
