"""WarpFusion: footage stylised by Stable Diffusion, whose schedules are lists and objects."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from typing import Any

import numpy as np

from animator.importing import common, deforum, disco
from animator.importing.common import Handler
from animator.importing.curve_text import constant, every_frame
from animator.importing.draft import truth
from animator.importing.job import Job, limits
from animator.importing.list_language import ScheduleError
from animator.importing.prompts import Found, plain_words, read_sets
from animator.importing.tool_keys import listed_keys, number_of
from animator.scene.foreign import foreign_name

_CHECKPOINT = (
    "name a checkpoint of Stable Diffusion in diffusion.model; it needs pip install 'animator[latent]'"
)


def take(job: Job) -> None:
    """Read a file of WarpFusion into its draft."""
    draft = job.draft
    draft.mode = job.options.mode or "video"
    draft.values["mode"] = draft.mode
    draft.frames = common.length_of(job, "max_frames", otherwise=120) if draft.film else 1
    if job.has("seed"):
        common.take_seed(job, job.key("seed"), job.values[job.key("seed")])
    common.take_size(job)
    take_prompts(job)
    for key in list(job.values):
        if key not in draft.rows:
            _take_key(job, key)


def take_prompts(job: Job) -> None:
    """Carry the prompts over, those that push away too."""
    draft, key = job.draft, job.key("text_prompts")
    found = Found()
    if job.get("text_prompts") is not None:
        found = read_sets(job.values[key], lambda text: [(plain_words(text), 1.0)])
        draft.note(
            key, "approximated", "prompts", "brackets and weights in brackets are left out, their words kept"
        )
    if job.get("negative_prompts") is not None:
        deforum.push(job, found, job.key("negative_prompts"))
    disco.put_prompts(job, found, key)


def _take_key(job: Job, key: str) -> None:
    value, known = job.values[key], foreign_name(key)
    name = known.name if known else key
    if name in handlers():
        handlers()[name](job, key, value)
    elif known is None:
        job.draft.drop(key, "no program's name that is known here")
    elif "another scale" in known.note or "Stable Diffusion" in known.note:
        job.draft.differ(key, known.place or "", known.note)
    elif known.place in ("size", "prompts", "guidance.clip_models", "guidance.cuts"):
        job.draft.drop(key, known.note or "it belongs to Stable Diffusion")
    elif (known.place or "").startswith("video.") and job.draft.mode != "video":
        job.draft.drop(key, f"it is for footage, and the mode is {job.draft.mode}")
    else:
        common.take_generic(job, key, value, known)


def schedule(job: Job, name: str, place: str, value: Any, percent: bool = False, rest: bool = False) -> None:
    """Carry a list, a value a frame, or an object of frames over.

    A list holds its last value; of an object each value holds until the next, unless ``blend_json_schedules``
    joins them.

    Args:
        job: the file.
        name: its key.
        place: dotted name.
        value: the list or object.
        percent: whether it is a share that becomes a percentage.
        rest: whether it is what is left of 1 that counts here.
    """
    draft = job.draft
    number = number_of(value)
    if isinstance(value, str) and number is None:
        try:
            value = job.items(value)
        except ScheduleError as error:
            draft.drop(name, f"its schedule cannot be read: {error}; the default holds")
            return
    keys = listed_keys(value if isinstance(value, list | Mapping) else [number], draft.frames)
    if not keys.by_frame:
        job.refuse(name, place, value)
        return
    at = sorted(keys.by_frame)
    points = np.array([float(number_of(keys.by_frame[frame]) or 0.0) for frame in at])
    frames = np.arange(draft.frames)
    if isinstance(value, Mapping) and truth(job.get("blend_json_schedules")):
        values = np.interp(frames, at, points)
    else:
        values = points[np.clip(np.searchsorted(at, frames, side="right") - 1, 0, len(at) - 1)]
    values = 1 - values if rest else values
    low, high = (0.0, 1.0) if percent else limits(place)
    held = np.clip(values, low, high) * (100 if percent else 1)
    sign = "%" if percent else ""
    written: Any = every_frame(held, sign, draft.method)
    if np.ptp(held) == 0:
        written = constant(held[0], percent)
    draft.carry(name, place, written, "; ".join(keys.notes[:2]), differs=bool(keys.notes))


def _style(job: Job, name: str, value: Any) -> None:
    place = "video.skip_steps" if job.draft.mode == "video" else "coherence.frames_skip_steps"
    if job.draft.film:
        schedule(job, name, place, value, percent=True, rest=True)
    else:
        job.draft.drop(name, "a still has no frame before it")


def _blend(job: Job, name: str, value: Any) -> None:
    schedule(job, name, "video.flow_blend", value)


def _steps(job: Job, name: str, value: Any) -> None:
    job.number(
        name,
        "diffusion.steps",
        next(iter(value.values()), None) if isinstance(value, Mapping) else _first(value),
        whole=True,
    )


def _first(value: Any) -> Any:
    return value[0] if isinstance(value, list) and value else value


def _fixed(job: Job, name: str, value: Any) -> None:
    if truth(value):
        job.draft.carry(name, "seed_mode", "fixed")
    else:
        job.draft.drop(name, "it is off")


def _blur(job: Job, name: str, value: Any) -> None:
    job.number(name, "video.consistency_blur", _first(value))


@functools.cache
def handlers() -> Mapping[str, Handler]:
    """Return what is done with a key, by the name that the table has for it."""
    footage = common.dropped("footage is read from its film")
    return {
        "max_frames": common.dropped("all of the footage is painted"),
        "frame_range": footage,
        **dict.fromkeys(("style_strength_schedule", "style_strength"), _style),
        **dict.fromkeys(("flow_blend_schedule", "flow_blend"), common.footage_only(_blend)),
        **dict.fromkeys(("steps_schedule", "steps"), _steps),
        "video_init_path": common.take_footage,
        "init_image": common.dropped("footage is what the frames begin with"),
        "sampler": common.take_sampler,
        "stop_early": common.dropped("the footage is painted with all of its steps"),
        **dict.fromkeys(("fixed_seed", "video_init_seed_continuity"), _fixed),
        **dict.fromkeys(("consistency_blur", "consistency_blur_schedule"), common.footage_only(_blur)),
        **dict.fromkeys(
            ("turbo_mode", "turbo_steps", "turbo_preroll"), common.dropped("mode video paints every frame")
        ),
        "turbo_frame_skips_steps": common.dropped("mode video paints every frame"),
        "interp_spline": common.dropped("schedules are lists"),
        "padding_mode": common.dropped("mode video has other edges"),
        **dict.fromkeys(("range_scale", "sat_scale", "clamp_grad", "clamp_max", "tv_scale"), _other),
        **dict.fromkeys(("clip_guidance_scale", "init_scale_schedule", "cfg_scale_schedule"), _other),
        "diffusion_model": common.dropped(_CHECKPOINT),
        "model_path": common.dropped(_CHECKPOINT),
        "batch_name": common.dropped("a film is named by its scene's file"),
        **dict.fromkeys(("color_match_frame_str", "colormatch_frame", "match_color_strength"), _other),
    }


def _other(job: Job, name: str, value: Any) -> None:
    known = foreign_name(name)
    job.draft.differ(name, (known.place if known else None) or "", "another scale there: the default holds")
