"""``animator vr180`` reads films as footage is read; it makes pictures of pictures, and puts eyes on top."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from animator.run.render import render_scene
from animator.run.reporter import Reporter
from animator.video import stereo_film
from animator.video.ffmpeg import command
from animator.video.probe import probe, read_frames
from animator.video.sound import decode
from animator.video.spherical_reader import read_spherical
from animator.video.stereo_film import Encoding, write_vr180
from tests.test_footage import X264, ffmpeg
from tests.test_footage_kinds import CLICK, FLASH, screen
from tests.test_stereo_film import verb
from tests.wiring import scene

HALVES = "color=black:s=64x32:r=10:d=0.3,drawbox=w=32:color=white:t=fill"


def made(left, right, *more):
    done = verb(left, right, "--size", 64, "--fov", 170, "--edge", "stretch", "--force", *more)
    assert done.exit_code == 0, done.output
    return done


@pytest.mark.slow
def test_a_turned_film_is_upright(tmp_path):
    flat, turned = tmp_path / "flat.mp4", tmp_path / "turned.mp4"
    ffmpeg("-f", "lavfi", "-i", HALVES, *X264, "-pix_fmt", "yuv420p", flat)
    ffmpeg("-display_rotation", "90", "-i", flat, "-c", "copy", turned)
    made(turned, turned)
    picture = next(read_frames(tmp_path / "turned_180_LR.mp4")).mean(axis=2)
    # The left half has become the lower one.
    assert picture[2:24, 8:56].max() < 4
    assert picture[40:62, 8:56].min() > 251


@pytest.mark.slow
@pytest.mark.parametrize(("size", "matrix"), [("128x720", "bt709"), ("128x96", "bt601")])
def test_a_film_without_tags_has_its_colours(tmp_path, size, matrix):
    colour = f"color=0x28b43c:s={size}:r=10:d=0.2,format=gbrp"
    convert = f"scale=out_color_matrix={matrix}:out_range=tv,format=yuv420p,setparams=colorspace=unknown"
    ffmpeg("-f", "lavfi", "-i", colour, "-vf", convert, *X264, tmp_path / "green.mkv")
    made(tmp_path / "green.mkv", tmp_path / "green.mkv")
    middle = next(read_frames(tmp_path / "green_180_LR.mp4"))[28:36, 28:36].mean(axis=(0, 1))
    assert middle == pytest.approx((40, 180, 60), abs=4)


@pytest.mark.slow
@pytest.mark.parametrize("ending", ["mkv", "mp4", "ts"])
@pytest.mark.parametrize("late", ["sound", "pictures"])
def test_sound_stays_with_the_pictures(tmp_path, ending, late):
    path = tmp_path / f"late.{ending}"
    cut = ("-af", "atrim=start=0.6") if late == "sound" else ("-vf", "trim=start=0.6")
    how = (*X264, "-bf", "0", "-c:a", "aac", "-muxdelay", "0", "-muxpreload", "0")
    ffmpeg("-f", "lavfi", "-i", FLASH, "-f", "lavfi", "-i", CLICK, *cut, *how, path)
    made(path, path)
    film = tmp_path / "late_180_LR.mp4"
    flash = int(np.argmax([frame.mean() for frame in read_frames(film)])) / 25
    click = np.argmax(np.abs(decode(film, rate=48000)) > 0.3) / 48000
    assert click == pytest.approx(flash, abs=0.04)


@pytest.mark.slow
def test_an_uneven_film_keeps_its_time(tmp_path):
    done = made(screen(tmp_path / "screen.mp4"), tmp_path / "screen.mp4")
    film = tmp_path / "screen_180_LR.mp4"
    assert (probe(film).fps, probe(film).frames) == (30, 72)
    notes = [line for line in done.stderr.splitlines() if line.startswith("note: ")]
    assert len(notes) == 2
    assert notes[0].endswith(
        "has no constant rate: 12 pictures in 2.4 s; it is read at 30 a second, which shows each"
    )


@pytest.mark.slow
def test_eyes_on_top_of_one_another(tmp_path):
    for name, colour in (("left", "0xc82828"), ("right", "0x2828c8")):
        ffmpeg("-f", "lavfi", "-i", f"color={colour}:s=64x64:r=10:d=0.2", *X264, tmp_path / f"{name}.mp4")
    made(tmp_path / "left.mp4", tmp_path / "right.mp4", "--eyes", "top_bottom")
    film = tmp_path / "left_180_TB.mp4"
    said = read_spherical(film)
    assert (said.stereo_mode, said.projection) == ("top_bottom", "equirectangular")
    picture = next(read_frames(film))
    assert picture.shape == (128, 64, 3)
    assert picture[32, 32] == pytest.approx((200, 40, 40), abs=6)
    assert picture[96, 32] == pytest.approx((40, 40, 200), abs=6)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("layout", "ending", "shape"),
    [("side_by_side", "LR", (256, 512, 3)), ("top_bottom", "TB", (512, 256, 3))],
)
def test_a_still_of_two_eyes_is_a_picture_for_a_headset(tmp_path, layout, ending, shape):
    eyes = (
        "vr.enabled=true",
        "vr.layouts=[vr180]",
        "vr.vr180_size=256",
        f"vr.vr180_eyes={layout}",
        "vr.ipd=90",
        "vr.vr180_photo=true",
    )
    render_scene(scene(tmp_path, "mode=still", "images=2", *eyes), Reporter(), out=tmp_path / "run")
    folder = tmp_path / "run" / "vr180"
    pictures = [folder / f"{k:06d}_180_{ending}.png" for k in range(2)]
    photos = [folder / f"{k:06d}.vr.jpg" for k in range(2)]
    assert sorted(folder.iterdir()) == sorted([*pictures, *photos])
    assert b'GPano:FullPanoWidthPixels="512"' in photos[0].read_bytes()
    assert cv2.imread(str(photos[0])).shape == (256, 256, 3)
    picture = cv2.imread(str(pictures[0]))
    assert picture.shape == shape
    first, second = np.split(picture, 2, axis=shape.index(512))
    assert not np.array_equal(first, second)
    assert first[128, 128].any()


def test_two_pictures_become_one_for_a_headset(tmp_path):
    for name, colour in (("left", (30, 40, 200)), ("right", (200, 40, 30))):
        (tmp_path / name).mkdir()
        cv2.imwrite(str(tmp_path / name / "000007.png"), np.full((48, 64, 3), colour, np.uint8))
    left, right = (tmp_path / name / "000007.png" for name in ("left", "right"))
    made(left, right)
    picture = cv2.imread(str(tmp_path / "left" / "000007_180_LR.png"))
    assert picture.shape == (64, 128, 3)
    assert picture[32, 32] == pytest.approx((30, 40, 200), abs=1)
    assert picture[32, 96] == pytest.approx((200, 40, 30), abs=1)
    wrong = verb(left, right, "--size", 64, "--out", tmp_path / "out.mp4")
    assert "--out: expected a name ending in .png or .jpg, found 'out.mp4'" in wrong.stderr
    made(left, right, "--out", tmp_path / "seven.vr.jpg")
    photo = (tmp_path / "seven.vr.jpg").read_bytes()
    assert b'GPano:FullPanoWidthPixels="128"' in photo
    shown = cv2.imdecode(np.frombuffer(photo, np.uint8), cv2.IMREAD_COLOR)
    assert np.abs(shown[32, 32].astype(int) - (30, 40, 200)).max() < 8


@pytest.mark.parametrize(("size", "bounded"), [(1920, False), (1922, True)])
def test_wide_films_point_no_farther_than_headsets_follow(tmp_path, size, bounded):
    first = np.zeros((size, 2 * size, 3), np.uint8)
    words = command(stereo_film._encoding(tmp_path / "film.mp4", first, Encoding(12)))
    assert ("mvrange=511" in words[words.index("-x264-params") + 1]) == bounded


def test_a_film_with_bounded_motion_is_made(tmp_path, monkeypatch):
    monkeypatch.setattr(stereo_film, "WIDE", 100)
    pictures = [(np.full((48, 64, 3), 40 * k, np.uint8),) * 2 for k in range(3)]
    write_vr180(tmp_path / "film.mp4", pictures, Encoding(12, preset="ultrafast"), fovs=90, size=64)
    assert probe(tmp_path / "film.mp4").frames == 3
