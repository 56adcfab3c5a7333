"""The pictures that a film passes through, as the frame loop takes them, and what of them decides a frame."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator

from animator.film.pins import Pin
from animator.keyframes.timeline import Timeline
from animator.run.sources import Sources
from animator.scene.pins import pinned_in
from animator.settings.scene import Scene
from animator.system.images import read_picture


def pins_of(scene: Scene, sources: Sources) -> tuple[Pin, ...]:
    """Return the pictures of a scene, read.

    Raises:
        UsageError: one of them cannot be read.
    """
    width, height = scene.size
    fit = scene.diffusion.init_fit
    return tuple(
        Pin(
            frame=one.frame,
            picture=read_picture(sources.files[one.file], width, height, fit, scene.ground),
            name=one.file,
            strength=one.strength,
            before=one.before,
            after=one.after,
        )
        for one in pinned_in(scene)
    )


def pin_digests(scene: Scene, timeline: Timeline, sources: Sources) -> dict[int, str]:
    """Return by frame what of the pictures of a scene decides it, for the frames near one.

    Args:
        scene: the scene.
        timeline: every setting at every frame.
        sources: its pictures.
    """
    found: dict[int, str] = {}
    moves = timeline.table.filter(like="camera.").to_numpy()
    for one in pinned_in(scene):
        said = (
            f"{sources.hashes[one.file]} {one.strength} {one.before} {one.after} {scene.diffusion.init_fit}"
        )
        for frame in _near(one.frame, one.before, one.after, scene):
            digest = hashlib.sha256(f"{found.get(frame, '')} {said} {one.frame - frame}".encode())
            if frame < one.frame:
                # The picture is moved back over all moves that are left.
                digest.update(moves[frame : one.frame + 1].tobytes())
            found[frame] = digest.hexdigest()
    return found


def _near(frame: int, before: int, after: int, scene: Scene) -> Iterator[int]:
    if scene.mode == "still":
        return iter((frame,))
    return iter(range(max(0, frame - before), min(scene.count, frame + after + 1)))
