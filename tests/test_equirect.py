"""The hemisphere of a headset from a flat picture: angles, edges, and ffmpeg's own projection beside it."""

from __future__ import annotations

import math
import subprocess

import cv2
import numpy as np
import pytest
import torch

from animator.video.ffmpeg import executable
from animator.warp.equirect import FADE, half_equirect, half_equirect_grid

HEIGHT, WIDTH = 96, 128
EDGES = ("fade", "stretch", "mirror")


def smooth(seed=3, height=HEIGHT, width=WIDTH):
    """A picture without fine detail, 3 x H x W, that two ways of interpolating agree on."""
    rough = np.random.default_rng(seed).random((9, 12, 3), dtype=np.float32)
    image = cv2.resize(rough, (width, height), interpolation=cv2.INTER_CUBIC).clip(0, 1)
    return torch.from_numpy(image).permute(2, 0, 1).contiguous()


def angles(size):
    """Longitude and latitude, degrees, of the pixels' centres, written down plainly."""
    steps = [(i + 0.5) * 180 / size - 90 for i in range(size)]
    return np.array(steps), -np.array(steps)


def half_width(fov, height=HEIGHT, width=WIDTH):
    return math.degrees(math.atan(width / height * math.tan(math.radians(fov / 2))))


@pytest.mark.parametrize("edge", EDGES)
def test_what_lies_straight_ahead_is_in_the_middle(edge):
    frame = torch.zeros(3, 65, 97)
    frame[:, 32, 48] = 1
    seen = half_equirect(frame, 129, 70, edge=edge)
    middle = seen[0] == seen[0].max()
    assert middle.nonzero().tolist() == [[64, 64]]


