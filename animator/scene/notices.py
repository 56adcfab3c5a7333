"""What is not wrong in a scene but may not be meant."""

from __future__ import annotations

import math
import warnings
from collections.abc import Collection, Iterator, Mapping
from typing import Any

import numpy as np

from animator.engines.registry import family_of
from animator.errors import Problem
from animator.keyframes import Clock, Curve
from animator.keyframes.keys import Key, keys_of_mapping, parse_keys
from animator.keyframes.schedules import is_schedule
from animator.scene.enlarged import notice_enlarged
from animator.scene.fit import Fit
from animator.scene.larger import STRETCHED, notice_hires, suggested_hires
from animator.scene.nodes import Node, plain
from animator.scene.noise_notices import notice_noise
from animator.scene.painted import painted_frames
from animator.scene.pins import notice_pins
from animator.scene.region_notices import notice_regions
from animator.scene.unused import notice_idle
from animator.scene.upright import notice_upright
from animator.settings.base import declared
from animator.settings.scene import SIZE_STEP, Scene
from animator.types import Schedule

Values = Mapping[str, Curve | Schedule]

SMALL, LARGE = 0.55, 2.1
"""How many times the side that a network was trained on a picture's side may be without a notice."""

RESIZED = 1.6
"""How many times as many pixels make another guidance worth a notice."""

SAID = dict(declared(Scene))

PAINTING = ("diffusion", "guidance")
"""Sections that act on painted frames alone."""


def notice_scene(scene: Scene, values: Values, fit: Fit, own: Collection[str]) -> list[Problem]:
    """Return what is not wrong in a scene but may not be meant.

    Args:
        scene: the scene.
        values: its animated numbers by dotted name.
        fit: its tree.
        own: names of the files whose settings were written for this scene; what a file that it extends holds
            serves other scenes too, and may be idle in this one.
    """
    clock = Clock(scene.count, scene.fps, scene.bpm)
    of_settings = (*notice_idle(scene, values, fit), *notice_regions(scene, values, fit))
    idle = [one for one in of_settings if one.file in own]
    return [
        *notice_size(scene, fit),
        *notice_enlarged(scene, fit),
        *notice_trained(scene, fit),
        *notice_guidance(scene, fit),
        *notice_choice(scene, fit),
        *notice_seeds(scene, fit),
        *notice_init(scene, fit),
        *notice_eyes(scene, fit),
        *notice_hires(scene, fit),
        *notice_unpainted(scene, fit, clock),
        *notice_noise(scene, values, fit),
        *notice_upright(scene, values, fit),
        *notice_pins(scene, fit),
        *idle,
    ]


def notice_size(scene: Scene, fit: Fit) -> Iterator[Problem]:
    """Yield a size that was rounded down."""
    node = fit.nodes.get("size")
    if node is None or "size" in fit.faulty:
        return
    width, height = plain(node)
    if (width, height) != scene.size:
        kept = f"{scene.size[0]} x {scene.size[1]}, multiples of {SIZE_STEP}"
        yield node.place.problem("size", f"{width} x {height} is rounded down to {kept}")


def notice_trained(scene: Scene, fit: Fit) -> Iterator[Problem]:
    """Yield a size far from that of the pictures which the network was trained on."""
    trained = family_of(scene.diffusion.model).trained_side(scene)
    node = fit.nodes.get("size") or fit.nodes.get("diffusion.model")
    if trained is None or node is None or scene.models == "fake" or scene.mode == "video":
        return
    times = math.sqrt(scene.size[0] * scene.size[1]) / trained
    if SMALL <= times <= LARGE:
        return
    what = "washed out or without a subject" if times < 1 else "the subject several times over"
    message = (
        f"{scene.size[0]} x {scene.size[1]} is {times:.2g} times the {trained:.4g} pixels a side that "
        f"{scene.diffusion.model} was trained on: expect {what}"
    )
    if times > 1 and (instead := suggested_hires(scene, times, 1.0)):
        message += f"; {instead} paints it once, then larger"
    yield node.place.problem("size", message)


def notice_choice(scene: Scene, fit: Fit) -> Iterator[Problem]:
    """Yield a choice of the best that takes all."""
    node = fit.nodes.get("keep_best")
    if node is None or scene.mode != "still":
        return
    if (scene.keep_best or 0) >= scene.images:
        message = f"keeps all of them: there are {scene.images} images; paint more, or leave it out"
        yield node.place.problem("keep_best", message)


def notice_guidance(scene: Scene, fit: Fit) -> Iterator[Problem]:
    """Yield a strength of guidance that was set for a picture of very many more or fewer pixels.

    The guides of Disco Diffusion let `clip_guidance_scale` grow with the number of pixels.
    """
    name = "guidance.clip_guidance_scale"
    size, scale = fit.nodes.get("size"), fit.nodes.get(name)
    if size is None or size.below is None or scale is None or scale.place.file == size.place.file:
        return
    before = plain(size.below)
    if not (isinstance(before, list) and len(before) == 2 and all(isinstance(side, int) for side in before)):
        return
    times = scene.size[0] * scene.size[1] / max(1, before[0] * before[1])
    if (
        name in fit.faulty
        or 1 / RESIZED < times < RESIZED
        or not family_of(scene.diffusion.model).reads(SAID[name], scene)
    ):
        return
    message = (
        f"is from {scale.place.file} for {before[0]} x {before[1]}; guidance grows with the pixels: "
        f"times {times:.2g} pulls {scene.size[0]} x {scene.size[1]} as strongly"
    )
    yield size.place.problem(name, message)


