"""What a schema cannot say: settings that contradict one another, missing files, settings without effect."""

from __future__ import annotations

import os
from collections.abc import Mapping

import numpy as np

from animator.errors import Problem, UsageError
from animator.keyframes import Curve
from animator.scene.fit import Fit
from animator.scene.nodes import dotted, plain
from animator.scene.schema import SIZE_STEP, Scene
from animator.types import Schedule
from animator.weights.registry import Kind, find

_SECTIONS = ("camera", "warp", "depth", "coherence")
_ROTATIONS = ("camera.rotation_3d_x", "camera.rotation_3d_y", "camera.rotation_3d_z")
_LENS = ("camera.fov", "camera.near_plane", "camera.far_plane")
IDLE = {
    "still": (*_SECTIONS, "frames", "prompt_blend", "output"),
    "2d": (
        *("camera.translation_z", *_ROTATIONS, *_LENS),
        *("warp.padding_mode", "warp.sampling_mode", "depth", "images"),
    ),
    "3d": ("camera.angle", "camera.zoom", "warp.border_2d", "images"),
}
"""By mode, the settings and sections that have no effect in it."""


def check_planes(values: Mapping[str, Curve | Schedule], fit: Fit) -> None:
    """Note a far plane that is not farther than the near one."""
    near, far = values.get("camera.near_plane"), values.get("camera.far_plane")
    if not isinstance(near, Curve) or not isinstance(far, Curve):
        return
    wrong = near.values >= far.values
    if wrong.any():
        frame = int(np.argmax(wrong))
        name = "camera.far_plane" if "camera.far_plane" in fit.nodes else "camera.near_plane"
        node = fit.nodes[name]
        planes = f"near_plane is {near.values[frame]:.6g}, far_plane {far.values[frame]:.6g} at frame {frame}"
        fit.report(node, name, f"far_plane must be greater than near_plane; {planes}")


def check_networks(scene: Scene, fit: Fit) -> None:
    """Note names of networks that the registry does not have, and a CLIP model named twice."""
    _find("diffusion", scene.diffusion.model, "diffusion.model", fit)
    _find("depth", scene.depth.model, "depth.model", fit)
    if scene.diffusion.secondary and scene.diffusion.model == "pocket":
        remedy = "leave it out, or name a published diffusion.model"
        _note("diffusion.secondary", f"the bundled network comes without a secondary model; {remedy}", fit)
    seen: dict[str, str] = {}
    for written in scene.guidance.clip_models:
        name = dotted("guidance.clip_models", written)
        known = _find("clip", written, name, fit)
        if known in seen:
            _note(name, f"is the same network as '{seen[known]}'; keep one of them", fit)
        seen[known or written] = written


def _find(kind: Kind, written: str, name: str, fit: Fit) -> str:
    """Return the registry's name of a network; where it has none, note it and return an empty text."""
    try:
        return find(kind, written).name
    except UsageError as error:
        _note(name, str(error), fit)
        return ""


def _note(name: str, message: str, fit: Fit) -> None:
    if name in fit.nodes and name not in fit.faulty:
        node = fit.nodes[name]
        place = node.key if name.startswith("guidance.clip_models.") else node.place
        fit.add(place.problem(name, message))


def check_files(scene: Scene, fit: Fit) -> None:
    """Note files that the scene names and that are not there."""
    name = "diffusion.init_image"
    path = scene.diffusion.init_image
    if path is not None and name in fit.nodes and not os.path.isfile(path):
        fit.report(fit.nodes[name], name, f"no such file: {path}")


def notice_size(scene: Scene, fit: Fit) -> list[Problem]:
    """Tell of a size that was rounded down."""
    node = fit.nodes.get("size")
    if node is None or "size" in fit.faulty:
        return []
    width, height = plain(node)
    if (width, height) == scene.size:
        return []
    kept = f"{scene.size[0]} x {scene.size[1]}, multiples of {SIZE_STEP}"
    return [node.place.problem("size", f"{width} x {height} is rounded down to {kept}")]


def notice_idle(scene: Scene, default: Scene, fit: Fit) -> list[Problem]:
    """Tell of settings that are given, are not at their default, and do nothing in the scene's mode."""
    notices = []
    for name, node in fit.nodes.items():
        idle = any(name == part or name.startswith(f"{part}.") for part in IDLE[scene.mode])
        if idle and "properties" not in fit.settings[name] and _value(scene, name) != _value(default, name):
            notices.append(node.key.problem(name, f"has no effect in mode {scene.mode}"))
    return notices


def _value(scene: Scene, name: str) -> object:
    value: object = scene
    for part in name.split("."):
        value = getattr(value, part)
    return value
