"""Deforum: the notebook, the extension of the web UI and of Forge, and Deforum Studio."""

from __future__ import annotations

import functools
import json
import re
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from animator.errors import ExpressionError
from animator.importing import common, disco, parseq
from animator.importing.common import Handler
from animator.importing.draft import is_nothing, truth
from animator.importing.job import Job
from animator.importing.motion import LENS, MOVES, take_lens, take_move
from animator.importing.prompts import Found, Pair, numbered, plain_words, read_sets
from animator.importing.tool_keys import number_of
from animator.keyframes.expressions import parse_expression
from animator.scene.foreign import foreign_name

PUSH = 0.5
"""Weight, with its sign turned, of a negative prompt: guides by Stable Diffusion have no number for it."""

_A1111 = ("cfg_scale_schedule", "sd_model_name", "deforum_git_commit_id", "checkpoint_schedule", "tiling", "cn_*")
"""Keys that the extension has and the notebook has not."""

_SETS = ("animation_prompts", "animation_prompts_positive", "positive_prompts", "prompts", "prompt_keyframes", "prompt")
_NEGATIVE = (
    *("animation_prompts_negative", "negative_prompts", "neg_prompts", "negative_prompt"),
    *("uncond_prompt", "uncond_prompts"),
)
_NEG = re.compile(r"\s--neg\b|^--neg\b", re.IGNORECASE)

def take(job: Job) -> None:
    """Read a file of Deforum into its draft."""
    draft = job.draft
    job.deforum, job.notebook = True, not job.has(*_A1111)
    draft.mode = job.options.mode or _mode(job)
    draft.values["mode"] = draft.mode
    draft.frames = common.length_of(job, "max_frames", otherwise=120) if draft.film else 1
    if job.has("seed"):
        common.take_seed(job, job.key("seed"), job.values[job.key("seed")])
    common.take_size(job)
    manifest = _manifest(job)
    take_prompts(job)
    for key in list(job.values):
        take_key(job, key)
    if manifest:
        parseq.take_frames(job, manifest, job.key("parseq_manifest"))


def _mode(job: Job) -> str:
    said = job.get("animation_mode")
    word = common.folded(said)
    meant = {"none": "still", "2d": "2d", "3d": "3d", "videoinput": "video", "interpolation": "2d"}.get(word)
    key = job.key("animation_mode")
    if said is not None and meant is None:
        job.draft.note(key, "approximated", "mode", f"{word} is not here: it becomes 3d")
        return "3d"
    if meant is not None:
        if word == "interpolation":
            job.draft.note(key, "approximated", "mode", "between prompts: a film at rest, whose prompts blend")
        elif key in job.values:
            job.draft.note(key, "carried", "mode", "")
        return meant
    moving = [move for move in MOVES if job.get(move) is not None]
    mode = "still" if word == "none" and key in job.values else "3d" if moving or job.has("max_frames") else "still"
    if key in job.values and is_nothing(job.values[key]) and job.values[key] is not None:
        mode = "still"
        job.draft.note(key, "carried", "mode", "")
        return mode
    job.draft.guesses.append(f"mode {mode}, as the file says none; --mode still, 2d, 3d or video says otherwise")
    return mode


def texts(text: str) -> list[Pair]:
    """Return a prompt of Deforum as texts with weights: what follows ``--neg`` pushes away.

    >>> texts("a (sea:1.2) --neg fog")
    [('a sea', 1.0), ('fog', -0.5)]
    """
    wanted, *unwanted = _NEG.split(text)
    pairs = [(plain_words(wanted), 1.0), *((plain_words(part), -PUSH) for part in unwanted)]
    return [(words, weight) for words, weight in pairs if words]


