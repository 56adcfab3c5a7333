"""Larger copies and finished films of runs, and of files: made once, kept, resumed, with their sound."""

from __future__ import annotations

import dataclasses
import json
import shutil
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from typer.testing import CliRunner, Result

from animator.cli.main import app
from animator.errors import Interrupted, UsageError, WeightsError
from animator.flow.load import load_flow
from animator.run import enlarging as enlarging_module
from animator.run import finished, kept_frames, upscaled
from animator.run.after import finish_film, upscale_run
from animator.run.cancel import Cancel
from animator.run.enlarging import Enlarging, enlarging
from animator.run.kept_frames import read_kept, untold
from animator.run.networks import needed, weights_of
from animator.run.render import render_scene
from animator.run.reporter import Reporter
from animator.run.stages import RECORD
from animator.run.upscale_files import Asked, upscale_files
from animator.runs.png import encode_png
from animator.scene.reading import read_scene
from animator.settings.upscale import Model
from animator.upscale.load import passes
from animator.video.flicker import flicker, shrunk
from animator.video.probe import probe, read_frames
from animator.video.sound import decode, has_sound
from animator.weights.registry import find, location
from tests.ncnn_files import write_enlarging
from tests.test_stages import tone

SCENE = (
    "models: fake\nsize: [64, 64]\nprompts: a red house\nmode: 2d\nframes: 4\nseed: 5\nfps: 6\n"
    "diffusion: {steps: 2, skip_steps: 0}\ncamera: {zoom: 1.05}\n"
    "output: {preset: ultrafast, losses: false, progress_image: false, audio: tone.wav}\n"
)
CPU = torch.device("cpu")


class Noted(Reporter):
    """Notes stages and pictures; asks to stop after so many pictures."""

    def __init__(self, stop_after: int = 0) -> None:
        self.stages: list[str] = []
        self.pictures: list[tuple[int, int]] = []
        self.cancel = Cancel()
        self.stop_after = stop_after

    def stage(self, frame: int, name: str) -> None:
        self.stages.append(name)

    def made(self, done: int, total: int, left: float | None) -> None:
        self.pictures.append((done, total))
        if len(self.pictures) == self.stop_after:
            self.cancel.cancel()


