"""Films for two eyes, and the verb that makes one of two."""

from __future__ import annotations

import os
import subprocess
from dataclasses import replace

import numpy as np
import pytest
import typer
from typer.testing import CliRunner

from animator.cli import vr as cli_vr
from animator.cli.vr import vr180
from animator.errors import FilmError, UsageError
from animator.video import stereo_film
from animator.video.boxes import boxes_of_file
from animator.video.ffmpeg import executable
from animator.video.film import FilmWriter
from animator.video.probe import probe, read_frames
from animator.video.spherical_reader import Spherical, read_spherical
from animator.video.stereo_film import RED_CYAN, Encoding, pack, write_packed, write_vr180
from animator.warp import equirect

QUICK = Encoding(fps=12, preset="ultrafast")
GREEN, BLUE = (30, 200, 60), (40, 60, 220)


def ffmpeg(*arguments, **pipes):
    command = [executable(), "-hide_banner", "-nostdin", "-y", *map(str, arguments)]
    if pipes:
        command.remove("-nostdin")
    return subprocess.run(command, capture_output=True, **pipes)


def plain(colour, height=48, width=64):
    return np.full((height, width, 3), colour, np.uint8)


def pairs(count, height=48, width=64):
    """Frames whose number is their brightness: green at the left, blue at the right."""
    for number in range(count):
        yield tuple(
            plain([level * (number + 4) // 16 for level in eye], height, width) for eye in (GREEN, BLUE)
        )


def film(path, colour, frames=6, fps=12, sound=False, size=(64, 48)):
    with FilmWriter(path, *size, fps, preset="ultrafast") as writer:
        for number in range(frames):
            writer.add(plain([level * (number + 4) // 16 for level in colour], size[1], size[0]))
    if sound:
        silent = path.rename(path.with_name("silent.mp4"))
        done = ffmpeg("-i", silent, "-f", "lavfi", "-i", "sine=d=9", "-c:v", "copy", "-shortest", path)
        assert done.returncode == 0
        silent.unlink()
    return path


def sound_of(path):
    """Samples of a film's sound at 8 kHz, or none."""
    out = ffmpeg("-v", "error", "-i", path, "-map", "0:a?", "-f", "s16le", "-ar", 8000, "-ac", 1, "-").stdout
    return np.frombuffer(out, np.int16)


def about(pixels, colour):
    return np.abs(pixels.astype(int) - np.array(colour)).max() <= 4


def test_both_eyes_are_packed_in_full():
    left, right = next(pairs(1))
    beside, above = pack(left, right, "side_by_side"), pack(left, right, "top_bottom")
    assert beside.shape == (48, 128, 3)
    assert above.shape == (96, 64, 3)
    assert np.array_equal(beside[:, :64], left)
    assert np.array_equal(beside[:, 64:], right)
    assert np.array_equal(above[:48], left)
    assert np.array_equal(above[48:], right)
    with pytest.raises(ValueError, match="the left eye's picture is"):
        pack(left, right[:10], "anaglyph")
    with pytest.raises(ValueError, match="layout is 'beside'"):
        pack(left, right, "beside")


def test_the_matrix_is_the_least_squares_solution():
    # Sanders and McAllister: what a cathode-ray tube's phosphors, and they through each filter, are in XYZ.
    screen = np.array([[11.6638, 8.3959, 4.65843], [7.10807, 16.6845, 2.45008], [0.527874, 3.79124, 24.0604]])
    red = np.array(
        [
            [5.42327, 0.807004, 0.047325],
            [2.70972, 0.50201, 0.0250529],
            [0.0000550941, 0.000411221, 0.00240686],
        ]
    )
    cyan = np.array([[0.180431, 1.6395, 2.00309], [0.448214, 6.31551, 1.35757], [0.289201, 2.3925, 11.062]])
    wanted = np.kron(np.eye(2), screen)
    solved = np.linalg.lstsq(np.concatenate((red, cyan)), wanted, rcond=None)[0]
    assert np.allclose(RED_CYAN, solved / solved.sum(axis=1, keepdims=True), atol=2e-6)


def test_ffmpegs_anaglyph_is_the_same_for_light_and_dark():
    # Only at 0 and 255 is its mix, of encoded values, one of linear light.
    corners = np.array([[r, g, b] for r in (0, 255) for g in (0, 255) for b in (0, 255)], np.uint8)
    left, right = np.repeat(corners, 8, axis=0), np.tile(corners, (8, 1))
    both = np.concatenate((left.reshape(8, 8, 3), right.reshape(8, 8, 3)), axis=1)
    raw = ["-f", "rawvideo", "-pix_fmt", "rgb24"]
    out = ffmpeg("-v", "error", *raw, "-s", "16x8", "-i", "-", "-vf", "stereo3d=sbsl:arcd", *raw, "-",
                 input=both.tobytes()).stdout  # fmt: skip
    linear = np.frombuffer(out, np.uint8).reshape(8, 8, 3) / 255
    theirs = np.where(linear <= 0.0031308, 12.92 * linear, 1.055 * linear ** (1 / 2.4) - 0.055) * 255
    ours = pack(left.reshape(8, 8, 3), right.reshape(8, 8, 3), "anaglyph")
    # A level of theirs is a step of up to 13 of ours where it is dark.
    assert np.abs(ours - theirs).max() < 14
    assert np.abs(ours - theirs)[linear > 0.1].max() < 2


def test_grey_stays_grey_in_an_anaglyph():
    grey = np.arange(256, dtype=np.uint8).repeat(3).reshape(1, 256, 3)
    assert np.abs(pack(grey, grey, "anaglyph").astype(int) - grey).max() <= 1


def test_each_eye_has_its_colour_in_an_anaglyph():
    black, white = plain(0), plain(255)
    red, green, blue = pack(white, black, "anaglyph")[0, 0].astype(int)
    assert red > 240
    assert max(green, blue) < 5
    red, green, blue = pack(black, white, "anaglyph")[0, 0].astype(int)
    assert red < 5
    assert min(green, blue) > 240


@pytest.mark.parametrize(
    ("layout", "size", "said"),
    [
        ("side_by_side", (128, 48), Spherical("left_right")),
        ("top_bottom", (64, 96), Spherical("top_bottom")),
        ("anaglyph", (64, 48), None),
    ],
)
def test_packed_films(tmp_path, layout, size, said):
    path = tmp_path / "film.mp4"
    write_packed(path, pairs(5), layout, QUICK)
    info = probe(path)
    assert (info.codec, info.width, info.height, info.frames, info.fps) == ("h264", *size, 5, 12)
    assert read_spherical(path) == said
    for pixels, eyes in zip(read_frames(path), pairs(5), strict=True):
        off = np.abs(pixels.astype(int) - pack(*eyes, layout))
        # Colours run a little where the eyes meet.
        assert max(off[2:44, 2:60].max(), off[-44:-2, -60:-2].max()) <= 6
    assert os.listdir(tmp_path) == ["film.mp4"]


@pytest.mark.vital
@pytest.mark.slow
@pytest.mark.parametrize("codec", ["h264", "hevc"])
def test_a_vr180_film(tmp_path, codec):
    path, sound = tmp_path / "film_180_LR.mp4", tmp_path / "sound.wav"
    assert ffmpeg("-f", "lavfi", "-i", "sine=440:d=3", sound).returncode == 0
    encoding = Encoding(fps=12, codec=codec, preset="ultrafast", audio=sound)
    write_vr180(path, pairs(6), encoding, fovs=90, size=128)
    info = probe(path)
    assert (info.codec, info.width, info.height, info.frames, info.fps) == (codec, 256, 128, 6, 12)
    assert info.pix_fmt == "yuv420p"
    found = read_spherical(path)
    assert (found.apple is not None) == (codec == "hevc")  # Apple's players take HEVC alone
    assert replace(found, apple=None) == Spherical(
        "left_right", "animator", "equirectangular", (0, 0, 0), (0, 0, 0x3FFFFFFF, 0x3FFFFFFF)
    )
    for pixels, (left, right) in zip(read_frames(path), pairs(6), strict=True):
        assert about(pixels[54:74, 54:74], left[0, 0])
        assert about(pixels[54:74, 182:202], right[0, 0])
        assert pixels[:24].max() <= 8
    assert 0.49 * 8000 <= len(sound_of(path)) <= 0.62 * 8000
    assert abs(sound_of(path)[800:3200].astype(int)).max() > 1000
    with path.open("rb") as file:
        kinds = [one.kind for one in boxes_of_file(file)]
        assert kinds.index(b"moov") < kinds.index(b"mdat")
        file.seek(0)
        assert ({"h264": b"avc1", "hevc": b"hvc1"}[codec]) in file.read()
    assert sorted(os.listdir(tmp_path)) == ["film_180_LR.mp4", "sound.wav"]


def test_the_bytes_follow_from_the_pictures(tmp_path):
    for name in ("one.mp4", "two.mp4"):
        write_vr180(tmp_path / name, pairs(4), QUICK, fovs=70, size=128, edge="mirror")
    assert (tmp_path / "one.mp4").read_bytes() == (tmp_path / "two.mp4").read_bytes()


@pytest.mark.slow
def test_the_sound_begins_where_it_is_told_and_may_be_silent(tmp_path):
    sound, path = tmp_path / "sound.wav", tmp_path / "film.mp4"
    late = "aevalsrc='if(gt(t,2),sin(2000*t),0)':d=4"
    assert ffmpeg("-f", "lavfi", "-i", late, sound).returncode == 0
    for start, heard in ((0.0, False), (2.1, True)):
        write_packed(
            path, pairs(12), "side_by_side", Encoding(12, preset="ultrafast", audio=sound, audio_start=start)
        )
        assert (abs(sound_of(path)[2000:6000].astype(int)).max() > 1000) == heard
    silent = film(tmp_path / "silent.mp4", BLUE)
    write_packed(path, pairs(3), "top_bottom", Encoding(12, preset="ultrafast", audio=silent))
    assert probe(path).frames == 3
    assert len(sound_of(path)) == 0


def test_each_frame_may_have_its_angle(tmp_path, monkeypatch):
    path = tmp_path / "film.mp4"
    made = []

    def counted(*args, **options):
        made.append(args)
        return equirect.half_equirect_grid(*args, **options)

    monkeypatch.setattr(stereo_film, "half_equirect_grid", counted)
    white = [(plain(255), plain(255))] * 4
    write_vr180(path, white, QUICK, fovs=iter([40.0, 40.0, 120.0, 120.0]), size=180)
    heights = [(pixels[:, 90, 0] > 250).sum() for pixels in read_frames(path)]
    assert np.allclose(heights, [40, 40, 120, 120], atol=3)
    assert [one[3] for one in made] == [40.0, 120.0]


def failing():
    yield from pairs(3)
    raise ValueError("the third is the last")


def lost():
    yield from pairs(2)
    yield (np.fromfile("lost.png", np.uint8),) * 2


FAULTS = [
    (lambda path: write_packed(path, lost(), "anaglyph", QUICK), FilmError, "lost.png: No such file or dir"),
    (
        lambda path: write_packed(path / "no.mp4", pairs(2), "anaglyph", QUICK),
        FilmError,
        "Not a directory; the film no.mp4 was not made",
    ),
    (lambda path: write_vr180(path, failing(), QUICK, fovs=90, size=64), ValueError, "the third is the last"),
    (lambda path: write_packed(path, failing(), "side_by_side", QUICK), ValueError, "the third is the last"),
    (lambda path: write_vr180(path, [], QUICK, fovs=90, size=64), FilmError, "at least one frame"),
    (lambda path: write_packed(path, [], "anaglyph", QUICK), FilmError, "at least one frame"),
    (lambda path: write_vr180(path, pairs(3), QUICK, fovs=[9, 9], size=64), ValueError, "for 2 frames only"),
    (lambda path: write_vr180(path, pairs(3), QUICK, fovs=90, size=65), ValueError, "size is 65"),
    (
        lambda path: write_vr180(path, pairs(40), Encoding(12, preset="hasty"), fovs=90, size=128),
        FilmError,
        "the encoder stopped: ",
    ),
    (
        lambda path: write_vr180(path, pairs(2), Encoding(12, audio=path / "none.wav"), fovs=90, size=64),
        UsageError,
        "none.wav: cannot be read as sound",
    ),
]


@pytest.mark.parametrize(("make", "kind", "said"), FAULTS)
def test_a_failure_leaves_the_earlier_film_and_nothing_else(tmp_path, make, kind, said):
    path = tmp_path / "film.mp4"
    path.write_bytes(b"earlier")
    with pytest.raises(kind, match=said):
        make(path)
    assert path.read_bytes() == b"earlier"
    assert os.listdir(tmp_path) == ["film.mp4"]


def test_what_a_killed_attempt_left_goes(tmp_path):
    (tmp_path / ".film.mp4.making").mkdir()
    (tmp_path / ".film.mp4.making" / "silent.mp4").write_bytes(b"half")
    write_packed(tmp_path / "film.mp4", pairs(2), "top_bottom", QUICK)
    assert os.listdir(tmp_path) == ["film.mp4"]


def verb(*arguments):
    app = typer.Typer()
    app.command()(vr180)
    return CliRunner().invoke(app, [str(one) for one in arguments])


@pytest.mark.slow
def test_two_films_become_one_for_headsets(tmp_path, monkeypatch, recwarn):
    monkeypatch.setattr(cli_vr, "EVERY", 0.0)
    left = film(tmp_path / "flight-left.mp4", GREEN, sound=True)
    right = film(tmp_path / "flight-right.mp4", BLUE)
    done = verb(left, right, "--size", 128, "--fov", 80, "--edge", "stretch")
    target = tmp_path / "flight_180_LR.mp4"
    assert (done.exit_code, done.stdout) == (0, f"{target}\n")
    assert all(line.startswith("frame ") for line in done.stderr.splitlines())
    assert "frame 3 of 6, about " in done.stderr
    assert [str(one.message) for one in recwarn.list] == []
    assert read_spherical(target).stereo_mode == "left_right"
    assert probe(target).frames == 6
    pixels = next(read_frames(target))
    assert about(pixels[5:120, 5:120], [level // 4 for level in GREEN])
    assert about(pixels[5:120, 133:250], [level // 4 for level in BLUE])
    assert len(sound_of(target)) > 3000
    again = verb(left, right, "--size", 128)
    assert (again.exit_code, again.stderr.count("\n")) == (2, 1)
    assert "exists already; overwrite it with --force" in again.stderr
    assert verb(left, right, "--size", 64, "--codec", "hevc", "--force").exit_code == 0
    assert probe(target).codec == "hevc"


@pytest.mark.slow
def test_one_film_with_both_eyes(tmp_path):
    both, out = tmp_path / "both.mp4", tmp_path / "out.mp4"
    write_packed(both, pairs(4), "side_by_side", QUICK)
    done = verb(both, "--packed", "--out", out, "--size", 128)
    assert (done.exit_code, done.stdout) == (0, f"{out}\n")
    pixels = next(read_frames(out))
    assert about(pixels[60:68, 60:68], [level // 4 for level in GREEN])
    assert about(pixels[60:68, 188:196], [level // 4 for level in BLUE])


@pytest.mark.parametrize(
    ("name", "size", "said"),
    [
        ("both.mp4", None, []),  # 64 x 96, higher than wide
        ("both_TB.mp4", "128x64", []),
        ("both.mp4", "128x64", ["--packed-eyes", "top_bottom"]),
    ],
)
def test_one_film_with_an_eye_above_the_other(tmp_path, name, size, said):
    both, out = tmp_path / "first.mp4", tmp_path / "out.mp4"
    write_packed(both, pairs(4), "top_bottom", QUICK)
    scaled = ["-vf", f"scale={size}"] if size else []
    ffmpeg("-i", both, *scaled, "-c:v", "libx264", "-crf", "4", tmp_path / name)
    done = verb(tmp_path / name, "--packed", *said, "--out", out, "--size", 128)
    assert (done.exit_code, done.stdout) == (0, f"{out}\n")
    pixels = next(read_frames(out))
    assert about(pixels[60:68, 60:68], [level // 4 for level in GREEN])
    assert about(pixels[60:68, 188:196], [level // 4 for level in BLUE])


def test_a_film_that_says_where_its_eyes_are(tmp_path):
    first, second, out = tmp_path / "a.mp4", tmp_path / "b.mp4", tmp_path / "out.mp4"
    write_packed(first, pairs(4), "side_by_side", QUICK)
    assert verb(first, "--packed", "--out", second, "--size", 128, "--eyes", "top_bottom").exit_code == 0
    assert read_spherical(second).stereo_mode == "top_bottom"
    wide = tmp_path / "wide.mp4"
    wide.write_bytes(second.read_bytes())
    assert verb(wide, "--packed", "--out", out, "--size", 128).exit_code == 0
    pixels = next(read_frames(out))
    assert pixels[60:68, 60:68, 1].mean() > 2 * pixels[60:68, 60:68, 2].mean()
    assert pixels[60:68, 188:196, 2].mean() > 2 * pixels[60:68, 188:196, 1].mean()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["left.mp4"], "name two films, LEFT and RIGHT, or one"),
        (["left.mp4", "right.mp4", "--packed"], "name two films, LEFT and RIGHT, or one"),
        (["left.mp4", "none.mp4"], "none.mp4: no such film"),
        (["left.mp4", "text.mp4"], "text.mp4: not a film that ffmpeg can read"),
        (["left.mp4", "short.mp4"], "differ in frames: 6 at the left, 4 at the right"),
        (["left.mp4", "small.mp4"], "differ in size: 64 x 48 at the left, 32 x 48 at the right"),
        (["left.mp4", "fast.mp4"], "differ in frames a second: 12 at the left, 24 at the right"),
        (
            ["left.mp4", "right.mp4", "--fov", "180"],
            "--fov: expected an angle of 1 to 179 degrees, found 180",
        ),
        (["left.mp4", "right.mp4", "--size", "101"], "--size: expected an even number of pixels, 64 to 2880"),
        (["left.mp4", "right.mp4", "--crf", "52"], "--crf: expected 0 to 51, found 52"),
        (
            ["left.mp4", "right.mp4", "--out", "vr.avi"],
            "--out: expected a name ending in .mp4, found 'vr.avi'",
        ),
        (["left.mp4", "right.mp4", "--out", "no/vr.mp4"], "no: no such folder"),
        (["left.mp4", "right.mp4", "--out", "right.mp4", "--force"], "over the one it is made from"),
    ],
)
def test_what_cannot_be_is_a_line(films, monkeypatch, arguments, said):
    monkeypatch.chdir(films)
    before = sorted(os.listdir(films))
    done = verb(*arguments)
    assert done.exit_code == 2
    assert said in done.stderr
    assert done.stderr.count("\n") == 1
    assert sorted(os.listdir(films)) == before


@pytest.fixture(scope="module")
def films(tmp_path_factory):
    folder = tmp_path_factory.mktemp("films")
    film(folder / "left.mp4", GREEN)
    film(folder / "right.mp4", BLUE)
    film(folder / "short.mp4", BLUE, frames=4)
    film(folder / "small.mp4", BLUE, size=(32, 48))
    film(folder / "fast.mp4", BLUE, fps=24)
    (folder / "text.mp4").write_text("no film")
    return folder
