"""What to say about a key that a scene does not have."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Mapping
from typing import Any

from animator.errors import UsageError
from animator.scene.cut_notices import split_key
from animator.scene.foreign import foreign_name, foreign_names
from animator.weights.clip_names import BUNDLED, canonical_name
from animator.weights.registry import entries, find

CLIP_MODELS = "guidance.clip_models"
SHADOWS = "video."
"""Before names of settings of which most stand in for others; those others are meant first."""

_LIKE_CLIP = re.compile(
    "vit[-_]?[a-z]*[-_]?[0-9]|rn[0-9]|resnet[0-9]|(slip|blip|siglip|cloob)([^a-z]|vit|$)", re.IGNORECASE
)

_DERIVED = re.compile(r"_?(schedules?|sched|series|keyframes|curve)$", re.IGNORECASE)
"""Ends that programs put to the name of a setting for its values over the frames or the diffusion."""


def unknown_key(name: str, siblings: list[str], every: Mapping[str, Any], value: Any = None) -> str:
    """Say that a key is not known, and which one was probably meant.

    Args:
        name: its dotted name.
        siblings: the keys that its section has.
        every: all dotted names of the format (only the keys are used); empty inside a value, where no name of
            another program belongs.
        value: its value, which decides between two meanings of a name.

    >>> unknown_key("guidance.tv_scal", ["tv_scale"], {"guidance.tv_scale": 0})
    "unknown key; did you mean 'tv_scale'?"
    >>> unknown_key("tv_scale", ["size"], {"guidance.tv_scale": 0})
    "unknown key here; it belongs under 'guidance'"
    """
    key = name.rpartition(".")[2]
    if split := split_key(key):
        return split
    if every and (hint := _foreign_hint(key, value, every)):
        return hint
    every = dict.fromkeys(sorted(every, key=lambda full: full.startswith(SHADOWS)))
    found = [full for full in every if full.rpartition(".")[2] == key]
    if len(meant := [full for full in found if not full.startswith(SHADOWS)]) > 1:
        return f"unknown key here; it is {' or '.join(sorted(meant))}"
    if found:
        return _belongs(found[0], every)
    if "." in name and key.isdigit():
        return "unknown key; a comma separates keys: a decimal is written with a point, such as 0.5"
    if every and (stem := _DERIVED.sub("", key)) not in ("", key):
        hint = unknown_key(stem, siblings, every, value) if _exists(stem, siblings, every) else ""
        if hint or stem in siblings:
            return f"unknown key; did you mean '{stem}'{_rest(hint) or '?'}"
    close = difflib.get_close_matches(key, siblings, 1, 0.6)
    misspelt = difflib.get_close_matches(key, foreign_names(), 3, 0.8) if every else []
    misspelt.sort(key=lambda one: foreign_names()[one].place is None)  # one that has a place is more use
    if misspelt and not (close and _like(key, close[0]) >= _like(key, misspelt[0])):
        hint = _rest(_foreign_hint(misspelt[0], value, every))
        return f"unknown key; did you mean '{misspelt[0]}'{hint}" if hint[:1] == ";" else hint
    if close:
        return f"unknown key; did you mean '{close[0]}'?"
    lasts = {full.rpartition(".")[2]: full for full in reversed(every)}
    close = difflib.get_close_matches(key, lasts, 1, 0.75)
    if close:
        return f"unknown key; did you mean '{lasts[close[0]]}'?"
    return "unknown key; known here: " + ", ".join(sorted(siblings))


def _exists(name: str, siblings: Iterable[str], every: Iterable[str]) -> bool:
    """Return whether a name is one of another program or of another section, but none of this section."""
    here = name in siblings
    return not here and (foreign_name(name) is not None or any(full.endswith(f".{name}") for full in every))


def _rest(hint: str) -> str:
    """Return what a hint says after that the key is unknown."""
    return hint.removeprefix("unknown key").removeprefix(" here")


def _like(one: str, other: str) -> float:
    return difflib.SequenceMatcher(None, one, other).ratio()


def misplaced(name: str, value: Any) -> str:
    """Return what to add to the fault of a value that another setting takes; an empty text where none does.

    >>> misplaced("warp.sampling_mode", "plms")
    "; 'plms' belongs to diffusion.sampler"
    """
    known = foreign_name(name.rpartition(".")[2]) if isinstance(value, str) else None
    place = known.place_of(value) if known else None
    elsewhere = known and place not in (None, name, known.place)
    return f"; '{value}' belongs to {place}" if elsewhere else ""


def _foreign_hint(key: str, value: Any, every: Iterable[str]) -> str:
    """Return what to say of a name of another program; an empty text where it is none."""
    known = foreign_name(key)
    if known is None:
        return _clip_hint(key)
    place = known.place_of(value)
    if place is None:
        return f"unknown key; not here: {known.because}"
    same = place.rpartition(".")[2] == key
    hint = _belongs(place, every) if same else f"unknown key; here it is called '{place}'"
    return f"{hint}; {known.note}" if known.note and place == known.place else hint


def _belongs(place: str, every: Iterable[str]) -> str:
    """Say where a key belongs, with its full name where others end in the same word."""
    section, _, last = place.rpartition(".")
    if not section:
        return "unknown key here; it belongs at the top, not in a section"
    alike = [full for full in every if full.rpartition(".")[2] == last and not full.startswith(SHADOWS)]
    full = f", as {place}" if len(alike) > 1 else ""
    return f"unknown key here; it belongs under '{section}'{full}"


def _clip_hint(key: str) -> str:
    """Return what to say of a key that is the name of a CLIP model in any spelling, or like one; else ""."""
    try:
        known = key not in BUNDLED and ("clip", canonical_name(key)) in entries()
    except UsageError:  # it has none of their forms
        known = False
    if known:
        return f"unknown key; here it goes into '{CLIP_MODELS}': {{{key}: 1}}"
    if not _LIKE_CLIP.match(key):
        return ""
    try:
        return f"unknown key; here it goes into '{CLIP_MODELS}': {{{find('clip', key).name}: 1}}"
    except UsageError as error:
        return f"unknown key; CLIP models are in '{CLIP_MODELS}', but {error}"
