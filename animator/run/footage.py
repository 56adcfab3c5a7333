"""The footage of a job of mode video: its frames, the flow between them and where its scenes begin."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from animator.film.stylise import Flows, Footage, Trust
from animator.flow.cache import FlowCache
from animator.run.job import Job
from animator.run.networks import flow_of
from animator.runs.png import encode_png
from animator.scene.footage_reading import open_footage_of
from animator.system.convert import frame_to_uint8
from animator.types import Frame
from animator.video.footage import FootageReader
from animator.video.scene_cuts import cuts_of

log = logging.getLogger(__name__)

FLOW, EXTRACTED = "flow", "footage"
"""Folders of a run: the flow of its footage, and the footage's frames where they are asked for."""


@dataclass(frozen=True)
class OpenFootage:
    """Footage as the driver of stylised films takes it, see `animator.film.stylise.stylise`.

    Attributes:
        frame: returns the footage at a frame of the film.
        flows: how it moves from the frame before, or None where the scene does not follow it.
        cuts: numbers of the frames with which a new scene begins.
        trust: where the flow is followed.
    """

    frame: Footage
    flows: Flows | None
    cuts: frozenset[int]
    trust: Trust


@contextmanager
def open_footage(job: Job) -> Iterator[OpenFootage]:
    """Open the footage of a job; inside the block its frames can be had.

    Raises:
        UsageError: it is gone, or no longer what it was.
    """
    scene, run = job.loaded.scene, job.run
    video, (width, height) = scene.video, scene.size
    footage = open_footage_of(scene)
    cuts = cuts_of(footage, video.cut_threshold) if video.cuts else frozenset()
    trust = Trust(video.check_consistency, video.consistency_dilation, video.consistency_blur)
    shown = f"{video.fit} {scene.background} {footage.start} {footage.fps}"
    key = f"{job.sources.footage} {flow_of(scene)} {width}x{height} {shown}"
    flows = FlowCache(run.path / FLOW, job.tools.flow, key).both_ways if job.tools.flow else None
    with FootageReader(footage, width, height, video.fit, ground=scene.ground) as reader:

        def extracted(number: int) -> Frame:
            frame = reader.frame(number)
            path = run.frame_file(number, EXTRACTED)
            if not path.exists():
                run.write(f"{EXTRACTED}/{path.name}", encode_png(frame_to_uint8(frame), {}))
            return frame

        yield OpenFootage(extracted if video.extract else reader.frame, flows, cuts, trust)
        if reader.decodable < footage.frames:
            missing = footage.frames - reader.decodable
            log.warning(
                "%s ends early: its last %d frames repeat the last complete one", footage.path, missing
            )
