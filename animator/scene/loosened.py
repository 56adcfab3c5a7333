"""A film that loosens where its prompts change, so that they arrive."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import replace

import numpy as np

from animator.errors import Problem
from animator.keyframes import Curve, PromptTrack
from animator.scene.fit import Fit
from animator.settings.scene import Scene
from animator.types import Prompt, Schedule

AUTO, AUTO_MOVED = 0.5, 0.65
"""How far `loosen: auto` loosens a hard cut, and where noise moves. Such noise draws again what it drew, and
more of each frame is kept: with 0.5 two of three sunsets did not arrive, with 0.65 all do (docs/noise.md)."""

AFTER, PAINTINGS = 6, 3
"""Frames over which a change of prompts is felt, but no fewer than so many that are painted."""

SHUT = 0.75
"""Share of the diffusion from which on, skipped at every frame, new prompts do not arrive within `AFTER`."""

HELD = ("coherence.frames_skip_steps", "coherence.frames_scale")
"""What holds a frame to the frame before it."""


def amount(scene: Scene) -> float:
    """Return how far a scene loosens at a hard cut of its prompts, 0 to 1."""
    if scene.mode not in ("2d", "3d"):
        return 0.0
    if scene.coherence.loosen != "auto":
        return float(scene.coherence.loosen)
    if scene.guidance.compat == "disco-5":
        return 0.0
    return AUTO_MOVED if scene.coherence.noise == "moved" else AUTO


def loosened(
    scene: Scene, values: Mapping[str, Curve | Schedule], prompts: PromptTrack
) -> dict[str, Curve | Schedule]:
    """Return the values of a scene with less to hold on to where prompts change.

    At each frame `HELD` is multiplied by ``1 - amount * change``, where ``change`` is how much of the prompts
    is another than some frames ago: half the sum of what the weights differ by, 1 after a hard cut.

    Args:
        scene: the scene.
        values: of every setting that may change, by dotted name.
        prompts: over the frames.
    """
    factor, found = held_by(scene, prompts), dict(values)
    if factor is None:
        return found
    for name in HELD:
        curve = found.get(name)
        if isinstance(curve, Curve):
            found[name] = replace(curve, values=curve.values * factor)
    return found


def held_by(scene: Scene, prompts: PromptTrack) -> np.ndarray | None:
    """Return what `HELD` is multiplied by at each frame, or None where it stays as it is."""
    much = amount(scene)
    if not much:
        return None
    changed = changes(prompts, scene.frames, max(AFTER, PAINTINGS * scene.turbo.steps))
    return 1 - much * changed if changed.any() else None


def changes(prompts: PromptTrack, frames: int, window: int) -> np.ndarray:
    """Return how much of the prompts of each frame is another than ``window`` frames before, 0 to 1."""
    found, near = np.zeros(frames), np.zeros(frames, bool)
    reach = math.ceil(prompts.blend) + window
    for one in prompts.sets[1:]:
        near[max(1, one.start) : max(0, one.start + reach + 1)] = True
    for frame in np.flatnonzero(near).tolist():
        found[frame] = _distance(prompts.at(frame), prompts.at(max(0, frame - window)))
    return found


def notice_arrival(
    scene: Scene, values: Mapping[str, Curve | Schedule], prompts: PromptTrack, fit: Fit
) -> Iterator[Problem]:
    """Yield prompts that have no time to arrive, or that the frame before leaves no room for.

    Args:
        scene: the scene.
        values: of every setting that may change, loosened.
        prompts: over the frames.
        fit: where they are in the file.
    """
    node, skips = fit.nodes.get("prompts"), values.get(HELD[0])
    if scene.mode not in ("2d", "3d") or node is None or not isinstance(skips, Curve):
        return
    places = node.value if isinstance(node.value, dict) else {}
    ends = [one.start for one in prompts.sets[1:]] + [scene.frames]
    for one, end in zip(prompts.sets[1:], ends[1:], strict=True):
        there = places.get(one.position)
        if there is None or one.start >= scene.frames or one.position == prompts.sets[0].position:
            continue
        time, held = end - one.start, skips.values[one.start : one.start + AFTER].min()
        if end < scene.frames and time < prompts.blend:
            why = f"the next prompts follow after {time} frames, and these fade in over {prompts.blend:g}"
        elif held >= SHUT:
            why = (
                f"{HELD[0]} keeps {held:.0%} of each frame, so that it hardly arrives; less, or more of "
                "coherence.loosen, lets it in"
            )
        else:
            continue
        yield there.key.problem(f"prompts.{one.position}", why)


def _distance(here: tuple[Prompt, ...], before: tuple[Prompt, ...]) -> float:
    weights: dict[tuple[str, bool, tuple[str, ...]], float] = {}
    for sign, prompts in ((1, here), (-1, before)):
        for one in prompts:
            key = (one.text, one.image, one.models)
            weights[key] = weights.get(key, 0.0) + sign * one.weight
    return min(1.0, sum(map(abs, weights.values())) / 2)
