"""What all programs have: sizes, seeds, networks, steps, and files on other disks."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from animator.errors import UsageError
from animator.importing.draft import is_nothing, short, truth
from animator.importing.job import CHOSEN, Job, limits, setting_rules
from animator.importing.tool_keys import number_of
from animator.scene.foreign import ForeignName, foreign_name, spellings
from animator.settings.samplers import SAMPLERS
from animator.settings.scene import MAX_FRAMES, SIZE_STEP
from animator.weights.checkpoint_names import is_checkpoint
from animator.weights.clip_names import canonical_name
from animator.weights.registry import names as network_names

Handler = Callable[[Job, str, Any], None]

SEEDS = 2**32
MAX_SIDE = 4096
FILES = {
    "diffusion.init_image": "init picture",
    "video.init": "footage",
    "output.audio": "sound",
    "diffusion.model": "checkpoint",
    "image_prompts": "pictures",
}
"""Settings that name files, and what these are."""

EYES_DEFAULT = 5.0
_NUMBER = re.compile(r"-?\d+")
_PERCENT = re.compile(r"\s*(\d+(?:\.\d*)?|\.\d+)\s*%\s*")
_SPACING = re.compile(r"(?:karras|exponential|polyexponential|uniform|simple|normal)$")
_RESPACED = re.compile(r"(ddim|plms)?\s*(\d+)", re.IGNORECASE)


def dropped(why: str) -> Handler:
    """Return what drops a key, whatever its value, and reports why."""
    return lambda job, name, value: job.draft.drop(name, why)


def footage_only(take: Handler) -> Handler:
    """Return a handler that drops a key where there is no footage."""

    def checked(job: Job, name: str, value: Any) -> None:
        if job.draft.mode == "video":
            take(job, name, value)
        else:
            job.draft.drop(name, f"it is for footage, and the mode is {job.draft.mode}")

    return checked


def folded(word: Any) -> str:
    """Return a word without case, dashes, underscores and blanks."""
    return re.sub(r"[\s_-]+", "", str(word).lower())


def take_size(job: Job) -> None:
    """Carry the size over, from a pair or from two numbers: whole multiples of 64, 64 to 4096."""
    by_model = ["width_height_for_512x512_models", "width_height_for_256x256_models"]
    model = str(job.get("diffusion_model") or "512")
    pairs = ("width_height", "image_size", *(by_model if "512" in model else by_model[::-1]))
    found: list[float | None] = [None, None]
    used: list[str] = []
    pair = job.get(*pairs)
    if isinstance(pair, str):
        pair = _NUMBER.findall(pair)
    if isinstance(pair, list | tuple) and len(pair) == 2:
        found = [number_of(one) for one in pair]
        used = [job.key(*(name for name in pairs if job.get(name) is not None))]
    if None in found:
        wide, high = ("width", "W", "side_x", "size_x", "sizex"), ("height", "H", "side_y", "size_y", "sizey")
        found = [number_of(job.get(*wide)), number_of(job.get(*high))]
        used = [
            job.key(*([name for name in side if job.get(name) is not None] or side)) for side in (wide, high)
        ]
    if found[0] is None and found[1] is None:
        return
    first = next(side for side in found if side is not None)
    sides = [int(min(max(side or first, SIZE_STEP), MAX_SIDE)) // SIZE_STEP * SIZE_STEP for side in found]
    same = all(side is not None and int(side) == kept for side, kept in zip(found, sides, strict=True))
    note = "" if same else f"painted at {sides[0]} x {sides[1]}, as there: whole multiples of {SIZE_STEP}"
    for key in used:
        if key in job.values:
            job.draft.carry(key, "size", sides, note)


def take_seed(job: Job, name: str, value: Any) -> None:
    """Carry the seed over; what is no number is drawn here too."""
    number = number_of(value)
    if number is None or number < 0:
        job.draft.drop(name, "one is drawn, as there")
        return
    seed = int(value) if isinstance(value, int) and not isinstance(value, bool) else int(number)
    if seed >= SEEDS:
        job.draft.carry(name, "seed", seed % SEEDS, f"{seed} is beyond 2^32: its remainder", differs=True)
    else:
        job.draft.carry(name, "seed", seed)
    job.draft.seed = float(seed % SEEDS)


def take_frames(job: Job, name: str, value: Any) -> None:
    """Carry the length of a film over."""
    number = number_of(value)
    if not job.draft.film:
        job.draft.drop(name, "a still has no length")
    elif number is None or number < 1:
        job.refuse(name, "frames", value)
    else:
        count = int(min(number, MAX_FRAMES))
        note = "" if count == int(number) else f"held to {MAX_FRAMES}"
        job.draft.carry(name, "frames", count, note, differs=bool(note))


def length_of(job: Job, *names: str, otherwise: int) -> int:
    """Return the length of the film that a file gives, 1 to the most that a scene has."""
    number = number_of(job.get(*names))
    return int(min(max(number if number is not None else otherwise, 1), MAX_FRAMES))


def ask_file(job: Job, name: str, value: Any, place: str) -> None:
    """Note that a key names a file on another disk, or in the net: it is never read."""
    if is_nothing(value) or truth(value) is not None:
        job.draft.drop(name, "it names nothing")
        return
    text = value if isinstance(value, str) else str(value)
    job.draft.ask(name, place, text, FILES.get(place, "file"))


take_footage = footage_only(lambda job, name, value: ask_file(job, name, value, "video.init"))
"""Notes the film that a key names as footage."""


def take_model(job: Job, name: str, value: Any) -> None:
    """Carry the diffusion network over where this program knows it by name."""
    text = str(value).strip()
    known = {folded(one): one for one in network_names("diffusion")}
    if folded(text) in known:
        job.draft.carry(name, "diffusion.model", known[folded(text)])
    elif is_checkpoint(text):
        ask_file(job, name, text, "diffusion.model")
    elif is_nothing(value):
        job.draft.drop(name, "it names nothing")
    else:
        job.draft.differ(
            name, "diffusion.model", f"{short(text, 60)} is not among the networks; another paints"
        )


def take_sampler(job: Job, name: str, value: Any) -> None:
    """Carry the sampler over."""
    word = folded(value).replace("+", "p").removeprefix("sample").removesuffix("gpu")
    table = {**{folded(one): one for one in SAMPLERS}, **spellings().get("diffusion.sampler", {})}
    plain = _SPACING.sub("", word)
    meant = table.get(word) or table.get(plain)
    if meant is None:
        job.draft.differ(
            name, "diffusion.sampler", f"{short(str(value), 40)} is not here: {', '.join(SAMPLERS)} are"
        )
    else:
        note = "" if plain == word else "with the usual spacing of steps"
        job.draft.carry(name, "diffusion.sampler", meant, note, differs=bool(note))


def take_clip_model(job: Job, name: str, value: Any) -> None:
    """Carry the switch of one CLIP model over."""
    known = foreign_name(name)
    model = known.note.strip("{} ").rpartition(":")[0].strip() if known else ""
    weight = number_of(value)
    if weight is None:
        meant = truth(value)
        weight = None if meant is None else float(meant)
    if weight is None or not model:
        job.refuse(name, "guidance.clip_models", value)
        return
    if weight <= 0:
        job.draft.note(name, "carried", "guidance.clip_models", "off")
        return
    models = job.draft.values.setdefault("guidance.clip_models", {})
    models[model] = int(weight) if weight == int(weight) else weight
    job.draft.note(name, "carried", "guidance.clip_models", "")


def take_clip_list(job: Job, name: str, value: Any) -> None:
    """Carry a list of CLIP models over, as ``ViT-B-32::openai``."""
    texts = value if isinstance(value, list) else re.split(r"[,;]\s*", str(value))
    models, unknown = {}, []
    for text in texts:
        plain = str(text).strip().strip("'\"[] ").replace("::", "/").removesuffix("/openai")
        try:
            canonical_name(plain)
        except UsageError:
            unknown.append(plain)
            continue
        models[plain] = 1
    if models:
        job.draft.values["guidance.clip_models"] = models
    note = f"not here: {short(', '.join(unknown), 60)}" if unknown else ""
    job.draft.note(name, "approximated" if note else "carried", "guidance.clip_models", note)


def take_steps(job: Job, name: str, value: Any) -> None:
    """Carry the number of steps over; ``ddim250`` names the sampler too."""
    if isinstance(value, str) and (match := _RESPACED.fullmatch(value.strip().strip("'\""))):
        if match[1] and "diffusion.sampler" not in job.draft.values:
            job.draft.values["diffusion.sampler"] = match[1].lower()
        value = match[2]
    job.number(name, "diffusion.steps", value, whole=True)


def take_skipped(job: Job, name: str, value: Any, place: str = "diffusion.skip_steps") -> None:
    """Carry a number of steps, or a share of them, over."""
    steps = int(number_of(job.draft.values.get("diffusion.steps")) or number_of(job.get("steps")) or 250)
    if isinstance(value, str) and (match := _PERCENT.fullmatch(value)):
        job.draft.carry(name, place, f"{min(float(match[1]), 100):g}%")
        return
    number = number_of(value)
    if number is None:
        job.refuse(name, place, value)
    elif 0 < number < 1:
        job.draft.carry(name, place, f"{100 * number:.6g}%", "a share of the steps")
    else:
        kept = int(min(max(number, 0), max(steps - 1, 0)))
        note = "" if kept == number else f"{number:g} is held to {kept}"
        job.draft.carry(name, place, kept, note, differs=bool(note))


def take_kept_share(job: Job, name: str, value: Any, place: str = "coherence.frames_skip_steps") -> None:
    """Carry over how many steps a moved frame skips: a number, ``60%``, or keyframes of either."""
    text = str(value)
    if isinstance(value, str) and "%" in text and ":" not in text:
        take_skipped(job, name, value, place)
        return
    keys = job.keys_of(text.replace("%", "") if isinstance(value, str) else value)
    numbers = [abs(one) for one in keys.by_frame.values() if isinstance(one, float)]
    shares = bool(numbers) and max(numbers) <= 1 and any(0 < one < 1 for one in numbers)
    if "%" in text:
        job.curve(name, place, text.replace("%", ""), percent=True)
    elif shares:
        job.curve(name, place, value, factor=100.0, percent=True)
    else:
        job.curve(name, place, value)


def take_generic(job: Job, name: str, value: Any, known: ForeignName) -> None:
    """Carry a value into the place that the table gives for its key, by what that setting takes."""
    place = known.place_of(value)
    if place is None:
        job.draft.drop(name, known.because)
        return
    entry = setting_rules().get(place)
    if is_nothing(value) and "enum" not in str(entry):
        job.draft.drop(name, "it says nothing")
        return
    if isinstance(value, str) and value.strip().lower() in CHOSEN:
        job.refuse(name, place, value)
        return
    if place in FILES:
        ask_file(job, name, value, place)
        return
    if place == "output.film":
        job.draft.drop(name, "a film is named by its scene's file")
        return
    if entry is None or "properties" in entry:
        job.draft.differ(name, place, known.note or "it is written otherwise here")
        return
    _by_kind(job, name, value, place, entry)


def _by_kind(job: Job, name: str, value: Any, place: str, entry: Any) -> None:
    rules = entry.get("animated")
    parts = [entry, *entry.get("anyOf", ())]
    kinds = {part.get("type") for part in parts}
    word = meant_word(place, value, parts)
    if rules and rules.get("switch") and (truth(value) is not None or str(value).lstrip()[:1] != "["):
        job.switch(name, place, value)
    elif rules and rules.get("switch"):
        job.schedule(name, place, value)
        if job.draft.values.get(place) in (0, 1):
            job.draft.values[place] = bool(job.draft.values[place])
    elif rules:
        text = isinstance(value, str) and ":" in value
        listed = isinstance(value, list) or (isinstance(value, str) and not text and number_of(value) is None)
        if listed and rules["steps"]:
            job.schedule(name, place, value)
        elif rules["frames"]:
            job.curve(name, place, value)
        else:
            job.number(name, place, value)
    elif word is not None:
        job.draft.carry(name, place, word)
    elif "boolean" in kinds:
        job.switch(name, place, value)
    elif {"number", "object"} <= kinds and not isinstance(value, bool):  # None, or over the frames
        job.curve(name, place, value)
    elif kinds & {"integer", "number"} and limits(place) != (float("-inf"), float("inf")):
        job.number(name, place, value, whole="number" not in kinds)
    else:
        job.refuse(name, place, value)


def meant_word(place: str, value: Any, parts: Any = ()) -> Any:
    """Return the word of a setting that a value means, by a scene or by the table; None for another."""
    words = {folded(one): one for part in parts for one in part.get("enum", ())}
    table = spellings().get(place, {})
    word = folded(value)
    return words.get(word, table.get(word))
