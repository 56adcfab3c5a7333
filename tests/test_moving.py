"""Whole runs of every way of moving, with networks that are none: the films that they leave."""

from __future__ import annotations

import subprocess
from pathlib import Path

import cv2
import numpy as np
import pytest

from animator.errors import SceneError
from animator.run.render import render_scene
from animator.runs import RunFolder
from animator.scene.reading import read_scene
from animator.video.ffmpeg import executable
from animator.video.probe import probe, read_frames
from animator.video.sound import decode
from animator.video.spherical_reader import read_spherical
from tests.warm import Quiet

HEAD = "models: fake\nseed: 5\nprompts: a red house\ndiffusion: {steps: 3, skip_steps: 0}\n"
RATE, CLICK = 48000, 0.004


def render(folder: Path, text: str) -> tuple[Path, RunFolder]:
    """Render a scene; return what is opened, and its run."""
    (folder / "scene.yaml").write_text(HEAD + text)
    loaded = read_scene(folder / "scene.yaml", ["output.losses=false"])
    film = render_scene(loaded, Quiet(), out=folder / "run")  # type: ignore[arg-type]
    return film, RunFolder.open(folder / "run")


def make(path: Path, *arguments: str) -> Path:
    subprocess.run([executable(), "-v", "error", "-y", *arguments, str(path)], check=True)
    return path


@pytest.fixture
def clicking(tmp_path: Path) -> Path:
    """Footage of 4 seconds that clicks and turns white at every half second past a whole one."""
    sound = f"aevalsrc='if(lt(mod(t+0.5,1),{CLICK}),sin(2*PI*3000*t),0)':s={RATE}:d=4"
    white = "drawbox=c=white:t=fill:enable='lt(mod(t+0.5\\,1)\\,0.039)'"
    picture = "color=c=gray:s=64x64:r=25:d=4"
    inputs = ["-f", "lavfi", "-i", picture, "-f", "lavfi", "-i", sound, "-vf", white]
    return make(tmp_path / "clicking.mp4", *inputs, "-pix_fmt", "yuv420p")


def clicks(film: Path) -> list[float]:
    """Return when the sound of a film clicks, in seconds."""
    loud = np.flatnonzero(np.abs(decode(film, rate=RATE)) > 0.25) / RATE
    return [float(b) for a, b in zip([-1, *loud], loud, strict=False) if b - a > 0.3]


@pytest.mark.slow
@pytest.mark.parametrize(("every", "start", "end"), [(1, 0.0, 1.8), (3, 1.2, 3.9), (5, 0.36, 4.0)])
def test_the_sound_of_footage_stays_with_its_pictures(
    clicking: Path, tmp_path: Path, every: int, start: float, end: float
) -> None:
    selection = f"init: {clicking}, extract_nth_frame: {every}, start: {start}, end: {end}"
    film, run = render(tmp_path, f"mode: video\nvideo: {{{selection}, flow: dis, extract: true}}\n")
    info = probe(film)
    assert info.fps == pytest.approx(25 / every, rel=1e-3)
    expected = [moment - start for moment in (0.5, 1.5, 2.5, 3.5) if start <= moment < end]
    assert clicks(film) == pytest.approx(expected, abs=0.005)
    for frame in range(info.frames):
        moment = round(start * 25) / 25 + frame * every / 25
        white = cv2.imread(str(run.frame_file(frame, "footage"))).mean() > 200
        assert white == ((moment + 0.5) % 1 < 0.039), frame


@pytest.mark.slow
def test_a_silent_clip_is_no_error_and_its_own_sound_can_be_left_out(clicking: Path, tmp_path: Path) -> None:
    silent = make(tmp_path / "silent.mp4", "-i", str(clicking), "-an", "-c:v", "copy")
    for number, clip in enumerate((f"init: {silent}", f"init: {clicking}, sound: false")):
        folder = tmp_path / str(number)
        folder.mkdir()
        film, _ = render(folder, f"mode: video\nvideo: {{{clip}, extract_nth_frame: 20, flow: none}}\n")
        told = subprocess.run([executable(), "-i", str(film)], capture_output=True, text=True).stderr
        assert "Video:" in told
        assert "Audio:" not in told


