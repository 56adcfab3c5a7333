"""A settings file of another program to a scene that is sound, and a report of every key."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from animator.errors import Problem, SceneError
from animator.importing import deforum, disco, majesty, parseq, warpfusion
from animator.importing.defaults import without_defaults
from animator.importing.draft import APPROXIMATED, CARRIED, DROPPED, STAND_IN, Draft, Row, short
from animator.importing.job import Job, Options
from animator.importing.kinds import CALLED, READ, tool_of
from animator.importing.reading import Settings, UnreadableError, read_settings
from animator.importing.writer import scene_text
from animator.scene.foreign import foreign_name
from animator.scene.foreign_file import HEIRS
from animator.scene.reading import LoadedScene, read_scene_made
from animator.scene.source import too_large

MOST_KEYS = 20_000
"""Most keys of a file."""

MOST_REPAIRS = 12
"""How often a scene is read again without what is wrong in it."""

TAKE: Mapping[str, Callable[[Job], None]] = {
    **dict.fromkeys(("disco", "progrock", "discoart", "chaos"), disco.take),
    **{"majesty": majesty.take, "deforum": deforum.take, "a1111": deforum.take},
    **{"warpfusion": warpfusion.take, "parseq": parseq.take},
}


@dataclass(frozen=True)
class Imported:
    """A scene made of another program's file.

    Attributes:
        text: the scene in YAML.
        rows: what became of every key of the file, in its order.
        tool: what the program is called.
        form: what the file is written in.
        guesses: what the file does not say, a sentence each.
        todo: what a person has to put in, by dotted name.
        loaded: the scene, read.
    """

    text: str
    rows: tuple[Row, ...]
    tool: str
    form: str
    guesses: tuple[str, ...]
    todo: Mapping[str, str]
    loaded: LoadedScene

    def count(self, fate: str) -> int:
        """Return how many keys had a fate."""
        return sum(row.fate == fate for row in self.rows)


def import_file(path: str | Path, options: Options = Options()) -> Imported:  # noqa: B008 (it never changes)
    """Read a settings file of another program into a scene.

    Raises:
        UnreadableError: nothing can be had from it; the message says why.
        OSError: it cannot be read.
    """
    from animator.importing.source import read_whole

    return import_bytes(read_whole(Path(path)), str(path), options)


def import_bytes(data: bytes, name: str, options: Options = Options()) -> Imported:  # noqa: B008
    """Read the bytes of a settings file into a scene; see `import_file`.

    Args:
        data: all bytes of the file.
        name: what it is called, in the scene's first line too.
        options: what a person says beside it.
    """
    settings = read_settings(data, name)
    values = {str(key): value for key, value in settings.values.items()}
    if len(values) > MOST_KEYS:
        raise UnreadableError(f"has {len(values)} keys, which no settings file has")
    tool = HEIRS.get(options.tool, options.tool) or tool_of(values, settings.form, name)
    _refuse_cut(values)
    if tool not in READ:
        raise UnreadableError(_unknown(values, settings))
    job = Job(values, tool, options)
    if tool == "a1111":
        job.options = Options(tool, options.mode or "still", options.prompt, options.footage)
    TAKE[tool](job)
    if all(row.fate == DROPPED for row in job.draft.rows.values()) and not options.prompt:
        raise UnreadableError(f"is a file of {CALLED[tool]} in which there is nothing to paint by")
    for key in values:
        if key not in job.draft.rows:
            job.draft.drop(key, "other keys say it")
    return _sound(job, settings, name)


def _refuse_cut(values: Mapping[str, Any]) -> None:
    """Raise UnreadableError of a file whose values are cut off inside of their brackets."""
    texts = [value for value in values.values() if isinstance(value, str) and value.strip()]
    cut = [text for text in texts if _is_cut(text)]
    prompts = any(
        _is_cut(value) for key, value in values.items() if "prompt" in key and isinstance(value, str)
    )
    if len(cut) >= 2 and prompts:
        raise UnreadableError(
            f"has values that are cut off at their first blank, such as {short(cut[0], 30)!r}: prompts and "
            "lists are lost; take the file that it was made of"
        )


def _is_cut(text: str) -> bool:
    text = text.strip()
    close = {"{": "}", "[": "]", "(": ")"}.get(text[:1])
    opened = close is not None and text.count(text[0]) > text.count(close)
    quoted = text[:1] in "\"'" and len(text) > 1 and not text.endswith(text[0]) and " " not in text
    return len(text) < 200 and (opened or quoted)


def _unknown(values: Mapping[str, Any], settings: Settings) -> str:
    known = [key for key in values if foreign_name(key)]
    if not values:
        return "holds no settings"
    some = f"; {len(known)} of its {len(values)} keys are known" if known else ""
    return f"is {settings.form} of no program that can be read{some}; --from names one of {', '.join(READ)}"


def _sound(job: Job, settings: Settings, name: str) -> Imported:
    """Return the scene of a draft, without what would be a fault in it."""
    draft, options = job.draft, job.options
    if draft.film and "frames" not in draft.values:
        draft.values["frames"] = draft.frames
        if not job.has("max_frames"):
            draft.guesses.append(f"{draft.frames} frames, as the file gives no length")
    asleep = {**draft.asleep, **_without_footage(job)}
    if draft.values.get("mode") == "still":
        draft.values.pop("frames", None)
    if "prompts" not in draft.values:
        draft.values["prompts"] = [options.prompt or STAND_IN]
        draft.guesses.append(
            f'the file names no prompt: "{options.prompt or STAND_IN}" stands in; --prompt says one'
        )
    elif options.prompt:
        draft.values["prompts"] = [options.prompt]
    text = _text(job, settings, name, asleep)
    while too_large(text.encode()) and _fewer_prompts(draft):
        text = _text(job, settings, name, asleep)
    for _ in range(MOST_REPAIRS):
        try:
            loaded = read_scene_made(text, name)
        except SceneError as error:
            _repair(draft, error.problems)
            text = _text(job, settings, name, asleep)
        else:
            rows = tuple(_in_order(draft, job.values))
            return Imported(
                text, rows, CALLED[job.tool], settings.form, tuple(draft.guesses), dict(draft.todo), loaded
            )
    raise UnreadableError("becomes no sound scene: please report the file")


def _fewer_prompts(draft: Draft) -> bool:
    """Leave the second half of the prompts out, as a scene cannot hold all; return whether there were any."""
    prompts = draft.values.get("prompts")
    if not isinstance(prompts, dict) or len(prompts) < 2:
        return False
    kept = dict(list(prompts.items())[: len(prompts) // 2])
    draft.values["prompts"] = kept
    for row in [row for row in draft.rows.values() if row.place == "prompts"]:
        note = f"a scene cannot hold all of them: those from frame {max(kept)} on are the last"
        draft.rows[row.key] = Row(row.key, APPROXIMATED, "prompts", note)
    return True


def _without_footage(job: Job) -> dict[str, Any]:
    """Return what counts only once there is footage; of it, a film without footage is made until then."""
    draft = job.draft
    if draft.mode != "video":
        return {}
    if job.options.footage:
        draft.values["video.init"] = job.options.footage
        draft.todo.pop("video.init", None)
        draft.values.pop("frames", None)
        return {}
    asleep = {place: draft.values.pop(place) for place in list(draft.values) if place.startswith("video.")}
    draft.values["mode"] = "2d"
    draft.values["frames"] = draft.frames
    draft.todo.setdefault("video.init", "footage: the file names none")
    draft.guesses.append(
        "the footage is not at hand: until its path is in video.init, mode 2d stands in; "
        "--footage FILE puts it in"
    )
    return {"mode": "video", **asleep}


def _repair(draft: Draft, problems: Sequence[Problem]) -> None:
    """Take away what is at fault, and say so in the report."""
    removed = False
    for problem in problems:
        place = problem.key
        if place == "diffusion.skip_steps" and draft.values.get(place) != 0:
            draft.values[place] = 0  # that of the scene below is too many for few steps
            removed = True
            continue
        while place and place not in draft.values:
            place = place.rpartition(".")[0]
        if not place or place == "mode":
            continue
        if place == "prompts":
            draft.values["prompts"] = [STAND_IN]
            draft.guesses.append(
                f"its prompts cannot be used ({short(problem.message)}); {STAND_IN!r} stands in"
            )
        else:
            del draft.values[place]
        removed = True
        for key, row in list(draft.rows.items()):
            if row.place == place:
                draft.rows[key] = Row(
                    key, DROPPED, "", f"it cannot be used here: {short(problem.message, 160)}"
                )
    if not removed:
        worst = problems[0].message if problems else "no message"
        raise UnreadableError(f"becomes no sound scene: {short(worst, 160)}")


def _text(job: Job, settings: Settings, name: str, asleep: Mapping[str, Any]) -> str:
    draft = job.draft
    values = without_defaults(draft.values, draft.base)
    rows = list(draft.rows.values())
    counts = {fate: sum(row.fate == fate for row in rows) for fate in (CARRIED, APPROXIMATED, DROPPED)}
    base = re.split(r"[\\/]", name)[-1]
    head = [
        f"Made from {short(base)}, a settings file of {CALLED[job.tool]} ({settings.form}): "
        f"{counts[CARRIED]} of its keys are carried over, {counts[APPROXIMATED]} approximated, "
        f"{counts[DROPPED]} dropped."
    ]
    head += [f"Guessed: {guess}." for guess in draft.guesses]
    head += [f"Note: {note}." for note in settings.notes]
    near = [row for row in rows if row.fate == APPROXIMATED and row.note and "not read" not in row.note]
    head += (
        ["Approximated:", *(f"  {short(row.key, 60)}: {short(row.note, 160)}" for row in near[:40])]
        if near
        else []
    )
    return scene_text(values, base=draft.base, head=head, todo=draft.todo, asleep=asleep)


def _in_order(draft: Draft, values: Mapping[str, Any]) -> list[Row]:
    known = [draft.rows[key] for key in values if key in draft.rows]
    return known + [row for key, row in draft.rows.items() if key not in values]


def notices_of(imported: Imported, file: str) -> list[Problem]:
    """Return what to say of a file that was read as a scene: what it is, and what was guessed."""
    counts = f"{imported.count(CARRIED)} keys carried over, {imported.count(APPROXIMATED)} approximated, "
    what = f"is a settings file of {imported.tool}: {counts}{imported.count(DROPPED)} dropped; "
    notices = [Problem(f"{what}animator import lists them", "", file)]
    notices += [Problem(f"guessed: {guess}", "", file) for guess in imported.guesses]
    notices += [
        Problem(f"put the path here: {wanted}", place, file)
        for place, wanted in imported.todo.items()
        if place in ("video.init", "diffusion.init_image", "image_prompts", "output.audio", "diffusion.model")
    ]
    return notices
