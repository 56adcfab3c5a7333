"""Majesty Diffusion: its ``.cfg`` files, which say how to paint and name no prompts."""

from __future__ import annotations

import re
from typing import Any

from animator.importing import common, disco
from animator.importing.draft import is_nothing
from animator.importing.job import Job
from animator.importing.tool_keys import number_of

SIGNS = (
    *("latent_diffusion_guidance_scale", "starting_timestep", "clamp_index", "range_index", "eta_index"),
    *("aesthetic_loss_scale", "custom_schedule_setting", "clip_guidance_schedule", "latent_diffusion_model"),
)
"""Keys that no other program has."""

_MODEL = re.compile(r"((?:ViT|RN|ResNet)[\w]*(?:-[A-Za-z0-9]+)*?)(?:--(\w+))?(?=[\]\"',]|$)")
_SCHEDULES = {
    **{"cut_overview": ("guidance.cuts.overview", True), "cut_innercut": ("guidance.cuts.innercut", True)},
    **{"cut_ic_pow": ("guidance.cuts.ic_pow", False), "cut_icgray_p": ("guidance.cuts.icgray_p", False)},
    **{"clamp_index": ("guidance.clamp_max", False), "eta_index": ("diffusion.eta", False)},
    "clip_guidance_schedule": ("guidance.clip_guidance_scale", False),
}
_LATENT = "it belongs to Majesty's latent diffusion"


def take(job: Job) -> None:
    """Read a file of Majesty Diffusion into its draft."""
    draft = job.draft
    draft.base = "disco-5"
    draft.mode = job.options.mode or "still"
    draft.frames = common.length_of(job, "max_frames", otherwise=120) if draft.film else 1
    draft.values["mode"] = draft.mode
    if job.has("seed"):
        common.take_seed(job, job.key("seed"), job.values[job.key("seed")])
    common.take_size(job)
    disco.take_prompts(job)
    for key, value in job.values.items():
        if key not in draft.rows:
            _take_key(job, key, value)


def _take_key(job: Job, key: str, value: Any) -> None:
    draft = job.draft
    name = key.strip().lower()
    if name in _SCHEDULES:
        place, whole = _SCHEDULES[name]
        job.schedule(key, place, value, whole=whole)
    elif name in ("step", "steps"):
        job.number(key, "diffusion.steps", value, whole=True)
    elif name == "starting_timestep":
        number = number_of(value)
        if number is None or not 0 < number <= 1:
            job.refuse(key, "diffusion.skip_steps", value)
        else:
            draft.carry(key, "diffusion.skip_steps", f"{100 * (1 - number):.6g}%")
    elif name in ("clip_guidance_scale", "cutn_batches"):
        job.schedule(key, f"guidance.{name}", value, whole=name == "cutn_batches")
    elif name in ("perceptors", "clip_load_list", "clip_models"):
        _models(job, key, value)
    elif name == "use_secondary_model":
        job.switch(key, "diffusion.secondary", value)
    elif name in ("init_image", "image_prompts"):
        place = "diffusion.init_image" if name == "init_image" else "image_prompts"
        common.ask_file(job, key, value, place)
    elif name == "n_batches":
        job.number(key, "images", value, whole=True)
    elif is_nothing(value):
        draft.drop(key, "it says nothing")
    else:
        draft.drop(key, _LATENT)


def _models(job: Job, key: str, value: Any) -> None:
    texts = [str(one) for one in value] if isinstance(value, list) else [str(value)]
    found = [match for text in texts for match in _MODEL.findall(text)]
    names = [f"{model}/{tag}" if tag else model for model, tag in found]
    if names:
        common.take_clip_list(job, key, names)
    else:
        job.refuse(key, "guidance.clip_models", value)
