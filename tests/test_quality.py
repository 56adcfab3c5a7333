"""The tool that measures time to the same quality: what it paints, keeps and tells."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from animator.scene.bases import FOLDER
from animator.scene.reading import read_scene
from benchmarks.quality import paint
from benchmarks.quality.figures import Judged, row
from benchmarks.quality.paint import Shelf, fill, order, seed_of, wanted
from benchmarks.quality.ways import WAYS, Way, way_of
from tools.pocket.figures.paint import scene_of
from tools.pocket.world.prompts import PROMPTS


def settings_of(*bases: str, tmp_path: Path):
    path = tmp_path / "scene.yaml"
    names = ", ".join(str(FOLDER / f"{name}.yaml") for name in bases)
    path.write_text(f"extends: [{names}]\nprompts: x\nmode: still\nsize: [128, 128]\n")
    return read_scene(path).scene


@pytest.mark.parametrize("secondary", ["on", "off"])
def test_the_fast_way_is_the_preset(tmp_path: Path, secondary: str) -> None:
    expected = settings_of("pocket", "fast", tmp_path=tmp_path)
    found = scene_of("x", [1], WAYS[f"fast-{secondary}"].settings).scene
    assert found.guidance == expected.guidance
    wanted = expected.diffusion.model_copy(update={"secondary": secondary == "on"})
    assert found.diffusion == wanted


def test_discos_way_has_discos_defaults(tmp_path: Path) -> None:
    expected = settings_of("disco-5", tmp_path=tmp_path)
    found = scene_of("x", [1], WAYS["disco-on-4"].settings).scene
    assert (found.guidance.cuts.ic_pow, expected.guidance.cuts.ic_pow) == (1, "[1]*1000")
    cuts = expected.guidance.cuts.model_copy(update={"ic_pow": 1})
    alike = {"clip_models": found.guidance.clip_models, "cuts": cuts}
    assert found.guidance == expected.guidance.model_copy(update=alike)
    for name in ("steps", "sampler", "eta", "secondary"):
        assert getattr(found.diffusion, name) == getattr(expected.diffusion, name)
    assert found.diffusion.keep() == expected.diffusion.keep() == 0.04


def test_ways_build_on_one_another() -> None:
    name, way = way_of("quick:fast-on:diffusion.steps=20;guidance.every=3")
    assert name == "quick"
    assert way.settings == (*WAYS["fast-on"].settings, "diffusion.steps=20", "guidance.every=3")
    assert way_of("own::guidance.every=3") == ("own", Way(("guidance.every=3",)))
    with pytest.raises(ValueError, match="there is no way 'quick'"):
        way_of("quick")


def test_few_prompts_are_of_all_styles_and_seeds_are_used_once() -> None:
    styles = {PROMPTS[place][1].get("style", "none") for place in order(8)}
    assert len(styles) == 8
    assert sorted(order(40)) == list(range(40))
    seeds = [seed_of(*one) for one in wanted(40, 4)]
    assert len(set(seeds)) == 160


class Stub:
    """Paints grey pictures and counts them."""

    made = 0

    def __init__(self, way: Way) -> None:
        self.way = way

    def paint(self, prompt: int, seed: int) -> tuple[torch.Tensor, float]:
        Stub.made += 1
        return torch.full((3, 4, 4), 0.2 * (1 + seed)), 1.5


def test_painting_is_resumed_at_the_next_picture(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(paint, "Painter", Stub)
    monkeypatch.setattr(Stub, "made", 0)
    ways = [("one", Way(("guidance.every=2",))), ("two", Way(("guidance.every=3",)))]
    lines = fill(tmp_path, ways, 3, 2)
    assert [next(lines) for _ in range(3)] == ["one 00-0 1.5 s", "two 00-0 1.5 s", "one 05-0 1.5 s"]
    assert len(list(fill(tmp_path, ways, 3, 2))) == 9
    assert list(fill(tmp_path, ways, 3, 2)) == []
    assert Stub.made == 12
    kept = Shelf(tmp_path, *ways[0]).get(5, 1)
    assert (kept.seconds, kept.pixels.shape, int(kept.pixels[0, 0, 0])) == (1.5, (4, 4, 3), 102)
    # A way of the same name and other settings begins again.
    assert not Shelf(tmp_path, "one", Way(("guidance.every=4",))).has(5, 1)


def test_a_row_says_how_sure_its_means_are() -> None:
    hits, near = np.array([1.0, 0.0, 1.0, 1.0]), np.array([0.5, 0.6, 0.7, 0.6])
    found = row("fast", Judged(4, 12.34, 11.06, hits, near, hits, 0.4567))
    assert found == "| fast | 12.3 | 11.1 | 0.750 ± 0.217 | 0.750 ± 0.217 | 0.457 | 0.600 ± 0.035 | 4 |"
