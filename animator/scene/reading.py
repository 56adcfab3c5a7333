"""From a scene file to a checked scene and its timeline, or to every fault that it has."""

from __future__ import annotations

import dataclasses
import os
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from animator.errors import ExpressionError, Problem, SceneError
from animator.keyframes import Clock, Timeline, build_timeline
from animator.scene.camera_path import with_camera_path
from animator.scene.carried import NAME, NUMBER, SCENE, carried
from animator.scene.checks import check_scene
from animator.scene.curves import compile_curves
from animator.scene.cut_notices import notice_cut
from animator.scene.defaults import with_defaults_of_mode
from animator.scene.drawn_prompts import Templates, draw_prompts
from animator.scene.fit import Fit, build_scene, fit_section
from animator.scene.footage_reading import (
    SELECTION,
    as_written,
    find_footage,
    in_their_places,
    take_length,
    take_rate_and_size,
)
from animator.scene.foreign_file import refuse_foreign, refuse_unread
from animator.scene.layers import COMMAND_LINE, override, read_layers, spelt
from animator.scene.loosened import loosened, notice_arrival
from animator.scene.nodes import Node, Place
from animator.scene.notices import notice_scene
from animator.scene.prompts import compile_prompts
from animator.scene.region_forms import without_emptied
from animator.scene.rooted import PATHS, rooted
from animator.scene.seeds import counted
from animator.scene.sound_reading import sounds_of
from animator.scene.source import MAX_BYTES, parse, read_piped, too_large
from animator.scene.video_checks import check_audio, check_video, notice_codec
from animator.scene.words import found, short
from animator.settings.scene import MAX_FRAMES, Scene, scene_schema

_STAND_IN_BPM = 120.0

PIPED = "-"
"""In the place of a file: the scene is read from the standard input."""

PIPED_NAME = "stdin"
"""What such a scene is called."""


@dataclass(frozen=True)
class LoadedScene:
    """A scene that was read and can be rendered.

    Attributes:
        scene: every setting; paths in it are absolute, the seed is drawn.
        timeline: every animated number at every frame, by its dotted name; a share from 0 to 1 is
            ``coherence.frames_skip_steps``. In mode still a row is a picture.
        notices: what is not wrong but may not be meant, sorted by place.
        source: the scene file, or the picture that carries the scene.
        only: numbers of the stills to make; empty: all of them.
        title: name of the scene where it is not that of the file.
        places: where settings that name files are written, by dotted name.
        templates: its prompts before the choices in them were drawn; None where there are none.
        study: what the scene says under ``study``, unchecked; `animator.study` reads it.
        seed_drawn: whether the scene gives no seed, so that one was drawn.
    """

    scene: Scene
    timeline: Timeline
    notices: tuple[Problem, ...]
    source: Path
    only: tuple[int, ...] = ()
    title: str = ""
    places: Mapping[str, Place] = field(default_factory=dict)
    templates: Templates | None = None
    study: Node | None = None
    seed_drawn: bool = False

    @property
    def name(self) -> str:
        """What the scene is called: its title, or the name of its file without the ending."""
        return (self.title or self.source.stem).encode(errors="replace").decode()


def read_scene(path: str | os.PathLike[str], overrides: Sequence[str] = ()) -> LoadedScene:
    """Read, layer, check and compile a scene file, the scene that a PNG carries, or one that is piped in.

    Paths in a scene from the standard input, ``extends`` among them, are relative to the current folder.
    Of stills, a picture asks for itself alone: its number is in ``only``.

    Args:
        path: the scene file or picture, by which messages name it, or ``-`` for the standard input.
        overrides: texts ``key.path=value`` that go over the file, the value in YAML.

    Raises:
        SceneError: with every fault that was found, sorted by place; where a file is not YAML, only that.
    """
    file = os.fspath(path)
    if file == PIPED:
        return read_layered_text(read_piped(PIPED_NAME), PIPED_NAME, overrides)
    fit = Fit(scene_schema())
    if not file.lower().endswith(".png"):
        root, problems = read_layers(Path(file), file, fit.sections)
        return _compiled(root, problems, overrides, fit, file)
    texts = carried(file)
    loaded = read_text_scene(texts[SCENE], file, overrides)
    number = texts.get(NUMBER, "")
    known = loaded.scene.mode == "still" and re.fullmatch("[0-9]{1,6}", number, re.ASCII)
    only = (int(number),) if known and int(number) < loaded.scene.count else ()
    return dataclasses.replace(loaded, only=only, title=short(texts.get(NAME, "")))


