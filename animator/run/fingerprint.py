"""A frame's fingerprint: a hash of all that decides it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Mapping
from functools import partial
from typing import Any

import numpy as np

from animator.engines.family import unread_settings
from animator.engines.registry import family_of
from animator.run.networks import flow_of
from animator.run.neutral import neutral_schedule, neutral_values
from animator.run.pins import pin_digests
from animator.run.regions import region_digests
from animator.run.sources import Sources
from animator.scene.looped import loop_span
from animator.scene.reading import LoadedScene
from animator.scene.upright import canvas_of
from animator.settings.base import EVERY_MODE, counts_in, declared
from animator.settings.scene import Scene
from animator.system.rng import picture_seed

RENDERINGS: Mapping[int, tuple[str, ...]] = {
    1: (),
    2: ("guidance.tv_scale", "guidance.sat_scale", "guidance.symmetry_loss_scale"),
    3: ("depth.model=midas", "depth.model=midas-hybrid", "depth.model=adabins"),
    4: ("guidance.compat=disco-5", "warp.sampling_mode mode=2d"),
    5: (
        *("depth.model=midas", "depth.model=midas-hybrid", "depth.model=zoedepth"),
        *("depth.model=depth-anything-small", "depth.model=depth-anything-base"),
        "depth.model=depth-anything-large",
    ),
}
"""The ways in which frames were made so far, by number.

Each differs from the one before in scenes where one of its settings is not neutral, or has the value behind
``=``, or where all of several are so; in every scene where it names none. Add one when the program makes
other frames of the same scene, inputs and weights than before: frames that were made earlier are then out of
date. A release that changes no frame adds none, so that runs can be resumed."""

ONCE_PLAIN = ("vr.ipd",)
"""Settings that were one number for the whole film at first. As one number they count as they did then."""


def hash_inputs(
    loaded: LoadedScene, sources: Sources, weights: Mapping[str, str], *, rendering: int | None = None
) -> list[str]:
    """Return a hash for each frame of all that decides it, the frames before it included.

    What is at its neutral value (`animator.run.neutral`) is no part of it, so that a later program, which has
    more settings, finds the same hash. How far a still is painted (``diffusion.stop_at``) is none either: a
    draft and the picture it becomes have the same inputs.

    Args:
        loaded: the scene.
        sources: its pictures.
        weights: of the networks, see `weights_of`.
        rendering: number of the way in which they are made, of `RENDERINGS`; None is the last.
    """
    scene, init = loaded.scene, loaded.scene.diffusion.init_image
    unheard = unread_settings(family_of(scene.diffusion.model), scene)
    unread = tuple(f"{name}." for name in [*unheard, *changing_no_frame(type(scene))])
    dumped = scene.model_dump(mode="json")
    plain = {
        name: float(value) for name in ONCE_PLAIN if isinstance(value := value_in(dumped, name), int | float)
    }
    animated = [
        name
        for name in loaded.timeline.row(0).names
        if name not in plain and not f"{name}.".startswith(unread)
    ]
    constant = {
        "rendering": renderings_of(type(scene), counted(scene), rendering),
        # What may change from frame to frame counts with the frames at which it does.
        "settings": without_neutral(type(scene), counted(scene, animated) | plain),
        "init": sources.hashes[init] if init else "",
        "footage": [sources.footage, flow_of(scene)] if scene.mode == "video" else [],
        "weights": dict(weights),
        # How far a film rolls at any frame decides the canvas of all of them.
        **({"canvas": canvas} if (canvas := canvas_of(scene, loaded.timeline.table)) else {}),
    }
    chain = hashlib.sha256(json.dumps(constant, sort_keys=True).encode()).hexdigest()
    neutral = {name: neutral_schedule(type(scene), name) for name in animated}
    hashes, seeds, span = [], scene.seeds, loop_span(scene)
    moves = loaded.timeline.table.filter(like="camera.").to_numpy()
    pinned = pin_digests(scene, loaded.timeline, sources)
    for frame in range(scene.count):
        row = loaded.timeline.row(frame)
        digest = hashlib.sha256(chain.encode())
        # With a fixed seed all frames have the same noise; stills differ by their seeds alone.
        noise = 0 if scene.mode == "still" or scene.seed_mode == "fixed" else frame
        digest.update(f"{picture_seed(seeds, scene.seed_mode, frame)} {noise}".encode())
        for name, usual in neutral.items():
            schedule = row.schedule(name)
            if usual is None or not np.array_equal(schedule, usual):
                digest.update(name.encode())
                digest.update(schedule.tobytes())
        prompts = [
            (
                sources.hashes[one.text] if one.image else one.text,
                one.weight,
                one.image,
                one.models,
                *([one.course] if one.course else []),
                *([one.region] if one.region else []),
            )
            for one in row.prompts
        ]
        digest.update(repr(prompts).encode())
        if frame in pinned:
            digest.update(pinned[frame].encode())
        for one in region_digests(scene, row, sources):
            digest.update(one.encode())
        if frame >= scene.count - span:
            # The first frame is moved back over all moves that are left.
            digest.update(f"loop {scene.count} {span}".encode())
            digest.update(moves[frame:].tobytes() + moves[:1].tobytes())
        hashes.append(digest.hexdigest())
        if scene.mode != "still":
            chain = hashes[-1]
    return hashes


def counted(scene: Scene, apart: Collection[str] = ()) -> dict[str, Any]:
    """Return every setting that frames depend on, as plain data by its dotted name.

    That is everything in the scene but what its declaration says changes no frame of this mode, and what is
    for another engine than the scene's. A setting or section that nobody declared counts.

    Args:
        scene: the scene.
        apart: dotted names that are left out, for they are counted elsewhere; also below a setting
            (``guidance.clip_models.pocket``).
    """
    dumped = scene.model_dump(mode="json")
    every = dict(declared(type(scene)))
    sections = {name.rpartition(".")[0] for name in every}
    heard, found = partial(family_of(scene.diffusion.model).reads, scene=scene), {}
    for name, said in every.items():
        if name in sections or name in apart or not counts_in(scene.mode, said) or not heard(said):
            continue
        value = value_in(dumped, name)
        if isinstance(value, dict):
            value = {key: one for key, one in value.items() if f"{name}.{key}" not in apart}
        found[name] = value
    return found


def without_neutral(scene: type[Scene], values: Mapping[str, Any]) -> dict[str, Any]:
    """Return settings without those at their neutral value."""
    neutral = neutral_values(scene)
    return {name: value for name, value in values.items() if name not in neutral or value != neutral[name]}


def renderings_of(scene: type[Scene], values: Mapping[str, Any], last: int | None) -> list[int]:
    """Return the numbers of `RENDERINGS`, up to ``last`` if given, that change frames with these settings."""
    off = without_neutral(scene, values)
    used = {*off, *(f"{name}={value}" for name, value in off.items())}

    def differs(names: tuple[str, ...]) -> bool:
        return not names or any(used.issuperset(one.split()) for one in names)

    changes = {number: names for number, names in RENDERINGS.items() if last is None or number <= last}
    return [number for number, names in changes.items() if differs(names)]


def value_in(dumped: Mapping[str, Any], name: str) -> Any:
    """Return a setting of a scene that was dumped, by its dotted name."""
    value: Any = dumped
    for part in name.split("."):
        value = value[part]
    return value


def changing_no_frame(scene: type[Scene]) -> list[str]:
    """Return the sections and settings on which no frame of any mode depends, by dotted name."""
    return [name for name, said in declared(scene) if not any(counts_in(mode, said) for mode in EVERY_MODE)]
