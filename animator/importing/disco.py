"""Disco Diffusion and its forks, ProgRockDiffusion, DiscoArt and the scripts of Visions of Chaos."""

from __future__ import annotations

import functools
import re
from collections.abc import Mapping
from typing import Any

from animator.importing import common
from animator.importing.common import Handler
from animator.importing.draft import is_nothing, short, truth
from animator.importing.job import Job
from animator.importing.lenient import NoValueError, Reader
from animator.importing.motion import LENS, MOVES, SPACE, take_lens, take_move
from animator.importing.prompts import Found, read_sets, summed, weighted, written
from animator.importing.tool_keys import number_of
from animator.scene.foreign import foreign_name
from animator.scene.presets import all_presets

STILL_MOTION = {
    **{"angle": "0:(0)", "zoom": "0:(1),10:(1.05)", "translation_x": "0:(0)", "translation_y": "0:(0)"},
    **{"translation_z": "0:(10)", "rotation_3d_x": "0:(0)", "rotation_3d_y": "0:(0)", "rotation_3d_z": "0:(0)"},
}
"""What stands for a move in every file of Disco Diffusion, that of a still too."""

EMPTY_FOOTAGE = ("init.mp4", "training.mp4", "video.mp4", "path/to/video.mp4")
"""Names of footage that stand in every file."""

_PROMPT_LINE = re.compile(r"(?:text[ _]?)?prompts?[ _-]?(\d+)(?:[ _-]?(?:text|value))?", re.IGNORECASE)
_SETS = ("text_prompts", "prompts", "prompt", "text_prompt", "animation_prompts")


def take(job: Job) -> None:
    """Read a file of this family into its draft."""
    draft = job.draft
    draft.base = "disco-5"
    draft.mode = job.options.mode or mode_of(job)
    draft.frames = common.length_of(job, "max_frames", otherwise=1000) if draft.film else 1
    draft.method = method_of(job.get("interp_spline"))
    draft.values["mode"] = draft.mode
    for name in ("seed", "set_seed"):
        if job.has(name):
            common.take_seed(job, job.key(name), job.values[job.key(name)])
    if job.has("steps", "timestep_respacing"):
        key = job.key("steps", "timestep_respacing")
        common.take_steps(job, key, job.values[key])
    common.take_size(job)
    take_prompts(job)
    for key in list(job.values):
        take_key(job, key)
    finish(job)


def mode_of(job: Job) -> str:
    """Return the mode that a file gives, or guess it, as a file of Disco Diffusion does not tell it."""
    said = job.get("animation_mode", "mode")
    meant = common.meant_word("mode", said, ({"enum": ["still", "2d", "3d", "video"]},)) if said is not None else None
    if meant:
        job.draft.note(job.key("animation_mode", "mode"), "carried", "mode", "")
        return str(meant)
    mode, why = _guessed(job)
    job.draft.guesses.append(f"mode {mode}, for {why}; --mode still, 2d, 3d or video says otherwise")
    return mode


def _guessed(job: Job) -> tuple[str, str]:
    moving = [move for move in MOVES if job.get(move) is not None and not _at_rest(job.get(move), move)]
    if any(move in SPACE for move in moving) or truth(job.get("turbo_mode")):
        return "3d", "it has moves through depth" if moving else "turbo is on"
    if moving:
        return "2d", f"{moving[0]} is not as it stands in files of stills"
    footage = str(job.get("video_init_path") or "").replace("\\", "/").lower()
    if footage and not footage.endswith(EMPTY_FOOTAGE) and job.has("video_init_flow_blend", "flow_blend", "fps"):
        return "video", "it names footage of its own"
    return "still", "nothing in it moves but what stands in every file"


def _at_rest(value: Any, move: str) -> bool:
    text = re.sub(r"\s", "", str(value)).rstrip(",")
    text = re.sub(r"(\d)\.0*(?=\))", r"\1", text)
    quiet = "1" if move == "zoom" else "0"
    return text in (STILL_MOTION[move], quiet, f"0:({quiet})", f"{quiet}.0")


def method_of(value: Any) -> str:
    """Return how numbers are joined: linear, quadratic or cubic."""
    word = common.folded(value)
    return word if word in ("quadratic", "cubic") else "linear"


