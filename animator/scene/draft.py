"""A quick, small picture of what a scene will be: ``animator render --draft``."""

from __future__ import annotations

import dataclasses
import math
from typing import Any

import pandas as pd

from animator.engines.drafting import by_frame, scaled
from animator.engines.registry import family_of
from animator.keyframes.schedules import number_text
from animator.scene.loosened import held_by
from animator.scene.reading import LoadedScene, read_text_scene
from animator.scene.resolved import resolved_text
from animator.settings.base import Animated
from animator.settings.coherence import without_percent
from animator.settings.hires import HiresOptions
from animator.settings.regions import RegionOptions
from animator.settings.scene import SIZE_STEP, Scene

_SKIP = "coherence.frames_skip_steps"

SAME_SHAPE = 0.08
"""Logarithm of how much the ratio of the sides of a draft may differ from that of its picture."""


def draft_of(loaded: LoadedScene) -> LoadedScene:
    """Return the draft of a scene, read again like any other: in full, it renders the same again.

    Its notices are those of the scene itself; its source, title and `only` are the scene's.

    Raises:
        SceneError: the draft cannot be written out; a film of very many frames with moving cuts.
    """
    again = read_text_scene(resolved_text(drafted(loaded)), str(loaded.source))
    return dataclasses.replace(again, notices=loaded.notices, only=loaded.only, title=loaded.title)


def drafted(loaded: LoadedScene) -> Scene:
    """Return a scene at about a twentieth of the work, with the composition that it will have.

    The size is about a quarter of the pixels in the same shape, see `draft_size`. Steps are 0.4 of
    what they were, at least 10 and never more than before; what counts in steps follows (``skip_steps``,
    ``frames_skip_steps``, ``intermediates``). Cuts are halved, at least 1 where there were any, in a single
    batch, and spread evenly; 40 steps and more share deep features and gradients with their neighbours
    (`reuse`, `every`); neither with `compat`. What goes by pixels, the strength of the guidance, the
    shifts of a 2D film and the edges of regions, follows the size; nothing is painted a second time. Cuts and
    shifts that move over the frames become a key a frame.
    """
    scene = loaded.scene
    size = draft_size(scene.size)
    pixels = size[0] * size[1] / (scene.size[0] * scene.size[1])
    fewer = family_of(scene.diffusion.model).drafted(scene, loaded.timeline, pixels)
    before, steps = scene.diffusion.steps, fewer.get("diffusion", scene.diffusion).steps
    changed: dict[str, Any] = {
        **fewer,
        "size": size,
        "camera": scene.camera.model_copy(update=_shifts(loaded, size)),
        "coherence": scene.coherence.model_copy(update=_skips(loaded)),
        "regions": _regions(loaded, size),
        "hires": HiresOptions(),
        "output": scene.output.model_copy(
            update={"intermediates": _moments(scene.output.intermediates, steps, before)}
        ),
    }
    return scene.model_copy(update=changed)


def draft_size(size: tuple[int, int]) -> tuple[int, int]:
    """Return the size of a draft: multiples of 64, in a picture's shape at about a quarter of its pixels.

    The nearest to a quarter of those whose shape differs by at most `SAME_SHAPE`; where none is smaller, as
    of 192 x 128, the picture's own.

    >>> draft_size((1280, 768)), draft_size((448, 1088)), draft_size((192, 128))
    ((640, 384), (256, 640), (192, 128))
    """
    width, height = size
    best, least = size, math.inf
    for one in range(SIZE_STEP, width, SIZE_STEP):
        for other in range(SIZE_STEP, height, SIZE_STEP):
            bent = abs(math.log(one * height / (other * width)))
            off = abs(math.log(4 * one * other / (width * height)))
            if bent <= SAME_SHAPE and off + 3 * bent < least:
                best, least = (one, other), off + 3 * bent
    return best


def _shifts(loaded: LoadedScene, size: tuple[int, ...]) -> dict[str, Animated]:
    """Return the shifts of a 2D film, which are pixels, for another size; in 3D they are no pixels."""
    if loaded.scene.mode != "2d":
        return {}
    shares = [side / before for side, before in zip(size, loaded.scene.size, strict=True)]
    columns = {name: loaded.timeline.table[f"camera.{name}"] for name in ("translation_x", "translation_y")}
    return {
        name: by_frame(column * share) for (name, column), share in zip(columns.items(), shares, strict=True)
    }


def _regions(loaded: LoadedScene, size: tuple[int, ...]) -> dict[str, RegionOptions]:
    """Return regions whose numbers of pixels are for another size, and whose steps are shares."""
    share, table = size[0] / loaded.scene.size[0], loaded.timeline.table
    found = {}
    for name, one in loaded.scene.regions.items():
        column = f"regions.{name}."
        changed: dict[str, Any] = {
            part: by_frame(table[column + part] * share) for part in ("grow", "feather")
        }
        if one.skip_steps is not None:
            changed["skip_steps"] = _percents(table[f"{column}skip_steps"] * 100)
        found[name] = one.model_copy(update=changed)
    return found


def _percents(shares: pd.Series) -> Animated:
    """Return shares, in percent, as a scene writes them."""
    values = by_frame(shares)
    if isinstance(values, dict):
        return {frame: f"{number_text(float(one))}%" for frame, one in values.items()}
    return f"{number_text(float(values))}%"


def _moments(moments: int | list[int | str], steps: int, before: int) -> int | list[int | str]:
    """Return `intermediates` for fewer steps; how many are asked for stays."""
    if isinstance(moments, int):
        return moments
    fewer = (scaled(one, steps, before) for one in moments)
    return list(dict.fromkeys(one if isinstance(one, str) else max(1, one) for one in fewer))


def _skips(loaded: LoadedScene) -> dict[str, Any]:
    """Return `frames_skip_steps` so that it means the same share of other steps."""
    value = loaded.scene.coherence.frames_skip_steps
    if without_percent(value)[1]:
        return {}
    factor = held_by(loaded.scene, loaded.timeline.prompts)
    shares = loaded.timeline.table[_SKIP] * 100
    if factor is not None:
        # The draft loosens by itself; where nothing was held, nothing will be.
        shares = (shares / factor).where(factor > 0, 0.0)
    return {"frames_skip_steps": _percents(shares)}
