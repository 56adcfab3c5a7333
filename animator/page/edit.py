"""What the editor knows of a scene that is being written: its faults, curves, prompts and settings."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from animator.errors import Problem, SceneError, UsageError
from animator.keyframes import Clock
from animator.page.keys import Key, added, keys_of, lines_of, moved, node_at
from animator.scene.fit import Fit
from animator.scene.layers import read_layers
from animator.scene.nodes import Node
from animator.scene.reading import LoadedScene, read_changed
from animator.settings.scene import scene_schema
from animator.settings.sentences import described_schema

MOST_POINTS = 600
"""Points of a curve that are drawn; of a longer one they are spread evenly."""

MOST_CURVES = 60

PROMPTS = "prompts"


def check(file: str, text: str) -> dict[str, Any]:
    """Return what is wrong with a scene and what is worth knowing, each at its place; and what it comes to.

    Args:
        file: where it is, or is going to be; paths in it are relative to its folder.
        text: the scene.

    Returns:
        ``problems`` (``line`` and ``column`` from 1, ``message``, ``key``, ``level``: error or note). Of a
        scene without faults also ``facts``, ``curves`` and ``prompts``.
    """
    try:
        loaded = read_changed(file, text)
    except SceneError as error:
        faults = [_problem(one, file, "error") for one in error.problems]
        return {"problems": faults + [_problem(one, file, "note") for one in error.notices]}
    notices = [_problem(one, file, "note") for one in loaded.notices]
    root = _root(file, text)
    return {
        "problems": notices,
        "facts": facts_of(loaded),
        "curves": curves_of(loaded, root, file, text),
        "prompts": sets_of(loaded, root, file, text),
    }


def _problem(one: Problem, file: str, level: str) -> dict[str, Any]:
    """Return a problem for the editor; one in a file that the scene extends is at its beginning."""
    here = one.file == file
    message = one.message if here or not one.file else f"in {one.file}, line {one.line}: {one.message}"
    place = {"line": one.line if here else 0, "column": one.column if here else 0}
    return {"message": message, "key": one.key, "level": level, **place}


def facts_of(loaded: LoadedScene) -> dict[str, Any]:
    """Return what a scene comes to: mode, size, pictures, frames a second, steps."""
    scene = loaded.scene
    return {
        "mode": scene.mode,
        "size": list(scene.size),
        "pictures": scene.count,
        "fps": scene.fps,
        "steps": scene.diffusion.steps,
        "seed": None if loaded.seed_drawn else scene.first_seed,
    }


def curves_of(loaded: LoadedScene, root: Node, file: str, text: str) -> list[dict[str, Any]]:
    """Return the curves that a scene changes over its film or gives itself, with their keys."""
    table, clock, lines = loaded.timeline.table, _clock(loaded), lines_of(text)
    found = []
    for name in table.columns:
        node = node_at(root, str(name))
        own = node is not None and node.place.file == file
        values = table[name].to_numpy()
        if not own and np.ptp(values) == 0:
            continue
        keys = keys_of(node, lines, clock) if own and node is not None else []
        if keys or np.ptp(values) > 0:
            found.append(
                {"name": str(name), "points": _points(values), "keys": [_shown(one) for one in keys]}
            )
    # Those that can be dragged come first.
    return sorted(found, key=lambda one: (not one["keys"], len(one["points"]) < 2))[:MOST_CURVES]


def _points(values: np.ndarray) -> list[list[float]]:
    chosen = np.unique(np.linspace(0, len(values) - 1, min(len(values), MOST_POINTS)).round().astype(int))
    return [[int(at), float(f"{values[at]:.6g}")] for at in chosen]


def _shown(key: Key) -> dict[str, Any]:
    place = key.number or key.position
    return {
        "frame": key.frame,
        "value": key.value,
        "line": place.line if place else 0,
        "moves": [key.position is not None, key.number is not None],
    }


def sets_of(loaded: LoadedScene, root: Node, file: str, text: str) -> list[dict[str, Any]]:
    """Return the prompts of each part of the film; ``key`` is the number of its key, if it has one."""
    node = node_at(root, PROMPTS)
    keys = prompt_keys(node, file, text, _clock(loaded))
    at = {key.frame: number for number, key in enumerate(keys) if key.position is not None}
    return [
        {"from": one.start, "texts": list(one.texts), "key": at.get(one.start)}
        for one in loaded.timeline.prompts.sets
    ]


def prompt_keys(node: Node | None, file: str, text: str, clock: Clock) -> list[Key]:
    """Return the keys of prompts that are written in this file."""
    if node is None or node.place.file != file or not isinstance(node.value, dict):
        return []
    return keys_of(node, lines_of(text), clock)


def move(file: str, text: str, name: str, number: int | None, frame: int | None, value: float | None) -> str:
    """Return the text of a scene in which one key was moved or added, the rest letter by letter as it was.

    Args:
        file: where the scene is.
        text: the scene.
        name: of the curve, or ``prompts``.
        number: of the key, from 0, as `check` gave it; None adds a key.
        frame: where it goes, or None.
        value: what it becomes, or None.

    Raises:
        SceneError: the scene has faults.
        UsageError: there is no such key, or it cannot be moved there.
    """
    loaded = read_changed(file, text)
    node = node_at(_root(file, text), name)
    clock = _clock(loaded)
    own = node is not None and node.place.file == file
    if number is None and node is not None and own and frame is not None and value is not None:
        if not 0 <= frame <= clock.max_f:
            raise UsageError(f"the film's frames are 0 to {clock.max_f}")
        return added(text, node, clock, frame, value)
    keys = keys_of(node, lines_of(text), clock) if node is not None and own else []
    if number is None or not 0 <= number < len(keys):
        raise UsageError("the text has changed; there is no such key any more")
    others = [key.frame for at, key in enumerate(keys) if at != number]
    if frame is not None and frame in others:
        raise UsageError(f"there is a key at frame {frame} already")
    return moved(text, keys[number], clock, frame=frame, value=value)


def _root(file: str, text: str) -> Node:
    return read_layers(Path(file), file, Fit(scene_schema()).sections, text)[0]


def _clock(loaded: LoadedScene) -> Clock:
    return Clock(loaded.scene.count, loaded.scene.fps, loaded.scene.bpm)


def settings() -> list[dict[str, Any]]:
    """Return every setting for the editor's completion: dotted name, sentence, default, choices.

    What may be said of each of several things, such as regions, has a ``*`` in place of the thing's name.
    """
    fit = Fit(described_schema())
    found = [_setting(name, entry, name in fit.sections) for name, entry in fit.settings.items()]
    for name, entry in fit.settings.items():
        if name not in fit.sections:
            parts = {key: part for one in _parts(fit, entry) for key, part in one["properties"].items()}
            found += [_setting(f"{name}.*.{key}", part, False) for key, part in parts.items()]
    return found


def _parts(fit: Fit, entry: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield the schemas of what a list or a mapping may hold, as far as they have settings of their own."""
    whole = fit.resolved(entry)
    if "properties" in whole:
        yield whole
    for inner in (whole.get("items"), whole.get("additionalProperties"), *whole.get("anyOf", ())):
        if isinstance(inner, dict):
            yield from _parts(fit, inner)


def _setting(name: str, entry: dict[str, Any], section: bool) -> dict[str, Any]:
    sentence = " ".join(str(entry.get("description", "")).split())
    default = entry.get("default")
    return {
        "name": name,
        "section": section,
        "about": sentence[:300],
        "default": default if isinstance(default, str | int | float | bool) else None,
        "choices": _choices(entry),
    }


def _choices(entry: dict[str, Any]) -> Sequence[str]:
    """Return the words that a setting may be."""
    found: list[str] = []
    for one in (entry, *entry.get("anyOf", ())):
        found += [str(word) for word in one.get("enum", ()) if isinstance(word, str)]
        if one.get("type") == "boolean":
            found += ["true", "false"]
    return list(dict.fromkeys(found))[:80]
