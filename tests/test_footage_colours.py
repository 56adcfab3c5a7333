"""Footage whose colours ask for more than reading: high dynamic range, and what is transparent."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from animator.video.footage import FootageReader, open_footage
from animator.video.footage_notes import notes_of
from animator.video.hdr import TO_BT709
from tests.test_footage import ffmpeg

PATCHES = [
    (200, 40, 40),
    (40, 180, 60),
    (40, 60, 190),
    (240, 240, 240),
    (128, 128, 128),
    (20, 20, 20),
    (220, 200, 60),
    (180, 90, 160),
]
TAGS = {"pq": "smpte2084", "hlg": "arib-std-b67"}


def coded(light: np.ndarray, curve: str) -> np.ndarray:
    """Return the values of light, n x 3 linear BT.2020, 1 being diffuse white (ITU-R BT.2100, BT.2408)."""
    if curve == "pq":
        power = (light * 203 / 10000) ** 0.1593017578125
        return ((0.8359375 + 18.8515625 * power) / (1 + 18.6875 * power)) ** 78.84375
    screen = light * 0.203
    shown = screen @ [0.2627, 0.6780, 0.0593]
    scene = screen * np.maximum(shown, 1e-9)[:, None] ** (1 / 1.2 - 1)
    return np.where(
        scene <= 1 / 12,
        np.sqrt(3 * scene),
        0.17883277 * np.log(np.maximum(12 * scene - 0.28466892, 1e-9)) + 0.55991073,
    )


def high_range(
    path: Path, light: np.ndarray, curve: str, tagged: str = "", layout: str = "yuv420p10le"
) -> Path:
    """Write a film of patches of light, each 32 pixels wide, in 10 bits, BT.2020."""
    red, green, blue = coded(light, curve).T
    luma = 0.2627 * red + 0.6780 * green + 0.0593 * blue
    planes = (64 + 876 * luma, 512 + 896 * (blue - luma) / 1.8814, 512 + 896 * (red - luma) / 1.4746)
    rows = [np.tile(np.rint(plane).astype("<u2").repeat(32), (32, 1)) for plane in planes]
    raw = path.with_suffix(".yuv")
    raw.write_bytes(b"".join(row.tobytes() for row in [*rows, *rows]))
    taken = (
        "-f",
        "rawvideo",
        "-pix_fmt",
        "yuv444p10le",
        "-s",
        f"{32 * len(light)}x32",
        "-r",
        "10",
        "-i",
        raw,
    )
    tags = tagged or f"color_primaries=bt2020:color_trc={TAGS[curve]}:colorspace=bt2020nc"
    how = ("-c:v", "libx265", "-x265-params", "log-level=none", "-crf", "4", "-tag:v", "hvc1")
    ffmpeg(*taken, "-vf", f"format={layout},setparams=range=tv:{tags}", *how, path)
    return path


def read(path: Path, patches: int) -> np.ndarray:
    """Return the colour of each patch, 0 to 255."""
    with FootageReader(open_footage(path), 32 * patches, 32) as reader:
        frame = reader.frame(1)
    return np.array(
        [frame[:, 10:22, 32 * k + 10 : 32 * k + 22].mean(dim=(1, 2)) * 255 for k in range(patches)]
    )


def light_of(colours: list[tuple[int, int, int]]) -> np.ndarray:
    """Return sRGB colours as linear light of the primaries of BT.2020 (ITU-R BT.2087)."""
    value = np.array(colours) / 255
    linear = np.where(value <= 0.04045, value / 12.92, ((value + 0.055) / 1.055) ** 2.4)
    to_bt2020 = [[0.6274, 0.3293, 0.0433], [0.0691, 0.9195, 0.0114], [0.0164, 0.0880, 0.8956]]
    return linear @ np.array(to_bt2020).T


UNNAMED_MATRIX = "color_primaries=bt2020:color_trc={}:colorspace=unknown"


@pytest.mark.parametrize("curve", TAGS)
@pytest.mark.parametrize(
    ("tagged", "layout"), [("", "yuv420p10le"), ("", "yuv420p"), (UNNAMED_MATRIX, "yuv422p10le")]
)
def test_patches_of_high_dynamic_range(tmp_path: Path, curve: str, tagged: str, layout: str) -> None:
    path = high_range(tmp_path / "hdr.mov", light_of(PATCHES), curve, tagged.format(TAGS[curve]), layout)
    coarse = 20 if (curve, layout) == ("pq", "yuv420p") else 6  # 8 bits of PQ are far apart
    assert np.abs(read(path, len(PATCHES)) - PATCHES).max() <= coarse


@pytest.mark.parametrize("curve", TAGS)
def test_diffuse_white_is_white_and_highlights_roll_off(tmp_path: Path, curve: str) -> None:
    greys = [0, 0.02, 0.5, 1.0, 1.5, 3.0, 4.5]
    light = np.array([[grey] * 3 for grey in greys])
    found = read(high_range(tmp_path / "hdr.mov", light, curve), len(greys))
    assert (np.diff(found[:, 0]) > -0.5).all()
    assert found[0].max() < 1
    assert found[3].min() >= 249
    assert found[3].max() < found[5].min() <= 255.01
    assert np.ptp(found, axis=1).max() < 2


def test_bright_light_keeps_its_hue(tmp_path: Path) -> None:
    """An orange lamp of four times diffuse white is orange, not yellow."""
    lamp = light_of([(255, 128, 40)]) * 4
    (red, green, blue) = read(high_range(tmp_path / "lamp.mov", lamp, "pq"), 1)[0]
    assert (red, green, blue) == pytest.approx((255, 128, 40), abs=7)


def test_ordinary_films_of_ten_bits_stay_as_they_are(tmp_path: Path) -> None:
    tags = "color_primaries=bt2020:color_trc=bt2020-10:colorspace=bt2020nc"
    grey = np.array([[1.0, 1.0, 1.0]])
    found = read(high_range(tmp_path / "sdr.mov", grey, "pq", tags), 1)
    assert found == pytest.approx(coded(grey, "pq") * 255, abs=1.5)


DISC = {
    "folder": None,
    "prores.mov": ("-c:v", "prores_ks", "-profile:v", "4444", "-pix_fmt", "yuva444p10le"),
    "rle.mov": ("-c:v", "qtrle", "-pix_fmt", "argb"),
    "png.mov": ("-c:v", "png", "-pix_fmt", "rgba"),
    "ffv1.mkv": ("-c:v", "ffv1", "-pix_fmt", "yuva420p"),
    "vp8.webm": ("-c:v", "libvpx", "-pix_fmt", "yuva420p", "-auto-alt-ref", "0", "-b:v", "2M"),
    "vp9.webm": ("-c:v", "libvpx-vp9", "-pix_fmt", "yuva420p", "-b:v", "2M"),
    "hevc.mov": (
        *("-vf", "scale=out_color_matrix=bt709:out_range=tv,format=yuva420p,setparams=colorspace=bt709"),
        *("-c:v", "libx265", "-x265-params", "log-level=none:alpha=1:crf=6", "-tag:v", "hvc1"),
    ),
    "moving.apng": ("-f", "apng", "-pix_fmt", "rgba"),
}


@pytest.fixture(scope="module")
def disc(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make pictures of a soft red disc, whose colour is also under all that is transparent."""
    folder = tmp_path_factory.mktemp("disc")
    down, across = np.mgrid[:64, :96]
    picture = np.zeros((64, 96, 4), np.uint8)
    picture[..., :3] = (30, 30, 200)
    picture[..., 3] = np.rint(np.clip(1.5 - np.hypot(across - 48, down - 32) / 16, 0, 1) * 255)
    for number in range(3):
        cv2.imwrite(str(folder / f"{number}.png"), picture)
    return folder


