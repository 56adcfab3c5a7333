"""Scenes of mode video: what they take from their footage, and settings that stand for others."""

from __future__ import annotations

import subprocess
import sys
import types
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import pytest

from animator.errors import SceneError, UsageError
from animator.scene.footage_reading import STANDS_FOR, open_footage_of
from animator.scene.reading import LoadedScene, read_scene, read_text_scene
from animator.scene.resolved import resolved_text
from animator.settings.scene import MAX_FRAMES, Scene
from animator.video.ffmpeg import QUIET, executable

SCENE = "prompts: x\nmode: video\nvideo: {init: clip.mp4}\n"


@dataclass(frozen=True)
class Pretended:
    """Footage of 100 frames at 30 a second, as `open_footage` tells of it."""

    path: Path
    start: float
    end: float | None
    every: int
    frames: int
    width: int = 640
    height: int = 360
    fps: Fraction = Fraction(30)
    source: tuple[Path, ...] = ()


@pytest.fixture
def pretend(monkeypatch, tmp_path):
    """Stand in for `open_footage`; returns what it was asked for, and takes what it shall tell instead."""
    asked: list[dict] = []
    told: dict = {}

    def open_footage(path, *, start=0.0, end=None, every=1, fps_of_pictures=12.0):
        asked.append({"path": path, "start": start, "end": end, "every": every, "rate": fps_of_pictures})
        if told.get("broken"):
            raise UsageError(f"{path.name}: no film")
        fps = fps_of_pictures if path.is_dir() else 30
        length = told.get("length", 100) / fps
        if start >= length:
            raise UsageError(f"{path.name}: ends at {length:.1f} s")
        seconds = min(end or length, length) - start
        frames = -(-round(seconds * fps) // every)
        shape = {name: told[name] for name in ("width", "height") if name in told}
        return Pretended(path, start, end, every, frames, **{"fps": Fraction(fps) / every, **shape})

    module = types.ModuleType("animator.video.footage")
    module.open_footage = open_footage
    monkeypatch.setitem(sys.modules, "animator.video.footage", module)
    (tmp_path / "clip.mp4").touch()
    (tmp_path / "pictures").mkdir()

    def of(**more):
        told.update(more)
        return asked

    return of


def told(loaded: LoadedScene) -> list[str]:
    return [f"{one.line}:{one.column}: {one.key}: {one.message}" for one in loaded.notices]


def test_length_rate_and_size_are_those_of_the_footage(read, pretend, tmp_path):
    asked = pretend(width=320, height=192)
    loaded = read(SCENE)
    scene = loaded.scene
    assert (scene.frames, scene.fps, scene.size) == (100, 30, (320, 192))
    assert loaded.timeline.frames == 100
    assert loaded.notices == ()
    assert asked[0]["path"] == tmp_path / "clip.mp4"


def test_the_range_and_every_nth_frame_are_asked_of_the_footage(read, pretend):
    asked = pretend()
    scene = read(
        "prompts: x\nmode: video\nsize: [64, 64]\n"
        "video: {init: clip.mp4, start: 1, end: 2.5, extract_nth_frame: 2}\n"
    ).scene
    assert asked == [{"path": asked[0]["path"], "start": 1, "end": 2.5, "every": 2, "rate": 12}]
    assert (scene.frames, scene.fps) == (23, 15)
    assert (open_footage_of(scene).frames, asked[1] | {"rate": 12}) == (23, asked[0])


def test_a_rate_that_is_given_is_the_films(read, pretend):
    pretend()
    scene = read(f"{SCENE}fps: 24\nsize: [64, 64]").scene
    assert (scene.frames, scene.fps) == (100, 24)


@pytest.mark.parametrize(
    ("frames", "expected", "notices"),
    [
        ("40", 40, []),
        ("100", 100, []),
        ("2s", 60, []),
        ("101", 100, ["4:9: frames: 101 are more than the footage gives; the film has its 100"]),
        ("4s", 100, ["4:9: frames: 120 are more than the footage gives; the film has its 100"]),
    ],
)
def test_a_length_that_is_given_is_a_bound(read, pretend, frames, expected, notices):
    pretend()
    loaded = read(f"{SCENE}frames: {frames}\nsize: [64, 64]")
    assert (loaded.scene.frames, loaded.timeline.frames) == (expected, expected)
    assert told(loaded) == notices


def test_footage_longer_than_a_film_can_be_is_cut(read, pretend):
    pretend(length=MAX_FRAMES + 1)
    loaded = read(f"{SCENE}size: [64, 64]")
    assert loaded.scene.frames == MAX_FRAMES
    assert told(loaded) == [
        f"3:15: frames: the footage gives {MAX_FRAMES + 1}, a film can have {MAX_FRAMES}; it ends there"
    ]


@pytest.mark.parametrize(
    ("size", "expected"),
    [
        ((1920, 1080), (512, 256)),
        ((1080, 1920), (256, 512)),
        ((500, 333), (448, 320)),
        ((32, 32), (64, 64)),
        ((4000, 100), (512, 64)),
    ],
)
def test_a_size_left_out_is_the_footages_within_bounds_and_told(read, pretend, size, expected):
    pretend(width=size[0], height=size[1])
    loaded = read(SCENE)
    assert loaded.scene.size == expected
    assert told(loaded) == [
        f"3:15: size: left out, so {expected[0]} x {expected[1]}, for footage of {size[0]} x {size[1]}; "
        "the larger the slower: write size: [width, height] for another"
    ]
    assert read(f"{SCENE}size: [128, 64]").scene.size == (128, 64)


def test_a_folder_of_pictures_goes_by_at_the_films_rate(read, pretend):
    asked = pretend(length=48)
    text = "prompts: x\nmode: video\nsize: [64, 64]\nvideo: {init: pictures, start: 1}\n"
    assert (read(text).scene.frames, asked[-1]["rate"]) == (36, 12)
    third = read(text, "video.extract_nth_frame=7").scene
    assert (third.frames, asked[-1]["rate"]) == (6, pytest.approx(12))
    assert third.fps == pytest.approx(12 / 7)
    assert (open_footage_of(third).frames, asked[-1]["rate"]) == (6, pytest.approx(12))
    slow = read(text, "fps=8", "video.extract_nth_frame=2").scene
    assert (slow.frames, asked[-1]["rate"]) == (16, 16)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            "prompts: x\nmode: video",
            "2:7: video.init: missing: mode video needs footage; name it, such as video: {init: clip.mp4}",
        ),
        (
            "prompts: x\nmode: video\nvideo: {init: ~}",
            "2:7: video.init: missing: mode video needs footage; name it, such as video: {init: clip.mp4}",
        ),
        (
            "prompts: x\nmode: video\nvideo: {init: ' '}",
            "3:15: video.init: expected the path of a film or of a folder of pictures, found ''",
        ),
        ("prompts: x\nmode: video\nvideo: {init: b.mp4}", "3:15: video.init: no such file: b.mp4"),
        ("prompts: x\nmode: video\nvideo: {init: 5}", "3:15: video.init: expected a text, found 5"),
        (
            "prompts: x\nmode: video\nvideo: {init: 'https://x.org/b.mp4'}",
            "3:15: video.init: expected the path of a file, found an address with https://; fetch it, name "
            "the file",
        ),
        (
            "prompts: x\nmode: video\nvideo: {init: clip.mp4, start: 2, end: 1.5}",
            "3:40: video.end: must be later than start, which is 2, found 1.5",
        ),
        (
            "prompts: x\nmode: video\nvideo: {init: clip.mp4, start: 9, end: 10}",
            "3:32: video.start: clip.mp4: ends at 3.3 s",
        ),
        (
            "prompts: x\nmode: video\nvideo: {init: clip.mp4, start: -1}",
            "3:32: video.start: expected a number of at least 0, found -1",
        ),
        (
            "prompts: x\nmode: video\nvideo: {init: clip.mp4, start: t}",
            "3:32: video.start: expected a number of at least 0, found 't'",
        ),
        # Of a length that is not known nothing is told.
        (
            "prompts: x\nmode: video\nvideo: {init: b.mp4, flow_blend: '0: (0), 40: (3)'}",
            "3:15: video.init: no such file: b.mp4",
        ),
        (
            "prompts: {0: x, 90: y}\nmode: video\nvideo: {init: b.mp4}",
            "3:15: video.init: no such file: b.mp4",
        ),
    ],
)
def test_a_fault_of_the_footage_is_told_once_and_at_its_place(fault, pretend, text, expected):
    pretend()
    assert fault(text) == expected


