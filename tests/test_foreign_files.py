"""A settings file of another program says what it is, in one line."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from animator.errors import SceneError
from animator.scene.reading import read_scene, read_text_scene
from tests.command import animator

FLAT = Path(__file__).parent / "data/foreign/disco-5.7_settings.txt"
DISCO = FLAT.read_text(encoding="utf-8")

DEFORUM = {
    **{"W": 512, "H": 512, "seed": -1, "sampler": "Euler a", "steps": 25, "batch_name": "x", "fps": 15},
    **{"prompts": {"0": "a sea --neg fog"}, "animation_mode": "3D", "max_frames": 120, "border": "wrap"},
    **{"angle": "0: (0)", "strength_schedule": "0: (0.65)", "diffusion_cadence": 2, "cn_1_weight": "0:(1)"},
}
STUDIO = {"width": 1024, "height": 576, "animation_prompts_positive": "", **DEFORUM}
PROGROCK = """// settings
{
    "batch_name": "Default",
    "text_prompts": {"0": ["a castle"]}, // by image
    "steps": 250, "width": 832, "height": 512,
    "clip_guidance_scale": "auto", "skip_steps_ratio": 0.33, "symm_switch": 45,
    "gobig_scale": 2, "ViTB32": 1.0,
}
"""
DISCOART = """text_prompts:
  - a lighthouse
