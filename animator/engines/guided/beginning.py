"""What a guided diffusion begins with, for those who look at a frame's way."""

from __future__ import annotations

import torch

from animator.diffusion.beginning import beginning_of
from animator.diffusion.engine import schedule_for
from animator.settings.scene import Scene
from animator.system.convert import signed_to_frames
from animator.types import Frame, Request


def beginning(scene: Scene, request: Request) -> Frame | None:
    """Return the noise of a request, over its init where it has one; None where no step is left.

    Args:
        scene: the scene.
        request: what is painted.
    """
    schedule, disco = schedule_for(scene.diffusion, scene.guidance), scene.guidance.compat == "disco-5"
    begin = beginning_of([request], schedule, scene.diffusion, torch.device("cpu"), disco=disco)
    return None if begin is None else signed_to_frames(begin.noised(schedule, disco=disco))[0]
