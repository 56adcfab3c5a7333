"""What a walk becomes: its steps for who watches, in the end frames, and how far out of range they were."""

from __future__ import annotations

from torch import Tensor

from animator.diffusion.guidance import Notes
from animator.diffusion.samplers import Step
from animator.diffusion.step_range import Course
from animator.system.convert import signed_to_frames, signed_to_unit
from animator.types import Painted, PaintStep


def painted_of(signed: Tensor) -> list[Painted]:
    """Turn a batch in [-1, 1], with what lies outside, into pictures; see `Painted.beyond`."""
    unit = signed_to_unit(signed.float())
    beyond = (unit - unit.clamp(0, 1)).abs().mean(dim=(1, 2, 3)).tolist()
    pictures = signed_to_frames(signed)
    return [Painted(picture, beyond=far) for picture, far in zip(pictures, beyond, strict=True)]


def paint_step_of(step: Step, course: Course, notes: Notes) -> PaintStep:
    """Return what a watcher sees of a step."""
    return PaintStep(
        done=course.first - step.index + 1,
        total=course.total,
        pictures=lambda: signed_to_frames(step.denoised),
        losses=dict(notes.losses),
        cuts=dict(notes.cuts),
    )
