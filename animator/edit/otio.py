"""Edit lists of OpenTimelineIO (``.otio``), which cutting programs read and write."""

from __future__ import annotations

from fractions import Fraction
from importlib.util import find_spec
from pathlib import Path
from typing import Any
from urllib.parse import quote, unquote, urlsplit

from animator.edit.shots import Edit, Shot
from animator.errors import FilmError, UsageError
from animator.video.film import frame_rate
from animator.video.probe import probe

MISSING = "edit lists need the package opentimelineio: pip install 'animator[edit]'"
"""What is said where it is not installed."""

LARGEST = 64 << 20
"""Bytes of an edit list at most."""


def require_otio() -> None:
    """Check that the library is installed; raises UsageError that says how to get it."""
    if find_spec("opentimelineio") is None:
        raise UsageError(MISSING)


def read_otio(path: Path) -> Edit:
    """Read an edit list: its one track of pictures, with cuts, dissolves and gaps, and a track of one sound.

    Args:
        path: the file; films that it names are found from its folder.

    Raises:
        UsageError: it is no edit list, or asks for what is not done here (several tracks of pictures, changes
            of speed, other transitions); the message says which.
    """
    require_otio()
    import opentimelineio as otio

    try:
        if path.stat().st_size > LARGEST:
            raise UsageError(f"{path}: is larger than {LARGEST >> 20} MiB")
        timeline = otio.adapters.read_from_string(path.read_text(encoding="utf-8"), "otio_json")
    except OSError as error:
        raise UsageError(f"{path}: cannot be read: {error.strerror}") from error
    except (otio.exceptions.OTIOError, ValueError, KeyError, TypeError) as error:
        raise UsageError(
            f"{path}: is no edit list of OpenTimelineIO: {str(error).splitlines()[0]}"
        ) from error
    if not isinstance(timeline, otio.schema.Timeline):
        raise UsageError(f"{path}: holds a {type(timeline).__name__}, not a Timeline")
    tracks = [track for track in timeline.video_tracks() if track.enabled and len(track)]
    if len(tracks) != 1:
        raise UsageError(f"{path}: has {len(tracks)} tracks of pictures; flatten it to one")
    items = [item for item in tracks[0] if getattr(item, "enabled", True)]
    fps = _rate(items, otio, path)
    sounds = [item for track in timeline.audio_tracks() if track.enabled for item in track]
    audio = _audio([one for one in sounds if isinstance(one, otio.schema.Clip)], path)
    return Edit(tuple(_shots(items, fps, otio, path)), fps, audio)


def write_otio(edit: Edit, path: Path) -> None:
    """Write an edit as a list; films below its folder are named from there, others by their full paths."""
    require_otio()
    import opentimelineio as otio

    rate = float(edit.fps)

    def time(frames: Fraction | int) -> Any:
        return otio.opentime.RationalTime(float(frames), rate)

    timeline = otio.schema.Timeline(path.stem)
    track = otio.schema.Track("pictures", kind=otio.schema.TrackKind.Video)
    timeline.tracks.append(track)
    for shot in edit.shots:
        if shot.before or shot.after:
            kind = otio.schema.TransitionTypes.SMPTE_Dissolve
            track.append(
                otio.schema.Transition(
                    transition_type=kind, in_offset=time(shot.before), out_offset=time(shot.after)
                )
            )
        part = otio.opentime.TimeRange(time(shot.start * edit.fps), time(shot.frames))
        if shot.film is None:
            track.append(otio.schema.Gap(source_range=part))
            continue
        info = probe(shot.film)
        whole = otio.opentime.TimeRange(time(0), time(int(info.frames * edit.fps / info.fps)))
        media = otio.schema.ExternalReference(_url(shot.film, path.parent), available_range=whole)
        track.append(otio.schema.Clip(shot.name or shot.film.stem, media, part))
    if edit.audio is not None:
        heard = otio.schema.Track("sound", kind=otio.schema.TrackKind.Audio)
        media = otio.schema.ExternalReference(_url(edit.audio, path.parent))
        part = otio.opentime.TimeRange(time(0), time(edit.frames))
        heard.append(otio.schema.Clip(edit.audio.stem, media, part))
        timeline.tracks.append(heard)
    path.write_text(otio.adapters.write_to_string(timeline, "otio_json"), encoding="utf-8")


