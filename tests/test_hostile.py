"""Scenes, pictures, films and names made to hurt: each ends in a line and status 2, or is handled rightly."""

from __future__ import annotations

import io
import os
import struct
import subprocess
import sys
import time
import tracemalloc
import zlib
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner

from animator.cli.main import app
from animator.errors import FilmError, SceneError, UsageError
from animator.keyframes.expressions import parse_expression
from animator.runs.names import folder_name
from animator.scene.camera_path import read_camera_path
from animator.scene.reading import read_scene
from animator.system.images import read_whole
from animator.system.safe_read import read_plain
from animator.video.ffmpeg import executable
from animator.video.footage import FootageReader, open_footage
from animator.video.probe import probe
from animator.video.sound import decode, has_sound
from tests.slowness import within

SLOW = 10.0
"""Seconds of a processor that looking at anything hostile may take on a usual machine."""

PATIENCE = 60.0
"""Seconds in which what waits for nobody is over, however busy the machine."""

P = "version: 1\nprompts: a sea\n"


def checked(path: Path | str, *words: str) -> tuple[int, list[str]]:
    """Return the exit status of ``animator check`` and what it printed to stderr, a line each."""
    with within(SLOW):
        done = CliRunner().invoke(app, ["check", str(path), *words])
    assert done.exception is None or isinstance(done.exception, SystemExit)
    assert "Traceback" not in done.output
    lines = done.stderr.splitlines()
    assert all(line.isprintable() for line in lines)
    return done.exit_code, lines


@pytest.fixture
def check(tmp_path: Path) -> Callable[..., tuple[int, list[str]]]:
    """Return what ``animator check`` makes of a text as a scene file, lines without the file's name."""

    def of(text: str | bytes, name: str = "scene.yaml") -> tuple[int, list[str]]:
        path = tmp_path / name
        path.write_bytes(text if isinstance(text, bytes) else text.encode("utf-8", "surrogatepass"))
        status, lines = checked(path)
        return status, [line.replace(f"{path}:", "", 1).strip() for line in lines]

    return of


def aliases(levels: int, each: int) -> str:
    rows = [f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * each)}]\n" for i in range(1, levels)]
    return "version: 1\na0: &a0 [x]\n" + "".join(rows)


