"""Damage at random: whatever is read either is understood or is refused in a line, never anything else.

``ANIMATOR_FUZZ=50`` makes fifty times as many examples as usual, with other seeds every time; ``-s`` shows
how many were run.
"""

from __future__ import annotations

import io
import os
import shutil
import struct
import subprocess
import time
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, seed, settings
from hypothesis import strategies as st
from PIL import Image

from animator.errors import ExpressionError, FilmError, RunError, SceneError, UsageError
from animator.keyframes import Clock, Curve, compile_value
from animator.keyframes.prompts import parse_entry, parse_prompts
from animator.runs import Entry, RunFolder, journal
from animator.runs.state import load_state, read_meta, save_state
from animator.scene.reading import LoadedScene, read_scene
from animator.system.images import read_whole
from animator.video.ffmpeg import executable
from animator.video.footage import FootageReader, open_footage
from animator.video.spherical import write_vr180_metadata
from animator.video.spherical_reader import Spherical, read_spherical
from tests.slowness import within

TIMES = int(os.environ.get("ANIMATOR_FUZZ", "1"))
SLOW = 5.0
"""Seconds of computing that one example may take."""

ROOT = Path(__file__).parents[1]
SCENES = sorted(
    path for folder in (ROOT / "scenes", ROOT / "tests" / "scenes") for path in folder.rglob("*.yaml")
)


def examples(count: int, strategy: st.SearchStrategy, body: Callable[[Any], None]) -> None:
    """Run ``body`` on examples, ``count`` of them or `TIMES` as many, and see that they were run."""
    run = 0

    def one(example: Any) -> None:
        nonlocal run
        run += 1
        with within(SLOW):
            body(example)

    wanted = count * TIMES
    how = settings(max_examples=wanted, deadline=None, database=None, suppress_health_check=list(HealthCheck))
    fixed = seed(5) if TIMES == 1 else seed(time.time_ns())
    fixed(how(given(strategy)(one)))()
    print(f"{run} examples")
    assert run >= 0.9 * wanted


def one_line(*faults: object) -> None:
    """See that there is a fault, and that each is told in a line."""
    assert faults
    assert all(str(fault) and "\n" not in str(fault) for fault in faults)


def inside(offset: int, text: str) -> None:
    """See that a place is one in a text."""
    assert 0 <= offset <= len(text)


SEASONING = st.sampled_from(
    [
        b"\t",
        b": ",
        b"\n",
        b"- ",
        b"? ",
        b"&a ",
        b"*a",
        b"[",
        b"]",
        b"{",
        b"}",
        b"'",
        b'"',
        b"|\n",
        b"!!x ",
        b"---\n",
    ]
    + [
        b"<<: *a\n",
        b".nan",
        b".inf",
        b"1e400",
        b"-0",
        b"null",
        b"true",
        b"60%",
        b"0: (1)",
        b"(" * 70,
        b"[1]*1000",
    ]
    + [
        b"9" * 50,
        b"\xe2\x80\xa8",
        b"\xef\xbb\xbf",
        b'"\\x00"',
        b"\\U00110000",
        b"extends: .\n",
        b"\0",
        b"\xff",
    ]
    + [b"\x1b[31m", b"audio(t)", b"**9**9", b"2.5s", b"4b", b"../../x", b"/dev/zero", b"\r", b"%", b"#"]
)
DAMAGE = st.lists(
    st.tuples(st.floats(0, 1), st.integers(0, 8), st.binary(max_size=8) | SEASONING), min_size=1, max_size=6
)


def damaged(data: bytes, damage: list[tuple[float, int, bytes]]) -> bytes:
    """Return ``data`` with some bytes replaced, left out or put in."""
    for share, length, filling in damage:
        place = round(share * len(data))
        data = data[:place] + filling + data[place + length :]
    return data


@pytest.mark.slow
def test_scenes(tmp_path: Path) -> None:
    path = tmp_path / "scene.yaml"
    shutil.copytree(ROOT / "scenes" / "footage", tmp_path / "footage")
    outcomes = set()

    def body(example: tuple[Path, list]) -> None:
        original, damage = example
        path.write_bytes(damaged(original.read_bytes(), damage))
        try:
            assert isinstance(read_scene(path), LoadedScene)
            outcomes.add("read")
        except SceneError as error:
            outcomes.add("refused")
            one_line(*error.problems)

    examples(120, st.tuples(st.sampled_from(SCENES), DAMAGE), body)
    assert outcomes == {"read", "refused"}