def test_footage_that_cannot_be_read_is_told(fault, pretend):
    pretend(broken=True)
    assert fault(SCENE) == "3:15: video.init: clip.mp4: no film"
    ranged = SCENE.replace("clip.mp4", "clip.mp4, start: 1")
    assert fault(ranged) == "3:15: video.init: clip.mp4: no film"


def test_a_last_pass_along_no_flow_is_a_fault(fault, read, pretend):
    pretend()
    none = SCENE.replace("clip.mp4", "clip.mp4, finish: flow, flow: none")
    said = "3:33: video.finish: is flow, but video.flow is none; choose finish: linear, or a flow such as dis"
    assert fault(none) == said
    assert read(none, "video.finish=linear").scene.video.finish == "linear"
    assert read(none, "mode=2d").scene.mode == "2d"


def test_other_modes_need_no_footage(read, pretend):
    asked = pretend()
    scene = read("prompts: x\nmode: 3d\nvideo: {init: b.mp4, steps: 9}").scene
    assert (scene.frames, scene.video.steps, scene.diffusion.steps) == (48, 9, 50)
    assert asked == []
    with pytest.raises(ValueError, match="has no footage"):
        open_footage_of(read("prompts: x").scene)


# Settings that stand for others.

OWN = {
    "video.steps": 30,
    "video.skip_steps": "70%",
    "video.frames_scale": "0: (900), 9: (0)",
    "video.clip_guidance_scale": 1000,
    "video.tv_scale": "0.5",
    "video.range_scale": 1.5,
    "video.sat_scale": "[3]*500+[0]*500",
}