def _rate(items: list[Any], otio: Any, path: Path) -> Fraction:
    """Return the frames a second of an edit: the rate in which its first clip is written."""
    for item in items:
        if isinstance(item, otio.schema.Clip):
            try:
                return frame_rate(item.trimmed_range().duration.rate)
            except FilmError as error:
                raise UsageError(f"{path}: {item.name or 'a clip'}: {error}") from error
    raise UsageError(f"{path}: its track of pictures has no clip")


def _shots(items: list[Any], fps: Fraction, otio: Any, path: Path) -> list[Shot]:
    shots: list[Shot] = []
    lead = (0, 0)
    for number, item in enumerate(items):
        if isinstance(item, otio.schema.Transition):
            if item.transition_type != otio.schema.TransitionTypes.SMPTE_Dissolve:
                kind = item.transition_type
                raise UsageError(f"{path}: has a transition of the kind {kind}; only dissolves are made")
            if not shots or number + 1 == len(items):
                raise UsageError(f"{path}: has a dissolve with nothing before or after it")
            lead = _frames(item.in_offset, fps), _frames(item.out_offset, fps)
            continue
        if not isinstance(item, otio.schema.Clip | otio.schema.Gap):
            raise UsageError(f"{path}: has a {type(item).__name__} among its clips; flatten it")
        if item.effects:
            names = ", ".join(type(one).__name__ for one in item.effects)
            raise UsageError(
                f"{path}: {item.name or 'a clip'} has effects ({names}), which are not made here"
            )
        part, film, zero = item.trimmed_range(), None, Fraction(0)
        if isinstance(item, otio.schema.Clip):
            film = _film(item, otio, path)
            zero = _seconds(_available(item.media_reference))
        start = _seconds(part.start_time) - zero if film else Fraction(0)
        if _frames(part.duration, fps) < 1:
            raise UsageError(f"{path}: {item.name or 'a clip'} has no frames")
        shots.append(Shot(film, start, _frames(part.duration, fps), *lead, item.name or "a gap"))
        lead = (0, 0)
    return shots


def _available(media: Any) -> Any:
    """Return the time that a film's own first frame has, or None: some programs count from its time code."""
    return media.available_range.start_time if media.available_range is not None else None


def _seconds(time: Any) -> Fraction:
    return (
        Fraction(0) if time is None else Fraction(time.value).limit_denominator(10**6) / frame_rate(time.rate)
    )


def _frames(time: Any, fps: Fraction) -> int:
    return round(_seconds(time) * fps)


def _audio(clips: list[Any], path: Path) -> Path | None:
    """Return the file of the track of sound, or None; sound of more than one clip is that of the shots."""
    if len(clips) != 1:
        return None
    url = getattr(clips[0].media_reference, "target_url", "")
    return _found(url, path) if url else None


def _film(clip: Any, otio: Any, path: Path) -> Path:
    media = clip.media_reference
    if not isinstance(media, otio.schema.ExternalReference):
        raise UsageError(f"{path}: the clip {clip.name or '?'} names no film")
    return _found(media.target_url, path)


def _found(url: str, path: Path) -> Path:
    """Return the file of an address in an edit list."""
    parts = urlsplit(url)
    if parts.scheme not in ("", "file") and len(parts.scheme) > 1:  # one letter is a Windows drive
        raise UsageError(f"{path}: names {url}; only files are read")
    name = unquote(parts.path) if len(parts.scheme) != 1 else unquote(url)
    file = path.parent / name
    if not file.exists():
        raise UsageError(f"{path}: names {name}, which is not there")
    return file


def _url(file: Path, folder: Path) -> str:
    try:
        return quote(file.resolve().relative_to(folder.resolve()).as_posix())
    except ValueError:
        return file.resolve().as_uri()
