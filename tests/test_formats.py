"""Films of other formats and rates: facts, colours, times, bytes."""

from __future__ import annotations

import io
import subprocess
from fractions import Fraction

import cv2
import numpy as np
import pytest
import torch
from PIL import Image, ImageSequence

from animator.between.along import AlongFlow
from animator.errors import FilmError
from animator.flow.dis import DisFlow
from animator.runs.png import decode_png, encode_png, read_text
from animator.system.convert import frame_to_uint16, uint16_to_frame
from animator.video.ffmpeg import executable
from animator.video.film import FilmWriter
from animator.video.formats import SUFFIX, write_codec, write_gif, write_webp
from animator.video.interpolate import between, by_ffmpeg, count_between, is_cut
from animator.video.probe import probe, read_frames

COLOURS = [(255, 0, 0), (0, 255, 0), (0, 0, 255), (255, 255, 255), (0, 0, 0), (128, 128, 128), (200, 120, 40)]
WRITERS = {
    "hevc.mp4": lambda path, frames, fps: write_codec(path, frames, fps, "hevc", preset="ultrafast"),
    "prores.mov": lambda path, frames, fps: write_codec(path, frames, fps, "prores"),
    "film.gif": write_gif,
    "film.webp": write_webp,
}


def flat(colour, height=32, width=48, dtype=np.uint8):
    scale = np.iinfo(dtype).max // 255
    return np.broadcast_to(np.array(colour, dtype) * dtype(scale), (height, width, 3))


def told(path):
    """What ffmpeg itself says about a film."""
    return subprocess.run([executable(), "-hide_banner", "-i", path], capture_output=True, text=True).stderr


def gradient(height=64, width=1024):
    """A smooth sky: 16-bit greys, from dark to bright over a third of the range."""
    row = np.linspace(20000, 42000, width).round().astype(np.uint16)
    return np.repeat(np.broadcast_to(row, (height, width))[..., None], 3, axis=2)


def grey_levels(path):
    """Return the different levels of light in a film's first frame, at 16 bits."""
    info = probe(path)
    arguments = ["-v", "error", "-i", path, "-frames:v", "1", "-f", "rawvideo", "-pix_fmt", "gray16le", "-"]
    data = subprocess.run([executable(), *arguments], capture_output=True, check=True).stdout
    return len(np.unique(np.frombuffer(data, "<u2").reshape(info.height, info.width)[32]))


# Codecs


@pytest.mark.parametrize(
    ("codec", "dtype", "layout", "says"),
    [
        ("h264", np.uint8, "yuv420p", "avc1"),
        ("h264", np.uint16, "yuv420p10le", "High 10"),
        ("hevc", np.uint8, "yuv420p", "hvc1"),
        ("hevc", np.uint16, "yuv420p10le", "hvc1"),
        ("prores", np.uint8, "yuv422p10le", "(HQ) (apch"),
        ("prores", np.uint16, "yuv422p10le", "(HQ) (apch"),
    ],
)
def test_a_codec_has_its_facts_and_keeps_colours(tmp_path, codec, dtype, layout, says):
    path = tmp_path / f"film{SUFFIX[codec]}"
    write_codec(path, (flat(colour, dtype=dtype) for colour in COLOURS), 29.97, codec, crf=8, preset="fast")
    info = probe(path)
    assert (info.width, info.height, info.frames, info.pix_fmt) == (48, 32, len(COLOURS), layout)
    assert info.fps == Fraction(30000, 1001)
    assert says in told(path)
    assert f"{layout}(tv, bt709" in told(path)
    for colour, pixels in zip(COLOURS, read_frames(path), strict=True):
        assert np.abs(pixels.mean(axis=(0, 1)) - colour).max() < 2.5
    assert [file.name for file in tmp_path.iterdir()] == [path.name]


@pytest.mark.slow
@pytest.mark.parametrize("codec", ["h264", "hevc", "prores"])
def test_ten_bits_show_no_bands(tmp_path, codec):
    deep, plain = tmp_path / f"deep{SUFFIX[codec]}", tmp_path / f"plain{SUFFIX[codec]}"
    write_codec(deep, [gradient()], 12, codec, crf=1)
    assert grey_levels(deep) > 256
    write_codec(plain, [(gradient() >> 8).astype(np.uint8)], 12, codec, crf=1)
    assert grey_levels(plain) < 100


