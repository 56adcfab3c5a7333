"""How a scene's finished pictures are painted a second time, larger."""

from __future__ import annotations

import math

from animator.engines.registry import family_of
from animator.settings.hires import SIDE_STEP
from animator.settings.scene import Scene


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
