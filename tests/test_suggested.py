"""What is suggested for the settings can be set."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from animator.errors import SceneError
from animator.scene import reference
from animator.scene.reading import read_scene
from animator.scene.reference import declarations, values_page
from animator.scene.suggested import NETWORKS, Suggestion, suggestions

ROOT = Path(__file__).parents[1]
SCENE = """version: 1
mode: {mode}
bpm: 120
prompts: [a lighthouse]
{more}
"""
MORE = {
    "video": "video: {init: clip.mp4, finish: flow}",
    "still": "diffusion: {use_horizontal_symmetry: true}",
}


def test_the_page_of_values_is_what_the_program_suggests() -> None:
    page = (ROOT / "docs" / "values.md").read_text(encoding="utf-8")
    assert page == values_page(), "run: python -m animator.scene.reference --values > docs/values.md"


def test_every_setting_is_one_and_on_the_page() -> None:
    assert len(suggestions()) > 40
    assert set(suggestions()) <= set(declarations())
    page = values_page()
    assert [name for name in suggestions() if f"\n### `{name}`\n" not in page] == []


def mode_for(name: str) -> str:
    """Return a mode in which a setting has an effect."""
    modes = set.intersection(*(set(one.modes) for one in declarations()[name]))
    return next(mode for mode in ("3d", "2d", "still", "video") if mode in modes)


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of pictures as footage."""
    from PIL import Image

    folder = tmp_path_factory.mktemp("footage") / "clip.mp4"
    folder.mkdir()
    for number in range(3):
        Image.new("RGB", (64, 64)).save(folder / f"{number}.png")
    return folder


def faults(name: str, one: Suggestion, folder: Path, clip: Path) -> list[str]:
    """Return what a check says of a suggested value, and of a row that says too little."""
    mode = mode_for(name)
    scene = folder / "scene.yaml"
    scene.write_text(SCENE.format(mode=mode, more=MORE.get(mode, "").replace("clip.mp4", str(clip))))
    found = [] if len(one.gives) > 2 and one.networks in NETWORKS else [f"{name}: {one}"]
    try:
        read_scene(scene, [f"{name}={json.dumps(one.value)}"])
    except SceneError as fault:
        found.append(str(fault))
    return found


@pytest.mark.parametrize("name", suggestions())
def test_every_value_passes_the_check(name: str, tmp_path: Path, clip: Path) -> None:
    assert [fault for one in suggestions()[name] for fault in faults(name, one, tmp_path, clip)] == []


def test_a_wrong_value_does_not(tmp_path: Path, clip: Path) -> None:
    (fault,) = faults("camera.fov", Suggestion(400, "too wide", "all"), tmp_path, clip)
    assert "camera.fov: expected a number from 1 to 179" in fault
    assert len(faults("camera.fov", Suggestion(40, "", "somebody"), tmp_path, clip)) == 1


def test_the_command_prints_the_page(capsys: pytest.CaptureFixture[str]) -> None:
    assert reference.main(["--values"]) == 0
    assert capsys.readouterr().out == values_page()
