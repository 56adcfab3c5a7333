"""What becomes of each key of Deforum."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from typing import Any

from animator.importing import common
from animator.importing.common import Handler
from animator.importing.draft import is_nothing, truth
from animator.importing.job import Job
from animator.importing.tool_keys import number_of


def _strength(job: Job, name: str, value: Any) -> None:
    if name != job.key("strength_schedule") and job.get("strength_schedule") is not None:
        job.draft.drop(name, "one strength holds for all frames here: strength_schedule")
    elif not job.draft.film:
        job.draft.drop(name, "a still has no frame before it")
    elif job.draft.mode == "video":
        job.curve(name, "video.skip_steps", value, factor=100.0, percent=True)
    else:
        job.curve(name, "coherence.frames_skip_steps", value, factor=100.0, percent=True)


def _first_strength(job: Job, name: str, value: Any) -> None:
    number = number_of(value)
    if number is None or not truth(job.get("use_init")):
        job.draft.drop(name, "there is no init picture")
    else:
        job.draft.asleep["diffusion.skip_steps"] = f"{min(max(100 * number, 0), 100):g}%"
        job.draft.differ(
            name, "diffusion.skip_steps", "counts once there is an init picture: a comment in the scene"
        )


def _init(job: Job, name: str, value: Any) -> None:
    if job.has("use_init") and not truth(job.get("use_init")):
        job.draft.drop(name, "use_init is off")
    elif job.draft.mode == "video":
        job.draft.drop(name, "footage is what the frames begin with")
    else:
        common.ask_file(job, name, value, "diffusion.init_image")


def _cadence(job: Job, name: str, value: Any) -> None:
    if job.draft.mode not in ("2d", "3d"):
        job.draft.drop(name, f"mode {job.draft.mode} paints every frame")
        return
    job.number(name, "turbo.steps", value, whole=True)
    if (number_of(job.draft.values.get("turbo.steps")) or 1) > 1:
        job.draft.values["turbo.preroll"] = 0


def _behaviour(job: Job, name: str, value: Any) -> None:
    word = {"iter": "step", "fixed": "fixed", "random": "random"}.get(common.folded(value))
    if word:
        job.draft.carry(name, "seed_mode", word)
    else:
        job.draft.differ(name, "seed_mode", f"{value} is not here: each frame has the next seed")


def _seeds(job: Job, name: str, value: Any) -> None:
    if common.folded(job.get("seed_behavior")) != "schedule":
        job.draft.drop(name, "seed_behavior is not schedule")
        return
    keys = job.keys_of(value)
    numbers = {
        at: int(one)
        for at, one in keys.by_frame.items()
        if isinstance(one, float) and 0 <= one < common.SEEDS
    }
    inside = {at: one for at, one in numbers.items() if at < job.draft.frames}
    if inside and not keys.formulas and len(inside) <= 1000:
        job.draft.carry(name, "seed", inside, "a seed holds until the next one", differs=True)
        job.draft.values["seed_mode"] = "fixed"
    else:
        job.draft.differ(name, "seed", "each frame has the next seed")


def _color(job: Job, name: str, value: Any) -> None:
    if not job.draft.film:
        job.draft.drop(name, "a still has no frame before it")
    elif is_nothing(value) or common.folded(value) == "none":
        job.draft.carry(name, "coherence.color_coherence", 0)
    else:
        job.draft.carry(
            name, "coherence.color_coherence", 0.6, "held to the film's slowly moving colours", differs=True
        )


def _border(job: Job, name: str, value: Any) -> None:
    word = common.meant_word("warp.border_2d", value, ({"enum": ["wrap", "reflect", "replicate"]},))
    _in_mode(job, name, "2d", "warp.border_2d", word)


def _sampling(job: Job, name: str, value: Any) -> None:
    word = common.folded(value)
    known = word if word in ("bicubic", "bilinear", "nearest") else None
    _in_mode(job, name, "3d", "warp.sampling_mode", known)


def _padding(job: Job, name: str, value: Any) -> None:
    word = common.meant_word("warp.padding_mode", value, ({"enum": ["border", "reflection", "zeros"]},))
    _in_mode(job, name, "3d", "warp.padding_mode", word)


def _in_mode(job: Job, name: str, mode: str, place: str, word: str | None) -> None:
    """Carry a word over to a setting of one mode."""
    if job.draft.mode == mode and word:
        job.draft.carry(name, place, word)
    else:
        job.draft.drop(name, f"it is for mode {mode}, and the mode is {job.draft.mode}")


def _depth(job: Job, name: str, value: Any) -> None:
    if job.draft.mode == "3d":
        word = common.meant_word("depth.model", value)
        also = f"; depth.model: {word} is nearest" if word else ""
        job.draft.differ(name, "depth.model", f"the bundled network estimates depth{also}")
    else:
        job.draft.drop(name, f"mode {job.draft.mode} needs no depth")


def _steps(job: Job, name: str, value: Any) -> None:
    key = job.key("steps")
    if name != key and job.get("steps") is not None:
        if job.has("enable_steps_scheduling") and not truth(job.get("enable_steps_scheduling")):
            job.draft.drop(name, "enable_steps_scheduling is off")
        else:
            job.draft.drop(name, "the number of steps does not change over the frames here")
        return
    job.number(name, "diffusion.steps", value, whole=True)


def _sound(job: Job, name: str, value: Any) -> None:
    if not job.draft.film or common.folded(job.get("add_soundtrack") or "file") != "file":
        job.draft.drop(name, "there is no sound")
    else:
        common.ask_file(job, name, value, "output.audio")


@functools.cache
def handlers() -> Mapping[str, Handler]:
    """Return what is done with a key, by the name that the table has for it."""
    return {
        "max_frames": common.take_frames,
        **dict.fromkeys(("strength_schedule", "keyframe_strength_schedule"), _strength),
        "strength": _first_strength,
        "init_image": _init,
        "use_init": common.dropped("init_image says it"),
        "diffusion_cadence": _cadence,
        "seed_behavior": _behaviour,
        "seed_schedule": _seeds,
        "color_coherence": _color,
        "border": _border,
        "sampling_mode": _sampling,
        "padding_mode": _padding,
        "depth_algorithm": _depth,
        "midas_weight": common.dropped("the bundled network estimates depth"),
        "steps": _steps,
        "steps_schedule": _steps,
        **dict.fromkeys(("sampler", "sampler_name"), common.take_sampler),
        "sampler_schedule": common.dropped("the sampler does not change over the frames here"),
        "soundtrack_path": _sound,
        "add_soundtrack": common.dropped("soundtrack_path says it"),
        "video_init_path": common.take_footage,
        "batch_name": common.dropped("a film is named by its scene's file"),
        **dict.fromkeys(("n_batch", "n_samples", "n_batches"), _pictures),
        **dict.fromkeys(("frame_interpolation_engine", "frame_interpolation_x_amount"), _smooth),
        **dict.fromkeys(
            ("device", "precision", "half_precision"), common.dropped("it is chosen by the machine here")
        ),
        **dict.fromkeys(
            ("reroll_blank_frames", "reroll_patience"), common.dropped("the guard repairs broken frames")
        ),
        "optical_flow_cadence": _align,
        **dict.fromkeys(("ddim_eta", "ddim_eta_schedule"), _eta),
        "ancestral_eta_schedule": common.dropped("it is for ancestral samplers of Stable Diffusion"),
        **dict.fromkeys(("extract_from_frame", "extract_to_frame"), common.footage_only(_range)),
        "dynamic_threshold": common.dropped("it belongs to Stable Diffusion"),
        "static_threshold": common.dropped("it belongs to Stable Diffusion"),
    }


def _pictures(job: Job, name: str, value: Any) -> None:
    if job.draft.film:
        job.draft.drop(name, "a film is made once for each render")
    elif "images" in job.draft.values:
        job.draft.drop(name, "there is a picture for each prompt")
    else:
        job.number(name, "images", value, whole=True)


def _smooth(job: Job, name: str, value: Any) -> None:
    engine = common.folded(job.get("frame_interpolation_engine") or "none")
    amount, fps = number_of(job.get("frame_interpolation_x_amount")), number_of(job.get("fps"))
    if not job.draft.film or engine == "none" or not amount or not fps:
        job.draft.drop(name, "frames are not interpolated")
    else:
        job.draft.carry(name, "output.interpolate_to", min(amount * fps, 240), "along the flow", differs=True)


def _eta(job: Job, name: str, value: Any) -> None:
    if "ddim" not in common.folded(job.get("sampler")):
        job.draft.drop(name, "it is for the sampler ddim, and another one is used")
    elif "schedule" in name and not truth(job.get("enable_ddim_eta_scheduling")):
        job.draft.drop(name, "enable_ddim_eta_scheduling is off")
    else:
        job.curve(name, "diffusion.eta", value)


def _align(job: Job, name: str, value: Any) -> None:
    cadence = number_of(job.get("diffusion_cadence")) or 1
    if job.draft.mode in ("2d", "3d") and cadence > 1 and not is_nothing(value):
        job.draft.carry(name, "turbo.align", True, "along the flow of DIS", differs=True)
    else:
        job.draft.drop(name, "it is off")


def _range(job: Job, name: str, value: Any) -> None:
    if (number_of(value) or 0) <= 0:
        job.draft.drop(name, "all of the footage")
    else:
        job.draft.differ(name, "video.start", "it counts frames of the footage, video.start and end seconds")
