"""Names of other programs lead to their place in a scene."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from animator.scene.fit import Fit
from animator.scene.foreign import foreign_name, foreign_names, names_page, tools
from animator.scene.names import unknown_key
from animator.settings.scene import scene_schema

ROOT = Path(__file__).parents[1]
FLAT = json.loads((ROOT / "tests/data/foreign/disco-5.7_settings.txt").read_text())
FIT = Fit(scene_schema())
TOP = list(FIT.schema["properties"])

PLACES = {
    "text_prompts": "prompts",
    "max_frames": "frames",
    "interp_spline": "interpolation",
    "width": "size",
    "height": "size",
    "diffusion_model": "diffusion.model",
    "use_secondary_model": "diffusion.secondary",
    "diffusion_sampling_mode": "diffusion.sampler",
    "steps": "diffusion.steps",
    "skip_steps": "diffusion.skip_steps",
    "clip_denoised": "diffusion.estimate",
    "perlin_mode": "diffusion.perlin_init",
    "frames_scale": "coherence.frames_scale",
    "frames_skip_steps": "coherence.frames_skip_steps",
    "midas_depth_model": "depth.model",
    "midas_weight": "depth.midas_weight",
    "padding_mode": "warp.padding_mode",
    "sampling_mode": "warp.sampling_mode",
    "video_init_path": "video.init",
    "extract_nth_frame": "video.extract_nth_frame",
    "video_init_seed_continuity": "seed_mode",
    "turbo_mode": "turbo",
    "turbo_steps": "turbo.steps",
    "turbo_preroll": "turbo.preroll",
    "video_init_cutn_batches": "guidance.cutn_batches",
    "video_init_frames_skip_steps": "video.skip_steps",
    "video_init_flow_warp": "video.flow",
    "video_init_blend_mode": "video.finish",
    "cut_overview": "guidance.cuts.overview",
    "cut_innercut": "guidance.cuts.innercut",
    "cut_ic_pow": "guidance.cuts.ic_pow",
    "cut_icgray_p": "guidance.cuts.icgray_p",
    **dict.fromkeys(("perlin_init", "init_image", "init_scale", "eta"), "diffusion."),
    **dict.fromkeys(("use_horizontal_symmetry", "use_vertical_symmetry"), "diffusion."),
    "transformation_percent": "diffusion.",
    **dict.fromkeys(("angle", "zoom", "near_plane", "far_plane", "fov"), "camera."),
}
"""Where keys of a file of Disco Diffusion belong; after a dot at the end, under the same name."""

NOWHERE = {"randomize_class", "diffusion_steps", "key_frames"}


def place_of(key: str) -> str | None:
    """Return where a key of Disco Diffusion 5.7 belongs, None where a scene has no place for it."""
    if key.startswith(("ViT", "RN")):
        return "guidance.clip_models"
    if key.startswith(("translation_", "rotation_3d_")):
        return f"camera.{key}"
    if key in PLACES:
        return PLACES[key] + (key if PLACES[key].endswith(".") else "")
    if key.startswith("video_init_"):
        return f"video.{key.removeprefix('video_init_')}"
    if key in TOP:
        return key
    return None if key in NOWHERE else f"guidance.{key}"


def hint(key: str, value: Any = None) -> str:
    section = key.rpartition(".")[0]
    siblings = list(FIT.settings[section]["properties"]) if section else TOP
    return unknown_key(key, siblings, FIT.settings, value)


def leads_to(message: str, place: str) -> bool:
    """Return whether a message names a place: as a whole, or as a section for the same key."""
    section = place.rpartition(".")[0]
    return f"it is called '{place}'" in message or (bool(section) and f"belongs under '{section}'" in message)


@pytest.mark.parametrize("key", [key for key in FLAT if key not in TOP])
def test_every_key_of_a_flat_disco_file_leads_to_its_place(key: str) -> None:
    message, place = hint(key, FLAT[key]), place_of(key)
    if place is None:
        assert message.startswith("unknown key; not here: ")
    else:
        assert leads_to(message, place), message


def test_the_flat_disco_file_is_whole() -> None:
    assert len(FLAT) == 96
    assert {key for key in FLAT if place_of(key) is None} == NOWHERE
    assert all(place_of(key) in FIT.settings for key in FLAT if place_of(key))
    assert {key: "disco" in foreign_name(key).tools for key in FLAT} == dict.fromkeys(FLAT, True)


@pytest.mark.parametrize(
    ("key", "value", "place"),
    [
        ("steps", 250, "diffusion.steps"),
        ("W", 512, "size"),
        ("H", 512, "size"),
        ("width_height", [512, 512], "size"),
        ("batch_name", "x", "output.film"),
        ("animation_mode", "3D", "mode"),
        ("n_batches", 4, "images"),
        ("max_frames", 100, "frames"),
        ("set_seed", "random_seed", "seed"),
        ("seed_behavior", "iter", "seed_mode"),
        ("turbo_blend", True, "turbo.fade"),
        ("diffusion_cadence", 2, "turbo.steps"),
        ("blend", 0.5, "video.finish_blend"),
        ("border", "wrap", "warp.border_2d"),
        ("sampling_mode", "plms", "diffusion.sampler"),
        ("sampling_mode", "DDIM", "diffusion.sampler"),
        ("sampling_mode", "bilinear", "warp.sampling_mode"),
        ("diffusion.sampling_mode", "plms", "diffusion.sampler"),
        ("diffusion.sampling_mode", "bicubic", "warp.sampling_mode"),
        ("cut_ic_grey", "[0.2]*1000", "guidance.cuts.icgray_p"),
        ("strength_schedule", "0: (0.65)", "coherence.frames_skip_steps"),
        ("cfg_scale_schedule", "0: (7)", "guidance.clip_guidance_scale"),
        ("fov_schedule", "0: (70)", "camera.fov"),
        ("camera.fov_schedule", "0: (70)", "camera.fov"),
        ("near_schedule", "0: (200)", "camera.near_plane"),
        ("clip_models", ["RN50"], "guidance.clip_models"),
        ("ViTB32", True, "guidance.clip_models"),
        ("RN50", 1.0, "guidance.clip_models"),
        ("vr_mode", True, "vr"),
        ("vr_ipd", 5.0, "vr.ipd"),
        ("vr_eye_angle", 0.5, "vr.eye_angle"),
        ("intermediate_saves", 0, "output.intermediates"),
        ("display_rate", 50, "output.progress_image"),
        ("skip_timesteps", 10, "diffusion.skip_steps"),
        ("timestep_respacing", "ddim250", "diffusion.steps"),
        ("Text Prompts", "x", "prompts"),
        ("set-seed", 3, "seed"),
        ("vitl14", True, "guidance.clip_models"),
        ("depth_algorithm", "Zoe", "depth.model"),
        ("style_strength_schedule", [0.7], "video.skip_steps"),
        ("fill", "inpaint", "warp.fill"),
        ("resolution", "512x512", "size"),
        ("aspect_ratio", "16:9", "size"),
        ("image_width", 512, "size"),
        ("image", "a.png", "diffusion.init_image"),
        ("diffusion.image", "a.png", "diffusion.init_image"),
        ("init_img", "a.png", "diffusion.init_image"),
        ("reference_image", "a.png", "image_prompts"),
        ("input_video", "a.mp4", "video.init"),
        ("length", 20, "frames"),
        ("duration", 20, "frames"),
        ("num_frames", 20, "frames"),
        ("output_fps", 24, "fps"),
        ("frame_rate", 24, "fps"),
        ("cfg", 7, "guidance.clip_guidance_scale"),
        ("guidance.cfg", 7, "guidance.clip_guidance_scale"),
        ("denoising_strength", 0.6, "diffusion.skip_steps"),
        ("denoise", 0.6, "diffusion.skip_steps"),
        ("negative", "fog", "prompts"),
        ("negative_prompt", "fog", "prompts"),
        ("positive", "fog", "prompts"),
        ("style", "oil", "prompts"),
        ("num_inference_steps", 30, "diffusion.steps"),
        ("sampling_steps", 30, "diffusion.steps"),
        ("sampler_name", "DDIM", "diffusion.sampler"),
        ("perlin", True, "diffusion.perlin_init"),
        ("noise_seed", 3, "seed"),
        ("batch_count", 3, "images"),
        ("n_iter", 3, "images"),
        ("ckpt_name", "v1.ckpt", "diffusion.model"),
        ("num_cuts", 16, "guidance.cuts"),
        ("tv_loss", 16, "guidance.tv_scale"),
        ("cadence", 2, "turbo.steps"),
        ("depth_model", "midas", "depth.model"),
        ("transition", 10, "prompt_blend"),
        ("audio_reactivity", 1, "output.audio"),
        ("music", "a.mp3", "output.audio"),
        ("tempo", 120, "bpm"),
        ("camera_movement", "zoom in", "camera"),
        ("pan", 3, "camera.translation_x"),
        ("interpolate", 24, "output.interpolate_to"),
        ("bitrate", 24, "output.crf"),
        ("stereo", True, "vr"),
        ("format", "GIF", "output.gif"),
        ("format", "16:9", "size"),
        ("output_format", "webp", "output.webp"),
        ("enable_hr", True, "hires"),
        ("hr_scale", 2, "hires.scale"),
        ("hires_fix", True, "hires"),
        ("gobig", True, "hires"),
    ],
)
def test_the_wrong_turns_of_the_guides_are_put_right(key: str, value: Any, place: str) -> None:
    assert leads_to(hint(key, value), place), hint(key, value)


@pytest.mark.parametrize(
    "key",
    [
        *("key_frames", "resume_run", "init_frame", "last_frame", "diffusion_steps", "cn_2_weight", "fill"),
        *("seed_resize", "hr_prompt", "hires_upscaler", "subseed", "variation_amount"),
        *("restore_faces", "lora", "controlnets", "refiner", "vae", "clip_skip", "CLIP_stop_at_last_layers"),
        *(
            "seamless",
            "upscale",
            "mask_blur",
            "learning_rate",
            "vqgan_model",
            "stylize",
            "class_type",
        ),
    ],
)
def test_what_has_no_place_is_said_to_have_none(key: str) -> None:
    assert hint(key, 1).startswith("unknown key; not here: ")


@pytest.mark.parametrize(
    ("key", "place"),
    [
        ("persistent_frame_output_in_batch_folder", "not here: footage is read from its film"),
        ("steps_per_checkpoint", "output.intermediates"),
        ("skip_step_ratio", "coherence.frames_skip_steps"),
        ("pad_or_pulp_cut_ic_pow", "'guidance.cuts'; pixel-art or pulp"),
        ("watercolor_cut_overview", "'guidance.cuts'; watercolor"),
        ("gobig_maximize", "'hires'; {scale: 2}"),
        ("keep_audio", "video.sound"),
        ("prompt_weight_3", "'prompts'"),
        ("translation_x_series", "'camera'"),
        ("rotation_3d_z_series", "'camera'"),
        ("prompts_series", "'prompts'"),
        ("image_prompts_series", "'image_prompts'"),
        ("eta_schedule", "'eta'; it belongs under 'diffusion'"),
        ("tv_scale_schedule", "'tv_scale'; it belongs under 'guidance'"),
        ("diffusion.eta_schedule", "did you mean 'eta'?"),
        ("text_prompts_schedule", "'prompts'"),
        ("zoom_curve", "'camera'"),
    ],
)
def test_rare_and_derived_names_lead_to_their_place(key: str, place: str) -> None:
    section = key.rpartition(".")[0]
    siblings = [name.rpartition(".")[2] for name in FIT.settings if name.startswith(f"{section}.")] or TOP
    assert place in unknown_key(key, siblings, FIT.settings)


def test_a_name_of_another_program_comes_before_a_similar_one_of_ours() -> None:
    assert "did you mean" not in hint("batch_name")
    assert hint("camera.angel") == "unknown key; did you mean 'angle'?"


def test_every_place_of_the_table_is_one() -> None:
    for one in foreign_names().values():
        assert bool(one.place) != bool(one.because), one.name
        assert {one.place, *one.values.values()} - {None} <= FIT.settings.keys(), one.name
        assert one.tools, one.name
        assert set(one.tools) <= tools().keys(), one.name
        assert not one.because.endswith(".")


def test_the_page_of_names_is_what_the_program_knows() -> None:
    page = (ROOT / "docs" / "names.md").read_text(encoding="utf-8")
    assert page == names_page(), "run: python -m animator.scene.foreign > docs/names.md"
    assert "docs/names.md" in (ROOT / "README.md").read_text(encoding="utf-8")


def test_the_table_is_installed_with_the_program() -> None:
    project = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    assert '"scene/*.json"' in project


@pytest.mark.parametrize(
    ("key", "place"),
    [
        ("cut_overveiw", "guidance.cuts.overview"),
        ("strength_schedual", "coherence.frames_skip_steps"),
        ("max_frame", "'frames'"),
        ("widht", "'size'"),
        ("skip_steps_ratoi", "diffusion.skip_steps"),
        ("video_path", "video.init"),
        ("colour_coherence", "'coherence'"),
        ("mask_video", "masks are regions"),
        ("model", "diffusion.model"),
        ("promts", "'prompts'"),
        ("camara", "'camera'"),
    ],
)
def test_a_misspelt_name_leads_where_the_right_one_would(key: str, place: str) -> None:
    assert place in unknown_key(key, TOP, FIT.settings)
