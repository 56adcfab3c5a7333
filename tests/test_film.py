"""Films: facts, colours, order of frames, and what is left after a kill."""

from __future__ import annotations

import os
import signal
import stat
import subprocess
import sys
import time
from fractions import Fraction

import numpy as np
import pytest

from animator.errors import FilmError
from animator.video.ffmpeg import executable
from animator.video.film import FilmWriter, count_fragments, frame_rate
from animator.video.probe import FilmInfo, probe, read_frames

WIDTH, HEIGHT = 64, 48
posix_only = pytest.mark.skipif(os.name == "nt", reason="signals and scripts of POSIX")


def numbered(frame, width=WIDTH, height=HEIGHT):
    """A picture that carries its number as eight bits, black or white bands, on a moving grey."""
    pixels = np.full((height, width, 3), 90 + frame % 20, np.uint8)
    for bit in range(8):
        if frame >> bit & 1:
            pixels[:, bit * width // 8 : (bit + 1) * width // 8] = 235
    return pixels


def number_of(pixels):
    bands = pixels.mean(axis=(0, 2)).reshape(8, -1).mean(axis=1)
    return sum(1 << bit for bit in range(8) if bands[bit] > 170)


def write(path, frames, fps=12, **options):
    with FilmWriter(path, WIDTH, HEIGHT, fps, **options) as film:
        for frame in range(frames):
            film.add(numbered(frame))
    return path


@pytest.mark.parametrize(
    ("fps", "exact"), [(12, Fraction(12)), (29.97, Fraction(30000, 1001)), (1, Fraction(1))]
)
def test_a_film_has_the_facts_that_were_asked_for(tmp_path, fps, exact):
    info = probe(write(tmp_path / "film.mp4", 31, fps))
    assert info == FilmInfo("h264", WIDTH, HEIGHT, exact, 31, "yuv420p", float(31 / exact))
    assert [file.name for file in tmp_path.iterdir()] == ["film.mp4"]


def test_a_finished_film_starts_at_once(tmp_path):
    data = write(tmp_path / "film.mp4", 20).read_bytes()
    assert 0 < data.index(b"moov") < data.index(b"mdat")
    assert b"moof" not in data


def test_every_frame_is_there_once_and_in_its_place(tmp_path):
    path = write(tmp_path / "film.mp4", 60)
    assert [number_of(pixels) for pixels in read_frames(path)] == list(range(60))


def test_a_film_of_one_frame(tmp_path):
    assert probe(write(tmp_path / "film.mp4", 1)).frames == 1


COLOURS = [
    (255, 0, 0),
    (0, 255, 0),
    (0, 0, 255),
    (255, 255, 255),
    (0, 0, 0),
    (128, 128, 128),
    (200, 120, 40),
    (20, 60, 90),
]


def test_colours_survive(tmp_path):
    path = tmp_path / "film.mp4"
    with FilmWriter(path, WIDTH, HEIGHT, 12, crf=8) as film:
        for colour in COLOURS:
            film.add(np.broadcast_to(np.array(colour, np.uint8), (HEIGHT, WIDTH, 3)))
    for colour, pixels in zip(COLOURS, read_frames(path), strict=True):
        assert np.abs(pixels.mean(axis=(0, 1)) - colour).max() < 2.5


def told(path):
    """What ffmpeg itself says about a film."""
    return subprocess.run([executable(), "-hide_banner", "-i", path], capture_output=True, text=True).stderr


def test_the_film_says_how_its_colours_are_meant(tmp_path):
    path = write(tmp_path / "film.mp4", 2)
    assert "yuv420p(tv, bt709, progressive)" in told(path)


@pytest.mark.parametrize(("width", "height"), [(33, 48), (64, 31), (33, 31)])
def test_an_odd_size_is_drawn_out_to_an_even_one(tmp_path, width, height):
    path = tmp_path / "film.mp4"
    with FilmWriter(path, width, height, 12) as film:
        film.add(numbered(37, width, height))
    info = probe(path)
    assert (info.width, info.height) == (width + width % 2, height + height % 2)


def test_two_runs_write_the_same_bytes(tmp_path):
    one, two = (write(tmp_path / name, 40).read_bytes() for name in ("one.mp4", "two.mp4"))
    assert one == two


def test_the_film_can_be_watched_after_its_first_second(tmp_path):
    path = tmp_path / "film.mp4"
    film = FilmWriter(path, WIDTH, HEIGHT, 12)
    for frame in range(12):
        film.add(numbered(frame))
    until(lambda: count_fragments(tmp_path / "film.part.mp4") + count_fragments(path) > 0)
    film.add(numbered(12))
    seen = [number_of(pixels) for pixels in read_frames(path)]
    assert seen == list(range(len(seen)))
    assert seen
    assert "start: 0.000000" in told(path)
    film.abort()
    assert probe(path).frames == 13


def until(condition, seconds=20):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.02)


WRITER = """
import sys, time
from pathlib import Path
from animator.video.film import FilmWriter
from tests.test_film import HEIGHT, WIDTH, numbered
film = FilmWriter(Path(sys.argv[1]), WIDTH, HEIGHT, 12)
print(film.pid, flush=True)
for frame in range(48):
    film.add(numbered(frame))
print("fed", flush=True)
time.sleep(60)
"""


def killed_writer(path):
    """Write 48 frames in another process, then kill it and its encoder without warning."""
    with subprocess.Popen([sys.executable, "-c", WRITER, path], stdout=subprocess.PIPE, text=True) as process:
        encoder = int(process.stdout.readline())
        assert process.stdout.readline() == "fed\n"
        until(lambda: count_fragments(path) >= 36)
        os.kill(encoder, signal.SIGKILL)
        process.kill()
    return path


