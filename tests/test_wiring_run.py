"""The wiring of a run: what of a scene reaches its networks, its drivers and its files."""

from __future__ import annotations

import json
from dataclasses import fields, replace
from pathlib import Path

import pytest
import torch

import animator.diffusion.fake as fake_module
import animator.diffusion.load as load_module
import animator.run.render as rendering
import animator.run.tools as tools_module
from animator.engines.family import read_sections
from animator.engines.guided import GUIDED
from animator.errors import PaintError
from animator.film.inits import InitSettings
from animator.film.shot import NO_TURBO, Shot, Turbo
from animator.run.job import shot_of, stop_of
from animator.run.loop_state import bytes_of, room_for_states
from animator.run.networks import flow_of, needed, sees_depth
from animator.run.reporter import Reporter
from animator.run.sources import gather
from animator.run.tools import Tools, load_tools
from animator.scene.resolved import resolved_text
from animator.system.images import read_picture
from animator.types import Painted
from tests.wiring import Desk, footage, picture, scene

REAL = "models=real"


# Networks


@pytest.fixture
def loads(monkeypatch: pytest.MonkeyPatch) -> list[tuple]:
    """What the loaders of networks were asked for; nothing is loaded."""
    asked: list[tuple] = []
    places = {
        "load_engine": load_module,
        "fake_engine": fake_module,
        "load_depth": tools_module,
        "load_flow": tools_module,
    }
    for name, module in places.items():
        monkeypatch.setattr(
            module, name, lambda *given, name=name, **more: asked.append((name, given, more)) or name
        )
    monkeypatch.setattr(tools_module, "require_weights", lambda loaded: [])
    return asked


def loaded_by(loads: list[tuple], folder: Path, *overrides: str) -> dict[str, tuple]:
    loads.clear()
    loaded = scene(folder, *overrides)
    load_tools(loaded, gather(loaded))
    return {name: (given, more) for name, given, more in loads}


@pytest.mark.parametrize(
    "change",
    [
        "depth.model=midas",
        "depth.midas_weight=0.7",
        "diffusion.model=512x512_diffusion_uncond_finetune_008100",
        "diffusion.secondary=true",
        "diffusion.precision=bfloat16",
        "diffusion.compile=true",
        "diffusion.steps=9",
        "guidance.clip_models={RN50: 1}",
        "output.show_cuts=true",
        "models=fake",
    ],
)
def test_what_a_scene_says_of_networks_reaches_their_loaders(loads, tmp_path: Path, change: str) -> None:
    def told(*overrides: str) -> str:
        found = loaded_by(loads, tmp_path, REAL, *overrides)
        return repr([(name, given, more.get("keep_cuts")) for name, (given, more) in found.items()])

    assert told(change) != told()


def test_image_prompts_are_opened_from_the_sources_of_the_run(loads, tmp_path: Path) -> None:
    path = picture(tmp_path)
    given = loaded_by(loads, tmp_path, f"image_prompts={path}")
    opened = given["fake_engine"][1]["open_image"](str(path))
    assert opened.shape == (3, 48, 96)


@pytest.mark.parametrize(
    ("overrides", "depth", "flow"),
    [
        ((), True, ""),
        (("mode=2d",), False, ""),
        (("mode=2d", "vr.enabled=true"), True, ""),
        (("mode=still", "vr.enabled=true"), True, ""),
        (("turbo.steps=3",), True, ""),
        (("turbo.steps=3", "turbo.align=true"), True, "dis"),
        (("turbo.align=true",), True, ""),
        (("mode=video", "video.init=CLIP", "video.flow=dis"), False, "dis"),
        (("mode=video", "video.init=CLIP", "video.flow=none"), False, ""),
    ],
)
def test_depth_and_flow_are_loaded_where_they_are_needed(loads, tmp_path, overrides, depth, flow) -> None:
    clip = footage(tmp_path) if "mode=video" in overrides else ""
    words = [REAL, *(one.replace("CLIP", str(clip)) for one in overrides)]
    found = loaded_by(loads, tmp_path, *words)
    loaded = scene(tmp_path, *words).scene
    assert ("load_depth" in found, "load_flow" in found) == (depth, bool(flow))
    assert (sees_depth(loaded), flow_of(loaded)) == (depth, flow)
    assert ("depth" in {entry.kind for entry in needed(loaded)}) == depth