def test_a_growing_film_of_ten_bits(tmp_path):
    path = tmp_path / "film.mp4"
    with FilmWriter(path, 33, 31, 12, ten_bits=True) as film:
        film.add(flat((10, 20, 30), 31, 33, np.uint16))
        with pytest.raises(ValueError, match="uint16"):
            film.add(flat((10, 20, 30), 31, 33))
    info = probe(path)
    assert (info.width, info.height, info.pix_fmt) == (34, 32, "yuv420p10le")


@pytest.mark.parametrize("name", WRITERS)
def test_two_runs_write_the_same_bytes_whatever_the_size(tmp_path, name):
    frames = np.random.default_rng(0).integers(0, 256, (9, 31, 33, 3), dtype=np.uint8)
    path = tmp_path / name
    WRITERS[name](path, frames, 12)
    before = path.read_bytes()
    WRITERS[name](path, iter(frames), 12)
    assert path.read_bytes() == before
    assert [file.name for file in tmp_path.iterdir()] == [name]


@pytest.mark.parametrize("name", WRITERS)
def test_what_was_there_stays_when_it_fails(tmp_path, name):
    path = tmp_path / name
    path.write_bytes(b"the film before")
    with pytest.raises(FilmError, match="at least one frame"):
        WRITERS[name](path, [], 12)

    def interrupted():
        yield flat((1, 2, 3))
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        WRITERS[name](path, interrupted(), 12)
    assert path.read_bytes() == b"the film before"
    assert [file.name for file in tmp_path.iterdir()] == [name]


# Animated pictures


def moments(path):
    """Return the start of every frame in milliseconds, the length of all, and the frames."""
    starts, frames, now = [], [], 0
    with Image.open(path) as image:
        loops = image.info["loop"]
        for frame in ImageSequence.Iterator(image):
            frames.append(np.array(frame.convert("RGB")))
            starts.append(now)
            now += frame.info["duration"]
    assert loops == 0
    return starts, now, frames