BOMBS = {
    "aliases": (aliases(30, 10), "more than 50000 values, repeated aliases counted"),
    "lists in lists": ("prompts: " + "[" * 100_000, "nested more than 24 levels deep"),
    "mappings in mappings": ("prompts: " + "{a: " * 50_000, "nested more than 24 levels deep"),
    "question marks": ("? " * 300_000, "nested more than 24 levels deep"),
    "a hundred thousand values": ("prompts: [" + "1," * 100_000 + "]", "more than 50000 values"),
    "a word of 1 MB": (f"prompts: {'x' * 1_000_000}", "the text has 1000000 characters; 20000 are allowed"),
    "a quoted text of 1 MB": (f'prompts: "{"x " * 500_000}"', "the text has 1000000 characters; 20000"),
    "10 MB": (P + "#" * 10_000_000, "bytes, a scene file may have 1048576"),
    "a long number": (P + "seed: " + "9" * 5000, "seed: expected a whole number"),
    "40 digits": (P + "fps: " + "9" * 40, "fps: expected a number from 0.01 to 1000, found 9999"),
    "1e400": (P + "fps: 1e400", "fps: expected a number from 0.01 to 1000, found 1e400"),
    "minus nothing": (P + "fps: -0", "fps: expected a number from 0.01"),
    ".inf": (
        P + "prompt_blend: .inf",
        "prompt_blend: expected a number from 0 to 100000, or a length such as 2s or 4b, found .inf",
    ),
    "a thousand million frames": (
        P + "frames: 1000000000",
        "frames: expected a whole number from 1 to 100000",
    ),
    "1e9 seconds": (P + "frames: '999999999 s'", "is beyond frame 100000000"),
    "merge keys": (P + "a: &a {b: 1}\ncamera:\n  <<: *a\n", "YAML 1.2 has no merge key <<, use extends:"),
    "python": (P + "seed: !!python/object/apply:os.system [ls]", "a scene has no tags such as !!python/"),
    "NUL": ("version: 1\nprompts: a\0b", "the character U+0000 is not allowed in a text file"),
    "an escape": ("version: 1\nprompts: a\x1b[31mb", "the character U+001B is not allowed in a text file"),
    "an escape escaped": (
        'prompts: "\\e[31m"',
        "an escape in this text makes a character that is not allowed",
    ),
    "an escape to nowhere": ('prompts: "\\U00110000"', "an escape \\U in a quoted text names no character"),
    "an escape further": ('prompts: "\\UFFFFFFFF"', "an escape \\U in a quoted text names no character"),
    "half of UTF-16": (P.encode("utf-16")[:-1], "is no whole UTF-16 text; save the scene as UTF-8 text"),
    "Latin-1": ("prompts: größer".encode("latin-1"), "the byte 0xF6 is not UTF-8"),
    "a power of powers": (
        P + 'camera: {fov: "9**9**9**9"}',
        "no finite value at any frame",
    ),
    "a power of a power in a seed": (P + 'seed: {"9**9**9**9": 1}', "seed"),
    "a long list": (P + 'guidance: {clamp_max: "[1]*1000000000"}', "up to here make 1000000000 values, 1000"),
    "a longer list": (P + f'guidance: {{clamp_max: "[1]*{"9" * 30}"}}', "guidance.clamp_max: "),
    "brackets": (P + f'camera: {{fov: "{"(" * 10_000}"}}', "this '(' is never closed"),
    "brackets, closed": (
        P + f'camera: {{fov: "{"(" * 9_000}t{")" * 9_000}"}}',
        "brackets, signs or powers are nested more than 64 deep",
    ),
    "signs": (P + f'camera: {{fov: "{"-" * 10_000}1"}}', "nested more than 64 deep"),
    "ten thousand arguments": (P + f'camera: {{fov: "max({"t," * 9_000}1)"}}', "more than 4000 parts"),
    "a million keys": (
        P + f'camera: {{fov: "{",".join(f"{i}:(t)" for i in range(100_000))}"}}',
        "characters; 500000 are allowed",
    ),
    "many long formulas": (
        P
        + "frames: 100000\ncamera:\n"
        + "".join(f'  translation_{axis}: "{"+".join(["cos(t)"] * 900)}"\n' for axis in "xyz"),
        "formulas have 3600 names, for 100000 frames a scene may have 3000",
    ),
    "attributes": (P + 'camera: {fov: "().__class__"}', "camera.fov: unexpected character '.'"),
    "imports": (P + "camera: {fov: \"__import__('os')\"}", "camera.fov:"),
    "itself": (P + "extends: scene.yaml", "extends: goes round in a circle: scene.yaml -> scene.yaml"),
    "a thousand files": (
        P + "extends: [" + "other.yaml," * 1000 + "]",
        "more than 16 scenes over one another",
    ),
    "standard input": (P + "extends: /dev/stdin", "extends: is a device or a pipe, not a file: /dev/stdin"),
    "zeros": (P + "extends: /dev/zero", "extends: is a device or a pipe, not a file: /dev/zero"),
    "a link to itself": (P + "extends: loop.yaml", "extends: is a link that leads nowhere, not a file:"),
    "a picture that links to itself": (
        P + "diffusion: {init_image: loop.yaml}",
        "is a link that leads nowhere, not a file:",
    ),
    "zeros as a picture": (
        P + "diffusion: {init_image: /dev/zero}",
        "is a device or a pipe, not a file: /dev/zero",
    ),
    "a pipe as a picture": (P + "diffusion: {init_image: pipe}", "is a device or a pipe"),
    "zeros as a path": (P + "camera: {path: /dev/zero}", "not a regular file but a device or a pipe"),
    "a pipe as a path": (P + "camera: {path: pipe}", "not a regular file but a device or a pipe"),
    "a folder as a path": (P + "camera: {path: .}", "Is a directory"),
    "a pipe as a sound": (P + "output: {audio: pipe}", "is a device or a pipe"),
    "a pipe as footage": (P + "mode: video\nvideo: {init: pipe}", "is a device or a pipe"),
    "a name of 300 letters": (
        P + f'output: {{audio: {"c" * 300}}}\ncamera: {{fov: "audio(t)"}}',
        "output.audio: no such file: ",
    ),
    "a name of 5000 letters": (P + f"diffusion: {{init_image: {'c/' * 2500}}}", "no such file: "),
    "a file of the system": (P + "image_prompts: ['file:///etc/passwd']", "file:// cannot be read"),
    "ftp": (P + "diffusion: {init_image: 'ftp://example.org/a.png'}", "ftp:// cannot be read"),
}


