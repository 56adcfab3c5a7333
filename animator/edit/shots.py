"""An edit as plain values: which shot is seen when, and over how long one becomes the next."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

from animator.errors import UsageError
from animator.video.film import frame_rate
from animator.video.footage import open_footage
from animator.video.probe import FilmInfo, probe
from animator.video.source_pictures import PICTURE_ENDINGS


@dataclass(frozen=True)
class Shot:
    """A part of a film, or black, in an edit.

    Attributes:
        film: the film; None is black.
        start: second of the film that the first frame shows.
        frames: how many frames of the edit it takes, from cut to cut.
        before: frames before its first cut at which it begins to be mixed in; those of its lead.
        after: frames after that cut until it alone is seen.
        name: for messages.
    """

    film: Path | None
    start: Fraction
    frames: int
    before: int = 0
    after: int = 0
    name: str = ""


@dataclass(frozen=True)
class Edit:
    """Shots in order.

    Attributes:
        shots: the shots; each begins where the one before ends.
        fps: frames a second of the edit.
        audio: sound in place of that of the shots, or None.
    """

    shots: tuple[Shot, ...]
    fps: Fraction
    audio: Path | None = None

    @property
    def frames(self) -> int:
        """How many frames the edit has."""
        return sum(shot.frames for shot in self.shots)

    def begins(self) -> list[int]:
        """Return the number of the first frame of each shot."""
        return [sum(shot.frames for shot in self.shots[:number]) for number in range(len(self.shots))]

    def tail(self, number: int) -> int:
        """Return how many frames a shot is seen after its end, while the next is mixed in."""
        return self.shots[number + 1].after if number + 1 < len(self.shots) else 0


def one_after_another(films: Sequence[Path], dissolve: int, audio: Path | None = None) -> Edit:
    """Return the edit of whole films, one after another, at the rate of the first.

    Args:
        films: the films.
        dissolve: frames over which each becomes the next; 0 is a cut.
        audio: sound in place of theirs.

    Raises:
        UsageError: a film is too short for two dissolves.
        FilmError: a film cannot be read.
    """
    facts = [facts_of(film) for film in films]
    fps = frame_rate(facts[0].fps)
    shots = []
    for number, (film, info) in enumerate(zip(films, facts, strict=True)):
        length = int(info.frames * fps / info.fps)
        # Half of a dissolve lies before the cut and half after it; both come off the films' own frames.
        lead, after = (dissolve // 2, dissolve - dissolve // 2) if number else (0, 0)
        tail = dissolve - dissolve // 2 if number + 1 < len(films) else 0
        frames = length - lead - tail
        if frames < max(1, after):
            raise UsageError(f"{film}: has {length} frames, too few for dissolves of {dissolve}")
        shots.append(Shot(film, Fraction(lead) / fps, frames, lead, after, film.name))
    return Edit(tuple(shots), fps, audio)


def facts_of(film: Path) -> FilmInfo:
    """Return the facts of a film.

    Raises:
        UsageError: it is none that ffmpeg can read.
        FilmError: it has no pictures.
    """
    open_footage(film)  # which says what is wrong with a file that is no film
    if film.suffix.lower() in PICTURE_ENDINGS:
        raise UsageError(f"{film}: is a picture, not a film")
    return probe(film)


def checked(edit: Edit) -> tuple[int, int]:
    """Return the size of an edit's frames, after checking that every shot can be shown as the edit says.

    Raises:
        UsageError: films of different sizes, or one that is too short for its part or its dissolves.
        FilmError: a film cannot be read.
    """
    facts: dict[Path, FilmInfo] = {}
    sizes: dict[tuple[int, int], str] = {}
    for number, shot in enumerate(edit.shots):
        if shot.film is None:
            continue  # black is as long as one likes
        info = facts.setdefault(shot.film, facts_of(shot.film))
        sizes.setdefault((info.width, info.height), shot.film.name)
        first = shot.start - Fraction(shot.before) / edit.fps
        last = shot.start + Fraction(shot.frames + edit.tail(number)) / edit.fps
        length = Fraction(info.frames) / info.fps
        following = edit.shots[number + 1].before if number + 1 < len(edit.shots) else 0
        if shot.frames < shot.after + following:
            raise UsageError(f"{shot.name}: its {shot.frames} frames are fewer than its two dissolves take")
        if first < 0:
            raise UsageError(
                f"{shot.name}: the dissolve into it needs {float(-first):.3g} s before its start"
            )
        if last > length + Fraction(1, 2) / info.fps:
            raise UsageError(
                f"{shot.name}: is needed until {float(last):.3f} s, and {shot.film} ends at "
                f"{float(length):.3f} s"
            )
    if len(sizes) > 1:
        shown = ", ".join(f"{name} {width} x {height}" for (width, height), name in sizes.items())
        raise UsageError(f"the shots are of different sizes: {shown}; bring them to one size first")
    if not sizes:
        raise UsageError("the edit shows no film")
    return next(iter(sizes))
