"""Tiles of latent networks asked in another process: the same bytes, whatever lies over the network."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

pytest.importorskip("diffusers")

from animator.diffusion.elsewhere import weights_of
from animator.engines.latent.family import LATENT
from animator.run.render import render_scene
from animator.run.reporter import Reporter
from animator.scene.reading import LoadedScene, read_scene
from animator.study.tiles_on_ray import tiles_fault
from tests.test_elsewhere import Others
from tests.test_latent_films import tiny  # noqa: F401
from tests.tiny_latent import adapter, lora, saved

SCENE = """mode: still
size: [64, 64]
seed: 5
prompts: ["a (red:1.3) house", "a blue sea", "fog:-0.5"]
hires: {scale: 2, tiles: 64, skip_steps: 1}
guard: {policy: off}
output: {losses: false}
"""


def scene(folder: Path, kind: str, made: Path, more: str = "", precision: str = "float32") -> LoadedScene:
    path, model = folder / "scene.yaml", saved(kind, made)
    diffusion = f"diffusion: {{model: {model}, steps: 3, skip_steps: 0, precision: {precision}}}\n"
    path.write_text(f"{SCENE}{diffusion}{more}")
    return read_scene(path)


def same(loaded: LoadedScene, folder: Path) -> Others:
    """Paint here, and with the tiles elsewhere; return who was asked."""
    cpu = torch.device("cpu")
    others = Others(LATENT.tile_network(loaded.scene, cpu))
    for name, asked in (("here", None), ("there", others)):
        render_scene(loaded, Reporter(), out=folder / name, report=False, elsewhere=asked)
    here, there = ((folder / name / "hires" / "000000.png").read_bytes() for name in ("here", "there"))
    assert here == there
    assert others.questions
    assert others.weights == [weights_of(others.network)] != [""]
    return others


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["sd1", "sdxl", "lcm", "inpaint"])
def test_a_picture_in_tiles_is_the_same(kind: str, tiny: Path, tmp_path: Path) -> None:  # noqa: F811
    loaded = scene(tmp_path, kind, tiny)
    assert tiles_fault(loaded) == ""
    others = same(loaded, tmp_path)
    channels = 9 if kind == "inpaint" else 4
    assert {tuple(one.x.shape) for one in others.questions} == {(1, channels, 8, 8)}
    assert not any(one.differentiated for one in others.questions)


@pytest.mark.slow
def test_strengths_of_what_lies_over_the_network_go_there(tiny: Path, tmp_path: Path) -> None:  # noqa: F811
    ink, (pictures, encoder) = lora(tiny), adapter(tiny)
    Image.fromarray(np.full((32, 32, 3), (200, 30, 30), np.uint8)).save(tmp_path / "red.png")
    more = (
        "image_prompts: [red.png]\n"
        f"latent: {{loras: {{'{ink}': '[0.2]*800+[1.5]*200'}}, "
        f"ip_adapter: {{model: {pictures}, encoder: {encoder}, scale: 0.8}}}}\n"
    )
    others = same(scene(tmp_path, "sd1", tiny, more), tmp_path)
    told = [one.given[0] for one in others.questions]
    assert {one.strengths.loras for one in told} == {(0.2,), (1.5,)}
    assert {one.strengths.pictures for one in told} == {0.8}
    plain = LATENT.tile_network(scene(tmp_path, "sd1", tiny).scene, torch.device("cpu"))
    assert weights_of(plain) != others.weights[0]


@pytest.mark.slow
def test_in_half_precision_too(tiny: Path, tmp_path: Path) -> None:  # noqa: F811
    others = same(scene(tmp_path, "sd1", tiny, precision="bfloat16"), tmp_path)
    assert next(others.network.unet.parameters()).dtype == torch.bfloat16  # type: ignore[attr-defined]
