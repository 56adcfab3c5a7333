"""Pictures painted a second time, larger: what is asked for, what is saved, and what is made again."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

import animator.run.render as rendering
from animator.engines.family import Memory
from animator.engines.guided.family import Guided
from animator.engines.guided.memory import guided_memory
from animator.errors import MemoryShortage
from animator.film.larger import Larger, Saved, enlarged, halved, held_over, held_to, larger
from animator.flow.load import load_flow
from animator.look.work import work_of, work_text
from animator.memory.estimate import estimate
from animator.run.job import shot_of
from animator.run.larger import large_inputs
from animator.run.render import render_scene, resume_run
from animator.run.reporter import Reporter
from animator.run.sources import Sources, gather
from animator.run.status import status_of, status_text
from animator.runs import Entry, RunFolder
from animator.runs.hires import finished_large
from animator.scene.draft import draft_of
from animator.scene.larger import tile_side
from animator.scene.reading import LoadedScene
from animator.settings.scene import Scene
from animator.study.folder import StudyFolder
from animator.study.identity import painted_by
from animator.study.painting import FINISHED
from animator.study.results import Cell, shown_files
from animator.types import Frame, Request
from animator.video.probe import probe
from tests.test_kill import files_of
from tests.wiring import footage, scene

LARGE = ("mode=2d", "camera.zoom=1.05", "frames=3", "hires.scale=2", "hires.tiles=64")
HOW = Larger(128, 128, 0.55, 64, 0.5)


class Asked:
    """An engine that notes what it is asked and paints it grey, or has no memory for large tiles."""

    def __init__(self, most: int = 10**6) -> None:
        self.requests: list[Request] = []
        self.most = most

    def paint(self, request: Request, on_step: object = None) -> Frame:
        self.requests.append(request)
        if (request.tiles or request.width) > self.most:
            raise MemoryShortage("too large")
        return torch.full((3, request.height, request.width), 0.5)


def picture(number: int, side: int = 64) -> Frame:
    """A pattern that is shifted by two of 64 pixels a frame."""
    wide = torch.rand(3, 4, 8, generator=torch.Generator().manual_seed(7))
    whole = torch.nn.functional.interpolate(wide[None], (side, 2 * side), mode="bicubic")[0].clamp(0, 1)
    start = 2 * number * side // 64
    return whole[:, :, start : start + side]


def asked(
    loaded: LoadedScene, engine: Asked, wanted: list[int], how: Larger = HOW
) -> tuple[list[Request], list[int]]:
    shot = shot_of(loaded, gather(loaded))
    read: list[int] = []

    def large(number: int) -> Frame:
        read.append(number)
        return picture(number, 128)

    flow = load_flow("dis") if how.hold else None
    made = list(larger(loaded.timeline, shot, how, engine, wanted, Saved(picture, large), flow))
    assert [one.frame for one in made] == wanted
    return engine.requests, read


def test_a_still_is_painted_over_its_enlargement(tmp_path: Path) -> None:
    loaded = scene(tmp_path, "mode=still", "images=3", "guidance.clip_guidance_scale=700")
    (request,), read = asked(loaded, Asked(), [2], replace(HOW, hold=0.0))
    assert request.init is not None
    assert torch.equal(request.init, enlarged(picture(2), 128, 128))
    assert (request.width, request.height, request.keep, request.tiles) == (128, 128, 0.55, 64)
    assert (request.seed, request.frame, read) == (7, 0, [])
    assert request.prompts[0].text == "a red house"
    # Guidance grows with the pixels.
    assert request.values["guidance.clip_guidance_scale"][0] == 4 * 700


def test_frames_of_a_film_hold_on_to_the_larger_frame_before(tmp_path: Path) -> None:
    loaded = scene(tmp_path, "mode=2d", "frames=4")
    requests, read = asked(loaded, Asked(), [0, 1, 3])
    assert read == [0, 2]
    assert {(one.seed, one.frame) for one in requests} == {(5, 0)}
    first, second, _ = requests
    assert first.init is not None
    assert second.init is not None
    assert torch.equal(first.init, enlarged(picture(0), 128, 128))
    assert not torch.equal(second.init, enlarged(picture(1), 128, 128))


def test_the_end_of_a_loop_holds_on_to_its_first_frame(tmp_path: Path) -> None:
    shot = shot_of(scene(tmp_path, "mode=2d", "frames=8", "loop=true", "fps=2"), Sources({}))
    assert shot.loop == 4
    shares = {number: held_to(shot, number, 0.3) for number in (3, 4, 5, 7)}
    assert shares[3] == {2: 0.3}
    assert shares[4] == {3: 0.3, 0: pytest.approx(0.15)}
    assert shares[5] == {4: 0.3, 0: pytest.approx(0.3)}
    assert shares[7] == {6: 0.3, 0: pytest.approx(0.6)}


def test_what_is_held_was_moved_along_the_flow() -> None:
    flow = load_flow("dis")
    init = enlarged(picture(1), 128, 128)
    held = held_over(init, picture(1), picture(0), picture(0, 128), flow, 1.0)
    inside = slice(24, -24)
    moved, still = (
        float((one - picture(1, 128))[:, inside, inside].abs().mean()) for one in (held, picture(0, 128))
    )
    assert moved < still / 8
    assert torch.equal(held_over(init, picture(1), picture(0), picture(0, 128), flow, 0.0), init)


def test_what_cannot_be_followed_is_not_held() -> None:
    noise = [torch.rand(3, 64, 64, generator=torch.Generator().manual_seed(n)) for n in range(2)]
    init = enlarged(noise[1], 128, 128)
    held = held_over(init, noise[1], noise[0], torch.zeros(3, 128, 128), load_flow("dis"), 1.0)
    assert torch.isclose(held, init).float().mean() > 0.5


def test_tiles_are_halved_until_the_memory_holds_them(tmp_path: Path, caplog) -> None:
    loaded = scene(tmp_path, "mode=still", "images=2")
    requests, _ = asked(loaded, Asked(most=130), [0, 1], Larger(512, 256, 0.5))
    assert [one.tiles for one in requests] == [0, 256, 128, 128]
    assert "tiles of 128" in caplog.text
    with pytest.raises(MemoryShortage):
        asked(loaded, Asked(most=10), [0], Larger(512, 256, 0.5))
    assert halved(replace(requests[0], tiles=64)) == 64


@pytest.mark.parametrize(
    ("more", "changed"),
    [("mode: 2d", [1, 2]), ("mode: 2d\nhires: {hold: 0}", [1]), ("mode: still\nimages: 3", [1])],
)
def test_a_fingerprint_follows_from_the_first_picture_and_the_larger_one_before(
    read, more: str, changed: list[int]
) -> None:
    entries = {number: Entry(number, "", 0, 0.0, f"bytes {number}") for number in range(3)}

    def of(entries: dict[int, Entry], *settings: str) -> dict[int, str]:
        scene = read(f"prompts: x\n{more}\n", "hires.scale=2", *settings).scene
        return large_inputs(scene, range(3), ["a", "b", "c"], entries)

    before = of(entries)
    after = of({**entries, 1: replace(entries[1], file="others")})
    assert [number for number in range(3) if before[number] != after[number]] == changed
    for setting in ("hires.skip_steps=40%", "hires.tiles=64", "hires.scale=3", "output.ten_bits=true"):
        assert not set(of(entries, setting).values()) & set(before.values()), setting
    assert list(of({**entries, 1: replace(entries[1], stopped=0.5)})) == [0, 2]
    assert of(entries, "hires.scale=1") == {}


class Told(Reporter):
    """Notes which pictures were made in which pass, and the stages after; may stop the run."""

    def __init__(self, stop: Callable[[str, int], bool] = lambda name, frame: False) -> None:
        self.made: list[tuple[str, int]] = []
        self.stages: list[str] = []
        self._stop, self._pass = stop, ""

    def begin(self, name: str, total: int, done: int) -> None:
        self._pass = name

    def stage(self, frame: int, name: str) -> None:
        if name.startswith("film "):
            self.stages.append(name)

    def finished(self, frame: int, seconds: float, left: int) -> None:
        self.made.append((self._pass, frame))
        if self._stop(self._pass, frame):
            raise KeyboardInterrupt


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Told]:
    """A film that was rendered at one go, with what was told of it."""
    folder, told = tmp_path_factory.mktemp("whole"), Told()
    made = render_scene(scene(folder, *LARGE), told, out=folder / "run", report=False)
    assert made == folder / "run" / "scene-128x128.mp4"
    return folder / "run", told


BOTH = [("scene", 0), ("scene", 1), ("scene", 2)]
BOTH += [("scene 128 x 128", 0), ("scene 128 x 128", 1), ("scene 128 x 128", 2)]


def test_a_run_holds_the_larger_frames_and_their_film(whole: tuple[Path, Told]) -> None:
    path, told = whole
    assert told.made == BOTH
    assert told.stages == ["film scene-128x128.mp4"]
    run = RunFolder.open(path)
    assert run.read_frame(1, "hires").shape == (128, 128, 3)
    assert sorted(finished_large(run)) == [0, 1, 2]
    assert (path / "scene-128x128.mp4").is_file()
    assert run.read_info()["film"] == "scene.mp4"
    assert status_of(path).larger == (3, 3)


def test_what_is_up_to_date_is_not_made_again(whole: tuple[Path, Told], tmp_path: Path) -> None:
    path = shutil.copytree(whole[0], tmp_path / "run")
    before, told = files_of(path), Told()
    resume_run(path, told)
    assert (told.made, told.stages) == ([], [])
    (path / "hires" / "000001.png").unlink()
    status = status_of(path)
    assert status.larger == (2, 3)
    assert "resume makes 1 larger frames" in status_text(status)
    told = Told()
    resume_run(path, told)
    assert told.made == [("scene 128 x 128", 1)]
    after = files_of(path)
    large = [name for name in before if name.startswith("hires/0") or name.endswith(".mp4")]
    assert len(large) == 5
    assert all(before[name] == after[name] for name in large)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("setting", "made"),
    [
        ("hires.skip_steps=30%", BOTH[3:]),
        ("prompts={0: a red house, 2: a blue sea}", [BOTH[2], BOTH[5]]),
        ("fps=24", []),
        ("hires.scale=1", []),
    ],
)
def test_only_what_changed_is_made_again(whole, tmp_path: Path, setting: str, made: list[object]) -> None:
    path, told = shutil.copytree(whole[0], tmp_path / "run"), Told()
    render_scene(scene(tmp_path, *LARGE, setting), told, out=path, report=False)
    assert told.made == made


@pytest.mark.parametrize("last", [0, 1])
def test_a_run_that_was_stopped_ends_with_the_same_bytes(whole, tmp_path: Path, last: int) -> None:
    stop = Told(lambda name, frame: name.endswith("128") and frame == last)
    with pytest.raises(rendering.Interrupted):
        render_scene(scene(tmp_path, *LARGE), stop, out=tmp_path / "run", report=False)
    told = Told()
    resume_run(tmp_path / "run", told)
    assert told.made == BOTH[4 + last :]
    ours, theirs = (
        {name: data for name, data in files_of(one).items() if name.endswith((".png", ".mp4"))}
        for one in (tmp_path / "run", whole[0])
    )
    assert ours == theirs


def test_stills_are_painted_larger_but_not_drafts(tmp_path: Path) -> None:
    still = ("mode=still", "images=2", "keep_best=1", "hires.scale=2", "hires.tiles=64")
    told = Told()
    made = render_scene(scene(tmp_path, *still), told, out=tmp_path / "run", report=False)
    assert made == tmp_path / "run" / "hires"
    large = finished_large(RunFolder.open(tmp_path / "run"))
    finished = [n for n, one in RunFolder.open(tmp_path / "run").journal().items() if one.stopped == 1]
    assert list(large) == finished
    assert len(finished) == 1
    draft = render_scene(scene(tmp_path, *still[:2], *still[3:], "diffusion.stop_at=50%"), told)
    assert draft.name == "frames"


@pytest.mark.slow
@pytest.mark.parametrize("mode", ["mode=3d", "turbo.steps=2", "video", "output.codec=prores"])
def test_every_kind_of_film_is_painted_larger(tmp_path: Path, mode: str) -> None:
    more = (mode,)
    if mode == "video":
        more = ("mode=video", f"video.init={footage(tmp_path)}", "video.flow=dis", "video.sound=false")
    made = render_scene(scene(tmp_path, *LARGE, *more), Told(), out=tmp_path / "run", report=False)
    assert made.name == ("scene-128x128.mov" if "codec" in mode else "scene-128x128.mp4")
    assert probe(made).frames == 3
    assert sorted(finished_large(RunFolder.open(tmp_path / "run"))) == [0, 1, 2]


def test_sixteen_bits_stay_sixteen(tmp_path: Path) -> None:
    render_scene(
        scene(tmp_path, *LARGE, "frames=1", "output.ten_bits=true"),
        Told(),
        out=tmp_path / "run",
        report=False,
    )
    pixels = RunFolder.open(tmp_path / "run").read_frame(0, "hires", deep=True)
    assert pixels.dtype == np.uint16


def test_tiles_follow_what_the_network_was_trained_on(read) -> None:
    def side(text: str) -> int:
        return tile_side(read(f"prompts: x\nmode: still\n{text}\n").scene)

    assert side("size: [192, 128]") == 0
    assert side("size: [192, 128]\nhires: {scale: 2}") == 192
    assert side("size: [64, 64]\nhires: {scale: 2}") == 0
    assert side("size: [192, 128]\nhires: {scale: 2, tiles: none}") == 0
    assert side("size: [192, 128]\nhires: {scale: 2, tiles: 128}") == 128


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "size: [1024, 640]\nhires: {scale: 8}",
            "hires.scale: makes 8192 x 5120, and a side has at most 4096",
        ),
        ("size: [128, 128]\nhires: {scale: 1.2}", "hires.scale: is 1.2, which leaves 128 x 128"),
        ("hires: {scale: 2, skip_steps: 100%}", "hires.skip_steps: leaves out all 50 steps"),
        ("hires: {scale: 2, tiles: 100}", "hires.tiles"),
        ("hires: {scale: 9}", "hires.scale"),
        ("hires: 2", "perhaps hires: {scale: 2}"),
    ],
)
def test_what_makes_no_sense_is_refused(fault, text: str, message: str) -> None:
    assert message in fault(f"prompts: x\nmode: still\n{text}\n")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("mode: still\nhires: {tiles: 64}", "has no effect without hires.scale above 1"),
        ("mode: still\nhires: {scale: 2, hold: 0.4}", "has no effect in mode still"),
        (
            "mode: still\nsize: [192, 128]\nhires: {scale: 1.5}",
            "makes 256 x 192, in which 192 x 128 is stretched",
        ),
        ("mode: still\nvr: true\nhires: {scale: 2}", "what two eyes see of them stays 192 x 128"),
        (
            "mode: still\nsize: [768, 512]",
            "size: [192, 128] with hires: {scale: 4} paints it once, then larger",
        ),
        ("mode: still\nhires: {scale: 2}\ndiffusion: {stop_at: 50%}", "animator finish"),
    ],
)
def test_what_may_not_be_meant_is_said(read, text: str, message: str) -> None:
    said = [str(one) for one in read(f"prompts: x\n{text}\n").notices]
    assert any(message in one for one in said), said


def test_a_plan_counts_the_larger_pictures(read) -> None:
    small, large = (
        read(f"prompts: x\nmode: still\nimages: 3\ndiffusion: {{steps: 20}}\n{more}")
        for more in ("", "hires: {scale: 3}\n")
    )
    work = work_of(large)
    assert (work.larger, work.larger_steps, work_of(small).larger) == (3, 7, 0)
    assert "painted again, larger  3, at 576 x 384, 7 steps each, in 12 tiles of 192" in work_text(large)


def test_memory_is_that_of_the_more_demanding_painting(read, monkeypatch) -> None:
    asked: list[tuple[tuple[int, int], int]] = []

    def memory(self: object, scene: Scene, timeline: object, kind: str, tiles: int = 0) -> Memory:
        asked.append((scene.size, tiles))
        return Memory((), {"network": scene.size[0]})

    monkeypatch.setattr(Guided, "memory", memory)
    loaded = read("prompts: x\nmode: still\nhires: {scale: 3}\n")
    assert dict(estimate(loaded, "cuda").parts)["network at work"] == 576
    assert asked == [((192, 128), 0), ((576, 384), 192)]


@pytest.mark.slow
def test_tiles_take_memory_by_their_pixels(read) -> None:
    loaded = read("prompts: x\nmode: still\nsize: [256, 192]\ndiffusion: {secondary: true}\n")
    whole, tiled = (guided_memory(loaded.scene, loaded.timeline, "cpu", side).peak for side in (0, 128))
    assert tiled["diffusion network"] == round(whole["diffusion network"] * 128 * 128 / (256 * 192))
    assert {**tiled, "diffusion network": 0} == {**whole, "diffusion network": 0}


def test_a_draft_leaves_it_out(read) -> None:
    loaded = read("prompts: x\nmode: still\nsize: [256, 192]\nhires: {scale: 2}\n")
    assert draft_of(loaded).scene.large_size is None


def test_a_study_shows_and_tells_apart_larger_pictures(tmp_path: Path) -> None:
    still = ("mode=still", "images=2")
    plain, more, less = (
        scene(tmp_path, *still, *words)
        for words in ((), ("hires.scale=2",), ("hires.scale=2", "hires.skip_steps=40%"))
    )
    painted = [painted_by(one) for one in (plain, more, less)]
    assert len({one.name for one in painted}) == 3
    assert [one.larger for one in painted] == [0, 2, 2]
    assert painted_by(scene(tmp_path, *still, "hires.tiles=64")).name == painted[0].name
    folder = StudyFolder(tmp_path)
    shown = [shown_files(folder, Cell("a", one), FINISHED)[0] for one in (plain, more)]
    assert shown == ["cells/a/frames/000000.png", "cells/a/hires/000000.png"]