width_height: [1280, 768]
skip_steps: 0
steps: 250
clip_models: [ViT-B-32::openai]
clip_models_schedules:
cut_schedules_group: default
on_misspelled_token: ignore
n_batches: 4
seed:
"""
WARP = {
    **{"text_prompts": {"0": ["a dance"]}, "user_comment": "v", "width": 720, "height": 1280, "seed": 4},
    **{"flow_blend_schedule": [1], "style_strength_schedule": [0.7], "missed_consistency_weight": 1},
    **{"steps_schedule": {"0": 20}, "cfg_scale_schedule": [3], "rec_cfg": 1.0, "controlnet_mode": "x"},
}
PARSEQ = {"options": {"output_fps": 20}, "rendered_frames": [{"frame": 0, "zoom": 1.0}]}
CELL = """batch_name = 'Time'
steps = 250
width_height = [1280, 768]
tv_scale = 0
cut_overview = "[12]*400+[4]*600"
"""
NOTEBOOK = {
    "cells": [{"cell_type": "code", "source": CELL.splitlines(keepends=True)}],
    "metadata": {},
    "nbformat": 4,
}
TOML = (
    'name = "Default"\n\n[config]\nclip_guidance_scale = 5000\ntv_scale = 0.0\nclamp_max = 0.05\neta = 0.8\n'
)

FILES = {
    "disco.json": (DISCO, "a settings file of Disco Diffusion"),
    "cells.py": (CELL, "a settings file of Disco Diffusion"),
    "disco.py": (f"#@title Settings\nimport os\n{CELL}\nx = 3\ny = 4\n", "a notebook of Disco Diffusion"),
    "preset.toml": (TOML, "a settings file of Disco Diffusion"),
    "by-hand.txt": (DISCO.replace("null", "None") + "\n# mine,,", "a settings file of Disco Diffusion"),
    "tabs.json": ("{\n\t" + DISCO.lstrip("{ \n").replace("    ", "\t"), "a settings file of Disco Diffusion"),
    "progrock.json": (PROGROCK, "a settings file of ProgRock Diffusion"),
    "discoart.yml": (DISCOART, "a settings file of DiscoArt"),
    "deforum.txt": (json.dumps(DEFORUM, indent=4), "a settings file of Deforum"),
    "one-line.json": (json.dumps(DEFORUM), "a settings file of Deforum"),
    "studio.txt": (json.dumps(STUDIO), "a settings file of Deforum"),
    "nested.json": (json.dumps({"args": DEFORUM, "video_args": {"fps": 3}}), "a settings file of Deforum"),
    "list.json": (json.dumps([DEFORUM, DEFORUM]), "a settings file of Deforum"),
    "warp.txt": (json.dumps(WARP), "a settings file of WarpFusion"),
    "parseq.json": (json.dumps(PARSEQ), "a settings file of Parseq"),
    "long.json": (json.dumps({**PARSEQ, "rendered_frames": [{"frame": 0}] * 60_000}), "of Parseq"),
    "large.json": (json.dumps({**DEFORUM, "zoom": "0: (1), " * 200_000}), "a settings file of Deforum"),
    "disco.ipynb": (json.dumps(NOTEBOOK), "a notebook of Disco Diffusion"),
    "large.ipynb": (json.dumps({**NOTEBOOK, "outputs": "x" * 2_000_000}), "a notebook of Disco Diffusion"),
    "other.ipynb": ('{"cells": [], "metadata": {}, "nbformat": 4}', "is a notebook, which"),
}


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=[pytest.mark.slow] * (name == "long.json")) for name in FILES]
)
def test_a_file_of_another_program_is_one_line(name: str, tmp_path: Path) -> None:
    text, what = FILES[name]
    path = tmp_path / name
    path.write_text(text, encoding="utf-8")
    with pytest.raises(SceneError) as refused:
        read_scene(path)
    (only,) = refused.value.problems
    assert what in only.message
    assert only.message.endswith(
        f"which is no scene; make one of it: animator import {path} -o scene.yaml "
        "(docs/names.md says where each value belongs)"
        if name != "other.ipynb"
        else "which no scene can be made of; write one with its values: docs/names.md says where each belongs"
    )


PARAMETERS = "Steps: 20, Sampler: Euler a, CFG scale: 7, Seed: 12345, Size: 512x512"
COMFY = {"3": {"class_type": "KSampler", "inputs": {"seed": 3, "steps": 20, "cfg": 7}}}
SMALL: dict[str, tuple[str | bytes, str]] = {
    "a.txt": (
        f"a castle on a hill\nNegative prompt: blurry, lowres\n{PARAMETERS}, Model: v1-5\n",
        "AUTOMATIC1111",
    ),
    "short.txt": (f"a castle: on a hill\n{PARAMETERS}", "holds parameters of AUTOMATIC1111's web UI, which"),
    "api.json": (
        '{"prompt": "x", "negative_prompt": "", "steps": 20, "cfg_scale": 7, "enable_hr": false}',
        "a settings file of AUTOMATIC1111's web UI",
    ),
    "small.json": (
        '{"prompt": "x", "negative_prompt": "y", "steps": 20}',
        "a settings file of AUTOMATIC1111",
    ),
    "api-comfy.json": (json.dumps(COMFY), "a settings file of ComfyUI"),
    "ui-comfy.json": (
        '{"nodes": [{"id": 1, "type": "KSampler"}], "links": []}',
        "a settings file of ComfyUI",
    ),
    "call.json": (
        '{"prompt": "x", "num_inference_steps": 30, "guidance_scale": 7.5}',
        "a settings file of diffusers",
    ),
    "model_index.json": (
        '{"_class_name": "StableDiffusionPipeline", "_diffusers_version": "0.2"}',
        "a settings file of diffusers",
    ),
    "invoke.json": ('{"positive_prompt": "x", "app_version": "3.0", "seed": 4}', "InvokeAI"),
    "a.tti": ("a sea at dawn\n512\n", "a settings file of Visions of Chaos"),
    "b.tti": ("prompt: a sea\nsteps: 20\n", "a settings file of Visions of Chaos"),
    "a.toml": ("[config]\nfps = 25\n", "is TOML or INI; a scene is YAML: key: value instead of key = value"),
    "flat.toml": ('prompt = "a sea"\nsteps = 20\n', "is TOML or INI"),
    "no-ending": ('prompt = "a sea"\nsteps = 20\n', "is TOML or INI"),
    "utf-16.txt": (DISCO.encode("utf-16"), "a settings file of Disco Diffusion"),
    "utf-16.json": (json.dumps(DEFORUM).encode("utf-16-le"), "a settings file of Deforum"),
    "mj.txt": ("/imagine prompt: a sea --ar 16:9", "is a command for Midjourney"),
    "a.csv": (
        "frame,zoom\n0,1\n",
        "is a table; the path of a camera goes into a scene as camera: {path: FILE}",
    ),
    "a.html": ("<!DOCTYPE html>\n<html></html>", "is XML or HTML"),
    "a.py": ("import torch\nprint(3)\n", "is a program"),
    "a.mp4": (
        b"\0\0\0\x20ftypisom" + bytes(40),
        "is a film; footage goes into a scene as video: {init: FILE}",
    ),
    "a.jpg": (b"\xff\xd8\xff\xe0" + bytes(40), "is a picture without a scene in it"),
    "a.wav": (b"RIFF\0\0\0\0WAVE" + bytes(40), "is a sound"),
    "a.safetensors": ((20).to_bytes(8, "little") + b'{"a":{}}', "holds weights of a network"),
    "a.zip": (b"PK\x03\x04" + bytes(40), "is an archive"),
}


@pytest.mark.parametrize("name", SMALL)
def test_a_small_file_of_another_kind_is_one_line_too(name: str, tmp_path: Path) -> None:
    content, what = SMALL[name]
    path = tmp_path / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(SceneError) as refused:
        read_scene(path)
    (only,) = refused.value.problems
    assert what in only.message
    assert only.line == 0


def test_a_scene_in_utf_16_is_read(tmp_path: Path) -> None:
    for encoding in ("utf-16", "utf-16-le", "utf-8-sig"):
        (tmp_path / "a.yaml").write_bytes("prompts: a sea\nfps: 9\nmode: 2d".encode(encoding))
        assert read_scene(tmp_path / "a.yaml").scene.fps == 9
    (tmp_path / "a.yaml").write_bytes("prompts: a sea".encode("utf-16")[:-1])
    with pytest.raises(SceneError, match="is no whole UTF-16 text"):
        read_scene(tmp_path / "a.yaml")


def test_a_scene_of_everyday_words_is_a_scene_with_faults() -> None:
    text = "prompts: x\nresolution: 512\nduration: 9\nstyle: oil\nmusic: a.mp3\nloop: true\nimage: a.png"
    with pytest.raises(SceneError) as refused:
        read_text_scene(text, "a.yaml")
    assert [problem.line for problem in refused.value.problems] == [2, 3, 4, 5, 7]


@pytest.mark.slow
def test_the_command_line_refuses_with_status_2_what_no_scene_can_be_made_of(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text(json.dumps(COMFY))
    for verb in ("check", "render", "import"):
        done = animator(verb, "a.json", cwd=tmp_path)
        assert done.returncode == 2
        assert done.stderr.count("\n") == 1


def test_a_scene_that_extends_such_a_file_says_which_it_is(tmp_path: Path) -> None:
    (tmp_path / "old.json").write_text(DISCO, encoding="utf-8")
    top = tmp_path / "top.yaml"
    top.write_text("extends: old.json\nprompts: x")
    with pytest.raises(SceneError, match=r"old.json: is a settings file of Disco Diffusion"):
        read_scene(top)


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("prompts: x\nsteps: 50\nwidth: 512\n", 2),
        ("prompts: x\nsteps: 50\nwidth: 512\nheight: 512", 3),
        ("text_prompts: x\nsteps: 50\nprompts: y", 2),
        ("version: 1\nprompts: x\nsteps: 1\nwidth: 1\nheight: 1\nViTB32: 1\nRN50: 1\ntv_scale: 0", 6),
        ("prompts: x\nmode: 3d\nsize: [64, 64]\nsteps: 1\nwidth: 1\nheight: 1\nViTB32: 1\nRN50: 1", 5),
    ],
)
def test_a_scene_with_a_few_such_keys_is_a_scene_with_faults(text: str, number: int) -> None:
    with pytest.raises(SceneError) as refused:
        read_text_scene(text, "a.yaml")
    assert len(refused.value.problems) == number
    assert all(problem.message.startswith("unknown key") for problem in refused.value.problems)


def test_a_scene_that_is_not_yaml_is_no_file_of_another_program() -> None:
    text = (
        "mode: 2d\ncamera:\n  zoom: 1\n  angle: 0\n  translation_x: 0\n  fov: 4\ndiffusion: {steps: 3, eta: 0"
    )
    with pytest.raises(SceneError) as refused:
        read_text_scene(text, "a.yaml")
    assert "settings file" not in str(refused.value)