LONG = (
    "a hundred thousand values",
    "a quoted text of 1 MB",
    "a word of 1 MB",
    "many long formulas",
    "lists in lists",
    "a million keys",
)
"""Those that take longest to be refused."""


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=[pytest.mark.slow] * (name in LONG)) for name in BOMBS]
)
def test_a_bomb_of_a_scene_is_a_line(name: str, tmp_path: Path, check: Callable) -> None:
    (tmp_path / "other.yaml").write_text(P)
    (tmp_path / "loop.yaml").symlink_to("loop.yaml")
    os.mkfifo(tmp_path / "pipe")
    text, said = BOMBS[name]
    status, lines = check(text)
    assert status == 2
    assert any(said in line for line in lines), lines
    assert len(lines) <= 4
    assert all(len(line) < 600 for line in lines)


@pytest.mark.slow
@pytest.mark.parametrize(
    "text",
    [
        "\ufeff" + P,
        P.replace("\n", "\r\n"),
        P.replace("\n", "\r"),
        "version: 1\nmodels: fake\nprompts: 🌊 夜の海 مرحبا \u202eabc\u202c\n",
        P + "\n" * 1_000_000,
        "version: 1\nprompts: [" + ", ".join(["a"] * 4_000) + "]\n",
        P + "x: &x 12\n".replace("x:", "fps:") + "bpm: *x\n",
    ],
    ids=["BOM", "CRLF", "CR", "letters", "empty lines", "4000 prompts", "an anchor"],
)
def test_what_is_only_odd_is_fine(text: str, check: Callable) -> None:
    status, lines = check(text)
    assert (status, lines) == (0, [])


@pytest.mark.slow
def test_a_formula_of_a_thousand_arguments_takes_no_memory() -> None:
    formula = parse_expression(f"max({', '.join(f't+{i}' for i in range(1000))})")
    tracemalloc.start()
    try:
        values = formula.evaluate(np.arange(100_000))
        _, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert np.array_equal(values, np.arange(100_000) + 999)
    assert most < 150_000_000


@pytest.mark.parametrize("kind", ["folder", "pipe", "/dev/zero", "/dev/null"])
@pytest.mark.parametrize("ending", [".yaml", ".png"])
def test_what_is_no_file_is_no_scene(kind: str, ending: str, tmp_path: Path) -> None:
    path = tmp_path / f"scene{ending}"
    if kind == "folder":
        path.mkdir()
    elif kind == "pipe":
        os.mkfifo(path)
    else:
        path.symlink_to(kind)
    status, lines = checked(path)
    assert status == 2
    assert len(lines) == 1
    assert lines[0].startswith(f"{path}: ")


@pytest.mark.parametrize(
    "name",
    [
        "con.yaml",
        "-rf.yaml",
        "a\nb.yaml",
        "a\x1b[31mb.yaml",
        "n" * 245 + ".yaml",
        b"\xff\xfe.yaml",
        "🌊.yaml",
    ],
)
def test_a_scene_with_any_name_is_read_and_its_faults_are_a_line(name: str | bytes, tmp_path: Path) -> None:
    path = tmp_path / os.fsdecode(name)
    path.write_text(P)
    status, lines = checked(path)
    assert (status, lines) == (0, [])
    path.write_text("fsp: 1\n")
    status, lines = checked(path)
    assert status == 2
    assert len(lines) == 2  # one fault, and no prompts
    made = folder_name(read_name(path))
    assert made.isprintable()
    assert len(made.encode()) < 200
    assert Path(made).name == made
    assert made.split(".")[0].lower() != "con"
    assert not made.startswith(("-", "."))


