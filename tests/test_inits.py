"""Pictures from files, and what a picture starts from."""

from __future__ import annotations

import io
import struct
import warnings
import zlib
from dataclasses import replace

import cv2
import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from animator.diffusion.perlin import perlin_picture
from animator.errors import UsageError
from animator.film.inits import InitSettings, first_picture
from animator.system import picture_files, rng
from animator.system.images import read_picture, read_whole

RED, BLUE = (255, 0, 0), (0, 0, 255)


@pytest.fixture
def write(tmp_path):
    def write(rgb, name="picture.png", **how):
        path = tmp_path / name
        Image.fromarray(np.asarray(rgb, np.uint8)).save(path, **how)
        return path

    return write


def halves(width: int, height: int, upright: bool) -> np.ndarray:
    """Red, and blue in the right or lower half."""
    pixels = np.empty((height, width, 3), np.uint8)
    pixels[:] = RED
    pixels[(slice(height // 2, None),) if upright else (slice(None), slice(width // 2, None))] = BLUE
    return pixels


def colour(frame: torch.Tensor, x: int, y: int) -> list[int]:
    return (frame[:, y, x] * 255).round().int().tolist()


def test_stretch_shows_all_of_it(write):
    frame = read_picture(write(halves(40, 10, False)), 16, 16)
    assert frame.shape == (3, 16, 16)
    assert [colour(frame, x, 8) for x in (0, 4, 11, 15)] == [list(RED)] * 2 + [list(BLUE)] * 2


def test_cover_cuts_off_both_sides_alike(write):
    pixels = halves(40, 10, False)
    pixels[:, :13] = pixels[:, 27:] = 255
    frame = read_picture(write(pixels), 16, 16, "cover")
    assert [colour(frame, x, 8) for x in (0, 5, 10, 15)] == [list(RED)] * 2 + [list(BLUE)] * 2
    upright = read_picture(write(pixels.swapaxes(0, 1)), 16, 16, "cover")
    torch.testing.assert_close(upright, frame.swapaxes(1, 2))


def test_contain_lies_in_the_middle_of_its_mean_colour(write):
    frame = read_picture(write(halves(40, 10, False)), 16, 16, "contain")
    inside = frame[:, 6:10]
    assert [colour(inside, x, 1) for x in (0, 4, 11, 15)] == [list(RED)] * 2 + [list(BLUE)] * 2
    outside = torch.cat([frame[:, :6], frame[:, 10:]], dim=1)
    torch.testing.assert_close(outside, torch.tensor([0.5, 0, 0.5])[:, None, None].expand_as(outside))


@pytest.mark.slow
@given(
    st.integers(1, 40),
    st.integers(1, 40),
    st.integers(1, 40),
    st.integers(1, 40),
    st.sampled_from(["stretch", "cover", "contain"]),
)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
def test_any_picture_fills_any_frame(write, width, height, to_width, to_height, fit):
    frame = read_picture(write(np.full((height, width, 3), 128)), to_width, to_height, fit)
    torch.testing.assert_close(frame, torch.full((3, to_height, to_width), 128 / 255), atol=1e-5, rtol=0)


@pytest.mark.parametrize("fit", ["stretch", "cover", "contain"])
@pytest.mark.parametrize("shape", [(5000, 1, 3), (1, 5000, 3), (1, 1, 3)])
def test_thin_pictures(write, shape, fit):
    path = write(np.full(shape, 51))
    assert read_picture(path, 96, 64, fit).mean().item() == pytest.approx(0.2)
    longer = min(max(shape), 1024)
    assert max(read_whole(path).shape) == max(longer, 3)


def test_whole_keeps_its_shape_and_only_shrinks(write):
    assert read_whole(write(halves(60, 20, False)), 30).shape == (3, 10, 30)
    pixels = np.random.default_rng(0).integers(0, 256, (7, 11, 3))
    torch.testing.assert_close(
        read_whole(write(pixels), 30), torch.from_numpy(pixels / 255).permute(2, 0, 1).float()
    )


def test_what_shrinks_is_averaged_also_where_the_other_side_grows(write):
    pixels = np.random.default_rng(0).integers(0, 256, (64, 2, 3))
    frame = read_picture(write(pixels), 8, 8)
    means = torch.from_numpy(pixels / 255).float().unflatten(0, (8, 8)).mean(dim=(1, 2)).T
    torch.testing.assert_close(frame.mean(dim=2), means, atol=0.02, rtol=0)


@pytest.mark.parametrize("name", ["a.png", "a.webp"])
def test_transparent_is_white(write, name):
    pixels = np.zeros((2, 2, 4))
    pixels[0, 0] = (0, 0, 0, 255)
    pixels[0, 1] = (255, 0, 0, 51)
    frame = read_whole(write(pixels, name, lossless=True))
    assert [colour(frame, x, y) for x, y in ((0, 0), (1, 0), (0, 1))] == [
        [0, 0, 0],
        [255, 204, 204],
        [255, 255, 255],
    ]


def test_16_bits_stay_16_bits_and_grey_is_colour(tmp_path):
    path = tmp_path / "deep.png"
    cv2.imwrite(str(path), np.full((2, 2), 257 * 100 + 100, np.uint16))
    frame = read_whole(path)
    assert frame.shape == (3, 2, 2)
    assert frame.unique().item() == pytest.approx(25800 / 65535)


def test_floats_that_are_no_numbers_are_black(tmp_path):
    path = tmp_path / "float.tiff"
    cv2.imwrite(str(path), np.array([[[np.nan, 0.25, 2.0]]], np.float32))  # blue, green, red
    assert read_whole(path).flatten().tolist() == [1, 0.25, 0]


def test_nothing_is_printed_of_a_large_picture(write, monkeypatch):
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 300)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert read_whole(write(np.zeros((20, 20, 3)))).shape == (3, 20, 20)


@pytest.mark.parametrize("name", ["a.jpg", "a.png"])
def test_turned_as_its_exif_says(write, name):
    exif = Image.Exif()
    exif[0x112] = 6  # the camera was turned: the left side is the top
    opaque = np.dstack([halves(32, 16, False), np.full((16, 32), 255)])
    frame = read_whole(write(opaque if name == "a.png" else opaque[..., :3], name, exif=exif))
    assert frame.shape == (3, 32, 16)
    assert frame[0, 4, 8] > 0.9 > 0.1 > frame[0, 28, 8]


def png_header(width: int, height: int) -> bytes:
    """A PNG that claims a size and has next to nothing in it."""
    chunks = (
        (b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)),
        (b"IDAT", zlib.compress(bytes(100))),
        (b"IEND", b""),
    )
    parts = [
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        for kind, data in chunks
    ]
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


def saved(kind: str) -> bytes:
    buffer = io.BytesIO()
    noise = np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8)
    Image.fromarray(noise).save(buffer, kind)
    return buffer.getvalue()