def test_every_network_that_is_named_is_needed(tmp_path: Path) -> None:
    words = (REAL, "diffusion.secondary=true", "guidance.clip_models={RN50: 1, pocket: 1}")
    kinds = [(entry.kind, entry.name) for entry in needed(scene(tmp_path, *words).scene)]
    assert ("diffusion", "pocket") in kinds
    assert ("secondary", "pocket") in kinds
    assert {name for kind, name in kinds if kind == "clip"} == {"RN50/openai", "pocket"} or {
        name for kind, name in kinds if kind == "clip"
    } >= {"pocket"}
    assert len([kind for kind, _ in kinds if kind == "clip"]) == 2
    assert ("depth", "pocket") in kinds


# The shot


SHOTS = {
    "mode": ("mode=2d", "2d"),
    "width": ("size=[128, 64]", 128),
    "height": ("size=[64, 128]", 128),
    "pictures": ("frames=7", 7),
    "seed": ("seed=9", 9),
    "seed_mode": ("seed_mode=fixed", "fixed"),
    "keep": ("diffusion.skip_steps=50%", 0.5),
    "border_2d": ("warp.border_2d=reflect", "reflect"),
    "padding": ("warp.padding_mode=zeros", "zeros"),
    "sampling": ("warp.sampling_mode=nearest", "nearest"),
    "projection": ("warp.projection=pinhole", "pinhole"),
    "occlusion": ("warp.occlusion=true", True),
    "fill": ("warp.fill=inpaint", "inpaint"),
    "stereo": ("vr.enabled=true", True),
    "noise": ("coherence.noise=new", "new"),
    "detail": ("coherence.detail_coherence=0.5", 0.5),
    "loop": ("loop=true", 1),
}
OTHERS = {"init", "align", "turbo", "sections", "disco", "upright", "regions", "pins"}


@pytest.mark.parametrize("name", SHOTS)
def test_the_shot_is_what_the_scene_says(tmp_path: Path, name: str) -> None:
    override, value = SHOTS[name]
    loaded, usual = scene(tmp_path, override), scene(tmp_path)
    found, before = shot_of(loaded, gather(loaded)), shot_of(usual, gather(usual))
    assert getattr(found, name) == value != getattr(before, name)
    changed = {one.name for one in fields(Shot) if getattr(found, one.name) != getattr(before, one.name)}
    # With a fixed seed noise stays where it is; and detail is held where noise moves.
    more = {"seed_mode": {"noise", "detail"}, "noise": {"detail"}}
    assert changed == {name} | more.get(name, set())


def test_a_shot_names_the_sections_that_its_engine_reads(tmp_path: Path) -> None:
    loaded = scene(tmp_path)
    assert shot_of(loaded, gather(loaded)).sections == read_sections(GUIDED, loaded.scene)
    assert shot_of(loaded, gather(loaded)).sections == ("diffusion", "guidance")


def test_a_shot_has_the_regions_that_the_scene_says(tmp_path: Path) -> None:
    a = "{formula: '1', invert: true, follow: true, keep: true}"
    b = "{depth: '2..5', skip_steps: 2, init_noise: 0.1, still: true, paste: true}"
    loaded = scene(tmp_path, f"regions={{a: {a}, b: {b}}}")
    first, second = shot_of(loaded, gather(loaded)).regions
    names = ("name", "depth", "invert", "follow", "skips", "keep", "noisy", "still", "paste", "scale")
    said = [[getattr(one, name) for name in names] for one in (first, second)]
    assert said[0] == ["a", (0, 0), True, True, False, True, False, False, False, 1]
    assert said[1] == ["b", (2, 5), False, False, True, False, True, True, True, 1]
    assert first.drawn is not None
    assert second.drawn is None


def test_every_part_of_a_shot_is_tried() -> None:
    assert {one.name for one in fields(Shot)} == {*SHOTS, *OTHERS}


@pytest.mark.parametrize(
    ("overrides", "turbo"),
    [
        ((), NO_TURBO),
        (("turbo.steps=4", "turbo.preroll=2"), Turbo(4, 2)),
        (("turbo.steps=4", "turbo.fade=ease"), Turbo(4, 10, ease=True)),
        (("turbo.steps=4", "turbo.align=true"), Turbo(4, 10, align=True)),
        (("turbo.steps=4", "guidance.compat=disco-5"), Turbo(4, 10, disco=True)),
    ],
)
def test_turbo_is_what_the_scene_says(tmp_path: Path, overrides, turbo) -> None:
    loaded = scene(tmp_path, *overrides)
    assert shot_of(loaded, gather(loaded)).turbo == turbo