def read_name(path: Path) -> str:
    path.write_text(P)
    return read_scene(path).name


def test_a_name_that_is_too_long_is_a_line(tmp_path: Path) -> None:
    scene = tmp_path / "scene.yaml"
    scene.write_text(P + "models: fake\nsize: [64, 64]\nframes: 1\n")
    for words in (["resume", "n" * 300], ["render", str(scene), "--out", str(tmp_path / ("n" * 300))]):
        done = CliRunner().invoke(app, words)
        assert done.exit_code == 2
        assert "the name is too long; choose a shorter one" in done.stderr
        assert len(done.stderr.splitlines()) == 1


# Pictures


def chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png(width: int, height: int, extra: bytes = b"", pixels: bytes | None = None) -> bytes:
    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    data = zlib.compress(bytes((width * 3 + 1) * height)) if pixels is None else pixels
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + extra + chunk(b"IDAT", data) + chunk(b"IEND", b"")


def gigabyte() -> bytes:
    packer = zlib.compressobj(1)
    return b"".join(packer.compress(bytes(1 << 20)) for _ in range(200)) * 5 + packer.flush()


def saved(picture: Image.Image, kind: str, **how: object) -> bytes:
    stream = io.BytesIO()
    picture.save(stream, kind, **how)
    return stream.getvalue()


PICTURE = Image.fromarray(np.random.default_rng(0).integers(0, 256, (32, 48, 3), dtype=np.uint8))
HOSTILE_PICTURES = {
    "nothing.png": (b"", "not a picture"),
    "text.png": (b"root:x:0:0:secret\n" * 9, "not a picture"),
    "vector.svg": (
        b'<svg xmlns="http://www.w3.org/2000/svg"><image href="/etc/passwd"/></svg>',
        "not a pict",
    ),
    "phone.heic": (b"\0\0\0\x18ftypheic\0\0\0\0mif1heic" + bytes(99), "not a picture"),
    "printer.eps": (saved(PICTURE, "EPS"), "not a picture"),
    "paper.pdf": (saved(PICTURE, "PDF"), "not a picture"),
    "small.hdr": (cv2.imencode(".hdr", np.ones((8, 8, 3), np.float32))[1].tobytes(), "not a picture"),
    "light.hdr": (b"#?RADIANCE\nFORMAT=32-bit_rle_rgbe\n\n-Y 30000 +X 30000\n" + bytes(9), "not a picture"),
    "floats.pfm": (b"PF\n20000 20000\n-1.0\n" + bytes(9), "not a picture"),
    "wide.png": (png(50_000, 50_000, pixels=b""), "more than 100 million pixels; scale the picture down"),
    "wide.gif": (
        b"GIF89a"
        + struct.pack("<HH", 65535, 65535)
        + bytes(3)
        + b",\0\0\0\0"
        + b"\xff" * 4
        + b"\0\2\2L\1\0;",
        "more than 100 million",
    ),
    "wide.ppm": (b"P6 40000 40000 255 " + bytes(9), "more than 100 million"),
    "torn.png": (saved(PICTURE, "PNG")[:2000], "damaged"),
    "torn.jpg": (saved(PICTURE, "JPEG")[:900], "damaged"),
    "torn.webp": (saved(PICTURE, "WEBP")[:900], "damaged|not a picture"),
    "torn.gif": (saved(PICTURE, "GIF")[:300], "damaged|not a picture"),
    "torn.bmp": (saved(PICTURE, "BMP")[:900], "damaged"),
    "profile.png": (png(8, 8, chunk(b"iCCP", b"x\0\0" + gigabyte())), "damaged"),
    "words.png": (png(8, 8, chunk(b"zTXt", b"x\0\0" + gigabyte())), "damaged"),
}


