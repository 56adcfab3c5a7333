"""What a scene of ``mode: video`` takes from its footage, and its settings that stand for others.

Its length, rate and size are those of the footage where the scene does not say them. `video.steps` and its
like take the places of the settings that they stand for before anything is looked at, so that one name is
left for each setting and a scene written out in full reads back the same.
"""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from animator.errors import Problem, UsageError
from animator.scene.fit import Fit
from animator.scene.nodes import Node
from animator.settings.base import FASTEST, SLOWEST
from animator.settings.scene import MAX_FRAMES, SIZE_STEP, Scene
from animator.system.file_names import file_fault

if TYPE_CHECKING:
    from animator.video.footage import Footage

STANDS_FOR = {
    "video.steps": "diffusion.steps",
    "video.skip_steps": "coherence.frames_skip_steps",
    "video.frames_scale": "coherence.frames_scale",
    "video.clip_guidance_scale": "guidance.clip_guidance_scale",
    "video.tv_scale": "guidance.tv_scale",
    "video.range_scale": "guidance.range_scale",
    "video.sat_scale": "guidance.sat_scale",
}
"""Settings of `video`, and those whose places they take in mode video."""

INIT, START, END, NTH = "video.init", "video.start", "video.end", "video.extract_nth_frame"
RATE = "video.fps"
SELECTION = frozenset({"video", INIT, START, END, NTH, RATE})
"""Settings that tell which footage it is."""

UNSEEN = 0.005
"""Share by which a film may be faster or slower than its footage without a notice: 29.97 and 30 are one."""

LARGEST_SIDE = 512
"""Pixels of the longer side of a film whose `size` is left out: a film of a telephone at its own size would
take a laptop hours a second."""

PICTURES_RATE = 12.0
"""Pictures of a folder that go by in a second where the scene does not say `fps`."""


def in_their_places(root: Node) -> tuple[Node, dict[str, str], list[Problem]]:
    """Put the settings of `STANDS_FOR` where they count.

    Args:
        root: the scene, all layers laid over one another.

    Returns:
        In mode video the scene without them in `video`, else the scene as it is; by the name of each setting
        that was replaced the name that the user wrote; and a notice of every value that gave way.
    """
    mode, video = root.value.get("mode"), root.value.get("video")
    if mode is None or mode.value != "video" or video is None or not isinstance(video.value, dict):
        return root, {}, []
    members, kept = dict(root.value), dict(video.value)
    written: dict[str, str] = {}
    notices = []
    for name, other in STANDS_FOR.items():
        key = name.partition(".")[2]
        section, _, setting = other.partition(".")
        target = members.get(section, Node(None, video.place, video.key))
        if key not in kept or not isinstance(target.value, dict | None):
            continue
        node = kept.pop(key)
        if node.value is None:
            continue
        inner = dict(target.value or {})
        if setting in inner and inner[setting].value is not None:
            notices.append(inner[setting].key.problem(other, f"has no effect in mode video beside {name}"))
        inner[setting] = node
        members[section] = dataclasses.replace(target, value=inner)
        written[other] = name
    members["video"] = dataclasses.replace(video, value=kept)
    return dataclasses.replace(root, value=members), written, notices


def as_written(problems: Iterable[Problem], written: Mapping[str, str]) -> list[Problem]:
    """Return problems under the names that the user wrote; see `in_their_places`.

    >>> as_written([Problem("is 0", "diffusion.steps")], {"diffusion.steps": "video.steps"})[0].key
    'video.steps'
    """
    renamed = []
    for problem in problems:
        setting = ".".join(problem.key.split(".")[:2])  # in a mapping a key follows
        name = written.get(setting, setting) + problem.key[len(setting) :]
        renamed.append(dataclasses.replace(problem, key=name))
    return renamed


def open_footage_of(scene: Scene) -> Footage:
    """Return the footage of a scene of mode video.

    Raises:
        UsageError: it is gone, or no longer what it was when the scene was read.
        ValueError: the scene names none.
    """
    video = scene.video
    if video.init is None:
        raise ValueError("the scene has no footage")
    return _opened(video.init, video.start, video.end, video.extract_nth_frame, scene.fps, video.fps)


def find_footage(data: Mapping[str, Any], fit: Fit) -> Footage | None:
    """Return the footage of a scene, or None in another mode and where a fault of it is noted in ``fit``.

    Args:
        data: the scene's sound values.
        fit: its tree held against the schema.
    """
    if data.get("mode") != "video" or not fit.faulty.isdisjoint(SELECTION):
        return None
    video = data.get("video", {})
    path, start, end = video.get("init"), video.get("start", 0.0), video.get("end")
    if path is None:
        message = "missing: mode video needs footage; name it, such as video: {init: clip.mp4}"
        fit.report(fit.nodes["mode"], INIT, message)
        return None
    if not path.strip():
        fit.report(fit.nodes[INIT], INIT, "expected the path of a film or of a folder of pictures, found ''")
        return None
    if not os.path.isdir(path) and (fault := file_fault(path, net=False)):
        fit.report(fit.nodes[INIT], INIT, fault)
        return None
    if end is not None and end <= start:
        fit.report(fit.nodes[END], END, f"must be later than start, which is {start:g}, found {end:g}")
        return None
    every, fps, rate = int(video.get("extract_nth_frame", 1)), data.get("fps"), video.get("fps")
    if isinstance(rate, str) and not _is_rate(rate):
        fit.report(fit.nodes[RATE], RATE, f"expected a rate from 0.01 to 1000, found '{rate}'")
        return None
    try:
        return _opened(path, start, end, every, fps, rate)
    except UsageError as error:
        name = _at_fault(path, every, fps, rate, fit)
        fit.report(fit.nodes[name], name, str(error))
        return None


