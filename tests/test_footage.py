"""Footage in odd formats: the right frames, upright, in the right colours, however they are reached."""

from __future__ import annotations

import subprocess
import sys
from fractions import Fraction
from pathlib import Path

import cv2
import numpy as np
import pytest

from animator.errors import FilmError, UsageError
from animator.system.convert import frame_to_uint8
from animator.video.ffmpeg import executable
from animator.video.footage import Footage, FootageReader, hash_footage, open_footage
from animator.video.scene_cuts import cuts_of, find_cuts

STEP = 20
"""Levels by which each frame of the test films is lighter than the one before it; frame 0 is black."""


def ffmpeg(*arguments: str | Path) -> None:
    command = [executable(), "-y", "-loglevel", "error", *map(str, arguments)]
    subprocess.run(command, check=True, capture_output=True)


def steps(size: str = "48x32", rate: str = "10", frames: int = 10) -> tuple[str, ...]:
    seconds = frames / Fraction(rate)
    picture = f"color=black:s={size}:r={rate}:d={float(seconds):.6f},format=gray,geq=lum='{STEP}*N'"
    return "-f", "lavfi", "-i", picture


def numbers(footage: Footage, size: tuple[int, int] = (48, 32)) -> list[float]:
    """Return which frames of the test film those of footage are, told by their lightness."""
    with FootageReader(footage, *size, "stretch") as reader:
        frames = [reader.frame(index) for index in range(footage.frames)]
    assert all(frame.shape == (3, size[1], size[0]) for frame in frames)
    return [float(frame.mean()) * 255 / STEP for frame in frames]


X264 = ("-c:v", "libx264", "-preset", "ultrafast")
FORMATS = {
    "odd.mp4": (steps("101x67"), (*X264, "-pix_fmt", "yuv444p"), (101, 67)),
    "h264.mp4": (steps(), ("-c:v", "libx264", "-pix_fmt", "yuv420p"), (48, 32)),
    "hevc10.mkv": (
        steps("64x64"),
        (
            "-c:v",
            "libx265",
            "-preset",
            "ultrafast",
            "-x265-params",
            "log-level=none",
            "-pix_fmt",
            "yuv420p10le",
        ),
        (64, 64),
    ),
    "prores.mov": (steps(), ("-c:v", "prores_ks", "-pix_fmt", "yuv422p10le"), (48, 32)),
    "vp9.webm": (steps(), ("-c:v", "libvpx-vp9", "-deadline", "realtime", "-cpu-used", "8"), (48, 32)),
    "mjpeg.avi": (steps(), ("-c:v", "mjpeg", "-q:v", "1", "-pix_fmt", "yuvj420p"), (48, 32)),
    "later.ts": (
        steps(),
        ("-c:v", "mpeg2video", "-bf", "2", "-q:v", "1", "-output_ts_offset", "7.3"),
        (48, 32),
    ),
    "wide.mp4": (steps(), ("-vf", "setsar=4/3", *X264, "-pix_fmt", "yuv420p"), (64, 32)),
    "animated.gif": (steps(), (), (48, 32)),
    "fields.mpg": (
        steps(rate="25"),
        ("-vf", "setfield=tff", "-c:v", "mpeg2video", "-flags", "+ilme+ildct", "-q:v", "1"),
        (48, 32),
    ),
    "rgb.mkv": (steps(rate="24000/1001"), ("-c:v", "ffv1", "-pix_fmt", "gbrp"), (48, 32)),
    "raw.h264": (steps(rate="25"), (*X264, "-pix_fmt", "yuv420p"), (48, 32)),
    "film.mpg": (steps(rate="25"), ("-c:v", "mpeg2video", "-bf", "2", "-q:v", "1"), (48, 32)),
    "flash.flv": (steps(), ("-c:v", "flv1", "-q:v", "1"), (48, 32)),
    "phone.3gp": (steps(), ("-c:v", "mpeg4", "-q:v", "1"), (48, 32)),
    "vp8.webm": (
        steps(frames=10),
        ("-c:v", "libvpx", "-auto-alt-ref", "1", "-lag-in-frames", "8", "-b:v", "1M"),
        (48, 32),
    ),
    "raw.y4m": (steps(), ("-pix_fmt", "yuv420p"), (48, 32)),
}


