"""What two eyes see of frames that were painted again, larger.

Both views are made of the larger frame, by the depth of the first one, so that the parallax stays as it was:
so many times as many pixels as the frame is larger.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from functools import partial

import numpy as np
import torch.nn.functional as F

from animator.film.layers import with_layers
from animator.run.film_files import EYES
from animator.run.frame_source import FrameSource
from animator.run.larger import large_digest
from animator.run.larger_views import Pair, Views, films_of_both, films_of_views
from animator.run.save import two_eyes
from animator.run.sound import Sound
from animator.run.stages import Stage
from animator.runs.hires import HIRES
from animator.system.convert import pixels_to_frame
from animator.types import DepthMap


def hires_eyes(source: FrameSource, sound: Sound | None) -> tuple[list[Stage], list[Stage]]:
    """Return the film of each eye, yet without sound, and the films of both; none where none is asked."""
    views = _views(source)
    return ([], []) if views is None else (films_of_views(source, views), films_of_both(source, sound, views))


def _views(source: FrameSource) -> Views | None:
    """Return what two eyes see, larger; None where there are no eyes, or nothing was painted again."""
    job = source.job
    scene = job.loaded.scene
    if scene.large_size is None or not scene.vr.enabled:
        return None
    inputs = hashlib.sha256("".join(job.inputs).encode()).hexdigest()
    settings = {"hires": large_digest(job), "inputs": inputs}
    word = "x".join(map(str, scene.large_size))
    return Views(word, settings, partial(_eye, source), partial(_pairs, source))


def _eye(source: FrameSource, name: str) -> Iterator[np.ndarray]:
    for pair in _pairs(source):
        yield pair[EYES.index(name)]


def _pairs(source: FrameSource) -> Iterator[Pair]:
    """Yield what both eyes see of every frame that is shown, with its look."""
    job, shown = source.job, source.job.shown
    for number, (depth, pixels) in enumerate(zip(_depths(source), source.saved(HIRES), strict=True)):
        if number not in shown:
            continue
        large = pixels_to_frame(pixels).to(depth.device)
        depth = F.interpolate(depth[None, None], large.shape[1:], mode="bilinear", align_corners=False)[0, 0]
        seen = two_eyes(job, large, depth, job.loaded.timeline.row(number))
        left, right = (job.grade.one(one, number - shown.start, float(number)) for one in seen)
        yield left, right


def _depths(source: FrameSource) -> Iterator[DepthMap]:
    """Yield the depth of every frame of the first painting."""
    job = source.job
    depth = job.tools.depth
    assert depth is not None
    frames = (pixels_to_frame(pixels).to(job.tools.device) for pixels in source.saved())
    if job.shot.mode != "3d":
        yield from map(depth, frames)
        return
    for layers in with_layers(frames, job.loaded.timeline, job.shot, depth):
        assert layers.depth is not None
        yield layers.depth
