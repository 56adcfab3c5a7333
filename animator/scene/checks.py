"""What a schema cannot say: settings that contradict one another, and missing files."""

from __future__ import annotations

import itertools
import math
import re
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from animator.engines.registry import family_of
from animator.errors import ExpressionError, UsageError
from animator.keyframes import Curve
from animator.scene.choosing import judged_at
from animator.scene.curves import SKIP
from animator.scene.fit import Fit
from animator.scene.larger import LARGEST_SIDE, hires_faults
from animator.scene.nodes import dotted
from animator.scene.pins import pin_faults
from animator.scene.regions import region_faults
from animator.scene.shown import shown_range
from animator.settings.base import share
from animator.settings.scene import Scene
from animator.system.file_names import file_fault
from animator.system.picture_files import picture_file_fault
from animator.types import Schedule
from animator.video.exr import MISSING, can_write_exr
from animator.weights.registry import find

Values = Mapping[str, Curve | Schedule]


def check_scene(scene: Scene, values: Values, fit: Fit, sure: bool) -> None:
    """Note every contradiction in a scene.

    Args:
        scene: the scene, in which defaults replace what is faulty.
        values: its animated numbers, by dotted name; faulty ones are missing.
        fit: the scene's tree held against the schema; faults are added to it.
        sure: whether the clock is the scene's own; if not, only what holds for any length is judged.
    """
    check_planes(values, fit)
    check_networks(scene, fit)
    check_init(scene, fit)
    if scene.output.audio is not None:
        _note("output.audio", file_fault(scene.output.audio, net=False), fit)
    check_lut(scene, fit)
    if scene.output.sequence == "exr" and not can_write_exr():
        _note("output.sequence", MISSING, fit)
    check_steps(scene, fit)
    check_turbo(scene, fit)
    check_seeds(scene, fit)
    for node, name, message in (*region_faults(scene, fit), *(pin_faults(scene, fit) if sure else ())):
        fit.add(node.place.problem(name, message))
    check_intermediates(scene, fit)
    for name, message in hires_faults(scene):
        _note(name, message, fit)
    if sure:
        check_values(scene, values, fit)
        check_range(scene, fit)


def check_planes(values: Values, fit: Fit) -> None:
    """Note a far plane that is not farther than the near one."""
    near, far = values.get("camera.near_plane"), values.get("camera.far_plane")
    if not isinstance(near, Curve) or not isinstance(far, Curve):
        return
    wrong = near.values >= far.values
    if wrong.any():
        frame = int(np.argmax(wrong))
        name = "camera.far_plane" if "camera.far_plane" in fit.nodes else "camera.near_plane"
        node = fit.nodes[name]
        planes = f"near_plane is {near.values[frame]:.6g}, far_plane {far.values[frame]:.6g} at frame {frame}"
        fit.report(node, name, f"far_plane must be greater than near_plane; {planes}")


def check_networks(scene: Scene, fit: Fit) -> None:
    """Note what the family of engines finds wrong, and a depth network that the registry does not have."""
    for name, message in family_of(scene.diffusion.model).check(scene):
        _note(name, message, fit)
    try:
        find("depth", scene.depth.model)
    except UsageError as error:
        _note("depth.model", str(error), fit)


def _note(name: str, message: str, fit: Fit) -> None:
    """Note a fault of a setting, if there is a message and the setting has no fault already."""
    if message and name in fit.nodes and name not in fit.faulty:
        node = fit.nodes[name]
        named = name not in fit.settings  # the key of a mapping, such as the name of a CLIP model
        fit.add((node.key if named else node.place).problem(name, message))


def check_init(scene: Scene, fit: Fit) -> None:
    """Note an init picture that is not there, and two of them."""
    name, path = "diffusion.init_image", scene.diffusion.init_image
    if path is None:
        return
    _note(name, picture_file_fault(path), fit)
    if scene.diffusion.perlin_init != "none":
        perlin = f"is {scene.diffusion.perlin_init}, but there is an init_image"
        _note("diffusion.perlin_init", f"{perlin}; choose one: perlin_init: none, or no init_image", fit)


def check_range(scene: Scene, fit: Fit) -> None:
    """Note a range of frames to show that the film does not have."""
    try:
        shown_range(scene)
    except ExpressionError as error:
        _note("output.range", str(error), fit)


def check_lut(scene: Scene, fit: Fit) -> None:
    """Note a table of colours that is not there or is none."""
    name, lut = "grade.lut", scene.grade.lut
    if lut is None:
        return
    fault = file_fault(lut, net=False)
    if not fault:
        # Imported here because most scenes have none and their check should be quick.
        from animator.grade.cube import read_cube

        try:
            read_cube(Path(lut))
        except UsageError as error:
            fault = str(error)
    _note(name, fault, fit)


