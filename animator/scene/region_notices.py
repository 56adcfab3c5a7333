"""What is given in regions and may not be meant: parts without effect, and what a second painting loses."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np
from pydantic import BaseModel

from animator.errors import Problem
from animator.keyframes import Curve
from animator.scene.empty_masks import mask_notices
from animator.scene.fit import Fit
from animator.scene.nodes import dotted
from animator.scene.pins import pinned_in
from animator.scene.regions import NAME, follows, is_film
from animator.settings.base import STILL, THREE_D, TWO_D, VIDEO
from animator.settings.regions import RegionOptions, formula_of
from animator.settings.scene import Scene
from animator.types import Schedule

Values = Mapping[str, Curve | Schedule]

ACTS = ("keep", "skip_steps", "init_noise", "still", "paste")
"""What a region may change."""


def notice_regions(scene: Scene, values: Values, fit: Fit) -> Iterator[Problem]:
    """Yield what is given in regions and has no effect."""
    if NAME in fit.faulty or NAME not in fit.nodes:
        return
    for key, options in scene.regions.items():
        node = fit.nodes[NAME].value[key]
        idle = ((part, f"has no effect {reason}") for part, reason in _idle(scene, options))
        film = options.file is not None and is_film(options.file)
        changing = _unmet(scene, key, options, values)
        larger = _beside_hires(scene, key, options) if scene.large_size else ()
        for part, message in (*idle, *changing, *larger, *mask_notices(scene, options, film)):
            if part in node.value:
                yield node.value[part].key.problem(dotted(dotted(NAME, key), part), message)
        if not _acts(scene, key, options):
            message = f"changes nothing: give it one of {', '.join(ACTS)}, or name it in a prompt"
            yield node.key.problem(dotted(NAME, key), message)


def _acts(scene: Scene, key: str, options: RegionOptions) -> bool:
    """Return whether a region changes anything: by what it says, or as the place of a prompt."""
    named = {
        scene.output.alpha,
        scene.grade.region,
        *_regions_in(scene.prompts),
        *_regions_in(scene.image_prompts),
    }
    return key in named or any(getattr(options, name) not in (None, False) for name in ACTS)


def _regions_in(prompts: object) -> Iterator[str]:
    """Yield the regions that prompts name, in whatever form these are written."""
    if isinstance(prompts, BaseModel):
        yield from filter(None, [getattr(prompts, "region", None)])
    elif isinstance(prompts, Mapping):
        for one in prompts.values():
            yield from _regions_in(one)
    elif isinstance(prompts, list):
        for one in prompts:
            yield from _regions_in(one)


def _idle(scene: Scene, options: RegionOptions) -> Iterator[tuple[str, str]]:
    film = scene.mode in (TWO_D, THREE_D)
    begun = scene.diffusion.init_image is not None or scene.diffusion.perlin_init != "none"
    has_init = begun or _begins_with_pictures(scene)
    afresh = film and scene.diffusion.init_frames == "all"
    if not film:
        yield "still", f"in mode {scene.mode}, in which no camera moves"
    if afresh:
        for name in ("still", "follow", "depth"):
            yield name, "with diffusion.init_frames: all, for no frame is moved into the next"
    if scene.mode == STILL:
        yield "follow", "in mode still"
    if (scene.mode == STILL or afresh) and not has_init:
        for name in ("keep", "skip_steps", "paste"):
            yield name, "without diffusion.init_image or perlin_init, for there is nothing to keep"
    if scene.mode == VIDEO:
        yield "init_noise", "in mode video"
        if scene.video.flow == "none":
            yield "follow", "with video.flow: none"
    elif not has_init:
        yield "init_noise", "without diffusion.init_image or perlin_init"
    if options.follow and options.still:
        yield "still", "beside follow: what moves with the picture does not stay"


def _begins_with_pictures(scene: Scene) -> bool:
    """Return whether something is painted over one of the pictures that a scene passes through."""
    if not scene.pictures or scene.mode == VIDEO:
        return False
    return scene.mode == STILL or any(one.frame == 0 and one.strength < 1 for one in pinned_in(scene))


def _unmet(scene: Scene, key: str, options: RegionOptions, values: Values) -> Iterator[tuple[str, str]]:
    """Yield what changes over the frames without effect, and a strength of nothing."""
    curves = {part: values.get(dotted(dotted(NAME, key), part)) for part in ("strength", "grow", "feather")}
    strength = curves["strength"]
    if isinstance(strength, Curve) and float(strength.values.max()) <= 0:
        yield "strength", "is 0 at every frame, so that the region has no effect; write more, or leave it out"
    if not follows(scene, options):
        return
    cut = "; a cut in the footage begins anew" if scene.mode == VIDEO else ""
    why = f"with follow: true, which moves the mask of the first frame along{cut}"
    for part in ("grow", "feather"):
        curve = curves[part]
        if isinstance(curve, Curve) and float(np.ptp(curve.values)) > 0:
            yield part, f"has no effect after the first frame {why}"
    if options.formula is not None and "t" in formula_of(options.formula).variables:
        yield "formula", f"is read at the first frame alone {why}"
    if options.file is not None and is_film(options.file):
        yield "file", f"is read at the first frame alone {why}"


def _beside_hires(scene: Scene, key: str, options: RegionOptions) -> Iterator[tuple[str, str]]:
    """Yield what of a region is lost where the finished picture is painted a second time, larger."""
    prompted = key in {*_regions_in(scene.prompts), *_regions_in(scene.image_prompts)}
    lost = ["what it keeps is painted over"] if options.keep else []
    lost += ["its prompts are not held to it"] if prompted else []
    if lost and (options.depth is not None or follows(scene, options)):
        part = "follow" if options.depth is None else "depth"
        message = (
            f"is not known to hires, so that in the larger picture {' and '.join(lost)}; draw the region by "
            "a file or a formula, or leave out hires: output.upscale enlarges without painting"
        )
        yield part, message
    if options.paste:
        yield "paste", "acts before hires, which paints over it; what is under keep: true stays there"
