"""Which networks a scene needs, whether their weights are there, and the hashes of them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import torch

from animator.depth.load import depth_names
from animator.diffusion.load import BUNDLED, secondary_names
from animator.diffusion.losses import perceptual_files
from animator.errors import WeightsError
from animator.flow.load import flow_name
from animator.scene.reading import LoadedScene
from animator.weights.checkpoint_names import is_checkpoint
from animator.weights.hashes import file_hash
from animator.weights.registry import OPTIONAL, Entry, Kind, find, locate

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
        return []
    used: list[tuple[Kind, str]] = []
    if not is_checkpoint(scene.diffusion.model):
        used.append(("diffusion", scene.diffusion.model))
    used += [("clip", name) for name in scene.guidance.clip_models]
    used += [("secondary", name) for name in secondary_names(scene.diffusion)]
    if sees_depth(scene):
        used += [("depth", name) for name in depth_names(scene.depth)]
    if flow_of(scene).startswith("raft"):
        used.append(("flow", flow_of(scene)))
    if scene.diffusion.model != BUNDLED and _is_pulled(scene):
        used.append(("perceptual", "vgg16"))
    entries = dict.fromkeys(find(kind, name) for kind, name in used)
    return [entry for entry in entries if entry.file]


def sees_depth(scene: Scene) -> bool:
    """Tell whether a scene needs to know how far away things are: for its camera, or for two eyes."""
    return scene.mode == "3d" or scene.vr.enabled


def flow_of(scene: Scene) -> str:
    """Return what tells a scene how things move from one picture to another; empty if it need not know."""
    if scene.mode == "video" and scene.video.flow != "none":
        return flow_name(scene.video.flow, "cuda" if torch.cuda.is_available() else "cpu")
    return "dis" if scene.turbo.steps > 1 and scene.turbo.align else ""


def weights_of(loaded: LoadedScene) -> dict[str, str]:
    """Return the SHA-256 of every file of weights that a scene runs on, by kind and name.

    Raises:
        WeightsError: one is not there; the message says how to get it.
    """
    scene = loaded.scene
    hashes = {}
    if scene.models == "real" and is_checkpoint(scene.diffusion.model):
        hashes[f"diffusion {Path(scene.diffusion.model).name}"] = file_hash(Path(scene.diffusion.model))
    hashes |= {f"{one.kind} {one.name}": file_hash(locate(one)) for one in _indispensable(scene)}
    if any(entry.kind == OPTIONAL for entry in needed(scene)):
        found = next((path for path in perceptual_files() if path.is_file()), None)
        hashes |= {"perceptual vgg16": file_hash(found)} if found else {}
    return hashes


def require_weights(loaded: LoadedScene) -> None:
    """See that every file of weights that a scene cannot do without is there; nothing is read.

    Raises:
        WeightsError: some are not; a line for each says how to get it.
    """
    faults = []
    for entry in _indispensable(loaded.scene):
        try:
            locate(entry)
        except WeightsError as fault:
            faults.append(str(fault))
    if faults:
        raise WeightsError("\n".join(faults))


def _indispensable(scene: Scene) -> list[Entry]:
    return [entry for entry in needed(scene) if entry.kind != OPTIONAL]


def _is_pulled(scene: Scene) -> bool:
    """Tell whether a picture may be held to another: to its init, or to the frame before it."""
    begun = scene.diffusion.init_image is not None or scene.diffusion.perlin_init != "none"
    moved = scene.mode == "video" or (scene.mode != "still" and scene.frames > 1)
    scales = [scene.diffusion.init_scale] * begun + [scene.coherence.frames_scale] * moved
    return any(str(scale).strip() not in ("0", "0.0", "") for scale in scales)