PIECES = st.sampled_from(
    ["0", "1", "12", ".5", "1e9", "1e308", "9" * 30, "t", "max_f", "s", "pi", "e", "2.5s", "4b", "audio(t)"]
    + [
        "sin(",
        "max(",
        "where(",
        "clip(",
        "log(",
        "(",
        ")",
        ",",
        ":",
        ";",
        "+",
        "-",
        "*",
        "/",
        "%",
        "**",
        "<",
        "==",
    ]
    + [
        "&",
        "|",
        "~",
        "^",
        "and",
        "[1]*1000",
        "[12]*400+[4]*600",
        "[",
        "]",
        "linear",
        "step",
        "pchip; ",
        "ease-in",
    ]
    + [" ", "  ", "\n", "\t", "'", '"', "true", "False", "é", "²", "\0", "_", "__", ".", "0x1"]
)


@pytest.mark.slow
def test_values_over_the_frames_and_over_the_diffusion() -> None:
    clock = Clock(frames=7, fps=12, bpm=120)

    def body(example: tuple[str, bool, bool]) -> None:
        text, steps, switch = example
        try:
            made = compile_value(text, clock, steps=steps, switch=switch)
        except ExpressionError as error:
            one_line(error)
            inside(error.offset, text)
            return
        values = made.values if isinstance(made, Curve) else made
        assert values.shape == ((7,) if isinstance(made, Curve) else (1000,))
        assert np.isfinite(values).all()

    words = st.lists(PIECES, max_size=12).map("".join) | st.text(max_size=30)
    examples(600, st.tuples(words, st.booleans(), st.booleans()), body)


@pytest.mark.slow
def test_prompts() -> None:
    clock = Clock(frames=7, fps=12)
    texts = st.lists(PIECES | st.sampled_from([":", ":2", ":-1", "a sea", "::", "|"]), max_size=6).map(
        "".join
    )
    entry = (
        texts | st.text(max_size=20) | st.integers() | st.none() | st.floats() | st.lists(texts, max_size=2)
    )
    named = st.dictionaries(
        st.sampled_from(["text", "weight", "image", "clip_models", "x"]), entry, max_size=4
    )
    positions = st.integers(-2, 9) | st.sampled_from(["2s", "4b", "max_f", "x", "1/0", ""]) | st.floats()
    sets = st.lists(entry | named, max_size=3) | entry

    def body(example: tuple[Any, Any]) -> None:
        for read in (lambda: parse_entry(example[0]), lambda: parse_prompts(example[1], clock)):
            try:
                read()
            except ExpressionError as error:
                one_line(error)

    examples(400, st.tuples(entry | named, sets | st.dictionaries(positions, sets, max_size=3)), body)


def with_sums(png: bytes) -> bytes:
    """Return a damaged PNG whose chunks have the right check sums, as far as they can be told apart."""
    parts, place = [png[:8]], 8
    while place + 12 <= len(png):
        (size,) = struct.unpack_from(">I", png, place)
        body = png[place + 4 : place + 8 + size]
        parts.append(png[place : place + 4] + body + struct.pack(">I", zlib.crc32(body)))
        place += 12 + size
    return b"".join(parts)


@pytest.mark.slow
def test_pictures(tmp_path: Path) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (12, 16, 4), dtype=np.uint8)
    whole = []
    for kind, channels in (
        ("PNG", 4),
        ("PNG", 3),
        ("JPEG", 3),
        ("WEBP", 3),
        ("GIF", 3),
        ("TIFF", 3),
        ("BMP", 3),
    ):
        stream = io.BytesIO()
        exif = Image.Exif()
        exif[0x112] = 6
        Image.fromarray(noise[..., :channels]).save(
            stream, kind, **({} if kind in ("GIF", "BMP") else {"exif": exif})
        )
        whole.append(stream.getvalue())
    path = tmp_path / "picture"

    def body(example: tuple[bytes, list, bool]) -> None:
        original, damage, summed = example
        data = damaged(original, damage)
        path.write_bytes(with_sums(data) if summed and data.startswith(b"\x89PNG") else data)
        try:
            frame = read_whole(path)
        except UsageError as error:
            one_line(error)
            return
        assert frame.dtype == torch.float32
        assert frame.shape[0] == 3
        assert max(frame.shape) <= 1024
        assert bool(((frame >= 0) & (frame <= 1)).all())

    examples(250, st.tuples(st.sampled_from(whole), DAMAGE, st.booleans()), body)


