"""What would fail at the end of a render, or in the middle, is found before it begins."""

from __future__ import annotations

import re
import struct
import zlib
from pathlib import Path

import pytest
from PIL import Image

from animator.errors import FilmError, PaintError, SceneError, UsageError
from animator.run.render import render_scene
from animator.run.reporter import Reporter
from animator.scene.reading import read_scene
from animator.video.ffmpeg import executable, run

BASE = "models: fake\nmode: 2d\nsize: [64, 64]\nframes: 6\nseed: 1\nprompts: a sea\n"


def huge_png() -> bytes:
    """Return a picture that claims to be of 40,000 x 40,000 pixels, and holds a few of them."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    head = struct.pack(">IIBBBBB", 40000, 40000, 8, 2, 0, 0, 0)
    parts = chunk(b"IHDR", head), chunk(b"IDAT", zlib.compress(bytes(1000))), chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder of files that are not what their names say, and of a second of sound."""
    folder = tmp_path_factory.mktemp("desk")
    Image.new("RGB", (64, 64), "red").save(folder / "pic.png")
    (folder / "pic.mp3").write_bytes((folder / "pic.png").read_bytes())
    (folder / "torn.png").write_bytes((folder / "pic.png").read_bytes()[:-30])
    (folder / "huge.png").write_bytes(huge_png())
    Image.new("RGB", (64, 64), "red").save(folder / "pic.tiff", compression="tiff_lzw")
    (folder / "torn.tiff").write_bytes((folder / "pic.tiff").read_bytes()[:-60])
    (folder / "text.png").write_text("not a picture")
    (folder / "text.mp3").write_text("not a sound")
    (folder / "list.m3u8").write_text("#EXTM3U\nother.mp3\n")
    (folder / "empty.wav").touch()
    for name, seconds in (("silent.wav", "0"), ("tone.wav", "1")):
        source = ["-f", "lavfi", "-i", "sine", "-t", seconds, folder / name]
        run([executable(), "-loglevel", "error", *map(str, source)], name)
    (folder / "many").mkdir()
    for number in range(4):
        Image.new("RGB", (64, 64), "blue").save(folder / "many" / f"{number}.png")
    return folder


def fault_of(desk: Path, text: str) -> str:
    (desk / "scene.yaml").write_text(BASE + text)
    with pytest.raises(SceneError) as caught:
        read_scene(desk / "scene.yaml")
    (problem,) = caught.value.problems
    assert problem.line == 7
    return f"{problem.key}: {problem.message}"


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("output: {audio: text.mp3}", r"output\.audio: .*text\.mp3: cannot be read as sound; name a"),
        ("output: {audio: list.m3u8}", r"output\.audio: .*list\.m3u8: cannot be read as sound"),
        ("output: {audio: empty.wav}", r"output\.audio: .*empty\.wav: cannot be read as sound"),
        ("output: {audio: silent.wav}", r"output\.audio: its sound \(pcm_s16le\) cannot be decoded; name"),
        ("output: {audio: pic.mp3}", r"output\.audio: has no sound; name a sound or a film with one"),
        ("output: {audio: .}", r"output\.audio: is a folder, not a file: "),
        ("output: {audio: tone.wav, audio_start: 1.5}", r"output\.audio_start: is 1\.5 s, and the sound of"),
        ("output: {audio: tone.wav, audio_start: 1e300}", r"output\.audio_start: is 1e\+300 s, and the"),
        ("image_prompts: {4: [text.png]}", r"image_prompts\.4\.0: .*text\.png: not a picture that can be"),
        ("image_prompts: {4: [huge.png]}", r"image_prompts\.4\.0: .*more than 100 million pixels; scale"),
        ("image_prompts: {4: [torn.png]}", r"image_prompts\.4\.0: .*the picture is damaged"),
        ("image_prompts: {4: [torn.tiff]}", r"image_prompts\.4\.0: .*torn\.tiff: "),
        ("diffusion: {init_image: text.png}", r"diffusion\.init_image: .*text\.png: not a picture that"),
        ("diffusion: {init_image: huge.png}", r"diffusion\.init_image: .*more than 100 million pixels"),
        ("diffusion: {init_image: many}", r"diffusion\.init_image: is a folder, not a file: "),
        ("output: {interpolate_to: 1e-300}", r"output\.interpolate_to: expected a number from 0\.01 to 240"),
        ("fps: 0.004", r"fps: expected a number from 0\.01 to 1000, found 0\.004"),
        ("guidance: {cuts: {overview: 0, innercut: 0}}", r"guidance\.cuts\.overview: overview and innercut"),
        ("guidance: {cuts: {overview: 0, innercut: '3: (4), 5: (0)'}}", "are both 0 at frame 5, so"),
        ("image_prompts: ['pic.png:nan']", r"image_prompts\.0: the weight is nan; write a number such as 1"),
    ],
)
def test_it_is_found_by_a_check(desk: Path, text: str, fault: str) -> None:
    found = fault_of(desk, text)
    assert re.search(fault, found), found
    assert "\n" not in found


