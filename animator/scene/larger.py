"""How a scene's finished pictures are painted a second time, larger: what is wrong, or may not be meant."""

from __future__ import annotations

import math
from collections.abc import Iterator

from animator.engines.registry import family_of
from animator.errors import Problem
from animator.scene.fit import Fit
from animator.settings.base import STILL
from animator.settings.hires import SIDE_STEP
from animator.settings.scene import Scene
from animator.settings.upscale import target_of

LARGEST_SIDE = 4096
"""Pixels of the longest side of a picture."""

STRETCHED = 0.03
"""Relative difference of two shapes that is seen."""

SCALE = "hires.scale"


def tile_side(scene: Scene) -> int:
    """Return the side in pixels of the tiles of a scene's larger pictures; 0: the network sees the whole.

    ``auto`` is the side that the network was trained on, rounded up to a multiple of 64; of networks that say
    nothing of it the whole picture.
    """
    tiles, size = scene.hires.tiles, scene.large_size
    if size is None or tiles == "none":
        return 0
    if tiles == "auto":
        trained = family_of(scene.diffusion.model).trained_side(scene)
        tiles = 0 if trained is None else math.ceil(trained / SIDE_STEP) * SIDE_STEP
    return tiles if tiles < max(size) else 0


def hires_faults(scene: Scene) -> Iterator[tuple[str, str]]:
    """Yield what is wrong with the second painting of a scene: dotted name and message."""
    size, hires = scene.large_size, scene.hires
    if size is None:
        return
    if max(size) > LARGEST_SIDE:
        most = math.floor(10 * LARGEST_SIDE / max(scene.size)) / 10
        yield SCALE, f"makes {_sides(size)}, and a side has at most {LARGEST_SIDE}; use {most:g} at most"
    elif size == scene.size:
        least = 1 + SIDE_STEP / max(scene.size)
        yield (
            SCALE,
            (
                f"is {hires.scale:g}, which leaves {_sides(size)}: sides are multiples of {SIDE_STEP}; "
                f"use {least:.2g} or more"
            ),
        )
    steps = scene.diffusion.steps
    if math.floor(hires.keep(steps) * steps + 0.5) >= steps:
        message = f"leaves out all {steps} steps, so that nothing is painted; skip fewer, such as 65%"
        yield "hires.skip_steps", message
    upscale = scene.output.upscale
    if target_of(upscale.to, upscale.scale, scene.size) == size and scene.mode != STILL:
        name = "output.upscale.to" if upscale.to else "output.upscale.scale"
        yield name, f"makes a film of {_sides(size)} of the small frames, and so does hires; leave one out"


def notice_hires(scene: Scene, fit: Fit) -> Iterator[Problem]:
    """Yield what a second painting does not reach, and a shape that it changes."""
    node, size = fit.nodes.get(SCALE), scene.large_size
    if node is None or size is None or SCALE in fit.faulty:
        return
    if abs(math.log(size[0] / size[1] * scene.size[1] / scene.size[0])) > STRETCHED:
        message = (
            f"makes {_sides(size)}, in which {_sides(scene.size)} is stretched: "
            f"sides are multiples of {SIDE_STEP}; a whole number keeps the shape"
        )
        yield node.place.problem(SCALE, message)
    if scene.vr.enabled and scene.mode == "still":
        message = f"only the stills are painted larger; what two eyes see of them stays {_sides(scene.size)}"
        yield node.place.problem(SCALE, message)
    if scene.mode == "video" and scene.video.finish != "none":
        yield node.place.problem(SCALE, "the larger film shows its frames as they are, without video.finish")
    if scene.mode == "still" and scene.diffusion.stop_at is not None:
        yield node.place.problem(SCALE, "drafts are painted larger once they are finished: animator finish")


def suggested_hires(scene: Scene, times: float, most: float) -> str:
    """Return a smaller size and a scale that make a picture of a scene's size, as a scene writes them.

    Args:
        scene: the scene.
        times: how many times the side that its network was trained on its pictures have.
        most: how many times are well.

    Returns:
        Settings such as ``size: [256, 192] with hires: {scale: 4}``; empty where there are none.
    """
    for scale in range(2, 9):
        sides = [side // scale for side in scene.size]
        if times / scale <= most and all(
            side % SIDE_STEP == 0 and side * scale == whole
            for side, whole in zip(sides, scene.size, strict=True)
        ):
            return f"size: {sides} with hires: {{scale: {scale}}}"
    return ""


def _sides(size: tuple[int, int]) -> str:
    return f"{size[0]} x {size[1]}"
