"""Settings whose default follows from another one: what holds frames together, where a scene asks for it."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping

from animator.scene.nodes import Node

DISCO, FOOTAGE = "disco-5", "video"

MOVED_SKIP = "74%"
"""Share of the diffusion that is skipped over a frame whose noise moved with it. With 70 % what changes from
frame to frame is 0.55 of what changes with new noise, with 74 % 0.48, with 78 % 0.44; but with 78 % a zoom is
seen as smaller (docs/noise.md)."""


def with_defaults_of_mode(root: Node) -> Node:
    """Return a scene that says what follows from its mode and its ``compat`` where it says nothing of it.

    Disco Diffusion (``compat: disco-5``) holds neither colours nor depths, so that ``color_coherence`` is 0
    and ``align`` false there; footage (``mode: video``) has its own colours. Noise that moves with a camera
    draws less anew, and shows most where less is drawn: ``frames_skip_steps`` is 74% there.

    Args:
        root: the scene, all of its layers laid over one another.
    """
    members = dict(root.value)
    mode, guidance = members.get("mode"), members.get("guidance")
    compat = guidance.value.get("compat") if guidance and isinstance(guidance.value, dict) else None
    disco = compat if compat and compat.value == DISCO else None
    footage = mode if mode and mode.value == FOOTAGE else None
    _fall_back(members, "coherence", "color_coherence", 0, disco or footage)
    if not disco and (mode is None or mode.value in ("2d", "3d")):
        _fall_back(members, "coherence", "frames_skip_steps", MOVED_SKIP, _moved_noise(members))
    if mode is None or mode.value == "3d":
        _fall_back(members, "depth", "align", False, disco)
    return dataclasses.replace(root, value=members)


def _moved_noise(members: Mapping[str, Node]) -> Node | None:
    """Return what asks for noise that moves with the picture, or None."""
    coherence = members.get("coherence")
    noise = coherence.value.get("noise") if coherence and isinstance(coherence.value, dict) else None
    return noise if noise and noise.value == "moved" else None


def _fall_back(
    members: dict[str, Node], section: str, name: str, value: float | bool | str, reason: Node | None
) -> None:
    """Add a value for a setting that a scene is silent about, at the place of what it follows from."""
    above = members.get(section, Node(None))
    if reason is None or not isinstance(above.value, Mapping | None):
        return
    inner = dict(above.value or {})
    if name not in inner or inner[name].value is None:
        inner[name] = Node(value, reason.place, reason.key)
        members[section] = dataclasses.replace(above, value=inner)
