"""Step 7 of a frame's way: a finished frame is saved in its run; and what a run saves of itself."""

from __future__ import annotations

import io
import platform
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import torch

from animator import __version__
from animator.film.loop import Finished
from animator.keyframes.courses import weight_text
from animator.keyframes.timeline import Row
from animator.run.film_files import EYES
from animator.run.job import Job
from animator.run.loop_state import saved_state
from animator.run.mattes import saved_matte
from animator.run.sources import FETCHED
from animator.runs import Entry
from animator.system import convert
from animator.types import DepthMap, Frame
from animator.warp.stereo import stereo_eyes


@dataclass(frozen=True)
class Lap:
    """How long a frame took.

    Attributes:
        seconds: in all.
        stages: of its steps, by name; without the one in which it is saved, which is not over yet.
    """

    seconds: float
    stages: Mapping[str, float] = field(default_factory=dict)


def save_frame(job: Job, finished: Finished, lap: Lap) -> np.ndarray:
    """Write a frame, what two eyes see of it, the state from which the next is made, and its journal entry.

    Returns:
        The frame as it was written, H x W x 3.
    """
    run, state = job.run, finished.state
    if state is not None:
        tensors, meta = saved_state(state)
        run.save_state(finished.frame, tensors, meta | {"inputs": job.inputs[finished.frame]})
    stopped = 1.0
    if finished.unfinished is not None:
        run.save_draft(finished.frame, finished.unfinished)
        stopped = job.stop_at
    pixels, text = to_pixels(job, finished.picture), picture_text(job, finished)
    inputs = job.inputs[finished.frame]
    entry = Entry(
        finished.frame,
        inputs,
        finished.seed,
        round(lap.seconds, 3),
        stopped=stopped,
        stages={name: round(part, 4) for name, part in lap.stages.items()},
        notes=finished.notes,
        program=__version__,
    )
    more = eyes_of(job, finished) | saved_matte(job, finished)
    run.save_frame(finished.frame, pixels, text, entry, more, states=job.states)
    return pixels


def to_pixels(job: Job, picture: Frame) -> np.ndarray:
    """Return a picture as a run keeps it: H x W x 3 uint8, or uint16 for a film of 10 bits."""
    deep = job.loaded.scene.output.ten_bits
    return convert.frame_to_uint16(picture) if deep else convert.frame_to_uint8(picture)


def picture_text(job: Job, finished: Finished) -> dict[str, str]:
    """Return what the PNG of a picture carries, by keyword."""
    prompt = " | ".join(f"{one.text}:{weight_text(one)}" for one in finished.row.prompts)
    text = {"scene": job.loaded.name, "frame": str(finished.frame), "seed": str(finished.seed)}
    return text | {"prompt": prompt, "animator.scene": job.carried}


def eyes_of(job: Job, finished: Finished) -> dict[str, np.ndarray]:
    """Return what the two eyes see of a frame, by folder; nothing where the scene has no eyes."""
    if not job.loaded.scene.vr.enabled:
        return {}
    distance = finished.depth
    if distance is None:
        assert job.tools.depth is not None
        distance = job.tools.depth(finished.picture)
    seen = two_eyes(job, finished.picture, distance, finished.row)
    return dict(zip(EYES, seen, strict=True))


def two_eyes(job: Job, picture: Frame, distance: DepthMap, row: Row) -> tuple[np.ndarray, np.ndarray]:
    """Return what the left and the right eye see of a picture, in 8 bits.

    Args:
        job: the scene, which says how the eyes are.
        picture: the picture between them.
        distance: its depth, of the same size.
        row: its settings.
    """
    vr, shot = job.loaded.scene.vr, job.shot
    left, right = stereo_eyes(
        picture,
        distance,
        eye_angle=vr.eye_angle,
        ipd=row["vr.ipd"],
        fov=row["camera.fov"],
        bulge=vr.bulge,
        sampling=shot.sampling,
        padding=shot.padding,
    )
    return convert.frame_to_uint8(left), convert.frame_to_uint8(right)


def write_head(job: Job) -> None:
    """Write what a run leaves besides its frames: the scene in full, the timeline, and what made it."""
    run, loaded, device = job.run, job.loaded, job.tools.device
    run.write("scene.yaml", job.text)
    for name, data in job.sources.fetched().items():
        run.write(f"{FETCHED}/{name}", data)
    timeline = io.StringIO()
    loaded.timeline.to_csv(timeline)
    run.write("timeline.csv", timeline.getvalue())
    name = torch.cuda.get_device_name(device) if device.type == "cuda" else platform.processor() or "cpu"
    info: dict[str, object] = {
        "scene": loaded.name,
        "notices": [": ".join(part for part in (one.key, one.message) if part) for one in loaded.notices],
        "animator": __version__,
        "torch": torch.__version__,
        "python": platform.python_version(),
        "system": platform.platform(),
        "device": name,
        "threads": torch.get_num_threads(),
        "deterministic": device.type == "cpu" or torch.are_deterministic_algorithms_enabled(),
        "seed": loaded.scene.seed,
        "weights": dict(job.weights),
    }
    run.write_info(info | ({"only": list(loaded.only)} if loaded.only else {}))
