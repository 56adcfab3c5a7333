"""Settings that are given and do nothing in their scene, as their declarations tell."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from animator.engines.registry import family_of
from animator.errors import Problem
from animator.keyframes import Curve
from animator.scene.defaults import FALLBACKS, FOLLOWS
from animator.scene.fit import Fit
from animator.settings.base import Declared, Need, declared
from animator.settings.scene import Scene
from animator.types import Schedule

Values = Mapping[str, Curve | Schedule]


def notice_idle(scene: Scene, values: Values, fit: Fit) -> list[Problem]:
    """Report settings that are given, are not at their default, and do nothing in this scene."""
    default = Scene(prompts="-")
    said = dict(declared(type(scene)))
    idle = family_of(scene.diffusion.model).idle(scene)
    notices = []
    for name, node in fit.nodes.items():
        section = name not in said or "properties" in fit.settings[name]  # the nodes hold parts of values too
        if section or _value(scene, name) == _value(default, name) or _follows(fit, name):
            continue
        if name in FALLBACKS and _value(scene, name) == FALLBACKS[name]:
            continue
        reason = next(_reasons(scene, values, said[name]), idle.get(name, ""))
        if reason:
            notices.append(node.key.problem(name, f"has no effect {reason}"))
    return notices


def _follows(fit: Fit, name: str) -> bool:
    """Return whether a setting is not written, but follows from another one: it lies where that one does."""
    others = [fit.nodes[other] for other in FOLLOWS.get(name, ()) if other in fit.nodes]
    return any(fit.nodes[name].place == other.place for other in others)


def _reasons(scene: Scene, values: Values, said: tuple[Declared, ...]) -> Iterator[str]:
    """Yield why a setting has no effect; ``said`` is declared of its sections and of itself."""
    if not family_of(scene.diffusion.model).reads(said, scene):
        yield f"with diffusion.model {scene.diffusion.model}"
    if scene.vr.enabled and any(one.eyes for one in said):
        return
    if any(scene.mode not in one.modes for one in said):
        yield f"in mode {scene.mode}"
    for need in (need for one in said for need in one.needs):
        if not any(test(_largest(scene, values, name)) for name, test in need.either.items()):
            yield _words(scene, need)


def _words(scene: Scene, need: Need) -> str:
    return need.otherwise.format(_value(scene, next(iter(need.either))))


def _largest(scene: Scene, values: Values, name: str) -> Any:
    """Return the value of a setting; of one that changes, the largest that it ever is."""
    if name not in values:
        return _value(scene, name)
    value = values[name]
    return float((value.values if isinstance(value, Curve) else value).max())


def _value(scene: Scene, name: str) -> Any:
    value: object = scene
    for part in name.split("."):
        value = getattr(value, part)
    return value