@pytest.mark.slow
def test_every_film_of_a_stereo_run(clicking: Path, tmp_path: Path) -> None:
    layouts = "[left_right, side_by_side, top_bottom, anaglyph, vr180]"
    film, run = render(
        tmp_path,
        "mode: 3d\nframes: 12\nsize: [128, 64]\ncamera: {translation_z: 6}\nturbo: {steps: 3, preroll: 2}\n"
        f"vr: {{ipd: 9, layouts: {layouts}, vr180_size: 256}}\n"
        f"output: {{audio: {clicking}, audio_start: 0.25, film: eyes}}\n",
    )
    assert film == run.path / "eyes.mp4"
    sizes = {
        "eyes": (128, 64),
        "eyes-left": (128, 64),
        "eyes-right": (128, 64),
        "eyes-side-by-side": (256, 64),
        "eyes-top-bottom": (128, 128),
        "eyes-anaglyph": (128, 64),
        "eyes_180_LR": (512, 256),
    }
    assert {path.stem for path in run.path.glob("*.mp4")} == set(sizes)
    for name, size in sizes.items():
        info = probe(run.path / f"{name}.mp4")
        assert (info.width, info.height, info.frames) == (*size, 12)
        assert clicks(run.path / f"{name}.mp4") == pytest.approx([0.25], abs=0.005), name
    for name, mode in (("eyes_180_LR", "left_right"), ("eyes-side-by-side", "left_right")):
        found = read_spherical(run.path / f"{name}.mp4")
        assert found is not None
        assert found.stereo_mode == mode
    left, right = (run.read_frame(5, name).astype(int) for name in ("left", "right"))
    assert np.abs(left - right).mean() > 0.5
    assert not list(run.path.glob(".*"))


@pytest.mark.slow
def test_the_same_frames_in_other_formats(tmp_path: Path) -> None:
    film, run = render(
        tmp_path,
        "mode: 2d\nframes: 10\nfps: 10\nsize: [64, 64]\ncamera: {zoom: 1.02}\n"
        "output: {codec: prores, ten_bits: true, gif: true, webp: true, interpolate_to: 30, film_every: 4}\n",
    )
    assert film.name == "scene.mov"
    facts = {path.name: probe(path) for path in run.path.glob("scene*.m*")}
    assert {name: (info.codec, info.frames, float(info.fps)) for name, info in facts.items()} == {
        "scene.mov": ("prores", 10, 10.0),
        "scene.mp4": ("h264", 10, 10.0),
        "scene-30fps.mp4": ("h264", 30, 30.0),
        "scene-every4.mp4": ("h264", 3, 10.0),
    }
    assert facts["scene.mov"].pix_fmt == "yuv422p10le"
    assert facts["scene.mp4"].pix_fmt == "yuv420p10le"
    assert (run.path / "scene.gif").read_bytes().startswith(b"GIF89a")
    assert (run.path / "scene.webp").read_bytes()[8:12] == b"WEBP"
    assert cv2.imread(str(run.frame_file(3)), cv2.IMREAD_UNCHANGED).dtype == np.uint16
    shown = np.stack(list(read_frames(run.path / "scene.mp4"))).astype(int)
    kept = np.stack([run.read_frame(number) for number in range(10)]).astype(int)
    assert np.abs(shown - kept).mean() < 3


@pytest.mark.slow
def test_still_pairs_are_pictures(tmp_path: Path) -> None:
    _, run = render(
        tmp_path, "mode: still\nimages: 2\nsize: [64, 64]\nvr: {ipd: 9, layouts: [side_by_side, anaglyph]}\n"
    )
    assert cv2.imread(str(run.frame_file(1, "side_by_side"))).shape == (64, 128, 3)
    assert cv2.imread(str(run.frame_file(0, "anaglyph"))).shape == (64, 64, 3)
    assert run.frame_file(1, "left").is_file()


def test_keyframes_in_seconds_stay_where_they_are(tmp_path: Path) -> None:
    values = {}
    for fps in (8, 24):
        path = tmp_path / "scene.yaml"
        path.write_text(
            f"{HEAD}mode: 2d\nframes: 2s\nfps: {fps}\ncamera: {{zoom: '0: (1), 1s: (2), 2s: (1)'}}\n"
        )
        table = read_scene(path).timeline.table
        values[fps] = [float(table.at[round(second * fps), "camera.zoom"]) for second in (0, 0.5, 1, 1.5)]
    assert values[8] == values[24] == [1, 1.5, 2, 1.5]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (
            "turbo: {steps: 2}\ndiffusion: {init_frames: all, perlin_init: mixed}",
            "turbo.steps: moves a frame",
        ),
        ("vr: {vr180_size: 301}", "vr.vr180_size: expected an even number, found 301"),
        (
            "camera: {path: nowhere.json}",
            r"camera.path: .*nowhere.json: No such file or directory",
        ),
        ("output: {audio: nowhere.mp3}", "output.audio: no such file"),
    ],
)
def test_what_cannot_be_is_told(tmp_path: Path, text: str, said: str) -> None:
    (tmp_path / "scene.yaml").write_text(f"prompts: a sea\n{text}\n")
    with pytest.raises(SceneError, match=said):
        read_scene(tmp_path / "scene.yaml")