def value(scene: Scene, name: str) -> object:
    section, _, key = name.partition(".")
    return getattr(getattr(scene, section), key)


def test_every_setting_that_stands_for_another_does(read, pretend):
    pretend()
    assert set(OWN) == set(STANDS_FOR)
    loaded = read(f"{SCENE}size: [64, 64]\n", *(f"{name}={text}" for name, text in OWN.items()))
    plain = read(f"{SCENE}size: [64, 64]\n").scene
    for name, other in STANDS_FOR.items():
        assert value(loaded.scene, name) is None
        assert str(value(loaded.scene, other)) == str(OWN[name])
        assert value(plain, other) != value(loaded.scene, other)
    row = loaded.timeline.row(9)
    assert (row["coherence.frames_skip_steps"], row["coherence.frames_scale"]) == (pytest.approx(0.7), 0)
    assert loaded.timeline.schedules["guidance.sat_scale"].sum() == 1500


def test_a_number_of_steps_is_one_of_the_footages_steps(read, pretend):
    pretend()
    text = "prompts: x\nmode: video\nsize: [64, 64]\ndiffusion: {steps: 200}\n"
    row = read(f"{text}video: {{init: clip.mp4, steps: 40, skip_steps: 10}}").timeline.row(0)
    assert row["coherence.frames_skip_steps"] == 0.25


def test_what_gives_way_is_told(read, pretend):
    pretend()
    text = "prompts: x\nmode: video\nsize: [64, 64]\ndiffusion: {steps: 200}\n"
    loaded = read(f"{text}video: {{init: clip.mp4, steps: 40}}")
    assert loaded.scene.diffusion.steps == 40
    assert told(loaded) == ["4:13: diffusion.steps: has no effect in mode video beside video.steps"]
    assert told(read(f"{text}video: {{init: clip.mp4, steps: ~}}")) == []


def test_a_layer_above_and_the_command_line_count_before_it(read, pretend):
    pretend()
    base = "prompts: x\nvideo: {init: clip.mp4, steps: 40}\nsize: [64, 64]"
    assert read("extends: base.yaml\nmode: video", base=base).scene.diffusion.steps == 40
    over = read("extends: base.yaml\nmode: video", "video.steps=7", base=base)
    assert (over.scene.diffusion.steps, over.notices) == (7, ())
    assert read("extends: base.yaml\nmode: 2d", base=base).scene.diffusion.steps == 50
    assert read("extends: base.yaml\nmode: 2d", "mode=video", base=base).scene.diffusion.steps == 40


@pytest.mark.parametrize(
    ("setting", "expected"),
    [
        ("steps: many", "3:32: video.steps: expected a whole number from 1"),
        ("steps: 0", "3:32: video.steps: expected a whole number from 1"),
        ("skip_steps: 120%", "3:37: video.skip_steps: expected a number from 0 to 100 everywhere, is 120"),
        ("skip_steps: {0: 5%, 2: x}", "3:48: video.skip_steps.2: unknown name 'x'"),
        ("frames_scale: '0: (1), 5: (1+)'", "3:"),
        ("tv_scale: -1", "3:35: video.tv_scale: expected a number of at least 0, "),
    ],
)
def test_a_fault_has_the_name_and_the_place_that_were_written(fault, pretend, setting, expected):
    pretend()
    said = fault(SCENE.replace("clip.mp4", f"clip.mp4, {setting}"))
    assert said.startswith(expected)
    assert f": video.{setting.partition(':')[0]}" in said