@pytest.mark.parametrize("column", [20, 90])
def test_an_upright_line_is_a_meridian(column):
    frame = torch.zeros(3, HEIGHT, WIDTH)
    frame[:, :, column] = 1
    size, fov = 720, 80
    seen = half_equirect(frame, size, fov, edge="stretch")[0].numpy()
    longitude, _ = angles(size)
    x = ((column + 0.5) / WIDTH * 2 - 1) * WIDTH / HEIGHT * math.tan(math.radians(fov / 2))
    for row in (size // 3, size // 2, size * 5 // 9):
        assert (seen[row] * longitude).sum() / seen[row].sum() == pytest.approx(
            math.degrees(math.atan(x)), abs=0.05
        )


@pytest.mark.parametrize("row", [20, 80])
def test_a_level_line_bends_as_the_formula_says(row):
    frame = torch.zeros(3, HEIGHT, WIDTH)
    frame[:, row] = 1
    size, fov = 720, 80
    seen = half_equirect(frame, size, fov)[0].numpy()
    longitude, latitude = angles(size)
    y = ((row + 0.5) / HEIGHT * 2 - 1) * math.tan(math.radians(fov / 2))
    for column in (size // 2, size // 2 + 90, size // 2 - 150):
        expected = -math.degrees(math.atan(y * math.cos(math.radians(longitude[column]))))
        light = seen[:, column]
        assert (light * latitude).sum() / light.sum() == pytest.approx(expected, abs=0.05)


@pytest.mark.parametrize("fov", [30, 60, 120])
def test_the_picture_fills_exactly_its_angle_and_fades_beyond(fov):
    size = 360
    seen = half_equirect(torch.ones(3, HEIGHT, WIDTH), size, fov)[0].numpy()
    longitude, latitude = angles(size)
    meridian, equator = seen[:, size // 2], seen[size // 2]
    assert np.array_equal(meridian > 0.9999, abs(latitude) < fov / 2)
    assert np.array_equal(meridian > 0, abs(latitude) < fov / 2 + FADE)
    assert np.array_equal(equator > 0.9999, abs(longitude) < half_width(fov))
    beyond = meridian[: size // 2]
    assert (np.diff(beyond) > -1e-5).all()
    assert np.diff(beyond).max() < 0.17


@pytest.mark.parametrize("edge", EDGES)
def test_there_and_back_is_the_same_picture(edge):
    frame = smooth()
    size, fov = 512, 75
    sphere = half_equirect(frame, size, fov, edge=edge).permute(1, 2, 0).numpy()
    focal = HEIGHT / 2 / math.tan(math.radians(fov / 2))
    x, y = np.meshgrid(np.arange(WIDTH) + 0.5 - WIDTH / 2, np.arange(HEIGHT) + 0.5 - HEIGHT / 2)
    longitude = np.arctan2(x, focal)
    latitude = np.arctan2(-y, np.hypot(x, focal))
    places = [(longitude / np.pi + 0.5) * size - 0.5, (0.5 - latitude / np.pi) * size - 0.5]
    back = cv2.remap(sphere, *(one.astype(np.float32) for one in places), cv2.INTER_CUBIC)
    inside = (slice(2, -2), slice(2, -2))
    assert np.abs(back - frame.permute(1, 2, 0).numpy())[inside].max() < 0.01


def test_another_program_projects_alike():
    # Large and smooth, as the two have different cubic kernels.
    frame, fov, size = smooth(height=768, width=1024), 80, 240
    pixels = (frame * 255).round().byte().permute(1, 2, 0).contiguous().numpy()
    view = f"v360=flat:hequirect:iv_fov={fov}:ih_fov={2 * half_width(fov)}:w={size}:h={size}:interp=cubic"
    raw = ["-f", "rawvideo", "-pix_fmt"]
    command = [executable(), "-v", "error", *raw, "rgb24", "-s", "1024x768", "-i", "-"]
    command += ["-vf", f"format=gbrp,{view},format=rgb24", *raw, "rgb24", "-"]
    out = subprocess.run(command, input=pixels.tobytes(), capture_output=True, check=True).stdout
    theirs = np.frombuffer(out, np.uint8).reshape(size, size, 3)
    ours = half_equirect(torch.from_numpy(pixels).permute(2, 0, 1) / 255, size, fov).permute(1, 2, 0)
    longitude, latitude = (np.radians(one) for one in angles(size))
    inside = abs(longitude) < np.radians(half_width(fov) - 2)
    tall = np.tan(latitude)[:, None] / np.cos(longitude)
    inside = inside & (abs(tall) < math.tan(np.radians(fov / 2 - 2)))
    assert inside.mean() > 0.15
    assert np.abs(ours.numpy() * 255 - theirs)[inside].max() < 4


def test_a_mirror_folds_again_and_again():
    fov, size = 36, 360
    seen = half_equirect(smooth(), size, fov, edge="mirror")
    # At longitude 0 the upper edge lies 36 rows above the middle, so the picture repeats after 4 * 36 rows.
    meridian = seen[:, :, size // 2]
    above, below = meridian[:, :144].flip(-1), meridian[:, 144:288]
    assert (above - below).abs().max() < 1e-3
    assert (meridian[:, :144] - meridian[:, 144:288]).abs().max() < 1e-3
    assert (above[:, :36] - below[:, :36].flip(-1)).abs().max() > 0.1
    longitude, _ = angles(size)
    side = half_width(fov)
    row = seen[0, size // 2].numpy()
    reflected = np.interp(2 * side - longitude, longitude, row)
    beyond = (longitude > side) & (longitude < 3 * side)
    assert np.abs(reflected - row)[beyond].max() < 0.02
    assert seen.isfinite().all()


def test_a_stretched_edge_goes_on_unchanged():
    frame, size, fov = smooth(), 180, 60
    seen = half_equirect(frame, size, fov, edge="stretch")
    top, side = (90 - fov // 2), round(90 - half_width(fov))
    assert torch.equal(seen[:, : top - 1, 90], seen[:, :1, 90].expand(3, top - 1))
    assert torch.equal(seen[:, 90, : side - 1], seen[:, 90, :1].expand(3, side - 1))
    assert (seen[:, 0, 90] - frame[:, 0, 64]).abs().max() < 0.05
    assert (seen[:, 90, 0] - frame[:, 48, 0]).abs().max() < 0.05


def test_fine_detail_becomes_grey_and_no_pattern():
    rows, columns = np.mgrid[:512, :512]
    frame = torch.from_numpy(((rows + columns) % 2).astype(np.float32)).expand(3, 512, 512)
    seen = half_equirect(frame, 64, 60, edge="stretch")[0, 24:40, 24:40]
    assert (seen - 0.5).abs().max() < 0.12


def test_a_film_projects_all_frames_by_one_grid():
    grid = half_equirect_grid(HEIGHT, WIDTH, 128, 75, edge="mirror")
    for seed in (1, 2):
        frame = smooth(seed)
        assert torch.equal(grid(frame), half_equirect(frame, 128, 75, edge="mirror"))
    with pytest.raises(ValueError, match=r"a picture of \(10, 12\); this projection takes \(96, 128\)"):
        grid(torch.zeros(3, 10, 12))


@pytest.mark.parametrize("size", [64, 65])
@pytest.mark.parametrize("fov", [1, 10, 179])
@pytest.mark.parametrize("edge", EDGES)
def test_extreme_angles_stay_pictures(edge, fov, size):
    seen = half_equirect(smooth(), size, fov, edge=edge)
    assert seen.shape == (3, size, size)
    assert seen.isfinite().all()
    assert 0 <= seen.min() < seen.max() <= 1


@pytest.mark.parametrize(
    ("size", "fov", "edge", "said"),
    [
        (64, 180, "fade", "fov is 180"),
        (64, 0, "fade", "fov is 0"),
        (1, 90, "fade", "size is 1"),
        (64, 90, "black", "edge is 'black'"),
    ],
)
def test_what_cannot_be_is_said(size, fov, edge, said):
    with pytest.raises(ValueError, match=said):
        half_equirect(smooth(), size, fov, edge=edge)
