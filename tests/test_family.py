"""The seam between the film and the engines: a family of another package renders through the loop."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from animator.engines import registry
from animator.engines.family import Family, Memory, Work
from animator.engines.guided import GUIDED
from animator.engines.registry import family_of
from animator.errors import UsageError
from animator.film.guard import Guarded
from animator.film.loop import film
from animator.film.state import LoopState
from animator.look.work import work_of, work_text
from animator.memory.estimate import estimate
from animator.memory.machine import Room
from animator.memory.report import shortage
from animator.run.job import shot_of
from animator.run.networks import needed, weights_of
from animator.run.sources import Sources
from animator.run.tools import load_tools
from animator.scene.draft import drafted
from animator.settings.guard import GuardOptions
from animator.types import Request


class Tint:
    """An engine that paints every frame in one colour and notes what it was asked."""

    def __init__(self) -> None:
        self.asked: list[Request] = []

    def paint(self, request, on_step=None):
        self.asked.append(request)
        return torch.full((3, request.height, request.width), len(self.asked) / 10)


class Tiny(Family):
    """The smallest family: no networks, no weights, one step a frame."""

    name, remedy = "tiny", "choose another model"

    def __init__(self) -> None:
        self.engine = Tint()

    def takes(self, model):
        return model.startswith("tiny-")

    def check(self, scene):
        yield "diffusion.model", "" if scene.diffusion.model == "tiny-1" else "tiny has tiny-1 only"

    def load(self, scene, device, open_image, shared=None):
        return self.engine

    def work(self, scene, timeline):
        return Work([], lambda keep, init, frame: (1, 0), lambda steps, looks: [("brushes", str(steps))])

    def memory(self, scene, timeline, device_kind):
        return Memory((("brush", 1000),), {"brush": 200})

    def lighter(self, scene, at_work, most):
        return [f"a smaller brush than {at_work['brush']} of {most}"]


SCENE = """prompts: ["sea:3", "fog"]
mode: 3d
frames: 2
size: [64, 64]
seed: 4
depth: {model: plane}
camera: {translation_z: 10}
diffusion: {model: tiny-1, steps: 20}
"""


@pytest.fixture
def tiny(monkeypatch):
    family = Tiny()
    monkeypatch.setitem(registry.FAMILIES, "tiny", family)
    return family


def test_a_family_of_another_package_renders_a_film(read, tiny) -> None:
    loaded, sources = read(SCENE), Sources({})
    assert needed(loaded.scene) == []
    assert weights_of(loaded) == {}
    tools, shot = load_tools(loaded, sources), shot_of(loaded, sources)
    frames = list(film(loaded.timeline, shot, tools.engine, tools.depth, LoopState()))
    assert [float(one.picture[0, 0, 0]) for one in frames] == pytest.approx([0.1, 0.2])
    first, second = tiny.engine.asked
    assert first.depth is None
    assert second.depth is not None
    assert second.depth.shape == (64, 64)
    assert [one.weight for one in second.written] == [3, 1]
    assert [one.weight for one in second.prompts] == [0.75, 0.25]
    assert {name.partition(".")[0] for name in second.values} == {"diffusion"}


def test_it_is_asked_for_checks_work_and_drafts(read, tiny) -> None:
    loaded = read(SCENE)
    assert work_of(loaded).steps.tolist() == [1, 1]
    assert "brushes" in work_text(loaded)
    assert "U-Net" not in work_text(loaded)
    assert drafted(loaded).diffusion.steps == 20
    with pytest.raises(Exception, match="tiny has tiny-1 only"):
        read(SCENE.replace("tiny-1", "tiny-2"))


def test_it_is_asked_for_its_memory(read, tiny) -> None:
    loaded = read(SCENE)
    found = estimate(loaded, "cuda")
    assert dict(found.parts) == {
        "brush parameters": 1000,
        "brush at work": 200,
        "workspaces of kernels": 70,
    }
    (note,) = shortage(loaded, found, "cuda", Room(0, 0))
    assert note.endswith("what helps: a smaller size, a smaller brush than 200 of 1270")


def test_a_model_of_no_other_family_is_guided(tiny) -> None:
    assert family_of("tiny-1") is tiny
    assert family_of("pocket") is GUIDED
    assert family_of("nobody knows it") is GUIDED
    assert GUIDED.takes("pocket")
    assert GUIDED.takes("/a/b.safetensors")
    assert not GUIDED.takes("nobody knows it")


def test_a_bad_frame_is_asked_for_as_the_family_says(tiny) -> None:
    class Black(Tint):
        def paint_together(self, requests, on_step=None, *, stop_at=1.0, unfinished=None):
            from animator.types import Painted

            self.asked += requests
            return [Painted(torch.zeros(3, 64, 64)) for _ in requests]

    engine = Black()
    bright = torch.rand(3, 64, 64, generator=torch.Generator().manual_seed(0))
    request = Request(0, 5, 64, 64, (), bright, values={"diffusion.eta": np.ones(1000)})
    guard = Guarded(engine, GuardOptions(), family=tiny)
    guard.paint(request)
    assert len(engine.asked) == 3
    assert len({one.seed for one in engine.asked}) == 3
    assert all(one.values is request.values for one in engine.asked)
    assert "clamp" not in " ".join(guard.next_notes())


@pytest.fixture
def offer(monkeypatch):
    """Return what makes other packages offer families, as their entry points would."""
    registry._offered.cache_clear()

    def offered(*families):
        class Point:
            def __init__(self, family):
                self.value, self.load = f"other:{family.name}", lambda: family

        def entry_points(*, group):
            return [Point(family) for family in families] if group == "animator.engines" else []

        monkeypatch.setattr(registry, "entry_points", entry_points)

    yield offered
    registry._offered.cache_clear()


def test_a_family_is_found_by_its_entry_point(read, offer) -> None:
    family = Tiny()
    offer(family)
    assert family_of("tiny-1") is family
    assert family_of("pocket") is GUIDED
    assert "brushes" in work_text(read(SCENE))


def test_two_families_of_one_name_are_refused(offer) -> None:
    taken = Tiny()
    taken.name = GUIDED.name
    for families in ((taken,), (Tiny(), Tiny())):
        registry._offered.cache_clear()
        offer(*families)
        with pytest.raises(UsageError, match=f"other:{families[-1].name} offers .* which is taken; remove"):
            family_of("pocket")