def take_prompts(job: Job) -> None:
    """Carry the prompts over, those that push away too."""
    draft = job.draft
    last = draft.frames - 1

    def position(key: Any) -> int | None:
        number = number_of(key)
        if number is None and "max_f" in str(key):
            try:
                formula = parse_expression(str(key).replace('"', "").strip(), variables=("max_f", "s"))
                number = float(formula.evaluate(np.zeros(1), last, draft.seed)[0])
            except ExpressionError:
                number = None
        if number is None:
            return numbered(key)
        return int(number) if 0 <= number < 1e9 else None

    name = next((one for one in _SETS if job.get(one) is not None), "")
    key = job.key(name) if name else ""
    value = job.values.get(key)
    value = _parsed(value)
    if isinstance(value, list) and draft.film:
        value = {0: value[:1]} if not job.get("animation_prompts") else value
    elif isinstance(value, list):
        value = dict(enumerate(value))
    found = read_sets(value, texts, position) if value is not None else Found()
    if value is not None and any(sign in str(value) for sign in ("(", "[", "<", "`")):
        found.notes.add("brackets, weights in brackets and <lora:...> belong to Stable Diffusion: words alone are kept")
    negative = next((one for one in _NEGATIVE if job.get(one) is not None), "")
    if negative:
        push(job, found, job.key(negative), position)
    if "--neg" in str(value):
        found.notes.add(f"--neg has weight -{PUSH}")
    if key:
        draft.note(key, "approximated" if found.notes else "carried", "prompts", "; ".join(sorted(found.notes)))
    for other in (*_SETS, *_NEGATIVE):
        if job.has(other) and job.key(other) not in draft.rows:
            draft.drop(job.key(other), "empty" if is_nothing(job.get(other)) else "other prompts of the file are taken")
    disco.put_prompts(job, found, key or "prompts", by_picture=not draft.film)


def _parsed(value: Any) -> Any:
    """Return what a text holds that is JSON, as the fields of a form are saved."""
    if isinstance(value, str) and value.lstrip()[:1] == "{":
        try:
            return json.loads(value, strict=False)
        except (ValueError, RecursionError):
            return disco.inner_value(value) or value
    return value


def push(job: Job, found: Found, key: str, position: Callable[[Any], int | None] = numbered) -> None:
    """Add negative prompts to every set, each from its own frame on."""
    pushed = read_sets(_parsed(job.values[key]), lambda text: [(plain_words(text), -PUSH)], position)
    if not pushed.sets:
        job.draft.drop(key, "empty")
        return
    job.draft.note(key, "approximated", "prompts", f"prompts that push away have weight -{PUSH}")
    merged = {}
    for at in sorted({*found.sets, *(pushed.sets if found.sets else ())}):
        pull = found.sets.get(max((one for one in found.sets if one <= at), default=min(found.sets)), [])
        push = pushed.sets.get(max((one for one in pushed.sets if one <= at), default=min(pushed.sets)), [])
        merged[at] = [*pull, *(pair for pair in push if pair[0])]
    found.sets = merged


def take_key(job: Job, key: str) -> None:
    """Carry one key over, or say why not."""
    draft = job.draft
    if key in draft.rows:
        return
    value, known = job.values[key], foreign_name(key)
    name = known.name if known else key
    if name in MOVES:
        take_move(job, key, value, name)
    elif name in LENS:
        if name in ("fov", "near_plane", "far_plane") and job.has(name.replace("_plane", "") + "_schedule"):
            draft.drop(key, "its schedule goes over it")
        else:
            take_lens(job, key, value, LENS[name])
    elif name in handlers():
        handlers()[name](job, key, value)
    elif known is None:
        draft.drop(key, "no program's name that is known here")
    elif "another scale" in known.note or "Stable Diffusion" in known.note:
        draft.differ(key, known.place or "", known.note)
    elif (known.place or "").startswith("video.") and draft.mode != "video":
        draft.drop(key, f"it is for footage, and the mode is {draft.mode}")
    elif known.place == "size":
        draft.drop(key, "the size is given by other keys")
    elif known.place in ("prompts", "guidance.clip_models", "guidance.cuts"):
        draft.drop(key, known.note or "it belongs to Stable Diffusion")
    else:
        common.take_generic(job, key, value, known)


def _strength(job: Job, name: str, value: Any) -> None:
    if not job.draft.film:
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
        job.draft.differ(name, "diffusion.skip_steps", "counts once there is an init picture: a comment in the scene")


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
    numbers = {at: int(one) for at, one in keys.by_frame.items() if isinstance(one, float) and 0 <= one < common.SEEDS}
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
        job.draft.carry(name, "coherence.color_coherence", 0.6, "held to the film's slowly moving colours", differs=True)


def _border(job: Job, name: str, value: Any) -> None:
    word = common.meant_word("warp.border_2d", value, ({"enum": ["wrap", "reflect", "replicate"]},))
    if job.draft.mode == "2d" and word:
        job.draft.carry(name, "warp.border_2d", word)
    else:
        job.draft.drop(name, f"it is for mode 2d, and the mode is {job.draft.mode}")