@pytest.mark.parametrize("name", HOSTILE_PICTURES)
def test_a_hostile_picture_is_a_line(name: str, tmp_path: Path, capfd: pytest.CaptureFixture) -> None:
    data, said = HOSTILE_PICTURES[name]
    path = tmp_path / name
    path.write_bytes(data)
    with within(SLOW), pytest.raises(UsageError, match=said) as caught:
        read_whole(path)
    assert "\n" not in str(caught.value)
    assert "secret" not in str(caught.value)
    assert capfd.readouterr() == ("", "")


def test_a_picture_that_is_no_file(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.png")
    (tmp_path / "zeros.png").symlink_to("/dev/zero")
    for name in ("pipe.png", "zeros.png"):
        with pytest.raises(UsageError, match="not a regular file but a device or a pipe; name a picture"):
            read_whole(tmp_path / name)
    for path in (Path("/etc/passwd"), tmp_path):
        with pytest.raises(UsageError) as caught:
            read_whole(path)
        assert "root:" not in str(caught.value)


def test_a_file_may_have_so_many_bytes(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(bytes(2_000_001))
    assert len(read_plain(path, 2_000_001)) == 2_000_001
    with pytest.raises(OSError, match="has more than 2 MB"):
        read_plain(path, 2_000_000)


@pytest.mark.parametrize(
    "data",
    [
        saved(PICTURE.convert("CMYK"), "JPEG"),
        saved(PICTURE.convert("P"), "PNG", transparency=3),
        saved(PICTURE, "GIF", save_all=True, append_images=[PICTURE.rotate(180)]),
        saved(PICTURE, "WEBP", lossless=True, save_all=True, append_images=[PICTURE.rotate(180)]),
        saved(PICTURE, "PNG", save_all=True, append_images=[PICTURE.rotate(180)]),
        saved(PICTURE.convert("1"), "PNG"),
        saved(PICTURE.convert("LA"), "PNG"),
        saved(PICTURE, "JPEG2000"),
    ],
    ids=["CMYK", "palette", "GIF", "WebP", "APNG", "1 bit", "grey with alpha", "JPEG 2000"],
)
def test_odd_pictures_are_seen_as_they_look(data: bytes, tmp_path: Path) -> None:
    path = tmp_path / "picture"
    path.write_bytes(data)
    frame = read_whole(path)
    with Image.open(path) as picture:
        picture.seek(0)
        layered = picture.convert("RGBA")
    over = Image.alpha_composite(Image.new("RGBA", layered.size, "white"), layered).convert("RGB")
    expected = np.asarray(over, np.float32).transpose(2, 0, 1) / 255
    assert np.abs(frame.numpy() - expected).mean() < 0.03


@pytest.mark.parametrize("orientation", range(1, 9))
def test_all_eight_orientations_are_upright(orientation: int, tmp_path: Path) -> None:
    from PIL import ImageOps

    ramp = np.zeros((24, 40, 3), np.uint8)
    ramp[..., 0] = np.linspace(0, 255, 40)
    ramp[..., 1] = np.linspace(0, 255, 24)[:, None]
    exif = Image.Exif()
    exif[0x112] = orientation
    path = tmp_path / "photo.jpg"
    path.write_bytes(saved(Image.fromarray(ramp), "JPEG", exif=exif, quality=95))
    with Image.open(path) as picture:
        upright = np.asarray(ImageOps.exif_transpose(picture), np.float32).transpose(2, 0, 1) / 255
    frame = read_whole(path).numpy()
    assert frame.shape == upright.shape
    assert np.abs(frame - upright).mean() < 0.02


@pytest.mark.slow
def test_a_large_picture_takes_little_memory(tmp_path: Path) -> None:
    """26 million pixels are 104 MB while they are unpacked, afterwards never four bytes a value."""
    path = tmp_path / "large.png"
    Image.new("RGB", (5100, 5100), (10, 200, 30)).save(path, compress_level=1)
    program = (
        "import sys, re; from pathlib import Path; from animator.system.images import read_whole; "
        "most = lambda: int(re.search(r'VmHWM:\\s*(\\d+)', Path('/proc/self/status').read_text())[1]); "
        "before = most(); "
        "frame = read_whole(Path(sys.argv[1])); print(most() - before, *frame.mean((1, 2)).tolist())"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, path], capture_output=True, text=True, check=True, timeout=60
    )
    kilobytes, *colour = map(float, done.stdout.split())
    assert kilobytes < 300_000
    assert np.allclose(np.array(colour) * 255, (10, 200, 30), atol=0.01)


# Films and sounds


def ffmpeg(folder: Path, *arguments: str) -> None:
    command = [executable(), "-y", "-loglevel", "error", *arguments]
    subprocess.run(command, check=True, capture_output=True, cwd=folder)


@pytest.fixture(scope="module")
def films(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with clip.mp4, its sound sound.wav, and both in parts for playlists."""
    folder = tmp_path_factory.mktemp("films")
    pictures, sound = ("-f", "lavfi", "-i", "testsrc=s=48x32:r=10:d=1"), ("-f", "lavfi", "-i", "sine=d=1")
    film = ("-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p")
    ffmpeg(folder, *pictures, *sound, *film, "clip.mp4")
    ffmpeg(folder, *sound, "sound.wav")
    ffmpeg(folder, *pictures, *sound, "-c:v", "mpeg2video", "part.ts")
    return folder


PLAYLIST = "#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\n{}\n#EXT-X-ENDLIST\n"
LISTS = {
    "list.m3u8": PLAYLIST.format("part.ts"),
    "list.mp4": PLAYLIST.format("part.ts"),
    "web.m3u8": PLAYLIST.format("http://127.0.0.1:9/part.ts"),
    "concat.txt": "ffconcat version 1.0\nfile part.ts\n",
    "concat.mp4": "ffconcat version 1.0\nfile part.ts\n",
    "list.xspf": "<playlist><trackList><track><location>clip.mp4</location></track></trackList></playlist>",
    "dash.mpd": '<?xml version="1.0"?><MPD xmlns="urn:mpeg:dash:schema:mpd:2011" type="static"><Period>'
    '<AdaptationSet><Representation id="1" mimeType="video/mp4" bandwidth="1"><BaseURL>clip.mp4</BaseURL>'
    "</Representation></AdaptationSet></Period></MPD>",
    "call.sdp": "v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nc=IN IP4 127.0.0.1\nt=0 0\nm=video 5004 RTP/AVP 96\n",
    "text.nfo": "root:x:0:0:root\n" * 40,
    "text.ans": "root:x:0:0:root\n" * 40,
    "vector.svg": '<svg xmlns="http://www.w3.org/2000/svg"><image href="/etc/passwd"/></svg>',
    "titles.srt": "1\n00:00:00,000 --> 00:00:01,000\nhello\n",
    "disc.idx": "# VobSub index file, v7\nid: en, index: 0\ntimestamp: 00:00:00:000, filepos: 000000000\n",
    "script.avs": "Version()\n",
    "%03d.png": "x",
}


@pytest.mark.parametrize("name", LISTS)
def test_a_list_of_other_files_is_not_opened(name: str, films: Path) -> None:
    path = films / name
    path.write_text(LISTS[name])
    (films / "001.png").write_bytes(saved(PICTURE, "PNG"))
    begun = time.monotonic()
    for read in (open_footage, has_sound):
        with pytest.raises(UsageError) as caught:
            read(path)
        assert "\n" not in str(caught.value)
    with pytest.raises(FilmError):
        probe(path)
    assert time.monotonic() - begun < PATIENCE  # it waits for nobody


def test_a_playlist_is_told_by_what_it_is(films: Path) -> None:
    (films / "told.m3u8").write_text(PLAYLIST.format("part.ts"))
    for read in (open_footage, has_sound):
        with pytest.raises(
            UsageError, match="a playlist or a rare kind of file, which is not opened; name the"
        ):
            read(films / "told.m3u8")


@pytest.mark.parametrize(
    "name",
    ["-rf.mp4", "a%03d.mp4", "concat:a|b.mp4", "http:x.mp4", "a\nb.mp4", "*?.mp4", "pipe:0", "[x].mp4"],
)
def test_a_film_with_any_name_is_that_film(name: str, films: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(films)
    Path(name).write_bytes(Path("clip.mp4").read_bytes())
    footage = open_footage(Path(name))
    assert (footage.width, footage.height, footage.frames) == (48, 32, 10)
    assert probe(Path(name)).frames == 10
    assert len(decode(Path(name), seconds=0.5)) == 11025


def test_a_film_that_was_cut_off_anywhere(films: Path) -> None:
    whole = (films / "clip.mp4").read_bytes()
    path = films / "cut.mp4"
    for part in range(10):
        path.write_bytes(whole[: len(whole) * part // 10])
        with pytest.raises(
            UsageError, match=r"cut\.mp4: (not a film|has no pictures|holds no picture)"
        ) as caught:
            open_footage(path)
        assert "\n" not in str(caught.value)


@pytest.mark.slow
def test_films_of_odd_shapes_and_clocks(films: Path) -> None:
    lossless = ("-c:v", "ffv1")
    ffmpeg(films, "-f", "lavfi", "-i", "color=red:s=2x2:r=10:d=0.3,scale=1:1", *lossless, "dot.mkv")
    ffmpeg(films, "-f", "lavfi", "-i", "testsrc=s=48x32:r=100000:d=0.001", *lossless, "fast.mkv")
    slow = "color=red:s=16x16:r=1:d=2,setpts=PTS*1000000"
    ffmpeg(films, "-f", "lavfi", "-i", slow, *lossless, "slow.mkv")
    ffmpeg(films, "-i", "clip.mp4", "-c", "copy", "-copyts", "-output_ts_offset", "-0.5", "early.mkv")
    for name in ("dot.mkv", "fast.mkv", "slow.mkv", "early.mkv"):
        with within(SLOW):
            footage = open_footage(films / name)
            with FootageReader(footage, 16, 16) as reader:
                assert reader.frame(min(footage.frames, 3) - 1).shape == (3, 16, 16)


def test_a_sound_is_no_footage_and_a_text_no_sound(films: Path) -> None:
    with pytest.raises(UsageError, match="has no pictures, only sound"):
        open_footage(films / "sound.wav")
    (films / "text.wav").write_text("hello\n" * 99)
    with pytest.raises(UsageError, match="cannot be read as sound"):
        has_sound(films / "text.wav")


def test_a_folder_of_pictures_is_read_without_what_is_no_file(tmp_path: Path) -> None:
    (tmp_path / "2.png").write_bytes(saved(PICTURE, "PNG"))
    os.mkfifo(tmp_path / "1.png")
    (tmp_path / "3.png").symlink_to("/dev/zero")
    (tmp_path / "4.png").mkdir()
    footage = open_footage(tmp_path)
    assert (footage.frames, footage.width) == (1, 48)


# Camera paths


def nerfstudio(matrix: str, more: str = "") -> str:
    return f'{{"camera_path": [{{"camera_to_world": {matrix}}}]{more}}}'


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("a.json", "[" * 200_000, "too deep"),
        ("a.json", nerfstudio("[" * 900 + "]" * 900), "has 1 numbers|holds what is no number"),
        ("a.json", nerfstudio("[" + "NaN," * 15 + "1]"), "NaN is no number"),
        ("a.json", nerfstudio("[" + "1e308," * 15 + "1]"), "no number below 1e12"),
        ("a.json", nerfstudio("[" + "0," * 15 + "1]"), "is no rotation and position"),
        ("a.json", nerfstudio("[" + "9" * 4999 + "]"), "not JSON"),
        ("a.json", '{"camera_path": [' + "{}," * 300_000 + "{}]}", "a list of 1 to 200000 cameras"),
        ("a.json", '{"camera_path": [' + ",".join(["1"] * 1000) + "]}", "camera 0: expected"),
        (
            "a.json",
            nerfstudio("[1,0,0,0,0,1,0,0,0,0,1,0,0,0,0,1]", ', "fps": 1e999'),
            "fps is inf, expected a",
        ),
        ("a.json", nerfstudio("[1,0,0,0,0,1,0,0,0,0,1,0,0,0,0,1]", ', "seconds": -1'), "seconds is -1"),
        ("a.json", " " * 20_000_001, "has more than 20 MB"),
        ("a.csv", "frame,fov\n" + "1,50\n" * 2, "frame 1 is in line 2 already"),
        ("a.csv", "fov\n" + "50\n" * 200_001, "more than 200000 rows"),
        ("a.csv", "fov\n" + "nan\n", "expected a number"),
        ("a.csv", "fov\n" + "1e999\n", "expected a number"),
        ("a.csv", "fov,\x1b[31m\n1,2\n", "unknown column"),
        ("a.csv", "fov\n" + "x" * 200_000, "not a CSV"),
        ("a.csv", "," * 1_000_000 + "\n1", "unknown column|expected a head|two columns"),
        ("a.csv", "frame,fov\n" + "9" * 5000 + ",1\n", "frame is '9999"),
        ("a.csv", "frame,fov\n²,1\n", "frame is '²'"),
    ],
)
def test_a_bomb_of_a_camera_path_is_a_line(tmp_path: Path, name: str, text: str, said: str) -> None:
    path = tmp_path / name
    path.write_text(text)
    with within(SLOW), pytest.raises(UsageError, match=said) as caught:
        read_camera_path(path, 10, 12.0)
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 600


# What a stranger's scene can reach


def test_a_picture_that_carries_a_hostile_scene_is_under_the_same_rules(tmp_path: Path) -> None:
    def picture(scene: str) -> Path:
        path = tmp_path / "carrier.png"
        path.write_bytes(png(8, 8, chunk(b"iTXt", b"animator.scene\0\0\0\0\0" + scene.encode())))
        return path

    assert checked(picture(P)) == (0, [])
    for scene, said in (
        (P + "extends: other.yaml", "extends: unknown key"),
        (aliases(30, 10), "more than 50000 values"),
        (P + "diffusion: {init_image: /dev/zero}", "is a device or a pipe, not a file: /dev/zero"),
        (P + "fps: 0", "fps: expected"),
        ("version: 1\nprompts: a\x1bb", "U+001B"),
    ):
        status, lines = checked(picture(scene))
        assert status == 2
        assert any(said in line for line in lines), lines


def test_a_scene_cannot_say_where_it_is_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    names = {
        field for field in read_scene_settings() if field.endswith(("out", "path", "file", "folder", "dir"))
    }
    assert names == {"camera.path"}  # which is read
    for key in ("out: ../x", "output: {folder: /tmp}", "title: ../x"):
        Path("scene.yaml").write_text(f"{P}{key}\n")
        with pytest.raises(SceneError, match="unknown key"):
            read_scene("scene.yaml")


@pytest.mark.parametrize(
    "name",
    [
        "../../x",
        "/tmp/x",
        "a/b",
        "..",
        "",
        "x" * 300,
        "a\\nb",
        "\\e[31m",
        "a\\\\b",
        "C:x",
        "%03d",
        "-y.mp4",
        "a|b",
    ],
)
def test_a_film_cannot_be_named_out_of_its_run(name: str, tmp_path: Path) -> None:
    path = tmp_path / "scene.yaml"
    path.write_text(f'{P}output: {{film: "{name}"}}\n')
    status, lines = checked(path)
    assert (status, len(lines)) == (2, 1), lines


def read_scene_settings() -> set[str]:
    from animator.scene.fit import Fit
    from animator.settings.scene import scene_schema

    fit = Fit(scene_schema())
    return {name.removeprefix("output.") for name in set(fit.settings) - fit.sections}
