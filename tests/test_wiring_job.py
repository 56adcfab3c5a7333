"""A scene resolved: its networks and their hashes, which pictures are wanted, what a run begins with."""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch

import animator.run.render as rendering
from animator.errors import UsageError, WeightsError
from animator.run import fingerprint, networks, tools
from animator.run.fingerprint import hash_inputs
from animator.run.job import job_of, stop_of, wanted_numbers
from animator.run.loop_state import room_for_states
from animator.run.networks import flow_of, needed, require_weights, weights_of
from animator.run.reporter import Reporter
from animator.run.sources import Sources
from animator.run.tools import FAKE_DEPTH, PERCEPTUAL, load_tools
from animator.runs import Entry, RunFolder
from animator.scene.resolved import resolved_text
from animator.weights.shared import SharedNetworks
from tests.wiring import bare_job, changed, scene

PUBLISHED = "512x512_diffusion_uncond_finetune_008100"
VIDEO = {"mode": "video", "video.init": "clip.mp4"}


def loaded_with(folder: Path, *overrides: str, **settings: object):
    """Read a scene and change settings of it that nobody checks; ``__`` is a dot."""
    loaded = scene(folder, "models=real", *overrides)
    for name, value in settings.items():
        loaded = replace(loaded, scene=changed(loaded.scene, name.replace("__", "."), value))
    return loaded


# The job


def test_a_job_holds_its_scene_in_full_and_as_pictures_carry_it(tmp_path: Path) -> None:
    job = bare_job(tmp_path, "device=cpu")
    assert job.text == resolved_text(job.loaded.scene)
    assert "device: cpu" in job.text
    # Whoever renders a picture again has another machine.
    assert job.carried == resolved_text(job.loaded.scene.model_copy(update={"device": "auto"})) != job.text


def test_a_job_holds_the_rates_of_its_films(tmp_path: Path) -> None:
    job = bare_job(tmp_path, "fps=12.5", "output.interpolate_to=29.97")
    assert (job.fps, job.smooth_fps) == (Fraction(25, 2), Fraction(30000, 1001))
    assert job.files.film == job.run.path / "scene.mp4"
    assert not job.still


def test_a_job_of_stills_has_room_for_states_as_any_other(tmp_path: Path) -> None:
    job = bare_job(tmp_path, "mode=still", "output.keep_states=9 MB")
    assert (job.still, job.smooth_fps) == (True, None)
    assert job.states == room_for_states("9 MB", job.shot) > 0
    assert list(job.inputs) == hash_inputs(job.loaded, job.sources, {})


def test_weights_are_part_of_a_job_and_of_its_frames(tmp_path: Path, monkeypatch) -> None:
    plain = bare_job(tmp_path)
    monkeypatch.setattr("animator.run.job.weights_of", lambda loaded: {"diffusion pocket": "aa"})
    job = job_of(plain.run, plain.loaded, plain.sources, plain.tools)
    assert job.weights == {"diffusion pocket": "aa"}
    assert list(job.inputs) == hash_inputs(job.loaded, job.sources, job.weights) != list(plain.inputs)


def test_pictures_are_chosen_of_stills_alone(tmp_path: Path) -> None:
    still = scene(tmp_path, "mode=still", "images=4")
    assert list(wanted_numbers(still)) == [0, 1, 2, 3]
    assert list(wanted_numbers(replace(still, only=(1, 3)))) == [1, 3]
    assert list(wanted_numbers(replace(scene(tmp_path, "frames=3"), only=(1,)))) == [0, 1, 2]


def test_only_stills_are_stopped_half_way(tmp_path: Path) -> None:
    still = changed(scene(tmp_path, "mode=still").scene, "diffusion.stop_at", "40%")
    assert stop_of(still) == 0.4
    assert stop_of(still.model_copy(update={"mode": "2d"})) == 1.0
    assert stop_of(changed(still, "diffusion.stop_at", None)) == 1.0
    assert stop_of(changed(changed(still, "diffusion.stop_at", 5), "diffusion.steps", 20)) == 0.25


# Networks


def kinds(loaded) -> list[tuple[str, str]]:
    return [(entry.kind, entry.name) for entry in needed(loaded.scene)]


POCKET = [("diffusion", "pocket"), ("clip", "pocket"), ("secondary", "pocket")]
OTHER = ("mode=2d", "frames=1", f"diffusion.model={PUBLISHED}")


