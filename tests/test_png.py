"""Texts in PNG files, hostile ones too, and pictures that are rendered again from the scene they carry."""

from __future__ import annotations

import contextlib
import io
import struct
import zlib

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, PngImagePlugin

from animator.errors import RunError, SceneError
from animator.runs.png import encode_png, read_text
from animator.scene.carried import carried_text
from animator.scene.picture_text import MAX_TEXT, SIGNATURE
from animator.scene.reading import read_scene
from animator.scene.resolved import resolved_text

PIXELS = np.random.default_rng(0).integers(0, 256, (6, 10, 3), dtype=np.uint8)
HEAD = SIGNATURE + encode_png(PIXELS, {})[8:33]
LINES = st.text(st.characters(exclude_categories=("Cs",), exclude_characters="\0"), max_size=200)


def chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png(*chunks: bytes) -> bytes:
    return HEAD + b"".join(chunks) + chunk(b"IEND", b"")


@pytest.mark.slow
@given(st.dictionaries(st.sampled_from(["scene", "animator.scene", "prompt", "é"]), LINES))
def test_what_was_written_is_read(texts):
    assert read_text(encode_png(PIXELS, texts)) == texts


def test_the_texts_of_another_program_are_read():
    info = PngImagePlugin.PngInfo()
    info.add_text("plain", "a line\nand another")
    info.add_text("packed", "x" * 5000, zip=True)
    info.add_itxt("wide", "灯台 🌊", lang="ja", tkey="灯")
    info.add_itxt("wide packed", "маяк " * 500, zip=True)
    stream = io.BytesIO()
    Image.fromarray(PIXELS).save(stream, "PNG", pnginfo=info)
    assert read_text(stream.getvalue()) == {
        "plain": "a line\nand another",
        "packed": "x" * 5000,
        "wide": "灯台 🌊",
        "wide packed": "маяк " * 500,
    }


def test_of_two_texts_with_one_keyword_the_first_counts():
    assert read_text(png(chunk(b"tEXt", b"a\0one"), chunk(b"tEXt", b"a\0two"))) == {"a": "one"}


BOMB = zlib.compress(b"a" * (MAX_TEXT + 1))
HALF = zlib.compress(b"a" * (MAX_TEXT // 2 + 1))


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"", "not a PNG"),
        (b"GIF89a", "not a PNG"),
        (SIGNATURE, "an incomplete PNG"),
        (png()[:-3], "an incomplete PNG"),
        (HEAD + struct.pack(">I", 2**32 - 1) + b"tEXt", "an incomplete PNG"),
        (HEAD + struct.pack(">I", 2**31) + b"tEXt" + b"a" * 100, "goes on beyond the end"),
        (png(chunk(b"tEXt", b"a\0one")[:-1] + b"!"), "a checksum is wrong"),
        (png(chunk(b"zTXt", b"a\0\0" + BOMB)), "texts of more than 20 MiB"),
        (png(chunk(b"iTXt", b"a\0\1\0\0\0" + BOMB)), "texts of more than 20 MiB"),
        (png(chunk(b"zTXt", b"a\0\0" + HALF), chunk(b"zTXt", b"b\0\0" + HALF)), "texts of more than 20 MiB"),
        (png(chunk(b"tEXt", b"a\0" + b"a" * (MAX_TEXT + 1))), "texts of more than 20 MiB"),
        (png(chunk(b"zTXt", b"a\0\0" + BOMB[:-9])), "texts of more than|cut off"),
        (png(chunk(b"zTXt", b"a\0\0" + zlib.compress(b"abc")[:-5])), "a compressed text is cut off"),
        (png(chunk(b"zTXt", b"a\0\0no zlib")), "cannot be inflated"),
        (png(chunk(b"zTXt", b"a\0\7" + zlib.compress(b"x"))), "compressed in a way"),
        (png(chunk(b"zTXt", b"a")), "compressed in a way"),
        (png(chunk(b"iTXt", b"a\0\1\7\0\0" + zlib.compress(b"x"))), "compressed in a way"),
        (png(chunk(b"iTXt", b"a\0\0\0")), "without its parts"),
        (png(chunk(b"iTXt", b"a\0\0\0\0\0\xff")), "not UTF-8"),
    ],
)
def test_a_hostile_file_is_refused(data, said):
    with pytest.raises(RunError, match=said):
        read_text(data)


@given(st.binary(max_size=200), st.integers(0, 10**6))
def test_noise_never_does_worse_than_an_error(noise, place):
    whole = png(chunk(b"zTXt", b"a\0\0" + zlib.compress(b"scene")), chunk(b"iTXt", b"a\0\0\0\0\0b"))
    at = place % len(whole)
    for data in (SIGNATURE + noise, whole[:at] + noise + whole[at + len(noise) :]):
        with contextlib.suppress(RunError):
            assert all(isinstance(text, str) for text in read_text(data).values())