def notice_seeds(scene: Scene, fit: Fit) -> Iterator[Problem]:
    """Yield seeds that no picture takes."""
    if isinstance(scene.seed, list) and len(scene.seed) > scene.images:
        more = len(scene.seed) - scene.images
        message = f"{len(scene.seed)} seeds for {scene.images} images; the last {more} are not used"
        yield fit.nodes["seed"].place.problem("seed", message)


def notice_init(scene: Scene, fit: Fit) -> Iterator[Problem]:
    """Yield clouds that are painted over whole, and a picture that is stretched."""
    diffusion = scene.diffusion
    node = fit.nodes.get("diffusion.perlin_init")
    if node is not None and diffusion.perlin_init != "none" and diffusion.keep() == 0:
        message = "nothing of it is left where no step is skipped; set diffusion.skip_steps: 10% or more"
        yield node.place.problem("diffusion.perlin_init", message)
    node = fit.nodes.get("diffusion.init_image")
    if node is None or scene.mode == "video" or diffusion.init_fit != "stretch" or not diffusion.init_image:
        return
    found = picture_size(diffusion.init_image)
    if found is None or abs(math.log(found[0] / found[1] * scene.size[1] / scene.size[0])) <= STRETCHED:
        return
    message = (
        f"is {found[0]} x {found[1]} and is stretched to {scene.size[0]} x {scene.size[1]}; "
        "diffusion.init_fit: cover cuts it, contain shows all of it"
    )
    if "diffusion.init_fit" not in fit.nodes:
        yield node.place.problem("diffusion.init_image", message)


def picture_size(path: str) -> tuple[int, int] | None:
    """Return width and height of a picture as it is shown, without decoding it; None if unknown."""
    from PIL import Image

    try:
        with warnings.catch_warnings(), Image.open(path) as picture:
            warnings.simplefilter("ignore")
            width, height = picture.size
            turned = picture.getexif().get(274, 1) in (5, 6, 7, 8)  # the tag Orientation
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError):
        return None
    return (height, width) if turned else (width, height)


def notice_eyes(scene: Scene, fit: Fit) -> Iterator[Problem]:
    """Yield two eyes in a film whose camera knows no depth."""
    node = fit.nodes.get("vr")
    if node is None or not scene.vr.enabled or scene.mode != "2d":
        return
    message = "the camera of mode 2d moves flat pictures: only the eyes see depth; mode 3d moves through it"
    yield node.key.problem("vr", message)


def notice_unpainted(scene: Scene, fit: Fit, clock: Clock) -> Iterator[Problem]:
    """Yield keys, prompts and seeds of a turbo film that no painted frame meets."""
    painted = np.flatnonzero(painted_frames(scene))
    if len(painted) == scene.count:
        return
    for name in fit.nodes:
        rules = fit.settings.get(name, {})
        animated = "animated" in rules or "animated_each" in fit.settings.get(name.rpartition(".")[0], {})
        if animated and name.partition(".")[0] in PAINTING and name not in fit.faulty:
            method = "step" if rules.get("animated", {}).get("switch") else scene.interpolation
            keys = _keys(plain(fit.nodes[name]), clock, method)
            yield from _unmet(name, fit.nodes[name], keys, painted)
    for name in ("prompts", "image_prompts"):
        node = fit.nodes.get(name)
        if node is not None and isinstance(node.value, dict) and not scene.prompt_blend:
            yield from _unshown(name, node, clock, painted)
    if isinstance(scene.seed, dict) and "seed" in fit.nodes:
        yield from _unshown("seed", fit.nodes["seed"], clock, painted)


def _keys(value: Any, clock: Clock, method: str) -> list[tuple[Key, bool]]:
    """Return the keys of a value in their order, each with whether it holds until the next one."""
    if isinstance(value, str) and is_schedule(value):
        return []
    if isinstance(value, bool | int | float):
        return []
    own, keys = parse_keys(value, clock) if isinstance(value, str) else keys_of_mapping(value, clock)
    ordered = sorted(keys, key=lambda key: key.frame)
    return [
        (key, (key.method or own or method) == "step" or not isinstance(key.value, float)) for key in ordered
    ]


def _unmet(name: str, node: Node, keys: list[tuple[Key, bool]], painted: np.ndarray) -> Iterator[Problem]:
    """Yield the first key that shapes the value of no painted frame."""
    for at, (key, _) in enumerate(keys):
        before, held = keys[at - 1] if at else (None, False)
        # A key shapes the ramp that leads to it, and all until the next key.
        begin = 0 if before is None else key.frame if held else before.frame + 1
        end = keys[at + 1][0].frame if at + 1 < len(keys) else math.inf
        if key.frame <= painted[-1] and not np.any((painted >= begin) & (painted < end)):
            yield node.place.problem(name, _missed(f"the key at frame {key.frame}", key.frame, painted))
            return


def _unshown(name: str, node: Node, clock: Clock, painted: np.ndarray) -> Iterator[Problem]:
    """Yield every part of a mapping from positions that is over before a frame is painted."""
    starts = {position: clock.key(position) for position in node.value}
    ordered = sorted(starts, key=lambda position: starts[position])
    ends = [*(starts[position] for position in ordered[1:]), math.inf]
    for position, end in zip(ordered, ends[: len(ordered)], strict=True):
        start = starts[position]
        if start <= clock.max_f and not np.any((painted >= start) & (painted < end)):
            message = _missed(f"what begins at frame {start}", start, painted)
            yield node.value[position].key.problem(name, message)


def _missed(what: str, frame: int, painted: np.ndarray) -> str:
    earlier, later = painted[painted < frame], painted[painted >= frame]
    around = [str(int(one)) for one in (*earlier[-1:], *later[:1])]
    return f"{what} is never seen: turbo paints frame {' and then '.join(around)}; move it to one of them"
