"""Several shots as one film: what is seen and heard when, edit lists there and back, and what is refused."""

from __future__ import annotations

import subprocess
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from animator.cli.main import app
from animator.edit.make import write_edit
from animator.edit.pictures import frames_of
from animator.edit.shots import Edit, Shot, checked, one_after_another
from animator.errors import AnimatorError, UsageError
from animator.runs.png import encode_png
from animator.video.ffmpeg import executable
from animator.video.probe import probe
from animator.video.sound import decode

otio = pytest.importorskip("opentimelineio")

COLOURS = {"red": (12, 440), "lime": (12, 660), "blue": (24, 880)}
RGB = {"red": (254, 0, 0), "lime": (0, 255, 1), "blue": (0, 0, 255)}


@pytest.fixture(scope="module")
def films(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Films of one colour and one tone each, a second long; one is of another rate."""
    folder = tmp_path_factory.mktemp("shots")
    for name, (rate, tone) in COLOURS.items():
        pictures, sound = (
            f"color={name}:size=64x64:rate={rate}:duration=1",
            f"sine=frequency={tone}:duration=1",
        )
        words = ["-f", "lavfi", "-i", pictures, "-f", "lavfi", "-i", sound, "-c:a", "pcm_s16le"]
        subprocess.run([executable(), "-v", "error", *words, str(folder / f"{name}.mov")], check=True)
    return {name: folder / f"{name}.mov" for name in COLOURS}


def lasting(frames: float, rate: float) -> object:
    time = otio.opentime.RationalTime
    return otio.opentime.TimeRange(time(0, rate), time(frames, rate))


def colours(frames) -> list[tuple[int, ...]]:
    return [tuple(int(value) for value in frame[32, 32]) for frame in frames]


def test_films_one_after_another_with_dissolves(films) -> None:
    edit = one_after_another(list(films.values()), 4)
    assert edit.fps == 12
    assert edit.frames == 3 * 12 - 2 * 4
    seen = colours(frames_of(edit, *checked(edit)))
    assert len(seen) == edit.frames
    near = np.abs(np.array(seen[:8]) - RGB["red"]).max()
    assert near <= 3
    # Across four frames the next has 1/5 to 4/5.
    assert [one[0] for one in seen[8:12]] == pytest.approx([203, 152, 101, 51], abs=3)
    assert [one[1] for one in seen[8:12]] == pytest.approx([51, 102, 153, 204], abs=3)
    assert np.abs(np.array(seen[12:16]) - RGB["lime"]).max() <= 3
    assert np.abs(np.array(seen[20:]) - RGB["blue"]).max() <= 3


def test_a_film_of_another_rate_shows_its_frames_at_their_times(tmp_path) -> None:
    film = tmp_path / "grey.mov"
    # Frame n of 24 a second is as bright as its number.
    source = "nullsrc=size=64x64:rate=24:duration=1,format=rgb24,geq=r='N*10':g='N*10':b='N*10'"
    subprocess.run(
        [
            executable(),
            "-v",
            "error",
            "-f",
            "lavfi",
            "-i",
            source,
            "-c:v",
            "ffv1",
            str(tmp_path / "grey.mkv"),
        ],
        check=True,
    )
    film = tmp_path / "grey.mkv"
    edit = Edit((Shot(film, Fraction(1, 4), 6),), Fraction(12))
    assert [one[0] for one in colours(frames_of(edit, 64, 64))] == [60, 80, 100, 120, 140, 160]


def test_black_between_shots(films) -> None:
    edit = Edit((Shot(films["red"], Fraction(0), 3), Shot(None, Fraction(0), 2, 1, 0)), Fraction(12))
    seen = colours(frames_of(edit, *checked(edit)))
    assert [one[0] for one in seen] == pytest.approx([254, 254, 127, 0, 0], abs=2)


@pytest.mark.slow
def test_the_sound_of_each_shot_is_heard_with_its_pictures_and_faded(films, tmp_path) -> None:
    edit = one_after_another([films["red"], films["lime"]], 6)
    target = tmp_path / "all.mov"
    write_edit(edit, target, codec="prores")
    sound = decode(target, rate=8000)
    assert len(sound) == pytest.approx(8000 * 18 / 12, abs=2)

    def tones(at: float) -> tuple[float, float]:
        window = np.abs(np.fft.rfft(sound[int(at * 8000) :][:800]))  # 0.1 s: 10 Hz a line
        return float(window[44]), float(window[66])

    first, none = tones(0.2)
    assert none < first / 50
    none, second = tones(1.3)
    assert none < second / 50
    both = tones(0.70)  # the middle of the dissolve, 0.5 s to 1 s
    assert both[0] == pytest.approx(both[1], rel=0.15)
    assert both[0] == pytest.approx(first / 2, rel=0.15)


@pytest.mark.vital
@pytest.mark.slow
def test_the_command_and_an_edit_list_make_the_same_film(films, tmp_path) -> None:
    def run(*words: object) -> str:
        found = CliRunner().invoke(app, ["edit", *map(str, words)])
        assert found.exit_code == 0, found.output
        return found.output

    shots = [films["red"], films["blue"]]
    run(*shots, "--dissolve", 5, "-o", tmp_path / "all.mp4")
    run(*shots, "--dissolve", 5, "-o", tmp_path / "list.otio")
    run(tmp_path / "list.otio", "-o", tmp_path / "again.mp4")
    assert (tmp_path / "all.mp4").read_bytes() == (tmp_path / "again.mp4").read_bytes()
    assert probe(tmp_path / "all.mp4").frames == 19
    timeline = otio.adapters.read_from_file(str(tmp_path / "list.otio"))
    assert timeline.duration() == otio.opentime.RationalTime(19, 12)


def test_a_list_of_another_program_with_time_codes_and_a_sound(films, tmp_path) -> None:
    """Clips whose media begin at an hour, as cameras and cutting programs count, and one track of sound."""
    from animator.edit.otio import read_otio

    def time(value: float) -> object:
        return otio.opentime.RationalTime(value, 24)

    def part(start: float, length: float) -> object:
        return otio.opentime.TimeRange(time(start), time(length))

    hour = 24 * 3600
    media = otio.schema.ExternalReference(films["blue"].as_uri(), part(hour, 24))
    track = otio.schema.Track(
        kind="Video",
        children=[
            otio.schema.Clip("one", media, part(hour + 6, 12)),
            otio.schema.Gap(source_range=part(0, 8)),
        ],
    )
    sound = otio.schema.Track(
        kind="Audio",
        children=[otio.schema.Clip("m", otio.schema.ExternalReference(str(films["red"])), part(0, 20))],
    )
    path = tmp_path / "x.otio"
    timeline = otio.schema.Timeline("x")
    timeline.tracks[:] = [track, sound]
    otio.adapters.write_to_file(timeline, str(path))
    edit = read_otio(path)
    assert edit.fps == 24
    assert edit.audio == films["red"]
    assert [(shot.film, shot.start, shot.frames) for shot in edit.shots] == [
        (films["blue"], Fraction(1, 4), 12),
        (None, 0, 8),
    ]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda track: track.append(otio.schema.Stack()), "has a Stack among its clips"),
        (lambda track: track[0].effects.append(otio.schema.LinearTimeWarp(time_scalar=2)), "LinearTimeWarp"),
        (lambda track: setattr(track[0], "media_reference", otio.schema.MissingReference()), "names no film"),
        (
            lambda track: setattr(track[0].media_reference, "target_url", "gone.mp4"),
            "gone.mp4, which is not there",
        ),
        (
            lambda track: setattr(track[0].media_reference, "target_url", "http://x/y.mp4"),
            "only files are read",
        ),
        (lambda track: track.insert(1, otio.schema.Transition(transition_type="Wipe")), "of the kind Wipe"),
        (lambda track: track.clear(), "has 0 tracks of pictures"),
        (lambda track: setattr(track[0], "source_range", lasting(-5, 12)), "red.mov has no frames"),
        (lambda track: setattr(track[0], "source_range", lasting(5, 0)), "red.mov: fps is 0.0"),
    ],
)
def test_lists_that_ask_for_what_is_not_done_are_refused(change, said, films, tmp_path) -> None:
    from animator.edit.otio import read_otio, write_otio

    path = tmp_path / "list.otio"
    write_otio(one_after_another([films["red"], films["lime"]], 0), path)
    timeline = otio.adapters.read_from_file(str(path))
    change(timeline.video_tracks()[0])
    otio.adapters.write_to_file(timeline, str(path))
    with pytest.raises(UsageError, match=r"list\.otio") as fault:
        read_otio(path)
    assert said in str(fault.value)


NO_LISTS = ["", "{}", "no json", '{"OTIO_SCHEMA": "Timeline.1"}', '{"OTIO_SCHEMA": "Clip.1", "name": "x"}']


@pytest.mark.parametrize("text", NO_LISTS)
def test_files_that_are_no_list(text, tmp_path) -> None:
    from animator.edit.otio import read_otio

    (tmp_path / "a.otio").write_text(text)
    with pytest.raises(UsageError, match=r"a\.otio"):
        read_otio(tmp_path / "a.otio")


@pytest.mark.slow
def test_one_film_twice_and_a_film_without_sound(films, tmp_path) -> None:
    red, silent, target = films["red"], tmp_path / "silent.mov", tmp_path / "all.mov"
    words = ["-i", str(films["lime"]), "-c:v", "copy", "-an", str(silent)]
    subprocess.run([executable(), "-v", "error", *words], check=True)
    write_edit(one_after_another([red, red, silent], 3), target, codec="prores")
    assert probe(target).frames == 30
    sound = decode(target, rate=8000)
    assert np.abs(sound[8000:12000]).max() > 0.05  # the second time
    assert np.abs(sound[17000:]).max() < 0.01
    assert sorted(one.name for one in tmp_path.iterdir()) == ["all.mov", "silent.mov"]


def test_an_edit_that_fails_leaves_the_film_that_was_there(films, tmp_path, monkeypatch) -> None:
    target = tmp_path / "all.mp4"
    target.write_bytes(b"before")
    monkeypatch.setattr("animator.edit.make.frames_of", lambda *given: iter(()))
    with pytest.raises(AnimatorError):
        write_edit(one_after_another([films["red"]], 0), target)
    assert target.read_bytes() == b"before"
    assert [one.name for one in tmp_path.iterdir()] == ["all.mp4"]


def test_shots_that_do_not_fit(films, tmp_path) -> None:
    red = films["red"]
    with pytest.raises(UsageError, match="12 frames, too few for dissolves of 20"):
        one_after_another([red, red], 20)
    with pytest.raises(UsageError, match=r"is needed until 1\.500 s"):
        checked(Edit((Shot(red, Fraction(1, 2), 12, name="a"),), Fraction(12)))
    with pytest.raises(UsageError, match="the dissolve into it needs"):
        checked(Edit((Shot(None, Fraction(0), 5), Shot(red, Fraction(0), 5, 2, 0, "a")), Fraction(12)))
    small = tmp_path / "small.mp4"
    subprocess.run(
        [
            executable(),
            "-v",
            "error",
            "-f",
            "lavfi",
            "-i",
            "color=red:size=32x64:rate=12:duration=1",
            str(small),
        ],
        check=True,
    )
    with pytest.raises(UsageError, match=r"of different sizes: red\.mov 64 x 64, small\.mp4 32 x 64"):
        checked(one_after_another([red, small], 0))
    still = tmp_path / "still.png"
    still.write_bytes(encode_png(np.zeros((64, 64, 3), np.uint8), {}))
    with pytest.raises(UsageError, match=r"still\.png: is a picture, not a film"):
        one_after_another([red, still], 0)
    run = CliRunner().invoke(app, ["edit", str(red), "-o", str(red)])
    assert run.exit_code == 2
    assert "must end in .mp4" in run.output