def read_layered_text(text: str, name: str, overrides: Sequence[str] = ()) -> LoadedScene:
    """Read a scene that is in no file; paths in it, `extends` among them, are relative to the current folder.

    Args:
        text: the scene.
        name: what it is called, in messages too.
        overrides: see `read_scene`.

    Raises:
        SceneError: with every fault that was found.
    """
    fit = Fit(scene_schema())
    root, problems = read_layers(Path.cwd() / name, name, fit.sections, text)
    return _compiled(root, problems, overrides, fit, name)


def read_changed(file: str, text: str, overrides: Sequence[str] = ()) -> LoadedScene:
    """Read a scene file as it would be with another text, as an editor has it before it is saved.

    Args:
        file: the scene file, by which messages name it; it need not be there.
        text: what it would hold.
        overrides: see `read_scene`.

    Raises:
        SceneError: with every fault that was found.
    """
    fit = Fit(scene_schema())
    root, problems = read_layers(Path(file), file, fit.sections, text)
    return _compiled(root, problems, overrides, fit, file)


def read_scene_made(text: str, file: str, overrides: Sequence[str] = ()) -> LoadedScene:
    """Read a scene that was made of another program's file, as if it lay in that file's place.

    Args:
        text: the scene; it may extend those that come with the program.
        file: the other program's file.
        overrides: see `read_scene`.

    Raises:
        SceneError: with every fault that was found.
    """
    fit = Fit(scene_schema())
    name = f"{file} as a scene"
    root, problems = read_layers(Path(file), name, fit.sections, text)
    return dataclasses.replace(_compiled(root, problems, overrides, fit, name), source=Path(file))


def read_text_scene(text: str, name: str, overrides: Sequence[str] = ()) -> LoadedScene:
    """Read, check and compile a scene from a text, in which ``extends`` has no meaning and is refused.

    Args:
        text: the scene; paths in it are relative to the folder of ``name``.
        name: stands for the file, in messages too.
        overrides: see `read_scene`.

    Raises:
        SceneError: with every fault that was found.
    """
    fit = Fit(scene_schema())
    if too_large(text.encode(errors="replace")):
        raise SceneError([Problem(f"has more than {MAX_BYTES} bytes, which a scene may have", "", name)])
    try:
        tree, problems = parse(text, name)
    except SceneError:
        refuse_unread(text, name)
        raise
    refuse_foreign(tree, text, name)
    if not isinstance(tree.value, dict):
        message = f"a scene is a mapping such as prompts: a sea, found {found(tree)}"
        raise SceneError([*problems, tree.place.problem("", message)])
    tree, more = spelt(tree)
    return _compiled(rooted(tree, Path(name).parent), [*problems, *more], overrides, fit, name)


def _compiled(
    root: Node, problems: Iterable[Problem], overrides: Sequence[str], fit: Fit, file: str
) -> LoadedScene:
    """Lay ``overrides`` over a scene, check it and compile it; ``problems`` are the faults so far."""
    root, more = override(root, overrides)
    root, study = without_study(without_emptied(root))
    root = rooted(root, Path.cwd())  # a path from the command line is relative to where it was typed
    root, written, noticed = in_their_places(without_texts(counted(with_defaults_of_mode(root))))
    early = [*problems, *more]
    for problem in early:
        fit.add(problem)
    scene, notices = _fitted(root, fit)
    clock, sure = _clock(scene, fit)
    scene, templates, word_notices = draw_prompts(scene, fit, clock)
    notices += word_notices
    values, curve_notices = compile_curves(scene, fit, clock, sure, sounds_of(scene, fit, clock))
    # A scene that others are laid over may be longer than they are.
    notices += [one for one in curve_notices if one.file in (file, COMMAND_LINE)]
    values, path_notices = with_camera_path(scene, values, fit, clock)
    notices += path_notices
    notices += notice_cut(root)
    prompts, prompt_notices = compile_prompts(scene, fit, clock, sure)
    check_scene(scene, values, fit, sure)
    check_video(scene, fit)
    notices += [*_once(prompt_notices), *check_audio(scene, fit), *notice_codec(scene, fit)]
    if fit.problems or prompts is None:
        # What is wrong inside of what has a tag, or is given twice, follows from that.
        inside = tuple(f"{problem.key}." for problem in early if problem.key)
        faults = [problem for problem in fit.problems if not problem.key.startswith(inside)]
        notices = [*noticed, *as_written(notices, written)]
        raise SceneError(by_place(as_written(faults, written), file), by_place(notices, file))
    loose = loosened(scene, values, prompts)
    notices += notice_scene(scene, values, fit, own=(file, COMMAND_LINE))
    notices += notice_arrival(scene, loose, prompts, fit)
    notices = [*noticed, *as_written(notices, written)]
    timeline = build_timeline(loose, prompts, clock)
    files = {name: fit.nodes[name].place for name in map(".".join, PATHS) if name in fit.nodes}
    return LoadedScene(
        scene,
        timeline,
        tuple(by_place(notices, file)),
        Path(file),
        places=files,
        study=study,
        templates=templates,
        seed_drawn="seed" not in fit.nodes,
    )


