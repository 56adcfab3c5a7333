"""Masks of regions in which nothing is inside, and cutouts in which nothing is outside."""

from __future__ import annotations

import functools
import os
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from PIL import Image

from animator.errors import UsageError
from animator.settings.regions import RegionOptions, formula_of
from animator.settings.scene import Scene
from animator.system.fetch import is_url
from animator.video.footage import FootageReader, open_footage

SEEN = 0.5 / 255
"""The least that counts as inside."""

MOMENTS = 24
"""At how many frames, spread evenly, a formula is drawn at most."""

LONGEST = 1000
"""How many frames of a film are read at most; of one that is empty so far, nothing is known then."""


def mask_notices(scene: Scene, options: RegionOptions, is_film: bool) -> Iterator[tuple[str, str]]:
    """Yield what is odd about the mask of a region: the part that draws it, and a message.

    Args:
        scene: the scene.
        options: of the region; its files are there and can be read.
        is_film: whether its file is a film or a folder of pictures.
    """
    try:
        part, (least, most) = _range(scene, options, is_film)
    except (UsageError, OSError):
        return  # what cannot be read is a fault, which is reported as one
    if options.alpha is not None and least > 1 - SEEN:
        yield part, "has no transparent part: all of the picture is inside"
    elif (1 - least if options.invert else most) < SEEN:
        why = "all of it is inside, and inverted" if options.invert else "nothing is inside"
        yield part, f"has no effect: the mask is empty, {why}"


def _range(scene: Scene, options: RegionOptions, is_film: bool) -> tuple[str, tuple[float, float]]:
    """Return the part that draws a mask, and the least and the most of the mask at any pixel and frame."""
    if options.formula is not None:
        return "formula", _of_formula(scene, options)
    named = options.file or options.alpha
    if named is None or is_url(named):
        return "depth", (0.0, 1.0)
    path, changed = Path(named), os.stat(named).st_mtime_ns
    if options.alpha is not None:
        return "alpha", _of_cutout(path, changed)
    if is_film:
        return "file", _of_film(path, scene.size, scene.count, changed)
    return "file", _of_picture(path, changed)


def _of_formula(scene: Scene, options: RegionOptions) -> tuple[float, float]:
    formula, (width, height) = formula_of(options.formula or ""), scene.size
    y, x = (np.indices((height, width)) + 0.5) / np.array([height, width])[:, None, None]
    film = {"max_f": scene.count - 1, "s": scene.first_seed}
    known = {"x": x, "y": y, **{name: np.full_like(x, value) for name, value in film.items()}}
    frames = np.linspace(0, scene.count - 1, MOMENTS).round() if "t" in formula.variables else [0]
    least, most = 1.0, 0.0
    for frame in np.unique(frames):
        mask = np.nan_to_num(formula.evaluate_with({**known, "t": np.full_like(x, frame)})).clip(0, 1)
        least, most = min(least, float(mask.min())), max(most, float(mask.max()))
        if most - least > SEEN:
            break
    return least, most


@functools.lru_cache(maxsize=64)
def _of_picture(path: Path, changed: int) -> tuple[float, float]:
    with Image.open(path) as image:
        if image.mode.startswith(("I", "F")):
            mask = np.asarray(image, np.float64) / 65535
        else:
            pixels = np.asarray(image.convert("RGBA"), np.float64) / 255
            mask = pixels[..., :3].mean(axis=-1) * pixels[..., 3]
    return float(mask.min()), float(mask.max())


@functools.lru_cache(maxsize=64)
def _of_cutout(path: Path, changed: int) -> tuple[float, float]:
    with Image.open(path) as image:
        opaque = np.asarray(image.convert("RGBA"))[..., 3] / 255
    return float(opaque.min()), float(opaque.max())


@functools.lru_cache(maxsize=64)
def _of_film(path: Path, size: tuple[int, int], count: int, changed: int) -> tuple[float, float]:
    """Return the range of a film's masks, which are read until it is neither empty nor full."""
    least, most = 1.0, 0.0
    with FootageReader(open_footage(path), *size, "stretch", keep=1) as reader:
        for frame in range(min(count, LONGEST)):
            mask = reader.frame(frame).mean(dim=0)
            least, most = min(least, float(mask.min())), max(most, float(mask.max()))
            if most - least > SEEN:
                break
    return (least, most) if count <= LONGEST else (0.0, 1.0)
