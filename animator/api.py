"""What a program of one's own calls: the same scenes, checks, renders and bytes as on the command line.

::

    import animator

    film = animator.render("scene.yaml", {"fps": 24}, out="renders/mine")
    for picture in animator.frames({"prompts": "a castle at night", "frames": 12, "mode": "2d"}):
        picture.image.show()

Everything here raises an `animator.errors.AnimatorError` whose text is for people: a `SceneError` holds every
fault of a scene with its place.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from animator.importing.opening import open_scene
from animator.scene.reading import LoadedScene, read_layered_text
from animator.scene.written import yaml_text

if TYPE_CHECKING:
    import numpy as np
    from PIL.Image import Image

    from animator.run.cancel import Cancel
    from animator.run.reporter import Reporter

Scene = str | os.PathLike[str] | Mapping[str, Any] | LoadedScene
"""A scene file, a picture that carries its scene, another program's settings file, the tree of a scene as in
YAML, or what `load` returns."""


@dataclass(frozen=True)
class Picture:
    """A finished frame of a film, or a finished still.

    Attributes:
        number: its number, from 0.
        pixels: H x W x 3 bytes in RGB.
        seed: what its randomness follows from.
        notes: what happened to it that one should know, such as that it was painted again.
    """

    number: int
    pixels: np.ndarray
    seed: int
    notes: tuple[str, ...] = ()

    @property
    def image(self) -> Image:
        """The picture as Pillow has it."""
        from PIL import Image

        return Image.fromarray(self.pixels)


def load(scene: Scene, settings: Mapping[str, Any] | None = None) -> LoadedScene:
    """Read and check a scene, without loading a network.

    Args:
        scene: see `Scene`. Paths in a tree are relative to the current folder, and `extends` works in it.
        settings: values over the scene's, by dotted name: ``{"diffusion.steps": 20}``.

    Raises:
        SceneError: with every fault that was found.
        ValueError: settings over a scene that was loaded already.
    """
    if isinstance(scene, LoadedScene):
        if settings:
            raise ValueError("settings go over a scene when it is read; give load() the scene itself")
        return scene
    over = [f"{name}={yaml_text(value)}" for name, value in (settings or {}).items()]
    if isinstance(scene, Mapping):
        return read_layered_text(yaml_text(dict(scene), flow=False), "scene", over)
    return open_scene(scene, over)


def render(
    scene: Scene,
    settings: Mapping[str, Any] | None = None,
    *,
    out: str | os.PathLike[str] | None = None,
    reporter: Reporter | None = None,
    cancel: Cancel | None = None,
) -> Path:
    """Render a scene and return the path of the film, or of the folder of the stills.

    Args:
        scene: see `Scene`.
        settings: see `load`.
        out: the run folder; a run that is there is resumed, and only what changed is made. Without it, a new
            folder under ``renders/``.
        reporter: an `animator.Reporter`, which receives the progress of the render.
        cancel: an `animator.Cancel`, by which another thread stops it.

    Raises:
        AnimatorError: see `animator.errors`; `Interrupted` when it was stopped, and can be resumed.
    """
    from animator.run.render import render_scene
    from animator.run.reporter import Reporter as Silent

    return render_scene(
        load(scene, settings), reporter or Silent(), out=None if out is None else Path(out), cancel=cancel
    )


def resume(
    run: str | os.PathLike[str],
    *,
    device: str | None = None,
    reporter: Reporter | None = None,
    cancel: Cancel | None = None,
) -> Path:
    """Resume a run that was stopped, and return what `render` returns.

    Args:
        run: the run folder.
        device: where its networks run from now on: cpu, cuda, cuda:1, mps, auto.
        reporter: see `render`.
        cancel: see `render`.
    """
    from animator.run.render import resume_run
    from animator.run.reporter import Reporter as Silent

    return resume_run(Path(run), reporter or Silent(), device=device, cancel=cancel)


def frames(scene: Scene, settings: Mapping[str, Any] | None = None) -> Iterator[Picture]:
    """Paint the frames of a film, or stills, one by one, each when it is asked for; nothing is kept.

    The pictures are those that `render` saves. The scene is read, and its networks are loaded, before this
    returns.

    Args:
        scene: see `Scene`.
        settings: see `load`.

    Raises:
        AnimatorError: see `animator.errors`.
    """
    from animator.run.sources import gather
    from animator.run.tools import load_tools

    loaded = load(scene, settings)
    sources = gather(loaded)
    sources.try_all()
    return _painted(loaded, sources, load_tools(loaded, sources))


def _painted(loaded: LoadedScene, sources: Any, tools: Any) -> Iterator[Picture]:
    from animator.film.loop import Listener
    from animator.run.dispatch import frames_left
    from animator.run.job import job_of
    from animator.run.plan import ResumePlan, gaps_of
    from animator.runs import RunFolder
    from animator.system.convert import frame_to_uint8

    with tempfile.TemporaryDirectory(prefix="animator-") as scratch:
        job = job_of(RunFolder(Path(scratch)), loaded, sources, tools)
        gaps = gaps_of(job.run, job.numbers, job.inputs, frozenset(), still=job.still)
        for one in frames_left(job, ResumePlan(job.numbers, {}, frozenset(), gaps), Listener()):
            yield Picture(one.frame, frame_to_uint8(one.picture), one.seed, one.notes)