@pytest.mark.parametrize("weight", ["nan", "-inf", "Infinity", " NaN "])
def test_a_weight_that_is_no_number(tmp_path: Path, weight: str) -> None:
    (tmp_path / "scene.yaml").write_text(f'prompts: ["a sea:{weight}"]\n')
    with pytest.raises(SceneError, match=r"the weight is .*; write a number such as 1"):
        read_scene(tmp_path / "scene.yaml")
    (tmp_path / "scene.yaml").write_text("prompts: ['an old nan', 'bread:naan']\n")
    assert [one.text for one in read_scene(tmp_path / "scene.yaml").timeline.row(0).prompts] == [
        "an old nan",
        "bread:naan",
    ]


def test_a_rate_that_comes_of_leaving_out_frames(desk: Path) -> None:
    scene = desk / "scene.yaml"
    footage = "models: fake\nmode: video\nsize: [64, 64]\nseed: 1\nprompts: a sea\n"
    scene.write_text(f"{footage}video: {{init: many, extract_nth_frame: 3000}}\n")
    with pytest.raises(SceneError, match=r"6:\d+: video\.extract_nth_frame: leaves 0\.004 frames a second"):
        read_scene(scene)
    scene.write_text(f"{footage}video: {{init: many, extract_nth_frame: 3000}}\nfps: 12\n")
    assert read_scene(scene).scene.fps == 12


def test_cuts_that_are_none_where_nothing_pulls_are_no_fault(tmp_path: Path) -> None:
    (tmp_path / "scene.yaml").write_text(
        BASE + "guidance: {cuts: {overview: 0, innercut: 0}, clip_guidance_scale: 0}\n"
    )
    read_scene(tmp_path / "scene.yaml")


class Failing(Reporter):
    """Fails when the first frame begins, or after it."""

    def __init__(self, fault: Exception, after: int) -> None:
        self.fault, self.after = fault, after

    def begin(self, name: str, total: int, done: int) -> None:
        if not self.after:
            raise self.fault

    def finished(self, frame: int, seconds: float, left: int) -> None:
        if frame + 1 == self.after:
            raise self.fault


@pytest.mark.parametrize("fault", [FilmError("no encoder"), PaintError("all black")])
def test_a_render_that_fails_before_its_first_frame_leaves_no_folder(tmp_path, monkeypatch, fault) -> None:
    monkeypatch.chdir(tmp_path)
    Path("scene.yaml").write_text(BASE)
    loaded = read_scene("scene.yaml")
    with pytest.raises(type(fault)):
        render_scene(loaded, Failing(fault, 0))
    assert not Path("renders/scene").exists()
    Path("mine").mkdir()
    with pytest.raises(type(fault)):
        render_scene(loaded, Failing(fault, 0), out=Path("mine"))
    assert list(Path("mine").iterdir()) == []
    with pytest.raises(type(fault)):
        render_scene(loaded, Failing(fault, 3))
    assert Path("renders/scene/001/journal.jsonl").is_file()


def test_a_picture_that_only_the_decoder_refuses_leaves_no_folder(desk, tmp_path, monkeypatch) -> None:
    (desk / "scene.yaml").write_text(BASE + "image_prompts: {4: [pic.png]}\n")
    loaded = read_scene(desk / "scene.yaml")
    monkeypatch.setattr("animator.system.images.cv2.imdecode", lambda *_: None)
    # Before networks are loaded, which may take minutes.
    monkeypatch.setattr("animator.run.render.load_tools", lambda *_: pytest.fail("networks are loaded"))
    with pytest.raises(UsageError, match=r"pic\.png: not a picture that can be read"):
        render_scene(loaded, Reporter(), out=tmp_path / "run")
    assert not (tmp_path / "run").exists()
