"""What a schema cannot say of regions: their files and formulas."""

from __future__ import annotations

import os
from collections.abc import Iterator

from animator.errors import ExpressionError, UsageError
from animator.scene.fit import Fit
from animator.scene.nodes import Node, dotted
from animator.settings.base import STILL, THREE_D, VIDEO
from animator.settings.regions import RegionOptions, formula_of
from animator.settings.scene import Scene
from animator.system.file_names import file_fault
from animator.system.picture_files import picture_file_fault
from animator.video.footage import open_footage

NAME = "regions"

PICTURES = frozenset(
    [
        ".png",
        ".jpg",
        ".jpeg",
        ".webp",
        ".tif",
        ".tiff",
        ".bmp",
        ".gif",
        ".ppm",
        ".pgm",
        ".pbm",
        ".jp2",
        ".avif",
    ]
)
"""How the names of masks end that are one picture; every other file is a film."""


def follows(scene: Scene, options: RegionOptions) -> bool:
    """Return whether a region moves with the picture: where nothing moves, it stays as it is drawn."""
    if scene.mode == VIDEO:
        return options.follow and scene.video.flow != "none"
    return options.follow and scene.mode != STILL and scene.diffusion.init_frames != "all"


def is_film(path: str) -> bool:
    """Return whether a mask, by its path, is one picture a frame: a film or a folder of pictures."""
    return os.path.isdir(path) or os.path.splitext(path)[1].lower() not in PICTURES


def region_faults(scene: Scene, fit: Fit) -> Iterator[tuple[Node, str, str]]:
    """Yield the faults of regions: the node at fault, its dotted name and a message."""
    look = scene.grade.region
    if look is not None and "grade.region" in fit.nodes:
        region, known = scene.regions.get(look), ", ".join(scene.regions) or "none in this scene"
        if region is None:
            yield fit.nodes["grade.region"], "grade.region", f"'{look}' is no region; there are {known}"
        elif follows(scene, region) or region.depth is not None:
            why = "it moves with the picture" if region.depth is None else "it follows from the depth"
            message = f"'{look}' is not drawn at each frame: {why}; draw another for the look"
            yield fit.nodes["grade.region"], "grade.region", message
    alpha = scene.output.alpha
    if alpha is not None and alpha not in scene.regions and "output.alpha" in fit.nodes:
        known = ", ".join(scene.regions) or "none in this scene"
        yield fit.nodes["output.alpha"], "output.alpha", f"'{alpha}' is no region; there are {known}"
    if NAME in fit.faulty or NAME not in fit.nodes:
        return
    for key, options in scene.regions.items():
        given = fit.nodes[NAME].value[key].value
        for part, message in _faults(scene, options):
            if message:
                yield given.get(part, fit.nodes[NAME].value[key]), dotted(dotted(NAME, key), part), message


def _faults(scene: Scene, options: RegionOptions) -> Iterator[tuple[str, str]]:
    if options.file is not None:
        yield "file", _film_fault(scene, options.file) if is_film(options.file) else _picture(options.file)
    if options.alpha is not None:
        yield "alpha", _picture(options.alpha)
    if options.formula is not None:
        try:
            formula_of(options.formula)
        except ExpressionError as error:
            yield "formula", error.message
    if options.depth is not None and scene.mode != THREE_D:
        yield "depth", f"is known in mode 3d alone, found mode {scene.mode}; draw the mask in another way"
    if options.keep and options.skip_steps is not None:
        yield "skip_steps", "is given beside keep, which skips all of them; leave one of them out"


def _picture(path: str) -> str:
    return picture_file_fault(path) if path.strip() else "expected the path of a picture, found ''"


def _film_fault(scene: Scene, path: str) -> str:
    if not os.path.isdir(path) and (fault := file_fault(path, net=False)):
        return fault
    try:
        film = open_footage(path, fps_of_pictures=scene.fps)
    except UsageError as error:
        return str(error)
    if film.frames < scene.count:
        return f"has {film.frames} frames, the scene {scene.count}: it needs a mask for each"
    return ""