@pytest.fixture(scope="module")
def rendered(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("rendered")
    (folder / "scene.yaml").write_text(SCENE)
    tone(folder / "tone.wav", 440)
    render_scene(read_scene(folder / "scene.yaml"), Reporter(), out=folder / "run", report=False)
    return folder / "run"


@pytest.fixture
def run(rendered: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(rendered, tmp_path / "run"))


@pytest.fixture
def networks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Put tiny networks in place of animevideov3's, which fake scenes use too; count the pictures made."""
    monkeypatch.setenv("ANIMATOR_CACHE", str(tmp_path / "cache"))
    for factor in (2, 3, 4):
        write_enlarging(location(find("upscale", f"animevideov3-x{factor}")), factor)

    def always(scene, model, target, device):
        return Enlarging(
            "animevideov3", scene.size, target, tuple(passes("animevideov3", scene.size, target)), CPU
        )

    counted: list[int] = []
    load = Enlarging.load

    def counting(self):
        make = load(self)
        return lambda pixels: counted.append(1) or make(pixels)

    for room in (finished, upscaled):
        monkeypatch.setattr(room, "enlarging", always)
    monkeypatch.setattr(Enlarging, "load", counting)
    return counted


def animator(*words: object) -> Result:
    return CliRunner().invoke(app, list(map(str, words)))


def change_a_frame(run: Path, digest: str = "0" * 64) -> None:
    """Let a run hold that a frame was painted again: it has another hash in the journal."""
    lines = (run / "journal.jsonl").read_text().splitlines()
    changed = {**json.loads(lines[2]), "file": digest}
    (run / "journal.jsonl").write_text("\n".join([*lines, json.dumps(changed)]) + "\n")


# --- films of a run


def test_a_run_gets_a_larger_film_with_its_sound_once(run: Path) -> None:
    noted = Noted()
    film = upscale_run(run, ["output.upscale.to=[120, 90]"], noted)
    assert film == run / "scene-120x90.mp4"
    assert noted.stages == ["film scene-120x90.mp4", "sound of scene-120x90.mp4"]
    assert noted.pictures == [(number, 4) for number in (1, 2, 3, 4)]
    info = probe(film)
    assert (info.width, info.height, info.frames, info.fps) == (120, 90, 4, 6)
    assert has_sound(film)
    again = Noted()
    assert upscale_run(run, ["output.upscale.to=[120, 90]"], again) == film
    assert again.stages == []
    assert upscale_run(run, [], again) == run / "scene-256x256.mp4"


def test_what_a_network_made_is_kept_and_made_again_only_where_a_frame_changed(
    run: Path, networks: list[int]
) -> None:
    upscale_run(run, ["output.upscale.scale=2"], Noted())
    assert len(networks) == 4
    whole = (run / "scene-128x128.mp4").read_bytes()
    (run / "scene-128x128.mp4").unlink()
    upscale_run(run, ["output.upscale.scale=2"], Noted())
    assert len(networks) == 4
    assert (run / "scene-128x128.mp4").read_bytes() == whole
    change_a_frame(run)
    upscale_run(run, ["output.upscale.scale=2"], Noted())
    assert len(networks) == 5
    # Another network, of the same name, makes all again.
    write_enlarging(location(find("upscale", "animevideov3-x2")), 2, seed=9)
    upscale_run(run, ["output.upscale.scale=2"], Noted())
    assert len(networks) == 9


def test_a_film_is_finished_in_one_go(run: Path) -> None:
    noted = Noted()
    film = finish_film(run, ["output.finish.to=[128, 96]", "output.finish.fps=24"], noted)
    info = probe(film)
    assert film == run / "scene-finished.mp4"
    assert (info.width, info.height, info.frames, info.fps) == (128, 96, 16, 24)
    assert np.abs(decode(film)).max() > 0.1
    assert noted.stages == [
        "film scene-finished.mp4",
        "sound of scene-finished.mp4",
        "flicker of scene-finished.mp4",
    ]
    found = json.loads((run / "scene-finished.json").read_text())
    for name in ("brightness", "detail"):
        assert 0 < found["after"][name] <= found["before"][name]
    # Both are measured at the times of the painted frames: every fourth of the finished film.
    measured = flicker(shrunk(list(read_frames(film))[::4], (64, 64)), load_flow("dis"))
    assert found["after"]["detail"] == pytest.approx(measured.detail, abs=1e-3)
    again = Noted()
    finish_film(run, ["output.finish.to=[128, 96]", "output.finish.fps=24"], again)
    assert again.stages == []


def test_where_nobody_says_a_film_is_four_times_as_large_and_has_as_many_frames(run: Path) -> None:
    info = probe(finish_film(run, ["output.finish.deflicker=0"], Noted()))
    assert (info.width, info.height, info.fps) == (256, 256, 24)


def test_a_film_that_is_stopped_twice_becomes_the_same(
    run: Path, networks: list[int], tmp_path: Path
) -> None:
    settings = ["output.finish.scale=2", "output.finish.fps=12"]
    whole = Path(shutil.copytree(run, tmp_path / "whole"))
    expected = finish_film(whole, settings, Noted()).read_bytes()
    networks.clear()
    for stop_after in (1, 3):
        noted = Noted(stop_after)
        with pytest.raises(Interrupted, match=f"the same command resumes it: animator finish-film {run}"):
            finish_film(run, settings, noted, cancel=noted.cancel)
        assert "film scene-finished.mp4" not in json.loads((run / RECORD).read_text())["stages"]
    assert finish_film(run, settings, Noted()).read_bytes() == expected
    assert len(networks) == 4  # each picture once, whatever happened


@pytest.mark.slow
def test_one_frame_changes_the_frames_around_it_in_a_film_without_flicker(
    run: Path, networks: list[int]
) -> None:
    settings = ["output.finish.scale=2", "output.finish.deflicker=0"]
    finish_film(run, settings, Noted())
    (run / "finishing" / "000002.png").unlink()
    (run / "scene-finished.mp4").unlink()
    networks.clear()
    finish_film(run, settings, Noted())
    assert len(networks) == 1
    change_a_frame(run)
    finish_film(run, settings, Noted())
    assert len(networks) == 2
    # Without flicker a frame holds something of those around it.
    calm = ["output.finish.scale=2"]
    finish_film(run, calm, Noted())
    assert len(networks) == 6
    change_a_frame(run, "1" * 64)
    finish_film(run, calm, Noted())
    assert len(networks) == 10


def test_ffmpeg_can_make_the_frames_between(run: Path) -> None:
    film = finish_film(
        run, ["output.finish.fps=12", "output.finish.scale=1", "output.interpolate_by=ffmpeg"], Noted()
    )
    assert (probe(film).frames, probe(film).fps) == (8, 12)


def test_a_scene_can_ask_for_all_of_it(tmp_path: Path) -> None:
    (tmp_path / "scene.yaml").write_text(SCENE.replace(", audio: tone.wav", ""))
    words = [
        "vr.layouts=[left_right,side_by_side,vr180]",
        "vr.vr180_size=256",
        "output.upscale.scale=1.5",
        "output.codec=prores",
    ]
    loaded = read_scene(tmp_path / "scene.yaml", [*words, "output.finish.fps=12", "frames=2", "mode=3d"])
    render_scene(loaded, Reporter(), out=tmp_path / "run", report=False)
    sizes = {path.name: (probe(path).width, probe(path).frames) for path in (tmp_path / "run").glob("*.m*")}
    assert {name: size for name, size in sizes.items() if "96x96" in name or "finished" in name} == {
        "scene-96x96.mov": (96, 2),
        "scene-left-96x96.mp4": (96, 2),
        "scene-right-96x96.mp4": (96, 2),
        "scene-side-by-side-96x96.mp4": (192, 2),
        "scene-96x96_180_LR.mp4": (512, 2),
        "scene-finished.mov": (64, 4),
    }
    assert set(json.loads((tmp_path / "run" / RECORD).read_text())["files"]) >= set(sizes)


def test_stills_become_larger_and_carry_their_scene(tmp_path: Path) -> None:
    (tmp_path / "scene.yaml").write_text(SCENE.replace(", audio: tone.wav", ""))
    loaded = read_scene(tmp_path / "scene.yaml", ["mode=still", "images=2"])
    render_scene(loaded, Reporter(), out=tmp_path / "run", report=False)
    folder = upscale_run(tmp_path / "run", ["output.upscale.scale=2"], Noted())
    assert folder == tmp_path / "run" / "upscaled"
    assert [cv2.imread(str(path)).shape for path in sorted(folder.iterdir())] == [(128, 128, 3)] * 2
    assert "a red house" in animator("show", folder / "000001.png").stdout
    done = animator("finish-film", tmp_path / "run")
    assert (done.exit_code, "a run of stills has no film; make them larger with: animator upscale") == (
        2,
        done.stderr.partition(": ")[2].partition(f" {tmp_path}")[0],
    )


def test_a_run_that_is_not_finished_is_refused(run: Path) -> None:
    lines = (run / "journal.jsonl").read_text().splitlines()
    (run / "journal.jsonl").write_text("\n".join(lines[:3]) + "\n")
    with pytest.raises(UsageError, match="3 of 4 frames are finished; finish it first: animator resume"):
        finish_film(run, [], Noted())


# --- what a scene needs and what decides


def test_networks_after_the_frames_are_needed_and_decide_no_frame(tmp_path: Path) -> None:
    path = tmp_path / "scene.yaml"
    path.write_text(
        "prompts: a sea\nseed: 3\nmode: 2d\noutput: {upscale: {to: [768, 512], model: animevideov3}}\n"
    )
    loaded = read_scene(path, ["output.finish.scale=2", "output.finish.model=animevideov3"])
    names = [entry.name for entry in needed(loaded.scene) if entry.kind == "upscale"]
    assert names == ["animevideov3-x4", "animevideov3-x2"]
    assert not any("upscale" in name for name in weights_of(loaded))
    still = read_scene(path, ["mode=still", "output.finish.scale=2", "output.finish.model=animevideov3"])
    assert [entry.name for entry in needed(still.scene) if entry.kind == "upscale"] == ["animevideov3-x4"]


@pytest.mark.parametrize(
    ("section", "to", "said"),
    [
        ("upscale", "[768, 512]", ""),
        ("finish", "[766, 512]", ""),
        ("upscale", "[1920, 1080]", "of another shape than the pictures (192 x 128): 16% of them is cut off"),
        ("finish", "[1920, 1080]", "cut off at the sides; 1620 x 1080 shows all"),
        ("upscale", "[96, 64]", "96 x 64 is smaller than the pictures, which are 192 x 128"),
    ],
)
def test_a_size_that_may_not_be_meant_is_noticed(tmp_path: Path, section: str, to: str, said: str) -> None:
    path = tmp_path / "scene.yaml"
    path.write_text(f"models: fake\nprompts: a sea\nseed: 3\nmode: 2d\noutput: {{{section}: {{to: {to}}}}}\n")
    notices = [str(one) for one in read_scene(path).notices]
    assert len(notices) == bool(said)
    assert all(said in one for one in notices)


def test_weights_decide_a_larger_copy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ANIMATOR_CACHE", str(tmp_path / "cache"))
    (tmp_path / "scene.yaml").write_text(SCENE.replace(", audio: tone.wav", ""))
    fake = read_scene(tmp_path / "scene.yaml").scene
    assert enlarging(fake, "auto", (128, 128), CPU).model == "lanczos"
    assert enlarging(fake, "animevideov3", (128, 128), CPU).model == "animevideov3"
    real = fake.model_copy(update={"models": "real"})
    how = enlarging(real, "animevideov3", (128, 128), CPU)
    with pytest.raises(WeightsError, match="animator models fetch animevideov3-x2"):
        how.settings
    seen = []
    for seed in (0, 1):
        write_enlarging(location(find("upscale", "animevideov3-x2")), 2, seed=seed)
        seen.append(how.settings)
    assert seen[0] != seen[1]
    assert seen[0] != dataclasses.replace(how, target=(128, 120)).settings
    assert enlarging_module.enlarging(real, "auto", (128, 128), CPU).settings["larger"] == "lanczos"


def test_kept_pictures_are_held_to_their_key(tmp_path: Path) -> None:
    frames = [np.full((4, 4, 3), value, np.uint8) for value in (10, 20)]
    made: list[int] = []

    def make(pixels: np.ndarray) -> np.ndarray:
        made.append(int(pixels[0, 0, 0]))
        return np.repeat(pixels, 2, axis=1)

    def through(*keys: str) -> list[np.ndarray]:
        return list(kept_frames.kept_frames(tmp_path / "kept", keys, frames[: len(keys)], make, untold))

    assert [one[0, 0, 0] for one in through("a", "b")] == [10, 20]
    through("a", "c")
    assert made == [10, 20, 20]
    torn = tmp_path / "kept" / "000000.png"
    torn.write_bytes(torn.read_bytes()[:-20])
    through("a", "c")
    assert made == [10, 20, 20, 10]
    torn.write_bytes(encode_png(frames[0], {}))
    assert read_kept(torn, "a") is None
    through("a")
    assert sorted(path.name for path in (tmp_path / "kept").iterdir()) == ["000000.png"]


# --- files


def test_a_picture_a_folder_and_a_film_become_larger(run: Path, tmp_path: Path) -> None:
    picture = tmp_path / "one.png"
    shutil.copy(run / "frames" / "000001.png", picture)
    done = animator("upscale", picture, "--scale", "1.5", "--model", "lanczos")
    assert (done.exit_code, done.stdout) == (0, f"{tmp_path / 'one-96x96.png'}\n")
    assert cv2.imread(str(tmp_path / "one-96x96.png")).shape == (96, 96, 3)
    deep = encode_png(np.full((20, 30, 3), 300, np.uint16), {})
    (tmp_path / "deep.png").write_bytes(deep)
    assert (
        animator("upscale", tmp_path / "deep.png", "--to", "60x40", "-o", tmp_path / "d.png").exit_code == 0
    )
    assert cv2.imread(str(tmp_path / "d.png"), cv2.IMREAD_UNCHANGED)[0, 0].tolist() == [300] * 3

    done = animator("upscale", run / "frames", "--to", "100x80", "--out", tmp_path / "larger")
    assert len(done.stdout.splitlines()) == 4
    assert cv2.imread(str(tmp_path / "larger" / "000003.png")).shape == (80, 100, 3)

    (tmp_path / "two").mkdir()
    for name in ("a.png", "a.jpg"):
        shutil.copy(picture, tmp_path / "two" / name)
    assert "another picture there has this name too" in animator("upscale", tmp_path / "two").stderr

    film = tmp_path / "film.mp4"
    shutil.copy(run / "scene.mp4", film)
    done = animator("upscale", film, "--scale", "2", "--json")
    larger = tmp_path / "film-128x128.mp4"
    assert done.stdout.splitlines()[-1] == str(larger)
    assert '"event": "frame"' in done.stdout
    assert (probe(larger).width, probe(larger).frames, probe(larger).fps) == (128, 4, 6)
    assert np.abs(decode(larger)).max() > 0.1
    shown = [cv2.resize(one, (64, 64), interpolation=cv2.INTER_AREA) for one in read_frames(larger)]
    assert np.abs(np.stack(shown).astype(int) - np.stack(list(read_frames(film)))).mean() < 6


def test_a_film_that_is_stopped_is_resumed(run: Path, networks: list[int], tmp_path: Path) -> None:
    class Stopping(Reporter):
        def finished(self, frame: int, seconds: float, left: int) -> None:
            if left == 2:
                cancel.cancel()

    film, asked, cancel = run / "scene.mp4", Asked(None, 2, "animevideov3", CPU), Cancel()
    with pytest.raises(Interrupted, match="the same command continues"):
        upscale_files(film, tmp_path / "big.mp4", asked, Stopping(), cancel)
    assert not (tmp_path / "big.mp4").exists()
    before = len(networks)
    assert upscale_files(film, tmp_path / "big.mp4", asked, Reporter(), Cancel()) == [tmp_path / "big.mp4"]
    assert before >= 2
    assert len(networks) == 4
    assert not list(tmp_path.glob(".big*"))


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("absent.mp4",), "absent.mp4: no such file; name a picture, a film"),
        (("one.png", "--to", "60"), "--to: expected a width and a height such as 768x512, found '60'"),
        (("one.png", "--to", "6x60"), "--to: expected 16 to 16384 pixels a side, found '6x60'"),
        (("one.png", "--scale", "9"), "--scale: expected a number from 1 to 8, found 9"),
        (("one.png", "-o", "one.jpg"), "--out: expected a name ending in .png, found 'one.jpg'"),
        (("one.png", "-o", "no/one.png"), "no: no such folder; make it"),
        (("one.png", "-o", "one.png"), "one.png: cannot write over what it is made from"),
        (("one.png", "-o", "two.png"), "two.png: exists already; overwrite it with --force"),
        (("wide.png", "--scale", "8"), "would become too large (16384 a side at most)"),
    ],
)
def test_faults_of_the_command_are_reported(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, words: tuple[str, ...], said: str
) -> None:
    monkeypatch.chdir(tmp_path)
    for name, width in (("one.png", 16), ("two.png", 16), ("wide.png", 2100)):
        Path(name).write_bytes(encode_png(np.zeros((16, width, 3), np.uint8), {}))
    done = animator("upscale", *words)
    assert (done.exit_code, said in done.stderr) == (2, True), done.stderr