def test_inits_are_what_the_scene_says(tmp_path: Path) -> None:
    words = ("diffusion.perlin_init=gray", "diffusion.init_noise=0.1", "diffusion.init_color_noise=0.3")
    loaded = scene(tmp_path, *words, "diffusion.init_frames=all")
    assert shot_of(loaded, gather(loaded)).init == InitSettings(None, "gray", 0.1, 0.3, "all")
    path = picture(tmp_path)
    for fit in ("stretch", "cover", "contain"):
        words = (f"diffusion.init_image={path}", f"diffusion.init_fit={fit}", "size=[128, 64]")
        loaded = scene(tmp_path, *words)
        found = shot_of(loaded, gather(loaded)).init.picture
        assert torch.equal(found, read_picture(path, 128, 64, fit))


@pytest.mark.parametrize(
    ("overrides", "align"),
    [
        ((REAL,), True),
        ((REAL, "depth.align=false"), False),
        ((REAL, "depth.model=plane"), False),
        ((), False),
    ],
)
def test_depths_are_aligned_where_a_network_estimates_them(tmp_path: Path, overrides, align: bool) -> None:
    loaded = scene(tmp_path, *overrides)
    assert shot_of(loaded, gather(loaded)).align is align


@pytest.mark.parametrize(("written", "share"), [("null", 1.0), ("40%", 0.4), ("100%", 1.0)])
def test_drafts_stop_where_the_scene_says(tmp_path: Path, written: str, share: float) -> None:
    assert stop_of(scene(tmp_path, "mode=still", f"diffusion.stop_at={written}").scene) == share


# States


def test_sizes_are_decimal() -> None:
    sizes = {"7B": 7, "2 kB": 2000, "3MB": 3 * 10**6, "1.5 GB": 15 * 10**8, "1TB": 10**12}
    assert {text: bytes_of(text) for text in sizes} == sizes


@pytest.mark.vital
@pytest.mark.slow
def test_room_for_states_is_what_the_files_take(tmp_path: Path, monkeypatch) -> None:
    moved = ("coherence.noise=moved", "mode=2d")
    for overrides in (("mode=2d",), (), ("turbo.steps=2", "turbo.preroll=0"), moved):
        loaded = scene(tmp_path, "frames=4", "camera.translation_x=9", *overrides)
        run = tmp_path / f"run{len(overrides)}{overrides[:1]}"
        Desk(monkeypatch).render(loaded, run)
        largest = max(path.stat().st_size for path in (run / "state").glob("*.safetensors"))
        shot = shot_of(loaded, gather(loaded))
        assert room_for_states(12 * largest, shot) <= 10
        assert room_for_states(14 * largest, shot) >= 5


# Painting


class Noting:
    """An engine that is asked as another, and notes it; ``spoil`` makes a flat picture of some frames."""

    def __init__(self, engine, spoil=()) -> None:
        self.engine, self.spoil = engine, spoil
        self.groups: list[int] = []
        self.begun: list[bool] = []
        self.shares: list[float] = []

    def paint(self, request, on_step=None):
        return self.paint_together([request], on_step)[0].picture

    def paint_together(self, requests, on_step=None, *, stop_at=1.0, unfinished=None):
        self.groups.append(len(requests))
        self.begun.append(unfinished is not None)
        self.shares.append(stop_at)
        made = self.engine.paint_together(requests, on_step, stop_at=stop_at, unfinished=unfinished)
        flat = torch.full_like(made[0].picture, 0.5)
        return [
            Painted(flat) if one.frame in self.spoil else each
            for one, each in zip(requests, made, strict=True)
        ]


@pytest.fixture
def engine(monkeypatch: pytest.MonkeyPatch) -> Noting:
    """The engine of every render of a test: a fake one, noted."""
    noting = Noting(None)

    def noted(loaded, sources, *others):
        tools = load_tools(faked(loaded), sources)
        noting.engine = tools.engine
        return Tools(noting, tools.depth, tools.device, tools.flow)

    monkeypatch.setattr(rendering, "load_tools", noted)
    Desk(monkeypatch)
    return noting


def test_a_processor_paints_stills_one_by_one(engine, tmp_path: Path) -> None:
    rendering.render_scene(
        scene(tmp_path, "mode=still", "images=3", "batch=3"), Reporter(), out=tmp_path / "run"
    )
    assert engine.groups == [1, 1, 1]