def test_a_section_that_is_none_is_told_once(fault, pretend):
    pretend()
    text = "prompts: x\nmode: video\nvideo: {init: clip.mp4, steps: 5}\ndiffusion: 7"
    assert fault(text) == (
        "4:12: diffusion: expected settings such as key: value, found 7; perhaps diffusion: {steps: 7}"
    )
    said = "3:8: video: expected settings such as key: value, found 7"
    assert fault("prompts: x\nmode: video\nvideo: 7") == said


def test_a_resolved_scene_reads_back_the_same(read, pretend):
    pretend(width=500, height=333)
    loaded = read(
        "prompts: x\nmode: video\n"
        "video: {init: pictures, start: 0.5, extract_nth_frame: 3, steps: 9, sat_scale: 4}\n"
    )
    text = resolved_text(loaded.scene)
    again = read_text_scene(text, "again.yaml")
    assert again.scene == loaded.scene
    assert again.notices == ()
    assert resolved_text(again.scene) == text
    assert again.timeline.table.equals(loaded.timeline.table)


# Footage that is there.


@pytest.fixture
def filmed(tmp_path) -> Path:
    """Make a film of 20 frames at 10 a second, 136 x 72, and a folder of pictures of the first 5."""
    (tmp_path / "shots").mkdir()
    test = ["-f", "lavfi", "-i", "testsrc2=s=136x72:r=10:d=2"]
    for out in (["a.mp4"], ["-frames:v", "5", "shots/%d.png"]):
        subprocess.run([executable(), *QUIET, *test, *out], cwd=tmp_path, check=True)
    return tmp_path


@pytest.mark.slow
def test_a_film_and_a_folder_are_read(read, filmed):
    text = "prompts: x\nmode: video\nvideo: {init: a.mp4, start: 0.5, extract_nth_frame: 2}"
    scene = read(text).scene
    assert (scene.frames, scene.fps, scene.size) == (8, 5, (128, 64))
    footage = open_footage_of(scene)
    assert (footage.frames, footage.first, footage.fps) == (8, 5, 5)
    again = read_text_scene(resolved_text(scene), "again.yaml")
    assert (again.scene, again.notices) == (scene, ())
    pictures = read("prompts: x\nmode: video\nvideo: {init: shots, extract_nth_frame: 3}").scene
    assert (pictures.frames, pictures.fps, open_footage_of(pictures).frames) == (2, 4, 2)


@pytest.mark.parametrize(
    ("video", "expected"),
    [
        ("init: a.mp4, start: 3", "3:29: video.start: a.mp4: has no frame from 3 s on; it lasts 2.000 s"),
        ("init: shots, end: 0.01", "3:27: video.end: shots: has no frame from 0 s to 0.01 s; it lasts 0.4"),
        ("init: scene.yaml", "3:15: video.init: scene.yaml: "),
        ("init: '.', start: 1", "3:15: video.init: "),
    ],
)
def test_real_footage_that_cannot_be_had_is_told_at_its_place(fault, filmed, video, expected):
    assert fault(f"prompts: x\nmode: video\nvideo: {{{video}}}").startswith(expected)


@pytest.mark.slow
def test_checking_footage_imports_no_torch(filmed):
    (filmed / "scene.yaml").write_text("prompts: x\nmode: video\nvideo: {init: a.mp4}")
    code = "from animator.scene.reading import read_scene as r; r('scene.yaml'); import sys; "
    code += "sys.exit(10 + ('torch' in sys.modules))"
    assert subprocess.run([sys.executable, "-c", code], cwd=filmed, check=False).returncode == 10


def test_every_fault_is_told_together(pretend, tmp_path):
    pretend()
    path = tmp_path / "scene.yaml"
    path.write_text("prompts: x\nmode: video\nvideo: {init: b.mp4, steps: 0}\ncamera: {fov: 200}\n")
    with pytest.raises(SceneError) as caught:
        read_scene(path)
    assert [one.key for one in caught.value.problems] == ["video.init", "video.steps", "camera.fov"]
