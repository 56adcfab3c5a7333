"""What a guided diffusion begins with, for those who look at a frame's way."""

from __future__ import annotations

from animator.diffusion.engine import schedule_for
from animator.diffusion.grain_noise import white_noise
from animator.diffusion.samplers import begun
from animator.diffusion.step_range import course_of
from animator.settings.base import share
from animator.settings.scene import Scene
from animator.system import rng
from animator.system.convert import frame_to_signed, signed_to_frames
from animator.types import Frame


def beginning(scene: Scene, seed: int, frame: int, keep: float, init: Frame | None) -> Frame | None:
    """Return the noise of a frame, over its init where it has one; None where no step is left.

    Args:
        scene: the scene.
        seed: the frame's.
        frame: its number.
        keep: share of the diffusion that ``init`` stands for.
        init: the picture below the noise, or None.
    """
    schedule = schedule_for(scene.diffusion, scene.guidance)
    skip_end = share(scene.diffusion.skip_end_steps, scene.diffusion.steps)
    disco = scene.guidance.compat == "disco-5"
    course = course_of(schedule, keep, init is not None, skip_end, disco=disco)
    if course.first < 0:
        return None
    width, height = scene.size
    generator = rng.generator(seed, frame, "noise")
    noise = white_noise(height, width, generator, scene.diffusion.noise_size)
    signed = None if init is None else frame_to_signed(init.cpu())
    x = begun(signed, noise, schedule, course.first, disco=disco)
    return signed_to_frames(x)[0]
