"""Several scenes on one command line load the same networks once."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import pytest

import animator.diffusion.load
import animator.run.tools
from animator.cli.main import main
from animator.run.sources import gather
from animator.run.tools import load_tools
from animator.scene.reading import read_scene
from animator.weights.shared import SharedNetworks

HEAD = (
    "size: [64, 64]\nseed: 5\nprompts: a sea\ndiffusion: {steps: 2, skip_steps: 0}\n"
    "output: {preset: ultrafast}\n"
)


@pytest.fixture
def loads(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Counter[str]:
    """How often each network was read."""
    counted: Counter[str] = Counter()

    def count(module: Any, name: str) -> None:
        real = getattr(module, name)

        def load(*arguments: Any, **options: Any) -> Any:
            counted[name] += 1
            return real(*arguments, **options)

        monkeypatch.setattr(module, name, load)

    for name in ("load_diffusion", "load_secondary", "load_perceptor"):
        count(animator.diffusion.load, name)
    for name in ("load_depth", "load_flow"):
        count(animator.run.tools, name)
    monkeypatch.chdir(tmp_path)
    return counted


def write(name: str, text: str) -> Path:
    Path(name).write_text(HEAD + text)
    return Path(name)


@pytest.mark.slow
def test_two_scenes_on_one_line(loads: Counter[str], monkeypatch: pytest.MonkeyPatch) -> None:
    write("a.yaml", "mode: 3d\nframes: 1\n")
    write("b.yaml", "mode: 3d\nframes: 1\nguidance: {clip_guidance_scale: 100}\n")
    write("c.yaml", "mode: still\n")
    monkeypatch.setattr("sys.argv", ["animator", "render", "a.yaml", "b.yaml", "c.yaml"])
    with pytest.raises(SystemExit) as ended:
        main()
    assert not ended.value.code
    assert loads["load_diffusion"] == loads["load_perceptor"] == loads["load_depth"] == 1
    first = Path("renders/c/001/frames/000000.png").read_bytes()
    monkeypatch.setattr("sys.argv", ["animator", "render", "c.yaml"])
    with pytest.raises(SystemExit):
        main()
    assert Path("renders/c/002/frames/000000.png").read_bytes() == first


@pytest.mark.slow
def test_what_the_next_scene_does_not_need_is_let_go(loads: Counter[str]) -> None:
    shared = SharedNetworks()
    deep, flat = write("a.yaml", "mode: 3d\nframes: 1\n"), write("b.yaml", "mode: 2d\nframes: 1\n")
    for path in (deep, flat, deep):
        loaded = read_scene(path, ["diffusion.precision=float32"])
        load_tools(loaded, gather(loaded), shared)
    assert loads["load_depth"] == 2
    assert loads["load_diffusion"] == 1
    whole = read_scene(flat, ["diffusion.precision=bfloat16"])
    load_tools(whole, gather(whole), shared)
    assert (loads["load_perceptor"], loads["load_diffusion"]) == (2, 1)  # another type of numbers


def test_only_the_same_is_shared() -> None:
    shared, made = SharedNetworks(), []

    def load() -> object:
        made.append(object())
        return made[-1]

    one = shared.get("clip", "RN50", "cpu", load)
    assert shared.get("clip", "RN50", "cpu", load) is one
    assert shared.get("clip", "RN50", "cuda", load) is not one
    assert shared.get("clip", "RN50", "cpu", load) is not one
    other = shared.get("diffusion", "my.safetensors", "cpu", load)
    shared.keep_only([("clip", "RN50")])
    assert shared.get("diffusion", "my.safetensors", "cpu", load) is not other