@pytest.mark.parametrize(
    ("words", "settings", "wanted"),
    [
        (("mode=2d",), {}, POCKET),
        ((), {}, [*POCKET, ("depth", "pocket")]),
        (("mode=2d",), {"vr__enabled": True}, [*POCKET, ("depth", "pocket")]),
        (("depth.model=plane",), {}, POCKET),
        (("depth.model=midas",), {}, [*POCKET, ("depth", "midas"), ("depth", "adabins")]),
        (("depth.model=midas", "depth.midas_weight=1"), {}, [*POCKET, ("depth", "midas")]),
        (("mode=2d",), {"mode": "video", "video__flow": "raft-small"}, [*POCKET, ("flow", "raft-small")]),
        (("mode=2d",), {"mode": "video", "video__flow": "dis"}, POCKET),
        (("mode=2d",), {"mode": "video", "video__flow": "none"}, POCKET),
        (("mode=2d", "turbo.steps=2", "turbo.align=true"), {}, POCKET),
        (("mode=2d",), {"models": "fake", "vr__enabled": True}, []),
        (("mode=2d", "guidance.clip_models={RN50: 1}"), {}, [POCKET[0], ("clip", "RN50/openai"), POCKET[2]]),
        (OTHER, {}, [("diffusion", PUBLISHED), ("clip", "pocket")]),
        (
            (*OTHER, "diffusion.secondary=true"),
            {},
            [("diffusion", PUBLISHED), ("clip", "pocket"), ("secondary", "secondary_model_imagenet_2")],
        ),
    ],
)
def test_a_scene_needs_its_networks_and_no_others(tmp_path: Path, words, settings, wanted) -> None:
    assert kinds(loaded_with(tmp_path, *words, **settings)) == wanted