@pytest.mark.slow
@pytest.mark.parametrize("name", FORMATS)
def test_every_frame_of_every_format(tmp_path: Path, name: str) -> None:
    picture, encoding, size = FORMATS[name]
    ffmpeg(*picture, *encoding, tmp_path / name)
    footage = open_footage(tmp_path / name)
    rate = Fraction(picture[-1].partition(":r=")[2].partition(":")[0])
    assert (footage.width, footage.height) == size
    assert (footage.fps, footage.frames, footage.every) == (rate, 10, 1)
    assert footage.end - footage.start == pytest.approx(float(10 / rate), abs=1e-3)
    assert not footage.sound
    assert numbers(footage) == pytest.approx(range(10), abs=0.2)


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("film") / "film.mp4"
    ffmpeg(*steps(frames=12), *X264, "-g", "5", "-pix_fmt", "yuv420p", path)
    return path


@pytest.mark.parametrize(
    ("choice", "expected", "covered"),
    [
        ({"every": 3}, [0, 3, 6, 9], (0.0, 1.2)),
        ({"every": 5}, [0, 5, 10], (0.0, 1.2)),
        ({"start": 0.3, "end": 0.8}, [3, 4, 5, 6, 7], (0.3, 0.8)),
        ({"start": 0.3, "end": 0.8, "every": 2}, [3, 5, 7], (0.3, 0.9)),
        ({"start": 0.34, "end": 0.51}, [3, 4], (0.3, 0.5)),
        ({"start": 1.1, "end": 99.0}, [11], (1.1, 1.2)),
        ({"every": 100}, [0], (0.0, 1.2)),
    ],
)
def test_ranges_and_every_nth_frame(
    film: Path, choice: dict[str, float], expected: list[int], covered: tuple[float, float]
) -> None:
    footage = open_footage(film, **choice)
    assert numbers(footage) == pytest.approx(expected, abs=0.2)
    assert footage.fps == Fraction(10, choice.get("every", 1))
    assert (footage.start, footage.end) == pytest.approx(covered)


@pytest.mark.slow
def test_a_frame_is_the_same_however_it_was_reached(film: Path) -> None:
    footage = open_footage(film, start=0.1)
    with FootageReader(footage, 40, 24) as reader:
        in_order = [reader.frame(index) for index in range(footage.frames)]
        assert reader.frame(footage.frames - 2) is in_order[-2]
        wild = {index: reader.frame(index) for index in (5, 10, 2, 3, 9, 0)}
    for index, frame in wild.items():
        assert frame.numpy().tobytes() == in_order[index].numpy().tobytes()
        with FootageReader(footage, 40, 24) as fresh:
            assert fresh.frame(index).numpy().tobytes() == frame.numpy().tobytes()
    with (
        FootageReader(footage, 40, 24) as reader,
        pytest.raises(IndexError, match="frame 11 of footage of 11"),
    ):
        reader.frame(11)


def test_frames_missing_in_time_are_held_and_sound_stays_with_them(tmp_path: Path) -> None:
    """A film of variable rate lasts as long as it did, and each frame comes when it came."""
    keep = "select='not(between(n,3,5)+between(n,7,8))'"
    ffmpeg(*steps(frames=12), "-vf", keep, "-fps_mode", "vfr", *X264, tmp_path / "variable.mkv")
    footage = open_footage(tmp_path / "variable.mkv")
    assert (footage.fps, footage.frames) == (10, 12)
    assert (footage.start, footage.end) == (0, pytest.approx(1.2))
    assert numbers(footage) == pytest.approx([0, 1, 2, 2, 2, 2, 6, 6, 6, 9, 10, 11], abs=0.2)


def test_a_few_lost_frames_leave_the_rate_alone(tmp_path: Path) -> None:
    lost = "select='not(eq(n,15))'"
    source = "color=black:s=32x32:r=30:d=1.2,format=gray,geq=lum='5*N'"
    ffmpeg("-f", "lavfi", "-i", source, "-vf", lost, "-fps_mode", "vfr", *X264, tmp_path / "lost.mkv")
    footage = open_footage(tmp_path / "lost.mkv")
    assert (footage.fps, footage.frames) == (30, 36)
    found = [round(number * STEP / 5) for number in numbers(footage)]
    assert found == [*range(15), 14, *range(16, 36)]