def before_degrees(job: Job) -> bool:
    """Return whether rotations are in radians: a whole file of before Disco Diffusion 5.1."""
    whole = job.has("rotation_3d_x") and job.has("cutn_batches", "clamp_max") and job.has("max_frames")
    return job.tool == "disco" and whole and not job.has("diffusion_sampling_mode")


def take_prompts(job: Job) -> None:
    """Carry the prompts over, those of numbered lines too."""
    draft, stills = job.draft, not job.draft.film
    key = next((job.key(name) for name in _SETS if job.get(name) is not None), "")
    value = job.values.get(key)
    lines = _numbered_lines(job)
    if isinstance(value, str) and value.lstrip()[:1] in "{[" and (inner := inner_value(value)):
        value = inner
    if lines and (value is None or isinstance(value, str)):
        value = [*([value] if isinstance(value, str) and value.strip() else []), *lines.values()]
    found = read_sets(value, lambda text: [weighted(text)]) if value is not None else Found()
    for line in lines:
        draft.note(line, "carried", "prompts", "")
    if key:
        draft.note(key, "approximated" if found.notes else "carried", "prompts", "; ".join(sorted(found.notes)))
    put_prompts(job, found, key or "text_prompts", by_picture=stills and job.tool == "progrock")


def inner_value(text: str) -> Any:
    """Return what a text holds that is JSON or a literal of Python; None where nothing can be read."""
    try:
        return Reader(text.strip()).value()
    except NoValueError:
        return None


def _numbered_lines(job: Job) -> dict[str, str]:
    """Return prompts that are written in lines of their own, by key, in the order of their numbers."""
    found = []
    for key, value in job.values.items():
        match = _PROMPT_LINE.fullmatch(key.strip())
        if match and isinstance(value, str | int | float) and not is_nothing(value):
            found.append((int(match[1][:9]), key, str(value).strip().strip('"')))
    return {key: text for _, key, text in sorted(found)}


def put_prompts(job: Job, found: Found, key: str, by_picture: bool = False) -> None:
    """Put sets of prompts into the draft: those that are in force within the film, each with a sum."""
    draft = job.draft
    sets = {at: pairs for at, pairs in found.sets.items() if pairs}
    last = draft.frames - 1 if draft.film else 0
    if by_picture and len(sets) > 1:
        count = int(number_of(job.get("n_batches")) or 1)
        last = max(count, max(sets) + 1) - 1
        draft.values["images"] = last + 1
    late = [at for at in sets if at > last]
    if late and len(late) < len(sets):
        sets = {at: pairs for at, pairs in sets.items() if at <= last}
        why = "after the last frame" if draft.film else "for frames that a still has not"
        draft.note(key, "approximated", "prompts", f"sets at {short(', '.join(map(str, late)), 40)} are {why}")
    elif late:
        sets = {0: sets[min(sets)]}
    written_sets: dict[int, list[Any]] = {}
    for at, pairs in sets.items():
        kept, note = summed(pairs, negative=draft.base == "disco-5")
        if note:
            draft.note(key, "approximated", "prompts", note)
        written_sets[at] = [written(pair) for pair in kept]
    if not written_sets:
        return
    draft.values["prompts"] = written_sets if len(written_sets) > 1 else next(iter(written_sets.values()))


def take_key(job: Job, key: str) -> None:
    """Carry one key over, or say why not."""
    if key in job.draft.rows:
        return
    value, known = job.values[key], foreign_name(key)
    name = known.name if known else key
    if name in MOVES:
        take_move(job, key, value, name, radians=before_degrees(job))
    elif name in LENS:
        take_lens(job, key, value, LENS[name])
    elif name in handlers():
        handlers()[name](job, key, value)
    elif known is None:
        job.draft.drop(key, "no program's name that is known here")
    elif known.place == "guidance.clip_models" and known.note.startswith("{"):
        common.take_clip_model(job, key, value)
    elif job.draft.mode != "video" and (name.startswith("video_init_") or (known.place or "").startswith("video.")):
        job.draft.drop(key, f"it is for footage, and the mode is {job.draft.mode}")
    elif known.place == "size":
        job.draft.drop(key, "the size is given by other keys" if "size" in job.draft.values else known.note)
    else:
        common.take_generic(job, key, value, known)


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
        job.draft.differ(name, "diffusion.init_scale", "counts once there is an init picture: a comment in the scene")
        number = number_of(value)
        if number is not None and number != 1000:
            job.draft.asleep["diffusion.init_scale"] = number


