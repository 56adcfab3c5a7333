"""The sound of an edit: that of its shots, faded where their pictures are."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import ffmpeg

from animator.edit.shots import Edit
from animator.video.ffmpeg import QUIET, command, named, run
from animator.video.mux import RATE
from animator.video.safe_input import safe_input
from animator.video.sound import cut, heard_in
from animator.video.streams import kept_together


def write_sound(edit: Edit, target: Path) -> bool:
    """Write the sound of the shots as a WAV of the edit's length.

    Args:
        edit: the edit.
        target: the file, in a folder for it alone, in which the sound of each shot is written first.

    Returns:
        Whether any shot has a sound; without one no file is written.

    Raises:
        FilmError: a sound cannot be read.
    """
    # A file for each: the same film may be there twice, which one graph cannot tell apart.
    files = [
        file
        for number, begin in enumerate(edit.begins())
        if _write_part(edit, number, begin, file := target.with_name(f"part-{number}.wav"))
    ]
    if not files:
        return False
    samples = round(edit.frames / edit.fps * RATE)
    parts = [ffmpeg.input(named(file)) for file in files]
    mixed = ffmpeg.filter(parts, "amix", inputs=len(parts), duration="longest", normalize=0)
    whole = mixed.filter("apad", whole_len=samples).filter("atrim", end_sample=samples)
    graph = whole.output(named(target), acodec="pcm_s16le", map_metadata=-1, bitexact=None)
    run(command(graph.global_args(*QUIET)), target)
    return True


def _write_part(edit: Edit, number: int, begin: int, file: Path) -> bool:
    """Write a shot's sound, silent until its place in the edit; return whether it has one."""
    shot, tail = edit.shots[number], edit.tail(number)
    stream = heard_in(shot.film).stream if shot.film is not None else None
    if shot.film is None or stream is None:
        return False
    ahead = min(shot.before, begin)
    start = shot.start - Fraction(ahead) / edit.fps
    length = Fraction(ahead + shot.frames + tail) / edit.fps
    source = safe_input(shot.film)
    heard = cut(source, stream, float(start), float(length)).filter("aresample", RATE)
    heard = heard.filter("aformat", channel_layouts="stereo")
    if shot.before + shot.after:
        heard = heard.filter("afade", t="in", st=0, d=float((ahead + shot.after) / edit.fps))
    if tail:
        following = edit.shots[number + 1]
        over = Fraction(following.before + following.after) / edit.fps
        heard = heard.filter("afade", t="out", st=float(length - over), d=float(over))
    delay = round((begin - ahead) / edit.fps * 1000)
    heard = heard.filter("adelay", delays=delay, all=1)
    graph = heard.output(named(file), acodec="pcm_s16le", map_metadata=-1, bitexact=None)
    run(command(ffmpeg.merge_outputs(graph, kept_together(source)).global_args(*QUIET)), shot.film)
    return True
