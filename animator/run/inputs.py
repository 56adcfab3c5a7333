"""What goes into a scene's frames besides its text: pictures, weights; and the hash of all of it."""

from __future__ import annotations

import functools
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

from animator import __version__
from animator.diffusion.checkpoints import SUFFIXES
from animator.diffusion.load import BUNDLED, secondary_names
from animator.diffusion.losses import perceptual_files
from animator.errors import WeightsError
from animator.flow.load import flow_name
from animator.scene.reading import LoadedScene
from animator.system.fetch import fetch, is_url
from animator.system.images import read_whole
from animator.system.rng import picture_seed
from animator.video.footage import hash_footage
from animator.weights.hashes import file_hash
from animator.weights.registry import OPTIONAL, Entry, Kind, cache_folder, find, locate

if TYPE_CHECKING:
    from animator.settings.depth import DepthOptions
    from animator.settings.scene import Scene
    from animator.types import Frame

FETCHED = "inputs"
"""Folder of a run in which it keeps what it fetched, so that it can be gone on with without a network."""


@dataclass(frozen=True)
class Sources:
    """The pictures that a scene names.

    Attributes:
        files: the file of each, by its path or address in the scene.
        footage: SHA-256 of the footage of mode video; empty in other modes.
    """

    files: Mapping[str, Path]
    footage: str = ""

    def open(self, name: str) -> Frame:
        """Return a picture at its own size; raises UsageError where it cannot be read."""
        return read_whole(self.files[name])

    @functools.cached_property
    def hashes(self) -> dict[str, str]:
        """SHA-256 of each file, by its path or address in the scene."""
        return {name: hashlib.sha256(path.read_bytes()).hexdigest() for name, path in self.files.items()}

    def fetched(self) -> dict[str, bytes]:
        """Return what came from the web, by the name under which a run keeps it."""
        return {path.name: path.read_bytes() for name, path in self.files.items() if is_url(name)}


def gather(loaded: LoadedScene, run: Path | None = None) -> Sources:
    """Return the pictures that a scene names; those on the web are fetched now, if they never were.

    Args:
        loaded: the scene.
        run: the folder of a run that is gone on with and may have kept them.

    Raises:
        UsageError: a picture cannot be had.
    """
    init = loaded.scene.diffusion.init_image
    names = [init] if init else []
    names += [one.text for part in loaded.timeline.prompts.sets for one in part.prompts if one.image]
    clip = loaded.scene.video.init if loaded.scene.mode == "video" else None
    files = {name: _file_of(name, run) for name in dict.fromkeys(names)}
    return Sources(files, hash_footage(Path(clip)) if clip else "")


def _file_of(name: str, run: Path | None) -> Path:
    if not is_url(name):
        return Path(name)
    return fetch(name, cache_folder() / "pictures" if run is None else run / FETCHED)


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
    if not _is_file(scene.diffusion.model):
        used.append(("diffusion", scene.diffusion.model))
    used += [("clip", name) for name in scene.guidance.clip_models]
    used += [("secondary", name) for name in secondary_names(scene.diffusion)]
    if sees_depth(scene):
        used += [("depth", name) for name in _depth_names(scene.depth)]
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
    if scene.models == "real" and _is_file(scene.diffusion.model):
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


def _is_file(model: str) -> bool:
    return Path(model).suffix in SUFFIXES


def _depth_names(depth: DepthOptions) -> list[str]:
    """Return the depth networks of a scene: MiDaS and AdaBins are blended, a share of 0 needs no file."""
    if depth.model != "midas":
        return [depth.model]
    return ["midas"] * (depth.midas_weight > 0) + ["adabins"] * (depth.midas_weight < 1)


def _is_pulled(scene: Scene) -> bool:
    """Tell whether a picture may be held to another: to its init, or to the frame before it."""
    begun = scene.diffusion.init_image is not None or scene.diffusion.perlin_init != "none"
    moved = scene.mode == "video" or (scene.mode != "still" and scene.frames > 1)
    scales = [scene.diffusion.init_scale] * begun + [scene.coherence.frames_scale] * moved
    return any(str(scale).strip() not in ("0", "0.0", "") for scale in scales)


NOT_IN_FRAMES = {"init", "finish", "finish_blend", "sound", "extract", "flow", "flow_blend"}
"""Settings of `video` that decide no frame, or count with the frames at which they change."""


def hash_inputs(loaded: LoadedScene, sources: Sources, weights: Mapping[str, str]) -> list[str]:
    """Return a hash for each frame of all that decides it, the frames before it included.

    How far a still is painted (``diffusion.stop_at``) is not part of it: a draft and the picture it becomes
    have the same inputs.

    Args:
        loaded: the scene.
        sources: its pictures.
        weights: of the networks, see `weights_of`.
    """
    scene = loaded.scene
    dumped = scene.model_dump(
        mode="json",
        include={"mode", "models", "size", "warp", "depth", "turbo", "vr", "diffusion", "guidance"},
        exclude={
            "diffusion": {"stop_at", "init_image"},
            "vr": {"layouts", "vr180_size", "vr180_fov", "vr180_edge", "vr180_codec"},
        },
    )
    # What may change from frame to frame counts with the frames at which it does.
    constant = _without(dumped, frozenset(loaded.timeline.row(0).names))
    init = scene.diffusion.init_image
    constant["init"] = sources.hashes[init] if init else ""
    if scene.mode == "video":
        constant["footage"] = [
            sources.footage,
            flow_of(scene),
            scene.video.model_dump(mode="json", exclude=NOT_IN_FRAMES),
        ]
    constant["animator"] = __version__
    constant["weights"] = dict(weights)
    chain = hashlib.sha256(json.dumps(constant, sort_keys=True).encode()).hexdigest()
    hashes, seeds = [], scene.seeds
    for frame in range(scene.pictures):
        row = loaded.timeline.row(frame)
        digest = hashlib.sha256(chain.encode())
        digest.update(str(picture_seed(seeds, scene.seed_mode, frame)).encode())
        for name in row.names:
            digest.update(name.encode())
            digest.update(row.schedule(name).tobytes())
        prompts = [
            (sources.hashes[one.text] if one.image else one.text, one.weight, one.image, one.clip_models)
            for one in row.prompts
        ]
        digest.update(repr(prompts).encode())
        hashes.append(digest.hexdigest())
        if scene.mode != "still":
            chain = hashes[-1]
    return hashes


def _without(section: Mapping[str, Any], names: frozenset[str], above: str = "") -> dict[str, Any]:
    """Return a section without the settings of some dotted names."""
    kept = {key: value for key, value in section.items() if f"{above}{key}" not in names}
    return {
        key: _without(value, names, f"{above}{key}.") if isinstance(value, dict) else value
        for key, value in kept.items()
    }
