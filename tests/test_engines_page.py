"""The family that docs/engines.md shows renders the scene that it shows, as a package beside the program."""

from __future__ import annotations

import importlib
import inspect
import re
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from animator.engines import registry
from animator.engines.family import Family
from animator.run.fingerprint import hash_inputs
from animator.run.render import render_scene
from animator.run.reporter import Reporter
from animator.run.sources import Sources
from animator.scene.reading import read_scene
from animator.system.images import read_whole

PAGE = (Path(__file__).parents[1] / "docs" / "engines.md").read_text(encoding="utf-8")


def block(language: str) -> str:
    found = re.search(rf"```{language}\n(.*?)```", PAGE, re.DOTALL)
    assert found is not None
    return found[1]


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The page's package lies on the path as pip would install it."""
    points = re.sub(r'^\[project\.entry-points\."(.*)"\]$', r"[\1]", block("toml"), flags=re.MULTILINE)
    installed = tmp_path / "wash-1.0.dist-info"
    installed.mkdir()
    (installed / "METADATA").write_text("Metadata-Version: 2.1\nName: wash\nVersion: 1.0\n")
    (installed / "entry_points.txt").write_text(points.replace('"', ""))
    (tmp_path / "wash.py").write_text(block("python"))
    monkeypatch.syspath_prepend(str(tmp_path))
    importlib.invalidate_caches()
    registry._offered.cache_clear()
    yield
    registry._offered.cache_clear()
    sys.modules.pop("wash", None)


@pytest.mark.slow
def test_the_family_of_the_page_renders_its_scene(package: None, tmp_path: Path) -> None:
    (tmp_path / "scene.yaml").write_text(block("yaml"))
    loaded = read_scene(tmp_path / "scene.yaml")
    assert loaded.notices == ()
    film = render_scene(loaded, Reporter(), out=tmp_path / "run")
    assert film == tmp_path / "run" / "scene.mp4"
    assert film.is_file()
    pictures = sorted((tmp_path / "run" / "frames").glob("*.png"))
    frames = [read_whole(path) for path in pictures]
    assert len(frames) == 4
    assert float(frames[0].std(dim=(1, 2)).max()) < 0.01, "one colour"
    assert float((frames[0] - frames[1]).abs().max()) > 0.02, "another wash lies over it"
    render_scene(loaded, Reporter(), out=tmp_path / "again")
    assert [path.read_bytes() for path in pictures] == [
        (tmp_path / "again" / "frames" / path.name).read_bytes() for path in pictures
    ]


def test_the_settings_of_another_engine_are_reported_and_do_not_count(package: None, tmp_path: Path) -> None:
    path = tmp_path / "scene.yaml"
    path.write_text(block("yaml") + "guidance: {clip_guidance_scale: 9000}\n")
    (notice,) = read_scene(path).notices
    assert notice.key == "guidance.clip_guidance_scale"
    assert notice.message == "has no effect with diffusion.model wash"
    before = fingerprints(path)
    path.write_text(block("yaml") + "guidance: {clip_guidance_scale: '0: (9000), 3: (1)', tv_scale: 5}\n")
    assert fingerprints(path) == before
    path.write_text(block("yaml").replace("{model: wash}", "{model: wash, steps: 60}"))
    assert fingerprints(path) != before


def fingerprints(path: Path) -> list[str]:
    return hash_inputs(read_scene(path), Sources({}), {})


def test_the_page_names_every_method_of_a_family() -> None:
    rows = "\n".join(line for line in PAGE.splitlines() if line.startswith("| `"))
    methods = {name for name, _ in inspect.getmembers(Family, inspect.isfunction)} - {"reads"}
    assert {name for name in methods if f"`{name}`" not in rows} == set(Family.__abstractmethods__)
