"""Which program a settings file is of, by the keys in it."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from animator.importing import majesty
from animator.scene.foreign import foreign_name
from animator.scene.foreign_file import ANY, HEIRS

READ = ("disco", "progrock", "discoart", "chaos", "majesty", "deforum", "warpfusion", "parseq", "a1111")
"""Programs whose files are read, as ``--from`` has them; forge and studio are deforum."""

CALLED = {
    **{"disco": "Disco Diffusion", "progrock": "ProgRock Diffusion", "discoart": "DiscoArt"},
    **{"chaos": "Visions of Chaos", "majesty": "Majesty Diffusion", "deforum": "Deforum"},
    **{"warpfusion": "WarpFusion", "parseq": "Parseq", "a1111": "AUTOMATIC1111's web UI"},
}

NO_PICTURES = ("comfy", "invoke", "diffusers", "kaiber", "vqgan")
"""Programs whose files have nothing that a scene could be made of."""

_SIGNS: Mapping[str, Collection[str]] = {
    "warpfusion": ("style_strength_schedule", "flow_blend_schedule", "latent_scale_schedule", "rec_prompts"),
    "deforum": (
        *(
            "strength_schedule",
            "diffusion_cadence",
            "animation_prompts",
            "noise_schedule",
            "contrast_schedule",
        ),
        *("perspective_flip_theta", "seed_behavior", "animation_prompts_positive", "hybrid_composite"),
    ),
    "progrock": (
        *(
            "gobig_scale",
            "symm_switch",
            "skip_steps_ratio",
            "stop_early",
            "use_jpg",
            "cutn_batches_final",
            "gobig",
        ),
        *("simple_symmetry", "symmetry_loss_v", "sharpen_preset", "cool_down", "adjustment_interval", "gui"),
    ),
    "discoart": (
        "cut_schedules_group",
        "name_docarray",
        "on_misspelled_token",
        "gif_size_ratio",
        "clip_models_schedules",
    ),
    "disco": (
        *(
            "text_prompts",
            "cut_overview",
            "cut_innercut",
            "cutn_batches",
            "clip_guidance_scale",
            "perlin_init",
        ),
        *("skip_timesteps", "use_secondary_model", "frames_skip_steps", "range_scale", "clamp_max", "ViTB32"),
    ),
}
"""Keys of which one is enough, the rarer programs first."""


def tool_of(values: Mapping[str, Any], form: str, name: str) -> str:
    """Return the program that most of some keys are of, a key of `CALLED`; empty where they are none's.

    Args:
        values: the file's keys.
        form: what it is written in (`animator.importing.reading`).
        name: the file's name, whose ending tells Visions of Chaos.
    """
    keys = {known.name if (known := foreign_name(str(key))) else str(key) for key in values}
    lowered = {str(key).lower() for key in values}
    if "rendered_frames" in keys:
        return "parseq"
    if form == "parameters" or (form == "a picture" and "negative_prompt" in values and "sampler" in values):
        return "a1111"
    if form == "INI" and name.lower().endswith(".tti"):
        return "chaos"
    if len(lowered & set(majesty.SIGNS)) >= (1 if form in ("INI", "TOML") else 2):
        return "majesty"
    if "cut_easing_fn" in keys or "easing_fn" in lowered:
        return "chaos"
    for tool, signs in _SIGNS.items():
        if keys & set(signs) and not (tool == "disco" and len(keys) > 2 and _most(keys) in NO_PICTURES):
            return tool
    best = _most(keys)
    return best if best in CALLED else ""


def _most(keys: Collection[str]) -> str:
    """Return the program that has the most of some keys; empty where none has three."""
    counts: dict[str, int] = {}
    for key in keys:
        known = foreign_name(key)
        for tool in {HEIRS.get(tool, tool) for tool in known.tools} if known else ():
            counts[tool] = counts.get(tool, 0) + 1
    counts.pop(ANY, None)
    if not counts or max(counts.values()) < min(3, max(1, len(keys))):
        return ""
    return max(sorted(counts), key=lambda tool: counts[tool])
