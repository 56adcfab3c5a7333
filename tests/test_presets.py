"""Cut schedules by name, and the scenes that others are laid over."""

from __future__ import annotations

import json

import pytest

from animator.engines.guided import presets
from animator.engines.guided.presets import cut_presets
from animator.errors import SceneError
from animator.keyframes.schedules import parse_schedule
from animator.scene.bases import FOLDER as BASE
from animator.scene.reading import read_scene
from animator.settings.scene import Scene

DISCO = {
    "pixel-art": {
        "overview": "[15]*100+[15]*100+[12]*100+[12]*100+[6]*100+[4]*100+[2]*200+[0]*200",
        "innercut": "[1]*100+[1]*100+[4]*100+[4]*100+[8]*100+[8]*100+[10]*200+[10]*200",
        "ic_pow": "[12]*300+[12]*100+[12]*50+[12]*50+[10]*100+[10]*100+[10]*300",
        "icgray_p": "[0.87]*100+[0.78]*50+[0.73]*50+[0.64]*60+[0.56]*40+[0.50]*50"
        "+[0.33]*100+[0.19]*150+[0]*400",
    },
    "watercolor": {
        "overview": "[14]*200+[12]*200+[4]*400+[0]*200",
        "innercut": "[2]*200+[4]*200+[12]*400+[12]*200",
        "ic_pow": "[12]*300+[12]*100+[12]*50+[12]*50+[10]*100+[10]*100+[10]*300",
        "icgray_p": "[0.7]*100+[0.6]*100+[0.45]*100+[0.3]*100+[0]*600",
    },
}
"""As Disco Diffusion 5.7 writes them."""


def cuts(loaded):
    return {name: loaded.timeline.row(0).schedule(f"guidance.cuts.{name}") for name in DISCO["pixel-art"]}


def schedules(scene):
    """Return what a preset gives of the cuts; how they are placed is no part of it."""
    return scene.guidance.cuts.model_dump(exclude={"placement", "sizes"})


@pytest.mark.parametrize("name", cut_presets())
def test_every_preset_is_a_whole_schedule_with_a_source(read, name):
    loaded = read(f"prompts: x\nguidance:\n  cuts: {name}")
    assert schedules(loaded.scene) == dict(cut_presets()[name])
    assert set(cut_presets()[name]) == set(schedules(Scene(prompts="x")))
    assert loaded.notices == ()
    file = json.loads(presets._FILE.read_text(encoding="utf-8"))
    assert len(file[name]["source"]) > 20


@pytest.mark.parametrize("name", DISCO)
def test_the_presets_of_disco_have_its_values(read, name):
    found = cuts(read(f"prompts: x\nguidance: {{cuts: {name}}}"))
    assert {key: values.tolist() for key, values in found.items()} == {
        key: parse_schedule(text).tolist() for key, text in DISCO[name].items()
    }


def test_pulp_and_default():
    assert cut_presets()["pulp"] == cut_presets()["pixel-art"]
    assert cut_presets()["default"] == schedules(Scene(prompts="x"))


def test_a_preset_is_a_layer_like_the_values_it_stands_for(read):
    below = "prompts: x\nguidance: {cuts: {overview: 3, ic_pow: 2}, tv_scale: 4}"
    loaded = read("extends: below.yaml\nguidance: {cuts: watercolor}", below=below)
    assert schedules(loaded.scene) == dict(cut_presets()["watercolor"])
    assert loaded.scene.guidance.tv_scale == 4
    over = read("extends: b.yaml\nguidance: {cuts: {overview: 3}}", b="prompts: x\nguidance: {cuts: pulp}")
    assert schedules(over.scene) == {**cut_presets()["pulp"], "overview": 3}


def test_presets_on_the_command_line(read):
    text = "prompts: x\nguidance: {cuts: {innercut: 3}}"
    loaded = read(text, "guidance.cuts=watercolor", "guidance.cuts.overview=5")
    assert schedules(loaded.scene) == {**cut_presets()["watercolor"], "overview": 5}
    assert read(text, "guidance.cuts=").scene.guidance.cuts == Scene(prompts="x").guidance.cuts


def test_an_unknown_preset_is_told_with_the_nearest(read):
    expected = (
        r"scene.yaml:3:9: guidance.cuts: no cut schedule is called 'pixel_arts'; did you mean 'pixel-art'\? "
        "known are default, pixel-art, pulp, watercolor"
    )
    with pytest.raises(SceneError, match=expected) as caught:
        read("prompts: x\nguidance:\n  cuts: pixel_arts")
    assert len(caught.value.problems) == 1
    with pytest.raises(SceneError, match=r"--set: guidance.cuts: no cut schedule is called 'zzz'; known are"):
        read("prompts: x", "guidance.cuts=zzz")


POCKET = ("diffusion.model=pocket", "diffusion.secondary=false", "guidance.clip_models={pocket: '[1]*1000'}")


@pytest.mark.parametrize("path", sorted(BASE.glob("*.yaml")), ids=lambda path: path.stem)
def test_base_scenes_are_sound_and_run_on_the_bundled_networks(path, tmp_path):
    scene = tmp_path / "a.yaml"
    scene.write_text(f"extends: {json.dumps(str(path))}\nprompts: a sea\nmode: still\n")
    pocket = read_scene(scene, POCKET)
    assert pocket.scene.diffusion.model == "pocket"
    if path.stem not in ("model-schedule", "draft", "pocket", "fast"):
        published = read_scene(scene).scene
        assert published.diffusion.model == "512x512_diffusion_uncond_finetune_008100"
        assert published.diffusion.secondary is (path.stem not in ("baseline", "guide"))
        assert (published.diffusion.steps, published.guidance.cutn_batches) == (250, 4)


def test_base_scenes_combine(read):
    names = ", ".join(
        json.dumps(str(BASE / f"{name}.yaml")) for name in ("baseline", "model-schedule", "draft")
    )
    loaded = read(f"extends: [{names}]\nprompts: a sea\nmode: still")
    assert loaded.scene.size == (640, 384)
    assert loaded.scene.guidance.clip_guidance_scale == 5000
    row = loaded.timeline.row(0)
    active = {
        name: [float(row.schedule(f"guidance.clip_models.{name}")[at]) for at in (0, 199, 250, 300, 999)]
        for name in loaded.scene.guidance.clip_models
    }
    assert active == {"RN50": [1, 1, 1, 0, 0], "ViT-L-14": [0, 0, 1, 1, 1]}