def _init_image(job: Job, name: str, value: Any) -> None:
    if job.draft.mode == "video":
        job.draft.drop(name, "footage is what the frames begin with")
    else:
        common.ask_file(job, name, value, "diffusion.init_image")


def _footage(job: Job, name: str, value: Any) -> None:
    if job.draft.mode != "video":
        job.draft.drop(name, f"it is for footage, and the mode is {job.draft.mode}")
    else:
        common.ask_file(job, name, value, "video.init")


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


def _images(job: Job, name: str, value: Any) -> None:
    if job.draft.film:
        job.draft.drop(name, "a film is made once for each render")
    else:
        job.number(name, "images", value, whole=True)


def _saves(job: Job, name: str, value: Any) -> None:
    number = number_of(value)
    if number is not None:
        job.draft.carry(name, "output.intermediates", int(min(max(number, 0), 1000)))
        return
    steps = number_of(job.draft.values.get("diffusion.steps")) or 250
    listed = value if isinstance(value, list) else re.findall(r"\d+", str(value))
    numbers = [int(one) for one in map(number_of, listed) if one is not None and 1 <= one <= steps]
    if numbers:
        job.draft.carry(name, "output.intermediates", sorted(set(numbers)))
    else:
        job.refuse(name, "output.intermediates", value)


def _symmetry_moment(job: Job, name: str, value: Any) -> None:
    if not (truth(job.get("use_horizontal_symmetry")) or truth(job.get("use_vertical_symmetry"))):
        job.draft.drop(name, "there is no symmetry")
        return
    numbers = [number_of(one) for one in (value if isinstance(value, list) else re.findall(r"[\d.]+", str(value)))]
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


def _ramp(place: str, begin: str, end: str, whole: bool = False) -> Handler:
    """Return a handler of a number that moves to another over the diffusion, as in ProgRock."""

    def take(job: Job, name: str, value: Any) -> None:
        first, last = number_of(job.get(begin)), number_of(job.get(end))
        if first is None or last is None or first == last:
            key = job.key(begin)
            if name != key:
                job.draft.drop(name, "it ends as it begins")
            elif whole:
                job.schedule(name, place, value, whole=True)
            else:
                job.schedule(name, place, value)
            return
        pieces = 10
        steps = [first + (last - first) * index / (pieces - 1) for index in range(pieces)]
        shown = "+".join(f"[{round(one) if whole else round(one, 4):g}]*{1000 // pieces}" for one in steps)
        job.draft.carry(name, place, shown, "in ten steps", differs=True)

    return take


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
        job.draft.carry(name, "warp.sampling_mode", word if word in ("bicubic", "bilinear", "nearest") else "bicubic")
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


def _size_done(job: Job, name: str, value: Any) -> None:
    job.draft.drop(name, "it is no size" if "size" not in job.draft.values else "the size is given by other keys")


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


def _cut_group(job: Job, name: str, value: Any) -> None:
    word = common.meant_word("guidance.cuts", value)
    presets = {common.folded(one): one for one in all_presets()["guidance.cuts"].values}
    found = presets.get(common.folded(word or value))
    if found is None:
        job.refuse(name, "guidance.cuts", value)
        return
    for cut, schedule in all_presets()["guidance.cuts"].values[found].items():
        job.draft.values[f"guidance.cuts.{cut}"] = schedule
    for cut in ("cut_overview", "cut_innercut", "cut_ic_pow", "cut_icgray_p"):
        if job.has(cut):
            job.draft.drop(job.key(cut), f"cut_schedules_group {found} goes over it")
    job.draft.note(name, "carried", "guidance.cuts", "")


def _cuts(place: str, whole: bool = False) -> Handler:
    return lambda job, name, value: job.schedule(name, place, value, whole=whole)


