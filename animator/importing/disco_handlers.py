"""What becomes of each key of Disco Diffusion and its forks."""

from __future__ import annotations

import functools
import re
from collections.abc import Mapping
from typing import Any

from animator.importing import common
from animator.importing.common import Handler
from animator.importing.cut_handlers import cut_handlers
from animator.importing.draft import is_nothing, truth
from animator.importing.job import Job
from animator.importing.tool_keys import number_of


def method_of(value: Any) -> str:
    """Return how numbers are joined: linear, quadratic or cubic."""
    word = common.folded(value)
    return word if word in ("quadratic", "cubic") else "linear"


def _film_only(take: Handler) -> Handler:
    def checked(job: Job, name: str, value: Any) -> None:
        if job.draft.film:
            take(job, name, value)
        else:
            job.draft.drop(name, "a still has no frame before it")

    return checked


def _turbo(job: Job, name: str, value: Any) -> None:
    if job.draft.mode not in ("2d", "3d") or (job.has("turbo_mode") and not truth(job.get("turbo_mode"))):
        job.draft.drop(name, "turbo is off" if job.draft.film else "a still has no turbo")
    elif name == job.key("turbo_mode"):
        job.draft.note(name, "carried", "turbo.steps", "")
        job.draft.values.setdefault("turbo.steps", 3)
    else:
        place = "turbo.steps" if "steps" in name else "turbo.preroll"
        job.number(name, place, value, whole=True)


def _depth(job: Job, name: str, value: Any) -> None:
    if job.draft.mode != "3d":
        job.draft.drop(name, f"mode {job.draft.mode} needs no depth")
    elif "weight" in name:
        job.number(name, "depth.midas_weight", value)
    else:
        word = common.meant_word("depth.model", value) or "midas"
        job.draft.carry(name, "depth.model", word)


def _perlin(job: Job, name: str, value: Any) -> None:
    if truth(job.get("perlin_init")):
        mode = common.folded(job.get("perlin_mode") or "mixed")
        mode = mode if mode in ("mixed", "color", "gray") else "mixed"
        job.draft.carry(name, "diffusion.perlin_init", mode)
    else:
        job.draft.drop(name, "perlin_init is off")


def _begun(job: Job, name: str, value: Any) -> None:
    if truth(job.get("perlin_init")):
        job.schedule(name, "diffusion.init_scale", value)
    elif is_nothing(job.get("init_image")):
        job.draft.drop(name, "there is no init picture")
    else:
        job.draft.differ(
            name, "diffusion.init_scale", "counts once there is an init picture: a comment in the scene"
        )
        number = number_of(value)
        if number is not None and number != 1000:
            job.draft.asleep["diffusion.init_scale"] = number


def _init_image(job: Job, name: str, value: Any) -> None:
    if job.draft.mode == "video":
        job.draft.drop(name, "footage is what the frames begin with")
    else:
        common.ask_file(job, name, value, "diffusion.init_image")


def _continuity(job: Job, name: str, value: Any) -> None:
    if job.draft.mode == "video" and truth(value):
        job.draft.carry(name, "seed_mode", "fixed")
    else:
        job.draft.drop(name, "it is off" if job.draft.mode == "video" else "it is for footage")


def _pictures(job: Job, name: str, value: Any) -> None:
    texts = [value] if isinstance(value, str) else value
    if isinstance(texts, Mapping):
        texts = [one for each in texts.values() for one in (each if isinstance(each, list) else [each])]
    names = [str(one) for one in texts or [] if not is_nothing(one)] if isinstance(texts, list) else []
    if names:
        common.ask_file(job, name, ", ".join(names), "image_prompts")
    else:
        job.draft.drop(name, "there are none")


def _skipped_of_picture(job: Job, name: str, value: Any) -> None:
    number = number_of(value)
    if is_nothing(job.get("init_image")) and job.has("skip_steps"):
        job.draft.drop(name, "there is no init picture")
    elif job.has("skip_steps") and number is not None and 0 <= number <= 1:
        job.draft.asleep["diffusion.skip_steps"] = f"{100 * number:.6g}%"
        job.draft.differ(name, "diffusion.skip_steps", "counts once there is an init picture: a comment")
    else:
        common.take_skipped(job, name, value)


def _images(job: Job, name: str, value: Any) -> None:
    if job.draft.film:
        job.draft.drop(name, "a film is made once for each render")
    else:
        job.number(name, "images", value, whole=True)


def _stopped(job: Job, name: str, value: Any) -> None:
    steps = number_of(job.draft.values.get("diffusion.steps")) or 250
    number = number_of(value)
    if number is None or number <= 0:
        job.draft.drop(name, "it is off")
    else:
        job.draft.carry(name, "diffusion.stop_at", f"{min(100 * number / steps, 100):.4g}%")


