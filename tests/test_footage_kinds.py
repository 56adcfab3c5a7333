"""Kinds of footage that cameras, captures and screens make: fields, clocks, sound beside pictures."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from animator.video.film import FilmWriter
from animator.video.footage import Footage, FootageReader, open_footage
from animator.video.mux import with_sound
from animator.video.sound import decode
from tests.test_footage import X264, ffmpeg, numbers, steps

X265 = ("-c:v", "libx265", "-preset", "ultrafast", "-x265-params", "log-level=none", "-pix_fmt", "yuv420p")
SWAPPED = {
    "hevc.mp4": X265,
    "prores.mov": ("-c:v", "prores_ks", "-flags", "+ildct"),
    "ffv1.mkv": ("-c:v", "ffv1"),
    "v210.mov": ("-c:v", "v210"),
    "qtrle.mov": ("-c:v", "qtrle"),
    "png.mov": ("-c:v", "png"),
    "raw.mov": ("-c:v", "rawvideo", "-pix_fmt", "uyvy422"),
}


@pytest.mark.parametrize("order", ["tff", "bff"])
@pytest.mark.parametrize("name", SWAPPED)
def test_fields_that_are_coded_swapped(tmp_path: Path, name: str, order: str) -> None:
    ffmpeg(*steps("64x64", frames=3), "-vf", f"setfield={order}", *SWAPPED[name], tmp_path / name)
    footage = open_footage(tmp_path / name)
    assert numbers(footage) == pytest.approx(range(3), abs=0.2)


FIELDS = "color=black:s=720x576:r=50:d=0.2,format=yuv420p,geq=lum='if(between(X,40+N*20,100+N*20),235,16)'"
WOVEN = {
    "silent.avi": ("bff", ("-c:v", "dvvideo", "-pix_fmt", "yuv420p")),
    "silent.dv": ("bff", ("-c:v", "dvvideo", "-pix_fmt", "yuv420p")),
    "divx.avi": ("tff", ("-c:v", "mpeg4", "-flags", "+ilme+ildct", "-q:v", "1")),
    "named.mpg": ("tff", ("-c:v", "mpeg2video", "-flags", "+ilme+ildct", "-q:v", "1")),
    "capture.mov": ("tff", ("-c:v", "rawvideo", "-pix_fmt", "uyvy422")),
    "container.mov": ("tff", ("-c:v", "mjpeg", "-q:v", "1", "-pix_fmt", "yuvj422p")),
}


@pytest.mark.slow
@pytest.mark.parametrize("name", WOVEN)
def test_fields_are_parted_whatever_the_header_says(tmp_path: Path, name: str) -> None:
    """DV and MPEG-4 in AVI say it of each picture only, Motion JPEG only in the container."""
    order, encoding = WOVEN[name]
    weave = {"tff": "interleave_top", "bff": "interleave_bottom"}[order]
    source = f"{FIELDS}:cb=128:cr=128,tinterlace={weave},setfield={order}"
    ffmpeg("-f", "lavfi", "-i", source, *encoding, tmp_path / name)
    with FootageReader(open_footage(tmp_path / name), 720, 576) as reader:
        picture = reader.frame(2).mean(dim=0).numpy() * 255
    comb = np.abs(2 * picture[1:-1] - picture[:-2] - picture[2:]).mean()
    assert comb < 0.5


@pytest.mark.parametrize("angle", [90, 180, 270])
@pytest.mark.parametrize("order", ["tff", "bff"])
def test_fields_of_a_turned_film_are_parted_before_it_is_turned(
    tmp_path: Path, order: str, angle: int
) -> None:
    weave = {"tff": "interleave_top", "bff": "interleave_bottom"}[order]
    source = f"{FIELDS}:cb=128:cr=128,scale=96:64:interl=0,tinterlace={weave},setfield={order}"
    encoding = ("-c:v", "mpeg4", "-flags", "+ilme+ildct", "-q:v", "1")
    lying, turned = tmp_path / "lying.mp4", tmp_path / "turned.mp4"
    ffmpeg("-f", "lavfi", "-i", source, *encoding, lying)
    ffmpeg("-display_rotation", angle, "-i", lying, "-c", "copy", turned)
    size = (64, 96) if angle % 180 else (96, 64)
    with FootageReader(open_footage(lying), 96, 64) as one, FootageReader(open_footage(turned), *size) as two:
        for index in range(3):
            expected = one.frame(index).rot90(angle // 90, dims=(1, 2))
            assert (two.frame(index) - expected).abs().mean() < 0.002
    picture = one.frame(2).mean(dim=0).numpy() * 255
    assert picture.max() > 200
    assert np.abs(2 * picture[1:-1] - picture[:-2] - picture[2:]).mean() < 0.5


def test_whole_pictures_of_a_film_that_says_nothing_pass_unchanged(tmp_path: Path) -> None:
    encoding = ("-c:v", "ffv1", "-pix_fmt", "yuv420p")
    for name, more in (("silent.mkv", ()), ("named.mkv", ("-vf", "setfield=prog"))):
        ffmpeg("-f", "lavfi", "-i", "testsrc2=s=64x48:r=10:d=0.3", *more, *encoding, tmp_path / name)
    silent, named = (open_footage(tmp_path / name) for name in ("silent.mkv", "named.mkv"))
    with FootageReader(silent, 64, 48) as one, FootageReader(named, 64, 48) as other:
        for index in range(3):
            assert one.frame(index).equal(other.frame(index))


CLICK = "aevalsrc='if(between(t,1,1.01),sin(2*PI*1000*t),0)':s=48000:d=1.5"
FLASH = "color=black:s=64x64:r=25:d=1.5,format=yuv420p,geq=lum='if(eq(N,25),235,16)':cb=128:cr=128"
MPEG = ("-c:v", "mpeg2video", "-q:v", "2", "-c:a", "mp2", "-muxdelay", "0", "-muxpreload", "0")
CONTAINERS = {
    **dict.fromkeys((".ts", ".m2ts", ".mpg", ".vob"), MPEG),
    **dict.fromkeys((".mkv", ".mp4"), ("-c:v", "mpeg4", "-q:v", "2", "-c:a", "aac")),
}


@pytest.mark.slow
@pytest.mark.parametrize("late", ["sound", "pictures"])
@pytest.mark.parametrize("ending", CONTAINERS)
def test_sound_and_pictures_keep_together(tmp_path: Path, ending: str, late: str) -> None:
    """A flash and a click at one moment, of streams of which one begins 0.6 s after the other."""
    path, film = tmp_path / f"late{ending}", tmp_path / "film.mp4"
    cut = ("-af", "atrim=start=0.6") if late == "sound" else ("-vf", "trim=start=0.6")
    ffmpeg("-f", "lavfi", "-i", FLASH, "-f", "lavfi", "-i", CLICK, *cut, *CONTAINERS[ending], path)
    footage = open_footage(path)
    assert footage.sound
    with FootageReader(footage, 64, 64) as reader, FilmWriter(film, 64, 64, 25, preset="ultrafast") as writer:
        light = [float(reader.frame(index).mean()) for index in range(footage.frames)]
        for _ in light:
            writer.add(np.zeros((64, 64, 3), np.uint8))
    seconds = float(footage.frames / footage.fps)
    assert with_sound(film, path, film, start_at=footage.start, seconds=seconds)
    for heard in (decode(film, rate=48000), decode(path, start_at=footage.start, rate=48000)):
        click = np.argmax(np.abs(heard) > 0.3) / 48000
        assert click == pytest.approx(np.argmax(light) / 25, abs=0.005)


HOLES = {
    "short.mkv": (
        *("-af", "asetnsamples=480,aselect='not(between(t,0.2,0.24)+between(t,0.5,0.54))'"),
        *("-c:v", "mpeg4", "-c:a", "pcm_s16le"),
    ),
    "fragments.mp4": (*X264, "-bf", "2", "-c:a", "aac", "-movflags", "frag_keyframe+empty_moov"),
}


@pytest.mark.parametrize("name", HOLES)
def test_short_gaps_of_a_sound_do_not_let_it_slide(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    ffmpeg("-f", "lavfi", "-i", FLASH, "-f", "lavfi", "-i", CLICK, *HOLES[name], path)
    footage = open_footage(path)
    with FootageReader(footage, 64, 64) as reader:
        light = [float(reader.frame(index).mean()) for index in range(footage.frames)]
    heard = decode(path, start_at=footage.start, rate=48000)
    assert np.argmax(np.abs(heard) > 0.3) / 48000 == pytest.approx(np.argmax(light) / 25, abs=0.025)


def shown(footage: Footage, step: int = 20) -> list[int]:
    """Return which picture of a film that grows lighter by ``step`` each frame shows; all can be decoded."""
    with FootageReader(footage, 48, 32) as reader:
        found = [round(float(reader.frame(k).mean()) * 255 / step) for k in range(footage.frames)]
        assert reader.decodable == footage.frames
    return found


def screen(path: Path) -> Path:
    """Make a recording of a screen: six pictures at 30 a second, two seconds of rest, six more."""
    late = "setpts='if(lt(N,6),N,N+60)/30/TB'"
    source = "color=black:s=48x32:r=30:d=0.4,format=gray,geq=lum='20*N'"
    ffmpeg(
        "-f", "lavfi", "-i", source, "-vf", late, "-fps_mode", "vfr", "-enc_time_base", "1:1000", *X264, path
    )
    return path


def test_bursts_of_pictures_are_all_shown(tmp_path: Path) -> None:
    for name in ("screen.mp4", "screen.mkv"):
        footage = open_footage(screen(tmp_path / name))
        assert (footage.fps, footage.frames) == (30, 72)
        assert shown(footage) == [*range(6), *[5] * 60, *range(6, 12)]


def test_a_telephone_that_slows_down_in_the_dark(tmp_path: Path) -> None:
    late = "setpts='if(lt(N,6),N,6+2*(N-6))/30/TB'"
    source = "color=black:s=48x32:r=30:d=0.4,format=gray,geq=lum='20*N'"
    slow = ("-fps_mode", "vfr", "-enc_time_base", "1:1000", *X264)
    ffmpeg("-f", "lavfi", "-i", source, "-vf", late, *slow, tmp_path / "dark.mp4")
    footage = open_footage(tmp_path / "dark.mp4")
    assert footage.fps == 30
    assert shown(footage)[:17] == [0, 1, 2, 3, 4, 5, 6, 6, 7, 7, 8, 8, 9, 9, 10, 10, 11]


@pytest.mark.slow
def test_another_rate_shows_what_is_to_be_seen_then(tmp_path: Path) -> None:
    path = screen(tmp_path / "screen.mp4")
    assert shown(open_footage(path, fps=10)) == [0, 3, *[5] * 20, 6, 9]
    ffmpeg(*steps(rate="30", frames=12), *X264, tmp_path / "even.mkv")
    for rate, expected in ((15, [0, 2, 4, 6, 8, 10]), (60, [k // 2 for k in range(24)])):
        footage = open_footage(tmp_path / "even.mkv", fps=rate)
        assert (footage.fps, shown(footage)) == (rate, expected)
    part = open_footage(tmp_path / "even.mkv", fps="30000/1001", start=0.1, every=2)
    assert (part.fps, shown(part)[0]) == (Fraction(15000, 1001), 3)
    assert part.start == pytest.approx(0.1, abs=1e-3)


DELAYS = [100, 100, 100, 100, 1000, 100, 100, 500]


@pytest.mark.parametrize(("ending", "more"), [("gif", {}), ("webp", {"lossless": True}), ("png", {})])
def test_uneven_delays(tmp_path: Path, ending: str, more: dict[str, bool]) -> None:
    first, *others = (Image.new("RGB", (48, 32), (20 * k,) * 3) for k in range(8))
    path = tmp_path / f"moving.{ending}"
    first.save(path, save_all=True, append_images=others, duration=DELAYS, loop=0, **more)
    if ending == "png":
        path = path.rename(tmp_path / "moving.apng")
    footage = open_footage(path)
    assert (footage.fps, footage.frames) == (10, 21)
    assert shown(footage) == [0, 1, 2, 3, *[4] * 10, 5, 6, *[7] * 5]


def test_delays_without_a_common_clock(tmp_path: Path) -> None:
    first, *others = (Image.new("RGB", (48, 32), (20 * k,) * 3) for k in range(8))
    delays = [70, 110, 100, 70, 70, 300, 110, 70]
    first.save(tmp_path / "odd.gif", save_all=True, append_images=others, duration=delays, loop=0)
    footage = open_footage(tmp_path / "odd.gif")
    found = shown(footage)
    assert footage.fps <= 25
    assert found[0] == 0
    assert sorted(set(found)) == list(range(8))
    for number, delay in enumerate(np.cumsum([0, *delays[:-1]])):
        assert found.index(number) / footage.fps == pytest.approx(delay / 1000, abs=0.05)


@pytest.mark.parametrize(("more", "expected"), [({}, (12, 1)), ({"duration": 1000}, (1, 1))])
def test_a_gif_of_one_picture(tmp_path: Path, more: dict[str, int], expected: tuple[int, int]) -> None:
    Image.new("RGB", (48, 32), (60,) * 3).save(tmp_path / "one.gif", **more)
    footage = open_footage(tmp_path / "one.gif")
    assert ((footage.fps, footage.frames), shown(footage)) == (expected, [3])


@pytest.mark.parametrize(
    "rate", ["1/3", "1/300", "25/3", "15000/1001", "30000/1001", "24000/1001", "60000/1001"]
)
@pytest.mark.parametrize("ending", ["mp4", "mkv"])
def test_rates_are_exact(tmp_path: Path, rate: str, ending: str) -> None:
    path = tmp_path / f"film.{ending}"
    ffmpeg(*steps(rate=rate, frames=10), *X264, "-pix_fmt", "yuv420p", path)
    footage = open_footage(path)
    assert (footage.fps, footage.frames) == (Fraction(rate), 10)
    assert shown(footage) == list(range(10))


@pytest.mark.slow
def test_the_first_frame_is_the_first_picture(tmp_path: Path) -> None:
    """Even where a recorder writes a second one a millisecond later, at an even rate and at an uneven one."""
    source = "color=black:s=48x32:r=1000:d=0.012,format=gray,geq=lum='20*N'"
    for name, late in (("even.mp4", "N-1"), ("uneven.mp4", "if(lt(N,6),N-1,N+20)")):
        times = f"settb=1/1000,setpts='if(lt(N,2),N,round(1000*({late})/30))'"
        slow = ("-fps_mode", "passthrough", "-enc_time_base", "1:1000", *X264)
        ffmpeg("-f", "lavfi", "-i", source, "-vf", times, *slow, tmp_path / name)
        footage = open_footage(tmp_path / name)
        assert footage.fps == 30
        found = shown(footage)
        assert (found[0], found[2], found[-1]) == (0, 3, 11)
        assert shown(open_footage(tmp_path / name, fps=10))[0] == 0
