"""What to say about a key that a scene does not have."""

from __future__ import annotations

import difflib
from typing import Any

NOT_BUILT = "not built yet: it comes with a later version of this program, leave it out for now"
SHADOWS = "video."
"""Before names of settings of which most stand in for others; those others are meant first."""

LATER = frozenset({"study"})
"""Settings that the format will have. They are refused, but not as misspelt."""

DISCO = {
    "width_height": "size",
    "text_prompts": "prompts",
    "max_frames": "frames",
    "animation_mode": "mode",
    "n_batches": "images",
    "set_seed": "seed",
    "interp_spline": "interpolation",
    "diffusion_model": "diffusion.model",
    "use_secondary_model": "diffusion.secondary",
    "diffusion_sampling_mode": "diffusion.sampler",
    "midas_depth_model": "depth.model",
    "cut_overview": "guidance.cuts.overview",
    "cut_innercut": "guidance.cuts.innercut",
    "cut_ic_pow": "guidance.cuts.ic_pow",
    "cut_icgray_p": "guidance.cuts.icgray_p",
    "cut_schedules_group": "guidance.cuts",
    "perlin_mode": "diffusion.perlin_init",
    "clip_denoised": "diffusion.estimate",
    "symm_loss_scale": "guidance.symmetry_loss_scale",
    "stop_early": "diffusion.stop_at",
    "batch_size": "batch",
    "intermediate_saves": "output.intermediates",
    "turbo_mode": "turbo",
    "turbo_steps": "turbo.steps",
    "turbo_preroll": "turbo.preroll",
    "vr_mode": "vr",
    "vr_eye_angle": "vr.eye_angle",
    "vr_ipd": "vr.ipd",
    "video_init_path": "video.init",
    "video_init_steps": "video.steps",
    "video_init_skip_steps": "video.skip_steps",
    "video_init_frames_scale": "video.frames_scale",
    "video_init_clip_guidance_scale": "video.clip_guidance_scale",
    "video_init_tv_scale": "video.tv_scale",
    "video_init_range_scale": "video.range_scale",
    "video_init_sat_scale": "video.sat_scale",
    "video_init_flow_blend": "video.flow_blend",
    "video_init_check_consistency": "video.check_consistency",
    "video_init_seed_continuity": "seed_mode",
    "blend_mode": "video.finish",
}
"""Names of Disco Diffusion and its heirs that are called otherwise here."""


def unknown_key(name: str, siblings: list[str], every: dict[str, Any]) -> str:
    """Say that a key is not known, and which one was probably meant.

    Args:
        name: its dotted name.
        siblings: the keys that its section has.
        every: all dotted names of the format (only the keys are used).

    >>> unknown_key("guidance.tv_scal", ["tv_scale"], {"guidance.tv_scale": 0})
    "unknown key; did you mean 'tv_scale'?"
    >>> unknown_key("tv_scale", ["size"], {"guidance.tv_scale": 0})
    "unknown key here; it belongs under 'guidance'"
    """
    key = name.rpartition(".")[2]
    if name in LATER:
        return NOT_BUILT
    if key in DISCO:
        other = DISCO[key]
        return NOT_BUILT if other in LATER else f"unknown key; here it is called '{other}'"
    every = dict.fromkeys(sorted(every, key=lambda full: full.startswith(SHADOWS)))
    for full in every:
        section, _, last = full.rpartition(".")
        if last == key:
            where = f"under '{section}'" if section else "at the top, not in a section"
            return f"unknown key here; it belongs {where}"
    close = difflib.get_close_matches(key, siblings, 1, 0.6)
    if close:
        return f"unknown key; did you mean '{close[0]}'?"
    lasts = {full.rpartition(".")[2]: full for full in reversed(every)}
    close = difflib.get_close_matches(key, lasts, 1, 0.75)
    if close:
        return f"unknown key; did you mean '{lasts[close[0]]}'?"
    return "unknown key; known here: " + ", ".join(sorted(siblings))
