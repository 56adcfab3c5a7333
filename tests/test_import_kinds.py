"""What published files taught the importer, each as a kind of file made here."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest

from animator.importing.convert import Imported, import_bytes
from animator.importing.job import Options
from animator.importing.reading import UnreadableError, assignments
from animator.importing.tool_keys import deforum_keys
from tests.import_files import DEFORUM, DISCO_57, PROGROCK, WARP

FOOTAGE_KEYS = {"video_init_path": "a.mp4", "flow_blend": "0:(0.9)", "fps": 12}


def made(values: Any, name: str = "settings.txt", **options: str) -> Imported:
    text = values if isinstance(values, str) else json.dumps(values)
    return import_bytes(text.encode(), name, Options(**options))


def row(imported: Imported, key: str) -> tuple[str, str, str]:
    return next((one.fate, one.place, one.note) for one in imported.rows if one.key == key)


def test_prompts_written_the_other_way_round() -> None:
    stills = {**DEFORUM, "animation_mode": "None", "prompts": {"a lake": "00000", "a hill": "00001"}}
    scene = made({**stills, "animation_prompts_negative": ""}).loaded.scene
    assert (scene.prompts, scene.images) == ({0: ["a lake"], 1: ["a hill"]}, 2)


def test_what_pushes_away_stays_where_no_prompt_pulls() -> None:
    read = made({**DEFORUM, "prompts": {"0": ""}, "animation_prompts_negative": "((blurry, text))"})
    assert 'prompts: [a landscape, "blurry, text:-0.5"]' in read.text
    assert row(read, "prompts") == ("dropped", "", "empty")
    assert any("a landscape" in guess for guess in read.guesses)


@pytest.mark.parametrize(
    ("word", "meant", "fate"),
    [
        ("DPM++ 2M SDE Karras", "dpmpp_2m_sde", "approximated"),
        ("dpmpp_2m", "dpmpp_2m", "carried"),
        ("dpmpp_2m_sde_gpu", "dpmpp_2m_sde", "carried"),
        ("sample_dpmpp_2m", "dpmpp_2m", "carried"),
    ],
)
def test_samplers_by_their_other_names(word: str, meant: str, fate: str) -> None:
    values = {key: value for key, value in DEFORUM.items() if key != "sampler"}
    read = made({**values, "sampler_name": word})
    assert read.loaded.scene.diffusion.sampler == meant
    assert row(read, "sampler_name")[0] == fate


def test_one_strength_holds_for_all_frames() -> None:
    read = made({**DEFORUM, "strength_schedule": "0: (0.85)", "keyframe_strength_schedule": "0: (0.2)"})
    assert "frames_skip_steps: 85%" in read.text
    assert row(read, "keyframe_strength_schedule")[0] == "dropped"


def test_scales_for_footage_are_carried_over() -> None:
    scales = {"video_init_tv_scale": 15000, "video_init_clip_guidance_scale": "0: (4000), 9: (8000)"}
    read = made({**DISCO_57, **FOOTAGE_KEYS, **scales}, mode="video")
    assert row(read, "video_init_tv_scale") == ("carried", "video.tv_scale", "")
    assert "#   tv_scale: 15000" in read.text
    assert '#   clip_guidance_scale: "0: (4000), 9: (8000)"' in read.text


def test_switches_about_the_flow_do_not_turn_it_off() -> None:
    read = made({**WARP, "flow_warp": True, "flow_lq": True, "use_legacy_cc": False, "num_flow_updates": 12})
    assert 'flow: "none"' not in read.text
    assert {row(read, key)[0] for key in ("flow_lq", "use_legacy_cc", "num_flow_updates")} == {"dropped"}


def test_progrock_draws_of_several_and_stops_early() -> None:
    own = '"text_prompts": {"0": ["a <castle|fort> by <^^2|A|B|C>, _artist_"]},'
    head, _, tail = PROGROCK.partition('"text_prompts": {')
    text = head + own + tail[tail.index('"n_batches"') :].replace('"tv_scale": 0', '"tv_scale": "<900|50>"')
    text = text.replace('"stop_early": 0', '"stop_early": 50')
    read = made(text.replace('"steps": 250', '"steps": "<200|50>", "intermediate_saves": [0.5, 0.9]'))
    scene = read.loaded.scene
    assert "a castle by A, B, artist" in read.text
    assert (scene.diffusion.steps, scene.guidance.tv_scale, scene.diffusion.stop_at) == (200, 900, "25%")
    assert scene.output.intermediates == [100, 180]
    assert row(read, "tv_scale")[2] == "that program chooses one of several: the first holds"
    assert row(made(PROGROCK), "stop_early")[2] == "it is off"


def test_a_scale_of_stable_diffusion_is_not_that_of_clip() -> None:
    read = made({"gobig": False, "gobig_scale": 2, "prompt": "a druid", "scale": 7.0, "steps": 50})
    assert read.loaded.scene.guidance.clip_guidance_scale == 5000
    assert row(read, "scale")[0] == "approximated"


def test_prompts_that_are_saved_as_comments() -> None:
    text = (
        "    [basic_settings]\n    #clip_prompts = ['a princess', 'fog:-0.5']\n"
        "    latent_diffusion_guidance_scale = 2\n    clip_guidance_scale = 5000\n"
    )
    assert 'prompts: [a princess, "fog:-0.5"]' in made(text, "a.cfg").text


def test_an_expression_in_brackets_over_lines() -> None:
    text = "a = (\n    [0.5] * (2 * n)\n    + list(np.linspace(0, 1, 3))\n    # + [9]\n)\n"
    text += "b = (1, 2)\nc = ('x')\n"
    read = assignments("n = 2\n" + text)
    assert str(read["a"]).startswith("(\n    [0.5] * (2 * n)")
    assert (read["b"], read["c"]) == ([1, 2], ["x"])
    warp = "text_prompts = {0: ['a sea']}\nstyle_strength_schedule = [1]\nn = 2\nmax_frames = 9\n"
    shown = made(warp + text.replace("a =", "flow_blend_schedule ="), "cells.py").text
    assert 'flow_blend: "0: (0.5), 3: (0.5), 4: (0), 6: (1), 8: (1)"' in shown


@pytest.mark.parametrize("schedule", ["[1]*1e999", "range(1e999)", "[4]*400+[1e999]*600", "[2]*(1e400/3)"])
def test_numbers_without_end_in_a_schedule(schedule: str) -> None:
    read = made({**DISCO_57, "cut_overview": schedule})
    assert row(read, "cut_overview")[0] == "dropped"


def test_very_many_formulas_are_written_as_their_values() -> None:
    keys = ", ".join(f"{n}: (sin(t/{n + 1}))" for n in range(300))
    read = made({**DEFORUM, "max_frames": 300, "translation_x": keys})
    assert row(read, "translation_x")[:2] == ("carried", "camera.translation_x")
    assert "sin" not in read.text.partition("translation_x:")[2].partition("\n")[0]


def test_brackets_without_end_take_no_time() -> None:
    begun = time.process_time()
    keys = deforum_keys("0: (" + "(" * 20_000 + "t" + ")" * 20_000 + ")", 10, 0)
    assert keys.by_frame or keys.notes
    assert time.process_time() - begun < 2
    assert [str(one) for one in deforum_keys("0: ((t)+(2))", 10, 0).by_frame.values()] != []


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("<!DOCTYPE html>\n<html><body>404</body></html>", "is a web page"),
        ("<html><script>x = {'steps': 250, 'text_prompts': {'0': ['a']}}</script></html>", "is a web page"),
        (json.dumps({f"key_{n}": n for n in range(20_001)}), "has 20001 keys"),
        ("Dear all,\nI write about steps: they are many.\n", "nothing to paint by|no settings file"),
        ("version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 12\n", "no settings file"),
    ],
)
def test_what_is_no_settings_file_gets_one_line(text: str, message: str) -> None:
    with pytest.raises(UnreadableError, match=message) as refused:
        made(text)
    assert "\n" not in str(refused.value)


def test_a_film_of_deforum_that_does_not_say_its_mode_or_length() -> None:
    """An add-on of Blender writes nothing but moves."""
    text = 'Export frames 1 - 40\n\nCamera Export: Camera\ntranslation_x = "0:(1.5),37:(2)," #@param\n'
    read = made(text + 'rotation_3d_y = "0:(0.5),"\n')
    assert (read.loaded.scene.mode, read.loaded.scene.frames) == ("3d", 38)
    assert row(read, "translation_x")[0] == "carried"
    still = made({**DEFORUM, "animation_mode": "None"})
    assert still.loaded.scene.mode == "still"


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("a.glb", b"glTF\x02\0\0\0"),
        ("a.gltf", b'{"asset": {"generator": "x", "version": "2.0"}, "nodes": []}'),
        ("a.usdc", b"PXR-USDC\0\0"),
        ("a.usda", b"#usda 1.0\n"),
        ("a.usdz", b"PK\x03\x04" + bytes(26) + b"shot.usdc" + bytes(9)),
        ("a.txt", b"Adobe After Effects 8.0 Keyframe Data\n"),
        ("a.chan", b"1 0 0 0 0 0 0\n"),
        ("a.json", b'{"frames": [{"transform_matrix": []}]}'),
    ],
)
def test_a_camera_is_said_to_be_one(name: str, data: bytes) -> None:
    with pytest.raises(UnreadableError, match=r"camera: \{path: FILE\}"):
        import_bytes(data, name)


@pytest.mark.parametrize("coding", ["utf-16", "utf-16-le", "utf-8-sig"])
@pytest.mark.parametrize("ends", ["\n", "\r\n", "\r"])
def test_every_way_of_writing_letters(coding: str, ends: str) -> None:
    text = json.dumps(DISCO_57, indent=2).replace("\n", ends)
    assert import_bytes(text.encode(coding), "a.txt").count("carried") == made(DISCO_57).count("carried")
