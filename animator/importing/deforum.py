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
from animator.importing.deforum_handlers import handlers
from animator.importing.draft import STAND_IN, is_nothing
from animator.importing.job import Job
from animator.importing.motion import LENS, MOVES, take_lens, take_move
from animator.importing.prompts import Found, Pair, numbered, plain_words, read_sets
from animator.importing.tool_keys import number_of
from animator.keyframes.expressions import parse_expression
from animator.scene.foreign import foreign_name
from animator.settings.scene import MAX_FRAMES

PUSH = 0.5
"""Weight, with its sign turned, of a negative prompt: guides by Stable Diffusion have no number for it."""

_A1111 = (
    "cfg_scale_schedule",
    "sd_model_name",
    "deforum_git_commit_id",
    "checkpoint_schedule",
    "tiling",
    "cn_*",
)
"""Keys that the extension has and the notebook has not."""

_SETS = (
    "animation_prompts",
    "animation_prompts_positive",
    "positive_prompts",
    "prompts",
    "prompt_keyframes",
    "prompt",
)
_NEGATIVE = (
    *("animation_prompts_negative", "negative_prompts", "neg_prompts", "negative_prompt"),
    *("uncond_prompt", "uncond_prompts"),
)
_AT = re.compile(r"(?<![\d.])(\d{1,6})\s*:\s*\(")
_NEG = re.compile(r"\s--neg\b|^--neg\b", re.IGNORECASE)


def take(job: Job) -> None:
    """Read a file of Deforum into its draft."""
    draft = job.draft
    job.deforum, job.notebook = True, not job.has(*_A1111)
    draft.mode = job.options.mode or _mode(job)
    draft.values["mode"] = draft.mode
    draft.frames = common.length_of(job, "max_frames", otherwise=_last_key(job)) if draft.film else 1
    if job.has("seed"):
        common.take_seed(job, job.key("seed"), job.values[job.key("seed")])
    common.take_size(job)
    manifest = _manifest(job)
    take_prompts(job)
    for key in list(job.values):
        take_key(job, key)
    if manifest:
        parseq.take_frames(job, manifest, job.key("parseq_manifest"))


def _last_key(job: Job) -> int:
    """Return how long a film is whose file does not say it: to the last key of a move, else 120 frames."""
    moves = [value for move in MOVES if isinstance(value := job.get(move), str)]
    last = max((int(frame) for move in moves for frame in _AT.findall(move)), default=0)
    return last + 1 if 0 < last < MAX_FRAMES else 120


def _mode(job: Job) -> str:
    said = job.get("animation_mode")
    word = common.folded(said)
    words = {"none": "still", "2d": "2d", "3d": "3d", "videoinput": "video", "interpolation": "2d"}
    meant = words.get(word) if said is not None else None
    key = job.key("animation_mode")
    if said is not None and meant is None:
        job.draft.note(key, "approximated", "mode", f"{word} is not here: it becomes 3d")
        return "3d"
    if meant is not None:
        if word == "interpolation":
            job.draft.note(
                key, "approximated", "mode", "between prompts: a film at rest, whose prompts blend"
            )
        elif key in job.values:
            job.draft.note(key, "carried", "mode", "")
        return meant
    moving = [move for move in MOVES if job.get(move) is not None]
    mode = (
        "still"
        if word == "none" and key in job.values
        else "3d"
        if moving or job.has("max_frames")
        else "still"
    )
    if key in job.values and is_nothing(job.values[key]) and job.values[key] is not None:
        mode = "still"
        job.draft.note(key, "carried", "mode", "")
        return mode
    job.draft.guesses.append(
        f"mode {mode}, as the file says none; --mode still, 2d, 3d or video says otherwise"
    )
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
    draft, position = job.draft, functools.partial(_position, job)
    name = next((one for one in _SETS if job.get(one) is not None), "")
    key = job.key(name) if name else ""
    value = job.values.get(key)
    value = _parsed(value)
    if isinstance(value, list) and draft.film:
        value = {0: value[:1]} if not job.get("animation_prompts") else value
    elif isinstance(value, list):
        value = dict(enumerate(value))
    if isinstance(value, Mapping) and _is_turned(value, position):
        value = {at: text for text, at in value.items()}
    found = read_sets(value, texts, position) if value is not None else Found()
    empty = not found.sets
    if value is not None and any(sign in str(value) for sign in ("(", "[", "<", "`")):
        found.notes.add(
            "brackets, weights in brackets and <lora:...> belong to Stable Diffusion: words alone are kept"
        )
    negative = next((one for one in _NEGATIVE if job.get(one) is not None), "")
    if negative:
        push(job, found, job.key(negative), position)
    if "--neg" in str(value):
        found.notes.add(f"--neg has weight -{PUSH}")
    if key and empty and not found.notes:
        draft.drop(key, "empty")
    elif key:
        draft.note(
            key, "approximated" if found.notes else "carried", "prompts", "; ".join(sorted(found.notes))
        )
    for other in (*_SETS, *_NEGATIVE):
        if job.has(other) and job.key(other) not in draft.rows:
            draft.drop(
                job.key(other),
                "empty" if is_nothing(job.get(other)) else "other prompts of the file are taken",
            )
    disco.put_prompts(job, found, key or "prompts", by_picture=not draft.film)


def _is_turned(value: Mapping[Any, Any], position: Callable[[Any], int | None]) -> bool:
    """Return whether prompts are written the other way round: the number after the text."""
    numbers = [number_of(one) for one in value.values()]
    return bool(value) and None not in numbers and all(position(text) is None for text in value)


def _position(job: Job, key: Any) -> int | None:
    """Return the frame that a key of prompts is, also as a formula of ``max_f``; None where it is none."""
    number = number_of(key)
    if number is None and "max_f" in str(key):
        try:
            formula = parse_expression(str(key).replace('"', "").strip(), variables=("max_f", "s"))
            number = float(formula.evaluate(np.zeros(1), job.draft.frames - 1, job.draft.seed)[0])
        except ExpressionError:
            number = None
    if number is None:
        return numbered(key)
    return int(number) if 0 <= number < 1e9 else None


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
    if not found.sets:
        wanted = job.options.prompt or STAND_IN
        found.sets = {0: [(wanted, 1.0)]}
        job.draft.guesses.append(f'the file names no prompt: "{wanted}" stands in; --prompt says one')
    merged = {}
    for at in sorted({*found.sets, *pushed.sets}):
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
