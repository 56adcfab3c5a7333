"""Disco Diffusion and its forks, ProgRockDiffusion, DiscoArt and the scripts of Visions of Chaos."""

from __future__ import annotations

import re
from typing import Any

from animator.importing import common
from animator.importing.disco_handlers import handlers, method_of
from animator.importing.draft import is_nothing, short, truth
from animator.importing.job import Job
from animator.importing.lenient import NoValueError, Reader
from animator.importing.motion import LENS, MOVES, SPACE, take_lens, take_move
from animator.importing.prompts import Found, Pair, first_choice, read_sets, summed, weighted, written
from animator.importing.tool_keys import number_of
from animator.scene.foreign import foreign_name

STILL_MOTION = {
    **{"angle": "0:(0)", "zoom": "0:(1),10:(1.05)", "translation_x": "0:(0)", "translation_y": "0:(0)"},
    **{
        "translation_z": "0:(10)",
        "rotation_3d_x": "0:(0)",
        "rotation_3d_y": "0:(0)",
        "rotation_3d_z": "0:(0)",
    },
}
"""What stands for a move in every file of Disco Diffusion, that of a still too."""

EMPTY_FOOTAGE = ("init.mp4", "training.mp4", "video.mp4", "path/to/video.mp4")
"""Names of footage that stand in every file."""

_CHOICE = re.compile(r"\s*<([^<>|]*)(?:\|[^<>|]*)+>\s*")
_PROMPT_LINE = re.compile(r"(?:text[ _]?)?prompts?[ _-]?(\d+)(?:[ _-]?(?:text|value))?", re.IGNORECASE)
_SETS = (
    *("text_prompts", "prompts", "prompt", "text_prompt", "animation_prompts"),
    *("clip_prompts", "latent_prompts"),
)


def take(job: Job) -> None:
    """Read a file of this family into its draft."""
    draft = job.draft
    chosen = _choose(job) if job.tool == "progrock" else []
    draft.base = "disco-5"
    draft.mode = job.options.mode or mode_of(job)
    draft.frames = common.length_of(job, "max_frames", otherwise=120) if draft.film else 1
    draft.method = method_of(job.get("interp_spline"))
    draft.values["mode"] = draft.mode
    for name in ("resolved_seed", "seed", "set_seed"):
        if job.has(name) and "seed" not in draft.values:
            common.take_seed(job, job.key(name), job.values[job.key(name)])
    if job.has("steps", "timestep_respacing"):
        key = job.key("steps", "timestep_respacing")
        common.take_steps(job, key, job.values[key])
    common.take_size(job)
    take_prompts(job)
    for key in list(job.values):
        take_key(job, key)
    for key in chosen:
        if draft.rows[key].fate != "dropped":
            draft.differ(key, draft.rows[key].place, "that program chooses one of several: the first holds")
    finish(job)


def _choose(job: Job) -> list[str]:
    """Put the first of several values, of which ProgRock draws one, in their place; return the keys."""
    found = [
        (key, match[1].strip())
        for key, value in job.values.items()
        if isinstance(value, str) and (match := _CHOICE.fullmatch(value))
    ]
    job.values.update(found)
    return [key for key, _ in found]


def mode_of(job: Job) -> str:
    """Return the mode that a file gives, or guess it, as a file of Disco Diffusion does not tell it."""
    key = job.key("animation_mode")
    if key in job.values and is_nothing(job.values[key]):
        job.draft.note(key, "carried", "mode", "None is a still")
        return "still"
    said = job.get("animation_mode", "mode")
    meant = (
        common.meant_word("mode", said, ({"enum": ["still", "2d", "3d", "video"]},))
        if said is not None
        else None
    )
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
    if (
        footage
        and not footage.endswith(EMPTY_FOOTAGE)
        and job.has("video_init_flow_blend", "flow_blend", "fps")
    ):
        return "video", "it names footage of its own"
    return "still", "nothing in it moves but what stands in every file"


def _at_rest(value: Any, move: str) -> bool:
    text = re.sub(r"[\s\"']", "", str(value)).rstrip(",")
    text = re.sub(r"(\d)\.0*(?=\))", r"\1", text)
    quiet = "1" if move == "zoom" else "0"
    return text in (STILL_MOTION[move], quiet, f"0:({quiet})", f"{quiet}.0")


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
    chosen: set[str] = set()

    def read(text: str) -> list[Pair]:
        return [weighted(first_choice(text, chosen) if job.tool == "progrock" else text)]

    found = read_sets(value, read) if value is not None else Found()
    found.notes |= chosen
    for line in lines:
        draft.note(line, "carried", "prompts", "")
    if key:
        draft.note(
            key, "approximated" if found.notes else "carried", "prompts", "; ".join(sorted(found.notes))
        )
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
        draft.note(
            key, "approximated", "prompts", f"sets at {short(', '.join(map(str, late)), 40)} are {why}"
        )
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
    elif key.startswith("custom_model_"):
        job.draft.drop(key, "the shape of a checkpoint is read from its file")
    elif known is None:
        job.draft.drop(key, "no program's name that is known here")
    elif known.note.startswith("another scale"):
        job.draft.differ(key, known.place or "", known.note)
    elif known.place == "guidance.clip_models" and known.note.startswith("{"):
        common.take_clip_model(job, key, value)
    elif job.draft.mode != "video" and (
        name.startswith("video_init_") or (known.place or "").startswith("video.")
    ):
        job.draft.drop(key, f"it is for footage, and the mode is {job.draft.mode}")
    elif known.place == "size":
        job.draft.drop(key, "the size is given by other keys" if "size" in job.draft.values else known.note)
    else:
        common.take_generic(job, key, value, known)


def finish(job: Job) -> None:
    """Put right what several keys decide together."""
    values = job.draft.values
    pairs = values.get("prompts")
    if isinstance(pairs, list) and not pairs:
        del values["prompts"]
    models = values.get("guidance.clip_models")
    if models is not None and not models:
        del values["guidance.clip_models"]
