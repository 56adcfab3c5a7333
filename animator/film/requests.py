"""What is asked of an engine for a frame: the settings of its row, its seed, its init and its noise."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from animator.film.inits import first_picture
from animator.film.pins import calmer, drawn_to, pin_at
from animator.film.regions import Masks, init_noise, keep_map, named_by
from animator.system import rng
from animator.types import GrainNoise, Request, Schedule

if TYPE_CHECKING:
    from animator.film.shot import Shot
    from animator.keyframes.timeline import Row
    from animator.types import DepthMap, Frame, Mask
    from animator.warp.grains import Grains


NOWHERE: Masks = {}
"""The masks of a frame without regions."""


def first_request(
    row: Row, shot: Shot, frame: int, grains: Grains | None = None, masks: Masks = NOWHERE
) -> Request:
    """Ask for a picture that has no frame before it: from noise, or from the shot's init.

    Args:
        row: its settings.
        shot: what does not change.
        frame: decides its randomness with its seed: its number in a film, 0 for stills, which differ by seed.
        grains: of its noise, or None where that follows from its seed and ``frame``.
        masks: of its regions.
    """
    seed = seed_of(shot, row.frame)
    width, height = shot.canvas
    settings = replace(shot.init, noise=init_noise(shot, row, masks)) if masks else shot.init
    if (pin := pin_at(shot.pins, row.frame)) is not None:
        settings = replace(settings, picture=pin.picture)
    init = first_picture(settings, width, height, seed, frame)
    return Request(
        frame=frame,
        seed=seed,
        width=width,
        height=height,
        prompts=row.prompts,
        init=init,
        keep=shot.keep,
        keep_map=None if init is None else keep_map(shot, row, masks, shot.keep),
        regions=named_by(row.prompts, shot, row, masks),
        init_scale=row.schedule("diffusion.init_scale") if init is not None else 0.0,
        values=engine_values(row, shot),
        written=row.written,
        noise=None if grains is None else GrainNoise(grains.identities, grains.places),
    )


def next_request(
    row: Row,
    shot: Shot,
    held: Frame,
    uncovered: Mask | None = None,
    depth: DepthMap | None = None,
    noise: GrainNoise | None = None,
    masks: Masks = NOWHERE,
) -> Request:
    """Ask for the frame that grows out of the one before it; with a fixed seed all have the same noise.

    Args:
        row: its settings.
        shot: what does not change.
        held: the frame before it, moved and with its colours held.
        uncovered: where that shows what the frame before did not hold, or None.
        depth: its depth, or None.
        noise: what it is noised with, or None where that follows from its seed and number.
        masks: of its regions.
    """
    width, height = shot.canvas
    keep = calmer(shot.pins, row.frame, row["coherence.frames_skip_steps"])
    return Request(
        frame=noise_of(shot, row.frame),
        seed=seed_of(shot, row.frame),
        width=width,
        height=height,
        prompts=drawn_to(shot.pins, row.frame, row.prompts),
        init=held,
        keep=keep,
        keep_map=keep_map(shot, row, masks, keep),
        regions=named_by(row.prompts, shot, row, masks),
        uncovered=uncovered,
        uncovered_keep=row["coherence.uncovered_skip_steps"],
        init_scale=row.schedule("coherence.frames_scale"),
        depth=depth,
        values=engine_values(row, shot),
        written=row.written,
        noise=noise,
    )


def engine_values(row: Row, shot: Shot) -> dict[str, Schedule]:
    """Return every value of a row that the engine reads, as schedules over the diffusion."""
    return {name: row.schedule(name) for name in row.names if name.partition(".")[0] in shot.sections}


def noise_of(shot: Shot, frame: int) -> int:
    """Return what decides a frame's noise beside its seed: its number; with a fixed seed all are alike."""
    return 0 if shot.seed_mode == "fixed" else frame


def seed_of(shot: Shot, frame: int) -> int:
    """Return the seed of a frame or still."""
    return rng.picture_seed(shot.seed, shot.seed_mode, frame)
