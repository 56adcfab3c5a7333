"""The pictures that a film passes through: read, placed and checked."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from animator.errors import ExpressionError, Problem, UsageError
from animator.keyframes import Clock
from animator.scene.fit import Fit
from animator.scene.nodes import Node, dotted
from animator.settings.base import STILL
from animator.settings.pins import END, START, PinnedPicture
from animator.settings.prompts import Position
from animator.settings.scene import Scene
from animator.system.picture_files import picture_file_fault
from animator.video.source_pictures import pictures_of

NAME = "pictures"

SECONDS = 2.0
"""How long a film comes to a picture and leaves it where the scene does not say."""


@dataclass(frozen=True)
class Pinned:
    """One picture that a film passes through.

    Attributes:
        frame: at which.
        file: its path or address.
        strength: how much of it the frame shows, 0 to 1.
        before: over how many frames the film comes to it.
        after: over how many it leaves it.
    """

    frame: int
    file: str
    strength: float
    before: int
    after: int


def pinned_in(scene: Scene) -> tuple[Pinned, ...]:
    """Return the pictures that a film passes through, or that stills begin with, by rising frame.

    Raises:
        ExpressionError: a position or a length is none.
        UsageError: a folder has no pictures.
    """
    clock = Clock(scene.count, scene.fps, scene.bpm)
    written = _by_frame(scene, clock)
    frames = sorted(written)
    found = []
    for place, frame in enumerate(frames):
        one = written[frame]
        own = None if one.over is None else max(0, round(clock.frame(one.over)))
        usual = round(SECONDS * scene.fps) if own is None else own
        gaps = _gaps(frames, place, scene.count)
        # The way out leaves the rest of the way to what comes next.
        after = gaps[1] if own is not None else gaps[1] // 2
        found.append(Pinned(frame, one.file, one.strength, min(usual, gaps[0]), min(usual, after)))
    return tuple(found)


def _gaps(frames: Sequence[int], place: int, count: int) -> tuple[int, int]:
    """Return how many frames lie before a picture, after the one before it, and after it, before the next."""
    frame = frames[place]
    before = frame - frames[place - 1] - 1 if place else frame
    after = frames[place + 1] - frame - 1 if place + 1 < len(frames) else count - 1 - frame
    return before, after


def _by_frame(scene: Scene, clock: Clock) -> dict[int, PinnedPicture]:
    if isinstance(scene.pictures, str):
        files = [str(path) for path in pictures_of(Path(scene.pictures))]
        last = scene.count - 1
        if scene.mode == STILL:
            return {place: PinnedPicture(file=path) for place, path in enumerate(files[: scene.count])}
        steps = max(len(files) - 1, 1)
        return {round(place * last / steps): PinnedPicture(file=path) for place, path in enumerate(files)}
    found: dict[int, PinnedPicture] = {}
    for position, one in scene.pictures.items():
        picture = PinnedPicture(file=one) if isinstance(one, str) else one
        frame = frame_of(position, clock)
        if frame in found:
            raise ExpressionError(f"there are two pictures at frame {frame}; leave one of them out")
        found[frame] = picture
    first = found[min(found)].file if found else ""
    again = {"file": first}
    return {frame: one.model_copy(update=again) if one.file == START else one for frame, one in found.items()}


def frame_of(position: Position, clock: Clock) -> int:
    """Return the frame of a position; raises ExpressionError where it is none."""
    if isinstance(position, str) and position.strip() == END:
        return clock.frames - 1
    return clock.key(position)


def pin_faults(scene: Scene, fit: Fit) -> Iterator[tuple[Node, str, str]]:
    """Yield the faults of pictures: the node at fault, its dotted name and a message."""
    if NAME in fit.faulty or NAME not in fit.nodes:
        return
    node = fit.nodes[NAME]
    if isinstance(scene.pictures, str):
        yield from ((node, NAME, message) for message in _folder_fault(scene.pictures) if message)
        return
    clock = Clock(scene.count, scene.fps, scene.bpm)
    before = len(fit.problems)
    for key, one in scene.pictures.items():
        child, name = _child(node, key), dotted(NAME, key)
        path = one if isinstance(one, str) else one.file
        message = "" if path == START else picture_file_fault(path)
        try:
            frame = frame_of(key, clock)
            if frame >= scene.count:
                message = message or f"is at frame {frame}, after the last, {scene.count - 1}"
        except ExpressionError as error:
            message = message or error.message
        if message:
            yield child, name, message
    if len(fit.problems) > before:
        return
    try:
        first = pinned_in(scene)[:1]
        if first and first[0].file == START:
            yield node, NAME, f"the first is '{START}', which is the first again; name a file there"
    except (ExpressionError, UsageError) as error:
        yield node, NAME, error.message if isinstance(error, ExpressionError) else str(error)


def _child(node: Node, key: Position) -> Node:
    members: Mapping[str, Node] = node.value
    return next((child for name, child in members.items() if str(name) == str(key)), node)


def _folder_fault(path: str) -> Iterator[str]:
    if not os.path.isdir(path):
        yield f"expected a folder of pictures or a mapping from positions; no such folder: {path}"
        return
    try:
        pictures_of(Path(path))
    except UsageError as error:
        yield str(error)


def notice_pins(scene: Scene, fit: Fit) -> Iterator[Problem]:
    """Yield what has no effect beside pictures that a film passes through."""
    if NAME in fit.faulty or NAME not in fit.nodes or not scene.pictures:
        return
    if isinstance(scene.pictures, str) and (found := len(pictures_of(Path(scene.pictures)))) > scene.count:
        message = f"has {found} pictures for {scene.count} frames, so that some are left out"
        yield fit.nodes[NAME].place.problem(NAME, message)
    if scene.mode != STILL and scene.diffusion.init_frames == "all":
        yield fit.nodes[NAME].key.problem(NAME, "has no effect between the pictures with init_frames: all")
    if scene.mode == STILL and scene.diffusion.keep() == 0:
        message = "stand for no step: say how many they stand for, such as diffusion.skip_steps: 50%"
        yield fit.nodes[NAME].key.problem(NAME, message)
