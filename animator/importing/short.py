"""A scene that was read, as short as it can be written."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from animator.errors import SceneError
from animator.importing.writer import scene_text
from animator.scene.bases import base_names
from animator.scene.reading import LoadedScene, read_layered_text, read_text_scene
from animator.scene.resolved import resolved_text
from animator.settings.base import declared
from animator.settings.scene import Scene

ALWAYS = ("mode", "size", "seed", "prompts")
"""What a scene says even where it is the default."""

_NEVER = ("version", "device")
"""The version is written anyway; another machine has another device."""


def short_text(loaded: LoadedScene, head: Iterable[str] = ()) -> str:
    """Return a scene that says what differs from the defaults, and reads back as the same scene.

    Where that cannot be had, as of footage, whose defaults depend on the file, it says everything.

    Args:
        loaded: the scene; paths in it are absolute.
        head: lines of comment at its top.
    """
    scene = loaded.scene.model_copy(update={"device": "auto"})
    text = said_text(differing(scene), head)
    if _same(text, scene):
        return text
    return "".join(f"# {line}\n" for line in head) + resolved_text(scene)


def short_over(loaded: LoadedScene, base: str, head: Iterable[str] = ()) -> str:
    """Return a scene over a bundled base, as short as that, that reads back as the same scene.

    Args:
        loaded: the scene.
        base: name of the base that it extends; empty, or one that is a file: as `short_text`.
        head: lines of comment at its top.
    """
    if not base or base not in base_names():
        return short_text(loaded, head)
    scene = loaded.scene.model_copy(update={"device": "auto"})
    below = read_layered_text(f"extends: {base}\nmode: {scene.mode}\nprompts: '-'\nseed: 0\n", "base").scene
    text = said_text(differing(scene, below), head, base)
    try:
        same = read_layered_text(text, "scene").scene == scene
    except SceneError:
        same = False
    return text if same else short_text(loaded, head)


def said_text(values: Mapping[str, Any], head: Iterable[str] = (), base: str = "") -> str:
    """Return a scene that says these values, by dotted name; ``base`` is what it extends."""
    return scene_text(values, base=base, head=head, todo={}, asleep={})


def differing(scene: Scene, below: Scene | None = None) -> dict[str, Any]:
    """Return the settings that differ from their defaults, and those of `ALWAYS`, by dotted name.

    Args:
        scene: the scene.
        below: holds what they are compared with, in place of the defaults.
    """
    usual = _plain(Scene(prompts="-", seed=0, mode=scene.mode) if below is None else below)
    ours = _plain(scene)
    sections = {name.rpartition(".")[0] for name, _ in declared(Scene)}
    found = {}
    for name, _ in declared(Scene):
        value = _at(ours, name)
        if name in sections or name in _NEVER or value is None:
            continue
        if name in ALWAYS or value != _at(usual, name):
            found[name] = value
    return found


def _plain(scene: Scene) -> dict[str, Any]:
    dumped: dict[str, Any] = _without_none(scene.model_dump(mode="python"))
    return dumped


def _without_none(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _without_none(one) for key, one in value.items() if one is not None}
    return [_without_none(one) for one in value] if isinstance(value, list | tuple) else value


def _at(tree: Mapping[str, Any], name: str) -> Any:
    value: Any = tree
    for part in name.split("."):
        value = value.get(part) if isinstance(value, dict) else None
    return value


def _same(text: str, scene: Scene) -> bool:
    """Return whether a text reads as a scene, and as which."""
    try:
        return read_text_scene(text, "scene").scene == scene
    except SceneError:
        return False
