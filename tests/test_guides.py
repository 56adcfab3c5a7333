"""The settings of the users' guides render on the bundled networks, only the models' names exchanged."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from animator.engines.guided.presets import cut_presets
from animator.film.stills import stills
from animator.run.job import shot_of
from animator.run.sources import gather
from animator.run.tools import load_tools
from animator.scene.bases import FOLDER as BASE
from animator.scene.reading import LoadedScene, read_scene
from animator.weights.shared import SharedNetworks

SMALL = [
    "size=[64, 64]",
    "diffusion.steps=4",
    "diffusion.skip_steps=0",
    "guidance.cutn_batches=1",
    "mode=still",
]
POCKET = ["diffusion.model=pocket", "guidance.clip_models={pocket: 1}", "seed=3", "images=1"]


def scene(tmp_path: Path, text: str, *settings: str) -> LoadedScene:
    path = tmp_path / "scene.yaml"
    path.write_text(f'{text}\nprompts: ["a red sunset over the sea"]\n')
    return read_scene(path, [*POCKET, *SMALL, *settings])


@pytest.fixture(scope="module")
def shared() -> SharedNetworks:
    """The networks, read once for all scenes."""
    return SharedNetworks()


@pytest.fixture(scope="module")
def default(tmp_path_factory: pytest.TempPathFactory, shared: SharedNetworks) -> torch.Tensor:
    """What is painted with the default schedule of cuts."""
    return paint(scene(tmp_path_factory.mktemp("default"), f"extends: {BASE / 'baseline.yaml'}"), shared)


def paint(loaded: LoadedScene, shared: SharedNetworks) -> torch.Tensor:
    sources = gather(loaded)
    tools = load_tools(loaded, sources, shared)
    (one,) = stills(loaded.timeline, shot_of(loaded, sources), tools.engine, [0], {})
    return one.picture


@pytest.mark.slow
@pytest.mark.parametrize(
    "name", sorted(path.name for path in BASE.glob("*.yaml") if path.stem != "model-schedule")
)
def test_a_baseline(tmp_path: Path, shared: SharedNetworks, name: str) -> None:
    loaded = scene(tmp_path, f"extends: {BASE / name}")
    # The tests paint small pictures and skip no steps.
    expected = {"size", "guidance.clip_guidance_scale", "diffusion.perlin_init"}
    assert {one.key for one in loaded.notices} <= expected, loaded.notices
    picture = paint(loaded, shared)
    assert picture.shape == (3, 64, 64)
    assert 0.05 < picture.std() < 0.5


@pytest.mark.slow
@pytest.mark.parametrize("name", sorted(cut_presets()))
def test_a_schedule_of_cuts(tmp_path: Path, shared: SharedNetworks, default: torch.Tensor, name: str) -> None:
    loaded = scene(tmp_path, f"extends: {BASE / 'baseline.yaml'}\nguidance: {{cuts: {name}}}")
    picture = paint(loaded, shared)
    assert picture.isfinite().all()
    assert torch.equal(picture, default) is (name == "default")


@pytest.mark.slow
def test_a_schedule_of_models(tmp_path: Path, shared: SharedNetworks) -> None:
    """RN50 first, then both, then ViT-L-14; here one network stands for the two, under its own weight."""
    published = read_scene(
        _written(tmp_path, f"extends: [{BASE / 'baseline.yaml'}, {BASE / 'model-schedule.yaml'}]")
    )
    schedules = published.timeline.schedules
    first, later = schedules["guidance.clip_models.RN50"], schedules["guidance.clip_models.ViT-L-14"]
    assert (first[0], later[0], first[999], later[999]) == (1, 0, 0, 1)
    assert ((first > 0) | (later > 0)).all()
    assert ((first > 0) & (later > 0)).any()
    total = "+".join(f"[{a + b:g}]*1" for a, b in zip(first, later, strict=True))
    loaded = scene(
        tmp_path, f"extends: {BASE / 'baseline.yaml'}", f"guidance.clip_models={{pocket: '{total}'}}"
    )
    assert paint(loaded, shared).isfinite().all()


def _written(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "published.yaml"
    path.write_text(f"{text}\nprompts: [a sea]\n")
    return path
