"""Parseq: every value of every frame, as its manifests and the subtitles of Deforum have them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from animator.importing.curve_text import constant, corners, curve_text
from animator.importing.draft import short
from animator.importing.job import Job, limits
from animator.importing.motion import LENS, MOVES, unmoved
from animator.importing.prompts import plain_words, summed, written
from animator.importing.tool_keys import Keys, number_of
from animator.settings.scene import MAX_FRAMES

PUSH = 0.5
BESIDE = ("_pc", "_info")
"""Ends of names of values that only the program itself shows."""

_LENS = {"fov": LENS["fov"], "near": LENS["near_plane"], "far": LENS["far_plane"]}


def take(job: Job) -> None:
    """Read a manifest into its draft: its rendered frames are what counts."""
    draft = job.draft
    frames = job.values.get("rendered_frames")
    rendered = [one for one in frames if isinstance(one, Mapping)] if isinstance(frames, list) else []
    if not rendered:
        return
    draft.mode = job.options.mode or _mode(job, rendered)
    draft.values["mode"] = draft.mode
    options = job.values.get("options")
    manifest = {"rendered_frames": rendered, "options": options if isinstance(options, Mapping) else {}}
    last = max(int(number_of(one.get("frame")) or 0) for one in rendered)
    draft.frames = min(max(last + 1, len(rendered), 1), MAX_FRAMES) if draft.film else 1
    draft.values["frames"] = draft.frames
    if not draft.film:
        del draft.values["frames"]
    take_frames(job, manifest, "rendered_frames")
    for key in job.values:
        if key not in draft.rows:
            draft.drop(key, "the rendered frames hold what follows from it")


def _mode(job: Job, frames: list[Any]) -> str:
    first = frames[0]
    space = any(number_of(first.get(name)) is not None for name in ("translation_z", "rotation_3d_x", "fov"))
    plane = any(_changes(frames, name, 1.0 if name == "zoom" else 0.0) for name in ("angle", "zoom"))
    deep = any(
        _changes(frames, name, 0.0)
        for name in ("translation_z", "rotation_3d_x", "rotation_3d_y", "rotation_3d_z")
    )
    mode = "2d" if plane and not deep else "3d" if space or deep else "2d"
    job.draft.guesses.append(f"mode {mode}, by which moves change; --mode 2d or 3d says otherwise")
    return mode


def _changes(frames: list[Any], name: str, rest: float) -> bool:
    return any(abs((number_of(one.get(name)) or rest) - rest) > 1e-9 for one in frames)


def take_frames(job: Job, manifest: Mapping[str, Any], key: str) -> None:
    """Carry the values of rendered frames over, and the rate of the film.

    Args:
        job: the file; its draft knows mode and length.
        manifest: the manifest with ``rendered_frames`` and ``options``.
        key: the file's own key of it, for the report.
    """
    draft = job.draft
    options = manifest.get("options")
    rate = number_of(options.get("output_fps")) if isinstance(options, Mapping) else None
    if rate is not None and draft.film:
        draft.values["fps"] = constant(min(max(rate, 0.01), 1000))
        draft.note("options", "carried", "fps", "")
    frames = [one for one in manifest["rendered_frames"] if isinstance(one, Mapping)]
    at = np.array([int(number_of(one.get("frame")) or index) for index, one in enumerate(frames)])
    names = sorted(
        {str(name) for one in frames[:1] for name in one} | {str(name) for one in frames[-1:] for name in one}
    )
    for name in names:
        if not name.endswith(("_delta", *BESIDE)) and name != "frame" and "prompt" not in name:
            _take_value(job, f"{key}.{name}", name, _rows(frames, name), at)
    if draft.film:
        _take_prompts(job, key, frames, at)
    elif frames:
        _take_prompts(job, key, frames[:1], at[:1])
    draft.note(key, "carried", "", f"{len(frames)} frames")


def _rows(frames: list[Any], name: str) -> list[Any]:
    """Return one value of every frame: its change from frame to frame where the manifest has that."""
    change = f"{name}_delta"
    has = frames and number_of(frames[0].get(change)) is not None
    return [one.get(change if has else name) for one in frames]


def _take_value(job: Job, row: str, name: str, listed: list[Any], at: np.ndarray) -> None:
    draft = job.draft
    place, factor, percent = _place(name)
    if not place:
        draft.drop(row, "it belongs to Stable Diffusion, or to Parseq itself")
        return
    if name in MOVES and (why := unmoved(draft.mode, name)):
        draft.drop(row, why)
        return
    if (name in _LENS and draft.mode != "3d") or not draft.film:
        draft.drop(row, f"mode {draft.mode} has no use for it")
        return
    numbers = [number_of(value) for value in listed]
    known = np.array([value is not None for value in numbers])
    if not known.any():
        draft.drop(row, "it has no number in any frame")
        return
    order = np.argsort(at[known], kind="stable")
    points = np.array([value for value in numbers if value is not None])[order]
    values = np.interp(np.arange(draft.frames), at[known][order], points)
    low, high = (0.0, 1.0) if percent else limits(place)
    held = np.clip(values, low, high)
    note = "" if np.array_equal(held, values) else f"held to {low:g} to {high:g}"
    text = curve_text(_every(held), held, draft.method, seed=draft.seed, factor=factor, percent=percent)
    draft.carry(row, place, text, note, differs=bool(note))


def _every(values: np.ndarray) -> Keys:
    return Keys({frame: float(values[frame]) for frame in corners(values)})


def _place(name: str) -> tuple[str, float, bool]:
    """Return where a value of a frame belongs, by what it is multiplied, and whether it is a share."""
    if name in MOVES:
        return f"camera.{name}", 1.0, False
    if name in _LENS:
        return _LENS[name], 1.0, False
    if name == "strength":
        return "coherence.frames_skip_steps", 100.0, True
    return "", 1.0, False


def _take_prompts(job: Job, key: str, frames: list[Any], at: np.ndarray) -> None:
    sets: dict[int, list[Any]] = {}
    before: tuple[str, str] | None = None
    for one, frame in zip(frames, at.tolist(), strict=True):
        text = one.get("deforum_prompt", one.get("positive_prompt", one.get("prompt")))
        if not isinstance(text, str) or not text.strip():
            continue
        wanted, _, unwanted = text.partition("--neg")
        unwanted = unwanted or str(one.get("negative_prompt") or "")
        words = plain_words(wanted), plain_words(unwanted)
        if words == before or not words[0]:
            continue
        before = words
        pairs = [(words[0], 1.0), *([(words[1], -PUSH)] if words[1] else [])]
        sets[frame if sets else 0] = [written(pair) for pair in summed(pairs, negative=False)[0]]
        if len(sets) >= 2000:
            break
    if sets:
        job.draft.values["prompts"] = sets if len(sets) > 1 else next(iter(sets.values()))
        note = "weights in brackets are left out; a new set begins where its words change"
        job.draft.note(f"{key}.deforum_prompt", "approximated", "prompts", short(note))