def test_a_draft_is_painted_to_its_stop_and_goes_on_from_there(engine, tmp_path: Path) -> None:
    words = ("mode=still", "images=1", "diffusion.steps=4")
    run = tmp_path / "run"
    rendering.render_scene(scene(tmp_path, *words, "diffusion.stop_at=50%"), Reporter(), out=run)
    rendering.render_scene(scene(tmp_path, *words), Reporter(), out=run)
    rendering.render_scene(scene(tmp_path, *words), Reporter(), out=run)
    assert engine.shares == [0.5, 1.0]
    assert engine.begun == [False, True]


LOOSE = ("guard.beyond=9", "guard.grain=9", "guard.clipped=1")
"""A guard that lets pass what a fake engine paints in three steps."""


def notes(run: Path) -> list[list[str]]:
    lines = [json.loads(line) for line in (run / "journal.jsonl").read_text().splitlines()]
    return [line.get("notes", []) for line in lines if "seed" in line]


@pytest.mark.vital
@pytest.mark.slow
def test_a_broken_frame_is_judged_by_the_scenes_guard_and_told_in_the_journal(
    engine, tmp_path, monkeypatch
) -> None:
    monkeypatch.setattr(rendering, "job_of", real_job)
    engine.spoil = (1, 2)
    words = (REAL, "frames=4", "guard.policy=keep", *LOOSE)
    rendering.render_scene(scene(tmp_path, *words), Reporter(), out=tmp_path / "run")
    found = notes(tmp_path / "run")
    assert [bool(one) for one in found] == [False, True, True, False]
    assert "kept the moved frame in its place" in found[1][0]
    with pytest.raises(PaintError, match="frame 2"):
        rendering.render_scene(scene(tmp_path, *words, "guard.give_up=2"), Reporter(), out=tmp_path / "less")
    rendering.render_scene(scene(tmp_path, *words, "guard.policy=off"), Reporter(), out=tmp_path / "off")
    assert notes(tmp_path / "off") == [[]] * 4
    tolerant = ("guard.flat=0", "guard.solid=1")
    rendering.render_scene(scene(tmp_path, *words, *tolerant), Reporter(), out=tmp_path / "tolerant")
    assert notes(tmp_path / "tolerant") == [[]] * 4


@pytest.mark.slow
def test_broken_frames_before_a_stop_are_counted_after_it(engine, tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(rendering, "job_of", real_job)
    engine.spoil = (2, 4, 6)
    words = (REAL, "frames=8", "guard.policy=keep", "guard.give_up=3", *LOOSE)
    words = (*words, "turbo.steps=2", "turbo.preroll=0")
    run = tmp_path / "run"

    class Stopping(Reporter):
        def finished(self, frame: int, seconds: float, left: int) -> None:
            if frame == 5:
                raise MemoryError

    with pytest.raises(MemoryError):
        rendering.render_scene(scene(tmp_path, *words), Stopping(), out=run)
    with pytest.raises(PaintError, match="the last of 3 frames in a row"):
        rendering.resume_run(run, Reporter())


job_of = rendering.job_of


def real_job(run, loaded, sources, tools):
    """Put a job together without looking for the weights of its networks."""
    shot, text = shot_of(loaded, sources), resolved_text(loaded.scene)
    return replace(job_of(run, faked(loaded), sources, tools), loaded=loaded, shot=shot, text=text)


def faked(loaded):
    """Return a scene with ``models: fake``."""
    return replace(loaded, scene=loaded.scene.model_copy(update={"models": "fake"}))


def painted(engine: Noting) -> int:
    count = len(engine.groups)
    engine.groups.clear()
    return count


@pytest.mark.vital
@pytest.mark.slow
def test_only_what_an_edit_changed_is_painted_again(engine, tmp_path: Path) -> None:
    run, base = tmp_path / "run", ("mode=2d", "frames=6")

    def render(value: str) -> int:
        words = (*base, f"camera.angle='0: (0) step, 3: ({value})'")
        rendering.render_scene(scene(tmp_path, *words), Reporter(), out=run)
        return painted(engine)

    assert [render("0"), render("0"), render("4"), render("4")] == [6, 0, 3, 0]
    (run / "frames" / "000002.png").unlink()
    assert render("4") == 1
    # The states of another scene's frames are no beginning.
    for value in ("4",):
        words = (*base, "seed=6", f"camera.angle='0: (0) step, 3: ({value})'")
        rendering.render_scene(scene(tmp_path, *words), Reporter(), out=run)
    assert painted(engine) == 6