def _init_strength(job: Job, name: str, value: Any) -> None:
    number = number_of(value)
    if is_nothing(job.get("init_image")) or number is None:
        job.draft.drop(name, "there is no init picture")
    else:
        job.draft.asleep["diffusion.skip_steps"] = f"{min(max(100 * (1 - number), 0), 100):g}%"
        job.draft.differ(name, "diffusion.skip_steps", "counts once there is an init picture: a comment")


def _iterations(job: Job, name: str, value: Any) -> None:
    if job.has("n_batches"):
        job.draft.drop(name, "n_batches says it")
    else:
        _images(job, name, value)


def _saves(job: Job, name: str, value: Any) -> None:
    number = number_of(value)
    if number is not None:
        job.draft.carry(name, "output.intermediates", int(min(max(number, 0), 1000)))
        return
    steps = number_of(job.draft.values.get("diffusion.steps")) or 250
    listed = value if isinstance(value, list) else re.findall(r"[\d.]+", str(value))
    found = [one for one in map(number_of, listed) if one is not None and 0 < one <= steps]
    numbers = [max(int(one * steps), 1) if one < 1 else int(one) for one in found]
    if numbers:
        job.draft.carry(name, "output.intermediates", sorted(set(numbers)))
    else:
        job.refuse(name, "output.intermediates", value)


def _symmetry_moment(job: Job, name: str, value: Any) -> None:
    if not (truth(job.get("use_horizontal_symmetry")) or truth(job.get("use_vertical_symmetry"))):
        job.draft.drop(name, "there is no symmetry")
        return
    numbers = [
        number_of(one) for one in (value if isinstance(value, list) else re.findall(r"[\d.]+", str(value)))
    ]
    kept = [min(max(one, 0.0), 1.0) for one in numbers if one is not None]
    if kept:
        job.draft.carry(name, "diffusion.transformation_percent", kept)
    else:
        job.refuse(name, "diffusion.transformation_percent", value)


def _symmetry_loss(job: Job, name: str, value: Any) -> None:
    on = any(truth(job.get(one)) for one in ("symmetry_loss", "symmetry_loss_v", "symmetry_loss_h"))
    scale = number_of(job.get("symm_loss_scale")) or 0.0
    until = number_of(job.get("symm_switch"))
    if not on or scale <= 0:
        job.draft.drop(name, "symmetry is off")
        return
    if until is None:
        until = 100.0
    count = int(min(max(until * 10 if until <= 100 else until, 0), 1000))
    text: Any = scale if count == 1000 else f"[{scale:g}]*{count}+[0]*{1000 - count}" if count else 0
    job.draft.carry(name, "guidance.symmetry_loss_scale", text, "one side", differs=True)


def _estimate(job: Job, name: str, value: Any) -> None:
    if truth(value):
        job.draft.carry(name, "diffusion.estimate", "clamped")
    else:
        job.draft.drop(name, "off, as here by default")


def _ambiguous_sampling(job: Job, name: str, value: Any) -> None:
    if common.folded(value) in ("plms", "ddim"):
        common.take_sampler(job, name, value)
    elif job.draft.mode == "3d":
        word = common.folded(value)
        job.draft.carry(
            name, "warp.sampling_mode", word if word in ("bicubic", "bilinear", "nearest") else "bicubic"
        )
    else:
        job.draft.drop(name, f"mode {job.draft.mode} does not sample a moved picture so")


def _padding(job: Job, name: str, value: Any) -> None:
    word = common.meant_word("warp.padding_mode", value, ({"enum": ["border", "reflection", "zeros"]},))
    if job.draft.mode != "3d" or word is None:
        job.draft.drop(name, f"mode {job.draft.mode} has other edges")
    else:
        job.draft.carry(name, "warp.padding_mode", word)


def _spline(job: Job, name: str, value: Any) -> None:
    if job.draft.film:
        job.draft.carry(name, "interpolation", method_of(value))
    else:
        job.draft.drop(name, "a still has no keyframes")


def _eyes(job: Job, name: str, value: Any) -> None:
    if not truth(job.get("vr_mode")):
        job.draft.drop(name, "vr_mode is off")
    elif name == job.key("vr_mode"):
        job.draft.values.setdefault("vr.ipd", common.EYES_DEFAULT)
        job.draft.note(name, "carried", "vr", "")
    else:
        job.number(name, "vr.ipd" if "ipd" in name else "vr.eye_angle", value)


def _film_name(job: Job, name: str, value: Any) -> None:
    job.draft.drop(name, "a film is named by its scene's file")


def _gif(job: Job, name: str, value: Any) -> None:
    if job.draft.film:
        job.switch(name, "output.gif", value)
    else:
        job.draft.drop(name, "a still is no GIF")


def _custom_path(job: Job, name: str, value: Any) -> None:
    if common.folded(job.get("diffusion_model")) == "custom":
        common.ask_file(job, name, value, "diffusion.model")
    else:
        job.draft.drop(name, "another network paints: diffusion_model")


