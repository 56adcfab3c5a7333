"""Settings whose default follows from another one: what holds frames together, where a scene asks for it."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

from animator.engines.registry import family_of
from animator.scene.nodes import Node

_NOISE = ("mode", "seed", "seed_mode", "guidance.compat", "diffusion.init_frames", "diffusion.model")

FOLLOWS: Mapping[str, tuple[str, ...]] = {
    "coherence.color_coherence": ("mode", "guidance.compat"),
    "coherence.noise": _NOISE,
    "coherence.frames_skip_steps": (*_NOISE, "coherence.noise"),
    "depth.align": ("guidance.compat",),
}
"""From which settings the defaults of others follow."""

FALLBACKS: Mapping[str, Any] = {"coherence.noise": "new", "coherence.frames_skip_steps": "60%"}
"""What a setting comes to by itself where something speaks against its default. A run's scene, which is
written in full, says so too."""

DISCO, FOOTAGE, STILL = "disco-5", "video", "still"

NEW_SKIP: str = FALLBACKS["coherence.frames_skip_steps"]
"""Share of the diffusion that is skipped over a frame of other noise than moved. (Over one whose noise moved
with it, 74 %: with 70 % what changes from frame to frame is 0.55 of what changes with new noise, with 74 %
0.48, with 78 % 0.44, and the more is skipped the plainer shapes get, docs/noise.md.)"""


def with_defaults_of_mode(root: Node) -> Node:
    """Return a scene that says what follows from its mode, ``compat`` and noise where it says nothing of it.

    Disco Diffusion (``compat: disco-5``) holds neither colours nor depths, so that ``color_coherence`` is 0
    and ``align`` false there; footage (``mode: video``) has its own colours. Noise moves with a camera unless
    something speaks against it, see `_still_noise`. Other noise draws more anew, and needs more steps for it:
    ``frames_skip_steps`` is 60% there.

    Args:
        root: the scene, all of its layers laid over one another.
    """
    members = dict(root.value)
    mode = members.get("mode")
    disco, footage = _disco(members), mode if mode and mode.value == FOOTAGE else None
    _fall_back(members, "coherence", "color_coherence", 0, disco or footage)
    _fall_back(members, "coherence", "noise", "new", disco or footage or _still_noise(members))
    noise = _of(members, "coherence", "noise")
    other = noise if noise and noise.value != "moved" else None
    if not (footage and _of(members, "video", "skip_steps")):  # which stands for it
        _fall_back(members, "coherence", "frames_skip_steps", NEW_SKIP, other or disco or footage)
    if mode is None or mode.value == "3d":
        _fall_back(members, "depth", "align", False, disco)
    return dataclasses.replace(root, value=members)


def _disco(members: Mapping[str, Node]) -> Node | None:
    """Return what asks for Disco Diffusion's films, or None."""
    compat = _of(members, "guidance", "compat")
    return compat if compat and compat.value == DISCO else None


def _still_noise(members: Mapping[str, Node]) -> Node | None:
    """Return what speaks for new noise in each frame, or None.

    Single pictures, noise that a scene has fixed by its seed, frames of which none comes from the one before,
    and networks of families whose films have not been measured with moved noise.
    """
    mode = members.get("mode")
    frames, model = _of(members, "diffusion", "init_frames"), _of(members, "diffusion", "model")
    if mode and mode.value == STILL:
        return mode
    for seeds in (members.get("seed_mode"), members.get("seed")):  # as `seed: fixed` it may be written too
        if seeds and seeds.value == "fixed":
            return seeds
    if frames and frames.value == "all":
        return frames
    if model and isinstance(model.value, str) and not family_of(model.value).moves_noise:
        return model
    return None


def _of(members: Mapping[str, Node], section: str, name: str) -> Node | None:
    """Return what a scene says of a setting; None where it says nothing."""
    above = members.get(section)
    return above.value.get(name) if above and isinstance(above.value, Mapping) else None


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
