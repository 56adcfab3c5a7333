"""The program as a library: what `import animator` gives."""

from __future__ import annotations

import re
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import animator

SCENE = {
    "extends": "pocket",
    "mode": "2d",
    "size": [64, 64],
    "frames": 3,
    "seed": 5,
    "prompts": {0: ["a castle at night: by the sea"], 2: [{"text": "snow", "weight": 2}]},
    "camera": {"zoom": "0: (1.02)"},
    "guard": {"policy": "off"},
    "models": "fake",
}


def test_importing_it_loads_nothing() -> None:
    code = "import sys, animator; print([n for n in ('torch', 'pandas', 'pydantic') if n in sys.modules])"
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ran.stdout.strip() == "[]"


@pytest.mark.parametrize("name", animator.__all__)
def test_every_name_is_there_and_documented(name: str) -> None:
    thing = getattr(animator, name)
    assert name in dir(animator)
    assert isinstance(thing, str) or thing.__doc__
    with pytest.raises(AttributeError, match="has no attribute 'renderr'"):
        _ = animator.renderr


@pytest.mark.vital
@pytest.mark.parametrize("networks", ["fake", pytest.param("real", marks=pytest.mark.slow)])
def test_frames_are_those_of_a_render(tmp_path: Path, networks: str) -> None:
    settings = {"models": networks, "diffusion.steps": 4}
    film = animator.render(SCENE, settings, out=tmp_path / "run")
    assert (film.suffix, film.is_file()) == (".mp4", True)
    pictures = list(animator.frames(SCENE, settings))
    assert [(one.number, one.seed) for one in pictures] == [(0, 5), (1, 6), (2, 7)]
    for one, file in zip(pictures, sorted((tmp_path / "run" / "frames").glob("*.png")), strict=True):
        assert np.array_equal(one.pixels, np.asarray(Image.open(file)))
        assert one.image.size == (64, 64)


def test_stills_are_painted_one_by_one(tmp_path: Path) -> None:
    scene = {"prompts": "a sea", "models": "fake", "images": 1000, "seed": 1, "size": [64, 64]}
    some = animator.frames(scene)
    assert [next(some).number, next(some).number] == [0, 1]
    some.close()


def test_settings_go_over_a_scene_whatever_they_are(tmp_path: Path) -> None:
    settings = {
        "fps": 24,
        "prompts": {0: "a: b", 1: ["x:2", {"text": "y"}]},
        "camera.zoom": "0: (1), 2: (1.1)",
        "guidance.cuts": "pulp",
        "diffusion.skip_steps": "20%",
        "diffusion.secondary": True,
    }
    scene = animator.load(SCENE, settings).scene
    assert (scene.fps, scene.diffusion.secondary, scene.diffusion.skip_steps) == (24, True, "20%")
    assert animator.load(SCENE, settings).timeline.table.at[2, "camera.zoom"] == pytest.approx(1.1)
    path = tmp_path / "scene.yaml"
    path.write_text("prompts: a sea\nextends: pocket\n")
    loaded = animator.load(path, {"seed": 3})
    assert animator.load(loaded) is loaded
    with pytest.raises(ValueError, match="over a scene when it is read"):
        animator.load(loaded, {"seed": 4})


def test_every_fault_has_its_place() -> None:
    with pytest.raises(animator.SceneError) as caught:
        animator.load({"prompts": "a sea", "fpz": 3, "frames": -1})
    assert [(one.file, one.line) for one in caught.value.problems] == [("scene", 2), ("scene", 3)]
    with pytest.raises(animator.AnimatorError, match="--set"):
        animator.load({"prompts": "a sea"}, {"fpz": 3})


def test_a_render_is_cancelled_and_resumed(tmp_path: Path) -> None:
    cancel, seen = animator.Cancel(), []

    class First(animator.Reporter):
        def finished(self, frame: int, seconds: float, left: int) -> None:
            seen.append((frame, left, threading.current_thread().name))
            cancel.cancel()

    with pytest.raises(animator.AnimatorError, match="continue with: animator resume"):
        animator.render(SCENE, out=tmp_path / "run", reporter=First(), cancel=cancel)
    assert seen
    film = animator.resume(tmp_path / "run")
    whole = animator.render(SCENE, out=tmp_path / "whole")
    assert film.read_bytes() == whole.read_bytes()


EXAMPLES = re.findall(
    r"```python\n(.*?)```", (Path(__file__).parents[1] / "docs" / "library.md").read_text(), re.DOTALL
)


def test_the_documentation_has_examples() -> None:
    assert len(EXAMPLES) == 3


@pytest.mark.slow
@pytest.mark.parametrize("number", range(3))
def test_the_examples_run(tmp_path: Path, number: int) -> None:
    scene = "extends: pocket\nmode: 2d\nframes: 2\nsize: [64, 64]\nprompts: a sea\nmodels: fake\n"
    (tmp_path / "castle.yaml").write_text(scene)
    ran = subprocess.run(
        [sys.executable, "-c", EXAMPLES[number]], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    made = {
        str(file.relative_to(tmp_path)) for file in tmp_path.rglob("*") if file.suffix in (".png", ".mp4")
    }
    if number == 0:
        assert ran.stdout.strip() == "renders/mine/castle.mp4"
        assert ran.stdout.strip() in made
    elif number == 1:
        assert made == {f"castle-{frame:03}.png" for frame in range(3)}
    else:
        assert ran.stdout.splitlines()[-1] == "stopped; continue with: animator resume stopped"
        assert {"stopped/scene.mp4", "stopped/frames/000003.png"} <= made
