"""Values in the spelling of other programs are taken where they can mean one thing."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import jsonschema
import pytest

from animator.errors import SceneError
from animator.scene.foreign import spellings
from animator.scene.nodes import plain
from animator.scene.reading import read_scene, read_text_scene
from animator.scene.resolved import json_schema, resolved_text
from animator.scene.schema_parts import folded, settings
from animator.scene.source import parse
from animator.scene.spellings import with_spellings
from animator.settings.coherence import CoherenceOptions
from animator.settings.scene import Scene

JUDGE = jsonschema.Draft202012Validator(json_schema())
FINETUNE = "512x512_diffusion_uncond_finetune_008100"

TAKEN: list[tuple[str, str, Any]] = [
    ("mode", "3D", "3d"),
    ("mode", "2D", "2d"),
    ("mode", "None", "still"),
    ("mode", "STILL", "still"),
    ("interpolation", "Linear", "linear"),
    ("interpolation", "Cubic", "cubic"),
    ("seed", '"3821711738"', 3821711738),
    ("seed", '{0: "7", 4: 9}', {0: 7, 4: 9}),
    ("seed_mode", "iter", "step"),
    ("version", '"1"', 1),
    ("frames", '"30"', 30),
    ("fps", '"12.5"', 12.5),
    ("bpm", "None", None),
    ("size", '["512", "256"]', (512, 256)),
    ("size", "512x256", (512, 256)),
    ("size", '"[512, 256]"', (512, 256)),
    ("device", "GPU", "cuda"),
    ("turbo.steps", '"3"', 3),
    ("turbo.align", '"False"', False),
    ("turbo.align", "1", True),
    ("diffusion.sampler", "DDIM", "ddim"),
    ("diffusion.sampler", "DPM++ 2M", "dpmpp_2m"),
    ("diffusion.sampler", '"[PLMS]*500+[DDIM]*500"', "[plms]*500+[ddim]*500"),
    ("diffusion.steps", '"25"', 25),
    ("diffusion.skip_steps", '"10"', 10),
    ("diffusion.init_image", "None", None),
    ("diffusion.init_image", '""', None),
    ("diffusion.perlin_init", "true", "mixed"),
    ("diffusion.perlin_init", "Color", "color"),
    ("diffusion.transformation_percent", "0.4", (0.4,)),
    ("diffusion.transformation_percent", '["0.4", 0.5]', (0.4, 0.5)),
    ("diffusion.transformation_percent", "9%", (0.09,)),
    ("diffusion.model", FINETUNE.upper(), FINETUNE),
    ("depth.model", "dpt_large", "midas"),
    ("depth.model", "MiDaS", "midas"),
    ("depth.model", "Depth-Anything-V2-Small", "depth-anything-small"),
    ("depth.midas_weight", "30%", 0.3),
    ("warp.padding_mode", "Reflection", "reflection"),
    ("warp.sampling_mode", "Bilinear", "bilinear"),
    ("coherence.color_coherence", "LAB", CoherenceOptions().color_coherence),
    ("coherence.color_coherence", "Match Frame 0 LAB", CoherenceOptions().color_coherence),
    ("coherence.color_coherence", "None", 0),
    ("coherence.frames_skip_steps", '"20"', 20),
    ("guidance.clip_guidance_scale", '"5000"', 5000),
    ("guidance.clip_models", "{ViTB32: true, RN50: false}", {"ViTB32": 1}),
    ("guidance.clip_models", "[ViTB32, RN50]", {"ViTB32": 1, "RN50": 1}),
    ("guidance.clip_models", "ViTB32", {"ViTB32": 1}),
    ("guidance.clip_models", '"ViTB32, RN50"', {"ViTB32": 1, "RN50": 1}),
    ("guidance.clip_models", '"ViT-B-32,laion2b_e16"', {"ViT-B-32,laion2b_e16": 1}),
    ("vr.layouts", "anaglyph", ["anaglyph"]),
    ("vr.layouts", "[Left-Right, SBS]", ["left_right", "side_by_side"]),
    ("output.codec", "H.265", "hevc"),
    ("frames", "24f", 24),
    ("frames", "24 frames", 24),
    ("frames", "1s500ms", 18),
    ("frames", "0.5m", 360),
    ("frames", "2min", 1440),
    ("frames", "2 minutes 3 seconds", 1476),
    ("frames", "1h", 43200),
    ("frames", "10 sec", 120),
    ("prompt_blend", "500ms", 6),
    ("prompt_blend", "12f", 12),
    ("size", "1920 by 1088", (1920, 1088)),
    ("size", "512px x 256 px", (512, 256)),
    ("size", "{width: 512, height: 256}", (512, 256)),
    ("size", '{H: 256, W: "512"}', (512, 256)),
    ("background", "White", "white"),
    ("background", '"#fff"', "#ffffff"),
    ("background", '"#FFFFFF"', "#FFFFFF"),
    ("background", "203040", "#203040"),
    ("background", "ff8000", "#ff8000"),
    ("background", "Dark Blue", "#00008b"),
    ("background", '"rgb(0, 128, 255)"', "#0080ff"),
    ("fps", "30000/1001", 30000 / 1001),
    ("fps", "24fps", 24),
    ("fps", "25 p", 25),
    ("video.fps", "30 fps", 30),
    ("video.fps", "30000 / 1001", "30000/1001"),
    ("vr.vr180_eyes", "TB", "top_bottom"),
    ("vr.vr180_eyes", "over-under", "top_bottom"),
    ("vr.vr180_eyes", "SBS", "side_by_side"),
    ("bpm", "120 bpm", 120),
    ("images", "4 images", 4),
    ("diffusion.steps", "50 steps", 50),
    ("diffusion.skip_steps", "10 percent", "10%"),
    ("diffusion.skip_steps", "10pct", "10%"),
    ("depth.midas_weight", "30 percent", 0.3),
    ("coherence.frames_skip_steps", "60 percent", "60%"),
    ("coherence.frames_skip_steps", '"0: (60 percent)"', "0: (60%)"),
    ("coherence.frames_skip_steps", "{0: 60 percent}", {0: "60%"}),
    ("output.intermediates", '["50 percent"]', ["50%"]),
    ("output.intermediates", '["5", "50%"]', [5, "50%"]),
]


def nested(name: str, written: str) -> str:
    """Return a scene with one setting."""
    *above, last = name.split(".")
    return "prompts: x\n" + "".join(f"{part}: {{" for part in above) + f"{last}: {written}" + "}" * len(above)


def value_of(scene: Scene, name: str) -> Any:
    value: Any = scene
    for part in name.split("."):
        value = getattr(value, part)
    return value


def fault(text: str) -> str:
    with pytest.raises(SceneError) as refused:
        read_text_scene(text, "a.yaml")
    return str(refused.value.problems[0])


@pytest.mark.parametrize(("name", "written", "value"), TAKEN)
def test_a_value_is_taken_as_it_is_meant(name: str, written: str, value: Any) -> None:
    text = nested(name, written)
    loaded = read_text_scene(text, "a.yaml")
    assert value_of(loaded.scene, name) == value
    assert JUDGE.is_valid(plain(parse(text, "a.yaml")[0]))
    command = read_text_scene("prompts: x", "a.yaml", [f"{name}={written}"])
    assert value_of(command.scene, name) == value
    again = read_text_scene(resolved_text(loaded.scene), "b.yaml")
    assert again.scene == loaded.scene


@pytest.mark.parametrize("written", ["-1", '"-1"', "random_seed", "None", '""', "null"])
def test_a_seed_that_means_any_is_drawn(written: str) -> None:
    text = f"prompts: x\nseed: {written}"
    scene = read_text_scene(text, "a.yaml").scene
    assert isinstance(scene.seed, int)
    assert scene.seed_mode == "step"
    assert scene.seed != read_text_scene(text, "a.yaml").scene.seed
    assert read_text_scene("prompts: x\nseed: Fixed", "a.yaml").scene.seed_mode == "fixed"


def test_true_and_false_stand_for_a_section() -> None:
    def scene(text: str, *over: str) -> Scene:
        return read_text_scene(f"prompts: x\n{text}", "a.yaml", over).scene

    assert scene("turbo: true").turbo.steps == 3
    assert scene("turbo: 4").turbo.steps == 4
    assert scene('turbo: "4"').turbo.steps == 4
    assert scene("turbo: {preroll: 2}", "turbo=4").turbo.steps == 4
    assert scene("turbo: false").turbo.steps == 1
    assert scene("vr: true").vr.enabled
    assert not scene("vr: false").vr.enabled
    assert scene("vr: {ipd: 3}", "vr=false").vr.ipd == 3
    assert not scene("vr: {ipd: 3}", "vr=false").vr.enabled
    kept = scene("turbo: {steps: 5, preroll: 2}", "turbo=false").turbo
    assert (kept.steps, kept.preroll) == (1, 2)
    for word in ("turbo: true", "turbo: 4", "vr: false", "guard: false"):
        assert JUDGE.is_valid(plain(parse(f"prompts: x\n{word}", "a")[0]))
    assert not JUDGE.is_valid({"camera": True})
    assert fault("prompts: x\ncamera: true").endswith("expected settings such as key: value, found true")


def test_layers_agree_with_one_file(tmp_path: Path) -> None:
    (tmp_path / "base.yaml").write_text(
        "prompts: x\nmode: Still\nturbo: {steps: 5, preroll: 2}\nvr: true\n"
        "diffusion: {init_image: a.png, sampler: PLMS}\nguidance: {clip_models: [RN50]}\n"
    )
    top = tmp_path / "top.yaml"
    top.write_text(
        'extends: base.yaml\nmode: 3D\nturbo: true\nvr: "False"\ndiffusion: {init_image: None}\n'
        "guidance: {clip_models: [ViTB32, rn101]}\n"
    )
    scene = read_scene(top, ["guidance.clip_models.ViT-B/32=true", "guidance.clip_models.RN101=false"]).scene
    assert (scene.mode, scene.turbo.steps, scene.turbo.preroll, scene.vr.enabled) == ("3d", 3, 2, False)
    assert (scene.diffusion.init_image, scene.diffusion.sampler) == (None, "plms")
    assert scene.guidance.clip_models == {"ViTB32": 1}


@pytest.mark.parametrize(
    ("name", "written", "said"),
    [
        ("mode", "Interpolation", "mode: expected one of still, 2d, 3d, video, found 'Interpolation'"),
        ("size", "512", "size: expected a list of 2 values, each a whole number from 64 to 4096, found 512"),
        ("seed", "-2", "seed: expected a whole number from 0 to 4294967295"),
        ("diffusion.steps", '"25.5"', "diffusion.steps: expected a whole number from 1 to 1000, found 25.5"),
        ("diffusion.sampler", "euler", "there is no sampler 'euler'; choose ddim, plms"),
        ("depth.model", "Leres", "there is no depth network 'Leres'; there are pocket"),
        ("warp.sampling_mode", "plms", "found 'plms'; 'plms' belongs to diffusion.sampler"),
        (
            "guidance.clip_models",
            "[ViT-H-14]",
            "did you mean ViT-H-14/laion2b_s32b_b79k? there are ViT-H-14/",
        ),
        ("guidance.clip_models", "[ViTB]", "may be several CLIP models; write which: ViT-B-32 or ViT-B-16"),
        (
            "guidance.clip_models",
            "3",
            "expected a mapping from names to numbers, such as {pocket: 1}, found 3",
        ),
        ("output.film", "[a]", "output.film: expected a file name"),
        ("size", "512", "found 512; a square is [512, 512]"),
        ("size", "1080p", "; write width and height: [1920, 1080]"),
        ("size", "16:9", "; a shape is given by its pixels, such as [1024, 576]"),
        ("frames", "1:30", "found '1:30'; a length of time is written 1m30s"),
        ("frames", '"1:02:03"', "; a length of time is written 1h2m3s"),
        ("frames", "10.5", "; frames are whole; a length in seconds is written 10.5s"),
        ("frames", "1_000", "; write 1000"),
        ("frames", '"10,000"', "; write 10000"),
        ("frames", "5k", "; write 5000"),
        ("diffusion.stop_at", '"0.4"', "; a share is written with a percent sign: 40%"),
        ("diffusion.skip_steps", '"0.04"', "; a share is written with a percent sign: 4%"),
        ("output.intermediates", "0.5", "; a share is written with a percent sign: [50%]"),
        ("output.intermediates", "[0.5]", "a percentage such as 50%, found 0.5; a share is written with a"),
        ("output.intermediates", "10%", "; a share is a member of a list: [10%]"),
        ("background", "[255, 128, 0]", '; write "#ff8000"'),
        ("background", "[1.0, 0.5, 0]", '; write "#ff8000"'),
        ("background", "transparent", "; no frame has transparent parts"),
        ("video", "clip.mp4", "found 'clip.mp4'; perhaps video: {init: clip.mp4}"),
        ("diffusion", "50", "; perhaps diffusion: {steps: 50}"),
        ("vr", "yes", "; write vr: true"),
        ("turbo", "on", "; write turbo: true"),
        ("guard", "Off", "; write guard: false"),
        ("diffusion.steps", "ddim50", "; write 50, and the sampler in diffusion.sampler"),
        ("camera.zoom", '{"00:03": 1}', "00:03 is no position; a time is written 3s"),
        ("camera.zoom", '{"1:02:03.5": 1}', "a time is written 1h2m3.5s"),
        ("camera.zoom", '{"12-24": 1}', "12-24 is a range; a key is one frame"),
        *(
            (name, written, f"a value over the diffusion is written in square brackets: {meant}")
            for name, written, meant in (
                ("guidance.tv_scale", '"100*400+0*600"', "[100]*400+[0]*600"),
                ("guidance.clip_guidance_scale", '"5000 * 500 + 8000 * 500"', "[5000]*500+[8000]*500"),
                ("guidance.cuts.overview", '"[12]*40%+[4]*60%"', "[12]*400+[4]*600"),
                ("guidance.cuts.innercut", '"[12*400]+[4*600]"', "[12]*400+[4]*600"),
                ("guidance.cuts.ic_pow", '"(12)*400+(4)*600"', "[12]*400+[4]*600"),
                ("guidance.clamp_max", '"[.05]x200+[.1]x800"', "[.05]*200+[.1]*800"),
            )
        ),
    ],
)
def test_what_may_mean_several_things_is_refused_with_the_right_word(
    name: str, written: str, said: str
) -> None:
    assert said in fault(nested(name, written))


def test_text_is_never_anything_else() -> None:
    scene = read_text_scene('prompts: ["None", "true", "3"]\noutput: {film: none}', "a.yaml").scene
    assert scene.prompts == ["None", "true", "3"]
    assert scene.output.film == "none"


@pytest.mark.parametrize(
    "written", ["12*40+4*60", "12*t+4*600", "1000*1", "[12]*400+[4]*600", "0: (4*400+4*600)"]
)
def test_a_formula_or_a_schedule_is_not_taken_for_one_without_brackets(written: str) -> None:
    read_text_scene(nested("guidance.tv_scale", f'"{written}"'), "a.yaml")


def test_spelling_twice_changes_nothing() -> None:
    for name, written, _ in TAKEN:
        once = with_spellings(parse(nested(name, written), "a.yaml")[0])
        assert plain(with_spellings(once)) == plain(once)


def test_words_of_a_setting_stay_apart() -> None:
    for name, schema in settings().items():
        for part in [schema, *schema.get("anyOf", ()), schema.get("items", {})]:
            words = [folded(word) for word in part.get("enum", ())]
            assert len(set(words)) == len(words), name


def test_every_spelling_of_the_table_belongs_to_a_setting() -> None:
    assert spellings().keys() <= settings().keys()
    assert {word for table in spellings().values() for word in table if folded(word) != word} == set()
    assert spellings()["coherence.color_coherence"]["lab"] == CoherenceOptions().color_coherence
