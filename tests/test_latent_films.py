"""Latent diffusion under the loop: every mode renders and resumes to the same bytes; tiny networks."""

from __future__ import annotations

from pathlib import Path

import pytest

pytest.importorskip("diffusers")

from animator.run.render import render_scene, resume_run
from animator.run.reporter import Reporter
from animator.scene.reading import read_scene
from tests.test_kill import clip, files_of  # noqa: F401
from tests.tiny_latent import lora, saved

HEAD = """size: [64, 64]
seed: 5
prompts: ["a (red:1.3) house", "a blue sea", "fog:-0.5"]
guard: {policy: off}
output: {losses: false}
depth: {model: plane}
"""
CAMERA = "camera: {translation_z: 8, rotation_3d_y: 1}\n"
MODES = {
    "still": ("sd1", "mode: still\nimages: 2\n"),
    "2d": ("lcm", "mode: 2d\nframes: 3\ncamera: {zoom: 1.05, angle: 2}\ncoherence: {noise: moved}\n"),
    "3d": ("sdxl", f"mode: 3d\nframes: 3\n{CAMERA}coherence: {{uncovered_skip_steps: 0}}\n"),
    "turbo": ("turbo", f"mode: 3d\nframes: 5\n{CAMERA}turbo: {{steps: 2, preroll: 1}}\n"),
    "stereo": ("sd2", f"mode: 3d\nframes: 2\n{CAMERA}vr: {{layouts: [left_right]}}\n"),
    "video": ("inpaint", "mode: video\nvideo: {init: clip.mp4, flow: dis}\nframes: 3\n"),
    "larger": ("sd1", "mode: still\nhires: {scale: 2, tiles: 64}\n"),
}


@pytest.fixture(scope="session")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("tiny latents")


class Cut(Exception):
    """Ends a run in the middle."""


class Cutting(Reporter):
    """Ends a run when its second frame is finished."""

    def finished(self, frame: int, seconds: float, left: int) -> None:
        if frame:
            raise Cut


@pytest.mark.slow
@pytest.mark.parametrize("mode", MODES)
def test_every_mode_renders_and_resumes_to_the_same_bytes(
    mode: str,
    tiny: Path,
    tmp_path: Path,
    clip: Path,  # noqa: F811
) -> None:
    kind, text = MODES[mode]
    model = saved(kind, tiny)
    path = tmp_path / "scene.yaml"
    path.write_text(f"{HEAD}{text}diffusion: {{model: {model}, steps: 3, skip_steps: 0}}\n")
    (tmp_path / "clip.mp4").symlink_to(clip)
    loaded = read_scene(path)
    render_scene(loaded, Reporter(), out=tmp_path / "whole")
    try:
        render_scene(loaded, Cutting(), out=tmp_path / "cut")
    except Cut:
        resume_run(tmp_path / "cut", Reporter())
    whole, cut = files_of(tmp_path / "whole"), files_of(tmp_path / "cut")
    assert whole.keys() == cut.keys()
    assert {name for name in whole if whole[name] != cut[name]} == set()


@pytest.mark.vital
@pytest.mark.slow
def test_the_scene_of_the_page_renders(tiny: Path, tmp_path: Path) -> None:
    """Of the page on latent networks, shorter and smaller."""
    page = (Path(__file__).parents[1] / "docs" / "latent.md").read_text(encoding="utf-8")
    (tmp_path / "scene.yaml").write_text(page.partition("```yaml\n")[2].partition("```")[0])
    (tmp_path / "weights").mkdir()
    for name, made in (("dreams", "sd1"), ("depth", "control")):
        (tmp_path / "weights" / name).symlink_to(saved(made, tiny))
    (tmp_path / "weights" / "ink.safetensors").symlink_to(lora(tiny))
    smaller = ("size=[64, 64]", "diffusion.steps=3", "depth.model=plane", "guard.policy=off")
    assert read_scene(tmp_path / "scene.yaml", smaller[2:3]).notices == ()
    loaded = read_scene(tmp_path / "scene.yaml", (*smaller, "frames=2"))
    assert render_scene(loaded, Reporter(), out=tmp_path / "run") == tmp_path / "run" / "scene.mp4"
