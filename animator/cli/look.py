"""The verbs that look at a scene before it is rendered: ``preview``, ``plot``, ``frame``, `plan --probe`."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from animator.cli.shared import Debug, Device, OneScene, Settings, guarded, show_notices, with_device
from animator.errors import UsageError

if TYPE_CHECKING:
    import numpy as np

    from animator.scene.reading import LoadedScene


def add_look(app: typer.Typer) -> None:
    """Add the verbs to the program's."""
    for verb in (preview, plot, frame):
        app.command()(guarded(verb))


def preview(
    scene: OneScene,
    out: Annotated[
        Path | None, typer.Option("--out", "-o", help="The film, in place of <scene>-preview.mp4 here.")
    ] = None,
    size: Annotated[int, typer.Option("--size", min=64, max=1920, help="Width of the picture.")] = 384,
    settings: Settings = None,
    debug: Debug = False,
) -> None:
    """Fly a test picture along the camera's path: the motion as a film, in seconds, without a network."""
    loaded = _read(scene, settings)
    from animator.look.preview import preview as written

    print(written(loaded, out, size, _shown))


def plot(
    scene: OneScene,
    out: Annotated[
        Path | None, typer.Option("--out", "-o", help="The picture, in place of <scene>-plot.png here.")
    ] = None,
    settings: Settings = None,
    debug: Debug = False,
) -> None:
    """Draw all curves, the prompts and the frames that are diffused as one picture."""
    loaded = _read(scene, settings)
    from animator.look.plot import plot as drawn
    from animator.runs.files import write_atomic
    from animator.runs.names import folder_name

    path = out or Path(f"{folder_name(loaded.name)}-plot.png")
    if path.suffix.lower() != ".png" or not path.parent.is_dir():
        raise UsageError(f"--out: {path}: name a picture that ends in .png, in a folder that exists")
    write_atomic(path, drawn(loaded, _sounds(loaded)))
    print(path)


def frame(
    scene: OneScene,
    number: Annotated[
        int, typer.Argument(help="Number of the frame, from 0.", metavar="N", show_default=False)
    ],
    dump: Annotated[Path, typer.Option("--dump", help="The folder for the files.", show_default=False)],
    run: Annotated[
        Path | None, typer.Option("--run", help="A run of the scene, to start from its saved states.")
    ] = None,
    device: Device = None,
    settings: Settings = None,
    debug: Debug = False,
) -> None:
    """Make one frame and write what each step made of it as files."""
    loaded = _read(scene, with_device(settings, device))
    from animator.look.dump import dump_frame

    with tempfile.TemporaryDirectory(prefix="animator-") as scratch:
        dump_frame(loaded, number, dump, Path(scratch), run, _told)
    print(dump)


def plan_more(loaded: LoadedScene, *, probe: bool) -> str:
    """Return what ``plan`` reports of the work of a scene; with ``probe`` a few steps are really taken."""
    from animator.look.work import work_text

    text = work_text(loaded)
    if not probe:
        return text
    from animator.look.probe import probe_text

    return f"{text}\n\n{probe_text(loaded)}"


def print_fitting(loaded: LoadedScene, gpu: str) -> None:
    """Print whether a scene fits a GPU, and the most that does, as it is found."""
    from animator.memory.gpus import gpu_named

    card = gpu_named(gpu)
    from animator.memory.fitting import fitting_lines

    for line in fitting_lines(loaded, card):
        print(line, flush=True)


def _sounds(loaded: LoadedScene) -> dict[str, np.ndarray]:
    """Return how loud a scene's sound is at every frame; empty without one."""
    from animator.keyframes import Clock
    from animator.scene.sound_reading import heard

    scene = loaded.scene
    if scene.output.audio is None:
        return {}
    clock = Clock(scene.count, scene.fps, scene.bpm)
    return dict(heard(Path(scene.output.audio), scene.output.audio_start, clock))


def _read(scene: Path, settings: list[str] | None) -> LoadedScene:
    from animator.importing.opening import open_scene

    loaded = open_scene(scene, settings or ())
    show_notices(loaded.notices)
    return loaded


def _shown(done: int, total: int) -> None:
    """Show a number that counts up, in a terminal only."""
    if sys.stderr.isatty():
        print(f"\rframe {done}/{total}", end="\n" if done == total else "", file=sys.stderr, flush=True)


def _told(line: str) -> None:
    print(line, file=sys.stderr, flush=True)