@functools.cache
def handlers() -> Mapping[str, Handler]:
    """Return what is done with a key, by the name that the table has for it."""
    gray = dict.fromkeys(
        ("cut_icgray_p", "cut_icgray", "cut_ic_gray", "cut_ic_gray_p", "cut_icgrey_p"), _cuts("guidance.cuts.icgray_p")
    )
    return {
        "max_frames": common.take_frames,
        "diffusion_model": common.take_model,
        "custom_path": common.take_model,
        "diffusion_sampling_mode": common.take_sampler,
        "sampling_mode": _ambiguous_sampling,
        "padding_mode": _padding,
        "interp_spline": _spline,
        "clip_models": common.take_clip_list,
        "clip_models_schedules": _clip_schedules,
        "cut_schedules_group": _cut_group,
        "steps": common.take_steps,
        "timestep_respacing": common.take_steps,
        "skip_steps": common.take_skipped,
        "skip_timesteps": common.take_skipped,
        "skip_steps_ratio": common.take_skipped,
        **dict.fromkeys(("frames_skip_steps", "calc_frames_skip_steps", "skip_step_ratio"), _film_only(_share)),
        "frames_scale": _film_only(lambda job, name, value: job.curve(name, "coherence.frames_scale", value)),
        **dict.fromkeys(("turbo_mode", "turbo_steps", "turbo_preroll"), _turbo),
        **dict.fromkeys(("midas_depth_model", "midas_weight"), _depth),
        **dict.fromkeys(("perlin_init", "perlin_mode"), _perlin),
        **dict.fromkeys(("vr_mode", "vr_ipd", "vr_eye_angle"), _eyes),
        **dict.fromkeys(("width", "height", "width_height", "side_x", "side_y", "image_size"), _size_done),
        **dict.fromkeys(("symm_loss_scale", "symm_switch", "symmetry_loss"), _symmetry_loss),
        **dict.fromkeys(("symmetry_loss_v", "symmetry_loss_h"), _symmetry_loss),
        "video_init_seed_continuity": _continuity,
        **dict.fromkeys(("video_init_skip_steps", "video_init_frames_skip_steps"), _footage_share),
        **dict.fromkeys(("video_init_flow_blend", "flow_blend"), _flow_share),
        "init_scale": _begun,
        "init_image": _init_image,
        "video_init_path": _footage,
        "image_prompts": _pictures,
        "n_batches": _images,
        "intermediate_saves": _saves,
        "steps_per_checkpoint": _saves,
        "transformation_percent": _symmetry_moment,
        "clip_denoised": _estimate,
        "batch_name": _film_name,
        "cut_overview": _cuts("guidance.cuts.overview", whole=True),
        "cut_innercut": _cuts("guidance.cuts.innercut", whole=True),
        **gray,
        "cut_ic_pow": _ramp("guidance.cuts.ic_pow", "cut_ic_pow", "cut_ic_pow_final"),
        "cut_ic_pow_final": _ramp("guidance.cuts.ic_pow", "cut_ic_pow", "cut_ic_pow_final"),
        "cutn_batches": _ramp("guidance.cutn_batches", "cutn_batches", "cutn_batches_final", whole=True),
        "cutn_batches_final": _ramp("guidance.cutn_batches", "cutn_batches", "cutn_batches_final", whole=True),
    }


def _share(job: Job, name: str, value: Any) -> None:
    if job.draft.mode == "video" and job.has("video_init_frames_skip_steps"):
        job.draft.drop(name, "video_init_frames_skip_steps goes over it")
        return
    place = "video.skip_steps" if job.draft.mode == "video" else "coherence.frames_skip_steps"
    common.take_kept_share(job, name, value, place)


def _footage_share(job: Job, name: str, value: Any) -> None:
    if job.draft.mode != "video":
        job.draft.drop(name, f"it is for footage, and the mode is {job.draft.mode}")
    elif name == job.key("video_init_skip_steps"):
        job.draft.differ(name, "video.skip_steps", "the first frame begins like the others here")
    else:
        common.take_kept_share(job, name, value, "video.skip_steps")


def _flow_share(job: Job, name: str, value: Any) -> None:
    if job.draft.mode != "video":
        job.draft.drop(name, f"it is for footage, and the mode is {job.draft.mode}")
    elif job.has("video_init_flow_blend") and name != job.key("video_init_flow_blend"):
        job.draft.drop(name, "video_init_flow_blend goes over it")
    else:
        job.curve(name, "video.flow_blend", value)


def finish(job: Job) -> None:
    """Put right what several keys decide together."""
    values = job.draft.values
    pairs = values.get("prompts")
    if isinstance(pairs, list) and not pairs:
        del values["prompts"]
    models = values.get("guidance.clip_models")
    if models is not None and not models:
        del values["guidance.clip_models"]
