"""A scene written out in full reads back to the same scene; the format describes itself."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from animator.scene.reading import read_scene, read_text_scene
from animator.scene.resolved import DIALECT, json_schema, resolved_text
from animator.settings.scene import Scene

WORDS = st.text(
    st.characters(exclude_categories=("Cs", "Cc"), exclude_characters="\ufffe\uffff"), max_size=30
)
TEXTS = st.builds("{}{}{}".format, WORDS, st.sampled_from("ax"), WORDS).filter(lambda text: ":" not in text)
SETS = st.lists(TEXTS, min_size=1, max_size=3)
PROMPTS = (
    TEXTS | SETS | st.dictionaries(st.integers(0, 50) | st.just("8.5s"), TEXTS | SETS, min_size=1, max_size=3)
)
NUMBERS = st.floats(-1e6, 1e6) | st.integers(-1000, 1000)
CURVES = (
    NUMBERS
    | st.sampled_from(["0: (1), 10: (t)", "sin(t)"])
    | st.dictionaries(st.integers(0, 40), NUMBERS, min_size=1)
)


@st.composite
def scenes(draw: st.DrawFn) -> Scene:
    return Scene(
        mode=draw(st.sampled_from(["2d", "3d", "still"])),
        size=draw(st.tuples(st.integers(64, 4096), st.integers(64, 4096))),
        frames=draw(st.integers(1, 200)),
        fps=draw(st.sampled_from([12, 23.976, 30000 / 1001, 60])),
        seed=draw(st.integers(0, 2**32 - 1)),
        prompts=draw(PROMPTS),
        bpm=draw(st.none() | st.floats(1, 300)),
        camera={"angle": draw(CURVES), "translation_x": draw(CURVES), "fov": draw(st.floats(1, 179))},
        coherence={"frames_skip_steps": draw(st.sampled_from(["60%", 20, "0: (10%), 4: (20%)", {0: "5%"}]))},
        guidance={"clip_models": {"RN50": draw(st.floats(0, 9)), "ViT-B-32/openai": "[1]*400+[0.5]*600"}},
        output={"film": draw(st.none() | st.sampled_from(["null", "1e5", "no", "0x10", "a film (2)"]))},
    )


@pytest.mark.vital
@pytest.mark.slow
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(scenes())
def test_a_resolved_scene_reads_back_equal(tmp_path, scene):
    text = resolved_text(scene)
    path = tmp_path / "scene.yaml"
    path.write_text(text, encoding="utf-8", newline="")
    loaded = read_scene(path)
    assert loaded.scene == scene
    assert resolved_text(loaded.scene) == text


def test_a_resolved_scene_has_every_setting_and_the_drawn_seed(tmp_path):
    path = tmp_path / "scene.yaml"
    path.write_text("prompts: x")
    scene = read_scene(path).scene
    text = resolved_text(scene)
    assert f"\nseed: {scene.seed}\n" in text
    for section in ("camera", "warp", "depth", "coherence", "diffusion", "guidance", "output"):
        for key, value in getattr(scene, section).model_dump().items():
            assert value is None or f"\n  {key}:" in text
    path.write_text(text)
    assert read_scene(path).notices == ()


def test_every_setting_has_a_sentence():
    schema = json_schema()
    assert schema["$schema"] == DIALECT
    assert set(schema["properties"]) == {"extends", "study", *Scene.model_fields}
    assert schema["required"] == []
    sections = {"": schema} | schema["$defs"]
    for section in sections.values():
        assert section["additionalProperties"] is False
        for key, entry in section["properties"].items():
            assert len(entry.get("description", "")) > 15, key
            assert not {"animated", "animated_each", "allowed", "title"} & set(entry), key


def test_an_animated_number_is_described_by_its_notations():
    properties = json_schema()["$defs"]["CameraOptions"]["properties"]
    number, text, mapping = properties["fov"]["anyOf"]
    assert number == {"type": "number", "minimum": 1, "maximum": 179}
    assert text["type"] == "string"
    assert "frames" in text["description"]
    assert mapping["type"] == "object"
    cuts = json_schema()["$defs"]["CutOptions"]["properties"]
    assert "diffusion" in cuts["overview"]["anyOf"][1]["description"]


@pytest.mark.slow
def test_the_schema_judges_samples():
    jsonschema = pytest.importorskip("jsonschema")
    judge = jsonschema.Draft202012Validator(json_schema())
    judge.check_schema(json_schema())
    assert judge.is_valid({"extends": "a.yaml", "frames": "20s", "camera": {"fov": "0: (30)"}})
    assert judge.is_valid({"extends": ["a.yaml", "b.yaml"], "seed": "random"})
    assert judge.is_valid({"seed": [1, 2], "guidance": {"cuts": "pixel-art"}})
    assert judge.is_valid({"seed": 1, "guidance": {"cuts": {"overview": 4}}})
    assert not judge.is_valid({"extends": ["a.yaml", 2]})
    assert not judge.is_valid({"seed": "rnd"})
    assert not judge.is_valid({"guidance": {"cuts": "pixels"}})
    assert not judge.is_valid({"guidance": {"cuts": {"overvew": 4}}})
    assert not judge.is_valid({"prompts": "x", "camera": {"fov": 200}})
    assert not judge.is_valid({"prompts": "x", "sise": [64, 64]})


def test_every_form_of_a_value_reads_back(tmp_path):
    path = tmp_path / "scene.yaml"
    path.write_text(
        "mode: still\nimages: 2\nseed: [3, 4]\n"
        'prompts: {0: [{text: "a: b", weight: -0.5, clip_models: [RN50]}, "fog:2"], 1: x}\n'
        'image_prompts: {0: ["https://x.org/a.png:2", {image: "https://x.org/b.png", weight: 3}]}\n'
        'diffusion: {sampler: "[plms]*500+[ddim]*500", secondary: "[0]*500+[1]*500", stop_at: 40%,\n'
        "  model: 512x512_diffusion_uncond_finetune_008100, transformation_percent: [0.1, 0.3]}\n"
        "guidance: {clip_models: {RN50: 1}, cuts: han-fav, clamp_grad: {0: true, 1: false}}\n"
        'output: {intermediates: [5, "50%"]}\n'
    )
    loaded = read_scene(path)
    text = resolved_text(loaded.scene)
    again = read_text_scene(text, "again.yaml")
    assert again.scene == loaded.scene
    assert again.timeline.row(0).prompts == loaded.timeline.row(0).prompts
    assert resolved_text(again.scene) == text