@pytest.mark.slow
@pytest.mark.parametrize("name", DISC)
def test_what_is_transparent_lies_over_the_background(tmp_path: Path, disc: Path, name: str) -> None:
    path, encoding = disc, DISC[name]
    if encoding is not None:
        path = tmp_path / name
        ffmpeg("-framerate", "10", "-i", disc / "%d.png", *encoding, path)
    for ground, corner, edge in (
        ((0.0, 0.0, 0.0), (0, 0, 0), (100, 15, 15)),
        ((1.0, 1.0, 1.0), (255, 255, 255), (227, 142, 142)),
        ((0.0, 0.0, 1.0), (0, 0, 255), (100, 15, 142)),
    ):
        with FootageReader(open_footage(path), 96, 64, ground=ground) as reader:
            frame = reader.frame(1) * 255
        assert frame[:, 2, 2].tolist() == pytest.approx(corner, abs=2)
        assert frame[:, 32, 64].tolist() == pytest.approx(edge, abs=6)
        assert frame[:, 32, 48].tolist() == pytest.approx((200, 30, 30), abs=4)
    for fit in ("cover", "contain", "stretch"):  # no hidden red comes in where pictures are scaled
        with FootageReader(open_footage(path), 61, 47, fit) as reader:
            assert reader.frame(0)[:, 6, 4].max() * 255 < 3


@pytest.mark.parametrize(
    ("primaries", "matrix", "layout"),
    [
        ("bt2020", "bt2020nc", "yuv420p10le"),
        ("bt2020", "bt709", "yuv420p"),
        ("smpte432", "bt709", "yuv420p10le"),
        ("smpte432", "bt709", "yuv420p"),
    ],
)
def test_wide_colours_of_ordinary_range_become_those_of_a_screen(
    tmp_path: Path, primaries: str, matrix: str, layout: str
) -> None:
    colours = np.array(PATCHES) / 255
    light = np.where(colours <= 0.04045, colours / 12.92, ((colours + 0.055) / 1.055) ** 2.4)
    wide = light @ np.linalg.inv(np.array(TO_BT709[primaries])).T
    value = np.where(wide <= 0.0031308, wide * 12.92, 1.055 * np.maximum(wide, 1e-6) ** (1 / 2.4) - 0.055)
    picture = np.rint(np.tile(value.repeat(32, axis=0), (32, 1, 1)) * 65535).astype(np.uint16)
    cv2.imwrite(str(tmp_path / "a.png"), picture[..., ::-1])
    tags = f"setparams=range=tv:color_primaries={primaries}:color_trc=bt709:colorspace={matrix}"
    to = f"scale=out_color_matrix={'bt2020' if 'bt2020' in matrix else 'bt709'}:out_range=tv,format={layout}"
    how = ("-c:v", "libx265", "-x265-params", "log-level=none", "-crf", "4", "-tag:v", "hvc1")
    film = tmp_path / "a.mp4"
    ffmpeg("-loop", "1", "-t", "0.4", "-r", "10", "-i", tmp_path / "a.png", "-vf", f"{to},{tags}", *how, film)
    assert np.abs(read(film, len(PATCHES)) - PATCHES).max() <= 6
    assert any("wide colours" in note for note in notes_of(open_footage(film)))