@pytest.mark.parametrize(
    ("data", "fault"),
    [
        (b"", "not a picture"),
        (b"hello", "not a picture"),
        (saved("PNG")[:3000], "damaged"),
        (saved("JPEG")[:2000], "damaged"),
        (saved("WEBP")[:2000], "not a picture|damaged"),
        (saved("PNG")[:20], "damaged|not a picture"),
        (png_header(12000, 12000), "12000 x 12000 pixels are more than 100 million; scale"),
        (png_header(100000, 100000), "more than 100 million pixels; scale"),
    ],
)
@pytest.mark.parametrize("read", [read_whole, lambda path: read_picture(path, 8, 8)])
def test_what_is_no_picture_is_said_in_a_line(tmp_path, data, fault, read):
    path = tmp_path / "broken"
    path.write_bytes(data)
    with pytest.raises(UsageError, match=rf"broken: .*({fault})") as caught:
        read(path)
    assert "\n" not in str(caught.value)


def test_a_missing_picture(tmp_path):
    with pytest.raises(UsageError, match=r"absent\.png: No such file"):
        read_whole(tmp_path / "absent.png")


def test_size_is_known_before_decoding(write, monkeypatch):
    path = write(np.zeros((20, 20, 3)))
    monkeypatch.setattr(picture_files, "MAX_PIXELS", 399)
    monkeypatch.setattr(cv2, "imdecode", None)
    with pytest.raises(UsageError, match="20 x 20"):
        read_whole(path)


GREY = InitSettings(picture=torch.full((3, 64, 64), 0.5))


def test_nothing_to_start_from():
    assert first_picture(InitSettings(noise=1.0, color_noise=1.0), 8, 8, 1, 0) is None


def test_a_picture_stays_and_goes_before_clouds():
    assert first_picture(replace(GREY, perlin="color"), 64, 64, 1, 0) is GREY.picture


