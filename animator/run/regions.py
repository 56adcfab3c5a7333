"""The regions of a scene, as the frame loop takes them: their masks drawn, at the size of the frames."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator
from functools import lru_cache, partial

import numpy as np
import torch
from torch import Tensor

from animator.film.regions import Region
from animator.keyframes.timeline import Row
from animator.run.sources import Sources
from animator.scene.regions import follows, is_film
from animator.settings.regions import RegionOptions, depth_range, formula_of
from animator.settings.scene import Scene
from animator.system.images import BLACK, WHITE, read_picture
from animator.video.footage import FootageReader, open_footage

NUMBERS = ("strength", "grow", "feather", "skip_steps", "init_noise")
"""What of a region may change over the frames."""

EDGES = 2
"""Number of the way in which edges are made soft; raised where the program does it otherwise than before."""


def regions_of(scene: Scene, sources: Sources) -> tuple[Region, ...]:
    """Return the regions of a scene.

    Raises:
        UsageError: a mask cannot be read.
    """
    return tuple(_region(scene, name, options, sources) for name, options in scene.regions.items())


def _region(scene: Scene, name: str, options: RegionOptions, sources: Sources) -> Region:
    return Region(
        name=name,
        drawn=drawing(scene, options, sources),
        depth=(0.0, 0.0) if options.depth is None else depth_range(options.depth),
        invert=options.invert,
        follow=follows(scene, options),
        skips=options.skip_steps is not None,
        keep=options.keep,
        noisy=options.init_noise is not None,
        still=options.still and not follows(scene, options),
        paste=options.paste,
    )


def drawing(scene: Scene, options: RegionOptions, sources: Sources) -> Callable[[int], Tensor] | None:
    """Return what draws the mask of a region at a frame, H x W, 0 to 1; None where the depth does."""
    width, height = scene.size
    if options.formula is not None:
        return partial(_by_formula, options.formula, scene)
    if options.file is not None and is_film(options.file):
        film = open_footage(options.file, fps_of_pictures=scene.fps)
        reader = FootageReader(film, width, height, "stretch", keep=2)
        return lru_cache(maxsize=2)(lambda frame: reader.frame(frame).mean(dim=0))
    if options.file is not None:
        mask = read_picture(sources.files[options.file], width, height, ground=BLACK).mean(dim=0)
        return lambda frame: mask
    if options.alpha is not None:
        over_white, over_black = (
            read_picture(sources.files[options.alpha], width, height, ground=ground)
            for ground in (WHITE, BLACK)
        )
        opaque = (1 - (over_white - over_black).mean(dim=0)).clamp(0, 1)
        return lambda frame: opaque
    return None


def _by_formula(text: str, scene: Scene, frame: int) -> Tensor:
    width, height = scene.size
    x = np.broadcast_to((np.arange(width) + 0.5) / width, (height, width))
    y = np.broadcast_to(((np.arange(height) + 0.5) / height)[:, None], (height, width))
    same = {"t": frame, **_of_the_film(scene)}
    known = {"x": x, "y": y, **{name: np.full((height, width), float(one)) for name, one in same.items()}}
    values = formula_of(text).evaluate_with(known)
    return torch.from_numpy(np.nan_to_num(values).clip(0, 1).astype(np.float32))


def _of_the_film(scene: Scene) -> dict[str, int]:
    """Return what a formula may read that is the same at every frame, but not in every film."""
    return {"max_f": scene.count - 1, "s": scene.first_seed}


def region_digests(scene: Scene, row: Row, sources: Sources) -> Iterator[str]:
    """Yield what of the regions of a scene decides a frame.

    Nothing of those that have no strength at it, unless they follow the picture and may have some later.

    Args:
        scene: the scene.
        row: of the frame.
        sources: its masks.
    """
    for name, options in scene.regions.items():
        numbers = {
            one: row[f"regions.{name}.{one}"] for one in NUMBERS if f"regions.{name}.{one}" in row.names
        }
        if numbers["strength"] <= 0 and not options.follow:
            continue
        if numbers["feather"] > 1:
            numbers["edges"] = EDGES
        if scene.output.alpha == name and (options.follow or options.depth is not None):
            numbers["alpha"] = 1.0  # its mask is saved with the frame
        if options.formula is not None:
            read = formula_of(options.formula).variables
            numbers |= {one: float(value) for one, value in _of_the_film(scene).items() if one in read}
        plain = options.model_dump(mode="json", exclude={*NUMBERS, "file", "alpha"})
        files = [_hash(sources, path) for path in (options.file, options.alpha)]
        said = json.dumps([name, plain, numbers, files], sort_keys=True)
        yield hashlib.sha256(said.encode()).hexdigest()


def mask_digest(scene: Scene, name: str | None, sources: Sources) -> str:
    """Return what decides the mask of a region besides its numbers; empty where there is no such region."""
    options = scene.regions.get(name or "")
    if options is None:
        return ""
    plain = options.model_dump(mode="json", include={"formula", "invert"})
    files = [_hash(sources, path) for path in (options.file, options.alpha)]
    said = json.dumps([plain, files, _of_the_film(scene) if options.formula else []], sort_keys=True)
    return hashlib.sha256(said.encode()).hexdigest()


def _hash(sources: Sources, path: str | None) -> str:
    if path is None:
        return ""
    return sources.films[path] if is_film(path) else sources.hashes[path]