@pytest.mark.slow
def test_pictures_that_begin_after_the_sound(tmp_path: Path) -> None:
    sound = ("-f", "lavfi", "-i", "sine=d=1.5")
    ffmpeg(*sound, "-itsoffset", "0.5", *steps(), *X264, "-c:a", "aac", tmp_path / "late.mkv")
    footage = open_footage(tmp_path / "late.mkv")
    assert footage.sound
    assert (footage.start, footage.end) == (pytest.approx(0.5, abs=0.03), pytest.approx(1.5, abs=0.03))
    assert numbers(footage) == pytest.approx(range(10), abs=0.2)
    later = open_footage(tmp_path / "late.mkv", start=0.8, end=1.0)
    assert numbers(later) == pytest.approx([3, 4], abs=0.2)


@pytest.mark.parametrize("turn", [90, 180, -90])
def test_turned_films_are_upright(tmp_path: Path, turn: int) -> None:
    half = "color=black:s=48x32:r=10:d=0.2,drawbox=w=24:color=white:t=fill"
    ffmpeg("-f", "lavfi", "-i", half, *X264, "-pix_fmt", "yuv420p", tmp_path / "flat.mp4")
    ffmpeg("-display_rotation", str(turn), "-i", tmp_path / "flat.mp4", "-c", "copy", tmp_path / "turned.mov")
    footage = open_footage(tmp_path / "turned.mov")
    size = (48, 32) if turn == 180 else (32, 48)
    assert (footage.width, footage.height) == size
    with FootageReader(footage, *size) as reader:
        picture = reader.frame(0).mean(dim=0).numpy()
    upright = np.rot90(np.repeat([[1.0, 0.0]], 32, axis=0).repeat(24, axis=1), turn // 90)
    assert np.abs(picture - upright).mean() < 0.02


def test_the_last_picture_stands_as_long_as_it_should(tmp_path: Path) -> None:
    ffmpeg(*steps(frames=5), "-final_delay", "100", tmp_path / "held.gif")
    footage = open_footage(tmp_path / "held.gif")
    assert (footage.fps, footage.frames, footage.end) == (10, 14, pytest.approx(1.4))
    assert numbers(footage) == pytest.approx([*range(5), *[4] * 9], abs=0.2)


def test_a_film_that_changes_its_size_keeps_its_clock(tmp_path: Path) -> None:
    """Recordings of broadcasts do; ffmpeg would begin anew and count its frames from nothing."""
    mpeg = ("-c:v", "mpeg2video", "-q:v", "1", "-f", "mpegts")
    ffmpeg(*steps(frames=6), *mpeg, tmp_path / "small.ts")
    ffmpeg(*steps("64x48", frames=6), "-output_ts_offset", "0.7", *mpeg, tmp_path / "large.ts")
    parts = [(tmp_path / name).read_bytes() for name in ("small.ts", "large.ts")]
    (tmp_path / "both.ts").write_bytes(b"".join(parts))
    found = numbers(open_footage(tmp_path / "both.ts"))
    assert len(found) == 12
    assert found[:5] == pytest.approx(range(5), abs=0.2)
    assert found[-6:] == pytest.approx(range(6), abs=0.2)  # a decoder may lose a picture where they meet


COLOURS = [(200, 40, 30), (20, 150, 60), (40, 60, 190)]


@pytest.mark.parametrize(
    ("name", "size", "conversion", "tags"),
    [
        ("full.avi", "96x32", "out_range=pc,format=yuvj420p", ("-c:v", "mjpeg", "-q:v", "1")),
        (
            "tagged709.mp4",
            "96x32",
            "out_color_matrix=bt709:out_range=tv,format=yuv420p,setparams=colorspace=bt709:range=tv",
            X264,
        ),
        (
            "tagged601.mp4",
            "96x720",
            "out_color_matrix=bt601:out_range=tv,format=yuv420p,setparams=colorspace=smpte170m",
            X264,
        ),
        ("small.mkv", "96x32", "out_color_matrix=bt601,format=yuv420p,setparams=colorspace=unknown", X264),
        ("large.mkv", "96x720", "out_color_matrix=bt709,format=yuv420p,setparams=colorspace=unknown", X264),
        ("rgb.mkv", "96x32", "out_range=pc,format=gbrp", ("-c:v", "ffv1")),
    ],
)
def test_colours(tmp_path: Path, name: str, size: str, conversion: str, tags: tuple[str, ...]) -> None:
    """By the film's own matrix and range; where it names none, by what films of that height use."""
    boxes = [
        f"drawbox=x={32 * place}:w=32:h=ih:t=fill:color=0x{red:02x}{green:02x}{blue:02x}"
        for place, (red, green, blue) in enumerate(COLOURS)
    ]
    source = f"color=black:s={size}:r=10:d=0.1,format=gbrp,{','.join(boxes)}"
    path = tmp_path / name
    ffmpeg("-f", "lavfi", "-i", source, "-vf", f"scale=flags=accurate_rnd:{conversion}", *tags, path)
    with FootageReader(open_footage(path), 96, 32, "stretch") as reader:
        frame = reader.frame(0)
    for place, colour in enumerate(COLOURS):
        middle = frame[:, 8:24, 32 * place + 8 : 32 * place + 24].mean(dim=(1, 2)) * 255
        assert middle.tolist() == pytest.approx(colour, abs=3)


@pytest.mark.parametrize("layout", ["yuv420p10le", "yuv422p10le", "yuva444p10le", "gbrp10le", "gray10le"])
def test_ten_bits_are_kept(tmp_path: Path, layout: str) -> None:
    planes = "lum='429+X':cb=512:cr=512" if not layout.startswith("gbr") else "r='429+X':g='429+X':b='429+X'"
    planes += ":a=1023" if layout.startswith("yuva") else ""
    ramp = f"color=black:s=511x15:r=10:d=0.1,format={layout},geq={planes}"
    ffmpeg("-f", "lavfi", "-i", ramp, "-c:v", "ffv1", tmp_path / "ramp.mkv")
    with FootageReader(open_footage(tmp_path / "ramp.mkv"), 511, 15) as reader:
        row = reader.frame(0)[:, 8].numpy()
    assert len(np.unique(row)) == 511
    levels = np.arange(429, 940)
    expected = levels / 1023 if layout.startswith("g") else (levels - 64) / 876
    assert np.abs(row - expected).max() < 1e-4
    if expected[-1] == 1:
        assert row[:, -1].tolist() == [1, 1, 1]


@pytest.mark.parametrize(
    ("fit", "left", "middle"), [("cover", 1.0, 1.0), ("contain", 0.0, 1.0), ("stretch", 1.0, 1.0)]
)
@pytest.mark.parametrize("kind", ["film", "folder"])
def test_fits(tmp_path: Path, fit: str, left: float, middle: float, kind: str) -> None:
    picture = np.full((60, 20, 3), 255, np.uint8)
    picture[:20] = picture[40:] = 128  # upper and lower third grey
    cv2.imwrite(str(tmp_path / "1.png"), picture)
    path = tmp_path
    if kind == "film":
        path = tmp_path / "film.mkv"
        ffmpeg("-i", tmp_path / "1.png", "-c:v", "ffv1", path)
    with FootageReader(open_footage(path), 45, 30, fit) as reader:
        frame = reader.frame(0)
    assert frame.shape == (3, 30, 45)
    assert frame[:, 15, 0].tolist() == pytest.approx([left] * 3, abs=0.01)
    assert frame[:, 15, 22].tolist() == pytest.approx([middle] * 3, abs=0.01)
    corner = {"cover": 1.0, "contain": 0.0, "stretch": 128 / 255}[fit]
    assert frame[0, 1, 1] == pytest.approx(corner, abs=0.02)


def test_a_folder_of_pictures(tmp_path: Path) -> None:
    for number in (1, 2, 10, 11):
        cv2.imwrite(str(tmp_path / f"Shot {number}.jpg"), np.full((32, 48, 3), STEP * number, np.uint8))
    cv2.imwrite(str(tmp_path / "shot 9.PNG"), np.full((64, 96, 3), STEP * 9, np.uint8))
    (tmp_path / "notes.txt").write_text("not a picture")
    (tmp_path / "._Shot 1.jpg").write_bytes(b"what a Mac leaves")
    footage = open_footage(tmp_path, fps_of_pictures=8)
    assert (footage.width, footage.height, footage.fps, footage.frames) == (48, 32, 8, 5)
    assert not footage.sound
    assert numbers(footage) == pytest.approx([1, 2, 9, 10, 11], abs=0.1)
    part = open_footage(tmp_path, start=0.125, end=0.6, every=2, fps_of_pictures=8)
    assert (part.start, part.end, part.fps) == (0.125, 0.625, 4)
    assert numbers(part) == pytest.approx([2, 10], abs=0.1)
    before = hash_footage(tmp_path)
    (tmp_path / "notes.txt").write_text("nor does it count")
    assert hash_footage(tmp_path) == before
    (tmp_path / "shot 9.PNG").rename(tmp_path / "shot 99.PNG")
    assert hash_footage(tmp_path) != before


def test_what_is_no_footage_is_told(tmp_path: Path, film: Path) -> None:
    sound, text, empty = tmp_path / "sound.wav", tmp_path / "text.mp4", tmp_path / "empty"
    ffmpeg("-f", "lavfi", "-i", "sine=d=0.1", sound)
    text.write_text("no film")
    empty.mkdir()
    for faulty, range_, message in [
        (tmp_path / "absent.mp4", {}, r"absent\.mp4: no such file; name a film or"),
        (sound, {}, r"sound\.wav: has no pictures, only sound; name"),
        (text, {}, r"text\.mp4: not a film that ffmpeg can read \(moov atom not found\); name"),
        (empty, {}, r"empty: a folder without pictures; put some"),
        (
            film,
            {"start": 5.0},
            r"film\.mp4: has no frame from 5 s on; it lasts 1\.200 s of 12 frames: choose",
        ),
        (film, {"start": 0.5, "end": 0.5}, r"has no frame from 0\.5 s to 0\.5 s"),
        (film, {"start": 0.8, "end": 0.2}, r"has no frame from 0\.8 s to 0\.2 s"),
    ]:
        with pytest.raises(UsageError, match=message) as told:
            open_footage(faulty, **range_)
        assert "\n" not in str(told.value)
    with pytest.raises(UsageError, match=r"absent\.mp4: No such file"):
        hash_footage(tmp_path / "absent.mp4")


@pytest.mark.slow
def test_films_that_break_off(tmp_path: Path) -> None:
    """What is there is read; what is announced but damaged is the last whole picture; nothing hangs."""
    ffmpeg(*steps("160x96"), "-c:v", "mjpeg", "-q:v", "1", tmp_path / "whole.avi")
    ffmpeg(*steps("160x96"), "-vf", "noise=alls=20", "-c:v", "mpeg2video", tmp_path / "whole.ts")
    stream = (tmp_path / "whole.ts").read_bytes()
    (tmp_path / "cut.ts").write_bytes(stream[: len(stream) // 2])
    cut = open_footage(tmp_path / "cut.ts")
    assert 3 <= cut.frames <= 7
    found = numbers(cut)
    assert found[:3] == pytest.approx([0.2, 1, 2], abs=0.4)
    assert found == sorted(found)

    whole = (tmp_path / "whole.avi").read_bytes()
    (tmp_path / "damaged.avi").write_bytes(without_pictures(whole, 6))
    damaged = open_footage(tmp_path / "damaged.avi")
    with FootageReader(damaged, 48, 32) as reader:
        assert reader.decodable == damaged.frames == 10
        last = reader.frame(9)
        assert reader.decodable == 6
        assert reader.frame(5) is reader.frame(6) is last
    with FootageReader(damaged, 48, 32) as again:
        frames = [again.frame(index) for index in range(10)]
    assert frames[9] is frames[5]
    assert frames[9].numpy().tobytes() == last.numpy().tobytes()
    assert float(last.mean()) * 255 / STEP == pytest.approx(5, abs=0.2)
    (tmp_path / "nothing.avi").write_bytes(without_pictures(whole, 0))
    with (
        FootageReader(open_footage(tmp_path / "nothing.avi"), 48, 32) as reader,
        pytest.raises(FilmError, match=r"nothing\.avi: no frame of the choice can be decoded \(.*\); choose"),
    ):
        reader.frame(3)


def without_pictures(film: bytes, first: int) -> bytes:
    """Return an AVI with the data of its pictures from ``first`` on blanked; its index stays."""
    data = bytearray(film)
    end, position = data.index(b"idx1"), data.index(b"movi")
    for number in range(10):
        chunk = data.index(b"00dc", position)
        size = int.from_bytes(data[chunk + 4 : chunk + 8], "little")
        position = chunk + 8 + size
        if number >= first:
            data[chunk + 8 : position] = bytes(size)
    assert position <= end
    return bytes(data)


@pytest.mark.slow
def test_looking_at_footage_loads_no_torch(film: Path) -> None:
    code = (
        "import sys; from animator.video.footage import open_footage; "
        f"assert open_footage({str(film)!r}).frames == 12; assert 'torch' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def world(seed: int) -> np.ndarray:
    """Return a landscape of clouds and dots, 200 x 800 x 3, to be looked at through a window."""
    random = np.random.default_rng(seed)
    clouds = np.zeros((200, 800, 3), np.float32)
    for deviation, share in ((40, 0.15), (12, 0.11), (3, 0.06)):
        layer = cv2.GaussianBlur(random.standard_normal(clouds.shape).astype(np.float32), (0, 0), deviation)
        clouds += share * layer / layer.std()
    return np.clip((0.2 + 0.6 * random.random(3) + clouds) * 255, 0, 255).astype(np.uint8)


def look(picture: np.ndarray, x: int, y: int = 20) -> np.ndarray:
    return picture[y : y + 36, x : x + 64]


A, B = world(1), world(2)


def brighter(frame: np.ndarray, levels: int) -> np.ndarray:
    return np.clip(frame.astype(int) + levels, 0, 255).astype(np.uint8)


SEQUENCES = {
    "still": ([look(A, 0)] * 6, set()),
    "slow pan": ([look(A, 2 * k) for k in range(10)], set()),
    "fast pan": ([look(A, 20 * k) for k in range(10)], set()),
    "fade out": ([brighter(look(A, k), -25 * k) for k in range(12)], set()),
    "fade in": ([brighter(look(A, k), -25 * (11 - k)) for k in range(12)], set()),
    "dissolve": ([cv2.addWeighted(look(A, k), 1 - k / 8, look(B, k), k / 8, 0) for k in range(9)], set()),
    "flash": ([brighter(look(A, k), 140 * (k == 5)) for k in range(10)], set()),
    "white flash": ([brighter(look(A, k), 255 * (k == 1)) for k in range(10)], set()),
    "out of black": ([look(A, 0) * 0] * 4 + [look(A, k) for k in range(4)], {4}),
    "two places of one palette": ([look(A, k) for k in range(5)] + [look(A, 400 + k) for k in range(5)], {5}),
    "last frame": ([look(A, k) for k in range(5)] + [look(B, 0)], {5}),
    "none": ([], set()),
}


@pytest.mark.parametrize("name", SEQUENCES)
def test_cuts_and_what_is_none(name: str) -> None:
    frames, expected = SEQUENCES[name]
    assert find_cuts(frames) == expected


@pytest.mark.slow
def test_two_cuts_a_flash_and_a_pan(tmp_path: Path) -> None:
    frames = [look(A, k) for k in range(8)] + [look(B, 18 * k) for k in range(9)] + [look(A, 500)] * 7
    frames[4] = brighter(frames[4], 150)
    assert find_cuts(frames) == {8, 17}
    for number, frame in enumerate(frames):
        cv2.imwrite(str(tmp_path / f"{number}.png"), frame[..., ::-1].repeat(2, 0).repeat(2, 1))
    film = tmp_path / "film.mkv"
    ffmpeg("-framerate", "10", "-i", tmp_path / "%d.png", *X264, "-pix_fmt", "yuv420p", film)
    for path in (film, tmp_path):
        assert cuts_of(open_footage(path, fps_of_pictures=10)) == {8, 17}
    assert cuts_of(open_footage(film, every=3)) == {3, 6}  # frames 9 and 18 are the first of each
    assert cuts_of(open_footage(film, start=0.8)) == {9}
    assert find_cuts(frames, threshold=0.99) == set()


def test_levels_of_the_reader_are_those_of_a_film_of_ours(tmp_path: Path) -> None:
    """What this program wrote, this program reads: to a level or two, in colour."""
    picture = np.zeros((32, 48, 3), np.uint8)
    picture[:, :24], picture[:, 24:] = (180, 60, 30), (30, 90, 200)
    from animator.video.film import FilmWriter

    with FilmWriter(tmp_path / "own.mp4", 48, 32, 10, crf=1) as writer:
        for _ in range(3):
            writer.add(picture)
    with FootageReader(open_footage(tmp_path / "own.mp4"), 48, 32) as reader:
        found = frame_to_uint8(reader.frame(2)).astype(int)
    assert np.abs(found[:, 4:20] - picture[:, 4:20]).max() <= 2
    assert np.abs(found[:, 28:44] - picture[:, 28:44]).max() <= 2