@pytest.mark.slow
def test_clouds_are_those_of_seed_and_frame():
    clouds = InitSettings(perlin="gray")
    found = first_picture(clouds, 24, 16, 3, 5)
    assert found is not None
    assert torch.equal(found, perlin_picture(24, 16, "gray", rng.generator(3, 5, "perlin")))
    noisy = first_picture(replace(clouds, noise=0.1), 24, 16, 3, 5)
    assert 0.05 < (noisy - found).std() < 0.12


def test_noise_has_its_strength_and_is_clamped():
    grey = first_picture(replace(GREY, noise=0.1), 64, 64, 1, 0)
    assert torch.equal(grey[0], grey[2])
    assert (grey - 0.5).std().item() == pytest.approx(0.1, rel=0.05)
    coloured = first_picture(replace(GREY, color_noise=0.1), 64, 64, 1, 0)
    assert (coloured[0] - coloured[2]).std().item() == pytest.approx(0.1 * 2**0.5, rel=0.05)
    assert coloured.std().item() == pytest.approx(0.1, rel=0.05)
    loud = first_picture(replace(GREY, noise=2.0), 64, 64, 1, 0)
    assert (loud.min(), loud.max()) == (0, 1)


def test_one_noise_does_not_change_the_other():
    both = first_picture(replace(GREY, noise=0.02, color_noise=0.03), 64, 64, 1, 0)
    grey, coloured = (
        first_picture(replace(GREY, **{n: s}), 64, 64, 1, 0)
        for n, s in (("noise", 0.02), ("color_noise", 0.03))
    )
    torch.testing.assert_close(both, grey + coloured - 0.5)


@pytest.mark.parametrize(("seed", "frame"), [(1, 1), (2, 0)])
def test_each_seed_and_frame_has_its_own_noise(seed, frame):
    noisy = replace(GREY, noise=0.1)
    first = first_picture(noisy, 64, 64, 1, 0)
    assert torch.equal(first, first_picture(noisy, 64, 64, 1, 0))
    assert not torch.equal(first, first_picture(noisy, 64, 64, seed, frame))


@pytest.mark.parametrize("extra", [None, 1, 2])
@pytest.mark.parametrize("depth", [np.uint8, np.uint16])
def test_transparent_parts_of_a_tiff_lie_over_the_background(tmp_path, extra, depth):
    """Alpha may be multiplied in (1), or not (2), or not be named, as OpenCV writes it."""
    white = np.iinfo(depth).max
    pixels = np.zeros((8, 12, 4), np.float64)
    pixels[..., :3], pixels[:, 4:8, 3], pixels[:, 8:, 3] = (0.8, 0.2, 0.1), 0.5, 1
    if extra == 1:
        pixels[..., :3] *= pixels[..., 3:]
    path, stored = tmp_path / "glass.tif", np.rint(pixels * white).astype(depth)
    write_tiff(path, stored, extra)
    frame = read_picture(path, 12, 8, "stretch", (0.0, 0.0, 1.0))
    for column, expected in ((1, (0, 0, 1)), (5, (0.4, 0.1, 0.55)), (10, (0.8, 0.2, 0.1))):
        assert frame[:, 4, column].tolist() == pytest.approx(expected, abs=0.01)


def write_tiff(path, pixels, extra):
    """Write an uncompressed TIFF, H x W x 4, by the letter of TIFF 6.0, naming its fourth channel or not."""
    height, width, channels = pixels.shape
    bits, data = pixels.dtype.itemsize * 8, pixels.astype(pixels.dtype.newbyteorder("<")).tobytes()
    tags = [
        (256, 3, 1, width),
        (257, 3, 1, height),
        (258, 3, 4, 0),
        (259, 3, 1, 1),
        (262, 3, 1, 2),
        (273, 4, 1, 0),
    ]
    tags += [(277, 3, 1, channels), (278, 3, 1, height), (279, 4, 1, len(data)), (284, 3, 1, 1)]
    tags += [(338, 3, 1, extra)] if extra is not None else []
    after = 8 + 2 + 12 * len(tags) + 4
    values = {258: after, 273: after + 8}
    entries = [
        struct.pack("<HHII", tag, kind, count, values.get(tag, value)) for tag, kind, count, value in tags
    ]
    head = struct.pack("<2sHI", b"II", 42, 8) + struct.pack("<H", len(tags)) + b"".join(entries) + bytes(4)
    path.write_bytes(head + struct.pack("<4H", *[bits] * 4) + data)