@pytest.mark.slow
def test_a_run(tmp_path: Path) -> None:
    """A damaged journal or run.json is told; a damaged state never passes for a sound one."""
    run = RunFolder.create(tmp_path, "a", out=tmp_path / "run")
    for frame in range(3):
        run.save_frame(frame, np.full((4, 4, 3), frame, np.uint8), {}, Entry(frame, "hash", 7, 0.5))
    lines = (run.path / "journal.jsonl").read_bytes()
    info = (run.path / "run.json").read_bytes()
    tensors = {"image": torch.arange(12.0).reshape(3, 2, 2), "noise": torch.ones(2, dtype=torch.float16)}
    save_state(run.state_file(2), tensors, {"frame": 2, "inputs": "hash"})
    state = run.state_file(2).read_bytes()

    def body(example: tuple[str, list]) -> None:
        what, damage = example
        (run.path / "journal.jsonl").write_bytes(damaged(lines, damage) if what == "journal" else lines)
        (run.path / "run.json").write_bytes(damaged(info, damage) if what == "info" else info)
        run.state_file(2).write_bytes(damaged(state, damage) if what == "state" else state)
        opened = RunFolder(run.path)
        for read in (opened.journal, opened.finished_frames, opened.read_info, opened.states):
            try:
                read()
            except RunError as error:
                one_line(error)
        assert isinstance(read_meta(run.state_file(2)), dict)
        try:
            found, meta = load_state(run.state_file(2))
        except RunError as error:
            one_line(error)
            return
        assert meta == {"frame": 2, "inputs": "hash"}
        assert found.keys() == tensors.keys()
        assert all(torch.equal(found[name], tensors[name]) for name in tensors)

    examples(200, st.tuples(st.sampled_from(["journal", "info", "state"]), DAMAGE), body)
    (run.path / "journal.jsonl").write_bytes(lines)
    assert sorted(journal.read(run.path / "journal.jsonl")) == [0, 1, 2]


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """Return a small mp4 with its index at the front, so that damage hits it."""
    path = tmp_path_factory.mktemp("film") / "film.mp4"
    source = ("-f", "lavfi", "-i", "testsrc=s=32x32:r=5:d=1", "-f", "lavfi", "-i", "sine=d=1")
    how = ("-c:v", "libx264", "-crf", "50", "-pix_fmt", "yuv420p", "-b:a", "8k", "-movflags", "faststart")
    subprocess.run([executable(), "-loglevel", "error", *source, *how, path], check=True, capture_output=True)
    return path.read_bytes()


@pytest.mark.slow
def test_boxes_of_films(tmp_path: Path, film: bytes) -> None:
    path, marked = tmp_path / "film.mp4", tmp_path / "marked.mp4"
    path.write_bytes(film)
    write_vr180_metadata(path, marked, stereo="left_right")
    both = [film, marked.read_bytes()]

    def body(example: tuple[bytes, list]) -> None:
        path.write_bytes(damaged(example[0][:2500], example[1]) + example[0][2500:])
        marked.unlink(missing_ok=True)
        try:
            assert isinstance(read_spherical(path), Spherical | None)
        except FilmError as error:
            one_line(error)
        try:
            write_vr180_metadata(path, marked, stereo="left_right")
            assert marked.stat().st_size < 3 * len(film)
        except FilmError as error:
            one_line(error)
            assert not marked.exists()

    examples(250, st.tuples(st.sampled_from(both), DAMAGE), body)


@pytest.mark.slow
def test_footage(tmp_path: Path, film: bytes) -> None:
    path = tmp_path / "film.mp4"

    def body(damage: list) -> None:
        path.write_bytes(damaged(film[:2500], damage) + film[2500:])
        with within(2 * SLOW):
            try:
                footage = open_footage(path)
                with FootageReader(footage, 16, 16) as reader:
                    assert reader.frame(0).shape == (3, 16, 16)
            except (UsageError, FilmError) as error:
                one_line(error)

    examples(20, DAMAGE, body)
