"""Which networks a scene needs, whether their weights are there, and the hashes of them."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

import torch

from animator.between.load import network_of
from animator.depth.load import depth_names
from animator.diffusion.losses import perceptual_files
from animator.engines.registry import family_of
from animator.errors import WeightsError
from animator.flow.load import flow_name
from animator.scene.reading import LoadedScene
from animator.settings.upscale import target_of
from animator.system.devices import choose_device
from animator.upscale.load import model_name, passes
from animator.weights.hashes import file_hash
from animator.weights.registry import AFTER_FRAMES, OPTIONAL, Entry, Kind, find, locate

if TYPE_CHECKING:
    from animator.settings.scene import Scene


def needed(scene: Scene) -> list[Entry]:
    """Return the networks that a scene runs on and that have a file, each once, those it paints with first.

    A checkpoint that the scene names by its path is not among them. The perceptual network is, where a pull
    towards a picture can act, though a scene runs without it: a simpler distance takes its place.

    Raises:
        UsageError: a name is unknown.
    """
    if scene.models == "fake":
        return after_frames(scene)
    entries = family_of(scene.diffusion.model).networks(scene)
    used: list[tuple[Kind, str]] = []
    flow = flow_of(scene)
    if sees_depth(scene):
        used += [("depth", name) for name in depth_names(scene.depth)]
    if flow.startswith("raft"):
        used.append(("flow", flow))
    entries += [find(kind, name) for kind, name in used]
    entries += after_frames(scene)
    return [entry for entry in dict.fromkeys(entries) if entry.file]


def after_frames(scene: Scene) -> list[Entry]:
    """Return the networks that a scene needs for what is made of its finished frames."""
    upscale, finish = scene.output.upscale, scene.output.finish
    wanted = [(upscale.model, target_of(upscale.to, upscale.scale, scene.size))]
    if scene.mode != "still":
        wanted.append((finish.model, target_of(finish.to, finish.scale, scene.size)))
    found: list[Entry] = []
    for model, target in wanted:
        if target is not None:
            found += passes(model_name(model, choose_device(scene.device)), scene.size, target)
    if scene.mode != "still" and (scene.output.interpolate_to or scene.output.finish.fps):
        found += network_of(scene.output.interpolate_by)
    return found


def sees_depth(scene: Scene) -> bool:
    """Return whether a scene needs to know how far away things are: for its camera, or for two eyes."""
    return scene.mode == "3d" or scene.vr.enabled


def depth_dtype(scene: Scene) -> torch.dtype:
    """Return the number format in which large depth networks of a scene compute on a CPU.

    It is bfloat16 where the scene says so, ``auto`` is float32: with weights of noise, bfloat16 moved the
    prediction of one pixel of a hundred by 4 to 20 % of the picture's range, and no trained ones were at hand
    to see whether that matters. With ``compat: disco-5`` it is float32, as Disco Diffusion computes there.
    """
    half = scene.diffusion.precision == "bfloat16" and scene.guidance.compat != "disco-5"
    return torch.bfloat16 if half else torch.float32


def flow_of(scene: Scene) -> str:
    """Return the name of the optical flow that a scene uses; empty if it uses none."""
    if scene.mode == "video" and scene.video.flow != "none":
        return flow_name(scene.video.flow, choose_device(scene.device))
    return "dis" if scene.turbo.steps > 1 and scene.turbo.align else ""


def weights_of(loaded: LoadedScene) -> dict[str, str]:
    """Return the SHA-256 of every file of weights that a scene's frames are made with, by kind and name.

    Raises:
        WeightsError: one is not there; the message says how to get it.
    """
    scene = loaded.scene
    hashes: dict[str, str] = {}
    if scene.models == "real":
        files = family_of(scene.diffusion.model).files(scene)
        hashes |= {name: hash_of(path) for name, path in files.items()}
    entries = [one for one in needed(scene) if one.kind not in AFTER_FRAMES]
    paths = {one: locate(one) for one in entries if one.kind != OPTIONAL}
    # What is in a folder is among the files that the family names.
    hashes |= {f"{one.kind} {one.name}": hash_of(path) for one, path in paths.items() if not path.is_dir()}
    if any(entry.kind == OPTIONAL for entry in entries):
        found = next((path for path in perceptual_files() if path.is_file()), None)
        hashes |= {"perceptual vgg16": hash_of(found)} if found else {}
    return hashes


def hash_of(path: Path) -> str:
    """Return the SHA-256 of a file of weights; one that has not changed since is read once in a process."""
    there = path.stat()
    return _hash_of(path, there.st_size, there.st_mtime_ns, there.st_ino)


@lru_cache(maxsize=64)
def _hash_of(path: Path, *_: int) -> str:
    return file_hash(path)


def require_weights(loaded: LoadedScene) -> list[Entry]:
    """Return the networks of a scene; every file of weights that it cannot do without is there.

    Raises:
        WeightsError: some are not; a line for each says how to get it.
    """
    faults, entries = [], needed(loaded.scene)
    for entry in entries:
        if entry.kind == OPTIONAL:
            continue
        try:
            locate(entry)
        except WeightsError as fault:
            faults.append(str(fault))
    if faults:
        raise WeightsError("\n".join(faults))
    return entries