def check_steps(scene: Scene, fit: Fit) -> None:
    """Note a diffusion of which no step is left, and a draft that is none."""
    steps, stop_at = scene.diffusion.steps, scene.diffusion.stop_at
    if stop_at is not None and scene.mode != "still":
        found = f"found mode {scene.mode}; leave it out, or set mode: still"
        _note("diffusion.stop_at", f"is for mode still, in which a draft can be finished; {found}", fit)
    elif stop_at is not None and share(stop_at, steps) == 0:
        _note("diffusion.stop_at", f"is {stop_at}, must be above 0%, so that there is something to keep", fit)
    check_choice(scene, fit)
    noise = scene.diffusion.noise_size
    if noise is not None and not all(a <= b <= LARGEST_SIDE for a, b in zip(scene.size, noise, strict=True)):
        sides = (
            f"{noise[0]} x {noise[1]}; it must be from {scene.size[0]} x {scene.size[1]}, the picture's own"
        )
        _note("diffusion.noise_size", f"is {sides}, to {LARGEST_SIDE} x {LARGEST_SIDE}", fit)
    names = ("diffusion.skip_end_steps", "diffusion.skip_steps", "diffusion.steps")
    skipped, end = _skipped(scene)
    # Footage stands for steps by frames_skip_steps, from the first frame on.
    if scene.mode == "video" or skipped + end < steps or not fit.faulty.isdisjoint(names):
        return
    name = next(name for name in names if name in fit.nodes)
    parts = f"skip_steps leaves out {skipped} of {steps} steps and skip_end_steps {end}"
    _note(name, f"{parts}, so that none remains; at least one must: skip fewer", fit)


def check_choice(scene: Scene, fit: Fit) -> None:
    """Note a moment to judge at which there is nothing to see yet, or nothing left to save."""
    steps, stop_at = scene.diffusion.steps, scene.diffusion.stop_at
    if scene.keep_best is None or scene.mode != "still" or "judge_at" in fit.faulty:
        return
    judged = judged_at(scene)
    said = scene.judge_at if isinstance(scene.judge_at, str) else ", ".join(scene.judge_at)
    if judged[0] == 0:
        _note("judge_at", f"is {said}, must be above 0%, so that there is something to judge", fit)
    elif any(later <= earlier for earlier, later in itertools.pairwise(judged)):
        _note("judge_at", f"is {said}, must rise from one to the next", fit)
    elif stop_at is not None and judged[-1] >= share(stop_at, steps):
        _note("judge_at", f"is {said}, but the pictures are stopped at {stop_at}; judge them earlier", fit)


def _skipped(scene: Scene) -> tuple[int, int]:
    """Return the number of steps that a picture leaves out at the noisy and at the clean end."""
    steps = scene.diffusion.steps
    shares = scene.diffusion.keep(), share(scene.diffusion.skip_end_steps, steps)
    noisy, clean = (math.floor(part * steps + 0.5) for part in shares)
    return noisy, clean


def check_turbo(scene: Scene, fit: Fit) -> None:
    """Note a turbo in which no frame grows out of the one before it, and a size that no film can have."""
    if scene.vr.vr180_size % 2:
        _note("vr.vr180_size", f"expected an even number, found {scene.vr.vr180_size}", fit)
    if scene.turbo.steps > 1 and scene.diffusion.init_frames == "all":
        message = "moves a frame into the next ones, but init_frames: all begins each afresh; keep one"
        _note("turbo.steps", message, fit)


def check_seeds(scene: Scene, fit: Fit) -> None:
    """Note a list of seeds that is too short, or of a film."""
    if isinstance(scene.seed, int) or not fit.faulty.isdisjoint({"seed", "images", "mode"}):
        return
    if isinstance(scene.seed, dict):
        _check_scheduled(scene, fit)
        return
    count = len(scene.seed)
    if scene.mode != "still":
        message = f"a list of seeds is for mode still, found mode {scene.mode}; write one seed, such as 7"
        _note("seed", message, fit)
    elif count < scene.images:
        images = f"{scene.images} images need as many"
        _note("seed", f"a list of {count}, but {images}; write {scene.images} seeds or images: {count}", fit)


def _check_scheduled(scene: Scene, fit: Fit) -> None:
    """Note positions of seeds that are none, and seeds over the frames of stills, which have no frames."""
    if scene.mode == "still":
        _note("seed", "a mapping from positions is for films, found mode still; write a list of seeds", fit)
        return
    try:
        _ = scene.seeds
    except ExpressionError as error:
        _note("seed", error.message, fit)


def check_intermediates(scene: Scene, fit: Fit) -> None:
    """Note numbers of intermediates that cannot be."""
    name, value = "output.intermediates", scene.output.intermediates
    if isinstance(value, int):
        _note(name, f"expected 0 or more, found {value}" if value < 0 else "", fit)
        return
    for i, entry in enumerate(value):
        if isinstance(entry, str) and not _is_percentage(entry):
            node = fit.nodes[name].value[i]
            message = f"expected a percentage from 0% to 100%, found '{entry}'"
            fit.add(node.place.problem(dotted(name, i), message))


def _is_percentage(text: str) -> bool:
    number = re.fullmatch(r"\s*(\d+(?:\.\d*)?|\.\d+)\s*%\s*", text, re.ASCII)
    return number is not None and float(number[1]) <= 100


def check_values(scene: Scene, values: Values, fit: Fit) -> None:
    """Note what the family of engines finds wrong with animated numbers."""
    begin, end = _stretch(scene, values)
    for name, message in family_of(scene.diffusion.model).check_values(scene, values, begin, end):
        _note(name, message, fit)


def _stretch(scene: Scene, values: Values) -> tuple[np.ndarray, float]:
    """Return from where (of each picture) to where the diffusion is run, as shares of it."""
    begin = np.full(scene.count, scene.diffusion.keep())
    moved = values.get(SKIP)
    if scene.mode == "video" and isinstance(moved, Curve):
        begin = moved.values.copy()
    elif scene.mode != "still" and isinstance(moved, Curve):
        whole = scene.diffusion.init_frames == "all"
        begin[1:] = np.minimum(begin[1:], moved.values[1:]) if whole else moved.values[1:]
    return begin, 1 - share(scene.diffusion.skip_end_steps, scene.diffusion.steps)