def test_the_flow_of_footage_is_what_auto_stands_for_here(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr(networks, "flow_name", lambda name, device: f"{name} on {device}")
    video = changed(loaded_with(tmp_path, device="cpu", mode="video").scene, "video.flow", "auto")
    assert flow_of(video) == "auto on cpu"
    assert flow_of(changed(video, "video.flow", "none")) == ""
    aligned = changed(changed(video, "turbo.steps", 2), "turbo.align", True)
    assert flow_of(aligned) == "auto on cpu"
    film = aligned.model_copy(update={"mode": "2d"})
    assert flow_of(film) == "dis"
    assert flow_of(changed(film, "turbo.steps", 1)) == flow_of(changed(film, "turbo.align", False)) == ""


@pytest.fixture
def files(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> set[str]:
    """Return the names of networks whose weights are missing; the hash of a file is its name."""
    missing: set[str] = set()

    def locate(entry):
        if entry.name in missing:
            raise WeightsError(f"no weights of {entry.name}")
        return Path(entry.name)

    monkeypatch.setattr(networks, "locate", locate)
    monkeypatch.setattr(networks, "hash_of", lambda path: f"hash of {path.name}")
    monkeypatch.setattr(networks, "perceptual_files", lambda: (tmp_path / "no file", tmp_path / "vgg"))
    return missing


def test_every_file_of_weights_has_its_hash(tmp_path: Path, files) -> None:
    loaded = loaded_with(tmp_path, f"diffusion.model={PUBLISHED}", "frames=3")
    found = {
        f"diffusion {PUBLISHED}": f"hash of {PUBLISHED}",
        "clip pocket": "hash of pocket",
        "depth pocket": "hash of pocket",
    }
    assert ("perceptual", "vgg16") in kinds(loaded)
    assert weights_of(loaded) == found
    (tmp_path / "vgg").touch()
    assert weights_of(loaded) == {**found, "perceptual vgg16": "hash of vgg"}


def test_a_file_of_weights_is_read_again_once_it_changes(tmp_path: Path, monkeypatch) -> None:
    read: list[Path] = []
    real = networks.file_hash
    monkeypatch.setattr(networks, "file_hash", lambda path: read.append(path) or real(path))
    path = tmp_path / "weights"
    path.write_bytes(b"one")
    first = networks.hash_of(path)
    assert networks.hash_of(path) == first == hashlib.sha256(b"one").hexdigest()
    assert len(read) == 1
    path.write_bytes(b"other")
    assert networks.hash_of(path) == hashlib.sha256(b"other").hexdigest()
    assert len(read) == 2


def test_a_checkpoint_has_its_hash_in_real_scenes_alone(tmp_path: Path, files) -> None:
    loaded = loaded_with(tmp_path, "mode=2d", "frames=1", diffusion__model="my/own.pt")
    assert weights_of(loaded) == {"diffusion own.pt": "hash of own.pt", "clip pocket": "hash of pocket"}
    fake = replace(loaded, scene=loaded.scene.model_copy(update={"models": "fake"}))
    assert weights_of(fake) == {}


def test_all_that_is_missing_is_reported_at_once(tmp_path: Path, files) -> None:
    loaded = loaded_with(
        tmp_path, f"diffusion.model={PUBLISHED}", "guidance.clip_models={RN50: 1}", "frames=3"
    )
    assert require_weights(loaded) == needed(loaded.scene)
    files |= {"vgg16"}
    require_weights(loaded)  # a scene runs without it
    files |= {"RN50/openai", "pocket"}
    with pytest.raises(WeightsError, match=r"no weights of RN50/openai\nno weights of pocket$"):
        require_weights(loaded)


def test_other_footage_and_another_flow_are_other_frames(tmp_path: Path, monkeypatch) -> None:
    video = loaded_with(tmp_path, mode="video", device="cpu")

    def prints(footage: str = "aa", flow: str = "dis", loaded=video) -> list[str]:
        monkeypatch.setattr(fingerprint, "flow_of", lambda scene: flow)
        return hash_inputs(loaded, Sources({}, footage), {})

    assert prints() == prints()
    assert not set(prints()) & set(prints(footage="ab"))
    assert not set(prints()) & set(prints(flow="raft-large"))
    film = replace(video, scene=video.scene.model_copy(update={"mode": "2d"}))
    assert prints(loaded=film) == prints(footage="ab", flow="raft-large", loaded=film)


# Loading


class Shared(SharedNetworks):
    """Notes what is kept and what is asked for; nothing is loaded."""

    def __init__(self) -> None:
        self.kept: list[tuple] = []
        self.asked: list[tuple] = []

    def keep_only(self, wanted) -> None:
        self.kept += wanted

    def get(self, kind, name, settings, load) -> Any:
        self.asked.append((kind, name, settings, load.func, load.args))
        return f"{kind} {name}"


@pytest.fixture
def family(monkeypatch: pytest.MonkeyPatch):
    """A family that notes what it loads; no weights are looked for."""
    noted: list[tuple] = []
    monkeypatch.setattr(tools, "require_weights", lambda loaded: needed(loaded.scene))
    stand_in = SimpleNamespace(load=lambda *given: noted.append(given) or "engine")
    monkeypatch.setattr(tools, "family_of", lambda model: stand_in)
    return noted


CPU = torch.device("cpu")


def test_networks_are_loaded_for_a_scene_or_shared_with_the_one_before(tmp_path: Path, family) -> None:
    shared, sources = Shared(), Sources({"a": tmp_path / "a.png"})
    words = ("device=cpu", "depth.model=midas", "depth.midas_weight=0.7", "turbo.steps=2", "turbo.align=true")
    loaded = loaded_with(tmp_path, *words)
    found = load_tools(loaded, sources, shared)
    assert (found.engine, found.depth, found.flow) == ("engine", "depth midas", "flow dis")
    assert (found.flow_name, found.device) == ("dis", CPU)
    assert family == [(loaded.scene, CPU, sources.open, shared)]
    wanted = [(entry.kind, entry.name) for entry in needed(loaded.scene)]
    assert shared.kept == [*wanted, ("diffusion", "pocket"), PERCEPTUAL]
    dtype = tools.depth_dtype(loaded.scene)
    assert shared.asked == [
        ("depth", "midas", (CPU, dtype, 0.7), tools.load_depth, (loaded.scene.depth, CPU, dtype)),
        ("flow", "dis", CPU, tools.load_flow, ("dis", CPU)),
    ]


def test_a_checkpoint_is_kept_by_its_path(tmp_path: Path, family) -> None:
    shared = Shared()
    load_tools(loaded_with(tmp_path, "mode=2d", diffusion__model="my/own.pt"), Sources({}), shared)
    assert ("diffusion", "my/own.pt") in shared.kept


@pytest.mark.parametrize(
    ("settings", "depth", "flow"),
    [
        ({"mode": "2d"}, None, ""),
        ({"mode": "3d"}, FAKE_DEPTH, ""),
        ({"mode": "still", "vr__enabled": True}, FAKE_DEPTH, ""),
        ({"mode": "video", "video__flow": "raft-large"}, None, "dis"),
        ({"mode": "video", "video__flow": "raft-large", "vr__enabled": True}, FAKE_DEPTH, "dis"),
        ({"mode": "video", "video__flow": "none"}, None, ""),
    ],
)
def test_fake_scenes_see_a_plane_and_follow_dis(tmp_path: Path, family, settings, depth, flow: str) -> None:
    shared = Shared()
    found = load_tools(loaded_with(tmp_path, **settings, models="fake"), Sources({}), shared)
    assert (found.depth, found.flow_name, found.flow) == (depth, flow, f"flow {flow}" if flow else None)
    assert [name for kind, name, *_ in shared.asked] == ([flow] if flow else [])


def test_weights_are_looked_for_before_any_network_is_loaded(tmp_path: Path, family, monkeypatch) -> None:
    def missing(loaded) -> None:
        raise WeightsError("none there")

    monkeypatch.setattr(tools, "require_weights", missing)
    with pytest.raises(WeightsError):
        load_tools(loaded_with(tmp_path), Sources({}), Shared())
    assert family == []


def test_networks_run_on_the_device_of_the_scene(tmp_path: Path, family, monkeypatch) -> None:
    asked = []
    monkeypatch.setattr(tools, "choose_device", lambda name: asked.append(name) or torch.device("meta"))
    found = load_tools(loaded_with(tmp_path, device="cuda"), Sources({}), Shared())
    assert (asked, found.device) == (["cuda"], torch.device("meta"))
    assert family[0][1] == torch.device("meta")


# A run that is there


NONE: dict[int, float] = {}


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """What a run is made of, as the verbs put it together; nothing is made."""
    noted: dict[str, Any] = {}

    def gather(loaded, begun=None):
        noted.update(loaded=loaded, begun=begun)
        return Sources({})

    def load(loaded, sources, shared=None, elsewhere=None):
        noted.update(shared=shared)
        return SimpleNamespace(device=CPU)

    monkeypatch.setattr(rendering, "gather", gather)
    monkeypatch.setattr(rendering, "load_tools", load)
    monkeypatch.setattr(rendering, "job_of", lambda run, *given: run)
    monkeypatch.setattr(
        rendering, "_make", lambda run, *given, **more: noted.update(run=run.path, **more) or run.path
    )
    return noted


def begun(folder: Path, *overrides: str, info: dict | None = None, stopped: dict[int, float] = NONE) -> Path:
    """Return a run with its scene in it, and with pictures that were stopped at some share."""
    path, pixels = folder / "run", np.zeros((8, 8, 3), np.uint8)
    run = RunFolder.create(folder, "scene", out=path)
    run.write("scene.yaml", resolved_text(scene(folder, *overrides).scene))
    run.write_info({"scene": "sea", **(info or {})})
    for number, share in stopped.items():
        run.save_frame(number, pixels, {}, Entry(number, "", 1, 1.0, stopped=share))
    return path


def test_a_new_run_is_made_and_one_that_is_there_goes_on(tmp_path: Path, calls) -> None:
    loaded, shared, out = scene(tmp_path), SharedNetworks(), tmp_path / "run"
    assert rendering.render_scene(loaded, Reporter(), out=out, shared=shared) == out
    assert (calls["begun"], calls["shared"], calls["loaded"]) == (None, shared, loaded)
    assert (out / "run.json").is_file()
    rendering.render_scene(loaded, Reporter(), out=out, shared=shared)
    assert calls["begun"] == calls["run"] == out
    assert "resume_with" not in calls


@pytest.mark.slow
def test_a_run_is_resumed_as_it_was_begun(tmp_path: Path, calls) -> None:
    path = begun(tmp_path, "mode=still", "images=5", "device=cpu", info={"only": [1, 4]})
    rendering.resume_run(path, Reporter())
    loaded = calls["loaded"]
    assert (loaded.name, loaded.only, loaded.scene.device) == ("sea", (1, 4), "cpu")
    assert calls["begun"] == path
    rendering.resume_run(path, Reporter(), device="cuda")
    assert calls["loaded"].scene.device == "cuda"
    (path / "run.json").write_text(json.dumps({}))
    rendering.resume_run(path, Reporter())
    assert (calls["loaded"].name, calls["loaded"].only) == ("scene", ())


STOPPED = {0: 1.0, 1: 0.4, 2: 0.9, 3: 1.0}


@pytest.mark.slow
def test_drafts_are_finished_all_of_them_or_those_that_are_named(tmp_path: Path, calls) -> None:
    path = begun(tmp_path, "mode=still", "images=4", "diffusion.stop_at=40%", stopped=STOPPED)
    for named, only in (((), (1, 2)), ((2,), (2,)), ([2, 1], (2, 1))):
        rendering.finish_run(path, named, Reporter(), device="cuda")
        assert calls["loaded"].only == only
    scene_now = calls["loaded"].scene
    assert (scene_now.diffusion.stop_at, scene_now.device) == (None, "cuda")
    assert (calls["resume_with"], calls["begun"]) == ("finish", path)
    with pytest.raises(UsageError, match="picture 3 is no draft; the drafts in this run are: 1, 2"):
        rendering.finish_run(path, (2, 3), Reporter())


def test_a_run_without_drafts_has_none_to_finish(tmp_path: Path, calls) -> None:
    path = begun(tmp_path, "mode=still", stopped={0: 1.0})
    with pytest.raises(UsageError, match="holds no drafts"):
        rendering.finish_run(path, (), Reporter())
    with pytest.raises(UsageError, match="the drafts in this run are: none"):
        rendering.finish_run(path, (0,), Reporter())
