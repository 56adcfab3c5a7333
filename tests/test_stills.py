"""The driver of stills: each alone the same as in company, drafts finished as if they had never stopped."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from animator.diffusion.engine import GuidedDiffusion, Networks
from animator.diffusion.guidance import Guide
from animator.diffusion.memory_saving import Thrift
from animator.film.inits import InitSettings
from animator.film.loop import Listener
from animator.film.requests import first_request
from animator.film.shot import Shot
from animator.film.stills import stills
from animator.scene.reading import LoadedScene, read_scene
from animator.settings.diffusion import DiffusionOptions
from animator.settings.guidance import CutOptions, GuidanceOptions
from animator.types import Painted
from tests.test_engine import Colours, exact_network

SIDE = 64


def scene(tmp_path: Path, text: str = "") -> LoadedScene:
    path = tmp_path / "scene.yaml"
    head = f"version: 1\nmode: still\nsize: [{SIDE}, {SIDE}]\nseed: 7\nprompts: red\n"
    path.write_text(head + text)
    return read_scene(path)


def engine(sampler: str = "ddim", **diffusion) -> GuidedDiffusion:
    return GuidedDiffusion(
        Networks(exact_network, {"pocket": Colours()}),
        DiffusionOptions(steps=10, precision="float32", sampler=sampler, **diffusion),
        GuidanceOptions(clip_models={"pocket": 1}, cuts=CutOptions(overview=1, innercut=2)),
    )


def shot(loaded: LoadedScene, **changes) -> Shot:
    given = {"mode": "still", "width": SIDE, "height": SIDE, "pictures": loaded.scene.count}
    return Shot(**{**given, "seed": loaded.scene.seed, **changes})


def made(loaded: LoadedScene, wanted, painter=None, drafts=None, **options) -> list:
    changes = {name: options.pop(name) for name in ("init", "seed", "seed_mode") if name in options}
    painter = painter or engine()
    return list(stills(loaded.timeline, shot(loaded, **changes), painter, wanted, drafts or {}, **options))


@pytest.mark.slow
def test_a_still_is_the_same_alone_and_in_company(tmp_path: Path) -> None:
    loaded = scene(tmp_path, "images: 4\n")
    one_by_one = [one.picture for one in made(loaded, range(4))]
    together = [one.picture for one in made(loaded, range(4), batch=4)]
    only = made(loaded, [2])[0]
    assert torch.equal(only.picture, one_by_one[2])
    assert (only.frame, only.seed) == (2, 9)
    for alone, beside in zip(one_by_one, together, strict=True):
        torch.testing.assert_close(alone, beside, rtol=0, atol=1e-5)
    assert not torch.allclose(one_by_one[0], one_by_one[1], atol=0.05)


@pytest.mark.parametrize(
    ("seed", "mode", "alike"), [(7, "fixed", True), (7, "random", False), ([3, 3], "step", True)]
)
def test_seeds_decide_what_differs(tmp_path: Path, seed, mode: str, alike: bool) -> None:
    first, second = made(scene(tmp_path, "images: 2\n"), range(2), seed=seed, seed_mode=mode)
    assert torch.equal(first.picture, second.picture) is alike
    assert (first.seed == second.seed) is alike


@pytest.mark.slow
def test_pictures_with_other_settings_are_not_painted_together(tmp_path: Path) -> None:
    text = 'images: 4\nguidance: {clip_guidance_scale: "0: (5000) step, 2: (100)"}\n'
    groups: list[list[int]] = []

    class Groups(Listener):
        def begin(self, frames) -> None:
            groups.append(list(frames))

    made(scene(tmp_path, text), range(4), batch=4, listener=Groups())
    assert groups == [[0, 1], [2, 3]]
    loaded = scene(tmp_path, text)
    requests = [first_request(loaded.timeline.row(n), shot(loaded), 0) for n in (0, 2)]
    with pytest.raises(ValueError, match="differ in more than seeds"):
        engine().paint_together(requests)


@pytest.mark.slow
def test_a_batch_that_the_memory_does_not_hold_is_halved(tmp_path: Path, caplog) -> None:
    class Tight(GuidedDiffusion):
        """Holds two pictures."""

        def paint_together(self, requests, on_step=None, **options) -> list[Painted]:
            if len(requests) > 2:
                raise torch.OutOfMemoryError("too many")
            return super().paint_together(requests, on_step, **options)

    whole = engine()
    tight = Tight(whole.networks, whole.diffusion, whole.guidance)
    loaded = scene(tmp_path, "images: 5\n")
    found = made(loaded, range(5), tight, batch=5)
    assert [one.frame for one in found] == [0, 1, 2, 3, 4]
    assert "continuing with 2" in caplog.text
    alone = made(loaded, [4], tight)[0]
    torch.testing.assert_close(found[4].picture, alone.picture, rtol=0, atol=1e-5)


@pytest.mark.vital
@pytest.mark.slow
def test_a_batch_is_halved_before_one_picture_is_painted_with_less(tmp_path: Path, caplog) -> None:
    class Narrow(Colours):
        """Holds two cuts at once, as a CPU has no memory for more."""

        def encode_images(self, batch: Tensor) -> Tensor:
            if len(batch) > 2:
                raise RuntimeError("DefaultCPUAllocator: not enough memory")
            return super().encode_images(batch)

    whole = engine()
    tight = GuidedDiffusion(Networks(exact_network, {"pocket": Narrow()}), whole.diffusion, whole.guidance)
    loaded = scene(tmp_path, "images: 4\nguidance: {cuts: {overview: 1, innercut: 2}}\n")
    found = made(loaded, range(4), tight, batch=4)
    assert [record.getMessage().partition(";")[0] for record in caplog.records] == [
        "4 pictures at once are too many for the memory",
        "2 pictures at once are too many for the memory",
        f"frame 0: out of memory at {SIDE} x {SIDE} pixels",
    ]
    assert tight.thrift == Thrift(parts=2)
    for one, other in zip(found, made(loaded, range(4), whole), strict=True):
        torch.testing.assert_close(one.picture, other.picture, rtol=0, atol=1e-5)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("sampler", "init"),
    [
        *((name, None) for name in ("ddim", "plms", "dpmpp_2m", "dpmpp_2m_sde", "[plms]*500+[ddim]*500")),
        ("ddim", "clouds"),
        ("dpmpp_2m_sde", "clouds"),
    ],
)
def test_a_draft_is_finished_to_the_bit(tmp_path: Path, sampler: str, init: str | None) -> None:
    loaded = scene(tmp_path, "images: 2\n")
    settings = InitSettings(perlin="gray") if init else InitSettings()
    whole = made(loaded, range(2), engine(sampler), init=settings)
    drafts = made(loaded, range(2), engine(sampler), init=settings, stop_at=0.4)
    assert all(one.unfinished is not None for one in drafts)
    assert not torch.equal(drafts[1].picture, whole[1].picture)
    rest = made(loaded, [1], engine(sampler), {1: drafts[1].unfinished}, init=settings)[0]
    assert torch.equal(rest.picture, whole[1].picture)
    assert rest.unfinished is None


def test_a_draft_can_be_stopped_again(tmp_path: Path) -> None:
    loaded = scene(tmp_path)
    whole = made(loaded, [0])[0]
    early = made(loaded, [0], stop_at=0.2)[0]
    later = made(loaded, [0], drafts={0: early.unfinished}, stop_at=0.7)[0]
    assert int(early.unfinished["index"]) == 8
    assert int(later.unfinished["index"]) == 3
    rest = made(loaded, [0], drafts={0: later.unfinished})[0]
    assert torch.equal(rest.picture, whole.picture)


def test_a_draft_holds_what_the_network_itself_saw_in_its_last_three_steps(
    tmp_path: Path, monkeypatch
) -> None:
    loaded, seen = scene(tmp_path), []
    bent = Guide.__call__

    def call(self, x, index, prediction):
        seen.append(prediction.denoised.detach().clone())
        return bent(self, x, index, prediction)

    monkeypatch.setattr(Guide, "__call__", call)
    draft = made(loaded, [0], stop_at=0.5)[0]
    assert len(seen) == 5
    expected = torch.cat(seen[-3:]).clamp(-1, 1).mean(dim=0)
    torch.testing.assert_close(draft.unfinished["own"], expected, rtol=0, atol=1e-6)
    assert not torch.allclose(draft.unfinished["own"], draft.unfinished["denoised"].clamp(-1, 1), atol=0.01)


@pytest.mark.slow
def test_drafts_go_on_together_only_from_the_same_step(tmp_path: Path) -> None:
    loaded = scene(tmp_path, "images: 3\n")
    drafts = {n: made(loaded, [n], stop_at=share)[0].unfinished for n, share in enumerate((0.2, 0.2, 0.7))}
    groups: list[list[int]] = []

    class Groups(Listener):
        def begin(self, frames) -> None:
            groups.append(list(frames))

    rest = made(loaded, range(3), drafts=drafts, batch=3, listener=Groups())
    assert groups == [[0, 1], [2]]
    for one, whole in zip(rest, made(loaded, range(3)), strict=True):
        torch.testing.assert_close(one.picture, whole.picture, rtol=0, atol=1e-5)


def test_steps_count_through_a_stop(tmp_path: Path) -> None:
    loaded = scene(tmp_path)
    told: list[tuple[int, int]] = []

    class Steps(Listener):
        def step(self, step) -> None:
            told.append((step.done, step.total))

    draft = made(loaded, [0], stop_at=0.4, listener=Steps())[0]
    made(loaded, [0], drafts={0: draft.unfinished}, listener=Steps())
    assert told == [(done, 10) for done in range(1, 11)]


@pytest.mark.slow
def test_each_still_has_clouds_of_its_own(tmp_path: Path) -> None:
    class Mirror(GuidedDiffusion):
        """Hands back the inits."""

        def paint_together(self, requests, on_step=None, **options) -> list[Painted]:
            return [Painted(one.init) for one in requests if one.init is not None]

    whole = engine()
    mirror = Mirror(whole.networks, whole.diffusion, whole.guidance)
    loaded = scene(tmp_path, "images: 2\n")
    settings = InitSettings(perlin="color")
    first, second = (one.picture for one in made(loaded, range(2), mirror, init=settings, batch=2))
    assert not torch.equal(first, second)
    assert isinstance(first, Tensor)
    assert np.isfinite(first.numpy()).all()
