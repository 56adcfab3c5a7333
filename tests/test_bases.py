"""Base scenes that come with the program are extended by name, from any folder."""

from __future__ import annotations

from pathlib import Path

import pytest

from animator.errors import SceneError
from animator.scene.bases import FOLDER, base_names
from animator.scene.reading import read_scene


@pytest.mark.parametrize("name", base_names())
@pytest.mark.parametrize("spelling", ["{}", "{}.yaml", "base/{}.yaml"])
def test_every_base_is_extended_by_its_name(tmp_path: Path, name: str, spelling: str) -> None:
    (tmp_path / "by_name.yaml").write_text(f"extends: {spelling.format(name)}\nprompts: a sea\nseed: 1\n")
    (tmp_path / "by_path.yaml").write_text(f"extends: {FOLDER / name}.yaml\nprompts: a sea\nseed: 1\n")
    assert read_scene(tmp_path / "by_name.yaml").scene == read_scene(tmp_path / "by_path.yaml").scene


def test_a_file_beside_the_scene_comes_first(tmp_path: Path) -> None:
    path = tmp_path / "scene.yaml"
    path.write_text("extends: [pocket, mine]\nprompts: a sea\n")
    (tmp_path / "mine").write_text("prompts: x\nfps: 7\n")
    assert read_scene(path).scene.fps == 7
    steps = read_scene(path).scene.diffusion.steps
    (tmp_path / "pocket").write_text(f"diffusion: {{steps: {steps + 3}}}\n")
    assert read_scene(path).scene.diffusion.steps == steps + 3


def test_a_name_that_is_none_is_reported_with_the_nearest(tmp_path: Path) -> None:
    path = tmp_path / "scene.yaml"
    path.write_text("extends: poket\nprompts: a sea\n")
    with pytest.raises(
        SceneError, match=r"scene.yaml:1:10: extends: .*poket.*; did you mean 'pocket'\? Bund"
    ):
        read_scene(path)
    path.write_text("extends: ../elsewhere/poket.yaml\nprompts: a sea\n")
    with pytest.raises(SceneError) as caught:
        read_scene(path)
    assert "Bundled" not in str(caught.value)


def test_a_fault_of_a_base_is_at_its_file(tmp_path: Path) -> None:
    path = tmp_path / "scene.yaml"
    path.write_text("extends: [pocket, other]\nprompts: a sea\n")
    (tmp_path / "other").write_text("fps: x\n")
    with pytest.raises(SceneError, match=r"other:1:6: fps: "):
        read_scene(path)
