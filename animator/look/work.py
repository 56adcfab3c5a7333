"""How much there is to do for a scene: frames, steps, and passes through each network."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np
import torch

from animator.diffusion.tiles import tiles_of
from animator.engines.registry import family_of
from animator.film.pins import Pin, calmer, pin_at
from animator.look.afterwards import afterwards
from animator.scene.choosing import chooses, judged_at, survivors
from animator.scene.larger import tile_side
from animator.scene.looped import loop_span
from animator.scene.painted import painted_frames
from animator.scene.pins import pinned_in
from animator.scene.reading import LoadedScene
from animator.settings.scene import Scene


@dataclass(frozen=True)
class Work:
    """What a scene takes.

    Attributes:
        frames: frames or pictures in all.
        steps: of every frame the steps of its diffusion, 0 where it is only moved; int64 of shape (frames,).
        cuts: of every frame the pictures that all perceptors together look at, as often as they do.
        depths: estimates of depth.
        moves: pictures that are moved by the camera.
        larger: pictures that are painted a second time, larger.
        larger_steps: the steps of each of those.
    """

    frames: int
    steps: np.ndarray
    cuts: np.ndarray
    depths: int
    moves: int
    larger: int = 0
    larger_steps: int = 0

    @property
    def diffused(self) -> int:
        """Frames that are diffused."""
        return int((self.steps > 0).sum())


def work_of(loaded: LoadedScene) -> Work:
    """Return what a scene takes, by the very rules that the engine and the drivers follow."""
    scene, diffusion = loaded.scene, loaded.scene.diffusion
    counted = family_of(diffusion.model).work(scene, loaded.timeline)
    cost = cache(counted.cost)
    begun = diffusion.init_image is not None or diffusion.perlin_init != "none"
    each_anew = scene.mode == "still" or diffusion.init_frames == "all"
    pins = _pins(scene)
    diffused = painted_frames(scene)
    if scene.mode != "still":
        diffused[[pin.frame for pin in pins if pin.strength == 1]] = False  # these are shown as they are
    alike: dict[tuple[float, ...], int] = {}
    steps, cuts = np.zeros(scene.count, np.int64), np.zeros(scene.count, np.int64)
    table = loaded.timeline.table
    skips, settings = table["coherence.frames_skip_steps"].to_numpy(), table[list(counted.names)].to_numpy()
    for frame in np.flatnonzero(diffused).tolist():
        grows = scene.mode == "video" or (frame > 0 and not each_anew)
        keep = calmer(pins, frame, float(skips[frame])) if grows else diffusion.keep()
        first_alike = alike.setdefault(tuple(settings[frame].tolist()), frame)
        over = grows or begun or pin_at(pins, frame) is not None
        steps[frame], cuts[frame] = cost(keep, over, first_alike)
    if chooses(scene):
        # Which go on is not known yet; how many do is.
        begin, moments = diffusion.keep(), judged_at(scene)
        went = [scene.count, *survivors(scene.count, scene.keep_best or scene.count, len(moments))]
        for at, more, fewer in zip(moments, went, went[1:], strict=False):
            part = max(0.0, at - begin) / max(1 - begin, 1e-9)
            for work in (steps, cuts):
                work[fewer:more] = np.maximum(1, np.round(work[fewer:more] * part))
    moved = scene.mode in ("2d", "3d") and not each_anew
    turbo = scene.turbo.steps > 1
    # In turbo two pictures are moved as soon as there are two.
    moves = (scene.count - 1) * (2 if turbo else 1) if moved else 0
    larger, larger_steps = 0, 0
    if scene.large_size is not None and diffusion.stop_at is None:
        larger = min(scene.keep_best or scene.count, scene.count) if scene.mode == "still" else scene.count
        larger_steps, _ = cost(scene.hires.keep(diffusion.steps), True, 0)
    depths = _depths(loaded, moved)
    return Work(scene.count, steps, cuts, depths, moves, larger, larger_steps)


def larger_text(scene: Scene, work: Work) -> str:
    """Return how often, at what size, in how many steps and tiles pictures are painted a second time."""
    assert scene.large_size is not None
    width, height = scene.large_size
    side = tile_side(scene)
    tiles = f", in {len(tiles_of(height, width, side))} tiles of {side}" if side else ""
    return f"{work.larger}, at {width} x {height}, {work.larger_steps} steps each{tiles}"


def _pins(scene: Scene) -> list[Pin]:
    """Return the pinned pictures of a scene, unread."""
    unread = torch.empty(0)
    return [Pin(one.frame, unread, one.file, one.strength, one.before, one.after) for one in pinned_in(scene)]


def _depths(loaded: LoadedScene, moved: bool) -> int:
    """Return how often depth is estimated.

    Once for a painted picture that is moved or seen by two eyes, and once for each pinned one that a film in
    3D comes to; where a loop closes it comes to none.
    """
    scene, painted = loaded.scene, painted_frames(loaded.scene)
    closes = scene.count - loop_span(scene)
    pinned = [one for one in pinned_in(scene) if one.frame - one.before < closes]
    moved_back = len(pinned) if scene.mode == "3d" else 0
    if scene.vr.enabled:
        return int(painted.sum()) + moved_back
    if scene.mode != "3d" or not moved:
        return moved_back
    return int(painted[:-1].sum()) + moved_back  # the last frame's depth is of no use to anybody


def work_text(loaded: LoadedScene) -> str:
    """Return the table of what will run."""
    work = work_of(loaded)
    scene = loaded.scene
    steps = work.steps[work.steps > 0]
    span = ""
    if len(steps):
        low, high = int(steps.min()), int(steps.max())
        span = f"{low}" if low == high else f"{low} to {high}, {steps.mean():.1f} on average"
    networks = scene.models == "real"
    rows = [
        ("pictures" if scene.mode == "still" else "frames", f"{work.frames}"),
        ("diffused", f"{work.diffused}" + ("" if work.diffused < work.frames else " (every one)")),
        ("steps of each", span or "0"),
        *family_of(scene.diffusion.model)
        .work(scene, loaded.timeline)
        .rows(int(work.steps.sum()), int(work.cuts.sum())),
    ]
    if work.depths:
        rows.append(("depth estimates", f"{work.depths}"))
    if work.moves:
        rows.append(("moves of a picture", f"{work.moves}"))
    if work.larger and scene.large_size is not None:
        rows.append(("painted again, larger", larger_text(scene, work)))
    rows += afterwards(scene)
    wide = max(len(name) for name, _ in rows)
    head = "what will run" if networks else "what will run (models: fake, so no network takes part)"
    return "\n".join([head, *(f"  {name:<{wide}}  {value}" for name, value in rows)])