def _size_done(job: Job, name: str, value: Any) -> None:
    job.draft.drop(
        name, "it is no size" if "size" not in job.draft.values else "the size is given by other keys"
    )


def _clip_schedules(job: Job, name: str, value: Any) -> None:
    models = job.draft.values.get("guidance.clip_models", {})
    if not isinstance(value, Mapping):
        job.refuse(name, "guidance.clip_models", value)
        return
    for model, schedule in value.items():
        plain = str(model).replace("::", "/").removesuffix("/openai")
        inner = Job({"x": schedule}, job.tool, job.options)
        inner.schedule("x", "guidance.clip_models", schedule)
        if plain in models and "guidance.clip_models" in inner.draft.values:
            models[plain] = inner.draft.values["guidance.clip_models"]
    job.draft.note(name, "carried", "guidance.clip_models", "")


@functools.cache
def handlers() -> Mapping[str, Handler]:
    """Return what is done with a key, by the name that the table has for it."""
    return {
        "max_frames": common.take_frames,
        "diffusion_model": common.take_model,
        "custom_path": _custom_path,
        "multipliers": common.dropped("a scene is one film: the first of all combinations is made"),
        "modifiers": common.dropped("a scene is one film: what is common to all is made"),
        "diffusion_sampling_mode": common.take_sampler,
        "sampling_mode": _ambiguous_sampling,
        "padding_mode": _padding,
        "interp_spline": _spline,
        "clip_models": common.take_clip_list,
        "clip_models_schedules": _clip_schedules,
        "steps": common.take_steps,
        "timestep_respacing": common.take_steps,
        "skip_steps": common.take_skipped,
        "skip_timesteps": common.take_skipped,
        "skip_steps_ratio": _skipped_of_picture,
        **dict.fromkeys(
            ("frames_skip_steps", "calc_frames_skip_steps", "skip_step_ratio"), _film_only(_share)
        ),
        "frames_scale": _film_only(lambda job, name, value: job.curve(name, "coherence.frames_scale", value)),
        **dict.fromkeys(("turbo_mode", "turbo_steps", "turbo_preroll"), _turbo),
        **dict.fromkeys(("midas_depth_model", "midas_weight"), _depth),
        **dict.fromkeys(("perlin_init", "perlin_mode"), _perlin),
        **dict.fromkeys(("vr_mode", "vr_ipd", "vr_eye_angle"), _eyes),
        **dict.fromkeys(("width", "height", "width_height", "side_x", "side_y", "image_size"), _size_done),
        **dict.fromkeys(("symm_loss_scale", "symm_switch", "symmetry_loss"), _symmetry_loss),
        **dict.fromkeys(("symmetry_loss_v", "symmetry_loss_h"), _symmetry_loss),
        "video_init_seed_continuity": _continuity,
        **dict.fromkeys(
            ("video_init_skip_steps", "video_init_frames_skip_steps"), common.footage_only(_footage_share)
        ),
        **dict.fromkeys(("video_init_flow_blend", "flow_blend"), common.footage_only(_flow_share)),
        "init_scale": _begun,
        "init_image": _init_image,
        "video_init_path": common.take_footage,
        "image_prompts": _pictures,
        "n_batches": _images,
        "n_iter": _iterations,
        "stop_early": _stopped,
        "init_strength": _init_strength,
        "simple_symmetry": _symmetry_moment,
        **dict.fromkeys(("cpu", "cuda_device"), common.dropped("it is chosen by the machine here")),
        "intermediate_saves": _saves,
        "steps_per_checkpoint": _saves,
        "transformation_percent": _symmetry_moment,
        "clip_denoised": _estimate,
        "batch_name": _film_name,
        **dict.fromkeys(("gif_fps", "gif_size_ratio"), _gif),
        "truncate_overlength_prompt": lambda job, name, value: job.draft.drop(
            name, "long prompts are reported"
        ),
        "save_rate": lambda job, name, value: job.draft.drop(
            name, "progress.png shows a picture as it is painted"
        ),
        **cut_handlers(),
    }


def _share(job: Job, name: str, value: Any) -> None:
    if job.draft.mode == "video" and job.has("video_init_frames_skip_steps"):
        job.draft.drop(name, "video_init_frames_skip_steps goes over it")
        return
    place = "video.skip_steps" if job.draft.mode == "video" else "coherence.frames_skip_steps"
    common.take_kept_share(job, name, value, place)


def _footage_share(job: Job, name: str, value: Any) -> None:
    if name == job.key("video_init_skip_steps"):
        job.draft.differ(name, "video.skip_steps", "the first frame begins like the others here")
    else:
        common.take_kept_share(job, name, value, "video.skip_steps")


def _flow_share(job: Job, name: str, value: Any) -> None:
    if job.has("video_init_flow_blend") and name != job.key("video_init_flow_blend"):
        job.draft.drop(name, "video_init_flow_blend goes over it")
    else:
        job.curve(name, "video.flow_blend", value)