def _is_rate(text: str) -> bool:
    over, under = map(int, text.split("/"))
    return under > 0 and SLOWEST * under <= over <= 1000 * under


def _opened(
    path: str, start: float, end: float | None, every: int, fps: float | None, rate: float | str | None
) -> Footage:
    # Imported here because most scenes have no footage and their check shall be quick.
    from animator.video.footage import open_footage

    # A folder has no rate of its own: its seconds are the film's.
    pictures_rate = PICTURES_RATE if fps is None else fps * every
    more = {} if rate is None else {"fps": rate}
    return open_footage(Path(path), start=start, end=end, every=every, fps_of_pictures=pictures_rate, **more)


def _at_fault(path: str, every: int, fps: float | None, rate: float | str | None, fit: Fit) -> str:
    """Return which setting is to blame for footage that cannot be opened: the range, if the whole can be."""
    ranged = [name for name in (START, END) if name in fit.nodes]
    if ranged:
        try:
            _opened(path, 0.0, None, every, fps, rate)
        except UsageError:
            return INIT
    return ranged[0] if ranged else INIT


def take_rate_and_size(data: dict[str, Any], footage: Footage, fit: Fit) -> list[Problem]:
    """Fill in the rate and the size of a scene that does not say them, from its footage.

    Args:
        data: the scene's sound values, which are altered.
        footage: its footage.
        fit: its tree held against the schema.

    Returns:
        Notices of what is not read as it is, and where the film is of another size or speed than the footage.
    """
    # Imported here as in `_opened`.
    from animator.video.footage_notes import notes_of

    notices = [fit.nodes[INIT].place.problem(INIT, note) for note in notes_of(footage)]
    if "fps" in data:
        notices += _speed(float(data["fps"]), footage, fit)
    elif not SLOWEST <= footage.fps <= FASTEST:
        message = f"leaves {float(footage.fps):.6g} frames a second, expected {SLOWEST:g} to {FASTEST:g}"
        name = NTH if NTH in fit.nodes else INIT
        fit.report(fit.nodes[name], name, f"{message}; write fps, such as fps: 12")
        data["fps"] = PICTURES_RATE
    data.setdefault("fps", float(footage.fps))
    notices += _sound(data, footage, fit)
    return [*notices, *_take_size(data, footage, fit)]


def _speed(fps: float, footage: Footage, fit: Fit) -> list[Problem]:
    """Return a notice of a film that does not run as fast as its footage."""
    change = fps / float(footage.fps)
    if abs(change - 1) < UNSEEN:
        return []
    read = f", or write video.fps: {fps * footage.every:g}," if fps * footage.every <= 1000 else ""
    message = (
        f"the footage gives {float(footage.fps):.6g} frames a second, so the film runs {change:.4g} times as "
        f"fast as it; leave fps out{read} to keep its speed"
    )
    return [fit.nodes["fps"].place.problem("fps", message)]


def _sound(data: Mapping[str, Any], footage: Footage, fit: Fit) -> list[Problem]:
    """Return a notice of sound of the footage that the film cannot have."""
    from animator.video.footage_notes import note_of_sound, too_fast_for_sound

    if not data.get("video", {}).get("sound", True) or data.get("output", {}).get("audio") is not None:
        return []
    place = fit.nodes[INIT].place
    if note := note_of_sound(footage):
        return [place.problem(INIT, note)]
    change = float(data["fps"]) / float(footage.fps)
    if not too_fast_for_sound(change):
        return []
    message = f"the film runs {change:.4g} times as fast as the footage, whose sound is left out"
    return [place.problem("video.sound", f"{message}; name another as output.audio")]


def _take_size(data: dict[str, Any], footage: Footage, fit: Fit) -> list[Problem]:
    """Fill in the size of a scene that does not say it, and return a notice where it is not the footage's."""
    if "size" in fit.nodes:
        return []
    data["size"] = size_for(footage.width, footage.height)
    width, height = data["size"]
    if (width, height) == (footage.width, footage.height):
        return []
    message = (
        f"left out, so {width} x {height}, for footage of {footage.width} x {footage.height}; "
        "the larger the slower: write size: [width, height] for another"
    )
    return [fit.nodes[INIT].place.problem("size", message)]


def size_for(width: int, height: int) -> tuple[int, int]:
    """Return the size of a film of footage: in proportion, not larger than `LARGEST_SIDE`, as a scene's are.

    >>> size_for(1920, 1080), size_for(1080, 1920), size_for(200, 130), size_for(2000, 30)
    ((512, 256), (256, 512), (192, 128), (512, 64))
    """
    longer = max(width, height)
    within = min(longer, LARGEST_SIDE)
    sides = (side * within // longer for side in (width, height))
    across, down = (max(side - side % SIZE_STEP, SIZE_STEP) for side in sides)
    return across, down


def take_length(data: dict[str, Any], footage: Footage, fit: Fit) -> list[Problem]:
    """Give a scene the length of its footage, if it does not ask for less.

    Args:
        data: the scene's sound values, which are altered; its length is a number of frames.
        footage: its footage.
        fit: its tree held against the schema.

    Returns:
        A notice, where the scene asks for more, or the footage is longer than a film can be.
    """
    asked, there = data.get("frames"), footage.frames
    data["frames"] = int(min(asked or MAX_FRAMES, there))
    if asked is not None and asked > there:
        message = f"{asked:g} are more than the footage gives; the film has its {there}"
        return [fit.nodes["frames"].place.problem("frames", message)]
    if asked is None and there > MAX_FRAMES:
        message = f"the footage gives {there}, a film can have {MAX_FRAMES}; it ends there"
        return [fit.nodes[INIT].place.problem("frames", message)]
    return []
