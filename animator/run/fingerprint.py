"""A frame's fingerprint: a hash of all that decides it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any

from animator import __version__
from animator.run.networks import flow_of
from animator.run.sources import Sources
from animator.scene.reading import LoadedScene
from animator.system.rng import picture_seed

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