@pytest.mark.slow
def test_a_bomb_takes_no_memory():
    import tracemalloc

    data = png(chunk(b"zTXt", b"a\0\0" + zlib.compress(bytes(200 << 20), 9)))
    tracemalloc.start()
    with pytest.raises(RunError, match="texts of more than"):
        read_text(data)
    assert tracemalloc.get_traced_memory()[1] < 48 << 20
    tracemalloc.stop()


STILLS = "prompts: a sea with ships\nmode: still\nimages: 4\nseed: 5\nsize: [64, 64]\n"


@pytest.fixture
def picture(tmp_path):
    """Return a function that writes a PNG with the scene of a text in it."""

    def of(text=STILLS, name="stills.png", **texts):
        scene = tmp_path / "some scene.yaml"
        scene.write_text(text)
        texts = {"animator.scene": resolved_text(read_scene(scene).scene), **texts}
        path = tmp_path / name
        path.write_bytes(encode_png(PIXELS, texts))
        return path

    return of


def test_a_picture_is_read_as_its_scene_and_asks_for_itself(picture, tmp_path):
    path = picture(scene="lighthouse", frame="2", seed="7", prompt="a sea")
    loaded = read_scene(path)
    assert loaded.scene == read_scene(tmp_path / "some scene.yaml").scene
    assert (loaded.only, loaded.name, loaded.source) == ((2,), "lighthouse", path)
    over = read_scene(path, ["guidance.tv_scale=4"])
    assert (over.scene.guidance.tv_scale, over.only) == (4, (2,))
    assert read_scene(picture(frame="2", name="OTHER.PNG")).name == "OTHER"


@pytest.mark.parametrize("frame", ["4", "-1", "two", "", "1" * 400, "٣"])
def test_a_number_that_no_picture_has_asks_for_all(picture, frame):
    assert read_scene(picture(frame=frame)).only == ()


def test_a_frame_of_a_film_asks_for_the_film(picture):
    assert read_scene(picture("prompts: x\nmode: 2d\nframes: 9\nseed: 4", frame="3")).only == ()


def test_a_scene_file_asks_for_everything(tmp_path):
    (tmp_path / "a b.yaml").write_text(STILLS)
    loaded = read_scene(tmp_path / "a b.yaml")
    assert (loaded.only, loaded.name) == ((), "a b")


def test_a_name_from_a_picture_is_one_printable_line(picture):
    assert read_scene(picture(scene="a\n\x1b[2Jb" + "c" * 200)).name == "a  [2Jb" + "c" * 50 + "..."


def test_a_picture_without_a_scene_is_told(tmp_path):
    path = tmp_path / "a.png"
    path.write_bytes(encode_png(PIXELS, {"scene": "x"}))
    with pytest.raises(SceneError, match=r"a\.png: carries no scene: .*; name the scene file"):
        read_scene(path)
    path.write_bytes(b"no picture")
    with pytest.raises(SceneError, match=r"a\.png: not a PNG; name a picture that this program made"):
        read_scene(path)
    with pytest.raises(SceneError, match=r"b\.png: cannot be read: No such file"):
        read_scene(tmp_path / "b.png")


def test_what_a_picture_carries_is_checked_like_any_scene(picture, tmp_path):
    path = picture(**{"animator.scene": "prompts: x\nfps: 0\nextends: /etc/passwd\n"})
    with pytest.raises(SceneError) as caught:
        read_scene(path)
    assert [one.key for one in caught.value.problems] == ["fps", "extends"]
    with pytest.raises(SceneError, match="a scene is a mapping"):
        read_scene(picture(**{"animator.scene": "- 1"}))
    with pytest.raises(SceneError, match="the character U\\+001B is not allowed"):
        carried_text(picture(**{"animator.scene": "prompts: \x1b[2J"}))


@pytest.mark.slow
def test_what_a_picture_carries_is_shown(picture, tmp_path):
    path = picture(scene="lighthouse", frame="2", seed="7", prompt="a\nsea \x1b[2J| ships:2")
    shown = carried_text(path)
    assert shown == resolved_text(read_scene(path).scene)
    everything = carried_text(path, everything=True)
    assert everything == "# scene: lighthouse\n# frame: 2\n# seed: 7\n# prompt: a sea  [2J| ships:2\n" + shown
    again = tmp_path / "again.yaml"
    again.write_text(everything, encoding="utf-8")
    assert read_scene(again).scene == read_scene(path).scene