def _sampling(job: Job, name: str, value: Any) -> None:
    word = common.folded(value)
    if job.draft.mode == "3d" and word in ("bicubic", "bilinear", "nearest"):
        job.draft.carry(name, "warp.sampling_mode", word)
    else:
        job.draft.drop(name, f"it is for mode 3d, and the mode is {job.draft.mode}")


def _padding(job: Job, name: str, value: Any) -> None:
    word = common.meant_word("warp.padding_mode", value, ({"enum": ["border", "reflection", "zeros"]},))
    if job.draft.mode == "3d" and word:
        job.draft.carry(name, "warp.padding_mode", word)
    else:
        job.draft.drop(name, f"it is for mode 3d, and the mode is {job.draft.mode}")


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


def _footage(job: Job, name: str, value: Any) -> None:
    if job.draft.mode == "video":
        common.ask_file(job, name, value, "video.init")
    else:
        job.draft.drop(name, f"it is for footage, and the mode is {job.draft.mode}")


def _dropped(why: str) -> Handler:
    return lambda job, name, value: job.draft.drop(name, why)


def _manifest(job: Job) -> Mapping[str, Any] | None:
    """Return the frames of Parseq that a file holds itself."""
    value = job.get("parseq_manifest")
    if value is None:
        return None
    key = job.key("parseq_manifest")
    tree = disco.inner_value(value) if isinstance(value, str) and value.lstrip()[:1] == "{" else value
    if isinstance(tree, Mapping) and tree.get("rendered_frames"):
        job.draft.note(key, "carried", "", "")
        return tree
    job.draft.drop(key, "it is an address or no manifest: save the manifest as a file and import that")
    return None


@functools.cache
def handlers() -> Mapping[str, Handler]:
    """Return what is done with a key, by the name that the table has for it."""
    return {
        "max_frames": common.take_frames,
        **dict.fromkeys(("strength_schedule", "keyframe_strength_schedule"), _strength),
        "strength": _first_strength,
        "init_image": _init,
        "use_init": _dropped("init_image says it"),
        "diffusion_cadence": _cadence,
        "seed_behavior": _behaviour,
        "seed_schedule": _seeds,
        "color_coherence": _color,
        "border": _border,
        "sampling_mode": _sampling,
        "padding_mode": _padding,
        "depth_algorithm": _depth,
        "midas_weight": _dropped("the bundled network estimates depth"),
        "steps": _steps,
        "steps_schedule": _steps,
        "sampler": common.take_sampler,
        "sampler_schedule": _dropped("the sampler does not change over the frames here"),
        "soundtrack_path": _sound,
        "add_soundtrack": _dropped("soundtrack_path says it"),
        "video_init_path": _footage,
        "batch_name": _dropped("a film is named by its scene's file"),
        **dict.fromkeys(("n_batch", "n_samples", "n_batches"), _pictures),
        **dict.fromkeys(("frame_interpolation_engine", "frame_interpolation_x_amount"), _smooth),
        **dict.fromkeys(("device", "precision", "half_precision"), _dropped("it is chosen by the machine here")),
        **dict.fromkeys(("reroll_blank_frames", "reroll_patience"), _dropped("the guard repairs broken frames")),
        "optical_flow_cadence": _align,
        **dict.fromkeys(("extract_from_frame", "extract_to_frame"), _range),
        "dynamic_threshold": _dropped("it belongs to Stable Diffusion"),
        "static_threshold": _dropped("it belongs to Stable Diffusion"),
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


def _align(job: Job, name: str, value: Any) -> None:
    cadence = number_of(job.get("diffusion_cadence")) or 1
    if job.draft.mode in ("2d", "3d") and cadence > 1 and not is_nothing(value):
        job.draft.carry(name, "turbo.align", True, "along the flow of DIS", differs=True)
    else:
        job.draft.drop(name, "it is off")


def _range(job: Job, name: str, value: Any) -> None:
    if job.draft.mode != "video":
        job.draft.drop(name, f"it is for footage, and the mode is {job.draft.mode}")
    elif (number_of(value) or 0) <= 0:
        job.draft.drop(name, "all of the footage")
    else:
        job.draft.differ(name, "video.start", "it counts frames of the footage, video.start and end seconds")