@pytest.mark.slow
@posix_only
def test_a_killed_film_can_be_watched_and_resumed_to_the_same_bytes(tmp_path):
    path = killed_writer(tmp_path / "film.mp4")
    left = [number_of(pixels) for pixels in read_frames(path)]
    assert left == list(range(len(left)))
    assert len(left) >= 36
    assert probe(path).frames == len(left)
    film = FilmWriter(path, WIDTH, HEIGHT, 12)
    for frame in range(20):
        film.add(numbered(frame))
    assert probe(path).frames == len(left), "the longer film was given up for a shorter one"
    for frame in range(20, 60):
        film.add(numbered(frame))
        assert count_fragments(path) >= len(left)
    film.finish()
    assert path.read_bytes() == write(tmp_path / "whole.mp4", 60).read_bytes()
    assert sorted(file.name for file in tmp_path.iterdir()) == ["film.mp4", "whole.mp4"]


def test_an_exception_leaves_what_can_be_watched(tmp_path):
    path = tmp_path / "film.mp4"

    def interrupted():
        with FilmWriter(path, WIDTH, HEIGHT, 12) as film:
            for frame in range(20):
                film.add(numbered(frame))
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert [number_of(pixels) for pixels in read_frames(path)] == list(range(20))


def test_an_aborted_shorter_film_leaves_the_longer_one(tmp_path):
    path = write(tmp_path / "film.mp4", 30)
    before = path.read_bytes()
    film = FilmWriter(path, WIDTH, HEIGHT, 12)
    film.add(numbered(0))
    film.abort()
    assert path.read_bytes() == before
    assert [file.name for file in tmp_path.iterdir()] == ["film.mp4"]


def test_a_finished_shorter_film_replaces_the_longer_one(tmp_path):
    path = write(tmp_path / "film.mp4", 30)
    assert probe(write(path, 5)).frames == 5


def test_a_damaged_film_is_written_anew(tmp_path):
    path = tmp_path / "film.mp4"
    path.write_bytes(b"no film")
    assert probe(write(path, 3)).frames == 3


def failing_ffmpeg(tmp_path, monkeypatch, script):
    program = tmp_path / "ffmpeg"
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setenv("ANIMATOR_FFMPEG", str(program))


@posix_only
def test_a_full_disk_that_the_encoder_met_is_a_line(tmp_path, monkeypatch):
    noise = "i=0; while [ $i -lt 3000 ]; do echo 'a long line that would fill a pipe' >&2; i=$((i+1)); done"
    failing_ffmpeg(tmp_path, monkeypatch, f"{noise}; echo 'No space left on device' >&2; exit 1")
    with pytest.raises(FilmError, match=r"film\.mp4: No space left on device; free some space, ") as caught:
        write(tmp_path / "film.mp4", 2000)
    assert "\n" not in str(caught.value)


@posix_only
def test_an_encoder_that_fails_only_at_the_end_is_noticed(tmp_path, monkeypatch):
    failing_ffmpeg(tmp_path, monkeypatch, "cat > /dev/null; echo 'cannot write trailer' >&2; exit 3")
    with pytest.raises(FilmError, match="cannot write trailer"):
        write(tmp_path / "film.mp4", 3)


def test_a_missing_program_is_told(tmp_path, monkeypatch):
    monkeypatch.setenv("ANIMATOR_FFMPEG", str(tmp_path / "nowhere"))
    with pytest.raises(FilmError, match=r"ANIMATOR_FFMPEG is .*nowhere.*, which is not a program"):
        FilmWriter(tmp_path / "film.mp4", WIDTH, HEIGHT, 12)


def test_a_missing_folder_is_told(tmp_path):
    with pytest.raises(FilmError, match="No such file or directory"):
        write(tmp_path / "absent" / "film.mp4", 200)


def test_a_film_without_frames_is_refused_and_leaves_nothing(tmp_path):
    with pytest.raises(FilmError), FilmWriter(tmp_path / "film.mp4", WIDTH, HEIGHT, 12):
        pass
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("pixels", [np.zeros((HEIGHT, WIDTH + 1, 3), np.uint8), np.zeros((HEIGHT, WIDTH, 3))])
def test_a_frame_of_another_kind_is_refused(tmp_path, pixels):
    film = FilmWriter(tmp_path / "film.mp4", WIDTH, HEIGHT, 12)
    with pytest.raises(ValueError, match="the film takes"):
        film.add(pixels)
    film.abort()


def test_a_file_that_is_no_film_is_told(tmp_path):
    path = tmp_path / "film.mp4"
    path.write_bytes(b"no film")
    for use in (probe, lambda film: list(read_frames(film))):
        with pytest.raises(FilmError, match=r"film\.mp4: ffmpeg failed"):
            use(path)


@pytest.mark.parametrize("fps", [0, -1, "fast", float("nan"), float("inf"), "1/0"])
def test_an_impossible_rate_is_refused(fps):
    with pytest.raises(FilmError, match="must be a positive number"):
        frame_rate(fps)


@pytest.mark.parametrize(
    ("fps", "exact"),
    [
        (23.976, "24000/1001"),
        (23.98, "24000/1001"),
        (59.94, "60000/1001"),
        ("12.5", "25/2"),
        (7.5, "15/2"),
        (24, "24"),
        (2, "2"),
    ],
)
def test_a_rate_is_the_fraction_that_is_meant(fps, exact):
    assert frame_rate(fps) == Fraction(exact)