def test_the_command_of_a_run_takes_the_settings_of_a_scene(run: Path) -> None:
    done = animator("upscale", run, "--scale", "1.5", "--model", "lanczos")
    assert (done.exit_code, done.stdout) == (0, f"{run / 'scene-96x96.mp4'}\n")
    assert "leave --out out" in animator("upscale", run, "--out", "x").stderr
    done = animator("finish-film", run, "--fps", "12", "--scale", "1", "--deflicker", "0.5")
    assert done.stdout == f"{run / 'scene-finished.mp4'}\n"
    assert "flicker, in levels of 255: brightness " in done.stderr
    done = animator("finish-film", run, "--fps", "1000")
    assert (done.exit_code, "output.finish.fps: expected" in done.stderr) == (2, True)
    assert {one.value for one in animator_models()} == set(Model.__args__)  # type: ignore[attr-defined]


def animator_models():
    from animator.cli.finishing import Model as Choice

    return Choice


@pytest.mark.slow
def test_a_finished_film_takes_another_look_and_way_and_no_setting_of_frames(
    run: Path, tmp_path: Path
) -> None:
    whole, words = tmp_path / "looks", ["--scale", "1", "--fps", "12", "--deflicker", "0"]
    shutil.copytree(run, whole)

    def made(*more: str) -> Result:
        return CliRunner().invoke(app, ["finish-film", str(whole), *words, *more])

    assert made("--by", "ffmpeg").exit_code == 0
    plain = list(read_frames(whole / "scene-finished.mp4"))
    assert made("--by", "ffmpeg", "--set", "grade.brightness=0.2").exit_code == 0
    bright = list(read_frames(whole / "scene-finished.mp4"))
    assert np.mean(bright) - np.mean(plain) == pytest.approx(0.2 * 255, abs=8)
    refused = made("--set", "seed=9")
    assert refused.exit_code == 2
    assert "--set seed=9: would change the frames" in refused.output


def test_a_folder_with_a_picture_that_is_none_is_refused_before_any_is_made(tmp_path: Path) -> None:
    folder = tmp_path / "pictures"
    folder.mkdir()
    (folder / "a.png").write_bytes(encode_png(np.zeros((8, 8, 3), np.uint8), {}))
    (folder / "b.png").write_text("no picture")
    made = CliRunner().invoke(app, ["upscale", str(folder), "--scale", "2", "--model", "lanczos"])
    assert made.exit_code == 2
    assert "b.png" in made.output
    assert not list(tmp_path.glob("pictures-*/*"))


def test_a_transparent_picture_is_noticed(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    cv2.imwrite(str(tmp_path / "glass.png"), np.zeros((8, 8, 4), np.uint8))
    asked = Asked(None, 2, "lanczos", CPU)
    (made,) = upscale_files(tmp_path / "glass.png", None, asked, Reporter(), Cancel())
    assert "glass.png: is transparent in places; its copy shows them on white" in caplog.text
    assert cv2.imread(str(made)).min() == 255
