"""What a walk becomes: its steps for who watches, in the end frames, and how far out of range they were."""

from __future__ import annotations

import logging
from collections.abc import Sequence

import torch
from torch import Tensor

from animator.diffusion.notes import Notes
from animator.diffusion.samplers import Step
from animator.diffusion.step_range import Course, Unfinished
from animator.errors import PaintError
from animator.system.convert import signed_to_frames, signed_to_unit
from animator.types import Painted, PaintStep

log = logging.getLogger(__name__)


def painted_of(signed: Tensor, unfinished: Sequence[Unfinished] = ()) -> list[Painted]:
    """Turn a batch in [-1, 1], with what lies outside, into pictures; see `Painted.beyond`.

    Args:
        signed: N x 3 x H x W.
        unfinished: of drafts, what each can be finished from.
    """
    unit = signed_to_unit(signed.float())
    beyond = (unit - unit.clamp(0, 1)).abs().mean(dim=(1, 2, 3)).tolist()
    pictures = signed_to_frames(signed)
    left: Sequence[Unfinished | None] = unfinished or [None] * len(pictures)
    every = zip(pictures, left, beyond, strict=True)
    return [Painted(picture, rest, beyond=far) for picture, rest, far in every]


def paint_step_of(step: Step, course: Course, notes: Notes) -> PaintStep:
    """Return what a watcher sees of a step."""
    return PaintStep(
        done=course.first - step.index + 1,
        total=course.total,
        pictures=lambda: signed_to_frames(step.denoised),
        losses=dict(notes.losses),
        cuts=dict(notes.cuts),
        pulls=dict(notes.pulls),
        looked=dict(notes.looked),
    )


def check_numbers(frame: int, finite: Sequence[Tensor], denoised: Tensor) -> None:
    """Report values that are no numbers; the only time in a frame that the device is waited for.

    Args:
        frame: number of the frame.
        finite: of each gradient whether it was finite, see `Notes`.
        denoised: the pictures, N x 3 x H x W.

    Raises:
        PaintError: there are such values in a picture.
    """
    lost = len(finite) - int(torch.stack(list(finite)).all(dim=1).sum()) if finite else 0
    if lost:
        log.warning(
            "frame %d: guidance gave no finite gradient at %d of %d steps, which went unguided",
            frame, lost, len(finite),
        )  # fmt: skip
    if not bool(denoised.isfinite().all()):
        raise PaintError(
            f"frame {frame}: the diffusion gave values that are no numbers; "
            "try diffusion.precision: float32 or a smaller guidance.clamp_max"
        )