def moving(number, count):
    pixels = np.full((40, 60, 3), (40, 90, 160), np.uint8)
    pixels[10:30, number * 40 // count : number * 40 // count + 20] = (240, 200, 60)
    pixels[0] = number * 255 // count
    return pixels


@pytest.mark.parametrize(("write", "name", "tick"), [(write_gif, "a.gif", 10), (write_webp, "a.webp", 1)])
@pytest.mark.parametrize("fps", [12, 30])
def test_animated_pictures_keep_time_and_colours(tmp_path, write, name, tick, fps):
    path, count = tmp_path / name, 25
    write(path, (moving(number, count) for number in range(count)), fps)
    starts, length, frames = moments(path)
    np.testing.assert_allclose(starts, [1000 * number / fps for number in range(count)], atol=0.51 * tick)
    assert length == pytest.approx(1000 * count / fps, abs=tick)
    for number, pixels in enumerate(frames):
        wrong = np.abs(pixels.astype(int) - moving(number, count))
        left = number * 40 // count
        assert wrong[16:24, left + 6 : left + 14].max() < 8
        assert wrong[34:].max() < 5
        assert wrong.mean() < 6  # both keep edges between colours coarser


def test_a_quick_gif_leaves_frames_out(tmp_path):
    write_gif(tmp_path / "a.gif", (moving(number, 60) for number in range(60)), 60)
    starts, length, _ = moments(tmp_path / "a.gif")
    assert set(np.diff(starts)) == {20}
    assert length == 1000


def test_sixteen_bits_become_a_gif_and_a_webp(tmp_path):
    for write, name in ((write_gif, "a.gif"), (write_webp, "a.webp")):
        write(tmp_path / name, [flat((200, 120, 40), dtype=np.uint16)] * 2, 10)
        with Image.open(tmp_path / name) as image:
            got = np.array(image.convert("RGB")).mean(axis=(0, 1))
        np.testing.assert_allclose(got, (200, 120, 40), atol=2.5)


# Pictures of 16 bits


def test_a_frame_survives_sixteen_bits():
    every = np.arange(65536, dtype=np.uint16).reshape(256, 256)
    pixels = np.stack([every, every[::-1], every.T], axis=2)
    frame = uint16_to_frame(pixels)
    assert frame.dtype == torch.float32
    assert (frame.min(), frame.max()) == (0, 1)
    np.testing.assert_array_equal(frame_to_uint16(frame), pixels)
    assert frame_to_uint16(torch.tensor([-1.0, 0.25, 2.0]).view(3, 1, 1)).ravel().tolist() == [
        0,
        16384,
        65535,
    ]


def test_a_png_of_sixteen_bits():
    pixels = np.random.default_rng(1).integers(0, 65536, (5, 7, 3), dtype=np.uint16)
    png = encode_png(pixels, {"scene": "a: b"})
    assert read_text(png) == {"scene": "a: b"}
    deep, plain = decode_png(png, deep=True), decode_png(png)
    np.testing.assert_array_equal(deep, pixels)
    assert plain.dtype == np.uint8
    np.testing.assert_array_equal(plain, np.round(pixels / 257))
    assert Image.open(io.BytesIO(png)).size == (7, 5)
    assert png[24:26] == bytes([16, 2])  # bits a colour, RGB
    assert decode_png(png[:-1], deep=True) is None


def test_a_png_of_eight_bits_is_never_deep():
    pixels = np.arange(60, dtype=np.uint8).reshape(4, 5, 3)
    png = encode_png(pixels, {})
    for deep in (True, False):
        got = decode_png(png, deep=deep)
        assert got.dtype == np.uint8
        np.testing.assert_array_equal(got, pixels)


# Frames in between

RED = np.array([220, 60, 50])


def texture(height=96, width=160):
    noise = np.random.default_rng(5).random((height // 8, width // 8, 3)).astype(np.float32)
    soft = cv2.resize(noise, (width, height), interpolation=cv2.INTER_CUBIC)
    return (60 + 60 * soft.clip(0, 1)) * np.array([0.3, 1, 1])


def disc(x, radius=16):
    """A red disc with a centre at (x, 48) on soft blue and green."""
    large = cv2.resize(texture(), None, fx=4, fy=4, interpolation=cv2.INTER_LINEAR)
    centre = round(x * 4), 48 * 4
    cv2.circle(large, centre, radius * 4, RED.tolist(), -1)
    cv2.circle(large, (centre[0] - 24, centre[1] + 20), 16, (255, 240, 200), -1)
    return cv2.resize(large, None, fx=0.25, fy=0.25, interpolation=cv2.INTER_AREA).round().astype(np.uint8)


def redness(pixels):
    return np.clip((pixels[..., 0].astype(float) - 45) / (RED[0] - 45), 0, 1)


def test_a_disc_is_in_the_middle_and_only_there():
    positions = [40.0, 48.0, 56.0, 64.0]
    film = list(between([disc(x) for x in positions], 12, 24, AlongFlow(DisFlow())))
    assert len(film) == 8
    area = redness(disc(40)).sum()
    for number, x in ((1, 44), (3, 52), (5, 60)):
        red = redness(film[number])
        columns = np.arange(red.shape[1])
        assert (red.sum(axis=0) @ columns) / red.sum() == pytest.approx(x, abs=1)
        assert red.sum() == pytest.approx(area, rel=0.04)
        wrong = np.abs(film[number].astype(int) - disc(x)).max(axis=2) > 40
        assert wrong.mean() < 0.004, wrong.mean()  # a double image has two crescents, 3 % of the picture


@pytest.mark.parametrize(("source", "target", "count"), [(12, 60, 5), (10, 24, 7), (24, 10, 9), (25, 25, 3)])
def test_times_and_count(source, target, count):
    """A picture that grows brighter evenly tells its time."""
    frames = [np.full((16, 24, 3), 40 + 10 * number, np.uint8) for number in range(count)]
    film = list(between(iter(frames), source, target, AlongFlow(Still())))
    assert len(film) == count_between(count, source, target)
    for k, pixels in enumerate(film):
        time = Fraction(k * source, target)
        assert np.abs(pixels - float(40 + 10 * min(time, count - 1))).max() <= 0.5
        if time.denominator == 1:
            assert pixels is frames[int(time)]


class Still:
    """A flow estimator that sees no motion."""

    def __call__(self, first, second):
        return torch.zeros(2, *first.shape[1:])

    def both_ways(self, first, second):
        return self(first, second), self(second, first)


def test_a_film_of_nothing_and_of_one_frame():
    assert list(between([], 12, 24, AlongFlow(Still()))) == []
    only = flat((1, 2, 3))
    assert [frame is only for frame in between([only], 12, 60, AlongFlow(Still()))] == [True] * 5


def test_nothing_is_mixed_across_a_cut():
    one, other = disc(40), 255 - disc(120)
    assert is_cut(one, other)
    assert not is_cut(disc(40), disc(56))
    film = list(between([one, other], 10, 50, AlongFlow(DisFlow())))
    assert [frame is one for frame in film] == [True] * 3 + [False] * 7
    assert all(frame is other for frame in film[3:])


def test_deep_frames_stay_deep():
    frames = [np.full((16, 24, 3), level, np.uint16) for level in (1000, 1003)]
    film = list(between(frames, 10, 30, AlongFlow(Still())))
    assert [(int(frame[0, 0, 0]), frame.dtype) for frame in film[:4]] == [
        (level, np.uint16) for level in (1000, 1001, 1002, 1003)
    ]


def test_where_something_comes_into_sight_only_the_frame_that_sees_it_counts():
    """A bar moves 8 pixels to the right over stripes: flow, occlusions and all are known here."""
    height, width, bar = 32, 64, slice(20, 36)
    ground = np.random.default_rng(2).integers(0, 100, (1, width, 3)).repeat(height, axis=0).astype(np.uint8)

    def picture(shift):
        pixels = ground.copy()
        pixels[:, bar.start + shift : bar.stop + shift] = np.arange(150, 166)[None, :, None] * [1.5, 1, 1]
        return pixels

    class Known:
        def both_ways(self, first, second):
            forward, backward = torch.zeros(2, height, width), torch.zeros(2, height, width)
            forward[0, :, 20:36], backward[0, :, 28:44] = 8, -8
            return forward, backward

    middle = list(between([picture(0), picture(8)], 1, 2, AlongFlow(Known())))[1]
    np.testing.assert_allclose(middle[:, 24:40], picture(4)[:, 24:40], atol=1)  # the bar
    np.testing.assert_allclose(middle[:, :18], ground[:, :18], atol=1)
    np.testing.assert_allclose(middle[:, 20:22], ground[:, 20:22], atol=1)  # just uncovered
    np.testing.assert_allclose(middle[:, 43:], ground[:, 43:], atol=1)  # soon covered
    assert middle[:, 22:24].max() <= 100
    assert middle[:, 40:43].max() <= 100


def test_what_comes_in_at_the_border_moves_with_the_rest():
    wide = np.random.default_rng(3).integers(0, 70, (1, 72, 3)).repeat(32, axis=0).astype(np.uint8)

    class Known:
        def both_ways(self, first, second):
            pan = torch.zeros(2, 32, 64)
            pan[0, 1:] = 8  # the first row stands still
            return pan, -pan

    middle = list(between([wide[:, 8:], wide[:, :64]], 1, 2, AlongFlow(Known())))[1]
    np.testing.assert_allclose(middle[8:], wide[8:, 4:68], atol=1)


@pytest.mark.slow
@pytest.mark.parametrize(("source", "target"), [(12, 24), (10, 24)])
def test_ffmpeg_interpolates_too(tmp_path, source, target):
    film, smooth = tmp_path / "film.mp4", tmp_path / "smooth.mp4"
    with FilmWriter(film, 160, 96, source) as writer:
        for number in range(7):
            writer.add(disc(40 + 6 * number))
    by_ffmpeg(film, smooth, target, preset="ultrafast")
    info = probe(smooth)
    assert (info.fps, info.frames) == (target, count_between(7, source, target))
    assert "yuv420p(tv, bt709" in told(smooth)
    before = smooth.read_bytes()
    by_ffmpeg(film, smooth, target, preset="ultrafast")
    assert smooth.read_bytes() == before
    for k, pixels in enumerate(read_frames(smooth)):
        red = redness(pixels)
        red[red < 0.2] = 0
        x = (red.sum(axis=0) @ np.arange(160)) / red.sum()
        assert x == pytest.approx(40 + 6 * min(k * source / target, 6), abs=2.5)
