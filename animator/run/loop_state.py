"""A film's state as a run keeps it: tensors by name, and values that JSON can hold."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from animator.depth.align import Drift, Expectation
from animator.film.colour import SHAPE
from animator.film.shot import Shot
from animator.film.state import LoopState, Track
from animator.runs import RunFolder
from animator.warp.grains import Grains

OLD = "old."
"""Before the names of what belongs to turbo's older picture."""

FIRST = "first."
"""Before the names of what belongs to the first frame of a film that loops."""

MASK = "mask."
"""Before the names of regions whose masks move with the picture."""

MULTIPLES = {"B": 1, "kB": 10**3, "MB": 10**6, "GB": 10**9, "TB": 10**12}


def bytes_of(size: int | str) -> int:
    """Return a size on the disk as a number of bytes.

    >>> bytes_of(512), bytes_of("500 MB"), bytes_of("1.5GB")
    (512, 500000000, 1500000000)
    """
    if isinstance(size, int):
        return size
    number = size.strip().rstrip("BkMGT")
    return int(float(number) * MULTIPLES[size.strip()[len(number) :]])


def room_for_states(size: int | str, shot: Shot) -> int:
    """Return for how many states of earlier frames there is room, besides the two that a film works with.

    Reckoned with the largest that a state of the shot may be, so that it is the same at every frame: a
    picture of three floats a pixel, in 3D also its depth, the depth expected and where it is known, in turbo
    all of that twice, and once more where the film loops; the grains of its noise; and the file's head.

    Args:
        size: how much there is, see `bytes_of`.
        shot: the scene.
    """
    track = 3 * 4 + (4 + 4 + 1) * (shot.mode == "3d")
    grains = (8 + 2 * 4) * (shot.noise != "new")
    width, height = shot.canvas
    tracks, noisy = 1 + (shot.turbo.steps > 1) + (shot.loop > 0), 1 + (shot.loop > 0)
    masks = 4 * sum(one.follow for one in shot.regions)
    state = width * height * (track * tracks + grains * noisy + masks) + 4096
    return max(0, bytes_of(size) // state - 2)


def saved_state(state: LoopState) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """Return the tensors and values of a state, as `RunFolder.save_state` takes them."""
    tensors: dict[str, Tensor] = {}
    meta: dict[str, Any] = {"frame": state.frame}
    for prefix, track in (("", state.track), (OLD, state.old), (FIRST, state.first)):
        if track is None:
            continue
        expected = track.expected
        parts = {"picture": track.picture, "depth": track.depth}
        parts |= {"expected": expected.depth, "known": expected.known}
        parts |= {f"{MASK}{name}": mask for name, mask in track.masks.items()}
        if track.grains is not None:
            parts |= {"grains": track.grains.identities, "places": track.grains.places}
        tensors |= {f"{prefix}{name}": part for name, part in parts.items() if part is not None}
        meta[f"{prefix}drift"] = dataclasses.asdict(expected.drift)
    for name, reference in (("colours", state.colours), ("detail", state.detail)):
        if reference is not None:
            tensors[name] = reference
    return tensors, meta


def restored(tensors: Mapping[str, Tensor], meta: Mapping[str, Any], device: torch.device) -> LoopState:
    """Return the state of which `saved_state` made these; pictures and depths go to ``device``."""
    new, old, first = (_track(tensors, meta, prefix, device) for prefix in ("", OLD, FIRST))
    colours = tensors.get("colours")
    if colours is not None and colours.shape != SHAPE:
        colours = None  # of an earlier version, which kept less of them: they are measured again
    return LoopState(int(meta["frame"]), new, colours, old, first, tensors.get("detail"))


def load_state(run: RunFolder, done: int, device: torch.device) -> LoopState:
    """Return the state after ``done`` frames; raises RunError if it is not there or damaged."""
    return restored(*run.load_state(done - 1), device)


def _track(
    tensors: Mapping[str, Tensor], meta: Mapping[str, Any], prefix: str, device: torch.device
) -> Track | None:
    if f"{prefix}picture" not in tensors:
        return None
    names = ("picture", "depth", "expected", "known")
    parts = {name: tensors[f"{prefix}{name}"].to(device) for name in names if f"{prefix}{name}" in tensors}
    expected = Expectation(parts.get("expected"), parts.get("known"), Drift(**meta[f"{prefix}drift"]))
    grains = None
    if f"{prefix}grains" in tensors:
        grains = Grains(tensors[f"{prefix}grains"], tensors[f"{prefix}places"])
    start = f"{prefix}{MASK}"
    masks = {name.removeprefix(start): one for name, one in tensors.items() if name.startswith(start)}
    return Track(parts["picture"], parts.get("depth"), expected, grains, masks)
