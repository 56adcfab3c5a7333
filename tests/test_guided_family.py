"""What the family of guided diffusion says of a scene: networks, work, drafts, gentler requests."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch

import animator.diffusion.fake as fake_module
import animator.diffusion.load as load_module
from animator.engines.guided import GUIDED
from animator.engines.guided.family import CLAMP, CLAMPED, LEAST_STEPS, _is_pulled
from animator.types import DIFFUSION_SCALE, Request
from animator.weights.shared import SharedNetworks
from tests.wiring import changed, scene

PUBLISHED = "512x512_diffusion_uncond_finetune_008100"


def with_settings(folder: Path, *overrides: str, **settings: object):
    """Return the smallest scene with settings that nobody checks; ``__`` is a dot."""
    found = scene(folder, "models=real", *overrides).scene
    for name, value in settings.items():
        found = changed(found, name.replace("__", "."), value)
    return found


# Networks


@pytest.mark.parametrize(
    ("model", "networks", "files"),
    [
        (
            "pocket",
            [("diffusion", "pocket"), ("clip", "pocket"), ("clip", "RN50/openai"), ("secondary", "pocket")],
            {},
        ),
        (
            PUBLISHED,
            [("diffusion", PUBLISHED), ("clip", "pocket"), ("clip", "RN50/openai"), ("perceptual", "vgg16")],
            {},
        ),
        (
            "my/own.pt",
            [("clip", "pocket"), ("clip", "RN50/openai"), ("perceptual", "vgg16")],
            {"diffusion own.pt": Path("my/own.pt")},
        ),
    ],
)
def test_a_scene_paints_with_its_networks_and_a_checkpoint_with_its_file(
    tmp_path, model, networks, files
) -> None:
    found = with_settings(tmp_path, "guidance.clip_models={pocket: 1, RN50: 1}", diffusion__model=model)
    assert [(entry.kind, entry.name) for entry in GUIDED.networks(found)] == networks
    assert dict(GUIDED.files(found)) == files


NO_PULL = {"diffusion__init_scale": 0, "coherence__frames_scale": 0}


@pytest.mark.parametrize(
    ("settings", "pulled"),
    [
        ({}, True),
        ({"frames": 1}, False),  # nothing grows out of it
        ({"mode": "still", "frames": 9}, False),
        ({"mode": "video", "frames": 1}, True),
        ({"coherence__frames_scale": 0}, False),
        ({"coherence__frames_scale": " 0.0 "}, False),
        ({"coherence__frames_scale": "0: (0), 1: (9)"}, True),
        ({"mode": "still", "diffusion__init_image": "a.png"}, True),
        ({"mode": "still", "diffusion__perlin_init": "gray"}, True),
        ({"mode": "still", "diffusion__init_image": "a.png", "diffusion__init_scale": 0}, False),
        ({"diffusion__init_image": "a.png", "coherence__frames_scale": 0}, True),
    ],
)
def test_the_perceptual_network_is_asked_for_where_a_pull_can_act(tmp_path, settings, pulled: bool) -> None:
    assert _is_pulled(with_settings(tmp_path, **settings)) is pulled


@pytest.mark.parametrize("fake", [False, True])
def test_the_engine_is_given_all_that_the_scene_says(tmp_path: Path, monkeypatch, fake: bool) -> None:
    noted: list[tuple] = []
    monkeypatch.setattr(
        load_module, "load_engine", lambda *given, **more: noted.append(("real", given, more))
    )
    monkeypatch.setattr(
        fake_module, "fake_engine", lambda *given, **more: noted.append(("fake", given, more))
    )
    shared, device = SharedNetworks(), torch.device("meta")
    for cuts in (False, True):
        found = with_settings(tmp_path, models="fake" if fake else "real", output__show_cuts=cuts)
        GUIDED.load(found, device, "open", shared)  # type: ignore[arg-type]
        kind, given, more = noted.pop()
        assert (kind, given) == ("fake" if fake else "real", (found.diffusion, found.guidance, device))
        common = {"open_image": "open", "keep_cuts": cuts, "mode": found.mode}
        assert more == {**common, **({} if fake else {"shared": shared})}


@pytest.mark.parametrize(
    ("settings", "faults"),
    [
        ({}, {}),
        ({"diffusion__model": "poket"}, {"diffusion.model": "did you mean pocket"}),
        ({"diffusion__model": "no/such.pt"}, {"diffusion.model": "no"}),
        ({"diffusion__family": "openai_521"}, {"diffusion.family": "did you mean 'openai_512'"}),
        ({"diffusion__family": "openai_512"}, {}),
        ({"guidance__clip_models": {"RN5O": 1}}, {"guidance.clip_models.RN5O": "does not name a CLIP model"}),
        (
            {"guidance__clip_models": {"RN50": 1, "pocket": 1, "RN50/openai": 1}},
            {"guidance.clip_models.RN50/openai": "is the same network as 'RN50'; keep one"},
        ),
    ],
)
def test_names_of_networks_are_checked(tmp_path: Path, settings, faults: dict[str, str]) -> None:
    found = {name: fault for name, fault in GUIDED.check(with_settings(tmp_path, **settings)) if fault}
    assert found.keys() == faults.keys()
    for name, words in faults.items():
        assert words in found[name]


# Work


def loaded(folder: Path, *overrides: str):
    return scene(folder, "mode=still", "diffusion.skip_steps=0", *overrides)


def cost(folder: Path, *overrides: str, keep: float = 0.0, init: bool = False) -> tuple[int, int]:
    of = loaded(folder, *overrides)
    return GUIDED.work(of.scene, of.timeline).cost(keep, init, 0)


CUTS = ("guidance.cuts={overview: 3, innercut: 5}", "diffusion.steps=20")


@pytest.mark.parametrize(
    ("words", "options", "wanted"),
    [
        (CUTS, {}, (20, 160)),
        (CUTS, {"keep": 0.25, "init": True}, (15, 120)),
        (CUTS, {"keep": 1.0, "init": True}, (0, 0)),
        (CUTS, {"keep": 1.0}, (1, 8)),
        ((*CUTS, "diffusion.skip_end_steps=5"), {}, (15, 120)),
        ((*CUTS, "diffusion.skip_end_steps=25%"), {"keep": 0.25, "init": True}, (10, 80)),
        ((*CUTS, "guidance.cutn_batches=3"), {}, (20, 480)),
        ((*CUTS, "guidance.clip_models={pocket: 1, RN50: 2}"), {}, (20, 320)),
        ((*CUTS, "guidance.clip_models={pocket: 1, RN50: 0}"), {}, (20, 160)),
        ((*CUTS, "guidance.cuts.overview='[4]*500+[0]*500'"), {}, (20, 140)),
        ((*CUTS, "guidance.cuts.overview='[4]*500+[0]*500'"), {"keep": 0.5, "init": True}, (10, 50)),
    ],
)
def test_steps_and_cuts_are_counted_as_they_are_made(tmp_path: Path, words, options, wanted) -> None:
    assert cost(tmp_path, *words, **options) == wanted


def test_rows_of_the_work_say_where_the_gradients_come_from(tmp_path: Path) -> None:
    def rows(*words: str) -> list[tuple[str, str]]:
        of = loaded(tmp_path, *words)
        return GUIDED.work(of.scene, of.timeline).rows(12, 34)

    assert rows("diffusion.secondary=false")[0] == ("U-Net passes", "12")
    assert rows("diffusion.secondary=true")[0] == ("U-Net passes", "12 (gradients by the secondary model)")
    assert rows("guidance.clip_models={pocket: 1, RN50: 2}")[1] == (
        "perceptor passes",
        "34 cuts, by 2 CLIP models",
    )


# Drafts


def draft(folder: Path, *overrides: str):
    of = loaded(folder, *overrides)
    return SimpleNamespace(**GUIDED.drafted(of.scene, of.timeline, 0.25))


@pytest.mark.parametrize(("steps", "fewer"), [(100, 40), (30, 12), (20, LEAST_STEPS), (10, 10), (4, 4)])
def test_a_draft_takes_two_fifths_of_the_steps_and_ten_at_least(tmp_path: Path, steps, fewer) -> None:
    found = draft(tmp_path, f"diffusion.steps={steps}").diffusion
    assert found.steps == fewer


def test_skipped_steps_of_a_draft_are_in_proportion(tmp_path: Path) -> None:
    found = draft(tmp_path, "diffusion.steps=100", "diffusion.skip_steps=50", "diffusion.skip_end_steps=10")
    assert (found.diffusion.skip_steps, found.diffusion.skip_end_steps) == (20, 4)
    found = draft(tmp_path, "diffusion.steps=100", "diffusion.skip_steps=30%", "diffusion.skip_end_steps=5%")
    assert (found.diffusion.skip_steps, found.diffusion.skip_end_steps) == ("30%", "5%")


def test_a_draft_takes_half_of_the_cuts_in_one_batch(tmp_path: Path) -> None:
    words = ("guidance.cuts={overview: 8, innercut: 6, ic_pow: 3}", "guidance.cutn_batches=4")
    found = draft(tmp_path, *words, "guidance.tv_scale=7").guidance
    assert (found.cuts.overview, found.cuts.innercut, found.cutn_batches) == (4, 3, 1)
    assert (found.cuts.ic_pow, found.tv_scale) == (3, 7)
    few = draft(tmp_path, "guidance.cuts={overview: 1, innercut: 0}").guidance.cuts
    assert (few.overview, few.innercut) == (1, 0)


def test_a_lighter_scene_is_what_it_lacks(tmp_path: Path) -> None:
    def found(clip: int = 0, **settings: object) -> list[str]:
        of = with_settings(tmp_path, diffusion__precision="bfloat16", **settings)
        return GUIDED.lighter(of, {"CLIP pocket at work": clip, "diffusion network": 900}, 1000)

    assert found() == ["diffusion.secondary: true"]
    assert found(diffusion__secondary=True) == []
    assert found(101, diffusion__secondary=True) == ["fewer guidance.cuts with more guidance.cutn_batches"]
    assert found(99, diffusion__secondary=True) == []
    two = {"pocket": 1, "RN50": 1}
    assert found(diffusion__secondary=True, guidance__clip_models=two) == [
        "fewer or smaller guidance.clip_models"
    ]
    exact = with_settings(tmp_path, diffusion__precision="float32", diffusion__secondary=True)
    assert GUIDED.lighter(exact, {}, 1000) == ["diffusion.precision: auto"]


# Another try


@pytest.mark.parametrize(("turn", "share", "words"), [(1, 2, "half"), (2, 4, "a quarter")])
def test_a_frame_is_tried_again_with_a_smaller_gradient_that_is_limited(
    turn: int, share: int, words: str
) -> None:
    limit, other = np.linspace(0.1, 0.9, DIFFUSION_SCALE), np.full(DIFFUSION_SCALE, 7.0)
    values = {CLAMP: limit, CLAMPED: np.zeros(DIFFUSION_SCALE), "guidance.tv_scale": other}
    request = Request(3, 5, 64, 64, (), values=values)
    found, note = GUIDED.gentler(request, turn)
    assert note == f"{words} of guidance.clamp_max"
    np.testing.assert_allclose(found.values[CLAMP], limit / share)
    assert (found.values[CLAMPED] == 1).all()
    assert found.values["guidance.tv_scale"] is other
    assert (found.frame, found.seed) == (3, 5)
    assert request.values[CLAMP] is limit
    bare, _ = GUIDED.gentler(Request(3, 5, 64, 64, (), values={}), turn)
    assert bare.values.keys() == {CLAMPED}


def test_drafts_are_finished_together_that_stopped_at_one_step() -> None:
    one, same, other = ({"index": torch.tensor(number)} for number in (4, 4, 5))
    assert GUIDED.same_stop(one, same)
    assert not GUIDED.same_stop(one, other)


def test_a_draft_is_guided_by_its_share_of_the_pixels(read) -> None:
    loaded = read("prompts: a lake\nguidance: {clip_guidance_scale: 4000}")
    draft = GUIDED.drafted(loaded.scene, loaded.timeline, 0.25)
    assert draft["guidance"].clip_guidance_scale == 1000