def _once(notices: Iterable[Problem]) -> list[Problem]:
    """Return notices without those that say the same of a place as another: of prompts drawn from it."""
    return list({(one.file, one.line, one.column, one.message): one for one in reversed([*notices])}.values())


def read_study(path: str | os.PathLike[str], text: str | None = None) -> Node | None:
    """Return what a scene file says under ``study``, where it can be read; nothing is checked.

    Args:
        path: the scene file.
        text: the scene, where it is in no file; None to read it.
    """
    file = os.fspath(path)
    try:
        root, _ = read_layers(Path(file), file, Fit(scene_schema()).sections, text)
    except SceneError:  # whoever reads the scene itself reports it
        return None
    return without_study(root)[1]


def without_study(root: Node) -> tuple[Node, Node | None]:
    """Return a scene without its ``study``, which is about no picture of its own, and the study."""
    members = dict(root.value)
    study = members.pop("study", None)
    return dataclasses.replace(root, value=members), study


def without_texts(root: Node) -> Node:
    """Return a scene whose prompts are empty where it says nothing of them, but has pictures as prompts."""
    texts, pictures = root.value.get("prompts"), root.value.get("image_prompts")
    if pictures is None or not pictures.value or (texts is not None and texts.value is not None):
        return root
    return dataclasses.replace(root, value={**root.value, "prompts": Node([], pictures.place, pictures.key)})


def by_place(problems: Iterable[Problem], file: str) -> list[Problem]:
    """Return problems in the order of a reader: ``file`` first, by line and column, none twice."""
    unique = dict.fromkeys(problems)
    return sorted(unique, key=lambda one: (one.file != file, one.file, one.line, one.column))


def _fitted(root: Node, fit: Fit) -> tuple[Scene, list[Problem]]:
    """Return the scene of a tree, completed from its footage, and notices of what came of that."""
    data = fit_section(root, fit.schema, fit)
    footage = find_footage(data, fit)
    notices = take_rate_and_size(data, footage, fit) if footage else []
    for name, least in (("frames", 1), ("prompt_blend", 0)):
        if isinstance(data.get(name), str):
            _to_frames(name, least, data, fit)
    notices += take_length(data, footage, fit) if footage else []
    return build_scene(data, fit, root), notices


def _to_frames(name: str, least: int, data: dict[str, Any], fit: Fit) -> None:
    """Turn a length of time into a number of frames, at least ``least``, in place."""
    text = data.pop(name)
    if not {"fps", "bpm"}.isdisjoint(fit.faulty):
        return
    fps, bpm = float(data.get("fps", Scene.model_fields["fps"].default)), data.get("bpm")
    try:
        frames = Clock(1, fps, bpm).key(text)
    except ExpressionError as error:
        fit.report(fit.nodes[name], name, error.message)
        return
    if least <= frames <= MAX_FRAMES:
        data[name] = frames
    else:
        message = (
            f"{text.strip()} at {fps:g} frames a second is {frames} frames, expected {least} to {MAX_FRAMES}"
        )
        fit.report(fit.nodes[name], name, message)


def _clock(scene: Scene, fit: Fit) -> tuple[Clock, bool]:
    """Return the clock of a scene, and whether it is really the scene's and not made of defaults."""
    deciding = {"frames", "fps", "bpm", "mode", "images"} | (SELECTION if scene.mode == "video" else set())
    faulty = deciding & fit.faulty
    bpm = _STAND_IN_BPM if "bpm" in faulty else scene.bpm
    return Clock(scene.count, scene.fps, bpm), not faulty
