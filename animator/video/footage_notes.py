"""What a user should know of how footage is read."""

from __future__ import annotations

from typing import TYPE_CHECKING

from animator.video.source_film import SourceFilm

if TYPE_CHECKING:
    from animator.video.footage import Footage

FASTEST_SOUND = 20.0
"""How many times as fast as its footage a film may run for the sound to be more than noise."""

WIDE_NAMES = {"bt2020": "BT.2020", "smpte432": "Display P3", "smpte431": "DCI-P3"}
"""What primaries are called, by ffmpeg's name of them."""


def notes_of(footage: Footage) -> list[str]:
    """Return what is not read as it is, a line each."""
    film = footage.source
    if not isinstance(film, SourceFilm):
        return []
    notes = []
    if film.curve:
        notes.append(
            f"is HDR ({film.curve}): its colours are converted for ordinary screens, and highlights are "
            "flattened; for another look name a film graded for such screens"
        )
    chosen = film.clock.slack and not film.clock.lost
    if film.wide:
        notes.append(
            f"has the wide colours of {WIDE_NAMES[film.primaries]}: they are converted for ordinary "
            "screens, which show the strongest ones less strong"
        )
    if not film.clock.even and not chosen:
        notes.append(_note_of_clock(film))
    return notes


def note_of_sound(footage: Footage) -> str:
    """Return which of a film's sounds cannot be taken; empty where the first one is, or there is none."""
    film = footage.source
    if not isinstance(film, SourceFilm) or not film.heard.passed:
        return ""
    codecs = ", ".join(dict.fromkeys(film.heard.passed))
    if film.heard.stream is None:
        return f"its sound ({codecs}) cannot be decoded, so the film is silent; name another as output.audio"
    return f"its first sound ({codecs}) cannot be decoded; the next one is taken, or name one as output.audio"


def too_fast_for_sound(change: float) -> bool:
    """Return whether sound is left out of a film that runs ``change`` times as fast as its footage."""
    return change > FASTEST_SOUND


def _note_of_clock(film: SourceFilm) -> str:
    clock = film.clock
    rate = f"{float(clock.fps):.6g}"
    seconds = f"{float(clock.frames / clock.fps):.4g}"
    found = f"has no constant rate: {film.pictures} pictures in {seconds} s; "
    if not clock.lost:
        return f"{found}it is read at {rate} a second, which shows each; write video.fps for another rate"
    lost = f"{clock.lost} of its {film.pictures} pictures"
    return f"{found}read at {rate} a second, {lost} are not shown; write a higher video.fps to see more"
