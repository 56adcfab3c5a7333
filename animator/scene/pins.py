"""The pictures that a film passes through: read, placed and checked."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from animator.errors import ExpressionError, Problem, UsageError
from animator.keyframes import Clock
from animator.scene.fit import Fit
from animator.scene.looped import loop_span
from animator.scene.nodes import Node, dotted
from animator.scene.regions import PICTURES
from animator.settings.base import STILL, VIDEO
from animator.settings.pins import END, START, PinnedPicture
from animator.settings.prompts import Position
from animator.settings.scene import Scene
from animator.system.fetch import is_url
from animator.system.picture_files import picture_file_fault
from animator.system.plural import counted
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
    found: dict[int, PinnedPicture] = {}
    if isinstance(scene.pictures, dict):
        for position, one in scene.pictures.items():
            frame = frame_of(position, clock)
            if frame in found:
                raise ExpressionError(f"there are two pictures at frame {frame}; leave one of them out")
            found[frame] = _whole(one)
    else:
        found = _spread(in_order(scene.pictures), scene)
    first = found[min(found)].file if found else ""
    again = {"file": first}
    return {frame: one.model_copy(update=again) if one.file == START else one for frame, one in found.items()}


def _whole(one: str | PinnedPicture) -> PinnedPicture:
    return PinnedPicture(file=one) if isinstance(one, str) else one


def in_order(pictures: str | list[str | PinnedPicture]) -> list[PinnedPicture]:
    """Return the pictures of a folder or a list, which say nothing of their frames, or one picture alone.

    Raises:
        UsageError: a folder has no pictures.
    """
    if isinstance(pictures, list):
        return [_whole(one) for one in pictures]
    if is_picture(pictures):
        return [PinnedPicture(file=pictures)]
    return [PinnedPicture(file=str(path)) for path in pictures_of(Path(pictures))]


def is_picture(path: str) -> bool:
    """Return whether a path or an address, by its name, is a picture and no folder of them."""
    return is_url(path) or (os.path.splitext(path)[1].lower() in PICTURES and not os.path.isdir(path))


def _spread(pictures: Sequence[PinnedPicture], scene: Scene) -> dict[int, PinnedPicture]:
    """Return pictures by frame: of stills one each, in a film evenly from its first frame to its last."""
    if scene.mode == STILL:
        return dict(enumerate(pictures[: scene.count]))
    steps = max(len(pictures) - 1, 1)
    return {round(place * (scene.count - 1) / steps): one for place, one in enumerate(pictures)}


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
    if isinstance(scene.pictures, str) and (message := _alone_fault(scene.pictures)):
        yield node, NAME, message
        return
    wrong = False
    for child, name, one, position in _written(scene, fit):
        message = "" if one.file == START else picture_file_fault(one.file)
        message = message or ("" if position is None else _position_fault(position, scene))
        if message:
            wrong = True
            yield child, name, message
    if wrong:
        return
    try:
        pinned = pinned_in(scene)
        if pinned and pinned[0].file == START:
            yield node, NAME, f"the first is '{START}', which is the first again; name a file there"
        elif message := other_end(scene, pinned):
            yield _at(scene, fit, pinned[-1].frame), NAME, message
    except (ExpressionError, UsageError) as error:
        yield node, NAME, error.message if isinstance(error, ExpressionError) else str(error)


def _written(scene: Scene, fit: Fit) -> Iterator[tuple[Node, str, PinnedPicture, Position | None]]:
    """Yield the pictures that a scene names one by one: node, dotted name, the picture and its position."""
    node, pictures = fit.nodes[NAME], scene.pictures
    if isinstance(pictures, dict):
        members = {str(key): child for key, child in node.value.items()}
        for key, one in pictures.items():
            yield members.get(str(key), node), dotted(NAME, key), _whole(one), key
    elif isinstance(pictures, list):
        for place, one in enumerate(pictures):
            yield node.value[place], dotted(NAME, place), _whole(one), None


def _at(scene: Scene, fit: Fit, frame: int) -> Node:
    """Return where the picture of a frame is written, or all of them."""
    clock = Clock(scene.count, scene.fps, scene.bpm)
    written = [(child, position) for child, _, _, position in _written(scene, fit)]
    places = (
        child for child, position in written if position is not None and frame_of(position, clock) == frame
    )
    return next(places, fit.nodes[NAME])


def _position_fault(position: Position, scene: Scene) -> str:
    try:
        frame = frame_of(position, Clock(scene.count, scene.fps, scene.bpm))
    except ExpressionError as error:
        return error.message
    return "" if frame < scene.count else f"is at frame {frame}, after the last, {scene.count - 1}"


def _alone_fault(path: str) -> str:
    """Return what is wrong with one text in place of all pictures."""
    if is_picture(path):
        return picture_file_fault(path)
    if not os.path.isdir(path):
        return f"expected a folder of pictures, a list, or a mapping from positions; no such folder: {path}"
    try:
        pictures_of(Path(path))
    except UsageError as error:
        return str(error)
    return ""


def other_end(scene: Scene, pinned: Sequence[Pinned]) -> str:
    """Return what is wrong where a film that loops ends with another picture than it begins with."""
    shown = [one for one in pinned if one.strength > 0]
    if not loop_span(scene) or not shown or shown[-1].frame != scene.count - 1:
        return ""
    if shown[0].frame == 0 and shown[0].file == shown[-1].file:
        return ""
    return (
        "the last frame is another picture than the first, but loop: true leads back to the first; "
        f"leave loop out, or have the same picture at frame 0 and at the end: {{0: a.png, {END}: {START}}}"
    )


def notice_pins(scene: Scene, fit: Fit) -> Iterator[Problem]:
    """Yield what has no effect beside pictures that a film passes through."""
    if NAME in fit.faulty or NAME not in fit.nodes or not scene.pictures:
        return
    spread = [] if isinstance(scene.pictures, dict) else in_order(scene.pictures)
    if (found := len(spread)) > scene.count:
        message = f"has {found} pictures for {counted(scene.count, 'frame')}, so that some are left out"
        yield fit.nodes[NAME].place.problem(NAME, message)
    if scene.mode != STILL and scene.diffusion.init_frames == "all":
        yield fit.nodes[NAME].key.problem(NAME, "has no effect between the pictures with init_frames: all")
    if scene.mode == STILL and scene.diffusion.keep() == 0:
        message = "stand for no step: say how many they stand for, such as diffusion.skip_steps: 50%"
        yield fit.nodes[NAME].key.problem(NAME, message)
    if scene.mode != STILL and scene.large_size is not None:
        message = (
            "hires paints these frames a second time, so that the larger film shows the pictures only nearly"
            "; output.upscale enlarges without painting"
        )
        yield fit.nodes[NAME].key.problem(NAME, message)
    yield from _idle_parts(scene, fit)
    yield from _idle_init(scene, fit)
    yield from _beside_loop(scene, fit)


def _idle_parts(scene: Scene, fit: Fit) -> Iterator[Problem]:
    """Yield parts of pictures that do nothing."""
    for node, name, one, _ in _written(scene, fit):
        given = node.value if isinstance(node.value, dict) else {}
        for part in ("strength", "over"):
            if part in given and scene.mode == STILL:
                message = (
                    "has no effect in mode still: a still begins with its picture, "
                    "and diffusion.skip_steps says how much of it stays"
                )
                yield given[part].key.problem(dotted(name, part), message)
        if one.strength == 0 and scene.mode != STILL and "strength" in given:
            message = "is 0: the film shows nothing of the picture; write more than 0, or leave it out"
            yield given["strength"].key.problem(dotted(name, "strength"), message)


def _idle_init(scene: Scene, fit: Fit) -> Iterator[Problem]:
    """Yield an init that every frame which would begin with it has a picture in place of."""
    frames = {one.frame for one in pinned_in(scene)}
    if scene.mode == VIDEO or (scene.mode != STILL and scene.diffusion.init_frames == "all"):
        return
    if not (set(range(scene.count)) <= frames if scene.mode == STILL else 0 in frames):
        return
    what = "each still begins" if scene.mode == STILL else "the film begins"
    for name in ("diffusion.init_image", "diffusion.perlin_init"):
        node = fit.nodes.get(name)
        if node is not None and getattr(scene.diffusion, name.partition(".")[2]) not in (None, "none"):
            yield node.key.problem(name, f"has no effect beside pictures: {what} with one of them")


def _beside_loop(scene: Scene, fit: Fit) -> Iterator[Problem]:
    """Yield pictures at the end of a film that leads back to its first frame by itself."""
    span = loop_span(scene)
    for one in pinned_in(scene) if span else ():
        place = _at(scene, fit, one.frame).key
        if one.frame == 0 or one.strength == 0:
            continue
        if one.frame == scene.count - 1:
            message = (
                "loop: true leads back to the first picture by itself, so that it shows twice in a row; "
                "one is enough: leave out this picture, or loop"
            )
            yield place.problem(NAME, message)
        elif one.frame >= scene.count - span:
            message = (
                f"frame {one.frame} is one of the last {span}, in which loop: true draws the film to its "
                f"first frame, and to no other picture; move it before frame {scene.count - span}"
            )
            yield place.problem(NAME, message)
